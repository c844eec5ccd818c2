"""Media on a node, by digest: from the pack where the node reads it, else from a folder that is filled once.

The folder is one for each node and run, below the node's temporary folder. Whoever uses it holds a lock on
it, and removes those that nobody holds: so a run that was killed leaves nothing for long.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError, Media, digest_bytes
from hemm.models.process import frames

MOST_BYTES = 20 << 30
"""Bytes that a node keeps at most; beyond that, or half of what is free, the oldest media go."""
_LOOK_BYTES = 64 << 20
"""Bytes written between two looks at how much there is."""
FILL_BYTES = 8 << 20
"""Bytes of media in one message to a node, but for a single one that is larger."""


class NodeMedia:
    """What a process on a node knows of media.

    node, run  the node's id, and that of the run, which name the folder
    """

    def __init__(self, node: str, run: str) -> None:
        root = _own_folder(Path(tempfile.gettempdir()) / f"hemm-ray-{os.getuid()}")
        _clear(root)
        self.folder, self._lock = _held(root / f"{run}-{node[:16]}")
        self._most = min(MOST_BYTES, shutil.disk_usage(root).free // 2)
        self._written = self._most  # look once at the start: others may have filled it
        self._held: dict[str, bytes] = {}
        self._pictures: Any = None
        self._pack: tuple[str, str] = ("", "")

    def use_pack(self, path: str, content: str) -> None:
        """Read media from the pack at ``path`` if it is there and its hash is ``content``."""
        if self._pack == (path, content):
            return
        from hemm.data.pack.pictures import Pictures
        from hemm.data.pack.reader import open_pack

        self._pack, self._pictures = (path, content), None
        with contextlib.suppress(HemmError, OSError):
            pack = open_pack(Path(path))
            self._pictures = Pictures(pack) if pack.hash == content else None

    def get(self, digest: str) -> bytes | None:
        """The bytes with this digest; None where the node has them not."""
        if (held := self._held.get(digest)) is not None:
            return held
        if self._pictures is not None:
            with contextlib.suppress(HemmError, OSError, KeyError):
                data: bytes = self._pictures[digest].data
                return data
        try:
            data = (self.folder / digest).read_bytes()
        except OSError:
            return None
        return data if digest_bytes(data) == digest else None

    def put(self, digest: str, data: bytes) -> None:
        """Keep these bytes for all processes of the node; where the disk refuses them, for this one batch."""
        path = self.folder / digest
        temporary = path.with_name(f".{digest}.{os.getpid()}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            self._held[digest] = data
            return
        self._written += len(data)
        if self._written >= min(_LOOK_BYTES, self._most):
            self._written = 0
            self._trim()

    def found(self, message: dict[str, Any], filled: Mapping[str, bytes]) -> list[bytes] | set[str]:
        """The bytes of the media that ``message`` names by digest, each of which then has its number there;
        or the digests that are lacking. ``filled`` came with it, and is kept."""
        for digest, data in filled.items():
            self.put(digest, data)
        if pack := message.pop("pack", None):
            self.use_pack(*pack)
        blobs, lacking = list[bytes](), set[str]()
        for record in message["media"]:
            if (digest := record.pop("digest", None)) is None:
                continue
            if (found := self.get(digest)) is None:
                lacking.add(digest)
            else:
                record["blob"] = len(blobs)
                blobs.append(found)
        if lacking:
            return lacking
        self._held.clear()
        return blobs

    def _trim(self) -> None:
        """Remove the oldest media until nine tenths of the limit are left."""
        there: list[tuple[float, int, Path]] = []
        with os.scandir(self.folder) as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    facts = entry.stat()
                    there.append((facts.st_mtime, facts.st_size, Path(entry.path)))
        size = sum(each[1] for each in there)
        if size <= self._most:
            return
        for _, each, path in sorted(there):
            if size <= self._most * 0.9:
                return
            if path.name != _LOCK:
                path.unlink(missing_ok=True)
                size -= each


_LOCK = "in-use"


def _own_folder(path: Path) -> Path:
    """``path``, made for this user alone. Raises HemmError where it is somebody else's."""
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.lstat()
    if path.is_symlink() or facts.st_uid != os.getuid():
        raise HemmError(f"{path} is not a folder of this user: set TMPDIR to another place")
    return path


def _held(folder: Path) -> tuple[Path, int]:
    """``folder`` with a shared lock on it, which ends with this process."""
    import fcntl

    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:  # removed meanwhile
            continue
        fcntl.flock(lock, fcntl.LOCK_SH)
        with contextlib.suppress(FileNotFoundError):
            if os.stat(folder / _LOCK).st_ino == os.fstat(lock).st_ino:
                return folder, lock
        os.close(lock)  # somebody cleared the folder between


def _clear(root: Path) -> None:
    """Remove the folders that no process holds."""
    import fcntl

    for folder in root.iterdir():
        with contextlib.suppress(OSError):
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


class Filling:
    """What the driver sends one node: each medium once, though several of its replicas want it at a time.

    files, bytes  what was sent so far
    """

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self._sending: set[str] = set()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def claim(self, wanted: Mapping[str, Media]) -> Iterator[dict[str, bytes]]:
        """Bytes to send now. Empty: others are sending the rest, and it is there when this begins.

        Raises FileNotFoundError or BadData for a medium whose bytes cannot be read.
        """
        with self._changed:
            mine = [digest for digest in wanted if digest not in self._sending]
            if not mine:
                self._changed.wait_for(lambda: self._sending.isdisjoint(wanted))
            self._sending.update(mine)
        try:
            yield self._read(mine, wanted)
        finally:
            with self._changed:
                self._sending.difference_update(mine)
                self._changed.notify_all()

    def _read(self, mine: list[str], wanted: Mapping[str, Media]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        size = 0
        for digest in mine:
            data = wanted[digest].data
            if found and size + len(data) > FILL_BYTES:
                break
            found[digest] = data
            size += len(data)
        with self._changed:
            self.files, self.bytes = self.files + len(found), self.bytes + size
        return found


def record(media: Media) -> dict[str, Any]:
    """Name, type and digest of a medium; where its bytes cannot be read, the error that reading raises."""
    try:
        known = {"digest": media.digest, "mime": media.mime}
    except (FileNotFoundError, BadData):
        return frames.media_out(media, [])
    return {"name": media.name, "problem": media.problem, **known}
