"""Writing one cell: lock, journal, sealed parts and run.json.

Sealing a part takes three steps: part and calls get their names, run.json lists them, the segments of the
journal that have no other lines are deleted. After a kill between any two of these, the next writer loses no
answer: it writes an unlisted part again, and recognises a line that is sealed already by the start time of
its call.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hemm.core import Media, digest_bytes, digest_file
from hemm.core.secrets import hide_all
from hemm.core.text import counted
from hemm.data.files import write_atomic
from hemm.results import layout
from hemm.results.checked import read_run, write_run
from hemm.results.files import refuse_links, sweep
from hemm.results.lock import Lock
from hemm.results.seal import Seal, read_part, write_answers, write_part
from hemm.results.segments import Key, Place, Places, Segments
from hemm.results.stored_media import media_path

_PLACES = 1024
"""Lines of the journal that are looked up at a time: the numbers of a whole part would take 9 MB."""


class CellWriter:
    """One cell, opened for writing by one process.

    ``plan(n)`` sets the number of answers that this command needs. Each position is then filled once, by
    ``add`` (a new answer) or ``claim`` (a line that the journal has already).
    """

    def __init__(
        self,
        folder: Path,
        header: dict[str, Any],
        told: Callable[[str], None] = lambda line: None,
        planned: bool = False,
    ) -> None:
        """``header``: the fields of run.json that describe model, task and protocol. ``told`` gets a line
        where opening has to wait. ``planned``: look only, and change no file."""
        self.folder, self._planned = folder, planned
        self.warnings: list[str] = []
        self.parts_lost = 0
        """Sealed parts that are missing or damaged."""
        self._header, self._told = hide_all(header), told  # as it is compared with what is stored
        self._lock = Lock(folder / layout.LOCK)
        self._journal = Segments(folder, self._announce_segments, write=not planned)
        self._guard = threading.RLock()  # the reader's thread must not see one of index and journal changed
        self._run_guard = threading.RLock()  # a part may be sealed while the next one gets its segment
        self._index: dict[Key, Place] = {}
        self._wanted: dict[int, Places] = {}  # of parts that are not sealed; length 0: not there yet
        self._missing: list[int] = []
        self._sealed = 0
        self.filled_count = 0
        self.run: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}  # run.json as it is on the disk
        self.before: dict[str, Any] | None = None
        """run.json as it was before; None in a new cell."""

    # opening and closing

    def open(self) -> CellWriter:
        """Take the lock and read run.json and the journal. Raises CellLocked or BadData."""
        if not self._planned:
            refuse_links(self.folder)
            self._lock.acquire(self._told)
        try:
            if not self._planned:
                sweep(self.folder)
            self.before = hide_all(read_run(self.folder))  # a variable may have been set since
            self._saved = dict(self.before or {})
            run = self.before or {"parts": [], "calls": None, "selections": [], "commands": []}
            self.run = {"schema_version": layout.SCHEMA_VERSION, "state": "open", **run, **self._header}
            self._drop_broken()
            calls = self.run["calls"]
            self._index = self._journal.load(None if calls is None else Seal(**calls), self.warnings)
        except BaseException:
            self._lock.release()
            raise
        return self

    def close(self) -> None:
        """Flush the journal and release the lock. A new cell in which nothing was written leaves
        no folder."""
        self._journal.close()
        self._lock.release()
        if self._planned:
            return
        if self.before is None and not (self.folder / layout.RUN).exists():
            with suppress(OSError):  # not empty, or another process is in it
                for folder in (self.folder, *self.folder.parents[:2]):
                    folder.rmdir()

    def __enter__(self) -> CellWriter:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def save(self) -> None:
        self._lock.check()
        with self._run_guard:
            self.run["schema_version"] = layout.version(self._journal.numbers)
            write_run(self.folder, self.run)
            self._saved = dict(self.run)

    def _announce_segments(self) -> None:
        """Have run.json say that the journal has several segments: hemm 0.1.0 would not look for them."""
        with self._run_guard:
            self._saved = {**(self._saved or self.run), "schema_version": layout.SEGMENTED}
            write_run(self.folder, self._saved)

    def _announce(self, name: str, sha256: str | None) -> None:
        """Have run.json list the file ``name`` as it is, and as it is going to be (None: absent), so that a
        kill in between leaves a file that is listed."""
        if not self._saved:  # a new cell: nothing to tell apart
            return
        with self._run_guard:
            files = self._saved.get("files", {})
            path = self.folder / name
            known = files.get(name) or [digest_file(path) if path.exists() else None]
            self._saved["files"] = {**files, name: list(dict.fromkeys([*known, sha256]))}
            write_run(self.folder, self._saved)

    # reading

    @property
    def parts(self) -> list[Seal]:
        return [Seal(**p) for p in self.run["parts"]]

    @property
    def journaled(self) -> int:
        """Answers in the journal that no position has claimed yet."""
        return len(self._index)

    def sealed(self, columns: list[str]) -> Iterator[pa.Table]:
        """These columns of each sealed part, oldest first: a later row replaces an earlier one of its key."""
        for part in self.parts:
            yield read_part(self.folder / part.file, columns)

    def part(self, number: int) -> pa.Table:
        """All columns of one sealed part."""
        return read_part(self.folder / self.parts[number].file)

    def journaled_keys(self) -> list[tuple[Key, str]]:
        """(sample id, repeat) and request key of each journaled answer that no position has claimed."""
        with self._guard:
            return [(key, self._read(place)["request_key"]) for key, place in self._index.items()]

    def lookup(self, key: Key) -> dict[str, Any] | None:
        """The newest journaled answer of (sample id, repeat) that no position has claimed."""
        with self._guard:
            place = self._index.get(key)
            return None if place is None else self._read(place)

    def filled(self, position: int) -> bool:
        return bool(self._place(position)[1])

    def answer(self, position: int) -> dict[str, Any]:
        """The record at a filled position that is not sealed yet."""
        with self._guard:
            return self._read(self._place(position))

    def _place(self, position: int) -> Place:
        part, row = divmod(position, layout.PART_ROWS)
        offset, length = self._wanted[part][row] if part in self._wanted else (0, 0)
        return int(offset), int(length)

    def _read(self, place: Place) -> dict[str, Any]:
        return self._journal.record(*place)

    def _drop_broken(self) -> None:
        """Rename parts with a wrong checksum, so that their samples are run again."""
        intact: list[dict[str, Any]] = []
        for part in self.parts:
            if part.holds(self.folder):
                intact.append(part.to_json())
                continue
            self.parts_lost += 1
            path = self.folder / part.file
            if path.exists() and not self._planned:
                path.rename(path.with_suffix(".damaged"))
            self.warnings.append(f"{path} is missing or damaged: {counted(part.rows, 'answer')} to ask again")
        self.run["parts"] = intact
        if (calls := self.run["calls"]) is not None and not Seal(**calls).holds(self.folder):
            self.run["calls"] = self._surviving_calls(Seal(**calls))

    def _surviving_calls(self, seal: Seal) -> dict[str, Any] | None:
        # a command may be killed after the new calls file gets its name and before run.json lists it: the
        # rows of the old file are then the first of the new one
        path = self.folder / seal.file
        if path.exists() and digest_file(path) in self._saved.get("files", {}).get(layout.CALLS, ()):
            return seal.to_json()
        self.warnings.append(f"{path} is missing or damaged: the log of earlier calls is lost, no answer is")
        return None

    # filling

    def plan(self, positions: int) -> None:
        """Set the number of answers that this command needs, which are sealed in order."""
        size = layout.PART_ROWS
        self._wanted = {}
        self._missing = [min(size, positions - start) for start in range(0, positions, size)]
        self._sealed = self.filled_count = 0

    def add(self, answers: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Journal new answers, (position, record) each. A crash keeps or loses all answers of one call."""
        self._lock.check()
        if not answers:
            return
        places = self._journal.append([r for _, r in answers], answers[0][0] // layout.PART_ROWS)
        for (position, record), place in zip(answers, places, strict=True):
            old = self._index.pop((record["id"], record["repeat"]), None)
            if old is not None:
                self._journal.replaced(old, place)
            self._fill(position, place)

    def claim(self, position: int, key: Key) -> None:
        """Use the journaled answer of ``key`` at this position."""
        self._fill(position, self._index.pop(key))

    def drop_answers(self) -> None:
        """Forget all answers, journaled and sealed."""
        self._forget_journaled()
        parts, self.run["parts"] = self.parts, []
        self.save()
        for part in parts:
            (self.folder / part.file).unlink()
        self.save_unscored(layout.UNSCORED_SCHEMA.empty_table())

    def _fill(self, position: int, place: Place) -> None:
        part, row = divmod(position, layout.PART_ROWS)
        if part not in self._wanted:
            self._wanted[part] = np.zeros((self._missing[part], 2), dtype=np.int64)
        if self._wanted[part][row, 1]:
            raise ValueError(f"position {position} is filled already")
        self._wanted[part][row] = place
        self._missing[part] -= 1
        self.filled_count += 1

    def keep_media(self, media: Media) -> None:
        """Store a picture that the model produced, once."""
        path = media_path(self.folder / layout.MEDIA, media.digest)
        if not path.exists():
            write_atomic(path, media.data)

    def tick(self) -> None:
        """Flush lines that have waited long enough."""
        if self._journal.due:
            self._journal.flush()

    @property
    def sync_due(self) -> bool:
        return self._journal.sync_due

    def sync(self) -> None:
        """Have the disk keep the flushed lines; in a thread, since answers keep coming in meanwhile."""
        self._journal.sync()

    def flush(self) -> None:
        self._journal.flush()

    # sealing

    @property
    def complete_parts(self) -> int:
        """Number of parts that can be sealed now: the next ones in order that have all their answers."""
        ready = 0
        for missing in self._missing[self._sealed :]:
            if missing:
                break
            ready += 1
        return ready

    async def seal_next(self) -> None:
        """Seal the next complete part, in a thread, since answers keep coming in meanwhile."""
        self._journal.flush()
        places = self._wanted[self._sealed]
        seals = await asyncio.to_thread(self._write, places)
        del self._wanted[self._sealed]
        self._sealed += 1
        self._commit(*seals, places)

    def seal_rest(self) -> None:
        """Seal journaled answers that no position claimed (of another selection), so that none is lost."""
        if self._index:
            places = np.array(sorted(self._index.values()), dtype=np.int64)
            seals = self._write(places)
            self._index.clear()
            self._commit(*seals, places)
        if not self._wanted:
            self._journal.remove()

    def _forget_journaled(self) -> None:
        self._journal.sealed(np.array(list(self._index.values()), dtype=np.int64).reshape(-1, 2))
        self._index.clear()

    def _write(self, places: Places) -> tuple[Seal, Seal]:
        def records() -> Iterator[dict[str, Any]]:
            for start in range(0, len(places), _PLACES):
                for place, length in places[start : start + _PLACES].tolist():
                    yield self._journal.record(place, length)

        old = self.run["calls"]
        return write_part(
            self.folder,
            self._next_part(),
            records,
            self.folder / layout.CALLS,
            Seal(**old).rows if old else 0,
            lambda sha256: self._announce(layout.CALLS, sha256),
            self._journal.later,
        )

    def _next_part(self) -> str:
        numbers = [int(p.file.rpartition("-")[2].split(".")[0]) for p in self.parts]
        return f"{layout.ANSWERS}/part-{max(numbers, default=-1) + 1:05d}.parquet"

    def add_part(self, answers: pa.Table) -> None:
        """Store answers that were sealed before once more, as the newest of their keys."""
        seal = write_answers(self.folder, self._next_part(), answers)
        self.run["parts"] = [*self.run["parts"], seal.to_json()]
        self.save()

    def save_unscored(self, answers: pa.Table) -> None:
        """Write the list of answers that are kept and not scored; where there are none, no list."""
        self.save_table(layout.UNSCORED, answers if answers.num_rows else None)

    def save_strata(self, strata: pa.Table | None) -> None:
        """Write the strata of what was chosen (``results.selections``); None: everything was, no table."""
        self.save_table(layout.STRATA, strata)

    def save_table(self, name: str, table: pa.Table | None) -> None:
        """Write a table of the cell, where it is another than before; None: there is none."""
        path = self.folder / name
        if table is None:
            if not path.exists():
                return
            self._announce(name, None)
            path.unlink()
            now = None
        else:
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression="zstd")
            data = sink.getvalue().to_pybytes()
            now = digest_bytes(data)
            if path.exists() and digest_file(path) == now:
                self.run["files"] = {**self.run.get("files", {}), name: [now]}
                return
            self._announce(name, now)
            write_atomic(path, data)
        self.run["files"] = {**self.run.get("files", {}), name: [now]}
        if self._saved:
            write_run(self.folder, {**self._saved, "files": {**self._saved.get("files", {}), name: [now]}})

    def _commit(self, part: Seal, calls: Seal, places: Places) -> None:
        self.run["parts"] = [*self.run["parts"], part.to_json()]
        self.run["calls"] = calls.to_json()
        files = self.run.get("files", {})
        self.run["files"] = {name: known for name, known in files.items() if name != layout.CALLS}
        self.save()
        self._trim(places)

    def _trim(self, places: Places) -> None:
        """Delete the segments of the journal that sealing these lines was the last to need."""
        with self._guard:
            self._journal.sealed(places)
            self._journal.drop()
