"""Where the pages of hemm 0.1.0 told to import answer formats from; now ``hemm.parsing``."""

from hemm.parsing.formats import (
    Caption,
    FreeText,
    ManyOf,
    Number,
    OneOf,
    ShortAnswer,
    YesNo,
    join_labels,
    split_labels,
)

__all__ = [
    "Caption",
    "FreeText",
    "ManyOf",
    "Number",
    "OneOf",
    "ShortAnswer",
    "YesNo",
    "join_labels",
    "split_labels",
]
