"""Columns that the CSV of a profile has under an overlay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.core.terminal import printable

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import Profile

_BESIDE = ("without", "difference", "changed")
_PLACE = ("subject", "task", "dimension", "category")


def extra_columns(profile: Profile) -> tuple[str, ...]:
    """The overlay, and the values without it where they were asked for; none without an overlay."""
    return (*(["overlay"] if profile.overlay else ()), *(_BESIDE if profile.beside else ()))


def with_overlay(profile: Profile, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the CSV with these columns. Values without the overlay stand with categories, and with
    headlines on their own scale."""
    if profile.overlay is None:
        return [dict(row) for row in rows]
    known = {(printable(b.label), b.task, b.dimension, b.category): b for b in profile.beside}
    out = []
    for row in rows:
        over: dict[str, Any] = {"overlay": profile.overlay.words}
        if profile.beside:
            headline = row["kind"] != "control" and not row["component"] and row["ok"] is not None
            subject, task, dimension, category = (row[name] or "" for name in _PLACE)
            b = known.get((subject, task, dimension, category)) if headline else None
            values = (b.without, b.difference, b.changed) if b else (None, None, None)
            over |= dict(zip(_BESIDE, values, strict=True))
        out.append({**row, **over})
    return out
