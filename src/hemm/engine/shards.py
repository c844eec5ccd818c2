"""Shards: a selection cut into parts that several processes ask, on one machine or many.

The selection is made first, and then cut by a hash of what depends on one another: samples of one cluster,
one unit or one chain stay together. So a shard is the same on every machine, a larger ``--limit`` moves
nothing to another one, and no process needs to know of the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import HemmError, keyed_number
from hemm.core.text import counted

if TYPE_CHECKING:
    from hemm.engine.selection import Rows

MOST = 100_000
"""The largest number of shards."""

_FORM = re.compile(r"(?:(?P<number>\d{1,9})|auto)/(?P<count>\d{1,9})|auto")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``count``.

    >>> str(Shard.parse("3/16"))
    '3/16'
    >>> str(Shard.parse("auto/16", {"JOB_COMPLETION_INDEX": "0"}))
    '1/16'
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str] = os.environ) -> Shard:
        """``K/N``; or ``auto`` or ``auto/N``, of which a Slurm array or an indexed Kubernetes job says K.

        Raises HemmError for another form, and where the environment does not say which shard this is.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise HemmError(f"--shard {text}: give the part and their number, as in 3/16, or auto or auto/16")
        count = None if found["count"] is None else int(found["count"])
        if count is not None and not 1 <= count <= MOST:
            raise HemmError(f"--shard {text}: give 1 to {MOST} parts")
        if found["number"] is None:
            return _from_environment(text, count, environment)
        assert count is not None
        if not 1 <= int(found["number"]) <= count:
            raise HemmError(f"--shard {text}: parts are counted from 1 to {count}")
        return cls(int(found["number"]), count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def folder(self, out: Path) -> Path:
        """The results folder of this shard below the one that all are merged into."""
        from hemm.results import layout

        return out / layout.SHARDS / f"{self.number:0{len(str(self.count))}}-of-{self.count}"

    def rows(self, rows: Rows, index: Any) -> Rows:
        """Those of these rows of a pack's index that are this shard's, in their order."""
        import numpy as np

        from hemm.engine.early_stopping import block_names

        names = block_names(index)
        own = {
            name
            for name in {names[row] for row in rows.tolist()}
            if keyed_number("shard", name) % self.count == self.number - 1
        }
        return np.array([row for row in rows.tolist() if names[row] in own], dtype=np.int64)


def _from_environment(text: str, count: int | None, environment: Mapping[str, str]) -> Shard:
    slurm, indexed = environment.get("SLURM_ARRAY_TASK_ID"), environment.get("JOB_COMPLETION_INDEX")
    if (slurm is None) == (indexed is None):
        which = "both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are"
        if slurm is None:
            which = "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is"
        raise HemmError(f"--shard {text}: {which} set: name the part, as in --shard 3/16")
    if indexed is not None:
        if count is None:
            raise HemmError("--shard auto: an indexed job does not say how many parts there are: auto/16")
        return Shard.parse(f"{_number(indexed, 'JOB_COMPLETION_INDEX') + 1}/{count}")
    task, least, most, of = (
        _number(environment.get(f"SLURM_ARRAY_TASK_{name}", ""), f"SLURM_ARRAY_TASK_{name}")
        for name in ("ID", "MIN", "MAX", "COUNT")
    )
    if least > 1 or most - least + 1 != of or (count is not None and count != of):
        wanted = count or most - least + 1
        raise HemmError(
            f"--shard {text}: the array has {counted(of, 'task')}, {least} to {most}, not one for each of "
            f"{wanted} parts from 0 or 1 on: name the part, as in --shard $SLURM_ARRAY_TASK_ID/{wanted}"
        )
    return Shard(task - least + 1, of)


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise HemmError(f"--shard auto: {name} is {text!r}, no whole number")
    return int(text)
