"""What a cell of a user's table holds where media are expected: bytes, text of bytes, paths, addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from hemm.core import BadData, Media
from hemm.data.readers.inline import inline_bytes
from hemm.data.sources.web_pictures import web_picture

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
_PLACES = ("path", "file_name", "url", "image_url", "src")


@dataclass(frozen=True)
class Places:
    """Where paths of media start.

    folders  in order of preference; paths that lead out of all of them are refused
    """

    folders: Sequence[Path]

    def media(self, value: Any, field: str, where: str) -> Iterator[Media]:
        """The media of a cell, in order.

        A cell holds media, encoded bytes, base64, a data URL, a path, a ``file://`` or web address, an object
        with one of these (``bytes``, ``path``, ``url``), or lists of such. Raises BadData, naming ``where``
        and ``field``, for anything else and for a path that leads out of the folders.
        """
        if value is None or value == "":
            return
        if isinstance(value, list | tuple):
            for item in value:
                yield from self.media(item, field, where)
        elif isinstance(value, Media):
            if value.path is not None:  # a path that a Parquet file names
                self._at(value.name, value.path, field, where)
            yield value
        elif isinstance(value, bytes | bytearray | memoryview):
            yield Media(bytes(value))
        elif isinstance(value, Mapping):
            yield from self._of_object(value, field, where)
        elif isinstance(value, str):
            yield self._of_text(value, field, where)
        else:
            raise BadData(f"{where}: field {field!r} is no path: {value!r:.40}")

    def _of_object(self, value: Mapping[str, Any], field: str, where: str) -> Iterator[Media]:
        held = next((value[k] for k in ("bytes", *_PLACES) if value.get(k) not in (None, "")), None)
        if held is None or isinstance(held, list | tuple):
            raise BadData(f"{where}: field {field!r} is an object without bytes, path or url: {value!r:.40}")
        yield from self.media(held, field, where)

    def _of_text(self, value: str, field: str, where: str) -> Media:
        try:
            data = inline_bytes(value)
        except ValueError as error:
            raise BadData(f"{where}: field {field!r} {error}") from None
        if data is not None:
            return Media(data)
        scheme = _SCHEME.match(value)
        if scheme is None:
            return self._at(value, Path(value.replace("\\", "/")), field, where)
        if scheme[1].lower() in ("http", "https"):
            return web_picture(value)
        if scheme[1].lower() == "file" and urlsplit(value).netloc in ("", "localhost"):
            return self._at(value, Path(url2pathname(unquote(urlsplit(value).path))), field, where)
        raise BadData(f"{where}: field {field!r} is an address that hemm does not read: {value!r:.60}")

    def _at(self, value: str, path: Path, field: str, where: str) -> Media:
        """The file at a path below the first of the folders that has it; if none has, below the first."""
        each = [path] if path.is_absolute() else [folder / path for folder in self.folders]
        inside = [(p, top) for p in each if (top := self._top(p)) is not None]
        if not inside:
            first = self.folders[0] if self.folders else "the data set"
            raise BadData(
                f"{where}: field {field!r}: {value!r} lies outside {first}; to read pictures there, say "
                "'images: FOLDER' in the card, and name the card with --card"
            )
        file, top = next((pair for pair in inside if pair[0].is_file()), inside[0])
        if path.is_absolute() or ".." in path.parts:
            return Media.at(file, name=Path(os.path.abspath(file)).relative_to(top).as_posix())
        return Media.at(file, name=path.as_posix())

    def _top(self, path: Path) -> str | None:
        """The folder that holds ``path``, which may be the target of a link to it."""
        place = os.path.abspath(path)
        return next((top for top in self._tops if os.path.commonpath([top, place]) == top), None)

    @cached_property
    def _tops(self) -> list[str]:
        """The folders, as they are named and without links; looked up once, since that asks the system."""
        return [top for folder in self.folders for top in (os.path.abspath(folder), str(folder.resolve()))]
