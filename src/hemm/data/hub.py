"""``Hub`` by its import path of hemm 0.1.0; now in ``hemm.data``."""

from hemm.data.sources.hub import Hub

__all__ = ["Hub"]
