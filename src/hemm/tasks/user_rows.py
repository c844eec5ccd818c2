"""Converts rows of a user's data (JSON lines, TSV, hub tables) to samples, with one schema for all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson

from hemm.core import BadData, HemmError, LeftOut, Media, Sample, check_labels
from hemm.core.text import letters
from hemm.data.readers.cells import Places
from hemm.data.readers.rows import Ids, row_id
from hemm.data.sources.hub import several
from hemm.parsing.formats import ManyOf, OneOf
from hemm.tasks.cards import COLUMNS, UserCard
from hemm.tasks.cells import choices_of, exchange, scalar, text_list
from hemm.tasks.columns import ALIASES, TOLD_ONLY, Columns, Said, empty, read_columns, turns
from hemm.tasks.picture_marks import NUMBERS, check_numbers, picture_numbers
from hemm.tasks.right_answers import Answer, Choices, How, NoChoice, Unsaid, references_of
from hemm.tasks.row_checks import check_shown, contradiction
from hemm.tasks.row_keys import PLACE, column_of, key_of, meaning

SHOTS = ("shots", "train")
VOID = "no question and no picture"
"""Why a row that asks nothing is left out."""
_NAME = re.compile(r"\W+", re.ASCII)
MEDIA = ("image", "images", "audio", "video")
"""hemm's names of the columns that hold media."""

Cells = Callable[[dict[str, Any], dict[str, Any], str], None]
"""Brings the cells of a row into hemm's form: those with hemm's names, the others, where the row stands."""


@dataclass(frozen=True, repr=False)
class Rules:
    """How rows become samples.

    columns   hemm's name -> the table's column, or several (lists of pictures, choices); none: a column of
              that name means something else
    split     the split whose rows are evaluated, or several; empty: all rows but those of ``shots``
    shots     the split whose rows are examples for few-shot prompts; empty: ``shots`` and ``train``
    labels    gold label -> its text in the prompt, for rows without choices
    folders   where picture paths start, in order
    closed    whether every row needs choices
    said      what the card says of the columns
    read      how the other columns are read
    how       how right answers are written
    answered  whether a row needs a right answer, since a metric compares with it; others are left out
    keys      ``unit`` and ``cluster`` -> the columns whose values they are made of
    by        taxonomy dimension -> a column, and the category that each of its values means
    each      hemm's names -> columns: a row becomes one for each place of these lists
    empty     texts that stand for an empty cell; None: those of the table's kind
    formatted whether the card names the answer format
    marked    whether the choices of all rows bring their own letters, which are then read as such
    images_from  the number of the first picture in marks such as ``<image_0>``, where the card says it
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split: str | tuple[str, ...] = ""
    shots: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    closed: bool = False
    said: Said = field(default_factory=partial(Said, before=True))
    read: Columns = field(default_factory=Columns)
    how: How = field(default_factory=How)
    answered: bool = False
    formatted: bool = False
    images_from: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by: Mapping[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    each: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    empty: tuple[str, ...] | None = None
    marked: bool = False

    def __repr__(self) -> str:
        """What packs are recognised by: as hemm 0.1.0 wrote it, then what came later and says something."""
        more = {
            "usual": dict(self.read.usual),
            "data": self.read.data,
            "uses": sorted((self.said.uses or frozenset()) & ALIASES),
            "unanswered": not self.answered,
            "way": self.how.way if self.how.said else "",
            "lists": self.how.lists,
            "images_from": self.images_from,
            "keys": dict(self.keys),
            "by": {name: (column, dict(values)) for name, (column, values) in self.by.items()},
            "each": dict(self.each),
        }
        added = "".join(f", {name}={value!r}" for name, value in more.items() if value)
        added += f", empty={self.empty!r}" if self.empty is not None else ""
        first = (
            f"columns={self.columns!r}, split={self.split!r}, shots={self.shots!r}, labels={self.labels!r}"
        )
        return f"Rules({first}, folders={self.folders!r}, closed={self.closed!r}{added})"

    @classmethod
    def of(cls, card: UserCard, *folders: Path) -> Rules:
        closed = isinstance(card.format, OneOf | ManyOf)
        rules = cls(card.columns, card.split, card.shots, card.shown, (*folders, *card.roots), closed)
        return rules.with_card(card)

    def with_card(self, card: UserCard) -> Rules:
        """These rules with what a card says of answers, marks of pictures, keys and rows."""
        how = How(card.way, bool(card.way), isinstance(card.format, ManyOf), card.lists)
        keys = {name: columns for name in ("unit", "cluster") if (columns := getattr(card, name))}
        return replace(
            self,
            how=how,
            images_from=card.images_from,
            keys=keys,
            by=card.label_columns,
            each=card.each,
            empty=card.empty,
        )

    @cached_property
    def places(self) -> Places:
        return Places(self.folders)

    @cached_property
    def layout_columns(self) -> frozenset[str]:
        """The columns that the file's own layout gives a meaning."""
        return frozenset(name for names in self.said.layout.values() for name in names)

    @cached_property
    def mapped_columns(self) -> frozenset[str]:
        """The columns that are taken for one of hemm's names."""
        parts = (self.columns, self.read.usual)
        return frozenset(name for part in parts for names in part.values() for name in names)

    def settled(self, found: Mapping[str, Any], where: str) -> Rules:
        """These rules for a table with these columns (``columns.seen``).

        Raises BadData for a mapped column that is missing, and for a contradiction.
        """
        for ours, theirs in self.columns.items() if found else ():
            optional = ours in TOLD_ONLY and theirs == (ours,)  # whatever rows have it, it is hemm's
            if not optional and (lacking := [name for name in theirs if name not in found]):
                known = ", ".join(found)
                raise BadData(f"{where}: there is no column {lacking[0]!r} (for {ours}); there are {known}")
        for ours, theirs in [*self.keys.items(), *((d, (column,)) for d, (column, _) in self.by.items())]:
            lacking = [name for name in map(column_of, theirs) if found and name not in found]
            if lacking and theirs != (ours,):
                known = ", ".join(found)
                raise BadData(f"{where}: there is no column {lacking[0]!r} (for {ours}); there are {known}")
        return replace(self, read=read_columns(found, self.said, where))


def parted(
    row: Mapping[str, Any], rules: Rules, where: str, cells: Cells | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cells of a row by hemm's names, and the others."""
    usual, layout, mapped = rules.read.usual, rules.layout_columns, rules.mapped_columns
    taken: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in row.items():
        if name in layout:
            taken[name] = value
        elif name not in mapped and name not in rules.columns:
            is_ours = name in COLUMNS and name not in rules.read.data
            if not (name == "image" and "image" in usual):  # beside a column with the decoded picture
                (taken if is_ours else rest)[name] = value
    for ours, theirs in rules.columns.items():
        if theirs:
            (taken if ours in COLUMNS else rest)[ours] = _joined(row, theirs, ours)
    for ours, theirs in usual.items():
        if any(not empty(row.get(name)) for name in theirs):
            lettered = ours == "choices" and len(theirs) > 1
            taken[ours] = _lettered(row, theirs) if lettered else _joined(row, theirs, ours)
    for ours, theirs in rules.keys.items():
        rest.update({ours: taken.pop(ours)} if ours in taken and theirs != (ours,) else {})
        if any(not empty(row.get(column_of(name))) for name in theirs):
            taken[ours] = key_of(row, theirs, where)
    for dimension, (column, meanings) in rules.by.items():
        taken["labels"] = {**(taken.get("labels") or {}), dimension: meaning(row, column, meanings, where)}
    if turns(taken.get("question")):
        _exchange(taken, usual.get("question", ("question",))[0], where)
    if cells is not None:
        cells(taken, rest, where)
    return taken, rest


def _lettered(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Options in columns of their own, by letter: a letter without an option is none."""
    return {letter: row.get(name) for letter, name in zip(letters(len(columns)), columns, strict=True)}


def _joined(row: Mapping[str, Any], columns: Sequence[str], ours: str) -> Any:
    """The value of one column, or the list of several: of choices and answers without empty ones, of pictures
    with them, since a picture keeps its number."""
    if len(columns) == 1:
        return row.get(columns[0])
    if ours in MEDIA:
        return [row.get(name) for name in columns]
    return [row[name] for name in columns if row.get(name) not in (None, "")]


def _exchange(taken: dict[str, Any], name: str, where: str) -> None:
    """Put question, answer and pictures of a conversation in its place."""
    found = exchange(taken["question"], name, where)
    own = answer_in(taken)[1] if found.answer is not None else []
    if own and (other := contradiction(str(found.answer), own, taken.get("choices"), where)):
        raise BadData(
            f"{where}: the answer in {name} is {found.answer!r:.60}, and the row's own is {other!r:.60}: "
            "mend one of them"
        )
    taken["question"] = found.question
    if found.answer is not None and empty(taken.get("answer")) and empty(taken.get("answers")):
        taken["answer"] = found.answer
    if found.images and all(empty(taken.get(n)) for n in ("image", "images")):
        taken["images"] = list(found.images)


def to_sample(row: Mapping[str, Any], rules: Rules, where: str) -> Sample | LeftOut | None:
    """One row as a sample; None if it is in neither split, ``LeftOut`` where it lacks the right answer.

    Raises BadData that names ``where`` (file and line) and the field.
    """
    return sample_of(*parted(row, rules, where), rules, where)


def sample_of(
    row: Mapping[str, Any], rest: Mapping[str, Any], rules: Rules, where: str, ids: Ids | None = None
) -> Sample | LeftOut | None:
    """``to_sample`` of a row whose cells have hemm's names, with its other cells.

    ``ids`` numbers equal rows of a split that have no id of their own.
    """
    split = _split(row, rules, where)
    if split is None:
        return None
    row = {**row, **{name: _listed(row[name]) for name in MEDIA if name in row}}
    media = tuple(m for name in MEDIA for m in rules.places.media(row.get(name), name, where))
    choices = choices_in(row, rules, where)
    check_shown(choices.shown, rules.folders, where)
    if rules.closed and not choices.shown:
        raise Unsaid(
            f"{where}: there are no choices",
            "a table that mixes choices and open questions is read with 'answer: {format: short_answer, "
            "lettered: true}' in its card",
        )
    try:
        references = references_of(Answer(where, *answer_in(row), choices), rules.how)
    except NoChoice as error:
        if rules.how.said:
            return LeftOut(where, str(error).removeprefix(f"{where}: "))
        raise
    fields = {identifier(k): t for k, v in rest.items() if (t := scalar(v)) is not None}
    question = _text(row, "question", where)
    if not media and not question and not ({*fields} & (rules.said.uses or {"hint"})):
        return LeftOut(where, VOID)
    if question:
        fields["question"] = question
    if media:
        _number(fields, row, choices, rules, where)
    labels = _labels(row, where)
    if rules.answered and not references:
        return LeftOut(where, "no right answer")
    part = {"split": _text(row, "split", where)} if isinstance(rules.split, tuple) and split == "test" else {}
    own_id = _text(row, "id", where)
    if own_id and (place := row.get(PLACE)):
        own_id = f"{own_id}-{place}"
    text = "\n".join([question, *choices.shown])
    return Sample(
        id=own_id or (ids or Ids()).of(row_id(text, media), split),
        media=media,
        fields=fields,
        references=references,
        choices=choices.shown,
        unit=_text(row, "unit", where),
        cluster=_text(row, "cluster", where) or _cluster(media, row),
        after=_text(row, "after", where) or None,
        labels=labels,
        stratum=_text(row, "stratum", where) or part.get("split", ""),
        metadata={
            **{k: _json(v, k, where) for k, v in rest.items()},
            **_mapping(row, "metadata", where),
            **part,
        },
        split=split,
    )


def _labels(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    given = _mapping(row, "labels", where).items()
    labels = {name: value for name, value in given if value is not None and value == value}  # NaN is empty
    try:
        check_labels(labels, "the row")
    except HemmError as error:
        raise BadData(f"{where}: field 'labels': {error}") from None
    return labels


def _number(
    fields: dict[str, str], row: Mapping[str, Any], choices: Choices, rules: Rules, where: str
) -> None:
    """Give ``fields`` the numbers of the row's pictures, where they are not 1, 2, ..."""
    if not rules.images_from:
        used = {"question", "hint", *(rules.said.uses or ())}
        check_numbers([*choices.shown, *(text for name, text in fields.items() if name in used)], where)
    numbers = picture_numbers((row.get(name) for name in MEDIA), int(rules.images_from or 1))
    if numbers != list(range(1, len(numbers) + 1)):
        fields[NUMBERS] = " ".join(map(str, numbers))


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
    read = [v for name in MEDIA for v in _flat(row.get(name))]
    return media[0].name if isinstance(read[0], str) and media[0].name else media[0].digest[:20]


def _listed(value: Any) -> Any:
    """The list that a text writes, where a cell holds one in place of a list of paths."""
    return text_list(value) if isinstance(value, str) and value[:1] == "[" else value


def _flat(value: Any) -> list[Any]:
    """The values of a cell that give media, in their order."""
    if isinstance(value, list | tuple):
        return [item for v in value for item in _flat(v)]
    return [] if value is None or value == "" else [value]


def choices_in(row: Mapping[str, Any], rules: Rules, where: str) -> Choices:
    """The choices of a row, or the card's where it has none."""
    shown, names = choices_of(row.get("choices"), "choices", where)
    choices = Choices(
        shown or tuple(rules.labels.values()), names or tuple(row.get("names", ())), rules.labels
    )
    return choices.unlettered() if rules.marked else choices


def answer_in(row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The field that holds the right answers of a row, and these."""
    name = "answer" if empty(row.get("answers")) else "answers"
    value = row.get(name)
    values = list(value) if isinstance(value, list | tuple) else [value]
    return name, [] if all(map(empty, values)) else values  # an annotator of several may have said nothing


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    text = scalar(value)
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


def identifier(name: str) -> str:
    """A column name as an identifier for templates (``l2-category`` becomes ``l2_category``)."""
    safe = _NAME.sub("_", name)
    return safe if safe[:1].isalpha() or safe[:1] == "_" else f"_{safe}"
