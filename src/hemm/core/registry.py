"""The one registry: lazy ``module:attribute`` rows, entry points of other packages, nearest names."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from hemm.core.errors import HemmError, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to objects that are imported when first asked for.

    ``kind`` says in errors what is registered. ``rows`` are hemm's own, name -> ``module:attribute``; other
    packages add theirs under the entry point group ``group`` and cannot replace one of ours.

    >>> averages = Registry("average", "my_package.averages", {"mean": "statistics:mean"})
    >>> averages.get("mean")([1, 2, 6])
    3
    >>> averages.get("maen")
    Traceback (most recent call last):
        ...
    hemm.core.errors.UnknownName: unknown average 'maen'; did you mean 'mean'?; known: mean
    """

    def __init__(self, kind: str, group: str, rows: Mapping[str, str]) -> None:
        self.kind, self.group = kind, group
        self._rows = dict(rows)
        self._plugins: dict[str, EntryPoint] | None = None

    def names(self) -> list[str]:
        """All names, ours first, then those of plug-ins."""
        return [*self._rows, *(n for n in self._found() if n not in self._rows)]

    def __contains__(self, name: str) -> bool:
        return name in self._rows or name in self._found()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def get(self, name: str) -> T:
        """The object called ``name``. Raises UnknownName, or HemmError where a plug-in does not import."""
        if name in self._rows:
            module, _, attribute = self._rows[name].partition(":")
            return cast(T, getattr(importlib.import_module(module), attribute))
        plugin = self._found().get(name)
        if plugin is None:
            raise UnknownName(self.kind, name, self.names())
        try:
            return cast(T, plugin.load())
        except Exception as error:
            source = plugin.dist.name if plugin.dist else plugin.value
            raise HemmError(f"{self.kind} {name!r} of package {source} does not load: {error}") from error

    def _found(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = {e.name: e for e in entry_points(group=self.group)}
        return self._plugins
