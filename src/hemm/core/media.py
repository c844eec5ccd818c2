"""Pictures, sound and video as original encoded bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hemm.core.errors import BadData
from hemm.core.hashing import digest_bytes

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)


def sniff(data: bytes) -> str:
    """The MIME type of encoded media, from its first 12 bytes; ``application/octet-stream`` if unknown.

    >>> sniff(b"GIF89a"), sniff(b"RIFF----WEBP"), sniff(b"<html>")
    ('image/gif', 'image/webp', 'application/octet-stream')
    """
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}.get(
            data[8:12], "application/octet-stream"
        )
    if data[4:8] == b"ftyp":
        return "image/avif" if data[8:12] == b"avif" else "video/mp4"
    return "application/octet-stream"


class Media:
    """One picture, sound or video: original encoded bytes, decoded only when somebody needs them.

    data     the encoded bytes; or ``load``, which gives them when they are needed. Task readers give
             ``Media.at(path)`` and never open files themselves: whoever needs the bytes finds out whether
             they are there (FileNotFoundError) and whether they decode (BadData)
    name     where it came from: shown to people, never hashed
    mime     MIME type, where known; else it is told from the first bytes
    digest   SHA-256 of the bytes, where known; else it is computed when first asked for
    problem  why it cannot be used; empty: it can
    path     the file that ``at`` was given, or None

    Two are equal where their bytes are. Raises ValueError without ``data`` and ``load``.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (64, 48), "red").save(file, "PNG")
    >>> picture = Media(file.getvalue(), name="red.png")
    >>> picture.mime, picture.kind, picture.pixels().size
    ('image/png', 'image', (64, 48))
    """

    __slots__ = ("_data", "_digest", "_load", "_mime", "name", "path", "problem")

    def __init__(
        self,
        data: bytes | None = None,
        *,
        load: Callable[[], bytes] | None = None,
        name: str = "",
        mime: str = "",
        digest: str = "",
        problem: str = "",
    ) -> None:
        if data is None and load is None:
            raise ValueError("Media needs data or load")
        self._data, self._load = data, load
        self._mime, self._digest = mime, digest
        self.name, self.problem = name, problem
        self.path: Path | None = None

    @classmethod
    def at(cls, path: Path, name: str = "") -> Media:
        """The file at ``path``, read when first needed and not kept."""
        media = cls(load=path.read_bytes, name=name or path.name)
        media.path = path
        return media

    @property
    def data(self) -> bytes:
        """The encoded bytes. A late loader is asked at each use, so that nothing is held twice."""
        if self._data is not None:
            return self._data
        assert self._load is not None
        return self._load()

    @property
    def mime(self) -> str:
        """MIME type: as it was given, else as ``sniff`` tells it from the first bytes."""
        if not self._mime:
            self._mime = sniff(self.data[:16])
        return self._mime

    @property
    def kind(self) -> str:
        """``image``, ``audio`` or ``video``."""
        return self.mime.split("/")[0]

    @property
    def digest(self) -> str:
        """SHA-256 of the encoded bytes (64 hex digits)."""
        if not self._digest:
            self._digest = digest_bytes(self.data)
        return self._digest

    def pixels(self) -> Picture:
        """The decoded picture (first frame). Raises FileNotFoundError where the file is not there, BadData
        where it does not open."""
        from PIL import Image

        Image.init()  # else threads that meet a rare format first race for its plug-in, and one loses
        try:
            picture = Image.open(io.BytesIO(self.data))
            picture.load()
        except FileNotFoundError:
            raise
        except Exception as error:  # Pillow raises many kinds for damaged files
            raise BadData(f"picture {self.name or self.digest[:12]} does not open: {error}") from error
        return picture

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Media) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Media({self.name or self._digest[:12]!r})"
