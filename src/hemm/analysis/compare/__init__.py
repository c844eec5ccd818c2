"""Models against each other, on the same samples."""

from hemm.analysis.compare.build import compare
from hemm.analysis.compare.comparison import Choice, Comparison

__all__ = ["Choice", "Comparison", "compare"]
