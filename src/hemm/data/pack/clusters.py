"""Clusters that show the same pictures are one: questions about one picture depend on one another."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

from hemm.core import Notice, Sample
from hemm.data.pack.reader import Pack
from hemm.data.pack.schema import REFERENCE_MEDIA

JOINED = "clusters_joined"
"""The key of the index entry of a pack whose clusters were joined."""
_SHOWN = 5


class Clusters:
    """Joins clusters of samples whose media have equal bytes.

    placeholders  SHA-256 (hex) of pictures that stand for ones that are gone, which make no two questions
                  alike
    """

    def __init__(self, placeholders: Collection[str] = ()) -> None:
        self.placeholders = frozenset(placeholders)
        self._of: dict[Hashable, str] = {}
        self._above: dict[str, str] = {}

    def add(self, sample: Sample, media: Sequence[int]) -> None:
        """Take a sample in, and the numbers of its distinct media (not those of references)."""
        if media and not any(m.problem or m.digest in self.placeholders for m in sample.media):
            self.join(media[0] if len(media) == 1 else tuple(sorted(media)), sample.cluster)

    def join(self, shown: Hashable, cluster: str) -> None:
        """Make the clusters of samples that show the same one."""
        known = self._of.setdefault(shown, cluster)
        one, other = self._first(known), self._first(cluster)
        if one != other:  # the least name stands for all, so that the order of rows does not matter
            self._above[max(one, other)] = min(one, other)

    def _first(self, cluster: str) -> str:
        while cluster in self._above:
            cluster = self._above[cluster]
        return cluster

    def names(self) -> Mapping[str, str]:
        """Cluster -> the one that it belongs to, of those that belong to another."""
        return {cluster: self._first(cluster) for cluster in self._above}

    def notice(self) -> Notice | None:
        """Which clusters became one; None where none did."""
        groups: dict[str, list[str]] = {}
        for cluster, first in sorted(self.names().items()):
            groups.setdefault(first, [first]).append(cluster)
        if not groups:
            return None
        shown = ["{} and {}".format(", ".join(g[:-1]), g[-1]) for g in list(groups.values())[:_SHOWN]]
        more = f"; and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
        return Notice(f"clusters that show the same pictures are one: {'; '.join(shown)}{more}")


def are_joined(pack: Pack, placeholders: Collection[str] = ()) -> bool:
    """Whether the clusters of a pack, which may be of a version that did not join them, need no joining."""
    from hemm.data.files import read_table

    if REFERENCE_MEDIA in pack.info["media_columns"]:
        return True  # what is shown and what is a right answer are not told apart
    found = Clusters(placeholders)
    for name in pack.info["files"]:
        table = read_table(pack.path / "data" / name, columns=["cluster", "media_digests", "media_problems"])
        for cluster, shown, problems in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if shown and not any(problems) and found.placeholders.isdisjoint(shown):
                found.join(shown[0] if len(shown) == 1 else tuple(sorted(shown)), cluster)
    return not found.names()
