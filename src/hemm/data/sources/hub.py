"""Data sets on the Hugging Face hub."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from hemm.core import HemmError, Layout, Progress, Source, digest, redact
from hemm.data.files import write_atomic
from hemm.data.readers.file_finder import below
from hemm.data.readers.rows import parquet_rows
from hemm.data.sources.extraction import extract

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PARQUET_BRANCH = "refs/convert/parquet"
"""The branch with the hub's Parquet conversion of data sets."""


@dataclass(frozen=True)
class Hub(Source):
    """Files of a hub data set, at the commit that ``revision`` points to when it is fetched.

    repos     names of the same data set, in order of preference (data sets move)
    files     patterns of the files that are needed (``*`` matches ``/`` too); each must find one
    split     where ``files`` is empty: the split to evaluate. Its Parquet files are found by the repository's
              own README, by their paths, or on the hub's Parquet branch
    shots     where ``files`` is empty: the split to take examples in prompts from; empty: none
    config    which configuration of the data set; empty: its default, or the only one
    revision  branch, tag or commit
    unpack    patterns of fetched archives to unpack beside the other files

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
    config: str = ""
    split: str = ""
    shots: str = ""
    revision: str = "main"
    unpack: Sequence[str] = ()
    ids: str = ""

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
        wanted = _wanted(client, source, repo, commit, sizes)
        if not wanted["test"]:
            commit, sizes, wanted = _converted(client, source, repo)
        folder = into / f"{repo.replace('/', '--')}-{commit[:12]}"
        names = sorted({n for part in wanted.values() for n in part})
        _download(client, repo, commit, {n: sizes[n] for n in names}, folder, progress)
        if source.split:
            write_atomic(folder / manifest(source.config, source.split, source.shots), orjson.dumps(wanted))
        folder = _unpacked(source, folder, names)
    except HemmError:
        raise
    except Exception as error:
        raise HemmError(_reason(repo, error)) from error
    return folder, f"{repo}@{commit}"


def _converted(client: HfApi, source: Hub, repo: str) -> tuple[str, dict[str, int], dict[str, list[str]]]:
    """The split on the hub's Parquet branch. Raises HemmError where there is none."""
    from huggingface_hub import errors

    config = f" of config {source.config!r}" if source.config else ""
    nothing = HemmError(f"hub data set {repo} has no split {source.split!r}{config} in Parquet files")
    try:
        commit, sizes = _listing(client, repo, PARQUET_BRANCH)
    except (errors.RevisionNotFoundError, errors.RepositoryNotFoundError):
        raise nothing from None
    wanted = _wanted(client, source, repo, commit, sizes)
    if not wanted["test"]:
        raise nothing
    return commit, sizes, wanted


def _listing(client: HfApi, repo: str, revision: str) -> tuple[str, dict[str, int]]:
    """Commit and files with their sizes in bytes."""
    info = client.dataset_info(repo, revision=revision, files_metadata=True)
    return str(info.sha), {s.rfilename: int(s.size or 0) for s in info.siblings or []}


def _wanted(
    client: HfApi, source: Hub, repo: str, commit: str, sizes: dict[str, int]
) -> dict[str, list[str]]:
    """Split of hemm -> files to fetch; all are under ``test`` if the source has patterns."""
    if source.files:
        lacking = [p for p in source.files if not any(fnmatch(n, p) for n in sizes)]
        if lacking:
            raise HemmError(f"hub data set {repo} has no files like {', '.join(lacking)}")
        return {"test": sorted(n for n in sizes if any(fnmatch(n, p) for p in source.files))}
    parquet = sorted(n for n in sizes if n.endswith(".parquet"))
    patterns = _readme_patterns(client, source, repo, commit) if "README.md" in sizes else {}
    by_split: dict[str, list[str]] = {"test": []}
    for ours, split in (("test", source.split), ("shots", source.shots)):
        if split in patterns:
            by_split[ours] = [n for n in parquet if any(fnmatch(n, p) for p in patterns[split])]
        elif split:
            by_split[ours] = by_path(parquet, source.config, split)
    return by_split


def manifest(config: str, split: str, shots: str) -> str:
    """Name of the file that stores the split of each fetched file."""
    return f".files-{digest([config, split, shots], 12)}.json"


def split_files(folder: Path, config: str, split: str, shots: str) -> dict[str, list[Path]]:
    """The Parquet files of ``test`` and ``shots``, by the manifest of a fetched folder, else by their
    paths."""
    note = folder / manifest(config, split, shots)
    if note.is_file():
        by_split = orjson.loads(note.read_bytes())
    else:
        names = sorted(str(p.relative_to(folder).as_posix()) for p in below(folder, "**/*.parquet"))
        by_split = {"test": by_path(names, config, split)}
        by_split["shots"] = by_path(names, config, shots) if shots else []
    return {ours: [folder / n for n in names] for ours, names in by_split.items()}


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


def _unpacked(source: Hub, folder: Path, names: Sequence[str]) -> Path:
    """Unpack the archives in ``source.unpack``, and return the folder with all files."""
    archives = [n for n in names if any(fnmatch(n, p) for p in source.unpack)]
    if not archives:
        return folder
    for name in archives:
        place = extract(folder / name, folder / f"{name}.unpacked")
        for entry in place.iterdir():  # beside the other files, as the data set's own layout wants it
            link = folder / entry.name
            if not link.exists():
                entry.rename(link)
    return folder


def _readme_patterns(client: HfApi, source: Hub, repo: str, commit: str) -> dict[str, list[str]]:
    """Split -> file patterns, from the metadata of the repository's README."""
    import yaml

    text = Path(client.hf_hub_download(repo, "README.md", repo_type="dataset", revision=commit)).read_text(
        "utf-8", "replace"
    )
    if not text.startswith("---"):
        return {}
    try:
        head = yaml.safe_load(text.split("---", 2)[1])
    except (yaml.YAMLError, IndexError):
        return {}
    configs = head.get("configs") if isinstance(head, dict) else None
    if not isinstance(configs, list):
        return {}
    for config in configs:
        name = config.get("config_name", "default")
        if source.config in ("", name) and isinstance(config.get("data_files"), list):
            if not source.config and len(configs) > 1 and not config.get("default") and name != "default":
                raise HemmError(
                    f"hub data set {repo} has several configs: set config to one of "
                    f"{', '.join(str(c.get('config_name')) for c in configs)}"
                )
            return {str(f["split"]): _listed(f["path"]) for f in config["data_files"] if "split" in f}
    return {}


def _listed(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def by_path(names: Sequence[str], config: str, split: str) -> list[str]:
    """Those of the Parquet files whose path says that they hold ``split`` (of ``config``).

    Known are ``data/SPLIT-00000-of-00001.parquet``, ``CONFIG/SPLIT-...``, ``CONFIG/SPLIT/0000.parquet``
    and ``SPLIT.parquet``.
    """
    matching = []
    for name in names:
        *folders, file = name.split("/")
        stem = file.removesuffix(".parquet")
        named = stem == split or stem.startswith((f"{split}-", f"{split}_", f"{split}."))
        if not named and not (folders and folders[-1] == split):
            continue
        if config and config not in folders and not stem.startswith(config):
            continue
        matching.append(name)
    return matching


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
