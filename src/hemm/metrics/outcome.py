"""Where the pages of hemm 0.1.0 had ``judge``; now ``hemm.parsing.outcome``."""

from hemm.parsing.outcome import judge

__all__ = ["judge"]
