"""``hemm report``: results as one HTML file, as PDF or picture, and its figures and tables for papers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import (
    NumberOr,
    OneOf,
    each_option,
    model_option,
    normalise_option,
    open_in_browser,
    overlay_options,
    results_argument,
    task_option,
)
from hemm.cli._process import frugal_memory, one_thread
from hemm.core import HemmError
from hemm.core.terminal import echo

if TYPE_CHECKING:
    from hemm.results.read import Cell

FORMATS = ("html", "pdf", "png")


@click.command(name="report")
@results_argument()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write (report.html in DIR).",
)
@model_option(": only this one, with its controls; may be given several times.")
@task_option()
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--format",
    "format_",
    type=OneOf("format", FORMATS),
    metavar="|".join(FORMATS),
    help="PDF or a picture of the page, by an installed browser (what FILE ends in, else html).",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each figure as SVG and PDF for a paper into DIR, too.",
)
@click.option("--latex", is_flag=True, help="Its tables as LaTeX (booktabs) instead, printed or to FILE.")
@click.option("--markdown", is_flag=True, help="Its tables as Markdown instead, printed or to FILE.")
@normalise_option()
@click.option(
    "--examples",
    type=NumberOr(least=0),
    metavar="N",
    help="Examples of each kind for each task (as many as one page bears; 0: none).",
)
@each_option()
@overlay_options(beside=False)
def command(
    folder: Path,
    output: Path | None,
    open_: bool,
    each: bool,
    overlay: tuple[Path, ...],
    normalise: str,
    **options: Any,
) -> None:
    """Write the results in DIR (results) as one HTML file: figures, tables, examples, method."""
    frugal_memory()
    one_thread()
    from hemm.analysis.study.choosing import chosen_cells
    from hemm.engine.overlays.matching import overlaid
    from hemm.results.read import cells

    tables = bool(options["latex"] or options["markdown"])
    _one_form(options)
    chosen = chosen_cells(overlaid(cells(folder), overlay), options["models"], options["tasks"])
    how: dict[str, Any] = {"normalise": normalise, "common": not each}
    if tables:
        path = _tables(chosen, output, options["latex"], how)
    else:
        from hemm.report import write

        file = _file(folder, output, options["format_"])
        path = write(chosen, file, per_group=options["examples"], command=("hemm", *sys.argv[1:]), **how)
        echo(str(path))
    if options["figures"] is not None:
        from hemm.report.page.document import figures

        for drawn in figures(chosen, options["figures"], **how):
            echo(str(drawn), err=path is None)
    if open_ and path is not None:
        open_in_browser(path.resolve().as_uri())


def _one_form(options: dict[str, Any]) -> None:
    if sum(map(bool, (options["latex"], options["markdown"], options["format_"]))) > 1:
        raise HemmError("--latex, --markdown and --format each make something else: give one of them")


def _file(folder: Path, output: Path | None, format_: str | None) -> Path:
    """The file of the report, whose name says its format."""
    if output is None:
        return folder / f"report.{format_ or 'html'}"
    named = output.suffix.lower().lstrip(".")
    if format_ is not None and named in FORMATS and named != format_:
        raise HemmError(
            f"{output} is no name for {format_}: leave out --format, or end the name in .{format_}"
        )
    if format_ in ("pdf", "png") and named != format_:
        return output.with_name(f"{output.name}.{format_}")
    return output


def _tables(cells: Sequence[Cell], output: Path | None, latex: bool, how: dict[str, Any]) -> Path | None:
    """Print the tables, or write them to ``output``, which is returned."""
    from hemm.analysis.profile import profile
    from hemm.analysis.study import Study
    from hemm.data.files import write_atomic
    from hemm.report.tables.for_papers import to_latex, to_markdown

    if output is not None and output.is_dir():
        raise HemmError(f"{output} is a folder: name the file of the tables")
    found = profile(Study.of(cells), how["normalise"], common=how["common"])
    text = to_latex(found) if latex else to_markdown(found)
    if output is None:
        echo(text, nl=False)
        return None
    output.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(output, text.encode("utf-8"))
    echo(str(output))
    return output
