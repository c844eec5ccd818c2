"""Winoground's text, image and group score, for four questions that count together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from hemm.core import Group, Judged, Sample
from hemm.metrics.groups.consistency import Consistency
from hemm.metrics.text.answers import Accuracy

_RIGHT = Accuracy()

_CHOOSE = frozenset({("text", 0, None), ("text", 1, None), ("image", None, 0), ("image", None, 1)})
_MATCH = frozenset({("match", i, j) for i in (0, 1) for j in (0, 1)})


@dataclass(frozen=True)
class Winoground(Consistency):
    """Winoground's scores (Thrush et al. 2022), 0 or 1 for a row of two pictures and two captions: ``text``
    (for each picture its own caption is preferred), ``image`` (for each caption its own picture), and the
    main value, the group score (both).

    A unit is one row. Its samples say in their metadata what they ask (``asked``), with the numbers 0 or 1 of
    their picture (``image``) and caption (``caption``), and are of one of two forms:

    - ``text`` (which caption fits picture ``image``?) and ``image`` (which picture fits caption
      ``caption``?), two of each: a score is 1 where both its answers are right;
    - ``match`` (does caption ``caption`` fit picture ``image``?), all four pairs: a score is 1 where the
      right pair's fit is *strictly* greater each time. The fit is log p(yes) - log p(no) where all four
      answers have log-probabilities of their two options (the affirmative first), else yes or no, so that
      equal answers fail.

    A unit that is not such a whole row has no value. Chance is that of guessing the four answers, 1/16;
    random numbers as fits would score 1/6.
    """

    name: ClassVar[str] = "winoground"
    own_rule: ClassVar[bool] = True
    title: ClassVar[str] = "share of rows whose two pictures and two captions are all told apart"

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("", "text", "image")

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [_scored(group) for group in groups]

    def chance(self, group: Sequence[Sample]) -> float | None:
        """The chance to guess all four answers, which the group score needs in both forms of the task."""
        return super().chance(group) if _whole(group) else None


def _question(sample: Sample) -> tuple[object, object, object]:
    facts = sample.metadata
    return facts.get("asked"), facts.get("image"), facts.get("caption")


def _whole(group: Sequence[Sample]) -> bool:
    return len(group) == 4 and frozenset(map(_question, group)) in (_CHOOSE, _MATCH)


def _scored(group: Group) -> dict[str, float | None]:
    if not _whole([j.sample for j in group]):
        return {"": None, "text": None, "image": None}
    answers = {_question(j.sample): j for j in group}
    if ("match", 0, 0) in answers:
        text, image = _by_fit({(i, j): answers["match", i, j] for i in (0, 1) for j in (0, 1)})
    else:
        right = {key: bool(_RIGHT.value(j.value, j.sample)) for key, j in answers.items()}
        text = right["text", 0, None] and right["text", 1, None]
        image = right["image", None, 0] and right["image", None, 1]
    return {"": float(text and image), "text": float(text), "image": float(image)}


def _by_fit(answers: Mapping[tuple[int, int], Judged]) -> tuple[bool, bool]:
    """(text, image) of four answers by (picture, caption)."""
    if all(len(judged.response.options) == 2 for judged in answers.values()):
        fit = {
            pair: judged.response.options[0] - judged.response.options[1] for pair, judged in answers.items()
        }
    else:
        fit = {pair: float(_says_yes(pair, judged)) for pair, judged in answers.items()}
    text = fit[0, 0] > fit[0, 1] and fit[1, 1] > fit[1, 0]
    image = fit[0, 0] > fit[1, 0] and fit[1, 1] > fit[0, 1]
    return text, image


def _says_yes(pair: tuple[int, int], judged: Judged) -> bool:
    right = bool(_RIGHT.value(judged.value, judged.sample))
    return right == (pair[0] == pair[1])
