"""``--config run.yaml``: options in a file, with the names of the command line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hemm.core import BadData, UnknownName
from hemm.core.user_files import read_yaml, shown

PLURALS = {"models": "model", "tasks": "task", "metrics": "metric"}


def read_config(path: Path, known: Collection[str]) -> dict[str, list[str] | bool]:
    """Option name (as on the command line, without dashes) -> values as text; flags as bool.

    A value is a scalar or a list; ``set`` and ``where`` may be mappings. Raises BadData with file and
    line, UnknownName for a key that is not in ``known``.
    """
    where = f"--config {path}"
    values: dict[str, list[str] | bool] = {}
    for key, value in read_yaml(path, where).items():
        name = str(key).replace("_", "-")
        name = PLURALS.get(name, name)
        if name not in known:
            raise UnknownName(f"option in {path}", str(key), sorted(known))
        values[name] = value if isinstance(value, bool) else _texts(where, str(key), value)
        if name in ("task", "model") and not values[name]:
            raise BadData(f"{where}: {key} is empty; name one, or leave the key out")
    return values


def _texts(where: str, key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{k}={_text(where, key, v)}" for k, v in value.items()]
    if isinstance(value, list):
        return [_text(where, key, v) for v in value]
    return [_text(where, key, value)]


def _text(where: str, key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise BadData(f"{where}: {key} is {shown(value)}; give a text, a number, or a list of them")
