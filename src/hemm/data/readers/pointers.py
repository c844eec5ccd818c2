"""Files that stand for a large file: Git LFS and Xet leave them where that was not fetched."""

from __future__ import annotations

from pathlib import Path

from hemm.core import BadData

_POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file: git lfs pull fetches it"),
    (b"# xet version", "a Xet pointer, not the file: git xet pull fetches it"),
)
_LONGEST = 1024


def pointer(data: bytes) -> str:
    """What a file's content says of itself where it is a pointer, and what to run; else empty.

    >>> pointer(b"version https://git-lfs.github.com/spec/v1\\noid sha256:4d7a\\nsize 12345\\n")
    'a Git LFS pointer, not the file: git lfs pull fetches it'
    """
    return (
        next((text for start, text in _POINTERS if data.startswith(start)), "") if data[:1] in b"v#" else ""
    )


def check_no_pointer(path: Path) -> None:
    """Raise BadData where the file at ``path`` is a pointer."""
    if path.stat().st_size <= _LONGEST and (text := pointer(path.read_bytes())):
        raise BadData(f"{path} is {text}")
