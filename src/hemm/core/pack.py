"""What runs, baselines and checks need of a prepared task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hemm.core.sample import Sample

if TYPE_CHECKING:
    import numpy as np


class PackIndex(Protocol):
    """The rows of one split without their pictures, a list for each part of a sample, in pack order."""

    @property
    def ids(self) -> Sequence[str]: ...
    @property
    def units(self) -> Sequence[str]: ...
    @property
    def clusters(self) -> Sequence[str]: ...
    @property
    def strata(self) -> Sequence[str]: ...
    @property
    def hashes(self) -> Sequence[str]: ...
    @property
    def after(self) -> Sequence[str | None]: ...

    @property
    def media(self) -> Sequence[tuple[str, ...]]:
        """Digests of the media that the prompt shows."""
        ...


class Pack(Protocol):
    """A prepared task: samples by row number. Safe to use from several threads.

    task            the name of its task
    hash            of its content: ids, texts, digests of media
    questions_hash  the same without media
    info            where it comes from: source, revision, licence, rows, media_columns, ...
    """

    @property
    def task(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def questions_hash(self) -> str: ...
    @property
    def info(self) -> Mapping[str, Any]: ...

    def rows(self, split: str = "test") -> int:
        """Rows of a split (``test`` or ``shots``); 0 where there is none."""
        ...

    def index(self, split: str = "test") -> PackIndex:
        """What is known of all rows without reading a picture."""
        ...

    def samples(
        self, rows: np.ndarray[Any, Any] | Sequence[int] | None = None, split: str = "test"
    ) -> Iterator[Sample]:
        """Samples in pack order: all of them, or those with these row numbers (ascending)."""
        ...

    def sample(self, row: int, split: str = "test") -> Sample:
        """One sample."""
        ...
