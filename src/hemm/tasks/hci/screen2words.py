"""Screen2Words: what is a screen of a mobile app about, in one sentence? (Wang et al. 2021)"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from hemm.core import BadData, Card, Layout, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import media_of, table_rows, texts_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub, in_folders, reading
from hemm.parsing.formats import Caption
from hemm.tasks.hci._screens import screen_id

TABLE, TEST, TRAIN = "screen_summaries.csv", "split/test_screens.txt", "split/train_screens.txt"
PLACES = (
    *("unique_uis/combined", "combined", "."),
    *("../unique_uis/combined", "../combined", "../screen2wordsimages/unique_uis/combined"),
)
"""Where RICO's screenshots lie, seen from the folder with the table: in it or beside it."""
SHOTS = 100


def read_original(folder: Path, top: str, last: bool) -> Iterator[Sample]:
    """The test split, and as shots the first screens of train where its list is there; ``top`` holds the
    table.

    ``last`` keeps only the last summary of each screen. The table is read once; only summaries
    of these screens are kept.
    """
    root = folder / top
    wanted = {screen: ("test", where) for where, screen in _listed(root / TEST)}
    if (root / TRAIN).is_file():
        for where, screen in islice(_listed(root / TRAIN), SHOTS):
            wanted.setdefault(screen, ("shots", where))
    summaries: dict[str, list[str]] = {screen: [] for screen in wanted}
    for where, row in table_rows(root / TABLE, ("screenId", "summary")):
        known = summaries.get(screen_id(row["screenId"], where))
        if known is not None and row["summary"]:
            known.append(row["summary"])
    pictures = FileFinder(root, PLACES)
    for screen, (split, where) in wanted.items():
        if not summaries[screen]:
            raise BadData(f"{where}: screen {screen} has no summary in {root / TABLE}")
        yield Sample(
            id=screen,
            media=(pictures.at(screen),),
            references=_references(summaries[screen], last),
            split=split,
        )


def _listed(file: Path) -> Iterator[tuple[str, str]]:
    """(file and line, screen) of a list with one screen a line."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadData(f"{file} is not UTF-8") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{file}, line {number}"
            yield where, screen_id(line, where)


def read_hub(folder: Path, last: bool) -> Iterator[Sample]:
    """The hub copy: the same screens and summaries in Parquet files."""
    columns = ("screenId", "captions", "image")
    rows = hub_rows(folder / "data", "test", shots="train", columns=columns, shots_limit=SHOTS)
    for split, where, row in rows:
        captions = texts_of(row, "captions", where)
        if not captions:
            raise BadData(f"{where}: field 'captions' has no summary")
        yield Sample(
            id=screen_id(row["screenId"], where),
            media=(media_of(row, "image", where),),
            references=_references(captions, last),
            split=split,
        )


def _references(summaries: list[str], last: bool) -> tuple[str, ...]:
    return (summaries[-1],) if last else tuple(summaries)


CARD = Card(
    title="Screen2Words",
    citation="Wang, Li, Zhou, Chen, Grossman, Li. Screen2Words: Automatic Mobile UI Summarization with "
    "Multimodal Learning. UIST 2021.",
    homepage="https://github.com/google-research-datasets/screen2words",
    licence="CC-BY-4.0 (summaries); terms of RICO (pictures)",
    access="open",
    size="0.5 GB (hub), 6 GB (original)",
    splits={"test": 4310, "dev": 2364, "train": 15743},
    labels=dimension_labels("hci", "uniqueness", "translation"),
    notes="All five summaries of a screen are references. screen2words:hemm is the HEMM paper's form: the "
    "last summary only. The draw behind the paper's 100 samples is not known.",
)
RAW = "https://raw.githubusercontent.com/google-research-datasets/screen2words/HEAD"
FILES = (
    *(File(f"{RAW}/{name}", name=name) for name in (TABLE, TEST, TRAIN)),
    File(
        "https://storage.googleapis.com/crowdstf-rico-uiuc-4540/rico_dataset_v0.1/unique_uis.tar.gz",
        unpack="unique_uis",
    ),
)


SOURCES: tuple[Hub | Http, ...] = (
    Hub(
        ("rootsautomation/RICO-Screen2Words",),
        Layout(("data/test-*.parquet",), partial(read_hub, last=False)),
        split="test",
        shots="train",
        ids="screenId",
    ),
    *in_folders(
        partial(Http, FILES, ids="screenId"),
        ("", "screen2words/"),
        (TABLE, TEST),
        partial(read_original, last=False),
    ),
)

TASK = Task(
    name="screen2words",
    card=CARD,
    sources=SOURCES,
    prompt=(
        "{{ image }}This is a screen of a mobile app. Say in a few words what it shows and what it is "
        "for. {{ instruction }}"
    ),
    answer=Caption(),
    metrics=("cider_d", "bleu", "rouge_l", "bartscore"),
    max_new_tokens=48,
).with_variant("hemm", sources=reading(SOURCES, last=True))
