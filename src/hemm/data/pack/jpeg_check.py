"""Tells of most JPEG files that they decode, from their marks alone: in a thirtieth of the time of decoding.

The decoder that Pillow has (libjpeg) makes a picture of whatever stands between the marks, damaged or not. It
refuses a file for its headers and tables, or because it ends too early. So these are looked at; what is
seldom, or not surely well, is left to the decoder.
"""

from __future__ import annotations

import re
from functools import lru_cache

_APP, _COM, _DQT, _DHT, _DRI, _SOS, _EOI = range(0xE0, 0xF0), 0xFE, 0xDB, 0xC4, 0xDD, 0xDA, 0xD9
_FRAMES = (0xC0, 0xC1)
"""Frames with one scan of Huffman codes: baseline, extended. Progressive ones are left to the decoder."""
_MARK = re.compile(rb"\xff[^\x00]")
_LAST_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7]")
"""The mark after a scan. In the scan itself, FF is followed by 00, or by D0 to D7 where it may start anew."""
_SAMPLINGS: dict[int, set[tuple[int, ...]]] = {
    1: {(0x11,), (0x22,)},
    3: {(0x11, 0x11, 0x11), (0x21, 0x11, 0x11), (0x12, 0x11, 0x11), (0x22, 0x11, 0x11)},
}
"""Number of components -> their sampling factors, as nearly all files have them."""
_MOST_PIXELS = 64_000_000


def surely_decodes(data: bytes) -> bool:
    """Whether these bytes are a JPEG whose pixels Pillow decodes without an error, once it opened the file.

    False: it may do so or not.
    """
    if data[:3] != b"\xff\xd8\xff":
        return False
    try:
        return _Walk(data).is_whole()
    except (IndexError, KeyError, ValueError):
        return False


class _Walk:
    """One look at the segments of a file, from the first to the end of its scan."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables: set[int] = set()  # Huffman tables: 0 to 3 for DC, 16 to 19 for AC
        self._quantizers: set[int] = set()
        self._parts: dict[int, int] = {}  # component -> its quantization table
        self._interval = 0

    def is_whole(self) -> bool:
        data, at = self._data, 2
        while True:
            if data[at] != 0xFF:
                return False
            mark, size = data[at + 1], (data[at + 2] << 8) | data[at + 3]
            body, at = data[at + 4 : at + 2 + size], at + 2 + size
            if size < 2 or at >= len(data):
                return False
            if mark == _SOS:
                return self._is_scan(body) and self._ends(at)
            if not (mark in _APP or mark == _COM or self._is_known(mark, body)):
                return False

    def _is_known(self, mark: int, body: bytes) -> bool:
        """Whether a segment that the decoder reads is one that it takes."""
        if mark == _DQT:
            found = _quantizers(body)
            self._quantizers |= found
            return bool(found)
        if mark == _DHT:
            found = _huffman(body)
            self._tables |= found
            return bool(found)
        if mark == _DRI:
            self._interval = int.from_bytes(body, "big")
            return len(body) == 2
        return mark in _FRAMES and self._is_frame(body)

    def _is_frame(self, body: bytes) -> bool:
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        count = body[5]
        parts = [body[6 + 3 * n : 9 + 3 * n] for n in range(count)]
        fits = body[0] == 8 and len(body) == 6 + 3 * count and 0 < width * height <= _MOST_PIXELS
        if self._parts or not fits:
            return False
        self._parts = {part[0]: part[2] for part in parts}
        return len(self._parts) == count and tuple(part[1] for part in parts) in _SAMPLINGS[count]

    def _is_scan(self, body: bytes) -> bool:
        """Whether the scan is of all components, each of which has its tables."""
        count = body[0]
        if not self._parts or len(body) != 4 + 2 * count or body[-3:] != b"\x00\x3f\x00":
            return False
        named = dict(zip(body[1:-3:2], body[2:-3:2], strict=True))
        wanted = {t >> 4 for t in named.values()} | {16 + (t & 15) for t in named.values()}
        whole = list(named) == list(self._parts) and len(named) == count
        return whole and wanted <= self._tables and self._quantizers >= {*self._parts.values()}

    def _ends(self, at: int) -> bool:
        """Whether the scan that begins at ``at`` comes to the end mark."""
        found = (_LAST_MARK if self._interval else _MARK).search(self._data, at)
        return found is not None and found[0][1] == _EOI


@lru_cache(256)
def _quantizers(body: bytes) -> frozenset[int]:
    """The numbers of the 8-bit quantization tables of a segment; none where there are others."""
    numbers = frozenset(body[::65])
    return numbers if len(body) % 65 == 0 and numbers <= {0, 1, 2, 3} else frozenset()


@lru_cache(256)
def _huffman(body: bytes) -> frozenset[int]:
    """The numbers of the Huffman tables of a segment; none where one of them is no table."""
    found: set[int] = set()
    at = 0
    while at < len(body):
        number, counts = body[at], body[at + 1 : at + 17]
        values = body[at + 17 : at + 17 + sum(counts)]
        at += 17 + sum(counts)
        if (number & 0xEF) > 3 or at > len(body) or not _is_code(counts) or not 0 < sum(counts) <= 256:
            return frozenset()
        if number < 16 and max(values) > 15:
            return frozenset()
        found.add(number)
    return frozenset(found)


def _is_code(counts: bytes) -> bool:
    """Whether so many codes of 1 to 16 bits fit into one another, with the code of ones alone left free."""
    code = 0
    for length, count in enumerate(counts, 1):
        code += count
        if code >= 1 << length and count:
            return False
        code <<= 1
    return len(counts) == 16
