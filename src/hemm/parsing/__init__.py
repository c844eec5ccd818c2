"""From a model's text to an answer: answer formats, and what formats of one's own are made from.

>>> from hemm.core import Sample
>>> from hemm.parsing import Number, OneOf
>>> OneOf().parse("The answer is (b).", Sample("1", choices=("cat", "dog")))
'dog'
>>> Number().parse("About 12 birds", Sample("2"))
12.0
"""

from hemm.parsing.answer_text import answered, without_markdown
from hemm.parsing.expressions import Expression
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
from hemm.parsing.numbers import read_number
from hemm.parsing.options import letters
from hemm.parsing.picture_format import Picture, Pictured
from hemm.parsing.refusal import only_refuses
from hemm.parsing.regions import Box, Point
from hemm.parsing.yes_no_words import yes_or_no

__all__ = [
    "Box",
    "Caption",
    "Expression",
    "FreeText",
    "ManyOf",
    "Number",
    "OneOf",
    "Picture",
    "Pictured",
    "Point",
    "ShortAnswer",
    "YesNo",
    "answered",
    "join_labels",
    "letters",
    "only_refuses",
    "read_number",
    "split_labels",
    "without_markdown",
    "yes_or_no",
]
