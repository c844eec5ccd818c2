"""The ``hemm`` program: commands are imported when they are called; every error is one line.

Exit status: 0 complete; 2 bad input; 3 finished, but some samples ended in ``error``; 130 interrupted, 143
and 129 by SIGTERM and SIGHUP; 141 the reader of the output is gone; 1 a fault of hemm itself.
``HEMM_DEBUG=1`` shows where an error came from. A command returns its status, None for 0.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click

from hemm.cli._examples import EXAMPLES
from hemm.cli._process import end_as_interrupted, forgive_streams, interrupted, lost
from hemm.core.errors import HemmError, MissingExtra, UnknownName
from hemm.core.secrets import redact
from hemm.core.terminal import echo
from hemm.core.text import storable
from hemm.core.user_files import real_names

COMPLETE, FAULT, BAD_INPUT, WITH_ERRORS, BROKEN_PIPE = 0, 1, 2, 3, 141

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("hemm.cli.run:command", "Ask models the samples of tasks, judge and profile the answers."),
    "prepare": ("hemm.cli.prepare:command", "Turn a task's source into a pack, once."),
    "tasks": ("hemm.cli.tasks:command", "List the tasks, or show one."),
    "models": ("hemm.cli.models:command", "List the models, or show one."),
    "metrics": ("hemm.cli.metrics:command", "List the metrics, or show one."),
    "merge": ("hemm.cli.merge:command", "Unite the shards of a run in one folder of results."),
    "score": ("hemm.cli.score:command", "Judge stored answers again, without the model."),
    "profile": ("hemm.cli.profile:command", "Print scores by every dimension, with intervals and outcomes."),
    "show": ("hemm.cli.show:command", "Show one answer: prompt, answer, what was read of it, scores."),
    "report": ("hemm.cli.report:command", "Write one self-contained HTML page about the results."),
    "serve": ("hemm.cli.serve:command", "Look at results in a browser: every answer, runs in progress."),
    "annotate": ("hemm.cli.annotate:command", "Let people vote on answers and label samples, blind."),
    "verify": ("hemm.cli.verify:command", "Ask a model what its makers report figures on, and compare."),
    "preferences": ("hemm.cli.preferences:command", "What pairwise votes say of models and metrics."),
    "paper": ("hemm.cli.paper:command", "The HEMM paper's aggregates, from its published figures."),
    "doctor": ("hemm.cli.doctor:command", "Say what is set, installed and ready; whether results are whole."),
    "compare": ("hemm.cli.compare:command", "Compare models: paired tests, ranks, and what labels explain."),
    "variance": (
        "hemm.cli.variance:command",
        "Say where the uncertainty of a score comes from, and what more answers would buy.",
    ),
    "probes": (
        "hemm.cli.probes:command",
        "Say what labels cost a model on the probes of version 2, and what breaks first.",
    ),
    "interactions": (
        "hemm.cli.interactions:command",
        "Say what picture and text do together and alone, and whether labels say so.",
    ),
    "judge-check": (
        "hemm.cli.judge_check:command",
        "Check a judge against labels by people, and put scores right by them.",
    ),
    "diff": ("hemm.cli.diff:command", "Show answers that flipped between two models or checkpoints."),
    "completion": ("hemm.cli.completion:command", "Print the script by which a shell completes hemm."),
}
"""Command -> where it lives, what it does. ``hemm --help`` reads this alone."""

_EXTRAS = {"torch": "hf", "transformers": "hf", "safetensors": "hf"}
"""Package -> the extra that installs it, for commands that do not raise MissingExtra themselves."""


class LazyGroup(click.Group):
    """Imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, (where, _) in COMMANDS.items() if _exists(where)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(COMMANDS[cmd_name][0]):
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        if cmd_name in EXAMPLES:
            command.epilog = f"Example: {EXAMPLES[cmd_name]}"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise UnknownName("command", name, self.list_commands(ctx), hint="hemm --help lists them")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _exists(where: str) -> bool:
    module = where.partition(":")[0]
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        echo(f"hemm {version('hemm')}")
        ctx.exit(COMPLETE)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 complete, 2 bad input, 3 some samples ended in an error, "
    "130 interrupted (143 by SIGTERM, 129 by SIGHUP).",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.pass_context
def group(ctx: click.Context) -> None:
    """Why a multimodal model succeeds or fails: by skill, information flow and use case."""
    if ctx.invoked_subcommand is None:
        echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> None:
    """Run the ``hemm`` command and end the process with its exit status."""
    forgive_streams()
    end_as_interrupted()
    warnings.filterwarnings("ignore", "Image size .* decompression bomb")  # hemm has a limit of its own
    if "_HEMM_COMPLETE" in os.environ:  # set by the script of hemm completion
        group.main(prog_name="hemm")
    code = status(list(sys.argv[1:] if args is None else args))
    sys.exit(_not_shown(code, error) if (error := lost(sys.stdout)) else code)


def _not_shown(code: int, error: OSError) -> int:
    """The exit status of a command whose output could not be written. Without a word where its reader is gone
    (``hemm tasks | head``)."""
    if error.errno == errno.EPIPE:
        return code or BROKEN_PIPE
    return _print_error(f"the output could not be written: {error.strerror or error}", code or BAD_INPUT)


def status(args: list[str]) -> int:
    """Run the command line ``args``, print any error as one line, and return the exit status."""
    try:
        code = _invoke(args)
        sys.stdout.flush()
        return code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else COMPLETE if end.code is None else BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        return _print_error(*interrupted())
    except click.ClickException as error:
        return _print_error(_click_line(error), BAD_INPUT)
    except HemmError as error:
        _debug(error)
        return _print_error(str(error), BAD_INPUT)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            return _fault(error)
        return _print_error(str(MissingExtra(f"this command ({error.name})", extra)), BAD_INPUT)
    except OSError as error:
        if error.filename is None and error.strerror is None:
            return _fault(error)
        return _print_error(
            f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), BAD_INPUT
        )
    except Exception as error:  # whatever it is, the user gets one line
        return _fault(error)


def _invoke(args: list[str]) -> int:
    try:
        with real_names(), group.make_context("hemm", args) as ctx:
            result: Any = group.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    return result if isinstance(result, int) else COMPLETE


def _click_line(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "hemm"
    if isinstance(error, click.NoSuchOption):
        known = (
            [o for p in ctx.command.params for o in (*p.opts, *p.secondary_opts)] if ctx is not None else []
        )
        known = [o for o in known if o.startswith("--")]
        return str(UnknownName("option", error.option_name, known, hint=f"{path} --help lists them"))
    words = error.format_message().rstrip(".")
    short = words if len(words) <= 300 else f"{words[:200]} ... {words[-60:]}"
    return f"{short}; {path} --help says more"


def _print_error(text: str, code: int) -> int:
    line = " ".join(storable(redact(text)).split())
    echo(f"hemm: {line}", err=True)
    return code


def _debug(error: BaseException) -> None:
    """Print the traceback where ``HEMM_DEBUG`` is set."""
    if os.environ.get("HEMM_DEBUG"):
        import traceback

        echo(storable(redact("".join(traceback.format_exception(error)))), err=True)


def _fault(error: BaseException) -> int:
    _debug(error)
    kind = type(error).__name__
    return _print_error(
        f"a fault of hemm itself, please report it: {kind}: {error} (HEMM_DEBUG=1 shows where)", FAULT
    )
