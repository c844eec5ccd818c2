"""Sentences on the samples that a profile is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hemm.core.text import counted
from hemm.data.pack.selection import BALANCED

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import Profile


def selections(profile: Profile) -> list[str]:
    """Sentences on the samples that were scored, one for each selection."""
    tasks_of: dict[str, dict[str, None]] = {}
    for row in profile.tasks:
        asked = row.selection.get("asked") or [row.selection]
        text = " and ".join(dict.fromkeys(map(_asked, asked)))
        if weights := row.selection.get("weights"):
            text += f", {weights}"
        tasks_of.setdefault(text, {})[row.task] = None
    if len(tasks_of) == 1:
        return [f"Selection: {next(iter(tasks_of))}."]
    return [f"Selection: {text} of {', '.join(tasks)}." for text, tasks in tasks_of.items()]


def _asked(selection: Mapping[str, Any]) -> str:
    """The words for one selection; a limit above what there is took all."""
    limit, seed, units, repeats = (selection.get(k) for k in ("limit", "seed", "units", "repeats"))
    shard = f"shard {selection['shard']} of " if selection.get("shard") else ""
    text = f"{shard}all samples"
    if limit is not None and (shard or units is None or limit <= units):  # a shard counts its own units
        first = f"the first {counted(limit, 'unit')}"
        if "clusters" in selection:
            first = f"the first {counted(selection['clusters'], 'cluster')} ({counted(limit, 'unit')})"
        text = f"{shard}{first} in the order of seed {seed}"
        text += (
            " balanced over strata"
            if selection.get("order") == BALANCED and "weights" not in selection
            else ""
        )
    return text + (f", {repeats} answers each" if (repeats or 1) > 1 else "")
