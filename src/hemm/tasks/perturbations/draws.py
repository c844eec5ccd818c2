"""Draws of perturbations, made of PCG64's uniform numbers alone.

numpy may change how its generators make normal, Poisson or whole numbers of the same stream; the uniform ones
are the stream itself. So the others are made of these here, by inversion, on every platform and version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hemm.core import keyed_number

Floats = NDArray[np.float64]
T = TypeVar("T")


class Draws:
    """A stream of draws that depends on ``key`` alone.

    >>> Draws("perturb", "c/fog", 0, "q17", 0).whole(0, 10, 4).tolist()
    [4, 2, 7, 8]
    """

    def __init__(self, *key: str | int) -> None:
        self._random = np.random.Generator(np.random.PCG64(keyed_number(*key)))

    def uniform(self, low: float, high: float, shape: tuple[int, ...] = ()) -> Floats:
        """Numbers from ``low`` up to, but without, ``high``."""
        return np.asarray(low + (high - low) * self._random.random(shape), dtype=np.float64)

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """One of them."""
        return float(self.uniform(low, high))

    def normal(self, mean: float, deviation: float, shape: tuple[int, ...]) -> Floats:
        """Normal numbers; each uniform one stands for the middle of its 2^-53."""
        from scipy.special import ndtri

        middle = self._random.random(shape) + 2.0**-54
        return np.asarray(mean + deviation * ndtri(np.minimum(middle, 1.0 - 2.0**-53)), dtype=np.float64)

    def poisson(self, means: Floats) -> Floats:
        """A Poisson number for each mean (0 to 200), by its distribution's steps."""
        from scipy.special import gammaincc

        u = self._random.random(means.shape)
        out = np.zeros(means.shape)
        for mean in np.unique(means).tolist():
            most = int(mean + 12.0 * mean**0.5) + 12
            steps = gammaincc(np.arange(1, most + 1), mean)  # P(X <= k), k from 0
            here = means == mean
            out[here] = np.searchsorted(steps, u[here], side="right")
        return out

    def whole(self, low: int, high: int, shape: int | tuple[int, ...] = ()) -> NDArray[np.int64]:
        """Whole numbers from ``low`` to ``high - 1``."""
        drawn: Any = np.floor(self._random.random(shape) * (high - low))
        return np.asarray(drawn, dtype=np.int64) + low

    def one(self, low: int, high: int) -> int:
        """One of them."""
        return int(self.whole(low, high))

    def choice(self, items: Sequence[T]) -> T:
        """One of ``items``."""
        return items[self.one(0, len(items))]

    def order(self, count: int) -> list[int]:
        """The numbers below ``count`` in any order, all orders alike."""
        keys = self._random.random(count)
        return sorted(range(count), key=lambda i: (float(keys[i]), i))
