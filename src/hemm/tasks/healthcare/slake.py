"""SLAKE: questions in English and Chinese about radiology pictures. (Liu et al. 2021)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, json_rows, media_of, objects, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import ShortAnswer

LANGUAGES = ("en", "zh")
SHOTS = 300
FACTS = ("content_type", "modality", "location", "base_type", "qid")
YES_NO = {"en": ("yes", "no"), "zh": ("是", "否")}
SAID = {
    "en": {"yes": "yes", "no": "no"},
    "zh": {
        **dict.fromkeys(("是", "是的", "有", "对", "包含", "存在", "可以"), "是"),
        **dict.fromkeys(("否", "不是", "没有", "不对", "不包含", "不存在", "不可以"), "否"),
    },
}
"""Answers of closed questions that mean yes or no wherever they stand. Chinese has many: which of them the
data set has must not show in the options, so all questions show the same two."""
WHICH = ("多少", "多大", "多长", "多深", "多严重", "几", "什么", "哪", "谁", "怎", "如何", "为何")
"""Words of Chinese questions that yes or no does not answer: how much, what, which, who, how."""
WHETHER = ("吗", "是否", "有没有", "是不是", "有无", "能否")
"""Words of those that yes or no answers, whatever other words they have."""
STATES = ("正常", "健康", "异常")
"""What Chinese questions ask about, and answers say again for yes (``正常``) or no (``不正常``)."""


@dataclass(frozen=True)
class Wanted:
    """Which questions are asked: languages, and whether the closed ones alone."""

    languages: tuple[str, ...] = ("en",)
    closed_only: bool = False


def read(folder: Path, top: str, wanted: Wanted) -> Iterator[Sample]:
    """``test.json``; as shots some of ``train.json`` where that is there."""
    root = folder / top
    for split, name in (("test", "test"), ("shots", "train")):
        file = root / f"{name}.json"
        if split == "test" or file.is_file():
            rows = objects(enumerate(json_rows(file), 1), f"{file}, entry")
            samples = _samples(rows, wanted, split, lambda name: Media.at(root / "imgs" / name))
            yield from islice(samples, SHOTS if split == "shots" else None)


def read_parquet(folder: Path, wanted: Wanted) -> Iterator[Sample]:
    """A hub copy of the English questions, with the pictures in it."""
    for split in ("test", "train"):
        rows = ((where, row) for _, where, row in hub_rows(folder, split))
        ours = "test" if split == "test" else "shots"
        yield from islice(_samples(rows, wanted, ours, None), SHOTS if ours == "shots" else None)


def _samples(
    rows: Iterable[tuple[str, Any]], wanted: Wanted, split: str, picture: Callable[[str], Media] | None
) -> Iterator[Sample]:
    """The samples of the rows that are wanted; without ``picture`` the rows hold their pictures."""
    ids = Ids()
    for where, row in rows:
        unwanted = wanted.closed_only and _kind(row, where) != "CLOSED"
        if _language(row, where) not in wanted.languages or unwanted:
            continue
        name = _picture(row, where)
        medium = picture(name) if picture else media_of(row, "image", where)
        key = ids.of(text_of(row, "qid", where, "") or name)
        yield _sample(row, where, medium, key if split == "test" else f"train-{key}", split)


def _language(row: Mapping[str, Any], where: str) -> str:
    language = text_of(row, "q_lang", where).lower()
    if language not in LANGUAGES:
        raise BadData(f"{where}: field 'q_lang' is {language!r}, not en or zh")
    return language


def _kind(row: Mapping[str, Any], where: str) -> str:
    """``OPEN`` or ``CLOSED``; empty where a copy lost it."""
    return text_of(row, "answer_type", where, "").upper()


def _picture(row: Mapping[str, Any], where: str) -> str:
    return text_of(row, "img_name", where, "") or f"xmlab{text_of(row, 'img_id', where)}/source.jpg"


def _side(language: str, question: str, answer: str) -> str:
    """The yes or no that an answer means; empty where it means neither."""
    state = answer.removeprefix("不")
    if language == "zh" and state in STATES and state in question and "还是" not in question:
        return YES_NO[language][(f"不{state}" in question) != (state != answer)]
    # to "how much harm ...?" the answer 没有 is none, not no
    which = any(w in question for w in WHICH) and not any(w in question for w in WHETHER)
    if language == "zh" and which and answer not in ("是", "是的", "否", "不是"):
        return ""
    return SAID[language].get(answer.lower(), "")


def _sample(row: Mapping[str, Any], where: str, picture: Media, key: str, split: str) -> Sample:
    language, kind, answer = _language(row, where), _kind(row, where), text_of(row, "answer", where)
    question = text_of(row, "question", where)
    side = _side(language, question, answer) if kind != "OPEN" else ""
    facts = {fact: text_of(row, fact, where, "") for fact in FACTS}
    facts |= {"language": language, "answer_type": kind}
    if side and side != answer.lower():
        facts["answer"] = answer
    return Sample(
        id=key,
        media=(picture,),
        fields={"question": question, "language": language},
        references=(side or answer,),
        choices=YES_NO[language] if side else (),
        cluster=_picture(row, where),
        stratum=facts["content_type"] or "other",
        metadata={fact: value for fact, value in facts.items() if value},
        split=split,
    )


CARD = Card(
    title="SLAKE",
    citation="Liu, Zhan, Xu, Ma, Yang, Wu. SLAKE: A Semantically-Labeled Knowledge-Enhanced Dataset for "
    "Medical Visual Question Answering. ISBI 2021.",
    homepage="https://www.med-vqa.com/slake/",
    licence="CC-BY-4.0",
    access="open",
    size="0.2 GB",
    splits={"test en": 1061, "test": 2094, "validate": 2099, "train": 9835},
    labels=dimension_labels(
        "healthcare", "redundancy", "querying", fine_grained="yes", reasoning="more", external_knowledge="yes"
    ),
    notes="The English questions of the test split (1,061: 645 open, 416 closed); slake:zh asks the Chinese "
    "ones (1,033: 613 open, 420 closed), in Chinese, slake:all both. Accuracy is told apart for open and "
    "closed questions. Closed ones that are answered by yes or no show the two; others name their options "
    "in the question. slake:hemm is the paper's part: English and closed (416; the draw behind its 100 "
    "samples is not known).",
)
PROMPT = """{{ image }}{% if language == "zh" %}
这是一张医学影像。
问题：{{ question }}
{% if labels %}
请从下面的答案中选一个回答：{{ labels }}。
{% else %}
请只用一个词或短语回答。
{% endif %}
{% else %}
This is a radiology image.
Question: {{ question }}
{{ instruction }}
{% endif %}"""


def _sources(wanted: Wanted) -> tuple[Hub, ...]:
    files = ("test.json", "train.json", "imgs.zip")
    originals = tuple(
        Hub(
            ("BoKelvin/SLAKE",),
            Layout(required, partial(read, top=top, wanted=wanted)),
            files=files,
            unpack=("*.zip",),
            ids="qid",
        )
        for top, required in ((".", ("test.json", "imgs")), ("Slake1.0", ("Slake1.0/test.json",)))
    )
    if "zh" in wanted.languages:
        return originals
    copy = Layout(("**/test*.parquet",), partial(read_parquet, wanted=wanted))
    return (*originals, Hub(("OctoMed/SLAKE",), copy, split="test", shots="train", ids="qid"))


TASK = (
    Task(
        name="slake",
        card=CARD,
        sources=_sources(Wanted()),
        prompt=PROMPT,
        answer=ShortAnswer(),
        metrics=("accuracy", "exact_match", "token_f1", "bartscore"),
        max_new_tokens=48,
    )
    .with_variant("zh", sources=_sources(Wanted(("zh",))), splits={"test zh": 1033})
    .with_variant(
        "all", sources=_sources(Wanted(LANGUAGES)), splits={"test": 2094, "validate": 2099, "train": 9835}
    )
    .with_variant("hemm", sources=_sources(Wanted(closed_only=True)), splits={"test en closed": 416})
)
