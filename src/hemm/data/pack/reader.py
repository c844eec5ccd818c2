"""Packs: prepared samples as Parquet, read back fast and in bounded memory."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from hemm.core import BadData, HemmError, Media, Sample
from hemm.data import cache
from hemm.data.files import read_table
from hemm.data.pack import schema

if TYPE_CHECKING:
    import pyarrow as pa

_CACHED_BYTES = 64 << 20
_EMPTY: Mapping[str, str] = {}


@dataclass(frozen=True)
class PackIndex:
    """The rows of one split without their pictures, in pack order. Columns become lists when asked for."""

    _table: Any

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @cached_property
    def ids(self) -> list[str]:
        return _texts(self._table["id"])

    @cached_property
    def units(self) -> list[str]:
        return _texts(self._table["unit"])

    @cached_property
    def clusters(self) -> list[str]:
        return _texts(self._table["cluster"])

    @cached_property
    def strata(self) -> list[str]:
        return _texts(self._table["stratum"])

    @cached_property
    def hashes(self) -> list[str]:
        return _texts(self._table["sample_hash"])

    @cached_property
    def after(self) -> list[str | None]:
        return _texts(self._table["after"])

    @cached_property
    def media(self) -> list[tuple[str, ...]]:
        """Digests of each row's media, then of its picture references."""
        return [tuple(x) for x in _lists(self._table["media_digests"])]


class Pack:
    """A prepared task. Opened with ``open_pack`` or ``find_pack``; safe to use from several threads.

    hash            canonical content (ids, texts, media digests): 32 hex digits, the order of rows is no part
    questions_hash  the same without media
    info            pack.json: source, revision, licence, rows, missing, problems, limit, ...
    """

    def __init__(self, path: Path, info: Mapping[str, Any]) -> None:
        self.path, self.info = path, info
        self.task: str = info["task"]
        self.hash: str = info["hash"]
        self.questions_hash: str = info["questions_hash"]
        self._splits = {name: _Split(path, info, name) for name in schema.SPLITS}

    def __len__(self) -> int:
        return self.rows("test")

    def __repr__(self) -> str:
        return f"Pack({self.task!r}, {len(self)} rows, {str(self.path)!r})"

    def __reduce__(self) -> tuple[Callable[[Path], Pack], tuple[Path]]:
        return open_pack, (self.path,)

    def rows(self, split: str = "test") -> int:
        """Rows of a split; 0 where there is none."""
        return int(self.info["rows"].get(split, 0))

    def index(self, split: str = "test") -> PackIndex:
        """Ids, units, clusters, strata, hashes of all rows; no picture is read."""
        return self._splits[split].index

    def samples(
        self, rows: np.ndarray[Any, Any] | Sequence[int] | None = None, split: str = "test"
    ) -> Iterator[Sample]:
        """Samples in pack order: all of them, or those with these row numbers (ascending).

        Streams row groups: one is held at a time (about 4 MB of pictures). Raises HemmError where a row
        number is out of range or out of order.
        """
        return self._splits[split].samples(rows)

    def sample(self, row: int, split: str = "test") -> Sample:
        """One sample; recently used row groups are kept (64 MB)."""
        return self._splits[split].sample(row)


def open_pack(folder: Path) -> Pack:
    """The pack in ``folder``. Raises HemmError where there is none, BadData for a damaged or too new one."""
    file = folder / schema.PACK_FILE
    try:
        info = orjson.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise HemmError(f"{folder} is no pack: it has no {schema.PACK_FILE}") from None
    except (orjson.JSONDecodeError, OSError) as error:
        raise BadData(f"{file} cannot be read: {error}") from None
    try:
        version = info["schema_version"]
        if version > schema.PACK_VERSION:
            raise BadData(
                f"{folder} was written by a newer hemm (pack schema {version}, this one reads "
                f"{schema.PACK_VERSION}): upgrade hemm"
            )
        for name, size in info["files"].items():
            path = folder / "data" / name
            if not path.is_file() or path.stat().st_size != size:
                raise BadData(
                    f"pack {folder} is damaged: {path.name} is missing or has not {size} bytes; "
                    f"hemm prepare {info['task']} makes it anew"
                )
        return Pack(folder, info)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{file} is no description of a pack: {error!r}") from None


def find_pack(task: str) -> Pack:
    """The current pack of a task from the cache. Raises HemmError where it is not prepared."""
    folder = cache.current(task)
    if folder is None:
        raise HemmError(f"task {task} is not prepared: hemm prepare {task}")
    return open_pack(folder)


class _Split:
    """The files of one split, seen as one run of row groups."""

    def __init__(self, folder: Path, info: Mapping[str, Any], split: str) -> None:
        names = sorted(n for n in info["files"] if n.startswith(f"{split}-"))
        self.paths = [folder / "data" / n for n in names]
        self.split = split
        self.count = int(info["rows"].get(split, 0))
        self.media = tuple(info["media_columns"])
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Group] = OrderedDict()
        self._files: dict[int, Any] = {}

    def _open(self, number: int) -> Any:
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.paths[number], read_dictionary=schema.byte_paths(self.media))
        except Exception as error:
            raise BadData(f"{self.paths[number]} cannot be read: {error}") from None

    @cached_property
    def places(self) -> tuple[list[tuple[int, int]], np.ndarray[Any, Any]]:
        """For each row group its (file, number in it), and the first row of each (and the end)."""
        groups: list[tuple[int, int]] = []
        starts = [0]
        for n in range(len(self.paths)):
            with self._open(n) as file:
                meta = file.metadata
                for g in range(meta.num_row_groups):
                    groups.append((n, g))
                    starts.append(starts[-1] + meta.row_group(g).num_rows)
        return groups, np.array(starts)

    @cached_property
    def index(self) -> PackIndex:
        import pyarrow as pa

        columns = ["id", "unit", "cluster", "after", "stratum", "sample_hash", "media_digests"]
        if not self.paths:
            empty = [(c, schema.TEXT_COLUMNS[c]) for c in columns]
            return PackIndex(pa.schema(empty).empty_table())
        return PackIndex(pa.concat_tables([read_table(p, columns=columns) for p in self.paths]))

    def samples(self, rows: np.ndarray[Any, Any] | Sequence[int] | None) -> Iterator[Sample]:
        groups, starts = self.places
        wanted = None if rows is None else self._wanted(rows)
        if wanted is not None and not len(wanted):
            return
        bounds = None if wanted is None else np.searchsorted(wanted, starts)
        current, file = -1, None
        try:
            for g, (number, inner) in enumerate(groups):
                picked: list[int] | None = None
                if wanted is not None and bounds is not None:
                    if bounds[g] == bounds[g + 1]:
                        continue
                    picked = (wanted[bounds[g] : bounds[g + 1]] - starts[g]).tolist()
                if number != current or file is None:
                    if file is not None:
                        file.close()
                    current, file = number, self._open(number)
                group = self._group(file, inner)
                for n in range(group.rows) if picked is None else picked:
                    yield group.sample(n)
        finally:
            if file is not None:
                file.close()

    def _wanted(self, rows: np.ndarray[Any, Any] | Sequence[int]) -> np.ndarray[Any, Any]:
        wanted = np.asarray(rows, dtype=np.int64)
        if len(wanted) and (wanted[0] < 0 or wanted[-1] >= self.count or (np.diff(wanted) <= 0).any()):
            raise HemmError(f"row numbers must ascend within 0..{self.count - 1}")
        return wanted

    def sample(self, row: int) -> Sample:
        if not 0 <= row < self.count:
            raise HemmError(
                f"row {row} is out of range: the pack has {self.count} rows of split {self.split}"
            )
        with self._lock:
            groups, starts = self.places
            g = int(np.searchsorted(starts, row, side="right")) - 1
            if g not in self._kept:
                number, inner = groups[g]
                if number not in self._files:
                    self._files[number] = self._open(number)
                self._kept[g] = self._group(self._files[number], inner)
                while len(self._kept) > 1 and sum(k.size for k in self._kept.values()) > _CACHED_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(g)
            return self._kept[g].sample(row - int(starts[g]))

    def _group(self, file: Any, inner: int) -> _Group:
        try:
            return _Group(file.read_row_group(inner, use_threads=False), self.media, self.split)
        except Exception as error:
            raise BadData(f"{self.paths[0].parent}: split {self.split} cannot be read: {error}") from None


class _Group:
    """One row group: its columns as plain lists, samples made when asked for.

    Equal media are one object with one bytes object. No Arrow scalar is made for a row.
    """

    def __init__(self, table: pa.Table, columns: tuple[str, ...], split: str) -> None:
        self.rows: int = table.num_rows
        self.size: int = table.nbytes
        self._split = split
        self._text = {name: _texts(table[name]) for name in schema.TEXT_COLUMNS if _is_text(name)}
        self._references, self._reference_ends = _flat(table["references"])
        self._choices, self._choice_ends = _flat(table["choices"])
        self._digests, self._ends = _flat(table["media_digests"])
        self._types, _ = _flat(table["media_types"])
        self._problems, _ = _flat(table["media_problems"])
        self._bytes = {name: _Bytes(table[name]) for name in columns}
        self._only = self._bytes["images"] if columns == ("images",) else None
        self._made: dict[tuple[str, str], Media] = {}

    def sample(self, n: int) -> Sample:
        """The sample in row ``n`` of the group."""
        text, ends = self._text, self._reference_ends
        references: tuple[str | Media, ...] = tuple(self._references[ends[n] : ends[n + 1]])
        media, pictures = self._media(n)
        if pictures:
            rest = iter(pictures)
            references = tuple(next(rest) if r is None else r for r in references)
        return Sample(
            text["id"][n],
            media,
            _object(text["fields"][n]),
            references,
            tuple(self._choices[self._choice_ends[n] : self._choice_ends[n + 1]]),
            text["unit"][n],
            text["cluster"][n],
            text["after"][n],
            _object(text["labels"][n]),
            text["stratum"][n],
            _object(text["metadata"][n]),
            self._split,
            text["sample_hash"][n],
        )

    def _media(self, n: int) -> tuple[tuple[Media, ...], tuple[Media, ...]]:
        """Media and picture references of row ``n``."""
        start, end = self._ends[n], self._ends[n + 1]
        if start == end:
            return (), ()
        if self._only is not None:  # every medium is a picture: both lists run alike
            return tuple(self._medium(at, self._only, at) for at in range(start, end)), ()
        references = self._bytes.get(schema.REFERENCE_MEDIA)
        cut = end - (0 if references is None else len(references.of(n)))
        places = {name: iter(column.of(n)) for name, column in self._bytes.items()}
        found = []
        for at in range(start, end):
            name = schema.kind_of(self._types[at]) if at < cut else schema.REFERENCE_MEDIA
            found.append(self._medium(at, self._bytes[name], next(places[name])))
        return tuple(found[: cut - start]), tuple(found[cut - start :])

    def _medium(self, at: int, column: _Bytes, place: int) -> Media:
        path = column.paths[place] or ""
        key = (self._digests[at], path)
        media = self._made.get(key)
        if media is None:
            data = column.values[column.indices[place]]
            media = Media(data, name=path, mime=self._types[at], digest=key[0], problem=self._problems[at])
            self._made[key] = media
        return media


class _Bytes:
    """One media column of a row group: distinct bytes once; indices and paths over all rows."""

    def __init__(self, column: Any) -> None:
        array = column.chunk(0)
        structs = array.flatten()
        self._offsets: list[int] = array.offsets.to_numpy().tolist()
        encoded = structs.field("bytes")
        self.values: list[bytes] = encoded.dictionary.to_numpy(zero_copy_only=False).tolist()
        indices = encoded.indices
        if indices.null_count:
            indices = indices.fill_null(len(self.values))
            self.values.append(b"")
        self.indices: list[int] = indices.to_numpy(zero_copy_only=False).tolist()
        self.paths: list[str | None] = structs.field("path").to_numpy(zero_copy_only=False).tolist()

    def of(self, row: int) -> range:
        """Where this row's values lie."""
        return range(self._offsets[row], self._offsets[row + 1])


def _object(text: str) -> Mapping[str, Any]:
    """A JSON object; the empty one is shared."""
    return _EMPTY if text == "{}" else orjson.loads(text)


def _is_text(name: str) -> bool:
    return bool(schema.TEXT_COLUMNS[name] == "string")


def _texts(column: Any) -> list[Any]:
    """A text column as a list. Through numpy: several times faster than ``to_pylist``."""
    return column.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]


def _flat(column: Any) -> tuple[list[Any], list[int]]:
    """A list column as its values in one list, and where each row's begin (and the end)."""
    array = column.combine_chunks()
    if hasattr(array, "chunks"):
        array = array.chunk(0)
    return array.flatten().to_numpy(zero_copy_only=False).tolist(), array.offsets.to_numpy().tolist()


def _lists(column: Any) -> list[list[Any]]:
    if not len(column):
        return []
    found: list[list[Any]] = []
    for chunk in column.chunks:
        values = chunk.flatten().to_numpy(zero_copy_only=False).tolist()
        ends = (chunk.offsets.to_numpy() - chunk.offsets[0].as_py()).tolist()
        found += [values[a:b] for a, b in itertools.pairwise(ends)]
    return found
