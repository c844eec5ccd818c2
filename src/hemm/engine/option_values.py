"""Values of options as the command line and Python programs give them, made a ``RunOptions``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, KeysView, Mapping, Sequence
from dataclasses import Field, fields
from inspect import Parameter, Signature
from numbers import Real
from pathlib import Path
from typing import Any

from hemm.core import HemmError, Task, UnknownName
from hemm.core.user_files import read_text, shown
from hemm.engine.options import Option, RunOptions, without_blanks

PYTHON_ONLY = {"score": "Score the answers at once; else hemm score does it later."}
"""Options that only Python programs have -> what they do."""
_PATH = "a path"
_PAIRS = "a mapping, {'KEY': 'VALUE'}"
_OBJECTS = {"models": "a model (an object)", "metrics": "a metric (an object)", "tasks": "a hemm.core.Task"}
_SEVERAL = (list, tuple, set, frozenset, KeysView, Generator)


class _Wrong(Exception):
    """A value of another type; its text says what to give."""


def run_options(**values: Any) -> RunOptions:
    """The options of a run from values in the ways that people write them; None counts as not given.

    One value stands for a list of one, a mapping for pairs (``where``, ``settings``), a text for a path, the
    word ``auto`` for 0 where it is allowed, and a path for the text of a prompt.

    Raises UnknownName for an option that does not exist, with the nearest name, and HemmError for a value of
    another type.

    >>> options = run_options(models="tiny", where={"use_case": "hci"}, settings={"temperature": 0.5})
    >>> options.models, options.where, options.settings
    (('tiny',), ('use_case=hci',), (('temperature', '0.5'),))
    """
    known = {f.name: f for f in fields(RunOptions)}
    names = {about.name: name for name, about in RunOptions.table().items() if about.name} | {
        "model": "models"
    }
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in names:
            raise HemmError(f"unknown option {name!r}; did you mean {names[name]!r}?")
        if name not in known:
            raise UnknownName("option", name, known)
        if value is None:
            continue
        try:
            given[name] = _value(known[name], value)
        except _Wrong as wrong:
            raise HemmError(f"{name} {_is(value)}; give {wrong}") from None
    given |= _prompt(given.pop("prompt", None)) | _cards(given.pop("card", ()), given.get("model_cards", ()))
    return RunOptions(**given)


def _is(value: object) -> str:
    return f"is the class {value.__name__}" if isinstance(value, type) else f"is {shown(value)}"


def _value(field: Field[Any], value: Any) -> Any:
    """``value`` as the field has it. Raises _Wrong."""
    about: Option = field.metadata.get("option", Option(""))
    kind = str(field.type).removesuffix(" | None")
    if field.name in _OBJECTS:
        return _objects(field.name, value)
    if field.name == "settings":
        return tuple(without_blanks(key, text) for key, found in _pairs(value) for text in _texts(found))
    if about.pairs:
        return tuple(f"{key}={_text(text)}" for key, text in _pairs(value))
    if about.auto and value == "auto":
        return 0
    if about.several or kind.startswith("tuple"):
        convert = _path if "Path" in kind else _text
        return tuple(map(convert, value if isinstance(value, _SEVERAL) else (value,)))
    if field.name == "prompt" and isinstance(value, Path):
        return _path(value)
    return _KINDS[kind](value, about)


def _whole(value: Any, about: Option) -> int:
    give = "a whole number" if about.least is None else f"a whole number of {about.least} or more"
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise _Wrong(give + (", or 'auto'" if about.auto else ""))


def _number(value: Any, about: Option) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _Wrong("a number")
    return float(value)


def _flag(value: Any, about: Option) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):  # numpy's too
        raise _Wrong("True or False")
    return bool(value)


def _word(value: Any, about: Option) -> str:
    if not isinstance(value, str):
        raise _Wrong("a text")
    return value


def _path(value: Any, about: Option | None = None) -> Path:
    if not isinstance(value, str | Path):
        raise _Wrong(_PATH)
    if "\0" in str(value):
        raise _Wrong(f"{_PATH} without NUL characters, which no file has")
    return Path(value)


_KINDS: dict[str, Callable[[Any, Option], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _flag,
    "str": _word,
    "Path": _path,
}
"""Type of a field -> what makes a value of it."""


def _objects(name: str, value: Any) -> tuple[Any, ...]:
    """Names and objects: one, or several."""
    found = tuple(value) if isinstance(value, _SEVERAL) else (value,)
    object_ = _OBJECTS[name]
    give = f"a name, {object_}, or a list of them"
    for item in found:
        if isinstance(item, type):
            raise _Wrong(f"an object: {item.__name__}(...)")
        if item is None or isinstance(item, (int, float, bytes, Mapping, *_SEVERAL)):
            raise _Wrong(give)
        if name == "tasks" and not isinstance(item, str | Path | Task):
            raise _Wrong(give)
        if isinstance(item, str | Path) and "\0" in str(item):
            raise _Wrong("names without NUL characters, which no file has")
    if not found and name in ("models", "tasks") and value != ():  # () is the default of tasks
        raise _Wrong(give)
    return tuple(_spec(item) if isinstance(item, Path) else item for item in found)


def _spec(path: Path) -> str:
    """The spec of a file or folder: ``./mine`` for the path ``mine``."""
    return str(path) if path.is_absolute() or path.parts[:1] == ("..",) else f"./{path}"


def _pairs(value: Any) -> list[tuple[str, Any]]:
    """Keys with values, of a mapping or of a sequence of pairs or of texts ``KEY=VALUE``."""
    found = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(found, list | tuple):
        raise _Wrong(_PAIRS)
    out = []
    for item in found:
        pair = tuple(item.partition("=")[::2]) if isinstance(item, str) and "=" in item else item
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise _Wrong(_PAIRS)
        out.append((pair[0], pair[1]))
    return out


def _texts(value: Any) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, list | tuple) else [_text(value)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise _Wrong(f"texts, numbers, or True and False ({shown(value)} is none)")


def _prompt(prompt: str | Path | None) -> dict[str, Any]:
    """The template's text and where it comes from."""
    if prompt is None:
        return {}
    if isinstance(prompt, Path):
        return {"prompt": read_text(prompt, f"--prompt {prompt}"), "prompt_name": str(prompt)}
    if "\n" not in prompt and "{" not in prompt and len(prompt) < 256 and Path(prompt).is_file():
        raise HemmError("prompt is the name of a file; give its text, or a pathlib.Path")
    return {"prompt": prompt}


def _cards(paths: Sequence[Path], of_models: Sequence[Path]) -> dict[str, Any]:
    """The card of the data, and those of models; ``is_model_card`` distinguishes them by their contents."""
    from hemm.models.cards import is_model_card

    models = tuple(path for path in paths if is_model_card(path))
    data = [path for path in paths if path not in models]
    if len(data) > 1:
        raise HemmError(f"--card {data[0]} and --card {data[1]} both describe data: give one")
    return {"card": data[0] if data else None, "model_cards": (*of_models, *models)}


# how Python shows them


def signature() -> Signature:
    """The signature of ``hemm.run``: every option with its default."""
    known = {f.name: f for f in fields(RunOptions)}
    table = {name: about for name, about in RunOptions.table().items() if name != "tasks"}
    first = [
        Parameter("models", Parameter.POSITIONAL_OR_KEYWORD, default="tiny"),
        Parameter("tasks", Parameter.POSITIONAL_OR_KEYWORD, default=()),
    ]
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=known[name].default) for name in table]
    more += [Parameter(name, Parameter.KEYWORD_ONLY, default=known[name].default) for name in PYTHON_ONLY]
    return Signature([*first, *more])


def described() -> str:
    """The options but models, a line each: name, what it does, how it is written."""
    lines = []
    for name, about in RunOptions.table().items():
        help_ = about.help if name != "prompt" else "Another prompt template: its text, or a pathlib.Path."
        form = ", ".join(about.words) or about.metavar
        lines.append(f"{name:<13} {help_.rstrip('.')}{f' ({form})' if form else ''}")
    lines += [f"{name:<13} {about.rstrip('.')}" for name, about in PYTHON_ONLY.items()]
    return "\n".join(lines)
