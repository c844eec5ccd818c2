"""``Picture`` by its import path of hemm 0.1.0; now in ``hemm.parsing``."""

from hemm.parsing.picture_format import Picture

__all__ = ["Picture"]
