"""``judge`` by its import path of hemm 0.1.0; now in ``hemm.parsing.outcome``."""

from hemm.parsing.outcome import judge

__all__ = ["judge"]
