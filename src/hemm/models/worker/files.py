"""Worker files: one Python file with its dependencies (PEP 723) and what hemm must know before it runs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import HemmError, UnknownName, digest, digest_file
from hemm.data.sources.checkpoints import folder_digest

RECIPES = Path(__file__).resolve().parent / "recipes"

OURS: dict[str, Any] = {
    "runner": "uv",
    "batch_timeout": 3600.0,
    "start_timeout": 3600.0,
    "silence": 120.0,
    "env": "",
}
"""Settings that every worker has: how it is run, seconds, names of environment variables to hand on."""

_KEYS = {
    "name": str,
    "about": str,
    "inputs": list,
    "outputs": list,
    "max_images": int,
    "batch_size": int,
    "likelihood": bool,
    "system": bool,
    "identity": bool,
    "settings": dict,
    "weights": list,
    "required": list,
}
_MODALITIES = {"text", "image", "audio", "video"}
_BLOCK = re.compile(r"(?m)^# /// script$\s(?P<lines>(^#(| .*)$\s)+)^# ///$")


@dataclass(frozen=True, slots=True)
class WorkerFile:
    """A worker file as its header declares it (``[tool.hemm]``), read without running it.

    name        what results call the model; the file's name where the header has none
    inputs, outputs, max_images, batch_size, likelihood, system   as in ``Capabilities``
    identity    the worker itself tells a revision, before its weights are loaded
    settings    ``--set`` keys that are handed to the worker, with their defaults
    weights     those of them that may name a file or folder: its content, not its path, is the identity
    required    those of them that must be set before the worker starts
    """

    path: Path
    name: str
    about: str = ""
    inputs: tuple[str, ...] = ("text", "image")
    outputs: tuple[str, ...] = ("text",)
    max_images: int | None = None
    batch_size: int = 8
    likelihood: bool = False
    system: bool = True
    identity: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def revision(self, settings: Mapping[str, Any], reported: str = "") -> str:
        """Digest (32 hex digits) of the file, its lock, its settings, and what it reports itself.

        Raises HemmError where a setting names weights by a path that is not there.
        """
        lock = self.path.with_name(f"{self.path.name}.lock")
        values = {key: self._content(key, value) for key, value in settings.items()}
        files = [digest_file(p) for p in (self.path, lock) if p.is_file()]
        return digest([files, values, reported], 32)

    def _content(self, key: str, value: Any) -> Any:
        if key not in self.weights or not value:
            return value
        path = Path(value).expanduser()
        if path.is_dir():
            return ["folder", folder_digest(path)]
        if path.is_file():
            return ["file", digest_file(path)]
        if str(value).startswith((".", "/", "~")):
            raise HemmError(f"--set {key}={value}: there is no such file or folder")
        return value


def find(spec: str) -> WorkerFile:
    """The worker file of ``worker/NAME`` or ``worker/./file.py``.

    Raises UnknownName for a recipe that does not exist and HemmError for a file that is missing, is no Python
    file, or whose header cannot be read.
    """
    text = spec.removeprefix("worker/")
    if text.startswith((".", "/", "~")) or text.endswith(".py"):
        path = Path(text).expanduser()
        if not path.is_file():
            raise HemmError(f"no worker file {path}: worker/./FILE.py names one on this machine")
        return read(path)
    if text not in recipes():
        raise UnknownName("worker", text, recipes(), "")
    return read(RECIPES / f"{text}.py")


def recipes() -> list[str]:
    """Names of the recipes that come with hemm."""
    return sorted(p.stem for p in RECIPES.glob("*.py"))


def read(path: Path) -> WorkerFile:
    """The header of a worker file. Raises HemmError: what is wrong, in which file, at which key."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HemmError(f"worker file {path} cannot be read: {error}") from None
    table = _table(path, source)
    for key, value in table.items():
        if key not in _KEYS:
            raise HemmError(f"worker file {path}: {UnknownName('key of [tool.hemm]', key, _KEYS)}")
        if not isinstance(value, _KEYS[key]) or (_KEYS[key] is int and isinstance(value, bool)):
            raise HemmError(f"worker file {path}: {key} in [tool.hemm] must be of type {_KEYS[key].__name__}")
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    found = WorkerFile(path, **{"name": path.stem, **known})
    _check(found)
    return found


def _table(path: Path, source: str) -> dict[str, Any]:
    blocks = list(_BLOCK.finditer(source))
    if len(blocks) > 1:
        raise HemmError(f"worker file {path} has {len(blocks)} blocks '# /// script': keep one")
    if not blocks:
        return {}
    lines = blocks[0]["lines"].splitlines()
    try:
        header = tomllib.loads("\n".join(line[2:] for line in lines))
    except tomllib.TOMLDecodeError as error:
        raise HemmError(f"worker file {path}: the block '# /// script' is no TOML: {error}") from None
    table = header.get("tool", {}).get("hemm", {})
    if not isinstance(table, dict):
        raise HemmError(f"worker file {path}: [tool.hemm] must be a table")
    return table


def _check(file: WorkerFile) -> None:
    where = f"worker file {file.path}: "
    wrong = [m for m in (*file.inputs, *file.outputs) if m not in _MODALITIES]
    if wrong:
        known = ", ".join(sorted(_MODALITIES))
        raise HemmError(f"{where}{wrong[0]!r} in inputs or outputs is none of {known}")
    if "text" not in file.inputs or not file.outputs:
        raise HemmError(f"{where}inputs must hold text, and outputs something")
    if file.batch_size < 1 or (file.max_images is not None and file.max_images < 0):
        raise HemmError(f"{where}batch_size must be 1 or more, max_images 0 or more")
    for key, value in file.settings.items():
        if key in OURS:
            raise HemmError(f"{where}the setting {key!r} is one of hemm's own: call it otherwise")
        if not isinstance(value, str | int | float | bool):
            raise HemmError(f"{where}the default of setting {key!r} must be a text, a number, true or false")
    for key in (*file.weights, *file.required):
        if not isinstance(file.settings.get(key), str):
            raise HemmError(f"{where}{key!r} in weights or required is no setting with a text as its default")
