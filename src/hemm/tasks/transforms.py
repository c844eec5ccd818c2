"""Controls, which change a sample's pictures before its request is built.

Their result depends on the seed and the sample's id, not on which samples are selected.
"""

from __future__ import annotations

import bisect
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from hemm.core import HemmError, Media, Sample, keyed_number
from hemm.core.text import counted
from hemm.data.pixels import upright_size

Transform = Callable[[Sample], Sample]


class NoDonor(HemmError):
    """No other sample can stand for this one, which is not asked."""


def identity(sample: Sample) -> Sample:
    return sample


def remove(sample: Sample) -> Sample:
    """The sample without its pictures."""
    return sample.with_media(()) if sample.media else sample


def grey(sample: Sample) -> Sample:
    """Every picture becomes mid-grey of the same size."""
    return sample.with_media(tuple(_grey_of(m) for m in sample.media)) if sample.media else sample


def _grey_of(media: Media) -> Media:
    size = upright_size(media)
    media.check_size(size)
    return grey_picture(*size)


@lru_cache(maxsize=256)
def grey_picture(width: int, height: int) -> Media:
    """A mid-grey (128, 128, 128) RGB picture as PNG."""
    rows = zlib.compress((b"\x00" + b"\x80" * (3 * width)) * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(_chunk(k, d) for k, d in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")))
    return Media(b"\x89PNG\r\n\x1a\n" + chunks, mime="image/png", name=f"grey-{width}x{height}.png")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


class Ring:
    """Consistent hashing: draws from ``items`` that change little when items are added or removed.

    Items are on a ring, sorted by keyed hash; a draw starts at the hash of its own key and goes round.
    """

    def __init__(self, salt: str, seed: int, items: Sequence[str]) -> None:
        self._salt, self._seed = salt, seed
        places = sorted((keyed_number(salt, seed, "item", item), i) for i, item in enumerate(items))
        self._hashes = [h for h, _ in places]
        self._items = [i for _, i in places]

    def walk(self, key: str) -> Iterator[int]:
        """The numbers of all items, starting at the hash of ``key``."""
        start = bisect.bisect_left(self._hashes, keyed_number(self._salt, self._seed, "draw", key))
        for step in range(len(self._items)):
            yield self._items[(start + step) % len(self._items)]


class Shuffle:
    """Replaces a sample's pictures by as many of a sample of another cluster, none of which is its own.

    clusters, media  by row of the split (media as digests, including those of references)
    load             row -> sample
    control          the control that it is a part of, for messages
    """

    def __init__(
        self,
        clusters: Sequence[str],
        media: Sequence[tuple[str, ...]],
        load: Callable[[int], Sample],
        seed: int,
        control: str = "shuffle",
    ) -> None:
        self._load, self._control = load, control
        self._rings: dict[int, tuple[Ring, list[int], list[set[str]]]] = {}
        by_count: dict[int, dict[tuple[str, ...], tuple[int, set[str]]]] = {}
        for row, (cluster, digests) in enumerate(zip(clusters, media, strict=True)):
            if digests:
                by_count.setdefault(len(digests), {}).setdefault(digests, (row, set()))[1].add(cluster)
        for count, sets in by_count.items():
            ring = Ring("shuffle", seed, [" ".join(digests) for digests in sets])
            self._rings[count] = (ring, [row for row, _ in sets.values()], [c for _, c in sets.values()])

    @property
    def _instead(self) -> str:
        return "none or grey" if self._control == "shuffle" else "prior-none"

    def __call__(self, sample: Sample) -> Sample:
        """``sample`` with another sample's pictures. Raises HemmError if no other sample has suitable
        ones."""
        if not sample.media:
            return sample
        own = {m.digest for m in sample.media}
        count = len(sample.media) + sum(isinstance(r, Media) for r in sample.references)
        ring, rows, clusters = self._rings[count]
        for item in ring.walk(sample.id):
            if sample.cluster in clusters[item]:
                continue
            donor = self._load(rows[item])
            if donor.problem or len(donor.media) != len(sample.media):
                continue
            if own.isdisjoint(m.digest for m in donor.media):
                return sample.with_media(donor.media)
        raise HemmError(
            f"--control {self._control}: no other sample has {counted(len(sample.media), 'picture')} of "
            f"another cluster than sample {sample.id!r}; use --control {self._instead}"
        )
