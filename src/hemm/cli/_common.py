"""Options, option types and output that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hemm.core.errors import HemmError, UnknownName
from hemm.core.secrets import redact
from hemm.core.terminal import echo
from hemm.core.text import storable
from hemm.engine.options import without_blanks

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from hemm.core import Task
    from hemm.results.read import Cell
    from hemm.tasks.suite_lists import Suite

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv", "markdown")
SHOWN_ERRORS = 10


def format_option(*formats: str) -> Callable[[F], F]:
    """``--format``, passed as ``format_``; the first of ``formats`` (``table``, ``json``) is the default."""
    allowed = formats or ("table", "json")
    return click.option(
        "--format",
        "format_",
        type=OneOf("format", allowed),
        default=allowed[0],
        show_default=True,
        metavar="|".join(allowed),
        help="How to print.",
    )


def results_argument(required: bool = False) -> Callable[[F], F]:
    """The argument ``DIR``, passed as ``folder``: an existing results folder."""
    return click.argument(
        "folder",
        metavar="DIR" if required else "[DIR]",
        required=required,
        default=None if required else Path("results"),
        type=click.Path(path_type=Path),
        callback=_must_be_folder,
    )


def _must_be_folder(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    if not value.is_dir():
        raise HemmError(f"no folder of results at {value}: hemm run --out {value} makes one")
    return value


def normalise_option(*more: str) -> Callable[[F], F]:
    """``--normalise``: ``anchored`` (default), ``paper``, and those in ``more`` (``rank``)."""
    names = ("anchored", "paper", *more)
    rank = "; or the share of the other models that an answer beats" if "rank" in more else ""
    return click.option(
        "--normalise",
        type=OneOf("normaliser", names),
        default="anchored",
        show_default=True,
        metavar="|".join(names),
        help="0 is chance (else the majority answer) and 1 the best possible; "
        f"or 0 is the worst of these models{rank}.",
    )


def failures_option() -> Callable[[F], F]:
    return click.option(
        "--failures",
        type=OneOf("reading of failures", ("zero", "out", "bounds")),
        default="zero",
        show_default=True,
        metavar="zero|out|bounds",
        help="Answers without a value: the worst score, left out, or both ends of what they can be.",
    )


def each_option() -> Callable[[F], F]:
    return click.option(
        "--each", is_flag=True, help="Each model on all its samples, not only those that all were asked."
    )


def model_option(help_: str) -> Callable[[F], F]:
    """``--model``, passed as ``models``: as ``Study.named`` finds it; may be given several times."""
    about = "A model's name, its name as hemm profile prints it, or the beginning of a protocol"
    return click.option("--model", "models", multiple=True, metavar="M", help=f"{about}{help_}")


def task_option(help_: str = "Only this task; may be given several times.") -> Callable[[F], F]:
    """``--task``, passed as ``tasks``."""
    return click.option("--task", "tasks", multiple=True, metavar="T", type=Name("tasks"), help=help_)


def overlay_options(beside: bool = True) -> Callable[[F], F]:
    """``--overlay``, passed as ``overlay``, and ``--overlay-beside``, passed as ``overlay_beside``."""
    option = click.option(
        "--overlay",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Labels and right answers by people (.csv, .jsonl, .parquet) over those that are stored; may be "
        "given several times.",
    )
    both = click.option(
        "--overlay-beside", is_flag=True, help="Print every value without the overlay beside the one with it."
    )
    return lambda command: option(both(command) if beside else command)


def check_beside(overlay: Sequence[Path], beside: bool) -> bool:
    """``beside``. Raises HemmError where there is no overlay to set it beside."""
    if beside and not overlay:
        raise HemmError("--overlay-beside prints values without and with an overlay: give --overlay FILE")
    return beside


def suite_option() -> Callable[[F], F]:
    """``--suite``, passed as ``suite``."""
    return click.option(
        "--suite",
        default="",
        metavar="S",
        help="Only the tasks of a suite (a name, or FILE.yaml), and all of them in one mean.",
    )


def of_suite(cells: Sequence[Cell], name: str) -> tuple[Suite | None, list[Cell]]:
    """The suite of that name, its tasks by their names, and the cells of its tasks; without one all cells.

    Raises HemmError where it has no cell here.
    """
    if not name:
        return None, list(cells)
    from hemm.tasks import resolve
    from hemm.tasks.registry import suite_of
    from hemm.tasks.suite_lists import Suite

    found = suite_of(name)
    suite = Suite(found.name, {resolve(task).name: weight for task, weight in found.weights.items()})
    chosen = [cell for cell in cells if cell.task in suite.weights]
    if not chosen:
        there = ", ".join(dict.fromkeys(cell.task for cell in cells)) or "none"
        raise HemmError(f"--suite {name}: none of its tasks is in these results; tasks here: {there}")
    return suite, chosen


class OneOf(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """One of a few words. Raises UnknownName, with the nearest word, for any other."""

    name = "choice"

    def __init__(self, kind: str, words: Sequence[str]) -> None:
        self.kind, self.words = kind, tuple(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.words:
            raise UnknownName(self.kind, str(value), self.words)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return _items(self.words, incomplete)


class Name(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """A text that a shell completes with the names of ``kind``: tasks, models or metrics; else with files."""

    name = "text"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = _items(_names(self.kind), incomplete)
        return found or [CompletionItem(incomplete, type="file")]


def _names(kind: str) -> list[str]:
    if kind == "tasks":
        from hemm.tasks import TASKS

        return TASKS.names()
    if kind == "metrics":
        from hemm.metrics import METRICS

        return METRICS.names()
    from hemm.models import MODELS

    prefixes = ("hf", "text", "openai", "anthropic", "google", "azure", "openrouter", "worker")
    return [
        f"{name}/" if name in prefixes else name for name in MODELS.names() if not name.startswith("http")
    ]


def _items(words: Sequence[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def quiet_option(what: str) -> Callable[[F], F]:
    """``--quiet``, passed as ``quiet``. ``what`` is left then."""
    return click.option("-q", "--quiet", is_flag=True, help=f"No progress and no notes: {what}.")


class NumberOr(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """A whole number of at least ``least``, passed as int, or one of a few words (``auto``)."""

    name = "number"

    def __init__(self, *words: str, least: int = 1) -> None:
        self.words, self.least = words, least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int) or value in self.words:
            return value if isinstance(value, int) else str(value)
        try:
            number = int(str(value))
        except ValueError:
            number = self.least - 1
        if number < self.least:
            words = "".join(f" or {word!r}" for word in self.words)
            self.fail(f"{value!r} is not a whole number of at least {self.least}{words}", param, ctx)
        return number


class KeyValue(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """``KEY=VALUE``, passed as a pair of texts."""

    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        key, sign, text = str(value).partition("=")
        if not sign or not key.strip():
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return without_blanks(key, text)


class FileOrText(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """The name of a file, passed as a path; or ``prefix`` and a text, passed as that text."""

    name = "file"

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        if isinstance(value, Path):
            return value
        if not value:
            self.fail(f"'' is empty; name a file, or give {self.prefix} and the text itself", param, ctx)
        return value.removeprefix(self.prefix) if value.startswith(self.prefix) else Path(value)


def print_errors(errors: Sequence[tuple[str, str]], shown: int = SHOWN_ERRORS) -> None:
    """Print up to ``shown`` (where, why) of samples that ended in ``error`` on stderr, and count the
    others."""
    for where, why in errors[:shown]:
        echo(f"  {storable(where)}: {' '.join(storable(redact(why)).split())}", err=True)
    if len(errors) > shown:
        echo(f"  and {len(errors) - shown} more", err=True)


def open_in_browser(address: str) -> None:
    """Open a page in the user's browser; one line on stderr where there is none."""
    import webbrowser

    if not webbrowser.open(address):
        echo(f"hemm: no browser was found here: open {address}", err=True)


def print_findings(task: Task) -> None:
    """Print what the preparation of the task's pack met, on stderr."""
    from hemm.data.pack.prepare import current_pack
    from hemm.data.pack.quality import told

    try:
        pack = current_pack(task)
    except HemmError:  # a damaged pack is no pack; prepare makes it anew
        return
    for line in told(task.name, pack.info) if pack else ():
        echo(line, err=True)
