"""``hemm doctor``: what is installed, set and ready here; whether results and packs are whole."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import format_option
from hemm.core.errors import HemmError
from hemm.core.terminal import echo
from hemm.core.text import counted


@click.command("doctor")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--repair", is_flag=True, help="Heal what can be: scores, torn lines, the log of calls.")
@format_option("table", "json")
def command(folder: Path | None, repair: bool, format_: str) -> int:
    """Say which credentials are set (never what they are), what is installed, and where packs are kept.

    With DIR: read all results and packs below it whole, and name every file that is not what was written. The
    exit status is 3 where damage is left.
    """
    from hemm.report.tables.doctor import damage_rows, readiness
    from hemm.report.tables.writer import emit

    if folder is None:
        if repair:
            raise HemmError("--repair wants a folder: hemm doctor results --repair")
        emit(readiness(), ("what", "state", "for"), format_, "hemm doctor")
        return 0
    if not folder.is_dir():
        raise HemmError(f"there is no folder {folder}")
    from hemm.engine.doctor import examine

    cells, packs, found = examine(folder, repair=repair)
    if found or format_ == "json":
        emit(damage_rows(folder, found), ("file", "state", "what to do"), format_, f"hemm doctor {folder}")
    left = sum(not damage.healed for damage in found)
    looked = [counted(count, one) for count, one in ((cells, "cell"), (packs, "pack")) if count]
    state = f"{counted(len(found), 'damaged file')}, {left:,} to be mended" if found else "nothing is damaged"
    echo(f"{' and '.join(looked)} looked at: {state}", err=True)
    return 3 if left else 0
