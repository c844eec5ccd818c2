"""Enrico: which of twenty design topics does a screen of a mobile app have? (Leiva et al. 2020)"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hemm.core import BadData, Card, Layout, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import table_rows
from hemm.data.sources.kinds import File, Http, reading
from hemm.parsing.formats import OneOf
from hemm.tasks._classes import class_sample
from hemm.tasks.hci._screens import screen_id

TOPICS = {
    "bare": "hardly anything on it",
    "calculator": "numbers are entered",
    "camera": "takes pictures",
    "chat": "people write to each other",
    "editor": "a text or a picture is edited",
    "form": "fields to fill in",
    "gallery": "a grid of pictures",
    "list": "items one below the other",
    "login": "asks for an account",
    "maps": "a map",
    "mediaplayer": "plays music or video",
    "menu": "a list of choices at the side or on top",
    "modal": "a small window over the screen",
    "news": "headlines with pictures and a few words",
    "other": "none of these",
    "profile": "facts about a person or a product",
    "search": "looks for something",
    "settings": "switches of the app",
    "terms": "conditions of use",
    "tutorial": "introduces the app",
}
"""Topic as the table has it -> what it means, in our words."""

LABELS = {topic: "media player" if topic == "mediaplayer" else topic for topic in TOPICS}
TABLE = "design_topics.csv"
PLACES = ("screenshots", ".")


def read(folder: Path, tenth: bool = False) -> Iterator[Sample]:
    """All screens of the table; ``tenth``: the last tenth after Python's shuffle of its rows with seed 0."""
    rows = list(table_rows(folder / TABLE, ("screen_id", "topic")))
    if tenth:
        random.Random(0).shuffle(rows)
        rows = rows[-len(rows) // 10 :]  # rounded up
    pictures = FileFinder(folder, PLACES)
    for where, row in rows:
        topic = row["topic"].lower().replace(" ", "")
        if topic not in LABELS:
            raise BadData(f"{where}: field 'topic' is {row['topic']!r}, none of the {len(LABELS)} topics")
        screen = screen_id(row["screen_id"], where)
        yield class_sample(screen, pictures.at(screen), topic, LABELS)


CARD = Card(
    title="Enrico",
    citation="Leiva, Hota, Oulasvirta. Enrico: A High-quality Dataset for Topic Modeling of Mobile UI "
    "Designs. MobileHCI 2020 Adjunct.",
    homepage="https://github.com/luileito/enrico",
    licence="MIT",
    access="open",
    size="0.1 GB",
    splits={"all": 1460},
    labels=dimension_labels("hci", "uniqueness", "querying"),
    notes="All 1,460 screens are asked: the data set has no split of its own, and some topics have fewer "
    "than ten screens. The table's 'calculator' is called Dialer in the data set's README. enrico:hemm is "
    "the HEMM paper's part: the rows of the table shuffled by Python's random.shuffle with seed 0, the "
    "last tenth of them (146). The draw behind the paper's 100 samples is not known.",
)
FILES = (
    File("http://userinterfaces.aalto.fi/enrico/resources/screenshots.zip", unpack="."),
    File("https://raw.githubusercontent.com/luileito/enrico/master/design_topics.csv", name=TABLE),
)
MEANINGS = "\n".join(f"- {LABELS[topic]}: {meaning}" for topic, meaning in TOPICS.items())


SOURCES = (Http(FILES, Layout((TABLE,), partial(read, tenth=False)), ids="screen_id"),)

TASK = Task(
    name="enrico",
    card=CARD,
    sources=SOURCES,
    prompt=(
        "{{ image }}This is a screen of a mobile app. The design topics are:\n"
        f"{MEANINGS}\n"
        "Which topic does the screen have? {{ instruction }}"
    ),
    answer=OneOf(LABELS, lettered=False),
    metrics=("accuracy", "macro_f1", "bartscore"),
    max_new_tokens=16,
).with_variant("hemm", sources=reading(SOURCES, tenth=True), splits={"part": 146})
