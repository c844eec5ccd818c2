"""Pictures by their digest: never by a path, never as the type that a file claims, never as markup."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError, Media
from hemm.core.from_files import is_digest
from hemm.core.media import media_type
from hemm.data.pixels import rgb
from hemm.engine.score import stored_media
from hemm.report.pictures import SHOWN_AS_IS
from hemm.results import layout
from hemm.results.stored_media import StoredMedia, media_path
from hemm.web.index.build import IndexedCell

THUMBNAIL = 256
"""Longest side of a small picture, in pixels."""
_PACKS = 8
_MOST_PIXELS = 40_000_000


@dataclass(frozen=True)
class Shown:
    """Bytes of a picture as a browser gets them, and their type by their own first bytes."""

    data: bytes
    mime: str


class Pictures:
    """Pictures of answers: those that the model drew, from the cell; all others from the task's pack."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lookups: OrderedDict[tuple[str, str], StoredMedia] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, one: IndexedCell, digest: str, small: bool = False, *, anew: bool = False) -> Shown:
        """A picture of one of the cell's answers. Raises HemmError where it is nowhere, or does not open.

        anew  as a PNG of its pixels alone, whatever it was
        """
        media = self.media(one, digest)
        data = media.data
        mime = media_type(data)
        if not mime.startswith("image/"):
            raise HemmError(f"{digest[:12]} is no picture: it is not shown")
        if mime in SHOWN_AS_IS and not small and not anew:
            return Shown(data, mime)
        picture: Any = rgb(Media(data), _MOST_PIXELS)
        if small:
            picture.thumbnail((THUMBNAIL, THUMBNAIL))
        out = io.BytesIO()
        picture.save(out, "PNG")
        return Shown(out.getvalue(), "image/png")

    def media(self, one: IndexedCell, digest: str) -> Media:
        """The picture with its bytes; one that was made ready for the model is made so again."""
        if not is_digest(digest):
            raise HemmError("a picture is named by its digest: 64 hex digits")
        drawn = media_path(one.cell.folder / layout.MEDIA, digest)
        if drawn.exists() and drawn.resolve() != drawn:
            raise BadData(f"picture {digest[:12]} is a link to somewhere else: it is not read")
        with self._lock:
            lookup = self._lookup(one)
            data = lookup(digest)
        return Media(data)

    def _lookup(self, one: IndexedCell) -> StoredMedia:
        key = (one.found.key, str(one.cell.run.get("pack", {}).get("hash", "")))
        if key not in self._lookups:
            self._lookups[key] = stored_media(one.cell)
            while len(self._lookups) > _PACKS:
                self._lookups.popitem(last=False)
        self._lookups.move_to_end(key)
        return self._lookups[key]

    def as_sent(self, one: IndexedCell, original: str, sent: str) -> Shown:
        """The picture ``sent``, made of ``original`` as it was for the model. Raises HemmError where that
        does not give the same bytes: then nobody can show what was sent."""
        from hemm.models.image_fit import fit

        source = self.media(one, original)
        most = int(one.cell.run["protocol_spec"]["generation"].get("max_pixels") or 0)
        for only_rgb in (False, True):
            for pixels in dict.fromkeys((most, 0)):
                made = fit(source, frozenset({"image/png", "image/jpeg"}), pixels, only_rgb=only_rgb)
                if made.digest == sent:
                    return Shown(made.data, media_type(made.data))
        raise HemmError(f"{sent[:12]} was made of {original[:12]} in a way that this machine cannot repeat")
