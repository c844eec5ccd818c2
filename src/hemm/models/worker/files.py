"""Worker files: one Python file with its dependencies (PEP 723) and what hemm must know before it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hemm.core import BadData, HemmError, UnknownName, digest, digest_file
from hemm.core.user_files import Takes, parse_toml, read_text, typed
from hemm.data.sources.checkpoints import folder_digest

RECIPES = Path(__file__).resolve().parent / "recipes"

OURS: dict[str, Any] = {
    "runner": "uv",
    "batch_timeout": 3600.0,
    "start_timeout": 3600.0,
    "silence": 120.0,
    "env": "",
}
"""Settings of every worker: how to run it, limits in seconds, names of environment variables to pass on."""

_MODALITIES = {"text", "image", "audio", "video"}
_BLOCK = re.compile(r"(?m)^# /// script$\s(?P<lines>(^#(| .*)$\s)+)^# ///$")


@dataclass(frozen=True, slots=True)
class WorkerFile:
    """A worker file according to its header (``[tool.hemm]``), which is read without running it.

    name        what results call the model; the file's name where the header has none
    inputs, outputs, max_images, batch_size, likelihood, system   as in ``Capabilities``
    identity    the worker reports a revision before its weights are loaded
    settings    ``--set`` keys for the worker, with their defaults
    weights     those that may name a file or folder, whose content (not path) belongs to the identity
    required    those that must be set before the worker starts
    """

    path: Path
    name: str
    about: str = ""
    inputs: tuple[str, ...] = ("text", "image")
    outputs: tuple[str, ...] = ("text",)
    max_images: Annotated[int, Takes("a whole number from 0 on", lambda n: n >= 0)] | None = None
    batch_size: Annotated[int, Takes("a whole number from 1 on", lambda n: n >= 1)] = 8
    likelihood: bool = False
    system: bool = True
    identity: bool = False
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    weights: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    def revision(self, settings: Mapping[str, Any], reported: str = "") -> str:
        """Digest (32 hex digits) of the file, its lock, its settings, and the revision that it reports.

        Raises HemmError if a setting names weights by a path that does not exist.
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

    Raises UnknownName for a recipe that does not exist, HemmError for a file that is missing, is no Python
    file, or has a header that cannot be read.
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
    """The header of a worker file. Raises HemmError naming file and key."""
    where = f"worker file {path}"
    table = _table(where, read_text(path, where))
    file = typed(WorkerFile, {"name": path.stem, **table}, f"{where}, [tool.hemm]", path=path)
    _check(file)
    return file


def _table(where: str, source: str) -> dict[str, Any]:
    blocks = list(_BLOCK.finditer(source))
    if len(blocks) > 1:
        raise BadData(f"{where} has {len(blocks)} blocks '# /// script': keep one")
    if not blocks:
        return {}
    before = source.count("\n", 0, blocks[0].start("lines"))  # so that an error names the line of the file
    lines = [line[2:] for line in blocks[0]["lines"].splitlines()]
    tool = parse_toml("\n" * before + "\n".join(lines), where).get("tool", {})
    table = tool.get("hemm", {}) if isinstance(tool, dict) else tool
    if not isinstance(table, dict):
        raise BadData(f"{where}: [tool.hemm] must be a table")
    return table


def _check(file: WorkerFile) -> None:
    where = f"worker file {file.path}: "
    wrong = [m for m in (*file.inputs, *file.outputs) if m not in _MODALITIES]
    if wrong:
        known = ", ".join(sorted(_MODALITIES))
        raise HemmError(f"{where}{wrong[0]!r} in inputs or outputs is none of {known}")
    if "text" not in file.inputs or not file.outputs:
        raise HemmError(f"{where}inputs must hold text, and outputs something")
    for key in file.settings:
        if key in OURS:
            raise HemmError(f"{where}the setting {key!r} is one of hemm's own: call it otherwise")
    for key in (*file.weights, *file.required):
        if not isinstance(file.settings.get(key), str):
            raise HemmError(f"{where}{key!r} in weights or required is no setting with a text as its default")
