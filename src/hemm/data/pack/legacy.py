"""Packs that were found by the name of their task alone: those of hemm 0.1.0, and of hemm's own data sets.

Under 0.1.0 a user's task could replace the pack of any other task of its name. So what lies in the folder of
a name is taken for a task only where what the index remembers of it fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from hemm.core import Source, Task
from hemm.data.pack import schema
from hemm.data.readers.layouts import reader_digest


def may_be_of(task: Task, made_from: Mapping[str, Any], folder: Path) -> bool:
    """Whether the pack in ``folder`` is of ``task``.

    made_from  what the index remembers: ``source`` (its name) or ``from`` (a folder that the user gave),
               ``reader``, ``limit``, and what was seen of the files
    """
    if task.origin:
        return any(_is_of_source(task, source, made_from, folder) for source in task.sources)
    if made_from.get("source") in {source.name for source in task.sources}:
        return True
    readers = {reader_digest(source.layout) for source in task.sources}
    return made_from.get("reader") in readers or _info(folder).get("title") == task.card.title


def _is_of_source(task: Task, source: Source, made_from: Mapping[str, Any], folder: Path) -> bool:
    """Whether 0.1.0 made the pack of a user's task from ``source``.

    The reader's digest holds the card's split, config and columns, or the whole task file; of files at hand
    the index has their state too, which ``prepare`` compares. The revision that the user named was not kept:
    a pack is taken for the default one, or where its commit is the one named.
    """
    if made_from.get("reader") != reader_digest(source.layout):
        return False
    if source.at_hand:
        return True
    if "from" in made_from:  # the repository was not kept either: only a name that holds it tells it
        repo = str(task.origin.get("repo", ""))
        if repo and task.name != repo.replace("/", "--"):
            return False
    elif made_from.get("source") != source.name:
        return False
    revision = str(source.location().get("revision") or "main")
    commit = str(_info(folder).get("revision", "")).rpartition("@")[2]
    return revision == "main" or (len(revision) >= 7 and commit.startswith(revision))


def _info(folder: Path) -> Mapping[str, Any]:
    try:
        found = orjson.loads((folder / schema.PACK_FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
