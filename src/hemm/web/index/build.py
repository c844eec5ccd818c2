"""Keeps the index equal to the folder: cells that changed are put in anew, each in one transaction."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.analysis.stored_scores import stored_metrics
from hemm.core import HemmError, digest
from hemm.core.text import counted
from hemm.data import cache
from hemm.results.read import Cell
from hemm.web.folder import FoundCell, ResultsFolder
from hemm.web.index import rows, tables
from hemm.web.index.insert import CellRows

SMALL = 200_000
"""Answers up to which the index is held in memory and no file is written,"""
FEW = 50
"""if they are of no more cells than this: each takes a twentieth of a second."""
FOLDER = "explorer"
"""Where indexes lie, below the cache folder."""


@dataclass(frozen=True)
class IndexedCell:
    """A cell in the index. ``subject`` and ``label`` are those of the profile."""

    number: int
    found: FoundCell
    cell: Cell
    subject: str
    label: str
    control: str


@dataclass(frozen=True)
class Catalog:
    """What the index has at one moment.

    generation  rises with each change
    problems    one line for each cell that is not shown
    notes       links that were not followed, labels, cells that wait
    """

    generation: int = 0
    cells: tuple[IndexedCell, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    found: tuple[FoundCell, ...] = field(default=(), repr=False)

    def by_key(self, key: str) -> IndexedCell | None:
        return next((c for c in self.cells if c.found.key == key), None)

    def by_number(self, number: int) -> IndexedCell:
        return next(c for c in self.cells if c.number == number)


class Index:
    """The index of a results folder.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import hemm
    >>> from hemm.web.folder import ResultsFolder
    >>> out = tempfile.mkdtemp()
    >>> _ = hemm.run("baseline/oracle", "probe_shapes", limit=4, out=out)
    >>> index = Index(ResultsFolder(Path(out)))
    >>> index.refresh()
    True
    >>> index.read("select count(*) from answers")
    [(4,)]
    """

    def __init__(self, folder: ResultsFolder, memory: str = "500MB") -> None:
        self.folder, self.catalog = folder, Catalog()
        self._lock = threading.Lock()
        self._memory = memory
        self._base: Any = None
        self._own: Path | None = None
        self._next = 0

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of one statement that only reads, in a cursor of its own."""
        return tables.run(self._base.cursor(), sql, values)

    def arrays(self, sql: str, values: Sequence[Any] = ()) -> Mapping[str, Any]:
        """The columns of such a statement, as numpy arrays."""
        found: Mapping[str, Any] = self._base.cursor().execute(sql, list(values)).fetchnumpy()
        return found

    def refresh(self, told: Callable[[str], None] = lambda line: None) -> bool:
        """Look at the folder, and put in what changed: whether anything did."""
        with self._lock:
            found, links = self.folder.cells()
            if self._base is None:
                self._open(found)
            changed, problems = self._update([f for f in found if f.cell is not None], told)
            told_now = [f.problem for f in found if f.problem]
            new = (tuple(found), (*told_now, *problems), tuple(links))
            catalog = self.catalog
            if changed or not catalog.generation or (catalog.found, catalog.problems) != new[:2]:
                self.catalog = self._catalog(catalog.generation + 1, *new)
                return True
            return False

    def close(self) -> None:
        with self._lock:
            if self._base is not None:
                self._base.close()
                self._base = None
            if self._own is not None:
                shutil.rmtree(self._own, ignore_errors=True)

    def _open(self, found: Sequence[FoundCell]) -> None:
        answers = sum(part["rows"] for f in found if f.cell for part in f.cell.run["parts"])
        in_memory = answers <= SMALL and len(found) <= FEW
        self._base = self._connect(None if in_memory else _index_folder(self.folder.root))
        tables.prepare(self._base)

    def _connect(self, folder: Path | None) -> Any:
        """The index file of the folder; where another process has it open, one of this process alone."""
        if folder is None:
            return tables.connect(None, self._memory)
        import duckdb

        for attempt in (folder, folder):
            try:
                return tables.connect(attempt / "index.duckdb", self._memory, attempt / "spill")
            except duckdb.IOException as error:
                if "lock" in str(error).lower():
                    break
                shutil.rmtree(attempt, ignore_errors=True)  # of another DuckDB, or damaged
                attempt.mkdir(parents=True, exist_ok=True)
        self._own = folder / f"of-process-{os.getpid()}"
        self._own.mkdir(parents=True, exist_ok=True)
        return tables.connect(self._own / "index.duckdb", self._memory, self._own / "spill")

    def _update(self, found: Sequence[FoundCell], told: Callable[[str], None]) -> tuple[bool, list[str]]:
        db = self._base.cursor()
        known = {key: (number, sign) for number, key, sign in tables.run(db, "select * from cells")}
        changed, problems, signs = False, list[str](), dict[str, str]()
        began = said = time.monotonic()
        for place, one in enumerate(found):
            assert one.cell is not None
            try:
                scored = one.cell.aggregates()
                signs[one.key] = rows.signature(one.cell, scored)
                if known.get(one.key, (0, ""))[1] != signs[one.key]:
                    self._replace(db, one, signs[one.key])
                    changed = True
            except (HemmError, OSError) as error:
                problems.append(f"{one.place}: {self.folder.words(error)}")
                signs.pop(one.key, None)
            now = time.monotonic()
            if now - began > 2 and now - said > 2:
                said = now
                told(f"indexing: {place + 1} of {counted(len(found), 'cell')}")
        gone = [key for key in known if key not in signs]
        for key in gone:
            self._remove(db, known[key][0])
        if changed or gone:
            self._agree(db)
        return changed or bool(gone), problems

    def _replace(self, db: Any, one: FoundCell, sign: str) -> None:
        assert one.cell is not None
        tables.run(db, "begin")
        try:
            held = tables.run(db, "select cell from cells where key = ?", [one.key])
            known = held or tables.run(db, "select coalesce(max(cell) + 1, 0) from cells")
            number = int(known[0][0]) if held else max(int(known[0][0]), self._next)
            self._next = max(self._next, number + 1)  # a number is never another cell's in one process
            if held:
                self._clear(db, number)
            CellRows(db, number, one.cell, stored_metrics(one.cell, one.cell.aggregates())).insert()
            tables.run(db, "insert into cells values (?, ?, ?)", [number, one.key, sign])
            tables.run(db, "commit")
        except BaseException:
            tables.run(db, "rollback")
            raise

    def _remove(self, db: Any, number: int) -> None:
        tables.run(db, "begin")
        self._clear(db, number)
        tables.run(db, "commit")

    def _clear(self, db: Any, number: int) -> None:
        for table in ("answers", "scores", "older", "cells"):
            tables.run(db, f"delete from {table} where cell = ?", [number])

    def _agree(self, db: Any) -> None:
        """Count anew how the models agree on each sample; a control is no model of its own."""
        cells = [
            number for number, key in tables.run(db, "select cell, key from cells") if not self._control(key)
        ]
        tables.run(db, "begin")
        tables.run(db, "delete from agreement")
        tables.run(
            db,
            """insert into agreement select sample, count(distinct cell),
            count(distinct cell) filter (where correct), max(score) - min(score)
            from answers where list_contains(?, cell) group by sample order by sample""",
            [cells],
        )
        tables.run(db, "commit")

    def _control(self, key: str) -> str:
        cell = next((f.cell for _, f in self.folder.known() if f.key == key), None)
        return "" if cell is None else str(cell.run["protocol_spec"].get("control") or "")

    def _catalog(
        self, generation: int, found: tuple[FoundCell, ...], problems: tuple[str, ...], links: tuple[str, ...]
    ) -> Catalog:
        from hemm.analysis.study.subjects import members_of

        numbers = {key: number for number, key in self.read("select cell, key from cells")}
        shown = [(f, f.cell) for f in found if f.cell is not None and f.key in numbers]
        members, notes = members_of([cell for _, cell in shown])
        first = {m.number: m.subject for m in reversed(members)}
        cells = [
            IndexedCell(numbers[f.key], f, cell, first[n].key, first[n].label, first[n].control)
            for n, (f, cell) in enumerate(shown)
        ]
        cells.sort(key=lambda c: (c.label, c.cell.task))
        return Catalog(generation, tuple(cells), problems, (*links, *notes), found)


def _index_folder(root: Path) -> Path:
    """The folder of the index of ``root``. Indexes of folders that are gone are removed."""
    home = cache.root() / FOLDER
    folder = home / digest(str(root), 16)
    with suppress(OSError):
        for other in home.iterdir():
            of = other / "folder.txt"
            if of.is_file() and not Path(of.read_text("utf-8", "surrogateescape")).is_dir():
                shutil.rmtree(other, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "folder.txt").write_text(str(root), "utf-8", "surrogateescape")
    return folder
