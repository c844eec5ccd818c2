"""Pictures, sound and video as original encoded bytes."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core.errors import BadData, HemmError, MissingExtra
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


_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
}
"""Brands of ISO base media files that are no videos (ISO/IEC 23008-12, AV1 Image File Format, QuickTime)."""

UNKNOWN = "application/octet-stream"
HEAD = 256
"""Bytes from which ``sniff`` tells a type."""


def sniff(data: bytes) -> str:
    """The MIME type of encoded media, from its first bytes; ``application/octet-stream`` if unknown.

    >>> sniff(b"GIF89a"), sniff(b"RIFF----WEBP"), sniff(b"<html>")
    ('image/gif', 'image/webp', 'application/octet-stream')
    """
    for magic, mime in _MAGIC:
        if data.startswith(magic):
            return mime
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/avi"}.get(data[8:12], UNKNOWN)
    if data[4:8] == b"ftyp":
        end = min(int.from_bytes(data[:4], "big"), HEAD, len(data))
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
        named = next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "video/mp4")
        return "image/heif" if named == "video/mp4" and data[8:12] in (b"mif1", b"msf1") else named
    return UNKNOWN


def media_type(data: bytes) -> str:
    """The MIME type of whole encoded media: by ``sniff``, else by whichever of Pillow's formats opens it.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (16, 9)).save(file, "TGA")
    >>> sniff(file.getvalue()), media_type(file.getvalue())
    ('application/octet-stream', 'image/x-tga')
    """
    found = sniff(data[:HEAD])
    if found != UNKNOWN or not data:
        return found
    from PIL import Image

    try:
        name = str(open_picture(data).format)
    except Exception:  # Pillow raises many kinds for what is no picture
        return found
    return Image.MIME.get(name) or f"image/x-{name.lower()}"


FORMATS = (
    *("AVIF", "BLP", "BMP", "CUR", "DCX", "DDS", "DIB", "FITS", "FLI", "FTEX", "GBR", "GIF", "HEIF", "ICNS"),
    *("ICO", "IM", "IMT", "IPTC", "JPEG", "JPEG2000", "JXL", "MCIDAS", "MPO", "MSP", "PCD", "PCX", "PIXAR"),
    *("PNG", "PPM", "PSD", "QOI", "SGI", "SPIDER", "SUN", "TGA", "TIFF", "WEBP", "XBM", "XPM", "XVTHUMB"),
)
"""Pillow's names of the formats that are opened: those that it decodes itself. PostScript, WMF and others,
for which it starts a program or what another package registered, are not among them."""

_POSTSCRIPT = (b"%!PS", b"\xc5\xd0\xd3\xc6")
_LIMIT_LIFTED = threading.Lock()


def open_picture(data: bytes) -> Picture:
    """A picture whose pixels are not decoded yet: its size and what its header says.

    However many pixels it has: ``Media.pixels`` has the limit. Raises what Pillow raises for what does not
    open or is of none of ``FORMATS``, and MissingExtra for a HEIC picture without the package that opens it.
    """
    from PIL import Image, UnidentifiedImageError

    if data.startswith(_POSTSCRIPT):
        raise UnidentifiedImageError("it is PostScript, which is a program: convert it to PNG")
    Image.init()  # else threads that meet a rare format first race for its plug-in, and one loses
    try:
        return _opened(data)
    except Image.DecompressionBombError:
        with _LIMIT_LIFTED:
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return _opened(data)
            finally:
                Image.MAX_IMAGE_PIXELS = before
    except UnidentifiedImageError:
        if sniff(data[:HEAD]) not in ("image/heic", "image/heif"):
            raise
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            raise MissingExtra("a HEIC picture", "heic") from None
        register_heif_opener()
        return _opened(data)


def _opened(data: bytes) -> Picture:
    from PIL import Image, UnidentifiedImageError

    likely = _BY_MAGIC.get(sniff(data[:HEAD]))
    if (
        likely in Image.OPEN
    ):  # formats without a mark of their own are tried by opening them, which takes long
        try:
            return Image.open(io.BytesIO(data), formats=(likely,))
        except UnidentifiedImageError:
            pass
    return Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])


_BY_MAGIC = {f"image/{name.lower()}": name for name in ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")}
"""MIME type -> Pillow's name, of formats that the first bytes tell."""


def most_pixels() -> int:
    """The most pixels of a picture that is decoded as it is: ``HEMM_PICTURE_LIMIT``, else Pillow's own limit.

    Raises HemmError where the variable is no whole number above 0.
    """
    named = os.environ.get("HEMM_PICTURE_LIMIT")
    if named:
        if not named.isdecimal() or int(named) < 1:
            raise HemmError(f"HEMM_PICTURE_LIMIT is {named!r}: it is a number of pixels, as in 200000000")
        return int(named)
    from PIL import Image

    return 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else sys.maxsize


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
    original digest of the picture that this one was converted from; empty: it is as it was

    Two are equal where their bytes are. Raises ValueError without ``data`` and ``load``.

    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (64, 48), "red").save(file, "PNG")
    >>> picture = Media(file.getvalue(), name="red.png")
    >>> picture.mime, picture.kind, picture.pixels().size
    ('image/png', 'image', (64, 48))
    """

    __slots__ = ("_data", "_digest", "_load", "_mime", "name", "original", "path", "problem")

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
        self.name, self.problem, self.original = name, problem, ""
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
        """MIME type: as it was given, else as ``media_type`` tells it."""
        if not self._mime:
            self._mime = media_type(self.data)
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

    def opened(self) -> Picture:
        """The picture with its header read and its pixels not decoded.

        Raises FileNotFoundError where the file is not there, BadData where it does not open.
        """
        picture: Picture = self._of_pillow(lambda: open_picture(self.data))
        return picture

    def pixels(self, most: int = 0) -> Picture:
        """The decoded picture (first frame). Raises FileNotFoundError where the file is not there, BadData
        where it does not open or has more pixels than the limit (``most_pixels``).

        most  the caller makes it smaller than so many pixels: then there is no limit; 0: as it is
        """
        picture = self.opened()
        if not most:
            self.check_size(picture.size)
        elif picture.width * picture.height > most_pixels():
            picture.draft(None, _bounded(picture.size, most))  # decodes a JPEG at a half, quarter or eighth
        self._of_pillow(picture.load)
        return picture

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise BadData where a picture of this (width, height) is beyond the limit (``most_pixels``)."""
        if size[0] * size[1] > most_pixels():
            raise BadData(
                f"picture {self.name or self.digest[:12]} has {size[0]} x {size[1]} pixels, more than "
                f"{most_pixels():,}: --max-pixels makes it smaller, HEMM_PICTURE_LIMIT=N takes more"
            )

    def _of_pillow(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except FileNotFoundError:
            raise
        except Exception as error:  # Pillow raises many kinds for damaged files
            why = str(error)
            if why.startswith("cannot identify"):  # it ends in an address of memory, other in every run
                why = "is no picture that can be read"
            raise BadData(f"picture {self.name or self.digest[:12]} does not open: {why}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Media) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Media({self.name or self._digest[:12]!r})"


def _bounded(size: tuple[int, int], most: int) -> tuple[int, int]:
    """The size with at most about ``most`` pixels in the same proportions."""
    scale = min(1.0, (most / (size[0] * size[1])) ** 0.5)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
