"""Rows of the first sheet of an Excel workbook (Office Open XML, ECMA-376), without a spreadsheet package.

A workbook is a zip archive of XML parts, which are parsed as streams. A document type declaration (and with
it any entity) is refused, and so are a part of more than ``LIMIT`` bytes
and more than ``PARTS`` parts.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.parsers import expat

from hemm.core import BadData, storable
from hemm.data.zips import open_zip

LIMIT = 1 << 30
PARTS = 100_000
"""Files in a workbook: each sheet and each picture is one."""
_CHUNK = 1 << 16
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DIGITS = re.compile(r"\d+")

_Event = tuple[str, Mapping[str, str] | None, str]
"""(element, its attributes at its start or None at its end, the text before its end)."""


def xlsx_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(row number as Excel shows it, header -> text of the cell) of the first sheet; its first row is the
    header.

    Empty cells and error values are empty texts, numbers are written as the file has them, empty rows are
    passed over. Raises BadData for a file that is no workbook, or a damaged one.

    The smallest workbook has three parts:

    >>> import zipfile
    >>> from pathlib import Path
    >>> def row(*texts):
    ...     cells = (f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)
    ...     return f"<row>{''.join(cells)}</row>"
    >>> with zipfile.ZipFile("birds.xlsx", "w") as workbook:
    ...     workbook.writestr("xl/workbook.xml", '<workbook><sheets><sheet id="1"/></sheets></workbook>')
    ...     parts = '<r><Relationship Id="1" Target="sheet.xml"/></r>'
    ...     workbook.writestr("xl/_rels/workbook.xml.rels", parts)
    ...     workbook.writestr("xl/sheet.xml", f"<sheet>{row('image', 'bird')}{row('7.png', 'owl')}</sheet>")
    >>> list(xlsx_rows(Path("birds.xlsx")))
    [(2, {'image': '7.png', 'bird': 'owl'})]
    """
    try:
        with open_zip(path, PARTS) as packed:
            sheet, strings = _parts(packed)
            shared = list(_shared(packed, strings)) if strings in packed.namelist() else []
            header: dict[int, str] = {}
            for number, cells in _cells(packed, sheet, shared):
                if not any(cells.values()):
                    continue
                if not header:
                    header = cells
                    continue
                yield number, {name: cells.get(column, "") for column, name in header.items()}
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, RuntimeError, EOFError, OSError) as error:
        raise BadData(f"{path} cannot be read as an Excel workbook: {storable(str(error))}") from None
    except (KeyError, IndexError, ValueError) as error:
        raise BadData(f"{path} is a damaged Excel workbook: {storable(str(error))}") from None


def _events(packed: zipfile.ZipFile, part: str) -> Iterator[_Event]:
    """Starts and ends of the elements of one part, with names without namespaces."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    events: list[_Event] = []
    text: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        text.clear()
        events.append((_local(name), {_local(k): v for k, v in attributes.items()}, ""))

    def end(name: str) -> None:
        events.append((_local(name), None, "".join(text)))
        text.clear()

    def refuse(*_: object) -> None:
        raise BadData(f"{packed.filename}: {part} has a document type declaration, which no workbook needs")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = refuse
    size = 0
    with packed.open(part) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > LIMIT:
                raise BadData(f"{packed.filename}: {part} unpacks to more than {LIMIT} bytes")
            parser.Parse(chunk, False)
            yield from events
            events.clear()
    parser.Parse(b"", True)
    yield from events


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _parts(packed: zipfile.ZipFile) -> tuple[str, str]:
    """Names of the parts with the first sheet and the shared strings."""
    targets: dict[str, str] = {}
    strings = "xl/sharedStrings.xml"
    for name, attributes, _ in _events(packed, "xl/_rels/workbook.xml.rels"):
        if name == "Relationship" and attributes is not None:
            target = posixpath.normpath(posixpath.join("/xl", attributes["Target"])).lstrip("/")
            targets[attributes["Id"]] = target
            if attributes.get("Type", "").endswith("/sharedStrings"):
                strings = target
    for name, attributes, _ in _events(packed, "xl/workbook.xml"):
        if name == "sheet" and attributes is not None:
            return targets[attributes["id"]], strings
    raise BadData(f"{packed.filename}: the workbook has no sheet")


def _shared(packed: zipfile.ZipFile, part: str) -> Iterator[str]:
    """The shared strings, with their runs joined and without phonetic hints."""
    runs: list[str] = []
    hint = False
    for name, attributes, text in _events(packed, part):
        if name == "rPh":
            hint = attributes is not None
        elif name == "si" and attributes is not None:
            runs = []
        elif name == "t" and attributes is None and not hint:
            runs.append(text)
        elif name == "si":
            yield _plain("".join(runs))


def _cells(packed: zipfile.ZipFile, part: str, shared: list[str]) -> Iterator[tuple[int, dict[int, str]]]:
    """(row number, column number -> text) of a sheet."""
    number, column, kind, value = 0, 0, "", ""
    cells: dict[int, str] = {}
    for name, attributes, text in _events(packed, part):
        if name == "row" and attributes is not None:
            number, column, cells = int(attributes.get("r", number + 1)), 0, {}
        elif name == "row":
            yield number, cells
        elif name == "c" and attributes is not None:
            column = _column(attributes["r"]) if "r" in attributes else column + 1
            kind, value = attributes.get("t", "n"), ""
        elif name == "c":
            cells[column] = _value(kind, value, shared)
        elif name == "v" and attributes is None:
            value = text
        elif name == "t" and attributes is None:
            value += text


def _value(kind: str, text: str, shared: list[str]) -> str:
    if kind == "s":
        return shared[int(text)] if text.strip() else ""
    if kind == "e":
        return ""
    if kind == "b":
        return "TRUE" if text.strip() == "1" else "FALSE"
    return _plain(text) if kind in ("str", "inlineStr") else text.strip()


def _plain(text: str) -> str:
    """``text`` with Excel's escapes of control characters (``_x000D_``) resolved."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)


def _column(reference: str) -> int:
    """A -> 1, Z -> 26, AA -> 27 (of a reference as ``AA12``)."""
    number = 0
    for letter in _DIGITS.sub("", reference):
        number = 26 * number + ord(letter.upper()) - 64
    return number
