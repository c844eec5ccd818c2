"""How the signs of the factorial probes are drawn: with integers alone, on 28 x 28 pixels each."""

from __future__ import annotations

import numpy as np

from hemm.tasks.probes.draw import Canvas, Colour, Mask, ellipse, shape

SIDE = 28
BLACK, WHITE, RED, BLUE = (20, 20, 20), (255, 255, 255), (205, 25, 35), (30, 80, 190)
YELLOW, GREY, GREEN, BROWN = (250, 205, 20), (120, 120, 120), (30, 130, 50), (110, 70, 40)


def outline(width: int, height: int, thick: int) -> Mask:
    """The edge of an ellipse, ``thick`` pixels inwards."""
    mask = ellipse(width, height).copy()
    mask[thick : height - thick, thick : width - thick] &= ~ellipse(width - 2 * thick, height - 2 * thick)
    return mask


def flag(canvas: Canvas, number: int) -> None:
    """Flags: France, Germany, Japan, Sweden, Switzerland, Ukraine."""
    canvas.box(1, 4, 26, 20, GREY)
    x, y, width, height = 2, 5, 24, 18
    stripes: list[Colour] = [(0, 40, 160), WHITE, RED] if number == 0 else [BLACK, RED, YELLOW]
    for i, colour in enumerate(stripes if number < 2 else []):
        if number == 0:
            canvas.box(x + 8 * i, y, 8, height, colour)
        else:
            canvas.box(x, y + 6 * i, width, 6, colour)
    if number == 2:
        canvas.box(x, y, width, height, WHITE)
        canvas.shape("disc", 8, 8, 12, RED)
    elif number == 3:
        canvas.box(x, y, width, height, BLUE)
        canvas.box(x + 7, y, 4, height, YELLOW)
        canvas.box(x, y + 7, width, 4, YELLOW)
    elif number == 4:
        canvas.box(x, y, width, height, RED)
        canvas.box(12, 7, 4, 14, WHITE)
        canvas.box(7, 12, 14, 4, WHITE)
    elif number == 5:
        canvas.box(x, y, width, 9, BLUE)
        canvas.box(x, y + 9, width, 9, YELLOW)


def chess(canvas: Canvas, number: int) -> None:
    """Chess pieces: king, queen, rook, bishop, knight, pawn."""
    canvas.box(5, 24, 18, 3, BLACK)
    if number == 0:
        canvas.box(13, 0, 2, 10, BLACK)
        canvas.box(9, 3, 10, 2, BLACK)
        canvas.oval(5, 8, 18, 10, BLACK)
        canvas.box(8, 15, 12, 9, BLACK)
    elif number == 1:
        for x, y in ((1, 5), (9, 2), (17, 5)):
            canvas.shape("triangle", x, y, 10, BLACK)
        canvas.box(4, 13, 20, 4, BLACK)
        canvas.box(7, 17, 14, 7, BLACK)
    elif number == 2:
        for x in (5, 12, 19):
            canvas.box(x, 4, 4, 5, BLACK)
        canvas.box(5, 8, 18, 4, BLACK)
        canvas.box(8, 12, 12, 12, BLACK)
    elif number == 3:
        canvas.shape("disc", 12, 0, 4, BLACK)
        canvas.oval(8, 3, 12, 16, BLACK)
        canvas.line(14, 10, 19, 5, WHITE, 2)
        canvas.box(11, 17, 6, 7, BLACK)
    elif number == 4:
        canvas.box(10, 6, 11, 18, BLACK)
        canvas.oval(3, 7, 14, 9, BLACK)
        canvas.shape("triangle", 14, 0, 8, BLACK)
        canvas.box(11, 8, 2, 2, WHITE)
    else:
        canvas.shape("disc", 9, 8, 10, BLACK)
        canvas.box(11, 16, 6, 8, BLACK)


def face(canvas: Canvas, number: int) -> None:
    """Faces: happy, sad, surprised, angry, calm, tired."""
    canvas.shape("disc", 1, 1, 26, YELLOW)
    canvas.stamp(outline(26, 26, 1), 1, 1, BLACK)
    for x in (7, 17):
        if number == 5:
            canvas.box(x - 1, 11, 6, 2, BLACK)
        else:
            canvas.shape("disc", x, 9, 4, BLACK)
    bow = outline(14, 12, 2)
    if number == 0:
        canvas.stamp(bow[6:], 7, 17, BLACK)
    elif number == 1:
        canvas.stamp(bow[:6], 7, 18, BLACK)
    elif number == 2:
        canvas.oval(10, 16, 8, 8, BLACK)
    else:
        canvas.box(8, 19, 12, 2, BLACK)
    if number == 3:
        canvas.line(5, 5, 12, 9, BLACK, 2)
        canvas.line(22, 5, 15, 9, BLACK, 2)


def note(canvas: Canvas, number: int) -> None:
    """Note values: whole, half, quarter, eighth, sixteenth, thirty-second."""
    canvas.oval(5, 18, 12, 8, BLACK)
    if number < 2:
        canvas.oval(8, 20, 6, 4, WHITE)
    if number > 0:
        canvas.box(15, 2, 2, 20, BLACK)
    for i in range(max(0, number - 2)):
        canvas.line(16, 3 + 5 * i, 23, 8 + 5 * i, BLACK, 3)


def atom(canvas: Canvas, number: int) -> None:
    """Atoms with one to six electrons, two of them on the inner shell."""
    canvas.stamp(outline(26, 26, 1), 1, 1, GREY)
    canvas.stamp(outline(14, 14, 1), 7, 7, GREY)
    canvas.shape("disc", 11, 11, 6, RED)
    for x, y in ((7, 14), (21, 14), (23, 5), (5, 23), (5, 5), (23, 23))[: number + 1]:
        canvas.shape("disc", x - 3, y - 3, 6, BLUE)


def _letters(canvas: Canvas, text: str, colour: Colour) -> None:
    canvas.text(text, (SIDE - 12 * len(text) + 2) // 2, 7, colour)


def symbol(canvas: Canvas, number: int) -> None:
    """Chemical symbols: Na, K, Fe, Au, Ag, Pb."""
    canvas.frame(0, 0, SIDE, SIDE, (200, 220, 235), 2)
    _letters(canvas, ("Na", "K", "Fe", "Au", "Ag", "Pb")[number], BLACK)


def roman(canvas: Canvas, number: int) -> None:
    """Roman numerals: IV, V, VI, IX, X, XI."""
    canvas.box(2, 3, 24, 2, BLACK)
    canvas.box(2, 23, 24, 2, BLACK)
    _letters(canvas, ("IV", "V", "VI", "IX", "X", "XI")[number], BLACK)


def clock(canvas: Canvas, number: int) -> None:
    """Dials at two, four, six, eight, ten and twelve o'clock."""
    canvas.stamp(outline(28, 28, 2), 0, 0, BLACK)
    x, y = ((21, 10), (21, 18), (14, 21), (7, 18), (7, 10), (14, 8))[number]
    canvas.box(13, 3, 2, 12, RED)
    canvas.line(14, 14, x, y, BLACK, 5)


def road(canvas: Canvas, number: int) -> None:
    """Road signs: stop, give way, no entry, parking, priority road, ahead only."""
    if number == 0:
        v, u = np.mgrid[0:26, 0:26].astype(np.int64) * 2 - 25
        canvas.stamp(np.asarray(abs(u) + abs(v) <= 36), 1, 1, RED)
    elif number == 1:
        canvas.stamp(shape("triangle", 28)[::-1], 0, 0, RED)
        canvas.stamp(shape("triangle", 14)[::-1], 7, 4, WHITE)
    elif number == 2:
        canvas.shape("disc", 1, 1, 26, RED)
        canvas.box(6, 11, 16, 6, WHITE)
    elif number == 3:
        canvas.box(1, 1, 26, 26, BLUE)
        canvas.text("P", 7, 4, WHITE, 3)
    elif number == 4:
        canvas.shape("diamond", 0, 0, 28, BLACK)
        canvas.shape("diamond", 2, 2, 24, WHITE)
        canvas.shape("diamond", 5, 5, 18, YELLOW)
    else:
        canvas.shape("disc", 1, 1, 26, BLUE)
        canvas.box(12, 10, 4, 12, WHITE)
        canvas.shape("triangle", 8, 4, 12, WHITE)


def place(canvas: Canvas, number: int) -> None:
    """Symbols on maps: church, campsite, railway, airport, forest, bridge."""
    if number == 0:
        canvas.box(7, 14, 14, 13, BLACK)
        canvas.box(13, 1, 2, 14, BLACK)
        canvas.box(9, 5, 10, 2, BLACK)
    elif number == 1:
        canvas.shape("triangle", 1, 1, 26, BLACK)
        canvas.shape("triangle", 9, 15, 10, WHITE)
    elif number == 2:
        canvas.box(0, 13, SIDE, 2, BLACK)
        for x in range(2, SIDE, 6):
            canvas.box(x, 8, 2, 12, BLACK)
    elif number == 3:
        canvas.box(12, 1, 4, 26, BLUE)
        canvas.box(1, 10, 26, 4, BLUE)
        canvas.box(7, 23, 14, 3, BLUE)
    elif number == 4:
        canvas.box(12, 20, 4, 8, BROWN)
        canvas.shape("triangle", 4, 0, 20, GREEN)
    else:
        for sign in (-1, 1):
            canvas.box(14 + 4 * sign - 1, 8, 2, 12, BLACK)
            canvas.line(14 + 4 * sign, 8, 14 + 8 * sign, 4, BLACK, 2)
            canvas.line(14 + 4 * sign, 19, 14 + 8 * sign, 23, BLACK, 2)
