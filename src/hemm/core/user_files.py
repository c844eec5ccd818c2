"""Files that users write, read and checked in one way: cards, price lists, references, rubrics, ``--config``.

A dataclass says what a file, or a row of it, may hold: its fields are the keys, their annotations what each
takes. ``Annotated`` with ``Takes`` says more than a type can.
"""

from __future__ import annotations

import re
import reprlib
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hemm.core.errors import BadData, HemmError, UnknownName

T = TypeVar("T")

MOST_VALUES = 1_000_000
"""The most values of a YAML file, those behind aliases included."""

_GIVE = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_OTHER_BASE = re.compile(r"[-+]?(?:0[0-7_]+|.*:.*)")
"""Whole numbers that YAML 1.1 reads in another base than people do."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclass(frozen=True)
class Takes:
    """What a key takes, in words that end the line ``limit is 0; give a whole number from 1 on``, and a test
    of values that have the right type."""

    give: str
    fits: Callable[[Any], object] = lambda value: True


@contextmanager
def real_names() -> Iterator[None]:
    """Raises HemmError where the block meets a name that is no path: one with a NUL, or of a user's folder
    that is not here.

    >>> with real_names():
    ...     Path("~~").expanduser()
    Traceback (most recent call last):
    ...
    hemm.core.errors.HemmError: a name begins with ~ and a user that this machine does not know: write ./~
    """
    try:
        yield
    except RuntimeError as error:
        if "home directory" not in str(error):
            raise
        why = "a name begins with ~ and a user that this machine does not know: write ./~"
        raise HemmError(why) from error
    except ValueError as error:
        if not str(error).startswith("embedded null"):
            raise
        raise HemmError("a name holds a NUL character, which no file has") from error


def read_text(path: Path, where: str) -> str:
    """A text file (UTF-8), without the byte order mark that some editors put first. Raises BadData;
    ``where`` is what the line calls the file."""
    try:
        return path.read_text("utf-8").removeprefix("\ufeff")
    except (OSError, ValueError) as error:
        raise BadData(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_toml(path: Path, where: str = "") -> dict[str, Any]:
    """What a TOML file holds. Raises BadData naming file (as ``where``, if given) and line."""
    where = where or str(path)
    return parse_toml(read_text(path, where), where)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """What a text of TOML holds. Raises BadData: ``{where}, line 3: no valid TOML: why``."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits
        why, _, line = str(error).partition(" (at line ")
        raise _invalid("TOML", why, where, line.partition(",")[0]) from None


def read_yaml(path: Path, where: str = "", *, as_text: bool = False) -> dict[str, Any]:
    """What a YAML file holds; an empty one nothing. Raises BadData naming file (as ``where``, if given) and
    line, also for a key that stands twice.

    ``as_text``: every value is text, so that ``yes`` and ``no`` stay the words they are.
    """
    import yaml

    where = where or str(path)
    text = read_text(path, where)
    try:
        document = yaml.load(text, _loader(as_text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 40th of a month
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or error
        raise _invalid("YAML", why, where, str(mark.line + 1) if mark else "") from None
    if not isinstance(document or {}, dict):
        raise BadData(f"{where} is {shown(document)}; give 'key: value' lines")
    return document or {}


def _invalid(language: str, why: object, where: str, line: str) -> BadData:
    at = f", line {line}" if line else ""
    return BadData(f"{where}{at}: no valid {language}: {' '.join(str(why).split())}")


def yaml_of(text: str) -> Any:
    """What a text of YAML from somebody else holds. Raises yaml.YAMLError, also for one whose aliases stand
    for more than ``MOST_VALUES`` values."""
    import yaml

    return yaml.load(text, _bounded(yaml.SafeLoader))


@cache
def _bounded(base: Any) -> Any:
    """A loader of PyYAML for which each alias counts as all that it stands for: a few lines of aliases of
    aliases stand for billions of values, and one that holds itself for endlessly many."""
    import yaml

    class Loader(base):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            super().__init__(stream)
            self._sizes: dict[int, int] = {}
            self._values = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            mark, alias, before = (
                self.peek_event().start_mark,
                self.check_event(yaml.AliasEvent),
                self._values,
            )
            node = super().compose_node(parent, index)
            if alias and id(node) not in self._sizes:
                raise yaml.MarkedYAMLError(problem="an alias that holds itself", problem_mark=mark)
            self._values += self._sizes[id(node)] if alias else 1
            self._sizes.setdefault(id(node), self._values - before)
            if self._values > MOST_VALUES:
                why = f"its aliases stand for more than {MOST_VALUES:,} values"
                raise yaml.MarkedYAMLError(problem=why, problem_mark=mark)
            return node

    return Loader


@cache
def _loader(as_text: bool) -> Any:
    """PyYAML's loader, but a key that stands twice is an error: PyYAML drops the first in silence."""
    import yaml

    base: Any = _bounded(yaml.BaseLoader if as_text else yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        def construct_yaml_int(self, node: Any) -> Any:
            if _OTHER_BASE.fullmatch(node.value):
                why = f"{node.value} is a number of base 60 or 8: write a plain number, or put it in quotes"
                raise yaml.MarkedYAMLError(problem=why, problem_mark=node.start_mark)
            return super().construct_yaml_int(node)

        def construct_yaml_float(self, node: Any) -> Any:
            if ":" in node.value:
                return self.construct_yaml_int(node)
            return super().construct_yaml_float(node)

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _ in node.value:
                if (name := (key.tag, str(key.value))) in seen:
                    why = f"the key {key.value!r} stands twice"
                    raise yaml.MarkedYAMLError(problem=why, problem_mark=key.start_mark)
                seen.add(name)
            return node

    if not as_text:
        for name in ("int", "float"):
            Loader.add_constructor(f"tag:yaml.org,2002:{name}", getattr(Loader, f"construct_yaml_{name}"))
    return Loader


def typed(kind: type[T], found: object, where: str, /, **given: Any) -> T:
    """The dataclass ``kind`` from the mapping ``found``, whose keys are its fields but those in ``given``.

    A key with an empty value counts as absent. A text stands for a list of one, a whole number for a float;
    infinities and NaN are no numbers. Raises UnknownName for a key that is no field, and BadData that names
    all keys that are missing or wrong.

    >>> typed(Takes, {"give": 3}, "my.toml")
    Traceback (most recent call last):
    ...
    hemm.core.errors.BadData: my.toml: give is 3; give a text
    """
    hints = get_type_hints(kind, include_extras=True)
    keys = {f.name: f for f in fields(kind) if f.name not in given}  # type: ignore[arg-type]
    if not isinstance(found, dict):
        raise BadData(f"{where} is {shown(found)}; give keys with values")
    for key in found:
        if key not in keys:
            raise UnknownName(f"key in {where}", _name(key), keys)
    wrong = []
    for key, field in keys.items():
        try:
            if found.get(key) not in (None, ""):
                given[key] = _taken(found[key], hints[key], key)
            elif field.default is MISSING and field.default_factory is MISSING:
                wrong.append(f"no {key}; give {_give(hints[key])}")
        except BadData as error:
            wrong.append(str(error))
    if wrong:
        raise BadData(f"{where}: {'; also: '.join(wrong)}")
    return kind(**given)


def typed_rows(kind: type[T], rows: object, where: str, table: str, noun: str) -> list[T]:
    """``rows``, the tables ``[[table]]`` of a TOML file, each a ``noun``, as ``kind``. Raises BadData or
    UnknownName naming ``where``, the number of the row and the key, for several rows at once."""
    if not isinstance(rows, list) or not rows:
        raise BadData(f"{where}: write [[{table}]] tables, one for each {noun}")
    typed_: list[T] = []
    wrong: list[HemmError] = []
    for number, row in enumerate(rows, 1):
        try:
            typed_.append(typed(kind, row, f"{where}, {noun} {number}"))
        except HemmError as error:
            wrong.append(error)
    if wrong:
        raise wrong[0] if len(wrong) == 1 else BadData("; also: ".join(map(str, wrong[:5])))
    return typed_


def _taken(value: Any, hint: Any, key: str) -> Any:
    """``value`` as ``hint`` wants it. Raises BadData: ``{key} is {value!r}; give ...``."""
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Mapping and isinstance(value, dict):
        names = {k: _name(k) if parts[0] is str else k for k in value}
        return {
            name: _taken(value[k], parts[1], f"{key}.{name if str(name).isprintable() else shown(name)}")
            for k, name in names.items()
        }
    with suppress(BadData, ValueError):  # the last line names the value as a whole
        if kind is Annotated and hint.__metadata__[0].fits(found := _taken(value, parts[0], key)):
            return found
        if kind is tuple and isinstance(value, str | list):
            items = value if isinstance(value, list) else [value] if value else []
            return tuple(_taken(item, parts[0], key) for item in items)
    for part in parts if kind in (Union, UnionType) else ():
        with suppress(BadData):
            return _taken(value, part, key)
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is Any or (type(value) is kind and kind is not float):
        return value
    raise BadData(f"{key} is {shown(value)}; give {_give(hint)}")


def _give(hint: Any) -> str:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind is Annotated:
        return str(hint.__metadata__[0].give)
    if kind is tuple:
        return f"a list, each {_give(parts[0])}"
    if kind in (Union, UnionType):
        return " or ".join(_give(part) for part in parts if part is not NoneType)
    return _GIVE.get(kind, "keys with values")


def _name(key: object) -> str:
    return key if isinstance(key, str) else shown(key)


def shown(value: object) -> str:
    """``value`` as a line about it shows it: its repr, cut where it is long."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # Python does not write whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
