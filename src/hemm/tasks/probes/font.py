"""A bitmap font of our own: 5 x 7 pixels, so that text in pictures is the same on every platform.

A glyph is seven rows from top to bottom, one base-32 digit a row; bit 4 of a row is its leftmost pixel.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

WIDTH, HEIGHT = 5, 7

GLYPHS: dict[str, str] = {
    " ": "0000000",
    "A": "EHHVHHH", "B": "UHHUHHU", "C": "EHGGGHE", "D": "UHHHHHU", "E": "VGGUGGV", "F": "VGGUGGG",
    "G": "EHGNHHF", "H": "HHHVHHH", "I": "E44444E", "J": "72222IC", "K": "HIKOKIH", "L": "GGGGGGV",
    "M": "HRLLHHH", "N": "HHPLJHH", "O": "EHHHHHE", "P": "UHHUGGG", "Q": "EHHHLID", "R": "UHHUKIH",
    "S": "FGGE11U", "T": "V444444", "U": "HHHHHHE", "V": "HHHHHA4", "W": "HHHLLRH", "X": "HHA4AHH",
    "Y": "HHA4444", "Z": "V1248GV",
    "a": "00E1FHF", "b": "GGMPHHU", "c": "00EGGHE", "d": "11DJHHF", "e": "00EHVGE", "f": "698S888",
    "g": "0FHHF1E", "h": "GGMPHHH", "i": "40C444E", "j": "20622IC", "k": "GGIKOKI",
    "l": "C44444E", "m": "00QLLHH", "n": "00MPHHH", "o": "00EHHHE", "p": "00UHUGG", "q": "00DJF11",
    "r": "00MPGGG", "s": "00EGE1U", "t": "88S8896", "u": "00HHHJD", "v": "00HHHA4", "w": "00HHLLA",
    "x": "00HA4AH", "y": "00HHF1E", "z": "00V248V",
    "0": "EHJLPHE", "1": "4C4444E", "2": "EH1248V", "3": "V2421HE", "4": "26AIV22", "5": "VGU11HE",
    "6": "68GUHHE", "7": "V124888", "8": "EHHEHHE", "9": "EHHF12C",
    ".": "00000CC", ",": "0000C48", ":": "0CC0CC0", ";": "0CC0C48", "!": "4444404", "?": "EH12404",
    "-": "000V000", "+": "044V440", "=": "00V0V00", "*": "04LEL40", "/": "01248G0",
    "(": "2488842", ")": "8422248", "[": "E88888E", "]": "E22222E", "<": "248G842", ">": "8421248",
    "%": "OP248J3", "#": "AAVAVAA", "'": "C480000", '"': "AAA0000", "_": "000000V",
    "&": "CIK8LID", "@": "EH1DLLE", "$": "4FKE5U4", "^": "4AH0000", "|": "4444444",
    "~": "008L200", "`": "8420000", "\\": "0G84210", "{": "2448442", "}": "8442448",
}  # fmt: skip


@lru_cache(maxsize=1024)
def glyph(char: str, scale: int) -> np.ndarray:
    """The pixels of ``char`` (bool, 7 * scale rows, 5 * scale columns); unknown characters become ``?``."""
    rows = GLYPHS.get(char, GLYPHS["?"])
    bits = [[(int(r, 32) >> (WIDTH - 1 - x)) & 1 for x in range(WIDTH)] for r in rows]
    return np.repeat(np.repeat(np.array(bits, dtype=bool), scale, axis=0), scale, axis=1)
