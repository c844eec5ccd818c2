"""``hemm annotate``: people vote on pairs of answers and label samples, blind, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import OneOf, results_argument
from hemm.core.errors import HemmError, MissingExtra
from hemm.core.terminal import echo, log_line

if TYPE_CHECKING:
    from hemm.web.studio.draws import Gold
    from hemm.web.studio.plan import Plan

QUEUES = ("vote", "label", "gold", "error", "score")
EXPORTS = ("labels", "adjudicated", "scores", "votes")
_SHARE = click.FloatRange(0, 1)


@click.command(name="annotate")
@results_argument()
@click.option(
    "--ask", default="vote", show_default=True, metavar="WHAT,...", help=f"Some of {', '.join(QUEUES)}."
)
@click.option("--votes", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
              help="What each annotator is asked to do of each.")  # fmt: skip
@click.option("--draw", type=OneOf("draw", ("balanced", "adaptive")), default="balanced", show_default=True,
              metavar="balanced|adaptive", help="Pairs: all alike, or where a vote tells most.")  # fmt: skip
@click.option("--overlap", type=_SHARE, default=0.2, show_default=True, metavar="SHARE",
              help="Of an annotator's votes that go to pairs which others voted on.")  # fmt: skip
@click.option("--voters", type=click.IntRange(min=2), default=3, show_default=True, metavar="N",
              help="Most annotators of one pair.")  # fmt: skip
@click.option("--repeats", type=_SHARE, default=0.05, show_default=True, metavar="SHARE",
              help="Of votes that are asked again, sides swapped.")  # fmt: skip
@click.option("--gold", type=click.Path(path_type=Path), metavar="FILE",
              help="Votes that are known, to be mixed in.")  # fmt: skip
@click.option("--pause", type=click.IntRange(min=1), default=25, show_default=True, metavar="N",
              help="Propose a break after so many.")  # fmt: skip
@click.option("--names", is_flag=True, help="Leave in what answers say of their model.")
@click.option("--references", is_flag=True, help="Show the right answer beside votes.")
@click.option("--reveal", is_flag=True, help="Show annotators who are done whose answers they were.")
@click.option("--same", is_flag=True, help="Ask about equal answers too.")
@click.option("--scale", default="0:1", show_default=True, metavar="LOW:HIGH", help="Of scores.")
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only this task (several times).")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Only this model (several times).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of draws and sides.")
@click.option("--instructions", type=click.Path(path_type=Path), metavar="FILE",
              help="A text of your own on the page of instructions.")  # fmt: skip
@click.option("--annotator", "people", multiple=True, metavar="NAME",
              help="Who gets a personal address (several times); else all write a name.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8189, show_default=True, metavar="N",
              help="The port; 0: any that is free.")  # fmt: skip
@click.option("--open", "open_", is_flag=True, help="Open the first address in a browser.")
@click.option("--import", "import_", type=click.Path(path_type=Path), metavar="FILE",
              help="Add votes from elsewhere to the store, and end.")  # fmt: skip
@click.option("--export", type=click.Path(path_type=Path), metavar="FILE",
              help="Write what was said to a .csv or .parquet file, and end.")  # fmt: skip
@click.option("--of", "what", type=OneOf("export", EXPORTS), default="labels", show_default=True,
              metavar="|".join(EXPORTS), help="What --export writes.")  # fmt: skip
def command(folder: Path, import_: Path | None, export: Path | None, what: str, **options: Any) -> None:
    """Let people vote on pairs of answers in DIR (results), and label samples and answers, in a browser.

    Whose answers they are is on no page of theirs. What they say is in DIR/annotations.sqlite, which
    `hemm preferences DIR` reads.
    """
    if import_ is not None and export is not None:
        raise HemmError("--import and --export are two commands: give one of them")
    if import_ is not None:
        from hemm.analysis.annotations.files import import_votes

        echo(import_votes(folder, import_))
        return
    if export is not None:
        from hemm.report.tables.annotations import export as write

        for line in write(folder, export, what):
            echo(line)
        return
    _serve(folder, options)


def _serve(folder: Path, options: dict[str, Any]) -> None:
    from importlib.util import find_spec

    if missing := [name for name in ("starlette", "uvicorn", "duckdb") if find_spec(name) is None]:
        raise MissingExtra(f"hemm annotate ({', '.join(missing)})", "web")
    from hemm.core.user_files import read_text
    from hemm.web.studio.serve import Place, StudioServer

    own = options["instructions"]
    place = Place(
        options["host"],
        options["port"],
        options["people"],
        [] if options["gold"] is None else _gold(options["gold"]),
        "" if own is None else read_text(own, str(own)),
    )
    server = StudioServer(folder, _plan(options), place, told=log_line)
    width = max(len(who) for who, _ in server.addresses)
    for who, address in server.addresses:
        echo(f"{who:<{width}}  {address}")
    if options["open_"]:
        click.launch(server.addresses[0][1])
    server.run()


def _plan(options: dict[str, Any]) -> Plan:
    from hemm.core.errors import UnknownName
    from hemm.web.studio.plan import Plan

    queues = tuple(dict.fromkeys(word.strip() for word in options["ask"].split(",") if word.strip()))
    for word in queues:
        if word not in QUEUES:
            raise UnknownName("thing to ask", word, QUEUES)
    low, sign, high = options["scale"].partition(":")
    try:
        scale = (float(low), float(high))
    except ValueError:
        sign, scale = "", (0.0, 0.0)
    if not sign or not scale[0] < scale[1]:
        raise HemmError(f"--scale is {options['scale']!r}: give LOW:HIGH, as 0:1 or 0:10")
    same = ("votes", "draw", "overlap", "voters", "repeats", "references", "reveal", "pause", "seed", "same")
    return Plan(
        queues=queues or ("vote",),
        masked=not options["names"],
        scale=scale,
        tasks=options["tasks"],
        models=options["models"],
        **{name: options[name] for name in same},
    )


def _gold(file: Path) -> list[Gold]:
    """Questions whose vote is known, from a file of votes."""
    from hemm.analysis.preferences.vote_files import single_votes
    from hemm.web.studio.draws import Gold

    return [Gold(v.task, v.sample, v.a, v.b, v.winner) for _, v in single_votes(file)[0]]
