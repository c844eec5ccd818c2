"""``hemm serve``: the explorer over a folder of results."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import open_in_browser, overlay_options, results_argument
from hemm.core.errors import HemmError, MissingExtra
from hemm.core.terminal import echo, log_line


@click.command(name="serve")
@results_argument()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8188,
    show_default=True,
    metavar="N",
    help="The port; 0: any that is free.",
)
@click.option(
    "--token",
    default="",
    metavar="TEXT",
    help="What a browser must bring; without it, one is made where others reach ADDRESS.",
)
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@overlay_options(beside=False)
def command(folder: Path, host: str, port: int, token: str, open_: bool, overlay: tuple[Path, ...]) -> None:
    """Look at the results in DIR (results) in a browser: profile, every answer, slices, runs in progress.

    It only reads.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("starlette", "uvicorn", "duckdb") if find_spec(name) is None]:
        raise MissingExtra(f"hemm serve ({', '.join(missing)})", "web")
    if token and (len(token) < 8 or not token.isascii() or not token.isprintable()):
        raise HemmError("--token is too short, or has letters beside ASCII: take 8 characters or more")
    from hemm.web.serve import Server

    server = Server(folder, host, port, token, told=log_line, overlay=overlay)
    echo(server.address)
    if open_:
        open_in_browser(server.address)
    server.run()
