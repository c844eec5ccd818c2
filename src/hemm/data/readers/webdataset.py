"""WebDataset shards: tar files in which the files of one row have one name and other endings."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from hemm.core import BadData, Media
from hemm.data.readers.pointers import check_no_pointer
from hemm.data.tar import open_tar

MEDIA_ENDINGS = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "avif", "heic"), "image"),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "m4a"), "audio"),
    **dict.fromkeys(("mp4", "webm", "mkv", "mov", "avi"), "video"),
}
"""Ending of a file name -> what it holds."""
_TEXTS = ("txt", "text", "cls", "caption", "id", "index")
_LARGEST = 64 << 20  # bytes of a member that is no medium


def webdataset_rows(files: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of each row of tar shards, in their order.

    A row has ``id``, the name that its files share; ``image`` (``audio``, ``video``) for a file with one of
    the usual endings, which is read when it is needed; what its ``.json`` says; and texts (``.txt``,
    ``.cls``) under their endings. Endings of several parts (``left.jpg``) name a column of their own. Raises
    BadData for a damaged or compressed file.
    """
    for path in files:
        check_no_pointer(path)
        try:
            # of a compressed file pictures could not be read in place
            with open_tar(path, packed=False) as tar:
                members = (m for m in tar if m.isreg() and not Path(m.name).name.startswith("."))
                for key, group in groupby(members, key=lambda m: _split(m.name)[0]):
                    yield f"{path}, {key}", _row(tar, path, key, list(group))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise BadData(f"{path} cannot be read as tar: {error}") from None


def _split(name: str) -> tuple[str, str]:
    """The name that the files of a row share, and the ending after its first dot."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, _, ending = file.partition(".")
    return folder + slash + stem, ending


def _row(tar: tarfile.TarFile, path: Path, key: str, members: list[tarfile.TarInfo]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": key}
    for member in members:
        ending = _split(member.name)[1]
        last = ending.lower().rpartition(".")[2]
        if last in MEDIA_ENDINGS:
            load = partial(_read_at, path, member.offset_data, member.size)
            name = MEDIA_ENDINGS[last] if "." not in ending else ending
            row[name] = Media(load=load, name=member.name)
        elif last in ("json", *_TEXTS):
            text = _text(tar, member, f"{path}, {member.name}")
            row |= _object(text, f"{path}, {member.name}") if last == "json" else {ending: text.strip()}
    return row


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo, where: str) -> str:
    if member.size > _LARGEST:
        raise BadData(f"{where} has {member.size} bytes, too many for a row")
    file = tar.extractfile(member)
    assert file is not None
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadData(f"{where} is not UTF-8: {error.reason}") from None


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadData(f"{where}: no valid JSON ({error.msg})") from None
    return value if isinstance(value, dict) else {"json": value}


def _read_at(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
