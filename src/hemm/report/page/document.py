"""``write``: a results folder, or some of its cells, as one HTML file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import CONTROLS, HemmError, UnknownName
from hemm.core.secrets import hide
from hemm.core.text import counted
from hemm.core.user_files import shown
from hemm.report.figures.drawing import MOST
from hemm.report.page import drawings, overview
from hemm.report.page.comparison import comparison
from hemm.report.page.findings import asides, failed, holding, kinds
from hemm.report.page.first import first_screen, slice_words
from hemm.report.page.method import method, selection, stamp
from hemm.report.page.overlay import beside_rows, marked
from hemm.report.page.template import render
from hemm.report.page.together import together
from hemm.report.pictures import Gallery

if TYPE_CHECKING:
    from hemm.analysis.profile import Profile
    from hemm.analysis.study import Study, Subject
    from hemm.analysis.variance import Variance
    from hemm.results.read import Cell

NAME = "report.html"
"""The file's default name in a results folder."""


def write(
    results: str | Path | Iterable[Cell],
    file: str | Path | None = None,
    *,
    normalise: str = "anchored",
    common: bool = True,
    per_group: int | None = None,
    pictures: int = 3_000_000,
    command: Sequence[str] = (),
) -> Path:
    """Write the report of ``results`` (a folder, or cells, as ``hemm.load`` gives) to ``file``, and return
    its path.

    file        ``report.html`` in the folder by default; required for cells. A name that ends in ``.pdf`` or
                ``.png`` is made of the page by an installed browser
    per_group   examples of each kind and task; None: as many as fit on one page
    pictures    most bytes of encoded pictures
    command     the command line of the report, to be shown in it
    Raises HemmError where there are no results, or no browser that is needed; UnknownName for an unknown
    normaliser.
    """
    from hemm.data.files import write_atomic

    if not isinstance(file, str | Path | None) or "\0" in str(file):
        raise HemmError(f"file is {shown(file)}; give a text or a path")
    cells = _cells(results)
    if file is None:
        folder = results if isinstance(results, str | Path) else getattr(results, "folder", None)
        if folder is None:
            raise HemmError("a report of single cells needs a file to be written to")
        file = Path(folder) / NAME
    file = Path(file)
    if file.is_dir():
        raise HemmError(f"{file} is a folder: name the report's file (-o {file / NAME})")
    draw = _drawn_by(file)
    page = html(
        cells, normalise=normalise, common=common, per_group=per_group, pictures=pictures, command=command
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    data = hide(page).encode("utf-8")
    if draw is None:
        write_atomic(file, data)
        return file
    with tempfile.TemporaryDirectory(prefix="hemm-") as folder:
        html_file = Path(folder) / NAME
        html_file.write_bytes(data)
        draw(html_file, file)
    return file


def _drawn_by(file: Path) -> Callable[[Path, Path], None] | None:
    """What makes a file of this name from HTML; None for HTML itself. A browser that is not there is found
    out before the page is made."""
    from hemm.report import browser

    makers = {".pdf": browser.to_pdf, ".png": browser.to_png}
    if (draw := makers.get(file.suffix.lower())) is not None:
        browser.installed()
    return draw


def figures(
    cells: Sequence[Cell], folder: Path, *, normalise: str = "anchored", common: bool = True
) -> list[Path]:
    """Write every figure of the report as SVG and PDF for papers into ``folder``, and return the paths.

    They are as wide as a column, with the names of the models in them, and told apart without colours.
    Raises HemmError where there is nothing to draw.
    """
    study, profile, why = _profile(cells, normalise, common)
    if study is None or profile is None:
        raise HemmError(why)
    drawn = drawings.for_papers(study, profile, common)
    drawn += [one.drawing for one in found.figures] if (found := together(study)) is not None else []
    if not drawn:
        raise HemmError("no answer has a score: there is nothing to draw")
    folder.mkdir(parents=True, exist_ok=True)
    note = f"with {study.overlay.words}" if study.overlay is not None else ""
    return [path for one in drawn for path in one.save(folder, note)]


def _cells(results: str | Path | Iterable[Cell]) -> list[Cell]:
    if isinstance(results, str | Path):
        from hemm.results.read import cells

        return cells(Path(results))
    if not isinstance(results, Iterable):
        raise HemmError(f"{results!r} is no folder of results: give a folder of results, or cells")
    if not (found := list(results)):
        raise HemmError("no results to report")
    return found


def html(
    cells: Sequence[Cell],
    *,
    normalise: str = "anchored",
    common: bool = True,
    per_group: int | None = None,
    pictures: int = 3_000_000,
    command: Sequence[str] = (),
) -> str:
    """The report as HTML text; options as in ``write``."""
    study, profile, why = _profile(cells, normalise, common)
    values: dict[str, Any] = {
        "title": overview.title(profile, cells, []),
        "why": why,
        "profile": profile,
        "states": states(cells),
        "selection": _selections(cells),
        "dates": _dates(cells),
        "written": stamp(time.time()),
        "method": method(cells),
        "command": _command(command),
    }
    if study is not None and profile is not None:
        values |= _scored_sections(cells, study, profile, per_group, pictures)
        values |= _drawn_sections(study, profile, common)
        values |= {"overlay_use": study.overlay, "beside": beside_rows(study, profile, common)}
    return marked(render("report.html", **values), study.overlay if study is not None else None)


def _profile(cells: Sequence[Cell], normalise: str, common: bool) -> tuple[Study | None, Profile | None, str]:
    """The study of the cells and their profile; or why there is none yet."""
    from hemm.analysis.profile import profile
    from hemm.analysis.study import Study

    try:
        study = Study.of(cells).plain
        return study, profile(study, normalise, common=common), ""
    except UnknownName:
        raise
    except HemmError as error:
        return None, None, str(error)


def _scored_sections(
    cells: Sequence[Cell], study: Study, profile: Profile, per_group: int | None, pictures: int
) -> dict[str, Any]:
    from hemm.report.tables.perceptual import name_of
    from hemm.report.tables.profile import stopped

    subjects = overview.main_subjects(profile)
    lines = overview.lines(profile, subjects)
    gallery = Gallery(bytes_left=pictures)
    return {
        "title": overview.title(profile, cells, subjects),
        "subjects": subjects,
        "lines": lines,
        "beside_proposed": overview.beside_proposed(profile, subjects),
        "asides": asides(profile, subjects),
        "failed": failed(profile, subjects),
        "policy_lines": overview.policy_lines(profile, lines, subjects),
        "stopped": stopped(profile),
        "most": MOST,
        "controls": overview.controls_of(profile),
        "control_words": CONTROLS,
        "components": _components(study),
        "together": together(study),
        "perceptual_name": name_of,
        "shown_instead": overview.shown_instead(profile),
        "examples": overview.shown_examples(study, profile, subjects, gallery, per_group),
        "totals": overview.totals(profile, subjects),
        "failures": overview.FAILURES,
        "unlabelled": not any(line.dimension != "overall" for line in lines),
        "valued": any(c is not None and c.estimate.value is not None for line in lines for c in line.cells),
        "units": _units(profile, subjects),
    }


def _drawn_sections(study: Study, profile: Profile, common: bool) -> dict[str, Any]:
    """The first screen, the comparison, and the figures."""
    from hemm.analysis.compare.conclusions import ERROR
    from hemm.analysis.profile.picture import picture_gains

    subjects = overview.main_subjects(profile)
    lines = overview.lines(profile, subjects)
    compared = comparison(study, subjects, profile.normaliser, kinds(profile, subjects))
    alone = ERROR / max(1, kinds(profile, subjects))
    verdict, error = ((), alone) if compared is None else (compared.verdict, compared.error)
    gains = picture_gains(study, common) if profile.controls else []
    radar = drawings.radar(lines, subjects)
    curves, curves_left = drawings.curve_figures(study, subjects)
    levels, levels_left = drawings.level_figures(study, subjects)
    return {
        "compared": compared,
        "held": holding(profile, subjects, verdict, error),
        "first": first_screen(study, profile, subjects, gains, error),
        "slice_words": slice_words,
        "gains": gains,
        "gain_bars": drawings.gain_bars(gains, subjects),
        "curves": curves,
        "curves_left": curves_left,
        "levels": levels,
        "levels_left": levels_left,
        "radar": None if radar is None else radar.page(),
        "bars": drawings.bars(lines, subjects),
    }


def _components(study: Study) -> Variance | None:
    """The variance components; None where no score has any."""
    from hemm.analysis.variance import variance

    try:
        return variance(study)
    except HemmError:
        return None


def _units(profile: Profile, subjects: Sequence[Subject]) -> int:
    """Units of the model with the most."""
    keys = {s.key: 0 for s in subjects}
    for row in profile.tasks:
        if row.subject.key in keys:
            keys[row.subject.key] += row.units
    return max(keys.values(), default=0)


def states(cells: Sequence[Cell]) -> list[str]:
    """Warnings about cells that are not finished or have errors."""
    warnings = []
    for cell in cells:
        if cell.state == "open":
            answered = cell.answers(["id"]).num_rows if _readable(cell) else 0
            last: Mapping[str, Any] = (cell.run.get("selections") or [{}])[-1]
            wanted = (last.get("samples") or 0) * (last.get("repeats") or 1)
            told = f"{answered:,} of {counted(wanted, 'answer')}" if wanted else counted(answered, "answer")
            warnings.append(
                f"{cell.model} on {cell.task} is not finished: {told}; the same command goes on from there"
            )
        elif cell.state != "sealed":
            warnings.append(
                f"{cell.model} on {cell.task}: {cell.state}; the same command asks transient ones again"
            )
    return warnings


def _readable(cell: Cell) -> bool:
    try:
        cell.verify()
    except HemmError:
        return False
    return True


def _selections(cells: Sequence[Cell]) -> str:
    each = list(dict.fromkeys(selection(cell.run) for cell in cells))
    if len(each) > 1:
        return f"{len(each)} different selections (see the method)"
    return f"{each[0]} of each task" if len({cell.task for cell in cells}) > 1 else each[0]


def _dates(cells: Sequence[Cell]) -> str:
    started = [c["started"] for cell in cells for c in cell.run.get("commands") or ()]
    if not started:
        return "not finished yet"
    first, last = stamp(min(started))[:10], stamp(max(started))[:10]
    return first if first == last else f"{first} to {last}"


def _command(words: Sequence[str]) -> str:
    import shlex

    from hemm.core import redact

    return redact(shlex.join(words)) if words else ""
