"""Tasks: data sets with their prompt, answer format and metrics; probes that hemm draws itself."""

from hemm.tasks.registry import MORE, SUITES, TASKS
from hemm.tasks.selection import resolve, select

__all__ = ["MORE", "SUITES", "TASKS", "resolve", "select"]
