"""ScienceQA: school questions with lettered choices, about half of them with a picture. (Lu et al. 2022)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, json_items, json_value, list_of, row_id, text_of, whole_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub, in_folders
from hemm.parsing.formats import OneOf

SUBJECTS = {"natural science": "NAT", "social science": "SOC", "language science": "LAN"}
FACTS = ("grade", "topic", "category", "skill", "task")
SHOTS = 300


def read_original(folder: Path, top: str = "", pictures_only: bool = True) -> Iterator[Sample]:
    """``problems.json``: the test split, and as shots some of train where its pictures are there."""
    root = folder / top
    places = {split: _place(root, split) for split in ("test", "train")}
    rows = partial(_problems, root, pictures_only)
    yield from (_sample(row, "test") for row in rows("test", places["test"]))
    if places["train"].is_dir():
        yield from (_sample(row, "shots") for row in islice(rows("train", places["train"]), SHOTS))


def _place(root: Path, split: str) -> Path:
    """The folder with the pictures of a split."""
    usual, short = root / "images" / split, root / split
    return short if short.is_dir() and not usual.is_dir() else usual


@dataclass(frozen=True)
class _Row:
    """One problem; ``where`` names file and entry."""

    id: str
    fields: Mapping[str, Any]
    media: tuple[Media, ...]
    where: str


def _problems(root: Path, pictures_only: bool, split: str, place: Path) -> Iterator[_Row]:
    file = root / "problems.json"
    listed = _listed(root / "pid_splits.json", split)
    for key, fields in json_items(file):
        where = f"{file}, problem {key}"
        if not isinstance(fields, dict):
            raise BadData(f"{where}: an object is expected")
        own = text_of(fields, "split", where, "")
        if not own and listed is None:
            raise BadData(f"{where}: field 'split' is missing, and there is no pid_splits.json")
        if (own != split) if own else (str(key) not in (listed or ())):
            continue
        name = text_of(fields, "image", where, "")
        if name or not pictures_only:
            yield _Row(str(key), fields, (Media.at(place / str(key) / name),) if name else (), where)


def _listed(file: Path, split: str) -> frozenset[str] | None:
    """The problems of a split by the list of all splits, or None where there is no such list."""
    if not file.is_file():
        return None
    lists = json_value(file)
    if not isinstance(lists, dict) or not isinstance(lists.get(split), list):
        raise BadData(f"{file}: the list {split!r} is missing")
    return frozenset(map(str, lists[split]))


def read_parquet(folder: Path, config: str = "", pictures_only: bool = True) -> Iterator[Sample]:
    """A hub copy, which has no problem numbers: ids come from question, choices and pixels."""
    ids = Ids()
    for split, where, fields in hub_rows(
        folder, "test", shots="validation", config=config, shots_limit=SHOTS
    ):
        media = (fields["image"],) if isinstance(fields.get("image"), Media) else ()
        if media or not pictures_only:
            parts = [text_of(fields, "question", where), *_choices(fields, where)]
            base = row_id("\n".join([*parts, text_of(fields, "hint", where, "")]), media)
            yield _sample(_Row(ids.of(base), fields, media, where), split)


def _choices(fields: Mapping[str, Any], where: str) -> list[str]:
    values = list_of(fields, "choices", where)
    return [text_of({"choices": v}, "choices", f"{where}, choice {n}") for n, v in enumerate(values)]


def _sample(row: _Row, split: str) -> Sample:
    choices = _choices(row.fields, row.where)
    answer = whole_of(row.fields, "answer", row.where)
    if not 0 <= answer < len(choices):
        raise BadData(f"{row.where}: field 'answer' is {answer}, and there are {len(choices)} choices")
    subject = text_of(row.fields, "subject", row.where, "other")
    subject = SUBJECTS.get(subject.lower(), subject.upper())
    hint = text_of(row.fields, "hint", row.where, "")
    facts = {name: text_of(row.fields, name, row.where, "") for name in FACTS}
    context = [name for name, there in (("TXT", hint), ("IMG", row.media)) if there]
    return Sample(
        id=row.id,
        media=row.media,
        fields={
            "question": text_of(row.fields, "question", row.where),
            "hint": hint,
            "lecture": text_of(row.fields, "lecture", row.where, ""),
        },
        references=(choices[answer],),
        choices=tuple(dict.fromkeys(choices)),
        stratum=subject,
        metadata={
            "answer_type": subject,
            "context": "+".join(context) or "NO",
            "grades": _grades(facts["grade"]),
            **{name: value for name, value in facts.items() if value},
        },
        split=split,
    )


def _grades(grade: str) -> str:
    """The group of a grade (``grade5``) as the data set's authors report it."""
    number = grade.lower().removeprefix("grade").strip()
    return "" if not number.isdecimal() else "G1-6" if int(number) <= 6 else "G7-12"


CARD = Card(
    title="ScienceQA",
    citation="Lu, Mishra, Xia, Qiu, Chang, Zhu, Tafjord, Clark, Kalyan. Learn to Explain: Multimodal "
    "Reasoning via Thought Chains for Science Question Answering. NeurIPS 2022.",
    homepage="https://scienceqa.github.io/",
    licence="CC-BY-NC-SA-4.0",
    access="open",
    size="0.7 GB",
    splits={"test with picture": 2017, "test": 4241, "val": 4241, "train": 12_726},
    labels=dimension_labels("science", "synergy", "fusion", external_knowledge="yes"),
    notes="The 2,017 test questions with a picture; scienceqa:all asks all 4,241. The hint is shown, the "
    "lecture, which tells the method, is not: scienceqa:lecture shows it, and so does scienceqa:hemm, the "
    "paper's form (the draw behind its 100 samples is not known). Equal choices of one question are shown "
    "once. Pictures of single choices are left out: the choices have texts. Accuracy is told by subject "
    "too.",
)
PROMPT = """{{ image }}{% if hint %}
Context: {{ hint }}
{% endif %}
Question: {{ question }}
{{ options }}
{{ instruction }}"""
LECTURE = """{{ image }}{% if lecture %}
Lecture: {{ lecture }}
{% endif %}
{% if hint %}
Context: {{ hint }}
{% endif %}
Question: {{ question }}
{{ options }}
{{ instruction }}"""
DEREK = ("derek-thomas/ScienceQA",)
HUB = ("lmms-lab-encoder/ScienceQA", "lmms-lab/ScienceQA")
RAW = "https://raw.githubusercontent.com/lupantech/ScienceQA/main/data/scienceqa"
IMAGES = "https://scienceqa.s3.us-west-1.amazonaws.com/images"


def _sources(pictures_only: bool) -> tuple[Hub | Http, ...]:
    config = "ScienceQA-IMG" if pictures_only else "ScienceQA-FULL"
    read = partial(read_parquet, pictures_only=pictures_only)
    files = (
        File(f"{RAW}/problems.json"),
        File(f"{RAW}/pid_splits.json"),
        File(f"{IMAGES}/test.zip", name="test.zip", unpack="images"),
    )
    by_config, anywhere = f"**/{config}/test*.parquet", "**/test*.parquet"
    return (
        Hub(
            HUB,
            Layout((by_config,), partial(read, config=config)),
            config=config,
            split="test",
            shots="validation",
            ids="content",
        ),
        Hub(DEREK, Layout((anywhere,), read), split="test", shots="validation", ids="content"),
        *in_folders(
            partial(Http, files, ids="problem"),
            ("", "data/scienceqa/"),
            ("problems.json",),
            partial(read_original, pictures_only=pictures_only),
        ),
    )


TASK = (
    Task(
        name="scienceqa",
        card=CARD,
        sources=_sources(True),
        prompt=PROMPT,
        answer=OneOf(),
        metrics=("accuracy", "bartscore"),
        max_new_tokens=64,
    )
    .with_variant("all", sources=_sources(False), splits={"test": 4241, "val": 4241, "train": 12_726})
    .with_variant("lecture", prompt=LECTURE)
    .with_variant("hemm", prompt=LECTURE)
)
