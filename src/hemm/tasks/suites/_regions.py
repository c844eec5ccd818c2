"""What tasks with places in a picture have in common: the picture's size, and a variant for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hemm.core import BadData, Media, Task
from hemm.data.picture_header import plain_header
from hemm.parsing.coordinates import as_reference

SPOKEN: Mapping[str, str] = {"pixels": "pixels", "yx": "yx-0-1000", "fractions": "0-1"}
"""Variant -> dialect; without one it is 0-1000."""


def size_of(media: Media) -> tuple[int, int]:
    """Width and height, from the header alone where that tells. Raises BadData where it is no picture."""
    header = plain_header(media.data)
    if header is not None:
        return header.size
    with media.opened() as picture:
        return int(picture.width), int(picture.height)


def box_in(corners: Sequence[float], size: tuple[int, int], where: str) -> str:
    """A box of corners in pixels as a reference. Raises BadData for one that has no area."""
    left, top, right, bottom = corners
    if not (left < right and top < bottom):
        raise BadData(f"{where}: the box {list(corners)} has no area")
    width, height = size
    return as_reference((left / width, top / height, right / width, bottom / height))


def in_dialects(task: Task, answer: Callable[[str], Any]) -> Task:
    """``task`` with a variant for each dialect of ``SPOKEN``; ``answer`` makes its format."""
    for name, spoken in SPOKEN.items():
        task = task.with_variant(name, answer=answer(spoken))
    return task
