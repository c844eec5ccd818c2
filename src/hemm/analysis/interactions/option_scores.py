"""The stored log-probabilities of options of one model and task in every condition, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.interactions.conditions import Conditions
from hemm.core import AnswerFormat, HemmError, Sample
from hemm.engine.stored_task import task_of

if TYPE_CHECKING:
    from hemm.analysis.study.cell_scores import ScoreColumn
    from hemm.results.read import Cell

MOST_OPTIONS = 10
"""Most categories of a decision in the decomposition."""
NEVER = -9999.0
"""What servers write in place of the logarithm of 0, and what none of a text is below in earnest."""


@dataclass(frozen=True)
class OptionScores:
    """The samples whose options every condition has scored, in one order.

    ids, clusters  of each sample
    scores   condition -> natural-log probabilities, samples x options (-inf beyond those of a sample)
    right    marks of the right options, in the same form
    sizes    how many options each sample has
    sets     the set of options of each sample, by what they say
    places   column -> number of its category: equal numbers say the same within one set
    texts    what the categories of all samples say, where all have one set of options; else empty
    scored   what was scored: ``letters`` or ``texts``
    left     samples with stored options that are left out, by reason
    """

    ids: list[str]
    clusters: NDArray[np.object_]
    scores: Mapping[str, NDArray[np.float64]]
    right: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    sets: list[str]
    texts: tuple[str, ...]
    scored: str
    left: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.ids)

    def decisions(self, condition: str) -> NDArray[np.int64]:
        """The likeliest option of each sample."""
        return np.asarray(self.scores[condition].argmax(axis=1), dtype=np.int64)


def option_scores(conditions: Conditions, judged: ScoreColumn) -> OptionScores:
    """Those of the samples that were judged in every condition. Columns are in the order of what options say,
    so that a column says the same in one set of options.

    Raises HemmError where there are none: answers were generated, or are open.
    """
    task = task_of(conditions.cells["vl"].cell)
    tables = {name: first_answers(item.cell) for name, item in conditions.cells.items()}
    if not any(row["options"] for rows in tables.values() for row in rows.values()):
        raise HemmError(none_stored(task.answer, tables["vl"]))
    names = ["vl", *(name for name in tables if name != "vl")]
    reader = OptionReader(task.answer)
    left: dict[str, int] = {}
    kept: list[tuple[str, str, list[list[float]], Options]] = []
    for key, cluster in zip(judged.groups.tolist(), judged.clusters.tolist(), strict=True):
        own = [tables[name].get(key) for name in names]
        read = reader.read(own[0] or {"id": key})
        why = why_left(own, read)
        if why:
            left[why] = left.get(why, 0) + 1
            continue
        in_order = [[o["options"][i] for i in read.order] for o in own if o is not None]
        kept.append((key, cluster, in_order, read))
    if not kept:
        reasons = ", ".join(f"{n} {why}" for why, n in left.items())
        raise HemmError(f"no sample has options that were scored in every condition ({reasons})")
    widest = max(len(read.order) for *_, read in kept)
    scores = {name: np.full((len(kept), widest), -np.inf) for name in names}
    right = np.zeros((len(kept), widest), dtype=bool)
    for n, (_, _, own_scores, read) in enumerate(kept):
        right[n, list(read.right)] = True
        for name, values in zip(names, own_scores, strict=True):
            scores[name][n, : len(values)] = values
    sets = ["\n".join(read.texts) for *_, read in kept]
    return OptionScores(
        [key for key, *_ in kept],
        np.array([cluster for _, cluster, *_ in kept], dtype=object),
        scores,
        right,
        np.array([len(read.order) for *_, read in kept]),
        sets,
        kept[0][3].texts if len(set(sets)) == 1 else (),
        "letters" if getattr(task.answer, "lettered", False) else "texts",
        left,
    )


def first_answers(cell: Cell) -> dict[str, dict[str, Any]]:
    """Sample id -> its first answer."""
    names = ["id", "cluster", "repeat", "choices", "references", "options"]
    return {row["id"]: row for row in cell.answers(names).to_pylist() if row["repeat"] == 0}


def none_stored(answer: AnswerFormat, rows: Mapping[str, Mapping[str, Any]]) -> str:
    first = next(iter(rows.values()), None)
    if first is not None and not answer.options(_sample(first)):
        return "its answers are open: there are no options whose probabilities could be compared"
    return "its answers were generated: --set scoring=likelihood stores the log-probabilities of options"


def _sample(row: Mapping[str, Any]) -> Sample:
    return Sample(
        row["id"], choices=tuple(row.get("choices") or ()), references=tuple(row.get("references") or ())
    )


def why_left(own: list[dict[str, Any] | None], read: Options) -> str:
    if any(o is None or not o["options"] for o in own):
        return "without options in some condition"
    if not read.order:
        return "with open answers"
    if not read.right:
        return "whose right answer is none of the options"
    values = [o["options"] for o in own if o is not None]
    if any(len(v) != len(read.order) for v in values):
        return "with other options in some condition"
    if any(math.isnan(x) or x == math.inf for v in values for x in v):
        return "with an option whose log-probability is no number"
    if any(x <= NEVER for v in values for x in v):
        return "with an option of probability 0"
    return ""


@dataclass(frozen=True)
class Options:
    """The options of a sample in the order of what they say: their places, texts, and which are right."""

    order: tuple[int, ...]
    texts: tuple[str, ...]
    right: tuple[int, ...]


class OptionReader:
    """Reads options and right answers as the answer format does; equal ones once."""

    def __init__(self, answer: AnswerFormat) -> None:
        self._answer = answer
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], Options] = {}

    def read(self, row: Mapping[str, Any]) -> Options:
        sample = _sample(row)
        key = (sample.choices, tuple(r for r in sample.references if isinstance(r, str)))
        if key not in self._known:
            self._known[key] = self._read(sample)
        return self._known[key]

    def _read(self, sample: Sample) -> Options:
        options = self._answer.options(sample)
        lettered = getattr(self._answer, "lettered", False)
        said = [str(self._answer.parse(o, sample)) if lettered else o for o in options]
        order = tuple(sorted(range(len(options)), key=lambda i: said[i]))
        wanted = {self._answer.render(r, sample) for r in sample.references if isinstance(r, str)}
        right = tuple(place for place, i in enumerate(order) if options[i] in wanted)
        return Options(order, tuple(said[i] for i in order), right)
