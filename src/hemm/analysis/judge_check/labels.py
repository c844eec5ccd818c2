"""Labels by people, read from a file and matched with the answers that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hemm.analysis.judge_check.answers import ScoredAnswer, ScoredCell, ScoredCells
from hemm.core import BadData
from hemm.data.readers.label_rows import label_rows, label_text, rows_named, unusable

COLUMNS = ("task", "model", "protocol", "sample", "repeat", "digest", "annotator", "value")
REQUIRED = ("sample", "digest", "value")
Key = tuple[int, str, int]
"""Number of the cell, sample, repeat."""


@dataclass(frozen=True, slots=True)
class Label:
    """One row of the file; ``row`` is its number: of a line, or as spreadsheets count, the header as 1."""

    row: int
    task: str
    model: str
    protocol: str
    sample: str
    repeat: str
    digest: str
    annotator: str
    value: str


@dataclass
class Matched:
    """The labels of each answer.

    values     answer -> annotator -> label
    left_out   reason -> rows that are not used, with what shows it
    """

    values: dict[Key, dict[str, float]] = field(default_factory=dict)
    left_out: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def notes(self) -> Iterator[str]:
        for reason, rows in self.left_out.items():
            yield f"left out: {rows_named(reason, rows)}"


def read_labels(path: Path) -> list[Label]:
    """The rows of a file of labels. Raises HemmError, BadData with file and row."""
    found = [
        Label(number, *(label_text(row, name, f"{path}, row {number}") for name in COLUMNS))
        for number, row in label_rows(path, REQUIRED)
    ]
    if not found:
        raise BadData(f"{path} has no labels")
    return found


def match(labels: Sequence[Label], scored: ScoredCells, path: Path) -> Matched:
    """The labels of each answer of ``scored``.

    Rows without a value, of answers that have changed, or that the metric has no score of, are left out by
    name. Raises BadData with all rows that are about no answer, or whose value is none of the scale.
    """
    found, wrong = Matched(), dict[str, list[tuple[int, str]]]()
    places = [{(a.sample, a.repeat): a for a in cell.answers} for cell in scored.cells]
    samples = [{a.sample for a in cell.answers} for cell in scored.cells]
    for label in labels:
        if not label.value:
            found.left_out.setdefault("no value", []).append((label.row, ""))
            continue
        reason, said, key, value = _checked(label, scored, places, samples)
        if reason in _LEFT_OUT:
            found.left_out.setdefault(reason, []).append((label.row, said))
        elif reason:
            wrong.setdefault(reason, []).append((label.row, said))
        elif label.annotator in found.values.setdefault(key, {}):
            who = label.annotator or "annotators without a name"
            wrong.setdefault("an answer labelled twice", []).append((label.row, who))
        else:
            found.values[key][label.annotator] = value
    if wrong:
        raise unusable(path, wrong, "label")
    found.values = {key: own for key, own in found.values.items() if own}
    if not found.values:
        why = "; ".join(found.notes())
        raise BadData(f"{path}: no label can be used: {why}")
    return found


_CHANGED = "the answer has changed since it was labelled (digest)"
_UNSCORED = "the metric has no score of the answer"
_LEFT_OUT = (_CHANGED, _UNSCORED)
_NO_KEY: Key = (-1, "", 0)


def _checked(
    label: Label,
    scored: ScoredCells,
    places: Sequence[Mapping[tuple[str, int], ScoredAnswer]],
    samples: Sequence[set[str]],
) -> tuple[str, str, Key, float]:
    """Why the label is not used (empty: it is) and the text that shows it; the answer, and the value."""
    lacking = [name for name in REQUIRED if not getattr(label, name)]
    if lacking:
        return f"no {lacking[0]}", "", _NO_KEY, 0.0
    value = _number(label.value)
    if value is None or not scored.low <= value <= scored.high:
        scale = f"a value that is no number from {scored.low:g} to {scored.high:g}"
        return scale, repr(label.value), _NO_KEY, 0.0
    numbers = [n for n, cell in enumerate(scored.cells) if _is_of(label, cell)]
    if not numbers:
        who = ", ".join(repr(t) for t in (label.task, label.model, label.protocol) if t)
        return "no answers of this task, model and protocol that the metric scored", who, _NO_KEY, 0.0
    numbers = [n for n in numbers if label.sample in samples[n]]
    if not numbers:
        return "an unknown sample", repr(label.sample), _NO_KEY, 0.0
    repeat = int(label.repeat) if label.repeat.isdecimal() else 0 if not label.repeat else -1
    numbers = [n for n in numbers if (label.sample, repeat) in places[n]]
    if not numbers:
        return "a repeat that was not asked", f"{label.sample!r} repeat {label.repeat}", _NO_KEY, 0.0
    same = [n for n in numbers if places[n][label.sample, repeat].digest == label.digest]
    if not same:
        return _CHANGED, repr(label.sample), _NO_KEY, 0.0
    if len(same) > 1:
        return "the same answer in several cells (name model and protocol)", repr(label.sample), _NO_KEY, 0.0
    if places[same[0]][label.sample, repeat].score is None:
        return _UNSCORED, repr(label.sample), _NO_KEY, 0.0
    return "", "", (same[0], label.sample, repeat), value


def _is_of(label: Label, scored: ScoredCell) -> bool:
    cell = scored.cell
    names = ("", cell.model, f"{cell.model}@{cell.revision}", scored.subject)
    return label.task in ("", cell.task) and label.model in names and cell.protocol.startswith(label.protocol)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
