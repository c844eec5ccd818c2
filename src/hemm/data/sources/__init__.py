"""The kinds of sources, and how each gets its files; tasks of one's own import them from ``hemm.data``."""

from hemm.data.sources.kinds import (  # their import path of hemm 0.1.0
    ByHand,
    File,
    Generated,
    Http,
    Hub,
    Kaggle,
    Limits,
    Local,
    Retry,
)

__all__ = ["ByHand", "File", "Generated", "Http", "Hub", "Kaggle", "Limits", "Local", "Retry"]
