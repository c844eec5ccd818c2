"""Data sets on the Hugging Face hub."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from hemm.core import BadData, HemmError, Layout, Progress, Source, digest, redact
from hemm.core.from_files import lies_below
from hemm.data.files import write_atomic
from hemm.data.readers.file_finder import below
from hemm.data.readers.rows import parquet_rows
from hemm.data.sources.extraction import extract
from hemm.data.sources.hub_files import Described, NotThere, files_of

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
PARQUET_BRANCH = "refs/convert/parquet"
"""The branch with the hub's Parquet conversion of data sets."""


@dataclass(frozen=True)
class Hub(Source):
    """Files of a hub data set, at the commit that ``revision`` points to when it is fetched.

    repos     names of the same data set, in order of preference (data sets move)
    files     patterns of the files that are needed (``*`` matches ``/`` too); each must find one
    split     where ``files`` is empty: the split to evaluate, or several. Its Parquet files are found by the
              repository's own README, by their paths, or on the hub's Parquet branch
    shots     where ``files`` is empty: the split to take examples in prompts from; empty: none
    config    which configuration of the data set, or several; empty: its default, or the only one
    revision  branch, tag or commit
    unpack    patterns of fetched archives to unpack beside the other files
    also      patterns of further files, as pictures that a column names by path; archives are unpacked

    >>> from hemm.core import Layout, Sample
    >>> def read(folder):
    ...     for split, where, row in hub_rows(folder, "test"):
    ...         yield Sample(row["id"], media=(row["image"],), references=(row["bird"],))
    >>> source = Hub(("example/birds",), Layout(("**/*test*.parquet",), read), split="test")
    >>> source.name, source.revision
    ('hub:example/birds', 'main')
    """

    repos: Sequence[str]
    layout: Layout
    files: Sequence[str] = ()
    config: str | Sequence[str] = ""
    split: str | Sequence[str] = ""
    shots: str = ""
    revision: str = "main"
    unpack: Sequence[str] = ()
    ids: str = ""
    also: Sequence[str] = ()

    @property
    def name(self) -> str:
        return f"hub:{self.repos[0]}"

    def location(self) -> dict[str, Any]:
        return {
            "repos": list(self.repos),
            "revision": self.revision,
            "config": self.config,
            "split": self.split,
            "shots": self.shots,
            "files": list(self.files),
        }

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Download the files; returns their folder and ``repo@commit``. Raises HemmError."""
        reasons = []
        for repo in self.repos:
            try:
                return _fetch(self, repo, into, progress)
            except HemmError as error:
                reasons.append(str(error))
        raise HemmError("; ".join(reasons))


def api() -> HfApi:
    """The hub's client, with the address in ``HF_ENDPOINT`` and the token of ``hf auth login``."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


def _fetch(source: Hub, repo: str, into: Path, progress: Progress | None) -> tuple[Path, str]:
    client = api()
    try:
        commit, sizes = _listing(client, repo, source.revision)
        main, also = commit, {n: sizes[n] for n in _matching(source.also, repo, sizes)}
        if source.files:
            parts = [Part("test", "", "", _matching(source.files, repo, sizes))]
        else:
            commit, sizes, parts = _parts(client, source, repo, commit, sizes)
        folder = into / f"{repo.replace('/', '--')}-{commit[:12]}"
        names = sorted({n for part in parts for n in part.files})
        _download(client, repo, commit, {n: sizes[n] for n in names}, folder, progress)
        _download(client, repo, main, also, folder, progress)
        if source.split:
            note = folder / manifest(source.config, source.split, source.shots)
            write_atomic(note, orjson.dumps([[p.ours, p.config, p.split, p.files] for p in parts]))
        packed = [n for n in names if any(fnmatch(n, p) for p in source.unpack)]
        folder = _unpacked([*packed, *(n for n in also if n.lower().endswith(ARCHIVES))], folder)
    except HemmError:
        raise
    except Exception as error:
        raise HemmError(_reason(repo, error)) from error
    return folder, f"{repo}@{commit}"


def _matching(patterns: Sequence[str], repo: str, sizes: Iterable[str]) -> tuple[str, ...]:
    """The files that the patterns name. Raises HemmError where one finds none."""
    lacking = [p for p in patterns if not any(fnmatch(n, p) for n in sizes)]
    if lacking:
        raise HemmError(f"hub data set {repo} has no files like {', '.join(lacking)}")
    return tuple(sorted(n for n in sizes if any(fnmatch(n, p) for p in patterns)))


def _parts(
    client: HfApi, source: Hub, repo: str, commit: str, sizes: dict[str, int]
) -> tuple[str, dict[str, int], list[Part[str]]]:
    """Commit, files and parts of the revision; else of the hub's Parquet branch."""
    from huggingface_hub import errors

    described = _described(client, repo, commit, sizes)
    try:
        return commit, sizes, _named_parts(sizes, source, described, repo)
    except NotThere as there:
        try:
            converted, others = _listing(client, repo, PARQUET_BRANCH)
        except (errors.RevisionNotFoundError, errors.RepositoryNotFoundError):
            raise there from None
        config = source.config or described.default  # the branch has a folder for each config
        try:
            return converted, others, _named_parts(others, replace(source, config=config), Described(), repo)
        except NotThere as error:
            raise (there if there.there else error) from None


def _named_parts(sizes: Iterable[str], source: Hub, described: Described, repo: str) -> list[Part[str]]:
    names = sorted(n for n in sizes if n.endswith(".parquet"))
    return parts_of(names, source.config, source.split, source.shots, described, f"hub data set {repo}")


def _listing(client: HfApi, repo: str, revision: str) -> tuple[str, dict[str, int]]:
    """Commit and files with their sizes in bytes."""
    info = client.dataset_info(repo, revision=revision, files_metadata=True)
    return str(info.sha), {s.rfilename: int(s.size or 0) for s in info.siblings or []}


F = TypeVar("F")
Names = str | Sequence[str]
"""One or several configs or splits."""


@dataclass(frozen=True)
class Part(Generic[F]):
    """The files of one split of one config, and what they are here (``ours``: ``test`` or ``shots``)."""

    ours: str
    config: str
    split: str
    files: tuple[F, ...]


def parts_of(
    names: Sequence[str],
    config: Names,
    split: Names,
    shots: str,
    described: Described,
    where: str,
) -> list[Part[str]]:
    """The parts that a source asks for, in its order. Raises NotThere for a split or config to ask that is
    not there, naming ``where``; shots that are not there are none."""
    parts = []
    for ours, splits in (("test", several(split)), ("shots", several(shots) if shots else ())):
        for one, each in itertools.product(several(config), splits):
            try:
                parts.append(Part(ours, one, each, tuple(files_of(names, one, each, described))))
            except NotThere as error:
                if ours == "test":
                    raise error.at(where) from None
            except HemmError as error:
                raise HemmError(f"{where} has {error}") from None
    return parts


def several(value: Names) -> Sequence[str]:
    """One or several configs or splits as a sequence."""
    return (value,) if isinstance(value, str) else value


def manifest(config: Names, split: Names, shots: str) -> str:
    """Name of the file that stores the split of each fetched file."""
    return f".files-{digest([config, split, shots], 12)}.json"


def part_files(folder: Path, config: Names, split: Names, shots: str) -> list[Part[Path]]:
    """The Parquet files of the splits to evaluate and to take shots from.

    By the manifest of a fetched folder, else by the folder's README and the files' paths. Raises HemmError,
    which lists what there is, for a split or config that is not there.
    """
    note = folder / manifest(config, split, shots)
    found = orjson.loads(note.read_bytes()) if note.is_file() else None
    if isinstance(found, list):
        parts = [Part(ours, one, each, tuple(files)) for ours, one, each, files in found]
    elif isinstance(found, dict):  # of hemm 0.1.0
        parts = [Part(ours, str(config), str(split), tuple(files)) for ours, files in found.items()]
    else:
        names = sorted(p.relative_to(folder).as_posix() for p in below(folder, "**/*.parquet"))
        readme = folder / "README.md"
        text = readme.read_text("utf-8", "replace") if readme.is_file() else ""
        parts = parts_of(names, config, split, shots, Described.of(text), str(folder))
    for name in (n for part in parts for n in part.files):
        if not lies_below(folder, name):
            raise BadData(f"{note}: {name!r} lies outside {folder}: it is not opened")
    return [Part(p.ours, p.config, p.split, tuple(folder / n for n in p.files)) for p in parts]


def split_files(folder: Path, config: str, split: str, shots: str) -> dict[str, list[Path]]:
    """The Parquet files of ``test`` and ``shots``; none of a split that is not there."""
    by_split: dict[str, list[Path]] = {"test": [], "shots": []}
    with contextlib.suppress(NotThere):
        for part in part_files(folder, config, split, shots):
            by_split[part.ours] += part.files
    return by_split


def hub_rows(
    folder: Path,
    split: str,
    *,
    shots: str = "",
    config: str = "",
    columns: Sequence[str] | None = None,
    shots_limit: int | None = None,
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(``test`` or ``shots``, where, row) of the Parquet files of a split and of the one to take shots from.

    folder       where ``Hub`` fetched the files to, or a folder with files named as on the hub
    split        asked for; ``shots``: the one to take examples in prompts from (empty: none)
    config       which configuration of the data set; empty: there is one
    columns      those to read; None: all
    shots_limit  the most rows of shots to read; None: all

    ``where`` names file and row, for messages. Raises BadData as ``parquet_rows`` does.

    >>> import pyarrow as pa, pyarrow.parquet as pq
    >>> from pathlib import Path
    >>> Path("hub_copy/data").mkdir(parents=True)
    >>> table = pa.table({"question": ["Is there a fracture?"], "answer": ["no"]})
    >>> pq.write_table(table, "hub_copy/data/test-00000-of-00001.parquet")
    >>> [(split, row["answer"]) for split, where, row in hub_rows(Path("hub_copy"), "test", shots="train")]
    [('test', 'no')]
    """
    for ours, files in split_files(folder, config, split, shots).items():
        rows = ((f, n, row) for f in files for n, row in enumerate(parquet_rows([f], columns), 1))
        for file, number, row in islice(rows, shots_limit if ours == "shots" else None):
            yield ours, f"{file}, row {number}", row


def _unpacked(archives: Sequence[str], folder: Path) -> Path:
    """Unpack these archives, and return the folder with all files."""
    for name in archives:
        place = extract(folder / name, folder / f"{name}.unpacked")
        for entry in place.iterdir():  # beside the other files, as the data set's own layout wants it
            link = folder / entry.name
            if not link.exists():
                entry.rename(link)
    return folder


def _described(client: HfApi, repo: str, commit: str, names: Iterable[str]) -> Described:
    if "README.md" not in names:
        return Described()
    path = client.hf_hub_download(repo, "README.md", repo_type="dataset", revision=commit)
    return Described.of(Path(path).read_text("utf-8", "replace"))


def _download(
    client: HfApi, repo: str, commit: str, sizes: dict[str, int], folder: Path, progress: Progress | None
) -> None:
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # one bar, and it is ours
    done, total = 0, sum(sizes.values())
    for name, size in sizes.items():
        client.hf_hub_download(repo, name, repo_type="dataset", revision=commit, local_dir=folder)
        done += size
        if progress:
            progress(done, total or None, "bytes")


def _reason(repo: str, error: Exception) -> str:
    """Why the hub did not give it, in one line."""
    from huggingface_hub import errors

    page = f"https://huggingface.co/datasets/{repo}"
    if isinstance(error, errors.GatedRepoError):
        return f"hub data set {repo} is gated: accept its terms at {page} and log in (hf auth login)"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"hub data set {repo} does not exist, or needs a login (hf auth login)"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"hub data set {repo} has no such revision"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"hub data set {repo} is not here, and HF_HUB_OFFLINE is set"
    text = redact(" ".join(str(error).split()))
    return f"hub data set {repo} cannot be had: {type(error).__name__}: {text[:200]}"
