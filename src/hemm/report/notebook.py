"""Results in a notebook: HTML without scripts, in the notebook's own colours; in a terminal, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import CONTROLS, HemmError
from hemm.core.terminal import printable
from hemm.core.text import counted
from hemm.engine.overlays.cell import OverlaidCell
from hemm.report.page import drawings, overview
from hemm.report.page.template import render
from hemm.report.tables import comparison as comparison_tables
from hemm.report.tables.profile import legend, stopped
from hemm.report.tables.scores import score_rows
from hemm.report.tables.selection_words import selections
from hemm.report.tables.writer import table_text

if TYPE_CHECKING:
    from hemm.analysis.compare import Comparison
    from hemm.analysis.profile import Profile
    from hemm.engine.options import CellResult
    from hemm.results.read import Cell

SHOWN = 200
"""Most rows of a table in a notebook."""


def profile_html(profile: Profile) -> str:
    """The radar, and tables of the tasks and categories."""
    subjects = overview.main_subjects(profile)
    lines = overview.lines(profile, subjects)
    radar = drawings.radar(lines, subjects)
    return render(
        "notebook.html",
        profile=profile,
        subjects=subjects,
        lines=lines,
        radar=None if radar is None else radar.page(),
        tasks=[row for row in profile.tasks if row.subject in profile.subjects][:SHOWN],
        controls=overview.controls_of(profile)[:SHOWN],
        control_words=CONTROLS,
        failures=overview.FAILURES,
        notes=[legend(profile), *stopped(profile), *selections(profile), *profile.notes],
        tables=(),
        text="",
    )


def comparison_html(comparison: Comparison) -> str:
    """The conclusions, and the tables of ``hemm compare``."""
    tables = [
        (title, list(columns), [[_shown(row.get(c)) for c in columns] for row in rows[:SHOWN]])
        for title, rows, columns in comparison_tables.tables(comparison)
    ]
    return _simple(tables=tables, notes=list(comparison_tables.lines(comparison)))


def text_html(text: str) -> str:
    """Text as it is, where there is nothing to draw."""
    return _simple(text=text)


def _simple(tables: Sequence[Any] = (), notes: Sequence[str] = (), text: str = "") -> str:
    return render("notebook.html", profile=None, tables=tables, notes=notes, text=text)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def results_text(folder: Path, cells: Sequence[Cell], runs: Sequence[CellResult] = ()) -> str:
    """One line for each metric of each cell, and what is not complete."""
    rows: list[Mapping[str, Any]] = []
    notes: list[str] = []
    for cell in cells:
        try:
            scores = score_rows(cell, found) if (found := cell.aggregates()).get("metrics") else []
        except HemmError as error:
            scores, notes = [], [*notes, str(error)]
        rows += [{**row, "state": cell.state} for row in scores]
        if not scores:
            rows.append({"model": cell.model, "task": cell.task, "state": cell.state})
    over = dict.fromkeys(cell.overlay.words for cell in cells if isinstance(cell, OverlaidCell))
    head = f"{counted(len(cells), 'cell')} of {folder}{''.join(f', with the {words}' for words in over)}"
    columns = ("model", "task", "metric", "value", "n", "failed", "state")
    shown = [table_text(rows[:SHOWN], columns)] if rows else []
    if len(rows) > SHOWN:
        shown.append(f"and {len(rows) - SHOWN} more rows: to_pandas() has all")
    for run in runs:
        if run.state == "planned" or run.forecast is not None:
            notes.append(f"{run.model} on {run.task}: {run.asked} of {counted(run.answers, 'answer')} to ask")
        elif run.stopped:
            notes.append(f"{run.model} on {run.task}: stopped: {run.stopped}")
        elif run.errors:
            notes.append(f"{run.model} on {run.task}: {counted(len(run.errors), 'sample')} ended in an error")
    return "\n".join([head, *shown, *notes])
