"""``prepare``: any source of a task, once, into a pack."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from hemm.core import (
    BadData,
    HemmError,
    Layout,
    LeftOut,
    Media,
    Progress,
    Sample,
    Source,
    Task,
    check_labels,
    digest,
    redact,
    storable,
)
from hemm.data import cache
from hemm.data.files import locked, sync_folder, sync_tree, temporary_folder
from hemm.data.pack import schema
from hemm.data.pack.faults import Faults
from hemm.data.pack.media_check import Checked, Looked, clean, look
from hemm.data.pack.reader import Pack, find_pack, open_pack
from hemm.data.pack.selection import first_ids
from hemm.data.pack.staging import Blobs, Row, Spool, set_hash
from hemm.data.pack.writer import write_split
from hemm.data.readers.layouts import find, fingerprint, match, missing, not_unpacked, reader_digest
from hemm.data.sources.kinds import ByHand, Generated, Local


def prepare(
    task: Task, *, folder: Path | None = None, limit: int | None = None, progress: Progress | None = None
) -> Pack:
    """Make the task's pack and its current one in the cache.

    ``folder`` holds the data set's original files; without it the task's sources are tried in order.
    ``limit`` packs the first units of the selection order with seed 0 only. A pack that was made before
    from the same files by the same reader is returned at once. ``pack.info`` counts and names ``missing``
    files (their samples are left out), ``problems`` (pictures that do not open; their samples are kept) and
    ``left_out``, rows that cannot be asked.
    Raises HemmError where no source can be had or the files are not the data set.
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
        except _NotHad as error:
            if (reason := f"{source.name}: {error}") not in reasons:
                reasons.append(reason)
    raise HemmError(
        f"no source of {task.name} can be had: {'; '.join(reasons)}; "
        f"or get its files yourself and give them with --from FOLDER"
    )


def ensure(task: Task, progress: Progress | None = None) -> Pack:
    """The task's current pack, made first where nothing has to be downloaded for it.

    That is so for tasks that hemm draws itself and for the user's own files (a changed file makes a new
    pack). A pack that was limited on purpose stays. Raises HemmError for other tasks that are not prepared.
    """
    source = task.sources[0] if task.sources else None
    if not isinstance(source, Generated | Local):
        return find_pack(task.name)
    limit = _limit_of(task)
    made = _ready(task, _origin(source, limit))
    return made if made is not None else prepare(task, progress=progress)


class _NotHad(Exception):
    """A source that cannot be had; its text says why."""


def _from_folder(task: Task, folder: Path, limit: int | None, progress: Progress | None) -> Pack:
    folder = folder.expanduser()
    found, layout, source = match(task, folder)
    origin = {
        "from": str(found.resolve()),
        "files": fingerprint(folder),
        "reader": reader_digest(layout),
        "limit": limit,
    }
    ready = _ready(task, origin)
    if ready is not None:
        return ready
    facts = _Facts(task, "folder", "", source.ids, limit)
    home = folder if found.resolve().is_relative_to(folder.resolve()) else found
    return _Job(facts, layout, found, progress, home).run(origin)


def _from_source(task: Task, source: Source, limit: int | None, progress: Progress | None) -> Pack:
    origin = _origin(source, limit)
    ready = _ready(task, origin)
    if ready is not None:
        return ready
    try:
        into = cache.download_folder(source.name)
        if isinstance(source, ByHand | Generated | Local):
            folder, revision = source.fetch(into, progress)
        else:
            into.mkdir(parents=True, exist_ok=True)
            with locked(into.with_name(into.name + ".lock")):
                folder, revision = source.fetch(into, progress)
    except (HemmError, OSError) as error:
        if isinstance(source, Local):
            raise
        raise _NotHad(redact(str(error))) from error
    home, place = folder, find(folder, source.layout)
    if place is None:
        raise _NotHad(f"what came has no {', '.join(missing(folder, source.layout))}")
    folder = place
    facts = _Facts(task, source.name, revision, source.ids, limit)
    return _Job(facts, source.layout, folder, progress, home).run(origin)


def _origin(source: Source, limit: int | None) -> dict[str, Any]:
    """What a pack from this source is made from, as far as that can be seen without fetching."""
    origin: dict[str, Any] = {
        "source": source.name,
        "reader": reader_digest(source.layout),
        "limit": limit,
    }
    if isinstance(source, Generated):
        origin["revision"] = source.revision
    elif isinstance(source, Local):
        source.check()
        origin["files"] = fingerprint(source.path)
    return origin


def _limit_of(task: Task) -> int | None:
    """The limit that the task's current pack was made with."""
    origin = (cache.entry(task.name) or {}).get("origin")
    limit = origin.get("limit") if isinstance(origin, dict) else None
    return limit if isinstance(limit, int) else None


def _ready(task: Task, origin: Mapping[str, Any]) -> Pack | None:
    """The current pack where it was made from just this."""
    entry = cache.entry(task.name)
    folder = cache.current(task.name)
    if entry is None or folder is None or entry.get("origin") != origin:
        return None
    try:
        return open_pack(folder)
    except HemmError:
        return None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What pack.json says about where the samples came from."""

    task: Task
    source: str
    revision: str
    ids: str
    limit: int | None


@dataclass
class _Job:
    """One preparation, from the files in ``folder`` to a pack in the cache."""

    facts: _Facts
    layout: Layout
    folder: Path
    progress: Progress | None
    home: Path
    """What the files came in: ``folder`` or a folder above it, where pictures may lie beside."""

    def __post_init__(self) -> None:
        self.faults = Faults(self.folder)

    def run(self, origin: Mapping[str, Any]) -> Pack:
        name = self.facts.task.name
        home = cache.task_folder(name)
        with temporary_folder(home) as work:
            spools = {split: Spool(work / f"{split}.rows") for split in schema.SPLITS}
            blobs = Blobs(work / "media")
            try:
                columns = self._spool(spools, blobs)
                info = self._write(work / "pack", spools, blobs, columns)
            finally:
                for spool in spools.values():
                    spool.close()
                blobs.close()
            final = install(work / "pack", home, info)
        cache.set_current(name, final.name, origin)
        return open_pack(final)

    def _read(self) -> Iterator[Sample]:
        """The reader's samples; what goes wrong in it is one clear line."""
        task = self.facts.task
        self.faults.read_again()
        try:
            for sample in self.layout.read(self.folder):
                if isinstance(sample, LeftOut):
                    self.faults.leave(sample)
                    continue
                checked = clean(sample, task.name)
                check_labels(checked.labels, f"{task.name}: sample {checked.id!r}")
                if checked.split not in schema.SPLITS:
                    raise BadData(
                        f"{task.name}: sample {checked.id!r} has split {checked.split!r}: "
                        f"it is one of {', '.join(schema.SPLITS)}"
                    )
                self._inside(checked)
                yield checked
        except HemmError:
            raise
        except FileNotFoundError as error:
            raise BadData(f"{task.name}: {error.filename or error} is missing") from error
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise BadData(
                f"{task.name}: the files in {self.folder} are not in the layout that its reader knows: "
                f"{type(error).__name__}: {storable(str(error))}"
            ) from error

    def _inside(self, sample: Sample) -> None:
        """A name in a data set's file must not lead to files of the user's own. Links may: they are his."""
        if self.facts.source.startswith("local:"):
            return
        home = os.path.abspath(self.home)
        for medium in (*sample.media, *(r for r in sample.references if isinstance(r, Media))):
            if medium.path is None:
                continue
            path = os.path.abspath(medium.path)
            if os.path.commonpath([home, path]) != home:
                where = f"{self.facts.task.name}: sample {sample.id!r}"
                raise BadData(f"{where} names a picture outside {self.home}: {path}")

    def _chosen(self) -> Iterator[Sample]:
        if self.facts.limit is None:
            return self._read()
        chosen = first_ids((s for s in self._read() if s.split == "test"), self.facts.limit)
        return (s for s in self._read() if s.split != "test" or s.id in chosen)

    def _spool(self, spools: dict[str, Spool], blobs: Blobs) -> tuple[str, ...]:
        """First pass: look at every sample, keep rows and distinct media on disk; the media columns used."""
        seen: dict[str, tuple[str, str]] = {}
        used: set[str] = set()
        lost: dict[str, str] = {}  # what continues a sample that is left out has nothing to go on from
        for n, looked in enumerate(look(self._chosen(), seen.get)):
            if self.progress and n % 64 == 0:
                self.progress(n, None, "samples")
            name = looked.missing.name if looked.missing else lost.get(looked.sample.after or "")
            if name is not None:
                lost[looked.sample.id] = name
                self.faults.miss(name)
                continue
            picture = -1
            for medium in (*looked.media, *looked.references):
                number = blobs.add(medium)
                picture = number if picture < 0 else picture
                seen[medium.digest] = (medium.mime, medium.problem)
            used |= {schema.kind_of(m.mime) for m in looked.media}
            if looked.references:
                used.add(schema.REFERENCE_MEDIA)
            if looked.sample.problem:
                self.faults.problem(looked.sample)
            spools[looked.sample.split].add(looked.sample, _row(looked), picture)
        self._check(spools)
        order = (*schema.MEDIA_COLUMNS, schema.REFERENCE_MEDIA)
        return tuple(c for c in order if c in used)

    def _check(self, spools: Mapping[str, Spool]) -> None:
        name = self.facts.task.name
        for spool in spools.values():
            spool.check_ids(name)
        if not len(spools["test"]):
            said = f"{name}: no sample was found in {self.folder}{self.faults.nothing()}"
            raise BadData("; ".join(filter(None, (said, not_unpacked(self.home)))))

    def _write(
        self, target: Path, spools: dict[str, Spool], blobs: Blobs, columns: tuple[str, ...]
    ) -> dict[str, Any]:
        """Second pass: Parquet files and pack.json in ``target``."""
        data = target / "data"
        data.mkdir(parents=True)
        total = sum(len(s) for s in spools.values())
        names, done = [], 0

        def tell(rows: int) -> None:
            nonlocal done
            done += rows
            if self.progress:
                self.progress(done, total, "rows")

        for split, spool in spools.items():
            names += write_split(data, split, spool, blobs, columns, self.facts.task.name, progress=tell)
        info = self._info(spools, blobs, columns)
        info["files"] = {n: (data / n).stat().st_size for n in names}
        (target / schema.PACK_FILE).write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2))
        return info

    def _info(self, spools: Mapping[str, Spool], blobs: Blobs, columns: tuple[str, ...]) -> dict[str, Any]:
        facts, card = self.facts, self.facts.task.card
        return {
            "schema_version": schema.PACK_VERSION,
            "task": facts.task.name,
            "hash": set_hash({k: s.hashes for k, s in spools.items()}),
            "questions_hash": set_hash({k: s.question_hashes for k, s in spools.items()}),
            "rows": {k: len(s) for k, s in spools.items()},
            "limit": facts.limit,
            "source": facts.source,
            "revision": facts.revision,
            "ids": facts.ids,
            "title": card.title,
            "licence": card.licence,
            "citation": card.citation,
            "homepage": card.homepage,
            "media": {"count": len(blobs), "bytes": blobs.total()},
            "media_columns": list(columns),
            **self.faults.info(),
            "created_by": f"hemm {_version()}",
        }


def install(made: Path, home: Path, info: Mapping[str, Any]) -> Path:
    """Move a finished pack into ``home``. Equal packs get one folder: the first to arrive stays."""
    described = {k: v for k, v in info.items() if k != "files"}
    final = home / f"{info['hash'][:16]}-{digest(described, 8)}"
    sync_tree(made)
    while True:
        try:
            made.rename(final)
        except OSError:
            try:
                open_pack(final)
            except HemmError:  # a damaged one: out of the way, and again
                _put_aside(final, home)
                continue
            return final
        sync_folder(home)
        return final


def _put_aside(folder: Path, home: Path) -> None:
    aside = home / f".old-{uuid.uuid4().hex[:12]}"
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def _row(looked: Looked) -> Row:
    """The columns of one sample as they will be written."""
    s = looked.sample

    def facts(media: tuple[Checked, ...]) -> list[tuple[str, str, str, str]]:
        return [(m.digest, m.mime, m.problem, m.name) for m in media]

    values = {
        "id": s.id,
        "unit": s.unit,
        "cluster": s.cluster,
        "after": s.after,
        "stratum": s.stratum,
        "fields": orjson.dumps(dict(s.fields)).decode(),
        "references": [r if isinstance(r, str) else None for r in s.references],
        "choices": list(s.choices),
        "labels": orjson.dumps(dict(s.labels)).decode(),
        "metadata": orjson.dumps(dict(s.metadata)).decode(),
        "sample_hash": s.sample_hash,
    }
    return Row(values, facts(looked.media), facts(looked.references))


def _version() -> str:
    try:
        return version("hemm")
    except PackageNotFoundError:
        return "unknown"
