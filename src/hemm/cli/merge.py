"""``hemm merge``: unite the shards of a run."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import results_argument
from hemm.core import HemmError
from hemm.core.terminal import echo
from hemm.core.text import counted


@click.command(name="merge")
@results_argument()
@click.argument("others", metavar="[OTHER]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--newest", is_flag=True, help="Of two different answers to one request keep the last one.")
@click.option("--score/--no-score", default=True, help="Score the united answers (default), or leave that.")
@click.pass_context
def command(ctx: click.Context, folder: Path, others: tuple[Path, ...], newest: bool, score: bool) -> None:
    """Unite the shards in DIR (results) in its cells, and those, and the cells, of OTHER folders.

    Shards stay, and what is united is not written again: the command may be given at any time.
    """
    from hemm.engine.merge import merge, score_merged

    found = merge(folder, others, newest=newest, told=_say)
    for cell in found:
        of = counted(cell.cells, "cell")
        done = f"{of} united" if cell.renewed else f"of {of}, as before"
        echo(f"{cell.folder}: {cell.state}; {counted(cell.answers, 'answer')}, {done}")
        for conflict in cell.conflicts:
            _say(f"two different answers to {conflict}; the one of the first was had last")
    missing = [f"{cell.folder}: {', '.join(cell.missing)}" for cell in found if cell.missing]
    for line in missing:
        _say(f"not complete: {line}")
    unscored = 0
    for cell in found if score else ():
        try:
            score_merged(cell.folder, _say)
        except HemmError as error:
            unscored += 1
            _say(f"united, not scored (hemm score {folder} does that): {error}")
    if missing or unscored or any(cell.state != "sealed" for cell in found):
        ctx.exit(3)


def _say(line: str) -> None:
    echo(f"hemm: {line}", err=True)
