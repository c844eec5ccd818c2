"""Pictures of stored answers, from digests to bytes; bytes are read when they are needed and not kept.

Answers have the digests of their pictures. Pictures that the model drew are in the cell; those of the prompt
and the references are in the task's pack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import BadData, HemmError, Media, digest_bytes, from_files
from hemm.core.origin import origin_spec

if TYPE_CHECKING:
    from hemm.data.pack.pictures import Pictures
    from hemm.data.pack.reader import Pack

Lookup = Callable[[str], bytes]
"""SHA-256 of encoded bytes (64 hex digits) -> the bytes. Raises HemmError where they are missing."""


def nowhere(digest: str) -> bytes:
    """The lookup without pictures: raises HemmError."""
    raise HemmError(
        f"picture {digest[:12]}: its bytes are not stored in the answers: its task's pack has them"
    )


def late(digest: str, lookup: Lookup) -> Media:
    """A picture that calls ``lookup`` each time its bytes are needed."""
    return Media(load=lambda: lookup(digest), digest=digest)


def media_path(folder: Path, digest: str) -> Path:
    """The path of a picture below a cell's media folder. Raises BadData for what is no digest: an answer
    from somebody else may name any file."""
    name = from_files.name_of(from_files.DIGEST, digest, "the digest of a picture", folder.parent)
    return folder / name[:2] / name


def stored_bytes(folder: Path, digest: str) -> bytes:
    """The bytes of a picture below a cell's media folder. Raises FileNotFoundError where it is not there, and
    BadData where it holds something else than its name says."""
    path = media_path(folder, digest)
    data = path.read_bytes()
    if digest_bytes(data) != digest:
        raise BadData(f"{path} is damaged: its content is not what its name says")
    return data


def drawn_media(digest: str, folder: Path) -> Media:
    """A picture that a model drew, to be read from the cell's media ``folder``.

    Reading its bytes raises FileNotFoundError where the folder does not have it. Raises BadData for what is
    no digest.
    """
    if media_path(folder, digest).exists():
        return Media(load=lambda: stored_bytes(folder, digest), digest=digest, name=digest)

    def absent() -> bytes:
        raise FileNotFoundError(f"picture {digest[:12]} is not stored with the answers")

    return Media(load=absent, digest=digest, mime="image/unknown")


@dataclass
class StoredMedia:
    """The lookup of one result cell: the pictures that the model drew, then the pack that was answered, or
    what has become of it.

    task       name of the task
    where      the cell's folder, for messages
    drawn      digest -> bytes of a picture that the model drew; raises FileNotFoundError for another one
    pack_hash  of the pack whose samples were answered
    origin     of the task (``Task.origin``)
    """

    task: str
    where: Path
    drawn: Callable[[str], bytes]
    pack_hash: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, digest: str) -> bytes:
        try:
            return self.drawn(digest)
        except FileNotFoundError:
            pass
        try:
            return self._pictures[digest].data
        except KeyError:
            raise HemmError(self._lacking(digest)) from None

    @cached_property
    def _pack(self) -> Pack:
        from hemm.data.pack.reader import answered_pack

        try:
            return answered_pack(self.task, self.origin, self.pack_hash)
        except HemmError as error:
            raise HemmError(f"{self.where}: its pictures are needed for scoring, and {error}") from error

    @cached_property
    def _pictures(self) -> Pictures:
        from hemm.data.pack.pictures import Pictures

        return Pictures(self._pack)

    def _lacking(self, digest: str) -> str:
        text = (
            f"{self.where}: picture {digest[:12]} is neither among its media nor in the pack of {self.task}"
        )
        if self.pack_hash not in ("", self._pack.hash):
            text += f" (pack {self._pack.hash[:12]}; answered was {self.pack_hash[:12]})"
        spec = origin_spec(self.origin, self.task)
        return f"{text}: prepare the files that were answered with hemm prepare {spec}, or run it anew"
