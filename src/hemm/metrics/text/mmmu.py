"""MMMU's accuracy: options as options, open answers by what the reply holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hemm.core import Sample
from hemm.metrics.base import plain, texts, written
from hemm.metrics.text.answers import Accuracy

_NUMBER = re.compile(
    r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(?:e[+-]?\d+)?(?![\w]|[.,]\d)", re.IGNORECASE
)
_PLACES = 2
_ANNOUNCING = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "=")


@dataclass(frozen=True)
class MmmuAccuracy(Accuracy):
    """Accuracy for questions with options. An open answer is right where what it says last holds one of the
    references: a number that is the reference, both rounded to two places, or the reference's words, whatever
    their case; a reference of one letter must stand beside a blank. What an answer says last is what follows
    the last of the words that announce an answer (``is``, ``=``, ``therefore``, ...), else all of it.

    The authors' rule (Yue et al. 2024) does this for every line of the reply; here it is applied to what the
    answer format read as the answer.

    >>> MmmuAccuracy().value("The cost is about $1,200.", Sample("1", references=("1200",)))
    1.0
    """

    name = "mmmu_accuracy"
    title = "share that is right; open answers by what they hold"
    version = 1

    def value(self, answer: Any, sample: Sample) -> float:
        if sample.choices:
            return super().value(answer, sample)
        said = _last_said(plain(written(answer)))
        return float(any(_holds(said, plain(reference)) for reference in texts(sample)))


def _last_said(said: str) -> str:
    tails = [said.rpartition(sign)[2].strip(" :,;") for sign in _ANNOUNCING if sign in said]
    return min(filter(None, tails), key=len, default=said)


def _holds(said: str, reference: str) -> bool:
    wanted = _number(reference)
    if wanted is not None:
        return any(_number(found) == wanted for found in _NUMBER.findall(said))
    if len(reference) == 1:
        return f" {reference}" in f" {said}" or f"{reference} " in f"{said} "
    return reference in said


def _number(text: str) -> float | None:
    try:
        return round(float(text.replace(",", "")), _PLACES)
    except ValueError:
        return None
