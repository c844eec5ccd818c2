"""Tasks: data sets with their prompt, answer format and metrics; probes that hemm draws itself."""

from hemm.tasks.registry import MORE, REPORTED, SUITES, TASKS
from hemm.tasks.selection import resolve, select

__all__ = ["MORE", "REPORTED", "SUITES", "TASKS", "resolve", "select"]
