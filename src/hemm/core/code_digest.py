"""Digests of code that users write: what a model, a metric or a reader of theirs is known by."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from hemm.core.hashing import canonical, digest
from hemm.core.secrets import holds_secret

PREFIX = "hemm_user_"
"""Begins the names of the modules that are files of users."""
_ROOTS = ("hemm", "builtins", "typing", "abc", "dataclasses", "enum")
"""Packages whose classes say nothing of a user's code."""
_NOISE = {
    "__abstractmethods__",
    "__dataclass_params__",
    "__dict__",
    "__doc__",
    "__firstlineno__",
    "__module__",
    "__slots__",
    "__static_attributes__",
    "__weakref__",
    "_abc_impl",
}


def content(path: Path) -> str:
    """Digest of a Python file's bytes and of those of the neighbours that it imports, directly or not.

    Files are found by reading their import statements, those inside functions too; what is imported in other
    ways (``importlib``), and files that are no Python, is not seen. Neither the name of ``path`` nor its
    folder counts.
    """
    texts = files(path)
    own = texts.pop(path.name)
    return digest([own, sorted(texts.items())], 16)


def files(path: Path) -> dict[str, str]:
    """The file and the neighbours that it imports: path below its folder -> SHA-256 of its bytes."""
    home = path.resolve().parent
    found: dict[str, str] = {}
    ahead = [home / path.name]
    while ahead:
        file = ahead.pop()
        key = file.relative_to(home).as_posix()
        if key not in found:
            text = file.read_bytes()
            found[key] = hashlib.sha256(text).hexdigest()
            ahead += _neighbours(text, file, home)
    return found


def neighbours(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """The files of the modules ``a``, ``a.b``, ``a.b.c`` in ``folder``, as far as there are any."""
    for part in parts:
        for file in (folder / part / "__init__.py", folder / f"{part}.py"):
            if file.is_file():
                yield file
        folder = folder / part


def _neighbours(text: bytes, file: Path, home: Path) -> Iterator[Path]:
    """The files in or below ``home`` that the import statements of ``file`` name."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from neighbours(home, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            start = file.parents[node.level - 1] if 0 < node.level <= len(file.parents) else home
            if start.is_relative_to(home):
                parts = node.module.split(".") if node.module else []
                for alias in node.names:
                    yield from neighbours(start, [*parts, alias.name])


def of_class(cls: type) -> str:
    """Digest of the code that a class is: that of its file with neighbours, or where it has none, as in a
    notebook, of its methods and what they use there. Classes of hemm and of Python itself do not count."""
    marks = []
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] in _ROOTS or not set(vars(base)) - _NOISE:
            continue
        file = getattr(sys.modules.get(base.__module__), "__file__", None)
        if file and file.endswith(".py") and Path(file).is_file():
            marks.append(content(Path(file)))
        else:
            marks.append(digest(_described(base, set()), 16))
    return digest(list(dict.fromkeys(marks)), 16)


def of_object(thing: Any, apart: Iterable[str] = ()) -> str:
    """Digest of what a user's object is: its class (code and name), the plain values that it holds, and those
    that its methods have from the function around their class.

    Plain are numbers, texts, bytes, paths, None, functions, and lists, tuples, sets and mappings of these; of
    any other value its class alone counts. Attributes named in ``apart``, and those whose names say that they
    hold a key, do not count.
    """
    bases = [b for b in type(thing).__mro__ if b.__module__.partition(".")[0] not in _ROOTS]
    own = [base for base in bases if set(vars(base)) - _NOISE]  # not those that ``completed`` made
    slots = [name for base in own for name in _slots(base) if hasattr(thing, name)]
    held = {**getattr(thing, "__dict__", {}), **{name: getattr(thing, name) for name in slots}}
    state = {n: _plain(v) for n, v in held.items() if n not in set(apart) and not holds_secret(n)}
    around = [[name, _plain(value)] for base in own for name, value in _around(base)]
    names = [base.__qualname__ for base in own[:1]]
    return digest([of_class(type(thing)), names, sorted(state.items()), around], 16)


def _slots(base: type) -> Sequence[str]:
    slots = vars(base).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _around(base: type) -> Iterator[tuple[str, Any]]:
    """Names and values that the methods of a class have from the function that it was defined in."""
    for name, member in sorted(vars(base).items()):
        method = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        if inspect.isfunction(method):
            found = inspect.getclosurevars(method).nonlocals
            yield from ((f"{name}.{n}", v) for n, v in sorted(found.items()) if n != "__class__")


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON that tells apart what is plain; of any other value the name of its class."""
    kind = type(value).__qualname__
    if value is None or isinstance(value, str | int | float | bytes | PurePath):
        return [kind, str(value) if isinstance(value, PurePath) else repr(value)]
    if depth < 20:
        if isinstance(value, Mapping):
            pairs = [[_plain(k, depth + 1), _plain(v, depth + 1)] for k, v in value.items()]
            return [kind, sorted(pairs, key=canonical)]
        if isinstance(value, list | tuple):
            return [kind, [_plain(item, depth + 1) for item in value]]
        if isinstance(value, set | frozenset):
            return [kind, sorted((_plain(item, depth + 1) for item in value), key=canonical)]
    return [kind, _described(value, set()) if inspect.isfunction(value) else None]


def of_reader(read: Any, file: str) -> str:
    """SHA-256 of the file that defines a reader; of a user's file, with the neighbours that it imports; of
    code without file, as in a notebook, of itself and what it uses in its namespace."""
    path = Path(file)
    if file and path.is_file():
        own = hashlib.sha256(path.read_bytes()).hexdigest()
        texts = files(path) if str(getattr(read, "__module__", "")).startswith(PREFIX) else {}
        return own if len(texts) < 2 else digest([own, content(path)])
    return digest(_described(read, set()))


def _described(thing: Any, seen: set[int]) -> Any:
    """Code as JSON: its text, or where that is not at hand what Python made of it, with the functions,
    classes and constants of the same namespace that it uses. None for what is no code and no JSON."""
    if id(thing) in seen or str(getattr(thing, "__module__", "")).partition(".")[0] in _ROOTS:
        return None
    if isinstance(thing, type):
        seen.add(id(thing))
        members = {name: value for name, value in vars(thing).items() if name not in _NOISE}
        return [[name, _described(value, seen)] for name, value in sorted(members.items())]
    for inner in ("__func__", "fget", "__wrapped__", "func"):
        thing = getattr(thing, inner, None) or thing
    code = getattr(thing, "__code__", None)
    if code is None:
        return _constant(thing)
    seen.add(id(thing))
    space = {**thing.__globals__, **inspect.getclosurevars(thing).nonlocals}
    home = thing.__globals__.get("__name__")
    used = sorted(n for n in _names(code) if n in space and _counts(space[n], home))
    return [_text(thing, code), [[name, _described(space[name], seen)] for name in used]]


def _text(function: Any, code: Any) -> Any:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError):
        return _compiled(code)


def _compiled(code: Any) -> list[Any]:
    constants = [_compiled(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _names(code: Any) -> set[str]:
    inner = [c for c in code.co_consts if hasattr(c, "co_names")]
    return {*code.co_names, *code.co_freevars, *(name for c in inner for name in _names(c))}


def _counts(value: Any, home: str | None) -> bool:
    """Whether a name's value is part of the code that uses it: code of the same namespace, or a constant."""
    if callable(value):
        return getattr(value, "__module__", None) == home
    return _constant(value) is not None


def _constant(value: Any) -> Any:
    """A value that cannot change, as JSON; None for any other."""
    if isinstance(value, str | int | float | bool | tuple):
        try:
            return canonical(value).decode()
        except TypeError:
            return None
    return None
