"""``hemm run``: ask, judge, profile."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hemm.cli._common import FileOrText, KeyValue, Name, NumberOr, OneOf, print_errors, quiet_option
from hemm.cli._process import frugal_memory, interrupted
from hemm.core import CONTROLS, HemmError
from hemm.core.terminal import echo
from hemm.core.text import counted
from hemm.engine.option_values import run_options
from hemm.engine.options import TEXT, Option, RunOptions

if TYPE_CHECKING:
    from hemm.engine.options import CellResult, CellResults, Watcher
    from hemm.results.read import Cell

F = TypeVar("F", bound=Callable[..., Any])


def _options_of_runs(command: F) -> F:
    """``command`` with every option of ``RunOptions``, and ``--config`` after ``--out``."""
    known = {f.name: f for f in fields(RunOptions)}
    for name, about in reversed(RunOptions.table().items()):
        default, kind = known[name].default, str(known[name].type).removesuffix(" | None")
        if name == "out":
            config = click.Path(path_type=Path)
            command = click.option("--config", type=config, help="Options from a YAML file.")(command)
        arguments: dict[str, Any] = {
            "type": _type(name, kind, about),
            "help": about.help,
            "metavar": about.metavar,
        }
        if kind == "bool":
            arguments["is_flag"] = True
        elif about.several:
            arguments["multiple"] = True
        elif not about.words:  # the empty default is not one of the words, so click must not check it
            arguments["default"] = "auto" if about.auto and default == 0 else default
            arguments["show_default"] = about.show_default
        if about.bare:
            arguments |= {"is_flag": False, "flag_value": about.bare}
        command = click.option(f"--{(about.name or name).replace('_', '-')}", name, **arguments)(command)
    return command


def _type(name: str, kind: str, about: Option) -> Any:
    """The click type of an option; ``kind`` is the type of its field."""
    if about.words:
        return OneOf(name, about.words)
    if about.pairs:
        return KeyValue()
    if kind == "int" and about.least is not None:
        return NumberOr("auto") if about.auto else NumberOr(least=about.least)
    if name == "prompt":
        return FileOrText(TEXT)
    if name in ("tasks", "metrics"):
        return Name(name)
    if kind == "Path":
        return click.Path(path_type=Path, file_okay=name != "out")
    return {"int": int, "float": float}.get(kind)


@click.command(name="run")
@click.argument("models", nargs=-1, metavar="[MODEL]...", type=Name("models"))
@_options_of_runs
@quiet_option("a line for each cell, and errors")
@click.pass_context
def command(
    ctx: click.Context, /, models: tuple[str, ...], config: Path | None, quiet: bool, **values: Any
) -> int:
    """Ask MODELs (tiny) the samples of tasks (the probes), judge the answers, and print the profile."""
    frugal_memory()
    if config is not None:
        from_file = _merge(ctx, config, values)
        models = models or from_file
    options = _options(models, values)
    from hemm.analysis.early_stopping import run

    try:
        results = run(options, _watcher(quiet))
    except KeyboardInterrupt:
        return _interrupted(ctx)
    return _report(options, results, quiet)


def _merge(ctx: click.Context, config: Path, values: dict[str, Any]) -> tuple[str, ...]:
    """Set the options of the file that the command line does not set, and return the file's models."""
    from click.core import ParameterSource

    from hemm.engine.config import read_config

    params = {p.opts[0].lstrip("-"): p for p in ctx.command.params if isinstance(p, click.Option)}
    known = [name for name in params if name not in ("config", "help")]
    models: tuple[str, ...] = ()
    for name, value in read_config(config, [*known, "model"]).items():
        if name == "model":
            models = tuple(value) if isinstance(value, list) else ()
            continue
        param = params[name]
        assert param.name is not None
        if ctx.get_parameter_source(param.name) is not ParameterSource.DEFAULT:
            continue
        if isinstance(value, bool) != bool(param.is_flag) or (
            not param.multiple and isinstance(value, list) and len(value) != 1
        ):
            raise HemmError(f"--config {config}: {name} does not take {value!r}")
        raw = value if param.multiple or isinstance(value, bool) else value[0]
        try:
            values[param.name] = param.type_cast_value(ctx, raw)
        except click.BadParameter as error:
            raise HemmError(f"--config {config}: {name}: {error.message}") from error
    return models


def _options(models: tuple[str, ...], values: dict[str, Any]) -> RunOptions:
    return run_options(models=models or ("tiny",), command=("hemm", *sys.argv[1:]), **values)


def _watcher(quiet: bool) -> Watcher:
    from hemm.engine.options import Silent
    from hemm.engine.progress import Bar, Lines

    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


def _report(options: RunOptions, results: CellResults, quiet: bool) -> int:
    status = _forecast(results) if options.dry_run else _report_cells(options, results, quiet)
    for error in filter(None, (results.not_prepared, results.cannot_take)):
        echo(f"hemm: not asked: {error}", err=True)
        status = 3
    return status


def _report_cells(options: RunOptions, results: CellResults, quiet: bool) -> int:
    from hemm.analysis.profile import profile
    from hemm.analysis.study import Study
    from hemm.report.tables.profile import show
    from hemm.results import layout
    from hemm.results.read import cell

    scored = [r.folder for r in results if (r.folder / layout.SCORES / layout.AGGREGATES).exists()]
    cells = [cell(folder) for folder in dict.fromkeys(scored)]
    suite = len({r.perturb for r in results}) > 1
    plain = {r.folder for r in results if not r.perturb}  # of a suite the rest is for hemm compare
    if cells and not quiet:
        show(profile(Study.of([c for c in cells if c.folder in plain] if suite else cells)))
    for result in results:
        there = f"{result.answers - result.missing} of " if result.missing else ""
        answers = f"{there}{counted(result.answers, 'answer')}, {result.asked:,} asked now"
        more = _scored_besides(result, next((c for c in cells if c.folder == result.folder), None))
        changed = f" {result.perturb};" if result.perturb else ""
        echo(f"{result.folder}:{changed} {result.state}; {answers}{more}")
    if options.until_ci is not None:
        _print_checks(cells)
    if suite and options.part is None and not quiet:
        echo(f"for what each perturbation costs: hemm compare {options.out}")
    if options.part is None and not quiet and any(r.answers > r.missing for r in results):
        echo(f"for one page with figures and examples: hemm report {options.out}")
    if options.conditions and options.part is None and not quiet:
        echo(f"for what picture and text do together and alone: hemm interactions {options.out}")
    if (part := options.part) is not None:
        echo(f"part {part.number} of {part.count}: hemm merge {options.out} unites them")
    unchanged = _not_perturbed(results)
    errors = [
        (f"{r.task} {sample}{_changed(r)}", why)
        for r in results
        for sample, _, why in r.errors
        if not why.startswith(NOT_PERTURBED)
    ]
    if errors:
        echo(f"{counted(len(errors), 'sample')} ended in an error:", err=True)
        print_errors(errors)
        echo(_asked_again(len(errors), sum(r.permanent for r in results) - unchanged), err=True)
    stopped = [f"{r.model} on {r.task}: {r.stopped}" for r in results if r.stopped]
    for line in stopped:
        echo(f"hemm: stopped: {line}; the same command goes on from there", err=True)
    return 3 if errors or unchanged or stopped or any(_incomplete(result.folder) for result in results) else 0


NOT_PERTURBED = "perturb: "
"""How the reason of an error begins where ``--perturb`` could not change the sample."""


def _not_perturbed(results: Sequence[CellResult]) -> int:
    """Print how many samples of each cell could not be perturbed, and why; the number of all."""
    found: Counter[tuple[str, str, str]] = Counter(
        (r.task, r.perturb, why.removeprefix(NOT_PERTURBED))
        for r in results
        for _, _, why in r.errors
        if why.startswith(NOT_PERTURBED)
    )
    for (task, perturb, why), count in found.items():
        left = f"hemm: {task}, {perturb}: {counted(count, 'sample')} left out of scores"
        echo(f"{left}: {why}", err=True)
    return found.total()


def _scored_besides(result: CellResult, cell: Cell | None) -> str:
    """Words on a score over more answers than this command's selection has: those of earlier ones too."""
    if cell is None or len(cell.run["selections"]) < 2:
        return ""
    scored = sum(table.num_rows for table in cell.answers_in_turn(["id"]))
    if scored <= result.answers - result.missing:
        return ""
    return f"; {counted(scored, 'answer is', 'answers are')} scored, with those of earlier selections"


def _asked_again(errors: int, permanent: int) -> str:
    """What asks ``errors`` again, of which so many are ``permanent``."""
    if not permanent:
        return "hemm: the same command asks them again"
    if permanent == errors:
        return "hemm: they are permanent: the same command does not ask them again, --retry-errors does"
    return (
        f"hemm: the same command asks {errors - permanent:,} of them again, "
        f"--retry-errors also the {permanent:,} permanent ones"
    )


def _changed(result: CellResult) -> str:
    """`` (question removed)``: what a control shows in a cell; empty without one."""
    return f" ({CONTROLS[result.control].label})" if result.control else ""


def _incomplete(folder: Path) -> bool:
    """Whether samples of the cell's data were left out since their files are missing."""
    from hemm.results.checked import read_run

    run = read_run(folder) or {}
    return bool(run.get("pack", {}).get("met", {}).get("missing"))


def _print_checks(cells: Sequence[Cell]) -> None:
    """Print the last interim check of each cell."""
    from hemm.analysis.early_stopping import check_words

    for cell in cells:
        if words := check_words(cell.run):
            echo(f"{cell.model} on {cell.task}: {words}")


def _forecast(results: list[CellResult]) -> int:
    from hemm.engine.forecast import dollars

    for result in results:
        perturbed = f", {result.perturb}" if result.perturb else ""
        of = f"{result.asked} of {counted(result.answers, 'answer')} to ask"
        echo(f"{result.model} on {result.task}{_changed(result)}{perturbed}: {of}")
        if result.asked and result.forecast is not None:
            echo(f"  {result.forecast.line()}")
    costs = [r.forecast.most for r in results if r.forecast is not None and r.asked]
    known = [cost for cost in costs if cost is not None]
    if len(known) > 1:
        rest = ", without those of unknown cost" if len(known) < len(costs) else ""
        echo(f"in all at most {dollars(sum(known))}{rest}")
    return 0


def _interrupted(ctx: click.Context) -> int:
    why, status = interrupted()
    echo(f"hemm: {why}; what was answered is kept, the same command goes on from there", err=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # do not wait for a model's thread, which may be in the middle of a batch
    os._exit(status)
