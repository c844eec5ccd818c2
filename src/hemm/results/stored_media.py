"""Pictures of stored answers: from digests to bytes, read when somebody needs them and not kept.

Answers hold pictures by digest. What the model drew lies beside them; what it was shown, and references that
are pictures, lie in the task's pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hemm.core import HemmError, Media

if TYPE_CHECKING:
    from hemm.data.pack.reader import Pack

Lookup = Callable[[str], bytes]
"""SHA-256 of encoded bytes (64 hex digits) -> these bytes. Raises HemmError where they are not here."""


def nowhere(digest: str) -> bytes:
    """The lookup where none is given. Raises HemmError."""
    raise HemmError(
        f"picture {digest[:12]}: its bytes are not stored in the answers: its task's pack has them"
    )


def late(digest: str, lookup: Lookup) -> Media:
    """A picture that ``lookup`` is asked for each time its bytes are needed."""
    return Media(load=lambda: lookup(digest), digest=digest)


def media_path(folder: Path, digest: str) -> Path:
    """Where content-addressed media lie below a cell's media folder."""
    return folder / digest[:2] / digest


def drawn_media(digest: str, folder: Path) -> Media:
    """A picture that a model drew, read late from the cell's media ``folder``.

    One that is not stored there raises FileNotFoundError when its bytes are needed.
    """
    path = media_path(folder, digest)
    if path.exists():
        return Media(load=path.read_bytes, digest=digest, name=path.name)

    def absent() -> bytes:
        raise FileNotFoundError(f"picture {digest[:12]} is not stored with the answers")

    return Media(load=absent, digest=digest, mime="image/unknown")


@dataclass
class StoredMedia:
    """The lookup of one result cell: its own folder of drawn pictures, then the task's current pack.

    task   name of the task whose pack has the others
    where  the cell's folder, for messages
    drawn  digest -> where a picture that the model drew would lie
    pack_hash  of the pack that was answered, for messages
    """

    task: str
    where: Path
    drawn: Callable[[str], Path]
    pack_hash: str = ""

    def __call__(self, digest: str) -> bytes:
        """The bytes. Raises HemmError where neither folder nor pack has them."""
        try:
            return self.drawn(digest).read_bytes()
        except FileNotFoundError:
            pass
        place = self._places.get(digest)
        if place is None:
            raise HemmError(self._lacking(digest))
        sample = self._pack.sample(place[1], place[0])
        held = (*sample.media, *(r for r in sample.references if isinstance(r, Media)))
        return next(m for m in held if m.digest == digest).data

    @cached_property
    def _pack(self) -> Pack:
        from hemm.data.pack.reader import find_pack

        try:
            return find_pack(self.task)
        except HemmError as error:
            raise HemmError(f"{self.where}: its pictures are needed for scoring, and {error}") from error

    @cached_property
    def _places(self) -> dict[str, tuple[str, int]]:
        """Digest -> split and row of the first sample that has this picture."""
        found: dict[str, tuple[str, int]] = {}
        for split in ("test", "shots"):
            for row, digests in enumerate(self._pack.index(split).media):
                for digest in digests:
                    found.setdefault(digest, (split, row))
        return found

    def _lacking(self, digest: str) -> str:
        text = (
            f"{self.where}: picture {digest[:12]} is neither among its media nor in the pack of {self.task}"
        )
        if self.pack_hash not in ("", self._pack.hash):
            text += f" (pack {self._pack.hash[:12]}; answered was {self.pack_hash[:12]})"
        return f"{text}: prepare the files that were answered with hemm prepare {self.task}, or run it anew"
