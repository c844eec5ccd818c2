"""Answer formats by their import path of hemm 0.1.0; now in ``hemm.parsing``."""

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
