"""``--config run.yaml``: options in a file, with the names of the command line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hemm.core import HemmError, UnknownName

PLURALS = {"models": "model", "tasks": "task", "metrics": "metric"}


def read_config(path: Path, known: Collection[str]) -> dict[str, list[str] | bool]:
    """Option name (as on the command line, without dashes) -> values as text; flags as bool.

    A value is a scalar or a list; ``set`` and ``where`` may be mappings. Raises HemmError with file and
    line, UnknownName for a key that is not in ``known``.
    """
    import yaml

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HemmError(
            f"--config {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        options = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise HemmError(
            f"--config {path}{where}: no valid YAML: {getattr(error, 'problem', error)}"
        ) from error
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise HemmError(f"--config {path}: write one option a line, as in 'limit: 100'")
    values: dict[str, list[str] | bool] = {}
    for key, value in options.items():
        name = str(key).replace("_", "-")
        name = PLURALS.get(name, name)
        if name not in known:
            raise UnknownName(f"option in {path}", str(key), sorted(known))
        values[name] = value if isinstance(value, bool) else _texts(path, str(key), value)
    return values


def _texts(path: Path, key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{k}={_text(path, key, v)}" for k, v in value.items()]
    if isinstance(value, list):
        return [_text(path, key, v) for v in value]
    return [_text(path, key, value)]


def _text(path: Path, key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise HemmError(f"--config {path}: {key} is {value!r}; give a text, a number, or a list of them")
