"""Reads pickles of builtin values without running code.

A pickle is a program, and Python's ``pickle`` module executes it, whatever it does. Here its instructions are
interpreted for the few types that a table needs.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hemm.core import BadData, storable

LIMIT = 256 * 1024 * 1024
"""Bytes of the largest file that is read."""

_DIGITS = 4000
"""Bytes of the longest integer: Python does not convert longer ones to text."""

_BUILTINS = (str, bytes, int, float, bool, type(None))


def pickle_value(path: Path, limit: int = LIMIT) -> Any:
    """The value in a pickle of protocol 0 to 5.

    It is made of dict, list, tuple, set, frozenset, str, bytes, int, float, bool and None (bytes and sets
    where the protocol has them itself); texts of Python 2 are read as UTF-8. Keys and members of sets are no
    containers. Nothing is imported or called.

    Raises BadData for anything else: classes, functions, persistent ids, extension codes, out-of-band
    buffers, a file that is damaged, cut off, or larger than ``limit`` bytes.

    >>> import pickle
    >>> from pathlib import Path
    >>> _ = Path("splits.pkl").write_bytes(pickle.dumps({"test": [3, 7], "train": [1, 2]}))
    >>> pickle_value(Path("splits.pkl"))
    {'test': [3, 7], 'train': [1, 2]}
    """
    size = path.stat().st_size
    if size > limit:
        raise BadData(f"{path} has {size:,} bytes: pickles of up to {limit:,} are read")
    try:
        return _Machine().run(path.read_bytes())
    except _Broken as error:
        raise BadData(f"{path} is no pickle of plain values: {error}") from None
    except IndexError:
        raise BadData(f"{path} is a damaged pickle: a value is missing") from None
    except (ValueError, OverflowError) as error:
        raise BadData(f"{path} is a damaged pickle: {storable(str(error))}") from None


class _Broken(Exception):
    """An instruction that pickles of builtin values do not have."""


class _Mark:
    """Marks the position on the stack where the items of a container begin."""


_MARK = _Mark()


class _Machine:
    """The stack and memo of a pickle's instructions."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._places: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """The value that the instructions in ``data`` leave on the stack."""
        for opcode, argument, at in pickletools.genops(io.BytesIO(data)):
            name = opcode.name
            if name == "STOP":
                value = self._pop()
                if self._stack:
                    raise _Broken(f"{len(self._stack)} values are left over")
                return value
            if name in _PUSHED:
                if isinstance(argument, int) and argument.bit_length() > 8 * _DIGITS:
                    raise _Broken(f"a whole number of {argument.bit_length():,} bits at byte {at}")
                self._stack.append(argument)
            elif name in _CONSTANT:
                self._stack.append(_CONSTANT[name]())
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name not in _PASSED:
                raise _Broken(f"{_WHY.get(name, 'an instruction')} ({name} at byte {at}), which is not read")
        raise _Broken("it does not end")

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise _Broken("a mark stands where a value is expected")
        return value

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise _Broken(f"something is added to a value of type {type(self._stack[-1]).__name__}")
        return self._stack[-1]

    def _since_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if self._stack[place] is _MARK:
                items = self._stack[place + 1 :]
                del self._stack[place:]
                return items
        raise _Broken("a container has no start")

    def text(self, value: str) -> None:
        """A text of Python 2, which may be any bytes."""
        self._stack.append(value.encode("latin-1").decode("utf-8"))

    def joined(self, count: int) -> None:
        """Replace the last ``count`` values by one."""
        values = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(values)))

    def whole(self, make: Callable[[list[Any]], Any]) -> None:
        """Replace the values after the mark by one."""
        self._stack.append(make(self._since_mark()))

    def extend(self, values: list[Any]) -> None:
        self._top(list).extend(values)

    def fill(self, values: list[Any]) -> None:
        self._top(dict).update(_pairs(values))

    def add(self, values: list[Any]) -> None:
        self._top(set).update(map(_hashed, values))

    def keep(self, place: int) -> None:
        """Store the last value in the memo."""
        if self._stack[-1] is _MARK:
            raise _Broken("a mark stands where a value is expected")
        self._places[place] = self._stack[-1]

    def recall(self, place: int) -> None:
        if place not in self._places:
            raise _Broken(f"value {place} was never kept")
        self._stack.append(self._places[place])


def _hashed(value: Any) -> Any:
    if not isinstance(value, _BUILTINS):
        raise _Broken(f"a {type(value).__name__} as a key or a member of a set")
    return value


def _pairs(values: list[Any]) -> Iterator[tuple[Any, Any]]:
    if len(values) % 2:
        raise _Broken("a key without a value")
    return ((_hashed(key), value) for key, value in zip(values[::2], values[1::2], strict=True))


_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_TEXTS = ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_BYTES = ("SHORT_BINBYTES", "BINBYTES", "BINBYTES8")
_PUSHED = frozenset((*_NUMBERS, *_TEXTS, *_BYTES))
_CONSTANT: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
    "MARK": lambda: _MARK,
}
_PASSED = frozenset({"PROTO", "FRAME"})
_STEPS: dict[str, Callable[[_Machine, Any], object]] = {
    "STRING": lambda m, text: m.text(text),
    "BINSTRING": lambda m, text: m.text(text),
    "SHORT_BINSTRING": lambda m, text: m.text(text),
    "TUPLE1": lambda m, _: m.joined(1),
    "TUPLE2": lambda m, _: m.joined(2),
    "TUPLE3": lambda m, _: m.joined(3),
    "TUPLE": lambda m, _: m.whole(tuple),
    "LIST": lambda m, _: m.whole(list),
    "DICT": lambda m, _: m.whole(lambda values: dict(_pairs(values))),
    "FROZENSET": lambda m, _: m.whole(lambda values: frozenset(map(_hashed, values))),
    "APPEND": lambda m, _: m.extend([m._pop()]),
    "APPENDS": lambda m, _: m.extend(m._since_mark()),
    "SETITEM": lambda m, _: m.fill([m._pop(), m._pop()][::-1]),
    "SETITEMS": lambda m, _: m.fill(m._since_mark()),
    "ADDITEMS": lambda m, _: m.add(m._since_mark()),
    "POP": lambda m, _: m._stack.pop(),
    "POP_MARK": lambda m, _: m._since_mark(),
    "PUT": lambda m, place: m.keep(place),
    "BINPUT": lambda m, place: m.keep(place),
    "LONG_BINPUT": lambda m, place: m.keep(place),
    "MEMOIZE": lambda m, _: m.keep(len(m._places)),
    "GET": lambda m, place: m.recall(place),
    "BINGET": lambda m, place: m.recall(place),
    "LONG_BINGET": lambda m, place: m.recall(place),
}
_NAMED = "something that Python would import"
_CALLED = "something that Python would call"
_WHY = {
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"), _NAMED),
    **dict.fromkeys(("REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"), _CALLED),
    **dict.fromkeys(("PERSID", "BINPERSID"), "a reference to outside the file"),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), "a buffer outside the file"),
}
