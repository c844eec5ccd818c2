"""``hemm prepare``: sources into packs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import Name, quiet_option
from hemm.core.errors import HemmError
from hemm.core.terminal import echo, printable
from hemm.core.text import counted

if TYPE_CHECKING:
    from hemm.core import Task
    from hemm.data.pack.reader import Pack

WITH_ERRORS = 3


@click.command("prepare")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True, type=Name("tasks"))
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The data set's original files, instead of downloading them.",
)
@click.option("--limit", type=int, metavar="N", help="Prepare only the first N units of the selection order.")
@click.option(
    "--card",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Card file for data of your own (columns, prompt, labels).",
)
@click.option(
    "--private-addresses",
    is_flag=True,
    help="Fetch pictures from private and local addresses too, where rows name such.",
)
@quiet_option("a line for each task, and what is missing")
def command(
    tasks: Sequence[str],
    folder: Path | None,
    limit: int | None,
    card: Path | None,
    private_addresses: bool,
    quiet: bool,
) -> int:
    """Turn a task's source into a pack, once; runs then read the pack alone.

    TASK is a name from `hemm tasks`, ./folder, ./task.py, file.tsv or hub:ORG/NAME. Files that are missing
    and pictures that do not open are listed, the rest is packed, and the exit status is 3. Rows that the data
    set has and that cannot be asked (without an answer, say) are listed too.
    """
    from hemm.data.pack.prepare import prepare
    from hemm.data.sources.web_pictures import fetching
    from hemm.tasks import resolve
    from hemm.tasks.selection import distinct

    if limit is not None and limit < 1:
        raise HemmError(f"--limit is {limit}: it counts units and starts at 1")
    resolved = distinct(resolve(name, card) for name in tasks)
    complete = True
    for task in resolved:
        with _progress(task.name, quiet) as progress, fetching(private=private_addresses):
            pack = prepare(task, folder=folder, limit=limit, progress=progress)
        _print_summary(pack)
        now = {t.name: t for t in (resolve(name, card) for name in tasks)} if task.origin else {}
        if task.origin:
            _print_numbers(now[task.name], pack)
        if folder is not None:
            _warn_if_partial(task, pack)
        complete = _print_findings(pack, folder) and complete
    return 0 if complete else WITH_ERRORS


def _print_summary(pack: Pack) -> None:
    from hemm.data.pack.selection import BALANCED

    info = pack.info
    shots = f" and {counted(pack.rows('shots'), 'shot')}" if pack.rows("shots") else ""
    order = ", balanced over strata" if info.get("order", BALANCED) == BALANCED else ""
    limit = f" (limited to {counted(info['limit'], 'unit')}{order})" if info.get("limit") else ""
    size = info["media"]
    samples = counted(len(pack), "sample")
    echo(
        f"{pack.task}: {samples}{shots}{limit}, {size['count']} media ({_size(size['bytes'])}), "
        f"from {info['source']}; pack {pack.hash[:12]} in {pack.path}"
    )


def _print_numbers(task: Task, pack: Pack) -> None:
    """Say how the answers of a user's data are compared where all of them are numbers."""
    from hemm.data.pack.numerals import has_numeric_references
    from hemm.tasks.usual_format import NumberByDefault

    if task.answer.name == "short_answer":
        how = "as texts, so that exact_match takes -5 for 5 and 1.5 for 15"
        other, line = "numbers", "answer: number"
    elif isinstance(task.answer, NumberByDefault):
        how, other, line = "as numbers", "texts", "answer: short_answer"
    else:
        return
    if has_numeric_references(pack):
        echo(f"{task.name}: all answers are numbers and are compared {how}", err=True)
        echo(f"  this line in its card compares them as {other}: {line}", err=True)


def _warn_if_partial(task: Task, pack: Pack) -> None:
    """Warn if a folder has fewer samples than were published: without a list of files, such as for folders of
    pictures, missing ones are not noticed otherwise."""
    published = list(task.card.splits.values())
    known = sum(pack.info.get(kind, {}).get("count", 0) for kind in ("missing", "left_out"))
    complete = pack.info.get("limit") or not published or len(pack) in published
    if not complete and len(pack) + known < published[0]:
        echo(
            f"{pack.task}: that is a part: {counted(published[0], 'sample was', 'samples were')} published",
            err=True,
        )


def _print_findings(pack: Pack, folder: Path | None) -> bool:
    """Print what the preparation met; False where samples are missing or cannot be asked."""
    from hemm.data.pack.quality import findings, told
    from hemm.data.readers.layouts import not_unpacked

    for line in told(pack.task, pack.info):
        echo(line, err=True)
    missing = pack.info["missing"]["count"]
    if missing and folder is not None and (hint := not_unpacked(folder.expanduser())):
        echo(f"  {hint}", err=True)
    return all(finding.complete for finding in findings(pack.info))


def _size(size: int) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size = size / 1000  # type: ignore[assignment]
    return f"{size:.1f} GB"


@contextmanager
def _progress(name: str, quiet: bool) -> Iterator[Callable[[int, int | None, str], None] | None]:
    """A bar on a terminal; lines where stderr goes to a file; nothing where it is to be ``quiet``."""
    if quiet:
        yield None
        return
    if not sys.stderr.isatty():
        yield _Lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(printable(name), total=None, text="")

        def update(done: int, total: int | None, unit: str) -> None:
            text = _size(done) if unit == "bytes" else f"{done:,} {unit}"
            bar.update(row, completed=done, total=total, text=text)

        yield update


class _Lines:
    """Progress as a line every ten seconds."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, time.monotonic()

    def __call__(self, done: int, total: int | None, unit: str) -> None:
        if time.monotonic() - self._last < 10:
            return
        self._last = time.monotonic()
        amount = _size(done) if unit == "bytes" else f"{done:,} {unit}"
        of = "" if not total else f" of {_size(total) if unit == 'bytes' else f'{total:,}'}"
        echo(f"{self._name}: {amount}{of}", err=True)
