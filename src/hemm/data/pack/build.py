"""Builds a pack in two passes: it stages the reader's samples, writes them as Parquet, and moves the pack."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
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
    Notice,
    Progress,
    Sample,
    Task,
    check_labels,
    digest,
    storable,
)
from hemm.data import cache
from hemm.data.checked import footer_digest, sealed
from hemm.data.files import sync_folder, sync_tree, temporary_folder
from hemm.data.pack import schema
from hemm.data.pack.clusters import JOINED, Clusters
from hemm.data.pack.media_check import MEDIA_RULES, check_samples, clean
from hemm.data.pack.named_files import NamedFiles
from hemm.data.pack.numerals import NUMBERS, own_data_facts, read_as_numbers
from hemm.data.pack.quality import QualityReport
from hemm.data.pack.reader import Pack, check_pack, open_pack
from hemm.data.pack.selection import BALANCED, RANDOM, Sizes, first_ids
from hemm.data.pack.staging import StagedMedia, StagedSplit, set_hash
from hemm.data.pack.writer import write_split
from hemm.data.readers.layouts import not_unpacked
from hemm.data.sources import web_pictures


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of samples, as pack.json has it; ``notice``: what is to be said of where they were found."""

    source: str
    revision: str
    ids: str
    notice: str = ""


@dataclass
class PackBuilder:
    """Makes one pack in the cache from the files in ``folder``.

    home   ``folder`` or a folder above it, in which pictures may be as well
    limit  number of units, the first of the random order with seed 0; None: all
    """

    task: Task
    provenance: Provenance
    layout: Layout
    folder: Path
    home: Path
    limit: int | None
    progress: Progress | None

    def __post_init__(self) -> None:
        self.quality = QualityReport(self.folder)
        self.named = NamedFiles(self.home)
        self.strata: Sizes = {}

    def build(self, origin: Mapping[str, Any]) -> Pack:
        """The new pack, which becomes the task's current one; ``origin`` is what it is recognised by."""
        home = cache.task_folder(self.task.name, self.task.origin)
        with temporary_folder(home) as work:
            splits = {split: StagedSplit(work / f"{split}.rows") for split in schema.SPLITS}
            media = StagedMedia(work / "media")
            try:
                columns = self._stage(splits, media)
                info = self._info(splits, media, columns)
                final = home / f"{info['hash'][:16]}-{digest(info, 8)}"
                if not _is_whole(final):
                    self._write(work / "pack", splits, media, info)
                    _install(work / "pack", final)
            finally:
                for staged in splits.values():
                    staged.close()
                media.close()
        made = open_pack(final)
        numbers = read_as_numbers(self.task, made, at_hand=any(s.at_hand for s in self.task.sources))
        facts = {NUMBERS: numbers, **own_data_facts(self.task, made), **self._named_files()}
        cache.set_current(self.task, final.name, origin, {JOINED: True}, **facts)
        return made

    def _named_files(self) -> dict[str, Any]:
        return self.named.save(self.task) if self.task.origin else {}

    def _read(self) -> Iterator[Sample]:
        """The reader's samples. Turns its exceptions into HemmErrors."""
        task = self.task
        self.quality.restart()
        self.named.restart()
        if self.provenance.notice:
            self.quality.add_notice(Notice(self.provenance.notice))
        try:
            for sample in self.layout.read(self.folder):
                if isinstance(sample, LeftOut):
                    self.quality.add_left_out(sample)
                    continue
                if isinstance(sample, Notice):
                    self.quality.add_notice(sample)
                    continue
                checked = clean(sample, task.name)
                check_labels(checked.labels, f"{task.name}: sample {checked.id!r}")
                if checked.split not in schema.SPLITS:
                    raise BadData(
                        f"{task.name}: sample {checked.id!r} has split {checked.split!r}: "
                        f"it is one of {', '.join(schema.SPLITS)}"
                    )
                self._check_inside(checked)
                self.named.add(checked)
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

    def _check_inside(self, sample: Sample) -> None:
        """Refuse names in a data set that lead to the user's other files. Links may, since the user made
        them."""
        if self.provenance.source.startswith("local:"):
            return
        home = os.path.abspath(self.home)
        for medium in schema.pictures(sample):
            if medium.path is None:
                continue
            path = os.path.abspath(medium.path)
            if os.path.commonpath([home, path]) != home:
                where = f"{self.task.name}: sample {sample.id!r}"
                raise BadData(f"{where} names a picture outside {self.home}: {path}")

    def _known_media(self) -> dict[str, tuple[str, str]]:
        """Digest -> MIME type, and no problem, of what the task's current pack shows to open: own Python is
        read again by every command, and decoding takes longer than all else."""
        folder = cache.current(self.task.name, self.task.origin)
        try:
            pack = None if folder is None else open_pack(folder)
            known = pack is not None and pack.info.get("media_rules") == MEDIA_RULES
            return {key: (mime, "") for key, mime in pack.open_pictures().items()} if pack and known else {}
        except HemmError:  # a damaged one
            return {}

    @cached_property
    def _order(self) -> str:
        """RANDOM; where hemm 0.1.0 limited the task's pack in the same way, balanced as it was then."""
        folder = cache.current(self.task.name, self.task.origin)
        try:
            info = {} if folder is None else open_pack(folder).info
        except HemmError:  # a damaged one
            info = {}
        same = self.limit is not None and info.get("limit") == self.limit
        return BALANCED if same and info.get("order", BALANCED) == BALANCED else RANDOM

    def _chosen(self) -> Iterator[Sample]:
        if self.limit is None:
            return self._read()
        tested = (s for s in self._read() if s.split == "test")
        chosen, self.strata = first_ids(tested, self.limit, order=self._order)
        return (s for s in self._read() if s.split != "test" or s.id in chosen)

    def _stage(self, splits: dict[str, StagedSplit], media: StagedMedia) -> tuple[str, ...]:
        """First pass: check every sample and stage rows and distinct media; returns the media columns
        used."""
        seen = self._known_media()
        used: set[str] = set()
        clusters = Clusters(self.task.card.placeholders)
        lost: dict[str, str] = {}  # samples that are left out, so that those continuing them are too
        for n, (sample, missing) in enumerate(check_samples(self._chosen(), seen.get)):
            if self.progress and n % 64 == 0:
                self.progress(n, None, "samples")
            name = lost.get(sample.after or "") if missing is None else missing
            if name is not None:
                lost[sample.id] = name
                self.quality.add_missing(name)
                continue
            numbers = []
            for medium in schema.pictures(sample):
                numbers.append(media.add(medium))
                seen[medium.digest] = (medium.mime, medium.problem)
            clusters.add(sample, numbers[: len(sample.media)])
            used |= {schema.media_column(m.mime) for m in sample.media}
            if any(isinstance(r, Media) for r in sample.references):
                used.add(schema.REFERENCE_MEDIA)
            if sample.problem:
                self.quality.add_problem(sample)
            splits[sample.split].add(sample, numbers[0] if numbers else -1)
        for staged in splits.values():
            staged.rename_clusters(clusters.names())
        if notice := clusters.notice():
            self.quality.add_notice(notice)
        if (rules := web_pictures.current()) and (text := rules.told()):
            self.quality.add_notice(Notice(text))
        self._check(splits)
        order = (*schema.MEDIA_COLUMNS, schema.REFERENCE_MEDIA)
        return tuple(c for c in order if c in used)

    def _check(self, splits: Mapping[str, StagedSplit]) -> None:
        name = self.task.name
        for staged in splits.values():
            staged.check_ids(name)
        if not len(splits["test"]):
            message = f"{name}: no sample was found in {self.folder}{self.quality.explanation()}"
            raise BadData("; ".join(filter(None, (message, not_unpacked(self.home)))))

    def _write(
        self, target: Path, splits: dict[str, StagedSplit], media: StagedMedia, info: Mapping[str, Any]
    ) -> None:
        """Second pass: Parquet files and pack.json in ``target``."""
        data = target / "data"
        data.mkdir(parents=True)
        total = sum(len(s) for s in splits.values())
        names, done = [], 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            if self.progress:
                self.progress(done, total, "rows")

        columns = tuple(info["media_columns"])
        for split, staged in splits.items():
            names += write_split(data, split, staged, media, columns, self.task.name, progress=advance)
        files = {n: (data / n).stat().st_size for n in names}
        footers = {n: footer_digest(data / n) for n in names}
        text = orjson.dumps(sealed({**info, "files": files, "footers": footers}), option=orjson.OPT_INDENT_2)
        (target / schema.PACK_FILE).write_bytes(text)

    def _info(
        self, splits: Mapping[str, StagedSplit], media: StagedMedia, columns: tuple[str, ...]
    ) -> dict[str, Any]:
        card, provenance = self.task.card, self.provenance
        return {
            "schema_version": schema.PACK_VERSION,
            "task": self.task.name,
            "hash": set_hash({k: s.hashes for k, s in splits.items()}),
            "questions_hash": set_hash({k: s.question_hashes for k, s in splits.items()}),
            "rows": {k: len(s) for k, s in splits.items()},
            "limit": self.limit,
            **({} if self.limit is None else {"order": self._order, "strata": self.strata}),
            "source": provenance.source,
            "revision": provenance.revision,
            "ids": provenance.ids,
            "title": card.title,
            "licence": card.licence,
            "citation": card.citation,
            "homepage": card.homepage,
            "media": {"count": len(media), "bytes": media.total()},
            "media_columns": list(columns),
            "media_rules": MEDIA_RULES,
            **self.quality.to_json(),
            "created_by": f"hemm {_version()}",
        }


def _is_whole(pack: Path) -> bool:
    try:
        check_pack(open_pack(pack))
    except HemmError:
        return False
    return True


def _install(made: Path, final: Path) -> None:
    """Move a finished pack to ``final``. An equal pack that is there already stays; a damaged one goes out
    of the way."""
    sync_tree(made)
    while True:
        try:
            made.rename(final)
        except OSError:
            if _is_whole(final):
                return
            _put_aside(final, final.parent)
            continue
        sync_folder(final.parent)
        return


def _put_aside(folder: Path, home: Path) -> None:
    aside = home / f".old-{uuid.uuid4().hex[:12]}"
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


def _version() -> str:
    try:
        return version("hemm")
    except PackageNotFoundError:
        return "unknown"
