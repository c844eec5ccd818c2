"""Tar files of others: their headers count, and none fills the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from hemm.core import BadData

LONGEST = 64 << 20
"""Most bytes that are read at once: a header may say that a name is as long as it likes."""

_PACKED: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


def open_tar(
    path: Path, read: Callable[[int], None] = lambda size: None, *, packed: bool = True
) -> tarfile.TarFile:
    """A tar file; with ``packed`` also one packed by gzip, bzip2 or xz. ``read`` is told of all that is
    unpacked of it, headers and padding too, and may raise.

    Raises tarfile.ReadError for what is no tar file, and BadData, here or later, for a header without end.
    """
    with path.open("rb") as file:
        head = file.read(6)
    kinds = [kind for magic, kind in _PACKED if packed and head.startswith(magic)]
    opened = (kinds[0] if kinds else open)(path, "rb")
    try:
        return _Tar(fileobj=_Counted(opened, path, read), mode="r")  # type: ignore[arg-type]
    except EOFError as error:  # of a packed file that was cut off in its first header
        opened.close()
        raise tarfile.ReadError(str(error)) from None
    except BaseException:
        opened.close()
        raise


class _Tar(tarfile.TarFile):
    """Closes the file that was opened for it."""

    def close(self) -> None:
        super().close()
        if self.fileobj is not None:
            self.fileobj.close()


class _Counted:
    def __init__(self, file: IO[bytes], path: Path, told: Callable[[int], None]) -> None:
        self._file, self._path, self._told = file, path, told
        self.seek, self.tell, self.close, self.seekable = file.seek, file.tell, file.close, file.seekable

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LONGEST:
            raise BadData(f"{self._path}: a header of {size:,} bytes; not unpacked")
        data = self._file.read(size)
        self._told(len(data))
        return data
