"""Reading result folders, sealed or still open, without pack or model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from hemm.core import BadData, HemmError
from hemm.core.from_files import PLAIN, name_of
from hemm.data.files import TEMPORARY_FOLDER
from hemm.results import layout
from hemm.results.answer_record import ANSWER_SCHEMA, CALL_SCHEMA, answer_batch
from hemm.results.checked import SCORE_AGAIN, read_aggregates_in, read_listed, read_run, read_scores
from hemm.results.journal import OF_ANSWER, dropped_words, scan
from hemm.results.seal import GROUP_ROWS, Seal, read_part, read_rows, rows_in_turn, with_later
from hemm.results.segments import open_lines, segments
from hemm.results.selections import STRATA_SCHEMA

_KEY = ("id", "repeat", "request_key")
TURN_ROWS = 4096
"""Answers that are held at a time where there are many."""


@dataclass(frozen=True)
class Cell:
    """One cell on disk. ``run`` is its run.json."""

    folder: Path
    run: dict[str, Any]

    @property
    def model(self) -> str:
        """The name in the model's identity, not the spec with its server's address."""
        return str(self.run["model"]["name"])

    @property
    def revision(self) -> str:
        return str(self.run["model"]["revision"])

    @property
    def task(self) -> str:
        return str(self.run["task"])

    @property
    def protocol(self) -> str:
        """The protocol's full digest."""
        return str(self.run["protocol"])

    @property
    def state(self) -> str:
        """``open``, ``sealed`` or ``sealed with n errors``."""
        return str(self.run["state"])

    @property
    def parts(self) -> list[Seal]:
        return [Seal(**p) for p in self.run["parts"]]

    @property
    def own_dimensions(self) -> tuple[str, ...]:
        """Dimensions of its labels beside the taxonomy, which an overlay brings."""
        return ()

    @property
    def scores_folder(self) -> Path:
        """Where its scores are kept."""
        return self.plain_scores_folder

    @property
    def plain_scores_folder(self) -> Path:
        """Where the scores of the answers as they are stored are kept."""
        return self.folder / layout.SCORES

    def verify(self) -> None:
        """Check every seal. Raises BadData naming the file whose seal does not hold."""
        for part in self.parts:
            if not part.holds(self.folder):
                raise BadData(
                    f"{self.folder / part.file} is missing or damaged (its seal does not hold): "
                    "run the same command again to ask its samples anew"
                )

    def answers(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The newest answer for each (id, repeat), as ``answer_record.ANSWER_SCHEMA`` or these columns of it.

        Of an open cell the journal is included. Answers that are kept and not scored (``unscored``) are left
        out. Raises BadData where a seal does not hold.
        """
        self.verify()
        left_out = self.unscored()
        names = list(ANSWER_SCHEMA.names if columns is None else columns)
        keys = _KEY if left_out.num_rows else _KEY[:2]
        read = list(dict.fromkeys([*names, *keys]))
        schema = pa.schema([ANSWER_SCHEMA.field(name) for name in read])
        tables = [read_part(self.folder / part.file, read) for part in self.parts]
        tables += [pa.Table.from_batches([b]).select(read) for b in self._journaled()]
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        if len(tables) > 1:
            table = table.take(_newest(table))
        return _scored(table, left_out).select(names)

    def answers_in_turn(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows of ``answers`` in their order, in tables of up to ``TURN_ROWS``: of many answers only
        these are in memory, and 16 bytes of each. Of few answers this is one table."""
        rows = sum(part.rows for part in self.parts)
        if rows <= layout.PART_ROWS or self.state == "open":
            yield self.answers(columns)
            return
        self.verify()
        names = list(ANSWER_SCHEMA.names if columns is None else columns)
        left_out, newest, at = self.unscored(), newest_rows(self._keys(), self._names), 0
        for part in self.parts:
            for table in rows_in_turn(self.folder / part.file, TURN_ROWS, [*dict.fromkeys([*names, *_KEY])]):
                kept = newest[at : at + len(table)]
                at += len(table)
                table = table if kept.all() else table.filter(pa.array(kept))
                yield _scored(table, left_out).select(names)

    def _keys(self) -> Iterator[pa.Table]:
        return (read_part(self.folder / part.file, ["id", "repeat"]) for part in self.parts)

    def _names(self, rows: np.ndarray[Any, Any]) -> list[tuple[str, int]]:
        """(id, repeat) of these stored answers, by their place among all."""
        keys: list[tuple[str, int]] = []
        starts = np.cumsum([0, *(part.rows for part in self.parts)])
        for number, part in enumerate(self.parts):
            here = rows[(rows >= starts[number]) & (rows < starts[number + 1])] - starts[number]
            table = read_rows(self.folder / part.file, here, ["id", "repeat"]) if len(here) else None
            keys += [] if table is None else zip(*(c.to_pylist() for c in table.columns), strict=True)
        return keys

    def unscored(self) -> pa.Table:
        """Answers that are kept and not scored: id, repeat, request_key, and why (``removed`` from the data,
        ``changed`` and still to be asked again, ``not chosen`` by any selection).
        """
        return self._listed(layout.UNSCORED, layout.UNSCORED_SCHEMA)

    def _listed(self, name: str, schema: pa.Schema) -> pa.Table:
        """A table of the cell that run.json lists; without rows where there is none. Raises BadData."""
        digests = self.run.get("files", {}).get(name)
        return read_listed(self.folder / name, digests, schema, "run the same command again to make it anew")

    def strata(self) -> pa.Table | None:
        """The strata of the chosen samples and their sizes (``results.selections.STRATA_SCHEMA``); None where
        all samples were chosen, and where hemm 0.1.0 asked the cell last."""
        table = self._listed(layout.STRATA, STRATA_SCHEMA)
        return table if (self.folder / layout.STRATA).exists() else None

    def _journaled(self) -> Iterator[pa.RecordBatch]:
        chunk: list[dict[str, Any]] = []
        for record in open_lines(self.folder, self.run):
            chunk.append(record)
            if len(chunk) == GROUP_ROWS:
                yield answer_batch(chunk)
                chunk = []
        if chunk:
            yield answer_batch(chunk)

    def dropped_lines(self) -> str:
        """One line on the torn or damaged lines of an open cell's journal; empty where all are whole."""
        said: list[str] = []
        for path in segments(self.folder).values():
            dropped: list[int] = []
            for _ in scan(path, dropped, members=OF_ANSWER):
                pass
            said += [dropped_words(path, dropped)] if dropped else []
        return "; ".join(said)

    def calls(self) -> pa.Table:
        """Every sealed call (``answer_record.CALL_SCHEMA``), including those of replaced answers.

        Raises BadData where the seal does not hold.
        """
        if self.run["calls"] is None:
            return CALL_SCHEMA.empty_table()
        seal = Seal(**self.run["calls"])
        # a process that was killed may have added calls, which run.json then lists as those to come
        digests = [seal.sha256, *self.run.get("files", {}).get(layout.CALLS, ())]
        cure = f"hemm doctor {self.folder} --repair drops it, and no answer"
        table = read_listed(self.folder / layout.CALLS, digests, CALL_SCHEMA, cure).slice(0, seal.rows)
        return with_later(table, CALL_SCHEMA)

    def scores(self, metric_key: str) -> pa.Table:
        """Scores by one metric (``layout.SCORE_SCHEMA``). Raises HemmError where there are none, and BadData
        where they are damaged or gone."""
        name = name_of(PLAIN, metric_key, "the name of a metric's scores", self.folder)
        path = self.scores_folder / f"{name}.parquet"
        listed = self.aggregates().get("metrics", {}).get(metric_key)
        if not path.exists():
            if listed is None:
                raise HemmError(f"{self.folder} has no scores by {metric_key}: hemm score makes them")
            raise BadData(f"{path} is missing; {SCORE_AGAIN}")
        return read_scores(path, (listed or {}).get("sha256"))

    def aggregates(self) -> dict[str, Any]:
        """aggregates.json; empty where nothing is scored. Raises BadData where it is damaged."""
        return read_aggregates_in(self.scores_folder)


def _scored(table: pa.Table, left_out: pa.Table) -> pa.Table:
    """``table`` without the answers that are listed as not scored."""
    if not left_out.num_rows:
        return table
    gone = set(zip(*(left_out[name].to_pylist() for name in _KEY), strict=True))
    there = zip(*(table[name].to_pylist() for name in _KEY), strict=True)
    return table.filter(pa.array([key not in gone for key in there], pa.bool_()))


def newest_rows(
    keys: Iterable[pa.Table], names: Callable[[np.ndarray[Any, Any]], list[tuple[str, int]]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether each row is the last of its (id, repeat), over tables with these columns.

    Rows are compared by a hash; ``names`` gives the keys of the rows whose hash is another's too.
    """
    rows = ((len(table), zip(*(c.to_pylist() for c in table.columns), strict=True)) for table in keys)
    hashes = [np.fromiter(map(hash, each), np.int64, count) for count, each in rows]
    every = np.concatenate(hashes) if hashes else np.zeros(0, dtype=np.int64)
    order = np.argsort(every, kind="stable")
    alike = np.zeros(len(every), dtype=np.bool_)
    same = every[order][1:] == every[order][:-1]
    alike[order[1:][same]] = alike[order[:-1][same]] = True
    twice = np.flatnonzero(alike)
    last = dict(zip(names(twice), twice.tolist(), strict=True)) if len(twice) else {}
    newest = ~alike
    newest[list(last.values())] = True
    return newest


def _newest(table: pa.Table) -> pa.Array:
    """Row numbers of the last row of each (id, repeat), in the table's order."""
    keys = zip(table["id"].to_pylist(), table["repeat"].to_pylist(), strict=True)
    last = {key: row for row, key in enumerate(keys)}
    return pa.array(np.sort(np.fromiter(last.values(), dtype=np.int64, count=len(last))))


def cell(folder: Path) -> Cell:
    """The cell in ``folder``. Raises HemmError where there is none."""
    run = read_run(folder)
    if run is None:
        raise HemmError(f"{folder} is no result cell: it has no {layout.RUN}")
    return Cell(folder, run)


def cells(out: Path) -> list[Cell]:
    """All cells at or below ``out``, ordered by folder, without those of shards. Raises HemmError where there
    are none.
    """
    if not out.exists():
        raise HemmError(f"there is no folder {out}: hemm run --out {out} makes one")
    there = [path.parent for path in out.rglob(layout.RUN)]
    folders = sorted(folder for folder in there if not _is_in_shard(folder.relative_to(out)))
    if there and not folders:
        raise HemmError(f"{out} holds shards alone: hemm merge {out} unites them")
    if not folders:
        raise HemmError(f"{out} holds no results: hemm run --out {out} makes some")
    return [cell(folder) for folder in folders]


def _is_in_shard(folder: PurePath) -> bool:
    """Whether a cell, by its path below a results folder, is of a shard, or about to be put in place."""
    parts = folder.parts
    return any(part.startswith(TEMPORARY_FOLDER) for part in parts) or any(
        one == layout.SHARDS and layout.SHARD_NAME.fullmatch(other)
        for one, other in itertools.pairwise(parts)
    )


def unscored_words(counts: Mapping[str, int]) -> str:
    """Why answers are kept and not scored, and how many, in one line.

    >>> unscored_words({"removed": 2, "changed": 1})
    'answers that are kept and not scored: 2 removed, 1 changed'
    """
    reasons = ", ".join(f"{count} {why}" for why, count in counts.items())
    return f"answers that are kept and not scored: {reasons}"
