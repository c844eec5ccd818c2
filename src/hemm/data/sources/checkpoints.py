"""Digest of the checkpoint in a folder, by which models and metrics identify it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from hemm.core import digest, digest_file
from hemm.data.cache import root
from hemm.data.files import write_atomic

_WEIGHTS_AND_CONFIG = {
    ".bin",
    ".gguf",
    ".jinja",
    ".json",
    ".model",
    ".pt",
    ".pth",
    ".py",
    ".safetensors",
    ".tiktoken",
    ".txt",
}


def folder_digest(folder: Path) -> str:
    """Digest (32 hex digits) of the weights and settings in ``folder``: names and contents, not dates.

    The SHA-256 of each file is cached in the cache folder until its size or a date of it changes.
    """
    memory = root() / "digests.json"
    known = _remembered(memory)
    rows, news = [], {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix in _WEIGHTS_AND_CONFIG and p.is_file()):
        stat = path.stat()
        key = str(path.resolve())
        old = known.get(key)
        sha = old[2] if isinstance(old, list) and len(old) > 2 else ""
        mark = [stat.st_size, stat.st_mtime_ns, sha, stat.st_ctime_ns]
        if old != mark:
            sha = mark[2] = digest_file(path)
            news[key] = mark
        rows.append([path.relative_to(folder).as_posix(), sha])
    if news:
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(memory, orjson.dumps(_remembered(memory) | news))
    return digest(rows, 32)


def _remembered(memory: Path) -> dict[str, Any]:
    try:
        digests = orjson.loads(memory.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return digests if isinstance(digests, dict) else {}
