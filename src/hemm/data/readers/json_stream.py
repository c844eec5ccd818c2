"""Reads large JSON files entry by entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from hemm.core import BadData
from hemm.data.readers.pointers import check_no_pointer

_CHUNK = 1 << 20
_TAIL = 16
"""An error within so many characters of the end of the text in memory may come from a word or number cut in
two."""

_BLANK = " \t\n\r"
_DECODER = json.JSONDecoder()


def json_items(path: Path, field: str = "") -> Iterator[tuple[int | str, Any]]:
    """(number from 1, entry) of a JSON list, or (key, value) of a JSON object, one after another.

    ``field`` names the list or object to go through where it is a member of the file's own object. One entry
    is in memory at a time, however large the file is. Raises BadData with the place where the file is broken,
    after the entries before it.

    >>> from pathlib import Path
    >>> _ = Path("annotations.json").write_text('{"year": 2019, "images": [{"id": 7}, {"id": 9}]}')
    >>> list(json_items(Path("annotations.json"), "images"))
    [(1, {'id': 7}), (2, {'id': 9})]
    """
    check_no_pointer(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = _Text(path, file)
            if field:
                yield from _of_field(text, field)
            else:
                yield from _entries(text)
            if text.next():
                text.fail("nothing more is expected")
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def _of_field(text: _Text, field: str) -> Iterator[tuple[int | str, Any]]:
    found = False
    text.expect("{")
    for key in _keys(text):
        if key == field:
            found = True
            yield from _entries(text)
        else:
            text.value()
    if not found:
        raise BadData(f"{text.path}: field {field!r} is missing")


def _entries(text: _Text) -> Iterator[tuple[int | str, Any]]:
    if text.take("["):
        number = 0
        while number > 0 or not text.take("]"):
            number += 1
            yield number, text.value()
            if text.take("]"):
                return
            text.expect(",")
    elif text.take("{"):
        for key in _keys(text):
            yield key, text.value()
    else:
        text.fail("a list or an object is expected")


def _keys(text: _Text) -> Iterator[str]:
    """The keys of an opened object; the caller reads the value after each."""
    if text.take("}"):
        return
    while True:
        if text.next() != '"':
            text.fail("a key in quotes is expected")
        key = text.value()
        text.expect(":")
        yield key
        if text.take("}"):
            return
        text.expect(",")


class _Text:
    """The text of a JSON file, of which only the current part is in memory."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self._file = path, file
        self._text, self._at, self._ended = "", 0, False
        self._lines, self._columns = 1, 0  # where the part in memory starts

    def next(self) -> str:
        """The next character that is not blank, or empty at the end of the file."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if character not in _BLANK:
                    return character
                self._at += 1
            if not self._more():
                return ""

    def take(self, mark: str) -> bool:
        """Read ``mark`` if it comes next, and return whether it did."""
        if self.next() != mark:
            return False
        self._at += 1
        return True

    def expect(self, mark: str) -> None:
        """Read ``mark``. Raises BadData if something else comes."""
        if not self.take(mark):
            self.fail(f"{mark!r} is expected")

    def value(self) -> Any:
        """The whole value that comes next."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _TAIL
                if cut and self._more():
                    continue
                self.fail(error.msg, error.pos)
            except RecursionError:
                self.fail("nested too deeply")
            if end > len(self._text) - _TAIL and self._more():  # a number may go on (12.5e+6)
                continue
            self._at = end
            return value

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        """Raise BadData that names the position, by default the current one."""
        place = self._at if at is None else at
        ended = " where the file ends" if self._ended and place >= len(self._text.rstrip()) else ""
        line, column = self._place(place)
        raise BadData(f"{self.path}, line {line}: no valid JSON ({reason} at column {column + 1}{ended})")

    def _more(self) -> bool:
        """Drop the text before the current position and read more, larger pieces while one value
        continues."""
        part = "" if self._ended else self._file.read(max(_CHUNK, len(self._text) - self._at))
        if not part:
            self._ended = True
            return False
        self._lines, self._columns = self._place(self._at)
        self._text, self._at = self._text[self._at :] + part, 0
        return True

    def _place(self, at: int) -> tuple[int, int]:
        """Line (from 1) and column (from 0) of a position in memory."""
        newlines = self._text.count("\n", 0, at)
        if not newlines:
            return self._lines, self._columns + at
        return self._lines + newlines, at - self._text.rfind("\n", 0, at) - 1
