"""IRFL: which of four pictures shows what a figure of speech means? (Yosef et al. 2023)

The detection task over idioms, metaphors and similes: the right picture shows the figurative meaning, the
others the literal one, a part of it, or something else. The four are shown in an order drawn by a keyed hash
of the row. Similes of the same comparison (``as red as a cherry``) share pictures: they are one cluster.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from hemm.core import (
    BadData,
    Card,
    Layout,
    Media,
    Notice,
    Sample,
    Task,
    digest,
    dimension_labels,
    keyed_number,
)
from hemm.core.text import counted
from hemm.data.readers.file_finder import FileFinder, below
from hemm.data.readers.inline import inline_bytes
from hemm.data.readers.rows import Ids, csv_rows, objects, text_of
from hemm.data.sources.kinds import ByHand, Hub
from hemm.parsing.formats import OneOf, YesNo

KINDS = ("idiom", "metaphor", "simile", "open_simile")
LETTERS = tuple(f"picture {letter}" for letter in "ABCDEFGH")
YES_NO = ("yes", "no")
SUFFIXES = (".jpeg", ".jpg", ".png")
PLACES = ("images", "IRFL_images", "IRFL_images/images", ".")
_LONGEST = 1_000_000  # characters of a cell: more is no list of pictures
_COMPARISON = re.compile(r"\bas\b .+ \bas\b .+")


@dataclass(frozen=True)
class Form:
    """Which kinds of figures are read, the task in the files' names; apart: each picture on its own."""

    kinds: tuple[str, ...] = KINDS
    task: str = "detection"
    apart: bool = False


@dataclass(frozen=True)
class Row:
    """One phrase; ``pictures`` as they are shown, ``right`` is the place of the right one."""

    key: str
    phrase: str
    cluster: str
    pictures: tuple[Media, ...]
    right: int
    facts: Mapping[str, str]


def read(folder: Path, form: Form) -> Iterator[Sample | Notice]:
    """The tables of those kinds that are there, in the order of ``form.kinds``."""
    ids = Ids()
    for kind in form.kinds:
        pattern = f"**/{kind.replace('_', '?')}?{form.task}?task.csv"
        files = sorted(below(folder, pattern))
        if len(files) > 1:
            names = [file.relative_to(folder).as_posix() for file in files]
            yield Notice(f"of {len(names)} tables of {kind}s, {names[0]} is read, not {', '.join(names[1:])}")
        for file in files[:1]:
            shared = _shared(file)
            tops = (".", file.parent.relative_to(folder).as_posix())
            places = [f"{top}/{place}" for top in tops for place in PLACES]
            pictures = FileFinder(folder, places, SUFFIXES, anywhere=True)
            for where, table_row in _table(file):
                row = _row(table_row, kind, pictures, shared, where)
                row = replace(row, key=ids.of(row.key))
                yield from _apart(row) if form.apart else _choice(row)


def _table(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    return objects(csv_rows(file, required=("phrase", "answer", "distractors")), f"{file}, line")


def _row(row: Mapping[str, str], kind: str, pictures: FileFinder, shared: Set[str], where: str) -> Row:
    phrase = text_of(row, "phrase", where)
    answers, distractors = _listed(row, "answer", where), _listed(row, "distractors", where)
    names = [*answers, *distractors]
    if len(answers) != 1:
        raise BadData(f"{where}: field 'answer' names {counted(len(answers), 'picture')}, not one")
    if not 2 <= len(names) <= len(LETTERS):
        raise BadData(
            f"{where}: field 'distractors' names {counted(len(distractors), 'picture')}, not 1 to 7"
        )
    if len(set(names)) < len(names):
        raise BadData(f"{where}: fields 'answer' and 'distractors' name a picture twice")
    key = f"{kind}-{digest([phrase, sorted(map(_stem, names))], 12)}"
    ordered = sorted(names, key=lambda name: keyed_number("irfl", key, _stem(name)))
    uuids = _uuids(row)
    compared = _COMPARISON.search(phrase.lower())
    facts = {"answer_type": kind.replace("_", " ")} | {
        name: value for name in ("type", "figurative_type") if (value := text_of(row, name, where, ""))
    }
    return Row(
        key=key,
        phrase=phrase,
        cluster=compared[0] if compared else phrase.lower(),
        pictures=tuple(_picture(name, uuids, shared, pictures, where) for name in ordered),
        right=ordered.index(answers[0]),
        facts=facts,
    )


def _choice(row: Row) -> Iterator[Sample]:
    choices = LETTERS[: len(row.pictures)]
    yield Sample(
        id=row.key,
        media=row.pictures,
        fields={"phrase": row.phrase},
        references=(choices[row.right],),
        choices=choices,
        cluster=row.cluster,
        stratum=row.facts["answer_type"],
        metadata=row.facts,
    )


def _apart(row: Row) -> Iterator[Sample]:
    for place, picture in enumerate(row.pictures):
        yield Sample(
            id=f"{row.key}-{place}",
            media=(picture,),
            fields={"phrase": row.phrase},
            references=(YES_NO[place != row.right],),
            choices=YES_NO,
            unit=row.key,
            cluster=row.cluster,
            stratum=row.facts["answer_type"],
            metadata=row.facts,
        )


def _parsed(text: str) -> Any:
    """A list as JSON or as Python writes it; None where it is neither."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return ast.literal_eval(text)  # literals alone: nothing is run
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _listed(row: Mapping[str, str], name: str, where: str) -> list[str]:
    """The names in a cell that holds a list as text, or one name."""
    text = text_of(row, name, where)
    if len(text) > _LONGEST:
        raise BadData(f"{where}: field {name!r} has {len(text)} characters, too many for a list of pictures")
    values = _parsed(text) if text.startswith("[") else [text]
    if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
        raise BadData(f"{where}: field {name!r} is no list of names: {text[:60]!r}")
    return [v.strip() for v in values]


def _stem(name: str) -> str:
    """The name as it is the same in all copies: some leave the suffix out."""
    return name if "://" in name else PurePosixPath(name).name.removesuffix(".jpeg")


def _named(name: str, uuids: Mapping[str, str], shared: Set[str], where: str) -> tuple[str, ...]:
    """Names that a picture may have; known by an address: by its uuid, or the address's last part."""
    if "://" not in name:
        return (PurePosixPath(name).name,)
    last = _last(name)
    bases = ([uuids[name]] if name in uuids else []) + ([last, unquote(last)] if last not in shared else [])
    if not bases:
        raise BadData(
            f"{where}: several addresses end in {last!r}, and images_metadata has no uuid of {name}"
        )
    return tuple(dict.fromkeys(PurePosixPath(base).name for base in bases))


def _picture(
    name: str, uuids: Mapping[str, str], shared: Set[str], pictures: FileFinder, where: str
) -> Media:
    """The picture that a table names: a file, or base64 in place of its name, whose file comes first."""
    data = inline_bytes(name)
    if data is None:
        return pictures.at(*_named(name, uuids, shared, where))
    uuid = uuids.get(name, "")
    return pictures.at(uuid) if uuid and pictures.has(uuid) else Media(data, name=uuid or "inline")


def _last(address: str) -> str:
    return PurePosixPath(urlsplit(address).path).name


def _shared(file: Path) -> set[str]:
    """Last parts that several addresses of this table have: they name no picture. (Fields: see ``_row``.)"""
    first: dict[str, str] = {}
    shared = {""}
    for where, row in _table(file):
        for name in (*_listed(row, "answer", where), *_listed(row, "distractors", where)):
            if "://" in name and first.setdefault(_last(name), name) != name:
                shared.add(_last(name))
    return shared


def _uuids(row: Mapping[str, str]) -> dict[str, str]:
    """Address -> uuid, as far as the metadata of the row's pictures tell it."""
    text = row.get("images_metadata", "")
    parsed = _parsed(text) if 0 < len(text) <= _LONGEST else None
    entries = [e for e in parsed if isinstance(e, dict)] if isinstance(parsed, list) else []
    return {e["img"]: str(e["uuid"]) for e in entries if isinstance(e.get("img"), str) and e.get("uuid")}


def _sources(form: Form) -> tuple[Hub | ByHand, ...]:
    first = form.kinds[0] if len(form.kinds) == 1 else "*"
    earlier = replace(form, task="understanding")
    return (
        Hub(
            ("lampent/IRFL",),
            Layout((f"**/{first}?detection?task.csv",), partial(read, form=form)),
            files=(*(f"{kind}_detection_task.csv" for kind in form.kinds), "IRFL_images.zip"),
            unpack=("*.zip",),
            ids="names",
        ),
        ByHand(
            "https://github.com/irfl-dataset/IRFL",
            "its earlier tables name pictures by their addresses alone",
            Layout((f"**/{first}?understanding?task.csv",), partial(read, form=earlier)),
            ids="addresses",
        ),
    )


CARD = Card(
    title="IRFL",
    citation="Yosef, Bitton, Shahaf. IRFL: Image Recognition of Figurative Language. Findings of EMNLP 2023.",
    homepage="https://irfl-dataset.github.io/",
    licence="CC-BY-4.0",
    access="open",
    size="1.7 GB",
    splits={"test": 1087},
    labels=dimension_labels("multimedia", "synergy", "fusion", reasoning="more"),
    notes="The detection tasks: 200 idioms, 333 metaphors, 277 similes, and the same similes in open form "
    "(277); chance is 25 %. Accuracy is told by kind too. The phrase alone is shown, not the idioms' "
    "definitions. The retrieval tasks are not asked. irfl:simile asks the similes; irfl:hemm each of their "
    "pictures apart, yes or no, as the HEMM paper did: answering no always scores 75 % there. The draw "
    "behind the paper's 100 samples is not known. The project's earlier tables (*_understanding_task.csv) "
    "name pictures by address: they are read where the pictures lie under their uuid or "
    "the address's last part. 97 of its 200 idioms have pictures as base64 in place of an address.",
)

CHOOSE = (
    "{% for picture in images %}Picture {{ 'ABCDEFGH'[loop.index0] }}: {{ picture }}\n{% endfor %}"
    "Phrase: {{ phrase }}\n"
    "Which picture shows best what the phrase means as a figure of speech? {{ instruction }}"
)
APART = (
    "{{ image }}Phrase: {{ phrase }}\n"
    "Does this picture show what the phrase means as a figure of speech? {{ instruction }}"
)


TASK = (
    Task(
        name="irfl",
        card=CARD,
        sources=_sources(Form()),
        prompt=CHOOSE,
        answer=OneOf(),
        metrics=("accuracy", "bartscore"),
        max_new_tokens=16,
    )
    .with_variant("simile", sources=_sources(Form(("simile",))), splits={"test": 277})
    .with_variant(
        "hemm",
        sources=_sources(Form(("simile",), apart=True)),
        splits={"test": 1108},
        prompt=APART,
        answer=YesNo(YES_NO),
        metrics=("accuracy", "balanced_accuracy", "bartscore"),
    )
)
