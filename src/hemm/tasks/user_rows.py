"""Converts rows of a user's data (JSON lines, TSV, hub tables) to samples, with one schema for all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from hemm.core import BadData, HemmError, Media, Sample, check_labels
from hemm.data.readers.rows import row_id
from hemm.data.sources.hub import several
from hemm.parsing.formats import ManyOf, OneOf
from hemm.tasks.cards import COLUMNS, UserCard

SHOTS = ("shots", "train")
_NAME = re.compile(r"\W+", re.ASCII)


@dataclass(frozen=True)
class Rules:
    """How rows become samples.

    columns  hemm's name -> the table's column, or several (lists of pictures, choices); none: a column of
             that name means something else
    split    the split whose rows are evaluated, or several; empty: all rows but those of ``shots``
    shots    the split whose rows are examples for few-shot prompts; empty: ``shots`` and ``train``
    labels   gold label -> its text in the prompt, for rows without choices
    closed   whether every row needs choices
    folders  where picture paths start, in order
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: str | tuple[str, ...] = ""
    shots: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    closed: bool = False

    @classmethod
    def of(cls, card: UserCard, *folders: Path) -> Rules:
        closed = isinstance(card.format, OneOf | ManyOf)
        return cls(card.columns, card.split, card.shots, card.shown, folders, closed)


def renamed(row: Mapping[str, Any], rules: Rules, where: str) -> dict[str, Any]:
    """``row`` with hemm's names for its columns. Raises BadData for a mapped column that is missing."""
    if not rules.columns:
        return dict(row)
    taken = {column for columns in rules.columns.values() for column in columns}
    fields = {k: v for k, v in row.items() if k not in taken and k not in rules.columns}
    for ours, theirs in rules.columns.items():
        lacking = [column for column in theirs if column not in row]
        if lacking:
            known = ", ".join(row)
            raise BadData(f"{where}: there is no column {lacking[0]!r} (for {ours}); there are {known}")
        if len(theirs) == 1:
            fields[ours] = row[theirs[0]]
        elif theirs:
            fields[ours] = [row[column] for column in theirs if row[column] not in (None, "")]
    return fields


def to_sample(row: Mapping[str, Any], rules: Rules, where: str) -> Sample | None:
    """One row (with hemm's names) as a sample; None if it is in neither split.

    Raises BadData that names ``where`` (file and line) and the field.
    """
    split = _split(row, rules, where)
    if split is None:
        return None
    media = tuple(
        m for name in ("image", "images", "audio", "video") for m in _media(row.get(name), name, rules, where)
    )
    choices = _texts(row.get("choices"), "choices", where) or tuple(rules.labels.values())
    if rules.closed and not choices:
        raise BadData(
            f"{where}: there are no choices; a table that mixes choices and open questions is read with "
            f"'answer: {{format: short_answer, lettered: true}}' in its card"
        )
    references = _references(row, choices, rules, where)
    extra = {k: v for k, v in row.items() if k not in COLUMNS}
    fields = {_identifier(k): t for k, v in extra.items() if (t := _scalar(v)) is not None}
    question = _text(row, "question", where)
    if question:
        fields["question"] = question
    if not media and not fields:
        raise BadData(f"{where}: field 'question' is missing, and there is no picture either")
    labels = _mapping(row, "labels", where)
    try:
        check_labels(labels, "the row")
    except HemmError as error:
        raise BadData(f"{where}: field 'labels': {error}") from None
    part = {"split": _text(row, "split", where)} if isinstance(rules.split, tuple) and split == "test" else {}
    identifier = _text(row, "id", where)
    text = "\n".join([question, *choices])
    return Sample(
        id=identifier or row_id(text, media),
        media=media,
        fields=fields,
        references=references,
        choices=choices,
        unit=_text(row, "unit", where),
        cluster=_text(row, "cluster", where) or _cluster(media, row),
        after=_text(row, "after", where) or None,
        labels=labels,
        stratum=_text(row, "stratum", where) or part.get("split", ""),
        metadata={
            **{k: _json(v, k, where) for k, v in extra.items()},
            **_mapping(row, "metadata", where),
            **part,
        },
        split=split,
    )


def _split(row: Mapping[str, Any], rules: Rules, where: str) -> str | None:
    named = _text(row, "split", where)
    asked = several(rules.split)
    if named and named in ((rules.shots,) if rules.shots else SHOTS) and named not in asked:
        return "shots"
    return "test" if not rules.split or not named or named in asked else None


def _cluster(media: Sequence[Media], row: Mapping[str, Any]) -> str:
    """The cluster of a row: the path of its picture, or a digest of its bytes, since questions about one
    picture depend on each other."""
    if not media:
        return ""
    read = [v for name in ("image", "images", "audio", "video") for v in _flat(row.get(name))]
    return media[0].name if isinstance(read[0], str) else media[0].digest[:20]


def _flat(value: Any) -> list[Any]:
    """The values of a cell that give media, in their order."""
    if isinstance(value, list | tuple):
        return [item for v in value for item in _flat(v)]
    return [] if value is None or value == "" else [value]


def _media(value: Any, name: str, rules: Rules, where: str) -> tuple[Media, ...]:
    media = []
    for v in _flat(value):
        if not isinstance(v, str | Media):
            raise BadData(f"{where}: field {name!r} is no path: {v!r:.40}")
        media.append(v if isinstance(v, Media) else _file(v, name, rules.folders, where))
    return tuple(media)


def _file(value: str, name: str, folders: tuple[Path, ...], where: str) -> Media:
    """The file at a path below the first of ``folders`` that has it; if none has, below the first."""
    if re.match(r"[a-z]+://", value):
        raise BadData(f"{where}: field {name!r} is a web address; download the file and give its path")
    path = PurePosixPath(value.replace("\\", "/"))
    if path.is_absolute():
        inside = next((f for f in folders if Path(path).is_relative_to(f.resolve())), None)
        if inside is None:
            raise BadData(f"{where}: field {name!r}: {value!r} lies outside {folders[0]}")
        return Media.at(Path(path), name=str(Path(path).relative_to(inside.resolve())))
    if ".." in path.parts:
        raise BadData(f"{where}: field {name!r}: {value!r} lies outside {folders[0]}")
    file = next((f / path for f in folders if (f / path).is_file()), folders[0] / path)
    return Media.at(file, name=str(path))


def _references(
    row: Mapping[str, Any], choices: tuple[str, ...], rules: Rules, where: str
) -> tuple[str, ...]:
    name = "answers" if row.get("answers") not in (None, "", []) else "answer"
    value = row.get(name)
    if value is None or value == "":
        return ()
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_reference(v, name, choices, rules, where) for v in values)


def _reference(value: Any, name: str, choices: tuple[str, ...], rules: Rules, where: str) -> str:
    """One right answer: a choice by text, letter, or position from 0; any text if there are no choices."""
    text = _scalar(value)
    if text is None:
        raise BadData(f"{where}: field {name!r} is no text: {value!r:.40}")
    gold = {choice: label for label, choice in rules.labels.items()}
    if not choices or text in choices:
        return gold.get(text, text)
    if text in rules.labels:
        return text
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
        return gold.get(choices[value], choices[value])
    if len(text) == 1 and 0 <= ord(text) - ord("A") < len(choices):
        choice = choices[ord(text) - ord("A")]
        return gold.get(choice, choice)
    raise BadData(f"{where}: field {name!r} is {text!r:.60}, which is none of the {len(choices)} choices")


def _scalar(value: Any) -> str | None:
    """A single value as text; None for lists, objects and nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | str):
        return str(value)
    return None


def _texts(value: Any, name: str, where: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if not isinstance(value, list | tuple) or any(_scalar(v) is None for v in value):
        raise BadData(f"{where}: field {name!r} is no list of texts: {value!r:.40}")
    return tuple(str(_scalar(v)) for v in value)


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    text = _scalar(value)
    if text is None:
        raise BadData(f"{where}: field {name!r} is no text: {value!r:.40}")
    return text


def _mapping(row: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = row.get(name) or {}
    if not isinstance(value, dict):
        raise BadData(f"{where}: field {name!r} is no object: {value!r:.40}")
    return dict(value)


def _json(value: Any, name: str, where: str) -> Any:
    """A JSON value; others, such as dates, as text."""
    if isinstance(value, Media | bytes):
        return None
    try:
        return orjson.loads(orjson.dumps(value, default=str))
    except (TypeError, orjson.JSONEncodeError, orjson.JSONDecodeError):
        return str(value)


def _identifier(name: str) -> str:
    """A column name as an identifier for templates (``l2-category`` becomes ``l2_category``)."""
    safe = _NAME.sub("_", name)
    return safe if safe[:1].isalpha() or safe[:1] == "_" else f"_{safe}"
