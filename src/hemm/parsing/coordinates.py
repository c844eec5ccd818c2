"""How models write places in a picture: the dialects of coordinates, and a place in any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hemm.core import HemmError, Sample, UnknownName

Size = tuple[float, float]
"""Width and height of a picture in pixels."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How coordinates are written.

    full   what the picture's whole width, or height, is; 0: its pixels
    y_first  the vertical coordinate comes before the horizontal one
    """

    name: str
    full: float
    y_first: bool = False

    def fractions(self, said: Sequence[float], size: Size | None) -> tuple[float, ...] | None:
        """The numbers as fractions of width and height, x before y; None where they are pixels of a picture
        whose size is not known."""
        scale = self._scale(size)
        if scale is None:
            return None
        ordered = self._turned(said)
        return tuple(value / scale[place % 2] for place, value in enumerate(ordered))

    def written(self, fractions: Sequence[float], size: Size | None) -> list[float]:
        """Fractions as numbers of this dialect. Raises HemmError where the picture's size is needed and not
        known."""
        scale = self._scale(size)
        if scale is None:
            raise HemmError("coordinates in pixels need the picture's width and height in the metadata")
        return self._turned([value * scale[place % 2] for place, value in enumerate(fractions)])

    def _scale(self, size: Size | None) -> Size | None:
        return (self.full, self.full) if self.full else size

    def _turned(self, values: Sequence[float]) -> list[float]:
        if not self.y_first:
            return list(values)
        return [values[place ^ 1] for place in range(len(values))]

    @property
    def told(self) -> str:
        """What a model is told about the numbers (a Jinja2 template over the sample's fields)."""
        if not self.full:
            return "in pixels of the picture, which is {{ width }} wide and {{ height }} high"
        kind = "as fractions" if self.full == 1 else "as numbers"
        return f"{kind} from 0 to {self.full:g}, where {self.full:g} is the picture's whole width or height"


_FULL = {"0-1": 1.0, "0-100": 100.0, "0-999": 999.0, "0-1000": 1000.0, "pixels": 0.0}
DIALECTS: Mapping[str, Dialect] = {
    **{name: Dialect(name, full) for name, full in _FULL.items()},
    **{f"yx-{name}": Dialect(f"yx-{name}", full, True) for name, full in _FULL.items()},
}
"""By name: fractions, hundredths (Molmo), 0-999 (GLM-V), 0-1000 (Qwen2-VL, Qwen3-VL, InternVL), pixels
(Qwen2.5-VL); with ``yx-`` the vertical coordinate first (Gemini: ``yx-0-1000``)."""


def dialect(name: str) -> Dialect:
    """The dialect of a name. Raises UnknownName."""
    if name not in DIALECTS:
        raise UnknownName("dialect of coordinates", name, DIALECTS)
    return DIALECTS[name]


def size_of(sample: Sample) -> Size | None:
    """Width and height that the sample's metadata tell; None where they do not."""
    size = sample.metadata.get("width"), sample.metadata.get("height")
    if all(isinstance(n, int | float) and not isinstance(n, bool) and n > 0 for n in size):
        return float(size[0] or 0), float(size[1] or 0)
    return None


@dataclass(frozen=True, slots=True)
class Region:
    """A place in a picture: a box (left, top, right, bottom) or a point (x, y).

    at       as fractions of the picture's width and height; may lie outside of it, as the model said
    said     the numbers that the model wrote, in its order
    dialect  the name of the dialect that they were read in

    >>> print(Region((0.1, 0.25, 0.5, 0.75), (100, 250, 500, 750), "0-1000"))
    0.1 0.25 0.5 0.75
    """

    at: tuple[float, ...]
    said: tuple[float, ...]
    dialect: str

    def __str__(self) -> str:
        return as_reference(self.at)

    @property
    def centre(self) -> tuple[float, float]:
        """The point, or the middle of the box."""
        if len(self.at) == 2:
            return self.at[0], self.at[1]
        return (self.at[0] + self.at[2]) / 2, (self.at[1] + self.at[3]) / 2


def as_reference(fractions: Sequence[float]) -> str:
    """A box or point as a reference: fractions of width and height with blanks between them.

    >>> as_reference([0.1, 0.25, 0.5, 0.75])
    '0.1 0.25 0.5 0.75'
    """
    return " ".join(f"{value:.10g}" for value in fractions)


def of_reference(text: str) -> tuple[float, ...] | None:
    """The fractions of a reference that ``as_reference`` wrote; None for another text."""
    try:
        numbers = tuple(map(float, text.split()))
    except ValueError:
        return None
    return numbers if len(numbers) in (2, 4) else None
