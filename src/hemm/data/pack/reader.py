"""Packs: prepared samples as Parquet, read back fast and in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import BadData, HemmError, Sample, forms, from_files
from hemm.core.errors import NotPrepared
from hemm.core.origin import origin_spec
from hemm.data import cache
from hemm.data.arrow import numbers, texts
from hemm.data.checked import footer_digest, read_sealed
from hemm.data.pack import schema
from hemm.data.pack.row_groups import SplitReader
from hemm.data.pack.staging import set_hash

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PackIndex:
    """The rows of one split without their pictures, in pack order. A column is a list, and of a large split
    it is read anew each time that it is iterated."""

    _reader: SplitReader

    def __len__(self) -> int:
        return self._reader.count

    @cached_property
    def ids(self) -> Sequence[str]:
        return self._reader.column("id", texts)

    @cached_property
    def units(self) -> Sequence[str]:
        return self._reader.column("unit", texts)

    @cached_property
    def clusters(self) -> Sequence[str]:
        return self._reader.column("cluster", texts)

    @cached_property
    def strata(self) -> Sequence[str]:
        return self._reader.column("stratum", texts)

    @cached_property
    def hashes(self) -> Sequence[str]:
        return self._reader.column("sample_hash", texts)

    @cached_property
    def after(self) -> Sequence[str | None]:
        return self._reader.column("after", texts)

    @cached_property
    def media(self) -> Sequence[tuple[str, ...]]:
        """Digests of each row's media, then of its picture references."""
        return self._reader.column("media_digests", _lists)

    @cached_property
    def choices(self) -> Sequence[tuple[str, ...]]:
        return self._reader.column("choices", _lists)

    @cached_property
    def fields(self) -> Sequence[Mapping[str, str]]:
        return self._reader.column("fields", _objects)

    @cached_property
    def media_counts(self) -> Sequence[int]:
        """How many ``media`` each row has: their problems, of which most are empty, are read faster than
        digests."""
        return self._reader.column("media_problems", _lengths)


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
        self._splits = {name: SplitReader(path, info, name) for name in schema.SPLITS}

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
        return PackIndex(self._splits[split])

    def open_pictures(self) -> dict[str, str]:
        """Digest -> MIME type of the pictures that open, of all splits."""
        return {key: mime for split in self._splits.values() for key, mime in split.open_pictures().items()}

    def samples(
        self, rows: np.ndarray[Any, Any] | Sequence[int] | None = None, split: str = "test"
    ) -> Iterator[Sample]:
        """Samples in pack order: all of them, or those with these row numbers (ascending).

        Streams row groups: one is held at a time (about 4 MB of pictures). Raises HemmError where a row
        number is out of range or out of order.
        """
        return self._splits[split].samples(rows)

    def sample(self, row: int, split: str = "test") -> Sample:
        """One sample; recently used row groups are kept (16 MB)."""
        return self._splits[split].sample(row)


def open_pack(folder: Path) -> Pack:
    """The pack in ``folder``. Raises HemmError where there is none, BadData for a damaged or too new one."""
    file, cure = folder / schema.PACK_FILE, "hemm prepare makes the pack anew"
    try:
        info, whole = read_sealed(file, cure)
    except (FileNotFoundError, NotADirectoryError):
        raise HemmError(f"{folder} is no pack: it has no {schema.PACK_FILE}") from None
    except OSError as error:
        raise BadData(f"{file} cannot be read: {error}") from None
    try:
        version = info["schema_version"]
        if version > schema.PACK_VERSION:
            raise BadData(
                f"{folder} was written by a newer hemm (pack schema {version}, this one reads "
                f"{schema.PACK_VERSION}): upgrade hemm"
            )
        if not whole:
            forms.check(info, schema.INFO, file, cure)
        for name, size in info["files"].items():
            from_files.name_of(from_files.PACK_DATA, name, "a data file", file)
            path = folder / "data" / name
            footer = info.get("footers", {}).get(name)
            if not path.is_file() or path.stat().st_size != size:
                raise BadData(
                    f"pack {folder} is damaged: {path.name} is missing or has not {size} bytes; "
                    f"hemm prepare {info['task']} makes it anew"
                )
            if footer not in (None, footer_digest(path)):
                raise BadData(f"{path} is damaged: its footer is another; hemm prepare {info['task']}")
        return Pack(folder, info)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{file} is no description of a pack: {error!r}") from None


def check_pack(pack: Pack) -> None:
    """Read the whole pack, pictures too. Raises BadData naming the file that is damaged."""
    hashes = {}
    for split in schema.SPLITS:
        hashes[split] = pack.index(split).hashes
        for sample in pack.samples(split=split):
            if replace(sample, stored_hash="").sample_hash != sample.sample_hash:
                raise BadData(f"pack {pack.path} is damaged: sample {sample.id!r} differs from its digest")
        if len(hashes[split]) != pack.rows(split):
            raise BadData(f"pack {pack.path} is damaged: it has not {pack.rows(split)} rows of {split}")
    whole = {split: bytearray(bytes.fromhex("".join(found))) for split, found in hashes.items()}
    if set_hash(whole) != pack.hash:
        raise BadData(f"pack {pack.path} is damaged: its rows are not those of {schema.PACK_FILE}")


def find_pack(task: str, origin: Mapping[str, Any] = cache.OWN) -> Pack:
    """The current pack of a task from the cache: its name, and its ``Task.origin`` where it is a user's own.

    Raises NotPrepared where there is none.
    """
    folder = cache.current(task, origin)
    if folder is None:
        raise not_prepared(task, origin)
    return open_pack(folder)


def answered_pack(task: str, origin: Mapping[str, Any], content: str) -> Pack:
    """The pack whose hash is ``content``, as a cell's run.json has it; else the current one of that origin.

    Raises HemmError where there is neither.
    """
    for folder in cache.packs_of_content(task, content) if content else ():
        try:
            pack = open_pack(folder)
        except HemmError:
            continue
        if pack.hash == content:
            return pack
    return find_pack(task, origin)


def not_prepared(task: str, origin: Mapping[str, Any]) -> NotPrepared:
    """The error for a task without a pack."""
    kind = origin.get("kind")
    return NotPrepared({task: "" if kind == "object" else origin_spec(origin, task)}, card=kind == "hub")


def _lists(column: Any) -> list[tuple[Any, ...]]:
    lists: list[tuple[Any, ...]] = []
    for chunk in getattr(column, "chunks", [column]):
        values, ends = texts(chunk.flatten()), numbers(chunk.offsets)
        ends = (ends - ends[0]).tolist()
        lists += [tuple(values[a:b]) for a, b in itertools.pairwise(ends)]
    return lists


def _objects(column: Any) -> list[Mapping[str, str]]:
    return [orjson.loads(text) for text in texts(column)]


def _lengths(column: Any) -> list[int]:
    import pyarrow.compute as pc

    return pc.list_value_length(column).to_pylist()  # type: ignore[no-any-return]
