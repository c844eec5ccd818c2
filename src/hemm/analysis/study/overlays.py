"""What an overlay changes in the cells of a study, in numbers and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemm.core import storable
from hemm.core.text import counted
from hemm.data.readers.label_rows import rows_named
from hemm.engine.overlays.cell import OverlaidCell
from hemm.engine.overlays.rows import ERROR, GOLD, LABEL, SCORE, OverlayRow
from hemm.engine.overlays.scored import ScoredCell

if TYPE_CHECKING:
    from hemm.engine.overlays.effect import Effect
    from hemm.engine.overlays.rows import Overlay
    from hemm.results.read import Cell

SHOWN = 6
"""Most samples that a sentence names."""


@dataclass(frozen=True)
class OverlayUse:
    """An overlay and what it changes here. The numbers are of samples, each counted once for a task.

    words       ``overlay gold.csv [3fa9c1d2ab07]``
    names       (name of the file, digest) of each
    relabelled  have another label than stored
    corrected   have another right answer than stored
    excluded    (task, sample) -> why it is left out; empty: with another of its unit
    stale       rows about samples that have changed since
    elsewhere   rows about tasks and samples that have no answers here
    others      kind of row that no score uses -> their number
    left_out    metrics that scored the answers and do not under the overlay, and why
    errors      (task, model, type of error) -> answers, as people said
    """

    words: str
    names: tuple[tuple[str, str], ...]
    digest: str
    relabelled: int
    corrected: int
    excluded: Mapping[tuple[str, str], str]
    stale: tuple[OverlayRow, ...]
    elsewhere: int
    others: Mapping[str, int]
    unhashed: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> OverlayUse | None:
        """That of these cells; None where no overlay lies over them."""
        over = [cell for cell in cells if isinstance(cell, ScoredCell)]
        if not over:
            return None
        overlay = over[0].overlay
        used = {row for cell in over for row in cell.effect.used}
        stale = {row for cell in over for row in cell.effect.stale} - used
        said = [row for row in overlay.rows if row.kind in (LABEL, GOLD)]
        labels, right = (
            {(c.task, s) for c in over for s in getattr(c.effect, name)} for name in ("labels", "references")
        )
        left_out = {spec: why for cell in over for spec, why in _left_out(cell).items()}
        return cls(
            overlay.words,
            overlay.names,
            overlay.digest,
            len(labels),
            len(right),
            {(cell.task, sample): why for cell in over for sample, why in cell.effect.excluded.items()},
            tuple(sorted(stale, key=lambda row: (row.file, row.number))),
            len(said) - len(used) - len(stale),
            Counter(row.kind for row in overlay.rows if row.kind in (ERROR, SCORE)),
            sum(not row.sample_hash for row in used),
            left_out,
            _errors(overlay, over),
        )

    def notes(self) -> Iterator[str]:
        """What it changes, and what of it is not used."""
        counts = f"{counted(self.relabelled, 'sample')} with other labels, {self.corrected:,} with other"
        yield f"{self.words}: {counts} right answers, {len(self.excluded):,} left out"
        if self.excluded:
            yield f"left out by the {self.words}: {self._named()}"
        if self.stale:
            several = len(self.names) > 1
            rows = [
                (row.number, f"{f'{row.file}: ' * several}{row.task} {row.sample!r}") for row in self.stale
            ]
            words = "rows about samples that have changed since they were labelled, not used"
            yield f"{self.words}: {rows_named(words, rows)}"
        if self.unhashed:
            rows_ = counted(self.unhashed, "row")
            yield f"{self.words}: {rows_} without sample_hash, taken for the samples as they are now"
        if self.elsewhere:
            yield f"{self.words}: {counted(self.elsewhere, 'row')} about samples without answers here"
        if self.others.get(ERROR):
            rows_ = counted(self.others[ERROR], "row")
            yield f"{self.words}: {rows_} on errors of answers, which change no score"
        if self.others.get(SCORE):
            rows_ = counted(self.others[SCORE], "score")
            yield f"{self.words}: {rows_} of answers not used: hemm judge-check reads such"
        for spec, why in self.left_out.items():
            yield (
                f"{self.words}: {spec} has no scores under it, since {why}: hemm score with --overlay and "
                f"--metric {spec} makes them"
            )

    def _named(self) -> str:
        several = len({task for task, _ in self.excluded}) > 1
        each = []
        for (task, sample), why in list(self.excluded.items())[:SHOWN]:
            name = f"{task} {sample}" if several else sample
            reason = " ".join(why.split()) or "with another sample of its unit"  # a note is one line
            each.append(f"{name} ({reason})")
        more = len(self.excluded) - SHOWN
        return ", ".join(each) + (f" and {more} more" if more > 0 else "")

    def to_json(self) -> dict[str, Any]:
        """The member ``overlay`` of a profile or a comparison."""
        excluded = [
            {"task": task, "sample": storable(sample), "why": storable(why)}
            for (task, sample), why in self.excluded.items()
        ]
        return {
            "files": [{"name": storable(name), "digest": content} for name, content in self.names],
            "digest": self.digest,
            "relabelled": self.relabelled,
            "corrected": self.corrected,
            "excluded": excluded,
            "stale_rows": len(self.stale),
            "rows_elsewhere": self.elsewhere,
            "metrics_left_out": dict(self.left_out),
            "errors": [
                {"task": task, "model": model, "type": kind, "answers": count}
                for (task, model, kind), count in self.errors.items()
            ],
        }


def _left_out(cell: ScoredCell) -> Mapping[str, str]:
    from hemm.core import HemmError

    try:
        return cell.left_out
    except HemmError:
        return {}


def _errors(overlay: Overlay, cells: Sequence[ScoredCell]) -> dict[tuple[str, str, str], int]:
    """The types of errors that people found in the answers at hand."""
    models = {(cell.task, cell.model) for cell in cells}
    found: Counter[tuple[str, str, str]] = Counter()
    for row in overlay.rows:
        if row.kind == ERROR and (not row.model or (row.task, row.model) in models):
            found[row.task, row.model, row.value] += 1
    return dict(sorted(found.items()))


def stored_cell(cell: Cell) -> Cell:
    """A cell without the overlay that lies over it."""
    return cell.plain if isinstance(cell, OverlaidCell) else cell


def effect_on(cell: Cell) -> Effect | None:
    """What an overlay changes in a cell; None where none lies over it."""
    return cell.effect if isinstance(cell, ScoredCell) else None
