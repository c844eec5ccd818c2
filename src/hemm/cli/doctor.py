"""``hemm doctor``: what is installed, set and ready here; whether results and packs are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hemm.cli._common import format_option, overlay_options
from hemm.core.errors import HemmError
from hemm.core.terminal import echo
from hemm.core.text import counted


@click.command("doctor")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--repair", is_flag=True, help="Heal what can be: scores, torn lines, the log of calls.")
@overlay_options(beside=False)
@format_option("table", "json")
def command(folder: Path | None, repair: bool, overlay: tuple[Path, ...], format_: str) -> int:
    """Say which credentials are set (never what they are), what is installed, and where packs are kept.

    With DIR: read all results and packs below it whole, and name every file that is not what was written. The
    exit status is 3 where damage is left.
    """
    from hemm.report.tables.doctor import damage_rows, readiness
    from hemm.report.tables.writer import emit

    if folder is None:
        if overlay:
            raise HemmError("--overlay wants the results that it is of: hemm doctor results --overlay FILE")
        if repair:
            raise HemmError("--repair wants a folder: hemm doctor results --repair")
        emit(readiness(), ("what", "state", "for"), format_, "hemm doctor")
        return 0
    if not folder.is_dir():
        raise HemmError(f"there is no folder {folder}")
    from hemm.engine.doctor import examine

    stale = [row for file in overlay for row in _stale(folder, file)]
    cells, packs, found = examine(folder, repair=repair)
    rows = [*damage_rows(folder, found), *stale]
    if rows or format_ == "json":
        emit(rows, ("file", "state", "what to do"), format_, f"hemm doctor {folder}")
    left = sum(not damage.healed for damage in found)
    looked = [counted(count, one) for count, one in ((cells, "cell"), (packs, "pack")) if count]
    state = f"{counted(len(found), 'damaged file')}, {left:,} to be mended" if found else "nothing is damaged"
    echo(f"{' and '.join(looked)} looked at: {state}", err=True)
    return 3 if left else 0


def _stale(folder: Path, file: Path) -> list[dict[str, Any]]:
    """A row for an overlay that is partly about samples that have changed since; none where it is not."""
    from hemm.data.readers.label_rows import rows_named
    from hemm.engine.overlays.matching import stale_rows
    from hemm.results.read import cells

    found = [(row.number, f"{row.task} {row.sample!r}") for row in stale_rows(cells(folder), file)]
    if not found:
        return []
    state = rows_named(f"{counted(len(found), 'row')} about samples that have changed since", found)
    return [{"file": str(file), "state": state, "what to do": "label these samples again"}]
