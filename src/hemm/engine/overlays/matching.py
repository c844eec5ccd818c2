"""Overlays over the cells of a results folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hemm.core import HemmError
from hemm.core.errors import nearest
from hemm.core.taxonomy import declare_free
from hemm.core.user_files import shown
from hemm.data.readers.label_rows import unusable
from hemm.engine.overlays.cell import OverlaidCell
from hemm.engine.overlays.effect import effect_of
from hemm.engine.overlays.rows import GOLD, LABEL, Overlay, OverlayRow, Wrong, read_overlays
from hemm.engine.overlays.scored import ScoredCell
from hemm.results.read import Cell
from hemm.results.selections import ALL, rule_of


def overlaid(cells: Sequence[Cell], files: Sequence[Path], *, writing: bool = False) -> list[Cell]:
    """``cells`` under the overlay in ``files``; as they are where there are none.

    writing  for ``hemm score``: the cells have the scores that are kept of them, and no others
    Labels that are no part of the taxonomy become dimensions of this process. Raises HemmError, and BadData
    naming all rows that cannot be used: of tasks and samples that do not exist, or with right answers that
    cannot be.
    """
    if not files:
        return list(cells)
    overlay = read_overlays(files)
    effects = [effect_of(cell, overlay) for cell in cells]
    wrong: Wrong = {}
    for effect in effects:
        for reason, rows in effect.wrong.items():
            for row in rows:
                _add(wrong, reason, row, f"{row.sample!r}: {shown(row.value)}")
    met = {row for effect in effects for row in (*effect.used, *effect.stale)}
    _unknown(overlay, cells, met, wrong)
    where = " and ".join(map(str, files))
    if wrong:
        raise unusable(where, wrong)
    if not any(effect.used for effect in effects):
        said = [row for row in overlay.rows if row.kind in (LABEL, GOLD)]
        why = "all samples have changed since" if met else "no sample of it is among these answers"
        raise HemmError(
            f"{where}: nothing of it applies to these results: {why if said else 'no labels, no gold'}"
        )
    for name, categories in overlay.categories.items():
        declare_free(name, categories)
    kind = OverlaidCell if writing else ScoredCell
    return [kind.of(cell, overlay, effect) for cell, effect in zip(cells, effects, strict=True)]


def stale_rows(cells: Sequence[Cell], file: Path) -> list[OverlayRow]:
    """The rows of a file that are about samples of these cells that have changed since they were labelled.

    Raises HemmError, and BadData as ``read_overlays``.
    """
    overlay = read_overlays([file])
    effects = [effect_of(cell, overlay) for cell in cells]
    used = {row for effect in effects for row in effect.used}
    stale = {row for effect in effects for row in effect.stale} - used
    return sorted(stale, key=lambda row: row.number)


def _add(wrong: Wrong, reason: str, row: OverlayRow, said: str) -> None:
    rows = wrong.setdefault(reason, [])
    if (row.number, said) not in rows:
        rows.append((row.number, said))


def _unknown(overlay: Overlay, cells: Sequence[Cell], met: set[OverlayRow], wrong: Wrong) -> None:
    """Adds the rows of tasks that are neither here nor hemm's, and of samples that their task has not."""
    from hemm.tasks import TASKS

    here: dict[str, list[Cell]] = {}
    for cell in cells:
        here.setdefault(cell.task, []).append(cell)
    known: dict[str, set[str] | None] = {}
    for row in overlay.rows:
        if row.kind not in (LABEL, GOLD) or row in met:
            continue
        if row.task not in here:
            if not _is_listed(row.task):
                close = nearest(row.task, [*here, *TASKS.names()])
                hint = f"; did you mean {close!r}?" if close else ""
                _add(wrong, "an unknown task", row, f"{row.task!r}{hint}")
            continue
        if row.task not in known:
            known[row.task] = _samples(here[row.task])
        samples = known[row.task]
        if samples is not None and row.sample not in samples:
            _add(wrong, f"an unknown sample of {row.task}", row, repr(row.sample))


def _is_listed(task: str) -> bool:
    from hemm.tasks.selection import listed

    try:
        listed(task)
    except HemmError:
        return False
    return True


def _samples(cells: Iterable[Cell]) -> set[str] | None:
    """All samples that a task has, as far as can be told: those of its pack where it is here, and of its
    answers, those that are not scored too. None where only a part was asked, and no pack is here."""
    found: set[str] = set()
    whole = False
    for cell in cells:
        whole = whole or (rule_of(cell.run) == ALL and cell.state != "open")
        found.update(cell.answers(["id"])["id"].to_pylist())
        found.update(cell.unscored()["id"].to_pylist())
        if (packed := _of_pack(cell)) is not None:
            found, whole = found | packed, True
    return found if whole else None


def _of_pack(cell: Cell) -> set[str] | None:
    """The samples of the pack that the cell was asked from; None where it is not here."""
    from hemm.data.pack.prepare import current_pack
    from hemm.engine.stored_task import task_of

    try:
        pack = current_pack(task_of(cell))
    except HemmError:
        return None
    if pack is None or pack.hash != (cell.run.get("pack") or {}).get("hash"):
        return None
    return set(pack.index().ids)
