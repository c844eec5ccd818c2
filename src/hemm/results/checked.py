"""Files of a cell, checked where they are read: by their checksum, and by their form.

JSON files have their own checksum as a member, ``sha256``: that of all other members. Tables are listed with
theirs in a JSON file. Where hemm 0.1.0 wrote none, a file is checked by its form alone. A checksum that holds
says that a file is whole, and not who wrote it: so the form is checked then too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from hemm.core import BadData, Outcome, digest_file
from hemm.core.forms import check
from hemm.core.user_files import shown
from hemm.data.arrow import table
from hemm.data.checked import read_sealed, sealed
from hemm.data.files import read_table
from hemm.results import forms, layout
from hemm.results.files import as_written, write_plain
from hemm.results.seal import check_names

ASK_AGAIN = "move the folder away to ask again"
SCORE_AGAIN = "hemm score makes it anew"


def write_checked(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object without known secrets, with the checksum of what is written, atomically."""
    write_plain(path, sealed(as_written(value)))


def read_checked(path: Path, form: Any, cure: str, newest: int = layout.SCHEMA_VERSION) -> dict[str, Any]:
    """The object in a JSON file without its checksum. Raises FileNotFoundError, and BadData naming the file
    where the checksum does not hold, and naming the member too where the object is not of the form."""
    value, _ = read_sealed(path, cure)
    version = value.get("schema_version")
    if type(version) is not int or not layout.SCHEMA_VERSION <= version <= newest:
        raise BadData(
            f"{path} has schema_version {shown(version)}, this hemm reads {newest}: "
            "use the version that wrote it"
        )
    check(value, form, path, cure)
    return value


def read_run(folder: Path) -> dict[str, Any] | None:
    """run.json of a cell; None where there is none. Raises BadData where it is damaged."""
    path = folder / layout.RUN
    try:
        run = read_checked(path, forms.RUN, ASK_AGAIN, layout.SEGMENTED)
    except FileNotFoundError:
        return None
    check_names(run, path)
    return run


def read_aggregates(folder: Path) -> dict[str, Any]:
    """aggregates.json of a cell; empty where nothing is scored. Raises BadData where it is damaged."""
    return read_aggregates_in(folder / layout.SCORES)


def read_aggregates_in(scores: Path) -> dict[str, Any]:
    """aggregates.json in a folder of scores; empty where there is none. Raises BadData if it is damaged."""
    path = scores / layout.AGGREGATES
    try:
        found = read_checked(path, forms.AGGREGATES, SCORE_AGAIN)
    except FileNotFoundError:
        return {}
    headline = found.get("headline")
    if headline is not None and headline not in found["metrics"]:
        raise BadData(
            f"{path} is damaged: headline is {shown(headline)}, which is not in metrics; {SCORE_AGAIN}"
        )
    return found


def write_run(folder: Path, run: dict[str, Any]) -> None:
    write_checked(folder / layout.RUN, run)


def read_listed(path: Path, digests: Sequence[str | None] | None, schema: pa.Schema, cure: str) -> pa.Table:
    """A table of a cell. Raises BadData naming the file where its bytes have none of these digests, or, where
    none are known (None), where it cannot be read as a table of this schema.

    digests  None among them: the file may be absent; then this gives no rows
    """
    if not path.exists():
        if digests is not None and None not in digests:
            raise BadData(f"{path} is missing; {cure}")
        return table([], schema)
    if digests is not None and digest_file(path) not in digests:
        raise BadData(f"{path} is damaged: its checksum does not hold; {cure}")
    return read_form(path, schema, cure, whole=digests is not None)


def read_form(path: Path, schema: pa.Schema, cure: str, whole: bool = False) -> pa.Table:
    """A table that is of this schema; columns may be missing at its end, as in files of hemm 0.1.0.

    ``whole``: its bytes are known to be what was written.
    """
    try:
        table = read_table(path)
        if not whole:
            table.validate(full=True)
    except Exception as error:  # Arrow raises many kinds for damaged files
        raise BadData(f"{path} is damaged: {' '.join(str(error).split())[:200]}; {cure}") from error
    names = table.column_names
    wrong = [f.name for f in schema if f.name in names and table.schema.field(f.name).type != f.type]
    if wrong or names != schema.names[: len(names)]:
        raise BadData(f"{path} is damaged: its columns are not those of such a table; {cure}")
    return table


def read_scores(path: Path, said: str | None) -> pa.Table:
    """The scores in a file whose checksum is ``said`` (None: not known). Raises BadData naming it."""
    schema = layout.SCORE_SCHEMA
    table = read_listed(path, None if said is None else [said], schema, SCORE_AGAIN)
    if said is None:
        required = ("group", "component", "outcome")
        columns = [n for n in required if n not in table.column_names or table[n].null_count]
        if columns or not set(table["outcome"].unique().to_pylist()) <= {o.value for o in Outcome}:
            raise BadData(f"{path} is damaged: it has rows without a group or a known outcome; {SCORE_AGAIN}")
    return table


def broken(read: Callable[[], object]) -> str:
    """What ``read`` raises, in words; empty where all is well."""
    try:
        read()
    except BadData as error:
        return str(error)
    return ""
