"""Stored cells as the arrays that profiles and comparisons are made of."""

from hemm.analysis.study.labels import Subject
from hemm.analysis.study.study import Study

__all__ = ["Study", "Subject"]
