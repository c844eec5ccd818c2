"""Origins of tasks in words: what a line says of the data that a pack or a cell holds.

An origin is what ``Task.origin`` holds. ``kind`` says what the user named: ``hub``, ``jsonl``, ``tsv``,
``task file``, ``plug-in``, ``object`` (a Task that a program made); ``repo``, ``file`` or ``name`` says which
one; all other keys say what of it, and how its rows are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hemm.core.hashing import canonical
from hemm.core.secrets import hide_all

_NAMED = ("kind", "repo", "file", "name", "task", "variant")


def same_origin(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two origins are one, whatever kinds of mappings and lists hold them; secrets, which a stored
    one is without, do not count."""
    return canonical(hide_all(dict(one))) == canonical(hide_all(dict(other)))


def origin_spec(origin: Mapping[str, Any], name: str) -> str:
    """What the user writes for the task ``name`` of this origin: its name for hemm's own.

    >>> origin_spec({"kind": "hub", "repo": "example/birds", "revision": "v1", "split": "test"}, "birds")
    'hub:example/birds@v1'
    >>> origin_spec({}, "vqa_rad")
    'vqa_rad'
    """
    if "repo" in origin:
        revision = origin.get("revision", "main")
        return f"hub:{origin['repo']}" + (f"@{revision}" if revision != "main" else "")
    if "file" in origin:
        part = origin.get("variant") or origin.get("task")
        return f"{origin['file']}:{part}" if part else str(origin["file"])
    return str(origin.get("name", name))


def origin_text(origin: Mapping[str, Any], name: str, other: Mapping[str, Any] | None = None) -> str:
    """An origin in words, with what sets it apart from ``other``.

    >>> one = {"kind": "hub", "repo": "example/birds", "revision": "main", "split": "test"}
    >>> origin_text(one, "birds", {**one, "split": "dev"})
    'hub:example/birds (split test)'
    >>> origin_text({}, "vqa_rad")
    'the data set vqa_rad of hemm or of an installed package'
    """
    if not origin:
        return f"the data set {name} of hemm or of an installed package"
    more = []
    for key in sorted(origin.keys() | (other or {}).keys()) if other else ():
        ours, theirs = origin.get(key), (other or {}).get(key)
        if key not in _NAMED and canonical(ours) != canonical(theirs):
            more.append(f"{key} {_words(ours)}")
    return origin_spec(origin, name) + (f" ({', '.join(more)})" if more else "")


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{k}={_words(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return "+".join(_words(v) for v in value) or "none"
    return str(value) if value not in (None, "") else "none"
