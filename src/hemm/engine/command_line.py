"""The options of a run as the command line, or the call in Python, that runs the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hemm.core import redact
from hemm.engine.options import TEXT, RunOptions

OBJECT = "object"
"""In place of a model, task or metric that was given as an object: ``{"object": name}``."""


def given_options(options: RunOptions) -> dict[str, Any]:
    """The options that differ from their defaults, by the names of ``RunOptions``, for run.json.

    Without secrets. A prompt that came from a file of the command line is its name alone.

    >>> given_options(RunOptions(models=("tiny",), tasks=("nlvr",), shots=2))
    {'models': ['tiny'], 'tasks': ['nlvr'], 'shots': 2}
    """
    given: dict[str, Any] = {}
    for f in fields(RunOptions):
        value = getattr(options, f.name)
        if f.name != "command" and (f.name == "models" or value != f.default):
            given[f.name] = _plain(value)
    given.pop("dry_run", None)
    if options.command and options.prompt_name:
        given.pop("prompt", None)
    if options.settings:
        pairs = [(key, redact(f"{key}={value}").partition("=")[2]) for key, value in options.settings]
        given["settings"] = [list(pair) for pair in pairs]
    return given


def _plain(value: Any) -> Any:
    if isinstance(value, str | Path):
        return redact(str(value))
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    name = getattr(value, "spec", None) or getattr(value, "name", None) or type(value).__name__
    return {OBJECT: redact(str(name))}


def has_objects(given: Mapping[str, Any]) -> bool:
    """Whether a model, task or metric was an object of a program: there is no command line for it."""
    return any(isinstance(v, dict) for name in ("models", "tasks", "metrics") for v in given.get(name, ()))


def command_line(given: Mapping[str, Any]) -> list[str]:
    """The words of ``hemm run`` for ``given_options``. A prompt that has no file is ``text:`` and itself.

    >>> command_line({"models": ["tiny"], "tasks": ["nlvr"], "settings": [["stop", "###"]]})
    ['hemm', 'run', 'tiny', '--task', 'nlvr', '--set', 'stop=###']
    """
    words = ["hemm", "run", *given["models"]]
    for name, about in RunOptions.table().items():
        flag = f"--{(about.name or name).replace('_', '-')}"
        for value in _values(name, given):
            if value is True:
                words.append(flag)
            elif about.auto and value == 0:
                words += [flag, "auto"]
            else:
                words += [flag, str(value)]
    return words


def _values(name: str, given: Mapping[str, Any]) -> Iterator[Any]:
    """The values of one option, each for its own flag."""
    if name == "prompt":
        if given.get("prompt") is not None:
            yield TEXT + given["prompt"]
        elif given.get("prompt_name"):
            yield given["prompt_name"]
    elif name == "settings":
        yield from (f"{key}={_escaped(value) if key == 'stop' else value}" for key, value in _pairs(given))
    elif name == "card":
        yield from ([given["card"]] if given.get("card") else [])
        yield from given.get("model_cards", ())
    elif name in given:
        value = given[name]
        yield from value if isinstance(value, list) else [value]


def _pairs(given: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(key, value) for key, value in given.get("settings", ())]


def _escaped(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "\\t")


def python_call(given: Mapping[str, Any]) -> str:
    """The call of ``hemm.run`` for ``given_options``.

    An object of the program stands as its name in angle brackets.

    >>> python_call({"models": ["tiny"], "tasks": ["nlvr"], "limit": 8, "settings": [["top_p", "0.9"]]})
    "hemm.run('tiny', 'nlvr', limit=8, settings={'top_p': '0.9'})"
    >>> python_call({"models": [{"object": "my model"}], "tasks": ["nlvr"]})
    "hemm.run(<my model>, 'nlvr')"
    """
    given = {name: _shown(value) for name, value in given.items()}
    tasks = given.get("tasks")
    words = [_one_or_all(given["models"]), *([_one_or_all(tasks)] if tasks else [])]
    for name, value in given.items():
        if name == "settings":
            by_key: dict[str, list[str]] = {}
            for key, text in _pairs(given):
                by_key.setdefault(key, []).append(text)
            value = {key: texts[0] if len(texts) == 1 else texts for key, texts in by_key.items()}
        elif name == "where":
            value = dict(pair.split("=", 1) for pair in value)
        if name not in ("models", "tasks"):
            words.append(f"{name}={value!r}")
    return f"hemm.run({', '.join(words)})"


class _Object:
    """Shows itself as the name of an object."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(v) for v in value]
    return _Object(value[OBJECT]) if isinstance(value, dict) else value


def _one_or_all(names: Sequence[Any]) -> str:
    return repr(names[0] if len(names) == 1 else list(names))
