"""Where the pages of hemm 0.1.0 told tasks of one's own to import ``Hub`` from; now ``hemm.data``."""

from hemm.data.sources.hub import Hub

__all__ = ["Hub"]
