"""Where the pages of hemm 0.1.0 had ``Picture``; now ``hemm.parsing``."""

from hemm.parsing.picture_format import Picture

__all__ = ["Picture"]
