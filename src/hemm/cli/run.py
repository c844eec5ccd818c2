"""``hemm run``: ask, judge, profile."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import KeyValue, NumberOr, OneOf, out_option, print_errors
from hemm.core import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemm.engine.options import CellResult, RunOptions, Watcher
    from hemm.results.read import Cell

_SERVERS = ("vllm", "sglang", "llama.cpp")


@click.command(name="run")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--task", "tasks", multiple=True, metavar="T", help="A task; may be given several times.")
@click.option("--suite", default="", metavar="S", help="A suite of tasks (probes is the default).")
@click.option(
    "--where", type=KeyValue(), multiple=True, metavar="DIM=CATEGORY", help="All tasks so labelled."
)
@click.option("--limit", type=NumberOr(), metavar="N", help="Ask this many units of each task.")
@click.option("--until-ci", type=float, metavar="POINTS",
              help="Stop a task when its score is known to so many points to each side.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of selection and draws.")
@out_option("Where the results go.")
@click.option("--config", type=click.Path(path_type=Path), help="Options from a YAML file.")
@click.option("--control", type=OneOf("control", tuple(CONTROLS)), default=None, metavar="|".join(CONTROLS),
              help="Ask without the pictures, with grey ones, or with those of other samples.")  # fmt: skip
@click.option(
    "--perturb", default="", metavar="NAME:LEVEL", help="Change the pictures (noise:20, blur:2, ...)."
)
@click.option("--shots", type=NumberOr(least=0), default=0, metavar="K", help="Examples in the prompt.")
@click.option("--repeats", type=NumberOr(), default=1, metavar="N", help="Answers to each sample.")
@click.option("--prompt", type=click.Path(path_type=Path), help="Another prompt template (a file).")
@click.option("--system", default="", metavar="TEXT", help="Another system prompt.")
@click.option("--max-pixels", type=NumberOr(least=0), default=0, metavar="N", help="Shrink larger pictures.")
@click.option("--set", "settings", type=KeyValue(), multiple=True, metavar="KEY=VALUE",
              help="A generation setting (max_new_tokens, temperature, top_p, stop, thinking_budget, "
                   "scoring) or one of the model's own.")  # fmt: skip
@click.option(
    "--concurrency", type=NumberOr("auto"), default="auto", metavar="N|auto", help="Requests in flight."
)
@click.option("--stop-after", type=NumberOr(least=0), default=20, show_default=True, metavar="N",
              help="Stop when this many samples in a row fail alike (0: never).")  # fmt: skip
@click.option("--max-cost", type=float, metavar="USD", help="Stop before more than this is spent.")
@click.option(
    "--batch-size", type=NumberOr("auto"), default="auto", metavar="N|auto", help="Of a local model."
)
@click.option("--serve", default="", metavar="|".join(_SERVERS),
              help="Let this server, started for the run, answer for hf/ models.")  # fmt: skip
@click.option("--replicas", type=NumberOr("auto"), default=1, metavar="N|auto",
              help="Processes of a local model, one for each GPU.")  # fmt: skip
@click.option("--metric", "metrics", multiple=True, metavar="M", help="A metric beside the task's own.")
@click.option("--revision", default="", metavar="LABEL", help="Hub revision, or a label for a served model.")
@click.option("--card", "cards", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
              help="Card of your own data, or (a file with a key model) of a model.")  # fmt: skip
@click.option("--retry-errors", is_flag=True, help="Ask permanent errors again too.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked.")
@click.pass_context
def command(ctx: click.Context, /, models: tuple[str, ...], config: Path | None, **given: Any) -> int:
    """Ask MODELs (tiny) the samples of tasks (the probes), judge the answers, and print the profile."""
    # Arrow's own allocator keeps what it once had: with the system's a run takes a fifth less memory
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if config is not None:
        from_file = _merge(ctx, config, given)
        models = models or from_file
    options = _options(models, given)
    from hemm.analysis.early_stopping import run

    try:
        results = run(options, _watcher())
    except KeyboardInterrupt:
        return _interrupted(ctx)
    return _report(options, results)


def _merge(ctx: click.Context, config: Path, given: dict[str, Any]) -> tuple[str, ...]:
    """Put the file's options where the command line has none; gives the file's models."""
    from click.core import ParameterSource

    from hemm.core.errors import HemmError
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
            given[param.name] = param.type_cast_value(ctx, raw)
        except click.BadParameter as error:
            raise HemmError(f"--config {config}: {name}: {error.message}") from error
    return models


def _options(models: tuple[str, ...], given: dict[str, Any]) -> RunOptions:
    from hemm.core.errors import HemmError
    from hemm.engine.options import RunOptions

    prompt: Path | None = given.pop("prompt")
    template = None
    if prompt is not None:
        try:
            template = prompt.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise HemmError(f"--prompt {prompt} cannot be read: {why}") from error
    for name in ("concurrency", "batch_size", "replicas"):
        given[name] = 0 if given[name] == "auto" else given[name]
    given["card"], given["model_cards"] = _cards(given.pop("cards"))
    given["control"] = given["control"] or ""
    given["where"] = tuple("=".join(pair) for pair in given["where"])
    given["settings"] = tuple(given["settings"])
    return RunOptions(
        models=models or ("tiny",),
        prompt=template,
        prompt_name=str(prompt) if prompt is not None else "",
        command=("hemm", *sys.argv[1:]),
        **given,
    )


def _cards(paths: tuple[Path, ...]) -> tuple[Path | None, tuple[Path, ...]]:
    """The card of the data, and those of models, told apart by what they hold."""
    from hemm.core.errors import HemmError
    from hemm.models.cards import is_model_card

    models = tuple(path for path in paths if is_model_card(path))
    data = [path for path in paths if path not in models]
    if len(data) > 1:
        raise HemmError(f"--card {data[0]} and --card {data[1]} both describe data: give one")
    return (data[0] if data else None), models


def _watcher() -> Watcher:
    from hemm.engine.progress import Bar, Lines

    return Bar() if sys.stderr.isatty() else Lines()


def _report(options: RunOptions, results: list[CellResult]) -> int:
    if options.dry_run:
        return _forecast(results)
    from hemm.analysis.profile import profile
    from hemm.analysis.study import Study
    from hemm.report.tables.profile import show
    from hemm.results import layout
    from hemm.results.read import cell

    scored = [r.folder for r in results if (r.folder / layout.SCORES / layout.AGGREGATES).exists()]
    cells = [cell(folder) for folder in dict.fromkeys(scored)]
    if cells:
        show(profile(Study.of(cells)))
    for result in results:
        click.echo(f"{result.folder}: {result.state}; {result.answers} answers, {result.asked} asked now")
    if options.until_ci is not None:
        _looks(cells)
    click.echo(f"for one page with figures and examples: hemm report {options.out}")
    stopped = [f"{r.model} on {r.task}: {r.stopped}" for r in results if r.stopped]
    for line in stopped:
        click.echo(f"hemm: stopped: {line}; the same command goes on from there", err=True)
    errors = [(f"{r.task} {sample}", why) for r in results for sample, _, why in r.errors]
    if not errors:
        return 3 if stopped else 0
    click.echo(
        f"{len(errors)} samples ended in an error; the same command asks transient ones again:", err=True
    )
    print_errors(errors)
    return 3


def _looks(cells: Sequence[Cell]) -> None:
    """How well the scores of a run with ``--until-ci`` are known."""
    from hemm.analysis.early_stopping import check_words

    for cell in cells:
        if words := check_words(cell.run):
            click.echo(f"{cell.model} on {cell.task}: {words}")


def _forecast(results: list[CellResult]) -> int:
    from hemm.engine.forecast import dollars

    for result in results:
        click.echo(f"{result.model} on {result.task}: {result.asked} of {result.answers} answers to ask")
        if result.asked and result.forecast is not None:
            click.echo(f"  {result.forecast.line()}")
    costs = [r.forecast.most for r in results if r.forecast is not None and r.asked]
    known = [cost for cost in costs if cost is not None]
    if len(known) > 1:
        rest = ", without those of unknown cost" if len(known) < len(costs) else ""
        click.echo(f"in all at most {dollars(sum(known))}{rest}")
    return 0


def _interrupted(ctx: click.Context) -> int:
    click.echo("hemm: interrupted; what was answered is kept, the same command goes on from there", err=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # a model's thread may be in the middle of a batch: its end is not worth waiting for
    os._exit(130)
