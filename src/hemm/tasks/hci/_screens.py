"""Screens of RICO (Deka et al. 2017), which the HCI data sets annotate."""

from __future__ import annotations

from hemm.core import BadData


def screen_id(value: object, where: str) -> str:
    """A screen's number as text without blanks; ``12``, ``"12"`` and ``12.0`` are the same screen."""
    text = str(value).strip().removesuffix(".0")
    if not text.isdecimal():
        raise BadData(f"{where}: {str(value)!r} is not a screen's number")
    return text
