"""Zip archives, whose list of files is counted before it is read.

``zipfile`` reads the whole list into memory, about 600 bytes an entry, and an entry may take 47 bytes in the
file: what is small on disk may name more files than a machine can hold.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from hemm.core import BadData

MOST = 4_000_000
"""Entries of an archive: twice what the largest sets of pictures have, and 2.5 GB in memory."""
_ENTRY = struct.Struct("<4s24x3H12x")
"""An entry of the list: its sign, and the lengths of the three texts that follow it."""
_SIGN = b"PK\x01\x02"
_LONG = 256
"""Bytes of an entry on average from which a list of any length is too long."""


def open_zip(path: Path, most: int = MOST) -> zipfile.ZipFile:
    """The zip archive in a file.

    Raises BadData where it lists more than ``most`` files, before it reads them; and what ``zipfile.ZipFile``
    raises.
    """
    file = _Counted(path, most)
    try:
        packed = _Zip(file)
    except BaseException:
        file.close()
        raise
    file.listed = True
    packed.file = file
    return packed


class _Zip(zipfile.ZipFile):
    """An archive that closes its file."""

    file: _Counted | None = None

    def close(self) -> None:
        super().close()
        if self.file is not None:
            self.file.close()


class _Counted(io.BufferedReader):
    """A file of which ``zipfile`` reads the list of files at once, as it opens it: then it is ``listed``."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self.path, self.most, self.listed = path, most, False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.listed and size is not None and size > self.most * _ENTRY.size:
            self._count(size)
        return super().read(size)

    def _count(self, size: int) -> None:
        """Raise BadData where the list of so many bytes that begins here has too many entries."""
        start, entries, at = self.tell(), 0, 0
        while at < size and entries <= self.most and size <= self.most * _LONG:
            head = super().read(_ENTRY.size)
            if len(head) < _ENTRY.size or (texts := _ENTRY.unpack(head))[0] != _SIGN:
                break  # damaged: zipfile reads no further either
            entries += 1
            at += _ENTRY.size + sum(texts[1:])
            self.seek(start + at)
        if entries > self.most or size > self.most * _LONG:
            raise BadData(f"{self.path} lists more than {self.most:,} files: too many for one archive")
        self.seek(start)
