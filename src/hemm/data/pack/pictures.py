"""Pictures, sound and video of a pack by their digests."""

from __future__ import annotations

from functools import cached_property

from hemm.core import Media
from hemm.data.pack.reader import Pack


class Pictures:
    """The media of ``pack``, those of references too, looked up by digest. Raises KeyError for others."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack

    def __getitem__(self, digest: str) -> Media:
        split, row = self._places[digest]
        sample = self._pack.sample(row, split)
        media = (*sample.media, *(r for r in sample.references if isinstance(r, Media)))
        return next(m for m in media if m.digest == digest)

    @cached_property
    def _places(self) -> dict[str, tuple[str, int]]:
        """Digest -> split and row of the first sample that has it."""
        places: dict[str, tuple[str, int]] = {}
        for split in ("test", "shots"):
            for row, digests in enumerate(self._pack.index(split).media):
                for digest in digests:
                    places.setdefault(digest, (split, row))
        return places
