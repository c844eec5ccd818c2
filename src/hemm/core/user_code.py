"""Python files of users: task files, models and metrics of one's own, with the files beside them.

A file may import its neighbours, at the top or inside a function, as a script may. They are modules of that
folder alone: another folder's file of the same name is another module, and nothing of the user's shadows an
installed package for anybody else.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from hemm.core.code_digest import PREFIX, neighbours
from hemm.core.errors import HemmError, UnknownName
from hemm.core.hashing import digest

_LOADED = "__hemm_loaded__"
"""Attribute of a module: the bytes of its file when it was executed."""


def load(file: Path) -> ModuleType:
    """The module that a user's Python file is; executed anew where it or a neighbour changed.

    Raises HemmError where there is no such file, and with the line of the user's where it raises.
    """
    path = file.expanduser().resolve()
    if not path.is_file():
        raise HemmError(f"{file}: there is no such file")
    package = _package(path.parent)
    loaded = {n: m for n, m in sys.modules.items() if n.startswith(f"{package}.")}
    if any(_changed(module) for module in loaded.values()):
        for name in loaded:
            del sys.modules[name]  # whoever has objects of them keeps them
    name = f"{package}.{path.stem.replace('.', '_')}"
    if name in sys.modules:
        return sys.modules[name]
    importlib.invalidate_caches()
    loader = _Loader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, HemmError) or not isinstance(error, Exception):
            raise
        raise HemmError(f"{_place(error, file, path)}: {type(error).__name__}: {error}") from error
    return module


def member(spec: str, what: str) -> Any:
    """What ``./file.py:NAME`` names. ``what`` says what it should be, for errors.

    Raises HemmError for a file that is not there or fails, UnknownName for a name that it does not define.
    """
    file, name = split(spec)
    module = load(file)
    public = [n for n, v in vars(module).items() if not n.startswith("_") and _defined_in(v, module)]
    if not name:
        there = ", ".join(public) or "none"
        raise HemmError(f"{spec}: name the {what} in it, as {file}:NAME (it has {there})")
    if not hasattr(module, name):
        raise UnknownName(f"{what} in {file}", name, public)
    return getattr(module, name)


def assigned(file: Path) -> set[str]:
    """The names that a user's file itself gives a value at its top; what it imports is not among them."""
    names: set[str] = set()
    try:
        ahead: list[ast.AST] = [ast.parse(file.read_bytes())]
    except (OSError, SyntaxError, ValueError):  # it changed since it was imported
        return names
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            ahead += ast.iter_child_nodes(node)
    return names


def is_code(spec: str) -> bool:
    """Whether a spec names a Python file, or something in one: ``./file.py``, ``./file.py:NAME``.

    >>> is_code("./near.py:NearCount:best=2"), is_code("near_count")
    (True, False)
    """
    return spec.lower().endswith(".py") or ".py:" in spec.lower()


def split(spec: str) -> tuple[Path, str]:
    """File and name of a spec ``./file.py:NAME``; the name is empty where there is none."""
    at = spec.lower().find(".py:")
    return (Path(spec), "") if at < 0 else (Path(spec[: at + 3]), spec[at + 4 :])


def _defined_in(value: Any, module: ModuleType) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def _place(error: BaseException, file: Path, path: Path) -> str:
    """``FILE, line N``: the deepest place in the user's file, or in a neighbour that does not compile."""
    if isinstance(error, SyntaxError) and error.lineno:
        here = error.filename == str(path)
        return f"{file if here else error.filename}, line {error.lineno}"
    line, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{file}{line}"


# modules of one folder


def _package(folder: Path) -> str:
    """The package of a folder's modules: its name has a digest of the path. It is not on ``sys.path``."""
    name = PREFIX + digest(str(folder), 12)
    if name not in sys.modules:
        if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder())
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


class _Finder(MetaPathFinder):
    """Finds the modules of these packages, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(PREFIX):
            return None
        found = PathFinder.find_spec(fullname, path, target)
        if found is not None and type(found.loader) is SourceFileLoader:
            found.loader = _Loader(found.loader.name, found.loader.path)
        return found


class _Loader(SourceFileLoader):
    """Executes a module whose import statements look into its own folder first.

    It keeps no bytecode: that of Python is taken for current where a file changes within a second.
    """

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        package = module.__name__.partition(".")[0]
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _importer(package)}
        module.__dict__[_LOADED] = self.get_data(self.path)
        super().exec_module(module)


def _changed(module: ModuleType) -> bool:
    """Whether the file of a module is not what it was."""
    try:
        return Path(str(module.__file__)).read_bytes() != getattr(module, _LOADED, None)
    except OSError:
        return True


def _importer(package: str) -> Any:
    folder = Path(sys.modules[package].__path__[0])

    def import_(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        if level or not any(neighbours(folder, [top])):
            return builtins.__import__(name, globals, locals, fromlist, level)
        found = builtins.__import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
        return found if fromlist else getattr(found, top)

    return import_
