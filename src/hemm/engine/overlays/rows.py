"""Files of overlays: what people say of samples, row by row, checked before any of it is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError, digest
from hemm.core.errors import nearest
from hemm.core.taxonomy import taxonomy
from hemm.core.user_files import shown
from hemm.data.readers.label_rows import label_rows, label_text, unusable
from hemm.results.answer_record import ANSWER_SCHEMA, CALL_SCHEMA, is_media
from hemm.results.flat import RENAMED, WHOSE
from hemm.results.layout import SCORE_SCHEMA

REQUIRED = ("task", "sample", "kind", "field", "value")
COLUMNS = ("task", "sample", "sample_hash", "kind", "field", "value", "model", "repeat")
"""Columns that are read. Others (who labelled, notes) are for people."""
LABEL, ERROR, GOLD, SCORE = "label", "error", "gold", "score"
KINDS = (LABEL, ERROR, GOLD, SCORE)
REFERENCE, EXCLUDE = "reference", "exclude"
SHORT = 12
"""Digits of a digest that people see."""

_ALSO_CALLED = {"granularity": "fine_grained", "knowledge": "external_knowledge"}
_LIKE_DIMENSION = 0.75
"""A name of a free label that is as like the name of a dimension as this is taken for a slip."""
_TAKEN = {*WHOSE, *RENAMED.values(), *ANSWER_SCHEMA.names, *CALL_SCHEMA.names, *SCORE_SCHEMA.names}
_TAKEN |= {"metric", "headline", "counted", "overall", "overlay"}
"""What tables of hemm call other columns."""
MOST_CATEGORIES = 50
"""Of a label beside the taxonomy: one with more is no label."""

Wrong = dict[str, list[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class OverlayRow:
    """One row; ``number`` says where in its file. ``sample_hash`` is empty where the file has none."""

    file: str
    number: int
    task: str
    sample: str
    sample_hash: str
    kind: str
    field: str
    value: str
    model: str = ""
    repeat: str = ""

    @property
    def content(self) -> tuple[str, ...]:
        """All but where it stands."""
        facts = (self.task, self.sample, self.sample_hash, self.kind, self.field, self.value)
        return (*facts, self.model, self.repeat)

    def is_about(self, sample_hash: str) -> bool:
        """Whether it is about a sample of this content."""
        return self.sample_hash in ("", sample_hash)


@dataclass(frozen=True)
class Overlay:
    """The rows of one file, or of several that do not contradict each other.

    names   (name of the file, digest) of each
    digest  of the rows in one order, each once, whatever the files are called and however they are written
    rows    each content once, in one order
    """

    names: tuple[tuple[str, str], ...]
    digest: str
    rows: tuple[OverlayRow, ...]

    @classmethod
    def of(cls, name: str, rows: Iterable[OverlayRow]) -> Overlay:
        once = {row.content: row for row in rows}
        ordered = tuple(once[content] for content in sorted(once))
        content = digest([list(row.content) for row in ordered])
        return cls(((name, content),), content, ordered)

    @property
    def words(self) -> str:
        """``overlay gold.csv [3fa9c1d2ab07]``"""
        files = [f"{name} [{content[:SHORT]}]" for name, content in self.names]
        return f"overlay{'s' * (len(files) > 1)} {' and '.join(files)}"

    @property
    def categories(self) -> dict[str, list[str]]:
        """Labels beside the taxonomy -> their categories."""
        known = taxonomy()
        found: dict[str, set[str]] = {}
        for row in self.rows:
            if row.kind == LABEL and row.field not in known:
                found.setdefault(row.field, set()).add(row.value)
        return {name: sorted(values) for name, values in found.items()}


def read_overlays(paths: Sequence[Path]) -> Overlay:
    """The overlay in one file or several. Raises HemmError, and BadData naming every row that cannot be used,
    or that contradicts another."""
    each = [read_overlay(path) for path in paths]
    if len(each) == 1:
        return each[0]
    union = Overlay.of("", chain.from_iterable(one.rows for one in each))
    wrong: Wrong = {}
    in_order = [row for one in each for row in sorted(one.rows, key=lambda row: row.number)]
    _contradictions(in_order, wrong, lambda row: f"{row.file} row {row.number}")
    for one, other in _pairs(each):
        _other_references(one, other, wrong)
    if wrong:
        raise unusable(" and ".join(str(path) for path in paths), wrong)
    names = tuple(dict.fromkeys(name for one in each for name in one.names))
    return Overlay(names, union.digest, union.rows)


def read_overlay(path: Path) -> Overlay:
    """The overlay in a ``.csv``, ``.jsonl`` or ``.parquet`` file.

    >>> from pathlib import Path
    >>> text = "task,sample,kind,field,value\\nnlvr,dev-1,gold,reference,true\\n"
    >>> _ = Path("gold.csv").write_text(text)
    >>> read_overlay(Path("gold.csv")).words
    'overlay gold.csv [bd40c7c23fb8]'
    """
    rows: list[OverlayRow] = []
    wrong: Wrong = {}
    for number, row in label_rows(path, REQUIRED):
        found = _row(path, number, row, wrong)
        if found is not None:
            rows.append(found)
    _contradictions(rows, wrong, lambda row: str(row.number))
    if wrong:
        raise unusable(path, wrong)
    if not rows:
        raise BadData(f"{path} has no rows")
    overlay = Overlay.of(path.name, rows)
    for name, values in overlay.categories.items():
        if len(values) > MOST_CATEGORIES:
            why = f"the label {name!r} has {len(values):,} values: a label has {MOST_CATEGORIES} at most"
            raise BadData(f"{path}: {why}; what people note goes into a column of its own")
    return overlay


def _row(path: Path, number: int, row: Mapping[str, Any], wrong: Wrong) -> OverlayRow | None:
    """The row with its names as hemm writes them; None where it says nothing that can be used."""
    try:
        texts = {name: label_text(row, name, "") for name in COLUMNS}
    except HemmError as error:
        wrong.setdefault(str(error).removeprefix(": "), []).append((number, ""))
        return None
    texts["kind"] = texts["kind"].lower()
    if texts["kind"] == GOLD:
        texts["field"] = texts["field"].lower()
    if (found := _fault(texts)) is not None:
        reason, said = found
        wrong.setdefault(reason, []).append((number, said))
        return None
    if texts["kind"] != ERROR:
        texts["model"] = texts["repeat"] = ""
    return OverlayRow(path.name, number, **texts)


def _fault(texts: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong with a row, and what shows it; None where nothing is."""
    kind, field = texts["kind"], texts["field"]
    needed = [n for n in REQUIRED if n != "field" or kind in (LABEL, GOLD)]
    if lacking := [name for name in needed if not texts[name]]:
        return f"no {lacking[0]}", ""
    if kind not in KINDS:
        return f"a kind that is none of {', '.join(KINDS)}", _meant(kind, KINDS)
    if kind == GOLD and field not in (known := (REFERENCE, EXCLUDE)):
        return f"a field of gold that is none of {', '.join(known)}", _meant(field, known)
    if kind == GOLD and field == REFERENCE and is_media(texts["value"]):
        return "a picture as the right answer, which no overlay can give", ""
    return _checked_label(texts) if kind == LABEL else None


def _checked_label(texts: dict[str, str]) -> tuple[str, str] | None:
    """Writes dimension and category as the taxonomy does; gives what is wrong, and what shows it."""
    known = {name: dimension.categories for name, dimension in taxonomy().items()}
    name = _as_name(texts["field"])
    if name in _ALSO_CALLED:
        return "an unknown dimension", f"{shown(texts['field'])}; it is called {_ALSO_CALLED[name]!r}"
    if name not in known:
        close = _slip(name, tuple(known))
        if close:
            return "an unknown dimension", f"{shown(texts['field'])}; did you mean {close!r}?"
        taken = name in _TAKEN
        return ("a name that tables have for something else", shown(texts["field"])) if taken else None
    category = _as_name(texts["value"])
    if category not in known[name]:
        said = f"{_meant(texts['value'], known[name])}; known: {', '.join(known[name])}"
        return f"an unknown category of {name}", said
    texts["field"], texts["value"] = name, category
    return None


@lru_cache(maxsize=256)
def _slip(name: str, known: tuple[str, ...]) -> str:
    """The dimension that a name is a slip of; empty for none. A file has few names, each in many rows."""
    from difflib import SequenceMatcher

    close = nearest(name, known)
    like = close is not None and SequenceMatcher(None, name, close).ratio() >= _LIKE_DIMENSION
    return close if close is not None and like else ""


def _as_name(text: str) -> str:
    return text.lower().replace(" ", "_").replace("-", "_")


def _meant(text: str, known: Iterable[str]) -> str:
    close = nearest(text, known)
    return f"{shown(text)}; did you mean {close!r}?" if close else shown(text)


def _contradictions(rows: Iterable[OverlayRow], wrong: Wrong, place: Any) -> None:
    """Adds rows that say of one sample what cannot be at once: two categories of one dimension; that it is
    left out, and what its right answer is."""
    said: dict[tuple[str, str, str], list[OverlayRow]] = {}
    for row in rows:
        if row.kind in (LABEL, GOLD):
            named = row.field if row.kind == LABEL else f"\0{GOLD}"
            said.setdefault((row.task, row.sample, named), []).append(row)
    for (_, sample, _), several in said.items():
        if len(several) > 1:
            for one, other in dict.fromkeys(_clashes(several)):
                both = [f"{row.field} {shown(row.value)} in row {place(row)}" for row in (one, other)]
                words = f"{sample!r}: {' and '.join(both)}"
                wrong.setdefault("rows that contradict each other", []).append((other.number, words))


def _clashes(rows: Sequence[OverlayRow]) -> Iterator[tuple[OverlayRow, OverlayRow]]:
    """The first row, by content, and each later one that contradicts it."""
    by_hash: dict[str, list[OverlayRow]] = {}
    for row in rows:
        by_hash.setdefault(row.sample_hash, []).append(row)
    for key, own in by_hash.items():
        about = [*(by_hash.get("", ()) if key else ()), *own]
        first = about[0]
        for other in about[1:]:
            same_kind = first.field == other.field
            if (first.kind == LABEL and first.value != other.value) or not same_kind:
                yield first, other
                break


def _pairs(each: Sequence[Overlay]) -> Iterator[tuple[Overlay, Overlay]]:
    return ((one, other) for n, one in enumerate(each) for other in each[n + 1 :])


def _other_references(one: Overlay, other: Overlay, wrong: Wrong) -> None:
    """Adds samples for which two files have other right answers: within a file, several are all right."""
    both: list[dict[tuple[str, str], list[OverlayRow]]] = [{}, {}]
    for overlay, found in zip((one, other), both, strict=True):
        for row in overlay.rows:
            if row.kind == GOLD and row.field == REFERENCE:
                found.setdefault((row.task, row.sample), []).append(row)
    for key in both[0].keys() & both[1].keys():
        a, b = both[0][key], both[1][key]
        hashes = {row.sample_hash for row in (*a, *b)}
        for content in hashes:
            x, y = ({r.value for r in rows if r.is_about(content)} for rows in (a, b))
            if x and y and x != y:
                words = f"{key[1]!r}: {_set(x)} in {a[0].file}, {_set(y)} in {b[0].file}"
                wrong.setdefault("two files with other right answers", []).append((b[0].number, words))
                break


def _set(values: Iterable[str]) -> str:
    return ", ".join(sorted(map(repr, values)))
