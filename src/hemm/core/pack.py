"""What runs, baselines and checks need of a prepared task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hemm.core.sample import Sample

if TYPE_CHECKING:
    import numpy as np


class PackIndex(Protocol):
    """The rows of one split without their pictures, a list for each part of a sample, in pack order.

    >>> class ThreeQuestions(PackIndex):
    ...     ids = units = ("q1", "q2", "q3")
    ...     clusters = ("heron.png", "heron.png", "owl.png")
    ...     strata, hashes, after = ("yes", "no", "no"), ("1f", "a0", "7c"), (None, None, None)
    ...     media = (("9e",), ("9e",), ("b4",))
    >>> [row for row, picture in enumerate(ThreeQuestions().clusters) if picture == "heron.png"]
    [0, 1]
    """

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

    @property
    def choices(self) -> Sequence[tuple[str, ...]]: ...

    @property
    def fields(self) -> Sequence[Mapping[str, str]]:
        """The text values that the prompt may use."""
        ...


class Pack(Protocol):
    """A prepared task: samples by row number. Safe to use from several threads.

    task            the name of its task
    hash            of its content: ids, texts, digests of media
    questions_hash  the same without media
    info            where it comes from: source, revision, licence, rows, media_columns, ...

    One in memory, as the test of a baseline may want (its ``index`` is a ``PackIndex``):

    >>> class InMemory(Pack):
    ...     task, hash, questions_hash, info = "birds", "0" * 32, "0" * 32, {}
    ...     def __init__(self, *samples):
    ...         self.held = samples
    ...     def rows(self, split="test"):
    ...         return len(self.held) if split == "test" else 0
    ...     def samples(self, rows=None, split="test"):
    ...         return (self.held[row] for row in (range(self.rows(split)) if rows is None else rows))
    ...     def sample(self, row, split="test"):
    ...         return self.held[row]
    >>> pack = InMemory(Sample("q1", references=("heron",)), Sample("q2", references=("owl",)))
    >>> pack.rows(), [sample.references for sample in pack.samples([1])]
    (2, [('owl',)])
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
