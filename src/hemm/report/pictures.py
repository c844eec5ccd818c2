"""Pictures as data URIs: small ones unchanged, large ones as thumbnails, within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemm.core import BadData, HemmError, Media, digest
from hemm.core.from_files import is_digest
from hemm.core.media import media_type
from hemm.core.origin import origin_spec
from hemm.data.pixels import rgb, upright_size

if TYPE_CHECKING:
    from hemm.data.pack.reader import Pack
    from hemm.results.read import Cell

SHOWN_AS_IS = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Raster formats that every browser shows, and that cannot contain scripts or links."""
AS_IS_BYTES, AS_IS_SIDE = 120_000, 1_024
THUMBNAIL_SIDE = 512
ENLARGED_SIDE = 160
"""Pictures with sides up to this are shown at twice their size, with sharp pixels."""
MEDIA_MARK = "media:"


@dataclass(frozen=True)
class Picture:
    """A picture with the size at which it is shown, or (``uri`` empty) a note why it is not."""

    uri: str = ""
    name: str = ""
    digest: str = ""
    width: int = 0
    height: int = 0
    small: bool = False
    note: str = ""


@dataclass
class Gallery:
    """Gets the pictures of a page from cells and packs.

    bytes_left, pictures_left  how many more bytes (encoded) and pictures the page may have
    """

    bytes_left: int = 3_000_000
    pictures_left: int = 120
    _packs: dict[tuple[str, str, str], tuple[Pack, Mapping[str, int]] | str] = field(default_factory=dict)
    _by_digest: dict[str, Picture] = field(default_factory=dict)

    def of(self, cell: Cell, row: Mapping[str, Any]) -> list[Picture]:
        """The pictures of a stored answer's sample, in order; without ``uri`` where they are not
        available."""
        if not row["media"] and row["failure"] is None:
            return []
        sample = self.sample(cell, row)
        if isinstance(sample, str):
            return [Picture(note=sample, digest=d) for d in row["media"][-1:]]
        return [self.picture(m) for m in sample.media]

    def reference(self, cell: Cell, row: Mapping[str, Any], digest: str) -> Picture:
        sample = self.sample(cell, row)
        if isinstance(sample, str):
            return Picture(note=sample, digest=digest)
        media = next((r for r in sample.references if isinstance(r, Media) and r.digest == digest), None)
        return Picture(note="not in the pack", digest=digest) if media is None else self.picture(media)

    def produced(self, cell: Cell, digests: Sequence[str]) -> list[Picture]:
        """Pictures that the model made."""
        from hemm.results.layout import MEDIA
        from hemm.results.stored_media import drawn_media

        return [
            self.picture(drawn_media(d, cell.folder / MEDIA))
            if is_digest(d)
            else Picture(note="not opened: the answer names no picture but a file")
            for d in digests
        ]

    def sample(self, cell: Cell, row: Mapping[str, Any]) -> Any:
        """The sample of a stored answer from its task's pack, or a text that says why it is not there."""
        found = self.place(cell, row)
        if isinstance(found, str):
            return found
        pack, number = found
        sample = pack.sample(number)
        if sample.sample_hash != row["sample_hash"]:
            return "the pack here has another version of this sample"
        return sample

    def place(self, cell: Cell, row: Mapping[str, Any]) -> tuple[Pack, int] | str:
        """The pack that a stored answer's sample is in, and its row there; or why it is in none."""
        opened = self._pack(cell)
        if isinstance(opened, str):
            return opened
        pack, rows = opened
        number = rows.get(row["id"])
        return "the pack here has no such sample" if number is None else (pack, number)

    def _pack(self, cell: Cell) -> tuple[Pack, Mapping[str, int]] | str:
        """The pack that was answered, or what has become of it, with its rows by sample id."""
        origin = cell.run.get("origin") or {}
        key = cell.task, digest(origin), str(cell.run["pack"]["hash"])
        if key not in self._packs:
            from hemm.data.pack.reader import answered_pack

            try:
                pack = answered_pack(cell.task, origin, key[2])
                self._packs[key] = pack, {name: n for n, name in enumerate(pack.index().ids)}
            except HemmError:
                spec = origin_spec(origin, cell.task)
                self._packs[key] = f"pictures are not here: hemm prepare {spec} brings them back"
        return self._packs[key]

    def picture(self, media: Media) -> Picture:
        """A picture for a page, or a note if the page has no room for it."""
        if media.problem:
            return Picture(name=media.name, note=media.problem)
        if media.digest not in self._by_digest:
            self._by_digest[media.digest] = self._make(media)
        drawn = self._by_digest[media.digest]
        size = len(drawn.uri)
        if drawn.uri and (size > self.bytes_left or self.pictures_left <= 0):
            return Picture(
                name=drawn.name, digest=drawn.digest, note="left out: this page holds its fill of pictures"
            )
        if drawn.uri:
            self.bytes_left, self.pictures_left = self.bytes_left - size, self.pictures_left - 1
        return drawn

    def _make(self, media: Media) -> Picture:
        try:
            data = media.data
            mime = media_type(data)
            if not mime.startswith("image/"):
                return Picture(name=media.name, digest=media.digest, note=f"{media.kind}, not shown")
            data, mime, size = _fitted(media, data, mime)
        except (BadData, HemmError, OSError) as error:
            return Picture(name=media.name, digest=media.digest, note=str(error))
        small = max(size) <= ENLARGED_SIDE
        scale = 2 if small else 1
        uri = f"data:{mime};base64,{base64.b64encode(data).decode()}"
        return Picture(uri, media.name, media.digest, size[0] * scale, size[1] * scale, small)


def _fitted(media: Media, data: bytes, mime: str) -> tuple[bytes, str, tuple[int, int]]:
    """Bytes, type and size of the picture or of its thumbnail. Raises BadData where it does not open."""
    size = upright_size(media)
    if mime in SHOWN_AS_IS and len(data) <= AS_IS_BYTES and max(size) <= AS_IS_SIDE:
        media.pixels()
        return data, mime, size
    picture = rgb(media, 4 * THUMBNAIL_SIDE**2)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue(), "image/jpeg", picture.size
