"""Stored cells as the arrays that profiles and comparisons are made of."""

from hemm.analysis.study.study import Study, Subject

__all__ = ["Study", "Subject"]
