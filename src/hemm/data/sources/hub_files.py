"""Which Parquet files hold a split of a config of a hub data set, exactly: by its README, else by paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from hemm.core import HemmError
from hemm.core.user_files import yaml_of

_SHARD = re.compile(r"[-_.](?!(?:19|20)\d\d$)\d+(?:[-_]of[-_]\d+(?:-\w+)?)?$")
"""The end of a name that numbers it among the files of its split; four digits of a year are no number."""
_PART = re.compile(r"(?:part|shard|chunk|file)?[-_.]?\d+", re.IGNORECASE)
"""A name that is a number alone, as of the files in a folder that a split has for itself."""
_SHOWN = 40


class NotThere(HemmError):
    """There is no such split or config. ``there``: those that there are."""

    def __init__(self, message: str, there: Iterable[str], where: str = "") -> None:
        self.message, self.there = message, sorted(there)
        more = f" and {len(self.there) - _SHOWN} more" if len(self.there) > _SHOWN else ""
        known = f"; it has {', '.join(self.there[:_SHOWN])}{more}" if self.there else " in Parquet files"
        super().__init__((f"{where} has " if where else "") + message + known)

    def at(self, where: str) -> NotThere:
        """The same error that says ``where``: of which data set, or in which folder."""
        return NotThere(self.message, self.there, where)


@dataclass(frozen=True)
class Described:
    """What a README says: config -> split -> patterns of its files, and which config is the ``default``."""

    configs: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    default: str = ""

    @classmethod
    def of(cls, readme: str) -> Described:
        """From the metadata at the head of a README; nothing where it has none that can be read."""
        import yaml

        try:
            head = yaml_of(readme.split("---", 2)[1]) if readme.startswith("---") else None
        except (yaml.YAMLError, IndexError):
            head = None
        listed = head.get("configs") if isinstance(head, dict) else None
        entries = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
        configs = {str(e.get("config_name", "default")): _patterns(e.get("data_files")) for e in entries}
        marked = [str(e.get("config_name", "default")) for e in entries if e.get("default")]
        alone = list(configs) if len(configs) == 1 else []
        default = next(iter([*marked, *(["default"] if "default" in configs else []), *alone]), "")
        return cls({name: splits for name, splits in configs.items() if splits}, default)


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """Split -> patterns. Files without a split are ``train``, as the hub has it."""
    if isinstance(data_files, dict):
        return {str(split): _texts(paths) for split, paths in data_files.items()}
    if isinstance(data_files, list) and any(isinstance(f, dict) for f in data_files):
        rows = [f for f in data_files if isinstance(f, dict) and "split" in f and "path" in f]
        return {str(f["split"]): _texts(f["path"]) for f in rows}
    return {"train": _texts(data_files)} if data_files else {}


def _texts(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def files_of(names: Sequence[str], config: str, split: str, described: Described = Described()) -> list[str]:
    """Those of the Parquet files ``names`` that hold ``split`` of ``config`` (empty: the only one, or the
    README's default).

    Known paths are ``data/SPLIT-00000-of-00001.parquet``, ``CONFIG/SPLIT-...``,
    ``CONFIG/SPLIT/0000.parquet``, ``SPLIT/CONFIG.parquet`` and ``SPLIT.parquet``. Raises NotThere, which
    lists what there is, and HemmError where several configs have the split and none is named.
    """
    chosen = config or described.default
    if chosen in described.configs:
        splits = described.configs[chosen]
        found = [n for n in names if any(fnmatch(n, p) for p in splits.get(split, ()))]
        if found:
            return found
        if split not in splits:
            raise NotThere(_no_split(split, chosen if len(described.configs) > 1 else ""), splits)
    elif not config and len(described.configs) > 1:
        raise _several(described.configs)
    return _by_path(names, chosen, split, described)


def _no_split(split: str, config: str) -> str:
    return f"no split {split!r}" + (f" of config {config!r}" if config else "")


def _several(configs: Iterable[str]) -> HemmError:
    return HemmError(f"several configs: set config to one of {', '.join(sorted(configs))}")


def _by_path(names: Sequence[str], config: str, split: str, described: Described) -> list[str]:
    paths = [_Path.of(name) for name in names]
    of_split = [p for p in paths if p.holds(split)]
    if config and config != "default":
        found = [p.name for p in of_split if p.is_of(config, split)]
    else:
        groups: dict[str, list[str]] = {}
        for path in of_split:
            groups.setdefault(path.config_of(split), []).append(path.name)
        plain = [group for group in groups if group.rpartition("/")[2] in ("", "default")]
        if len(groups) > 1 and not (config and len(plain) == 1):
            raise _several(_last_names(groups))
        found = groups[plain[0]] if config and plain else next(iter(groups.values()), [])
    if found:
        return found
    configs = {p.config for p in paths}
    if (
        config
        and config not in ("default", *described.configs)
        and not any(p.is_of(config, p.split) for p in paths)
    ):
        raise NotThere(f"no config {config!r}", described.configs or _last_names(c for c in configs if c))
    mine = [p for p in paths if not config or config == "default" or p.is_of(config, p.split)]
    several = len(configs) > 1 and config
    raise NotThere(_no_split(split, config if several else ""), {p.split for p in mine})


def _last_names(configs: Iterable[str]) -> list[str]:
    """Configs by the last folder of their paths, where that tells them apart."""
    paths = sorted(set(configs))
    last = [path.rpartition("/")[2] or "default" for path in paths]
    return last if len(set(last)) == len(last) else [path or "default" for path in paths]


@dataclass(frozen=True)
class _Path:
    """The path of one file: its folders, and its name without the number of its shard."""

    name: str
    folders: tuple[str, ...]
    base: str

    @classmethod
    def of(cls, name: str) -> _Path:
        *folders, file = name.split("/")
        stem = file.removesuffix(".parquet")
        return cls(name, tuple(f for f in folders if f != "data"), _SHARD.sub("", stem))

    @property
    def _numbered(self) -> bool:
        """Whether the file has no name of its own, so that its folder is the split."""
        return bool(self.folders) and (not self.base or _PART.fullmatch(self.base) is not None)

    @property
    def split(self) -> str:
        """The split that the path names first."""
        return self.folders[-1] if self._numbered else self.base

    @property
    def config(self) -> str:
        return self.config_of(self.split)

    def holds(self, split: str) -> bool:
        return self.base == split or (bool(self.folders) and self.folders[-1] == split)

    def config_of(self, split: str) -> str:
        """The folders above the split."""
        return "/".join(self.folders if self.base == split else self.folders[:-1])

    def is_of(self, config: str, split: str) -> bool:
        above = self.folders if self.base == split else self.folders[:-1]
        return config in above or config == "/".join(above) or (above != self.folders and config == self.base)
