"""The first pass of ``prepare``: rows and distinct media on disk, and a few bytes for each row in memory."""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import orjson

from hemm.core import BadData, Media, Sample, digest
from hemm.data.pack.schema import StagedRow, row_hash, staged_row

_MASK = (1 << 63) - 1


class _Heap:
    """A file of pieces of bytes, which are read back by their place without moving where writing goes on."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("w+b", buffering=1 << 18)
        self._end = self._flushed = 0

    def add(self, data: bytes) -> int:
        """Write ``data`` at the end, and return where it begins."""
        self._file.write(data)
        at, self._end = self._end, self._end + len(data)
        return at

    def read(self, at: int, size: int) -> bytes:
        if self._flushed < self._end:
            self._file.flush()
            self._flushed = self._end
        if sys.platform != "win32":
            data = os.pread(self._file.fileno(), size, at)
            if len(data) == size:
                return data
        self._file.seek(at)  # also for more than 2 GiB, which the system reads in parts
        data = self._file.read(size)
        self._file.seek(0, 2)
        return data

    def close(self) -> None:
        self._file.close()


class StagedSplit:
    """Rows of one split in the order of the source, and the order in which the pack holds them."""

    def __init__(self, path: Path) -> None:
        self._heap = _Heap(path)
        self._offsets = array("q")
        self._sizes = array("q")
        self._keys = array("q")  # number of the row's first picture; a row without any has its own
        self._ids = array("q")
        self.hashes = bytearray()  # 16 bytes a row
        self.question_hashes = bytearray()
        self._after: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, sample: Sample, picture: int) -> None:
        """Store one row; ``picture`` is the number of its first picture."""
        self._keys.append(picture)
        self._ids.append(hash(sample.id) & _MASK)
        self.hashes += bytes.fromhex(sample.sample_hash)
        self.question_hashes += bytes.fromhex(question_hash(sample))
        if sample.after is not None:
            self._after[len(self._offsets)] = sample.after
        data = orjson.dumps(staged_row(sample))
        self._sizes.append(len(data))
        self._offsets.append(self._heap.add(data))

    def row(self, number: int) -> StagedRow:
        """The row with this number in source order."""
        row: StagedRow = orjson.loads(self._heap.read(self._offsets[number], self._sizes[number]))
        return row

    def rename_clusters(self, names: Mapping[str, str]) -> None:
        """Give the rows of the clusters in ``names`` these names instead."""
        for number in range(len(self)) if names else ():
            row = self.row(number)
            if row["cluster"] not in names:
                continue
            row["cluster"] = names[row["cluster"]]
            row["sample_hash"] = row_hash(row)
            self.hashes[16 * number : 16 * number + 16] = bytes.fromhex(row["sample_hash"])
            data = orjson.dumps(row)
            self._offsets[number], self._sizes[number] = self._heap.add(data), len(data)

    def check_ids(self, where: str) -> None:
        """Raise BadData where two rows have one id."""
        import numpy as np

        ids = np.frombuffer(self._ids, dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        seen: dict[str, int] = {}
        for pair in np.flatnonzero(ids[order][1:] == ids[order][:-1]):
            for number in (int(order[pair]), int(order[pair + 1])):
                name = self.row(number)["id"]
                if seen.setdefault(name, number) != number:
                    first, second = sorted((seen[name], number))
                    raise BadData(
                        f"{where}: the id {name!r} is used twice (rows {first + 1} and {second + 1}); "
                        "every sample needs its own"
                    )

    def order(self, where: str) -> list[int]:
        """Row numbers in pack order: by first appearance of their first picture, with chains in one piece."""
        keys: list[tuple[int, int, int]] = [(key, n, 0) for n, key in enumerate(self._keys)]
        if self._after:
            self._chain(keys, where)
        return sorted(range(len(keys)), key=keys.__getitem__)

    def _chain(self, keys: list[tuple[int, int, int]], where: str) -> None:
        number = {self.row(n)["id"]: n for n in range(len(self))}
        previous: dict[int, int] = {}
        for n, after in self._after.items():
            if after not in number:
                raise BadData(f"{where}: row {n + 1} continues {after!r}, which is no sample of its split")
            previous[n] = number[after]
        if len(set(previous.values())) < len(previous):
            raise BadData(f"{where}: two samples continue the same one; only chains are possible")
        for n in previous:
            root, depth = n, 0
            while root in previous:
                root, depth = previous[root], depth + 1
                if depth > len(previous):
                    raise BadData(f"{where}: the samples after row {n + 1} continue each other in a circle")
            keys[n] = (self._keys[root], root, depth)

    def close(self) -> None:
        self._heap.close()


class StagedMedia:
    """Distinct media bytes, each once, in the order of first appearance."""

    def __init__(self, path: Path) -> None:
        self._heap = _Heap(path)
        self._place: dict[str, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self._place)

    def add(self, media: Media) -> int:
        """Write these bytes if they are new, and return their number by first appearance."""
        known = self._place.get(media.digest)
        if known is not None:
            return known[0]
        data = media.data
        self._place[media.digest] = (len(self._place), self._heap.add(data), len(data))
        return len(self._place) - 1

    def size(self, digest: str) -> int:
        return self._place[digest][2]

    def read(self, digest: str) -> bytes:
        _, offset, size = self._place[digest]
        return self._heap.read(offset, size)

    def total(self) -> int:
        """Bytes of all distinct media."""
        return sum(size for _, _, size in self._place.values())

    def close(self) -> None:
        self._heap.close()


def question_hash(sample: Sample) -> str:
    """Digest of a question and its answers, without pictures (32 hex digits)."""
    return digest(
        {
            "id": sample.id,
            "fields": dict(sample.fields),
            "references": [r if isinstance(r, str) else None for r in sample.references],
            "choices": list(sample.choices),
            "after": sample.after,
        },
        32,
    )


def set_hash(splits: dict[str, bytearray]) -> str:
    """One hash (32 hex digits) of the 16-byte row hashes by split, whatever their order."""
    import hashlib

    import numpy as np

    total = hashlib.sha256()
    for name in sorted(splits):
        if splits[name]:
            rows = np.frombuffer(bytes(splits[name]), dtype="S16").copy()
            raw = np.frombuffer(bytes(splits[name]), dtype=np.uint8).reshape(-1, 16)
            rows = raw[np.lexsort(raw.T[::-1])]
            total.update(f"{name}:{len(rows)}\n".encode() + rows.tobytes())
    return total.hexdigest()[:32]
