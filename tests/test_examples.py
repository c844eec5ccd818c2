"""The examples in docstrings run and give what they say; whatever is exported has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias
from typing import Any

import pytest

from hemm.core import DIMENSIONS
from test_public_names import PUBLIC

SOURCE = Path(__file__).resolve().parent.parent / "src"
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.fixture(autouse=True)
def _dimensions() -> Iterator[None]:
    """Examples may declare dimensions, which other tests must not see."""
    known = dict(DIMENSIONS)
    yield
    DIMENSIONS.clear()
    DIMENSIONS.update(known)


def exported(room: str) -> dict[str, Any]:
    """Functions and classes that a room exports; aliases of types and exceptions explain themselves."""
    module = importlib.import_module(room)
    found = {name: getattr(module, name) for name in module.__all__}
    return {
        name: thing
        for name, thing in found.items()
        if callable(thing)
        and not isinstance(thing, GenericAlias)
        and not (inspect.isclass(thing) and issubclass(thing, BaseException))
    }


def has_example(thing: Any) -> bool:
    """Whether its own docstring has an example: one that a subclass inherits says nothing of it."""
    own = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return ">>> " in (own or "")


@pytest.mark.parametrize("room", PUBLIC)
def test_whatever_a_room_exports_has_an_example(room: str) -> None:
    lacking = [f"{room}.{name}" for name, thing in exported(room).items() if not has_example(thing)]
    assert not lacking, f"no example in the docstring of {', '.join(lacking)}"


@pytest.mark.parametrize("room", PUBLIC)
def test_an_example_imports_what_its_room_does_not_export(
    room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has imported the names of the room can copy any of its examples, and it runs."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(room)
    names = {name: getattr(module, name) for name in module.__all__}
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    found = [
        test
        for name, thing in exported(room).items()
        for test in finder.find(thing, f"{room}.{name}", module=False, globs=names)
    ]
    failing = [test.name for test in found if runner.run(test).failed]
    assert not failing, f"with the names of {room} alone these fail: {', '.join(failing)}"


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert not found.failed
