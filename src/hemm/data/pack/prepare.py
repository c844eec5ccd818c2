"""``prepare``: makes a pack from a source of a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemm.core import HemmError, Progress, Source, Task, redact
from hemm.core.errors import NotPrepared
from hemm.core.origin import origin_spec
from hemm.data import cache
from hemm.data.files import locked
from hemm.data.pack.build import PackBuilder, Provenance
from hemm.data.pack.clusters import JOINED, are_joined
from hemm.data.pack.legacy import may_be_of
from hemm.data.pack.media_check import told_as_now
from hemm.data.pack.named_files import unchanged
from hemm.data.pack.reader import Pack, check_pack, not_prepared, open_pack
from hemm.data.readers.layouts import file_marks, find, match, missing, other_copies, reader_digest
from hemm.data.sources import web_pictures


def prepare(
    task: Task, *, folder: Path | None = None, limit: int | None = None, progress: Progress | None = None
) -> Pack:
    """Make the task's pack in the cache, and make it the current one.

    ``folder`` has the data set's original files; without it the task's sources are tried in order. ``limit``:
    only the first units of the selection order with seed 0. A pack that was made from the same files by the
    same reader is returned at once. ``pack.info`` counts and names ``missing`` files (their samples are left
    out), ``problems`` (pictures that do not open; their samples are kept) and ``left_out`` rows, which are no
    usable questions. Raises HemmError if no source is available or the files are not the data set.
    """
    if limit is not None and limit < 1:
        raise HemmError(f"--limit is {limit}: it counts units and starts at 1")
    if folder is not None:
        return _from_folder(task, folder, limit, progress)
    if not task.sources:
        raise HemmError(f"task {task.name} has no source: give its files with --from FOLDER")
    reasons: list[str] = []
    for source in task.sources:
        try:
            return _from_source(task, source, limit, progress)
        except _SourceUnavailable as error:
            if (reason := f"{source.name}: {error}") not in reasons:
                reasons.append(reason)
    raise HemmError(
        f"no source of {task.name} can be had: {'; '.join(reasons)}; "
        f"or get its files yourself and give them with --from FOLDER"
    )


def ensure(task: Task, progress: Progress | None = None) -> Pack:
    """The task's current pack. It is made first if that needs no download.

    That is the case for tasks that hemm draws, and for the user's own files (a changed file makes a new
    pack; so do other samples of a reader of the user's own whose source says no revision). A pack that was
    limited on purpose stays. Raises NotPrepared for other tasks that have no pack.
    """
    source = task.sources[0] if task.sources else None
    if source is None or not source.at_hand:
        return _prepared(task)
    origin = _origin(source, _limit_of(task))
    made = _ready(task, source, origin)
    if made is not None:
        return made
    found = _current(task)
    same_files = found is not None and _made_from(found[0]) == cache.as_kept(origin, found[0])
    return prepare(task, limit=origin["limit"] if same_files else None, progress=progress)


def current_pack(task: Task) -> Pack | None:
    """The task's current pack as it stands, or None. Raises BadData for a damaged one."""
    found = _current(task)
    return None if found is None else open_pack(found[1])


class _SourceUnavailable(Exception):
    """A source is not available, for the reason in its text."""


def _from_folder(task: Task, folder: Path, limit: int | None, progress: Progress | None) -> Pack:
    folder = folder.expanduser()
    files, layout, source = match(task, folder)
    origin = {
        "from": str(files.resolve()),
        **file_marks(folder),
        "reader": reader_digest(layout),
        "limit": limit,
    }
    ready = _ready(task, source, origin, whole=True)
    if ready is not None:
        return ready
    home = folder if files.resolve().is_relative_to(folder.resolve()) else files
    provenance = Provenance("folder", "", source.ids, other_copies(task, folder, files, layout))
    return PackBuilder(task, provenance, layout, files, home, limit, progress).build(origin)


def _from_source(task: Task, source: Source, limit: int | None, progress: Progress | None) -> Pack:
    origin = _origin(source, limit)
    ready = _ready(task, source, origin, whole=True)
    if ready is not None:
        return ready
    try:
        into = cache.download_folder(source.name)
        if source.at_hand or source.by_hand:
            folder, revision = source.fetch(into, progress)
        else:
            into.mkdir(parents=True, exist_ok=True)
            with locked(into.with_name(into.name + ".lock")):
                folder, revision = source.fetch(into, progress)
    except (HemmError, OSError) as error:
        if source.at_hand:
            raise
        raise _SourceUnavailable(redact(str(error))) from error
    files = find(folder, source.layout)
    if files is None:
        raise _SourceUnavailable(f"what came has no {', '.join(missing(folder, source.layout))}")
    provenance = Provenance(source.name, revision, source.ids)
    return PackBuilder(task, provenance, source.layout, files, folder, limit, progress).build(origin)


def _origin(source: Source, limit: int | None) -> dict[str, Any]:
    """What a pack from this source is made from, as far as that can be seen without fetching."""
    parts = {"source": source.name, "reader": reader_digest(source.layout), "limit": limit}
    return {**parts, **source.fingerprint()}


def _prepared(task: Task) -> Pack:
    """The current pack of a task whose files are fetched. Raises NotPrepared where there is none, or where
    a card of the user's now reads its rows in another way than they were packed."""
    found = _current(task)
    if found is None:
        raise not_prepared(task.name, task.origin)
    entry, folder = found
    if task.origin.get("kind") == "hub":
        readers = {reader_digest(source.layout) for source in task.sources}
        if _made_from(entry).get("reader") not in readers:
            raise NotPrepared({task.name: origin_spec(task.origin, task.name)}, card=True, other=True)
    return open_pack(folder)


def _current(task: Task) -> tuple[Mapping[str, Any], Path] | None:
    """Index entry and folder of the task's current pack. Where its origin has none, that is the one of its
    name that hemm 0.1.0 made, if it may be of this origin."""
    for origin in [task.origin, cache.OWN] if task.origin else [cache.OWN]:
        entry, folder = cache.entry(task.name, origin), cache.current(task.name, origin)
        if entry is None or folder is None:
            continue
        if "task_origin" in entry or may_be_of(task, _made_from(entry), folder):
            return entry, folder
    return None


def _made_from(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    made = entry.get("origin")
    return made if isinstance(made, dict) else {}


def _is_read_anew(task: Task, source: Source, entry: Mapping[str, Any]) -> bool:
    """Whether only reading tells what the samples are: the user's own Python may take them from anywhere (a
    closure, a file beside it), and its source says no revision of them. Packs of hemm 0.1.0 stay until the
    source changes."""
    own = task.origin.get("kind") in ("object", "task file")
    return own and not getattr(source, "revision", "") and "task_origin" in entry


def _limit_of(task: Task) -> int | None:
    """The limit that the task's current pack was made with."""
    found = _current(task)
    limit = _made_from(found[0]).get("limit") if found is not None else None
    return limit if isinstance(limit, int) else None


def _ready(task: Task, source: Source, origin: Mapping[str, Any], whole: bool = False) -> Pack | None:
    """The current pack where it was made from just this, by the rules of now.

    ``whole``: every byte of it is looked at, so that a damaged one is made anew.
    """
    found = _current(task)
    if found is None or _is_read_anew(task, source, found[0]):
        return None
    if _made_from(found[0]) != cache.as_kept(origin, found[0]) or not unchanged(task, found[0]):
        return None
    try:
        pack = open_pack(found[1])
        if whole:
            check_pack(pack)
    except HemmError:
        return None
    if web_pictures.current() and any("://" in name for name in pack.info["missing"]["names"]):
        return None  # they may come now
    joined = found[0].get(JOINED) or are_joined(pack, task.card.placeholders)
    return pack if joined and told_as_now(pack.info) else None
