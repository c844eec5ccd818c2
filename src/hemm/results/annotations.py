"""What people said of answers: votes and labels, in one SQLite file of the results folder.

Rows are only ever added. Something is taken back by a row in ``undone``, and decided otherwise by a later row
in ``decisions``. The journal is written ahead and flushed at each commit (WAL, synchronous FULL): after a
kill, or a power cut, all that was answered is there. A form has a token, and is answered once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hemm.core import BadData, HemmError

FILE = "annotations.sqlite"
"""Its name in a folder of results, beside the models' folders and outside of every cell."""
VERSION = 1
CHOICES = ("left", "right", "tie", "both_bad", "skip")
KINDS = ("label", "gold", "error", "score")
"""Kinds of labels: taxonomy labels of a sample; whether its right answer is right; what is wrong with an
answer; a score of an answer."""

TABLES = """
create table if not exists about (key text primary key, value text not null);
create table if not exists settings (n integer primary key, time text not null, version text not null,
    value text not null);
create table if not exists drawn (n integer primary key, form text not null unique, time text not null,
    annotator text not null, kind text not null, purpose text not null, of text not null, item text not null,
    why text not null, settings integer not null);
create table if not exists votes (n integer primary key, form text not null unique, time text not null,
    annotator text not null, purpose text not null, of text not null, task text not null,
    sample text not null, sample_hash text not null, repeat integer not null,
    left_model text not null, right_model text not null, left_protocol text not null,
    right_protocol text not null, left_answer text not null, right_answer text not null,
    choice text not null check (choice in ('left', 'right', 'tie', 'both_bad', 'skip')),
    reason text not null, note text not null, expected text not null, version text not null);
create table if not exists labels (n integer primary key, form text not null, time text not null,
    annotator text not null,
    kind text not null, model text not null, protocol text not null, task text not null,
    sample text not null, sample_hash text not null, repeat integer not null, answer text not null,
    field text not null, value text not null, note text not null, version text not null,
    unique (form, field, value));
create table if not exists undone (n integer primary key, form text not null unique, time text not null,
    annotator text not null);
create table if not exists decisions (n integer primary key, token text not null unique, time text not null,
    by text not null, kind text not null, model text not null, task text not null, sample text not null,
    sample_hash text not null, field text not null, value text not null, note text not null,
    version text not null);
"""
"""Docs: docs/annotate.md. ``form`` joins what was drawn, said and taken back."""


def now() -> str:
    """The time as stored: UTC, to the millisecond.

    >>> len(now())
    24
    """
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def path_in(folder: Path) -> Path:
    """The file of a results folder, which may not be there. Raises BadData where it is a link."""
    path = folder / FILE
    if path.is_symlink():
        raise BadData(f"{path} is a link to somewhere else: it is not opened")
    return path


class Annotations:
    """The votes and labels of a results folder.

    >>> from pathlib import Path
    >>> store = Annotations(Path("."))
    >>> with store.writing() as write:
    ...     write("undone", {"form": "f1", "time": now(), "annotator": "ann"})
    True
    >>> store.rows("select form, annotator from undone")
    [{'form': 'f1', 'annotator': 'ann'}]

    Raises BadData where the file is no such store, HemmError where it is of a newer hemm.
    """

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        self.path = path_in(folder)
        self._lock = threading.RLock()
        try:
            self._base = _open(self.path, reading)
            self._prepare(reading)
        except sqlite3.DatabaseError as error:
            raise BadData(f"{self.path} cannot be opened as a store of votes: {error}") from error

    def _prepare(self, reading: bool) -> None:
        there = {
            name for (name,) in self._base.execute("select name from sqlite_master where type = 'table'")
        }
        if not there and not reading:
            version = f"insert or ignore into about values ('version', '{VERSION}');"
            self._base.executescript(f"begin immediate; {TABLES} {version} commit;")  # all of it, or nothing
            there = {"about"}
        if "about" not in there:
            raise BadData(f"{self.path} is no store of votes: it has no table 'about'")
        row = self._base.execute("select value from about where key = 'version'").fetchone()
        if row is None or row[0] != str(VERSION):
            known = row[0] if row else "none"
            raise HemmError(
                f"{self.path} has version {known}; this hemm reads {VERSION}: install a newer hemm"
            )

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a statement that reads."""
        with self._lock:
            try:
                found = self._base.execute(sql, list(values))
                names = [column[0] for column in found.description]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
            except sqlite3.DatabaseError as error:
                raise BadData(f"{self.path} is damaged, or not as hemm wrote it: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[Write]:
        """One transaction, of this process and of all others: what it reads is true until it ends."""
        with self._lock:
            try:
                self._base.execute("begin immediate")
            except sqlite3.DatabaseError as error:
                raise HemmError(f"{self.path} cannot be written to: {error}") from error
            try:
                yield Write(self._base)
                self._base.execute("commit")
            except BaseException as error:
                if self._base.in_transaction:  # SQLite itself has ended it where the disk is full
                    self._base.execute("rollback")
                if isinstance(error, sqlite3.DatabaseError):
                    raise HemmError(f"{self.path} cannot be written to: {error}") from error
                raise

    def close(self) -> None:
        with self._lock:
            self._base.close()


class Write:
    """Adds rows within a transaction."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def __call__(self, table: str, row: Mapping[str, Any]) -> bool:
        """Add a row; False where its token is there already, so that nothing is said twice."""
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        sql = f"insert into {table} ({names}) values ({marks}) on conflict do nothing"
        return self._base.execute(sql, list(row.values())).rowcount == 1


def _open(path: Path, reading: bool) -> sqlite3.Connection:
    if reading:
        name = f"file:{quote(str(path.absolute()))}?mode=ro"
        try:
            base = sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False, timeout=30)
            base.execute("select count(*) from sqlite_master")
        except sqlite3.OperationalError as error:  # a folder that cannot be written to
            ahead = path.with_name(f"{path.name}-wal")
            if ahead.exists() and ahead.stat().st_size:
                raise BadData(
                    f"{path} cannot be opened ({error}), and its newest votes are in {ahead.name}: copy both "
                    "into a folder that can be written to"
                ) from error
            base = sqlite3.connect(f"{name}&immutable=1", uri=True, isolation_level=None)
    else:
        base = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        base.execute("pragma journal_mode = wal")
        base.execute("pragma synchronous = full")
    base.execute("pragma trusted_schema = off")
    return base


CURRENT_VOTES = """select v.* from votes v where not exists (select 1 from undone u where u.form = v.form)
order by v.n"""
CURRENT_LABELS = """select l.* from labels l where not exists (select 1 from undone u where u.form = l.form)
order by l.n"""
LAST_DECISIONS = """select d.* from decisions d where not exists (select 1 from decisions e where e.n > d.n
and (e.kind, e.model, e.task, e.sample, e.sample_hash, e.field)
= (d.kind, d.model, d.task, d.sample, d.sample_hash, d.field)) order by d.n"""


def has_votes(folder: Path) -> bool:
    """Whether a folder has a store with a vote that holds."""
    if not path_in(folder).exists():
        return False
    store = Annotations(folder, reading=True)
    try:
        return bool(store.rows(f"select 1 from ({CURRENT_VOTES}) where choice <> 'skip' limit 1"))
    finally:
        store.close()
