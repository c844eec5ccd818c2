"""Clusters of several tasks that show the same pictures are one in means over tasks.

Pictures are known by the digests of the originals, which the stored answers have. Within a task the clusters
are the pack's. A control shows other pictures, so that of a task only the cells without one tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hemm.core import HemmError
from hemm.core.text import counted
from hemm.data.arrow import numbers, texts

if TYPE_CHECKING:
    import pyarrow as pa

    from hemm.analysis.study.cell_scores import CellScores
    from hemm.results.read import Cell

_SHOWN = 5
Key = tuple[str, str]
"""A task and a cluster of it."""

ONE = "the clusters that show them are one in means over tasks"


@dataclass(frozen=True)
class SharedPictures:
    """Which clusters of several tasks are one.

    first  (task, cluster) -> the one that stands for all that it is one with; only for those that several
           tasks share
    pairs  which tasks share how many pictures, in words
    other_notes  of which tasks that is not known
    """

    first: Mapping[Key, Key] = field(default_factory=dict)
    pairs: tuple[str, ...] = ()
    other_notes: tuple[str, ...] = ()
    _numbers: dict[Key, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes on means over tasks."""
        return *self.other_notes, *(f"{pair}: {ONE}" for pair in self.pairs)

    def of(self, item: CellScores) -> CellScores:
        """The cell with the numbers of its headline's clusters over all tasks, if some task shares any."""
        if not self.first:
            return item
        clusters, codes = np.unique(item.headline.clusters.astype(str), return_inverse=True)
        keys = [self.first.get((item.task, c), (item.task, c)) for c in clusters.tolist()]
        numbers = [self._numbers.setdefault(key, len(self._numbers)) for key in keys]
        joint = np.array(numbers, dtype=np.int64)[codes.reshape(-1)]
        return replace(item, headline=replace(item.headline, joint=joint))


def shared_pictures(cells: Sequence[CellScores]) -> SharedPictures:
    """The clusters that tasks of ``cells`` share."""
    pairs: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for task in dict.fromkeys(item.task for item in cells):
        plain = [item.cell for item in cells if item.task == task and not item.control]
        if not (found := _shown(plain)) and any(_shots(c) for c in plain):
            notes.append(
                f"{task}: its pictures cannot be told from those of its shots, so they are taken as "
                "pictures of no other task"
            )
        pairs += [(shown, task, cluster) for cluster, shown in found]
    tasks_of: dict[str, dict[str, None]] = {}
    for shown, task, _ in pairs:
        tasks_of.setdefault(shown, {})[task] = None
    shared = {shown: list(tasks) for shown, tasks in tasks_of.items() if len(tasks) > 1}
    for shown in _placeholders(cells, {task for tasks in shared.values() for task in tasks}):
        shared.pop(shown, None)
    if not shared:
        return SharedPictures({}, (), tuple(notes))
    common = Counter(pair for tasks in shared.values() for pair in combinations(tasks, 2))
    told = [f"{a} and {b} share {counted(n, 'picture')}" for (a, b), n in common.most_common(_SHOWN)]
    if len(common) > _SHOWN:
        told.append(f"{counted(len(common) - _SHOWN, 'more pair')} of tasks share pictures too")
    joined = _joined((shown, (t, c)) for shown, t, c in pairs if shown in shared)
    return SharedPictures(joined, tuple(told), tuple(notes))


def _joined(links: Iterable[tuple[str, Key]]) -> dict[Key, Key]:
    """(task, cluster) -> the least of those that a chain of pictures links with it."""
    above: dict[Key, Key] = {}
    of_picture: dict[str, Key] = {}

    def first(key: Key) -> Key:
        while above.setdefault(key, key) != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    for shown, key in links:
        one, other = first(of_picture.setdefault(shown, key)), first(key)
        above[max(one, other)] = min(one, other)
    return {key: first(key) for key in above}


def _shown(cells: Sequence[Cell]) -> set[tuple[str, str]]:
    """(cluster, digest of an original picture) of the cells of one task; those without shots, if there are
    any."""
    without = [cell for cell in cells if not _shots(cell)]
    found: set[tuple[str, str]] = set()
    for cell in without or cells:
        try:
            found |= set(_pictures(cell))
        except HemmError:  # a damaged part, which whoever reads the answers reports
            continue
    return found


def _shots(cell: Cell) -> int:
    return int(cell.run["protocol_spec"].get("shots") or 0)


def _pictures(cell: Cell) -> Iterator[tuple[str, str]]:
    import pyarrow.compute as pc

    table = cell.answers(["cluster", "media", "originals"]).combine_chunks()
    if not table.num_rows:
        return
    media, originals = (table.column(name).combine_chunks() for name in ("media", "originals"))
    if originals.null_count < len(originals):
        media = pc.if_else(pc.is_null(originals), media, originals)
    if _shots(cell) and (media := _own(media, _shots(cell))) is None:
        return
    clusters = table.column("cluster").combine_chunks().take(pc.list_parent_indices(media))
    one, other = clusters.dictionary_encode(), pc.list_flatten(media).dictionary_encode()
    names, shown = [*texts(one.dictionary), None], [*texts(other.dictionary), None]
    first, second = numbers(one.indices, len(names) - 1), numbers(other.indices, len(shown) - 1)
    pairs = np.unique(first.astype(np.int64) * len(shown) + second)
    for name, picture in zip(*np.divmod(pairs, len(shown)), strict=True):
        yield names[name], shown[picture]


def _own(media: pa.Array, shots: int) -> pa.Array | None:
    """The pictures of each sample without those of its shots, which come first and have as many each; None
    where their numbers differ."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = set(pc.unique(pc.list_value_length(media)).to_pylist()) - {None}
    if len(lengths) != 1 or (length := lengths.pop()) % (1 + shots):
        return None
    own = length // (1 + shots)
    return pa.array([m[len(m) - own :] if m is not None else None for m in media.to_pylist()], media.type)


def _placeholders(cells: Sequence[CellScores], tasks: set[str]) -> set[str]:
    """Pictures that stand for ones that are gone, in those of ``tasks`` that are known here."""
    from hemm.engine.stored_task import task_of

    found: set[str] = set()
    for task in tasks:
        cell = next(item.cell for item in cells if item.task == task)
        try:
            found |= set(task_of(cell).card.placeholders)
        except HemmError:  # a task that is not known here
            continue
    return found
