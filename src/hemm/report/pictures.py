"""Pictures of samples as data URIs: small ones as they are, large ones as thumbnails, within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hemm.core import BadData, HemmError, Media, sniff

if TYPE_CHECKING:
    from hemm.data.pack.reader import Pack
    from hemm.results.read import Cell

SHOWN_AS_IS = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Raster formats that every browser shows; nothing that can hold a script or a link."""
AS_IS_BYTES, AS_IS_SIDE = 120_000, 1_024
THUMBNAIL_SIDE = 512
ENLARGED_SIDE = 160
"""Pictures up to this side are shown at twice their size, pixels kept sharp."""
MEDIA_MARK = "media:"


@dataclass(frozen=True)
class Picture:
    """A picture, or (``uri`` empty) why it is not shown. ``width`` and ``height`` are as to be shown."""

    uri: str = ""
    name: str = ""
    digest: str = ""
    width: int = 0
    height: int = 0
    small: bool = False
    note: str = ""


@dataclass
class Gallery:
    """Where pictures come from, and how much of them a page may hold.

    bytes_left, left  room for encoded pictures (bytes) and how many more may be shown
    """

    bytes_left: int = 3_000_000
    left: int = 120
    _packs: dict[str, tuple[Pack, Mapping[str, int]] | str] = field(default_factory=dict)
    _made: dict[str, Picture] = field(default_factory=dict)

    def of(self, cell: Cell, row: Mapping[str, Any]) -> list[Picture]:
        """The pictures of one stored answer's sample, in order; without ``uri`` where they are not here."""
        if not row["media"] and row["failure"] is None:
            return []
        sample = self.sample(cell, row)
        if isinstance(sample, str):
            return [Picture(note=sample, digest=d) for d in row["media"][-1:]]
        return [self.show(m) for m in sample.media]

    def reference(self, cell: Cell, row: Mapping[str, Any], digest: str) -> Picture:
        """A reference that is a picture."""
        sample = self.sample(cell, row)
        if isinstance(sample, str):
            return Picture(note=sample, digest=digest)
        found = next((r for r in sample.references if isinstance(r, Media) and r.digest == digest), None)
        return Picture(note="not in the pack", digest=digest) if found is None else self.show(found)

    def produced(self, cell: Cell, digests: Sequence[str]) -> list[Picture]:
        """Pictures that the model gave."""
        from hemm.results.layout import MEDIA
        from hemm.results.stored_media import drawn_media

        return [self.show(drawn_media(d, cell.folder / MEDIA)) for d in digests]

    def sample(self, cell: Cell, row: Mapping[str, Any]) -> Any:
        """The sample of a stored answer as the pack here has it, or why it has not."""
        found = self._pack(cell.task)
        if isinstance(found, str):
            return found
        pack, rows = found
        at = rows.get(row["id"])
        if at is None:
            return "the pack here has no such sample"
        sample = pack.sample(at)
        if sample.sample_hash != row["sample_hash"]:
            return "the pack here has another version of this sample"
        return sample

    def _pack(self, task: str) -> tuple[Pack, Mapping[str, int]] | str:
        if task not in self._packs:
            from hemm.data.pack.reader import find_pack

            try:
                pack = find_pack(task)
                self._packs[task] = pack, {name: n for n, name in enumerate(pack.index().ids)}
            except HemmError:
                self._packs[task] = f"pictures are not here: hemm prepare {task} brings them back"
        return self._packs[task]

    def show(self, media: Media) -> Picture:
        """A picture for a page; the same one again costs nothing of the number, but its bytes."""
        if media.problem:
            return Picture(name=media.name, note=media.problem)
        if media.digest not in self._made:
            self._made[media.digest] = self._make(media)
        made = self._made[media.digest]
        size = len(made.uri)
        if made.uri and (size > self.bytes_left or self.left <= 0):
            return Picture(
                name=made.name, digest=made.digest, note="left out: this page holds its fill of pictures"
            )
        if made.uri:
            self.bytes_left, self.left = self.bytes_left - size, self.left - 1
        return made

    def _make(self, media: Media) -> Picture:
        try:
            data = media.data
            mime = sniff(data[:16])
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
    """Bytes, type and size to show: as they are, or a thumbnail. Raises BadData where it does not open."""
    picture = media.pixels()
    as_is = mime in SHOWN_AS_IS and len(data) <= AS_IS_BYTES and max(picture.size) <= AS_IS_SIDE
    if as_is:
        return data, mime, picture.size
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    out = io.BytesIO()
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture.convert("RGBA").save(out, "PNG", optimize=True)
        return out.getvalue(), "image/png", picture.size
    if picture.mode.startswith(("I", "F")):  # deep greys: Pillow would clip them at 255
        low, high = picture.convert("F").getextrema()
        scale = 255.0 / max(float(high) - float(low), 1e-9)  # type: ignore[arg-type]
        picture = picture.convert("F").point(lambda v: v * scale - float(low) * scale).convert("L")  # type: ignore[arg-type]
    picture.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue(), "image/jpeg", picture.size
