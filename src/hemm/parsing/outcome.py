"""From a response to exactly one outcome, in the documented precedence."""

from __future__ import annotations

import math
from typing import TypeGuard

from hemm.core import AnswerFormat, Judged, Outcome, Reading, Response, Sample
from hemm.parsing.answer_text import without_thinking
from hemm.parsing.picture_format import Pictured
from hemm.parsing.refusal import refuses

VERSION = 2
"""Of the rules here and of the refusal patterns; recorded beside every score."""


def judge(sample: Sample, repeat: int, response: Response, answer_format: AnswerFormat) -> Judged:
    """The answer with its one outcome and, where that is ok, its value.

    error > refused (the API said so, or filtered the content) > ok (``cut`` says it was cut off) > truncated
    > refused (by a documented pattern) > unparsable. An empty text is unparsable, or truncated where cut off.
    A ``Pictured`` format reads the response's pictures, not its text. Raises HemmError where
    their bytes are nowhere.
    """
    if response.failure is not None:
        return Judged(sample, repeat, response, Outcome.ERROR)
    if response.refusal is not None or response.filtered:
        return Judged(sample, repeat, response, Outcome.REFUSED)
    cut = response.cut
    reading = _reading(sample, response, answer_format)
    if reading.value is not None:
        return Judged(sample, repeat, response, Outcome.OK, reading.value, cut, reading.stage, reading.span)
    if cut:
        return Judged(sample, repeat, response, Outcome.TRUNCATED)
    if refuses(without_thinking(response.text).strip()):
        return Judged(sample, repeat, response, Outcome.REFUSED)
    return Judged(sample, repeat, response, Outcome.UNPARSABLE)


_last: tuple[object, bool] = (None, False)
"""The last format, and whether its answers are pictures: asking a protocol takes longer than reading text."""


def _is_pictured(answer_format: AnswerFormat) -> TypeGuard[Pictured]:
    global _last
    known, draws = _last
    if known is not answer_format:
        draws = isinstance(answer_format, Pictured)
        _last = answer_format, draws
    return draws


def _reading(sample: Sample, response: Response, answer_format: AnswerFormat) -> Reading:
    """What the answer says; with likelihood scoring the most likely option, nothing where two are equal."""
    if _is_pictured(answer_format):
        return Reading(answer_format.pictured(response, sample))
    if response.options:
        options = answer_format.options(sample)
        if len(options) != len(response.options) or any(math.isnan(p) for p in response.options):
            return Reading()
        best = max(response.options)
        if response.options.count(best) != 1:
            return Reading()
        return Reading(answer_format.parse(options[response.options.index(best)], sample))
    if not response.text.strip():
        return Reading()
    return answer_format.read(response.text, sample)
