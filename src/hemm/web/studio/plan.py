"""What a study asks: the settings of ``hemm annotate``, logged with what was drawn under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hemm.core import DIMENSIONS, HemmError, UnknownName
from hemm.core.text import storable

LONGEST = 2_000
"""Most characters of a note."""
DRAWS = ("balanced", "adaptive")
QUEUES = ("vote", "label", "gold", "error", "score")
"""What people can be asked; ``vote`` is on pairs of answers."""
TITLES = {
    "vote": "Votes",
    "label": "Labels",
    "gold": "Right answers",
    "error": "Errors",
    "score": "Scores",
}
ERRORS = {
    "none": "nothing is wrong",
    "perception": "does not see what the picture shows, or sees what is not there",
    "reading": "misreads text or numbers in the picture",
    "knowledge": "a fact that it does not know, or has wrong",
    "reasoning": "a wrong step from what it saw and knows",
    "instruction": "another question, form or language than was asked for",
    "incomplete": "stops, or leaves out what matters",
    "refusal": "refuses what it could answer",
    "other": "something else: say it in the note",
}
"""Error types of answers, with what they mean."""
VERDICTS = {
    "right": "the right answer is right",
    "wrong": "it is wrong",
    "ambiguous": "others are as right, or the question does not decide",
}


@dataclass(frozen=True)
class Plan:
    """Settings of a study. The defaults are the paper's vote: pairs of models over all tasks alike, and a
    vote that is for one side or for none.

    queues      what is asked, in order
    votes       what each annotator is asked to do of each queue
    draw        how pairs are chosen
    overlap     share of an annotator's votes that go to pairs which others voted on, ``voters`` at most
    repeats     share that is asked again with sides swapped
    gold_share  share that is of the gold questions, where there are any
    masked      what an answer says of its model is left out
    references  right answers are shown beside votes
    reveal      annotators who are done may see whose answers they voted on
    same        pairs of equal answers are asked too
    scale       ends of scores
    """

    queues: tuple[str, ...] = ("vote",)
    seed: int = 0
    votes: int = 100
    draw: str = "balanced"
    overlap: float = 0.2
    voters: int = 3
    repeats: float = 0.05
    gold_share: float = 0.1
    pause: int = 25
    masked: bool = True
    references: bool = False
    reveal: bool = False
    same: bool = False
    scale: tuple[float, float] = (0.0, 1.0)
    tasks: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def fields_of(queue: str) -> dict[str, tuple[str, ...]]:
    """The fields of a label form and what each may hold; none for numbers and texts."""
    if queue == "label":
        return {name: dimension.categories for name, dimension in DIMENSIONS.items()}
    if queue == "gold":
        return {"verdict": tuple(VERDICTS), "answer": ()}
    return {"type": tuple(ERRORS)} if queue == "error" else {"value": ()}


def checked_labels(
    kind: str, values: Mapping[str, Sequence[str]], scale: tuple[float, float]
) -> list[tuple[str, str]]:
    """(field, value) of what a label form says. Raises HemmError for one that the form does not have."""
    if "skip" in values:
        return [("skip", short(values["skip"][0]))]
    fields = fields_of(kind)
    out: list[tuple[str, str]] = []
    for field, given in values.items():
        if field not in fields:
            raise UnknownName("field", field, fields)
        for value in dict.fromkeys(short(g) for g in given if g.strip()):
            if fields[field] and value not in fields[field]:
                raise UnknownName(field, value, fields[field])
            out.append((field, _score(value, scale) if kind == "score" else value))
    types = [v for f, v in out if f == "type"]
    if "none" in types and len(types) > 1:
        raise HemmError("nothing is wrong, or something is: choose one of them")
    return out


def short(text: str) -> str:
    """A text of a form as it is stored."""
    return storable(text.strip()[:LONGEST])


def _score(text: str, scale: tuple[float, float]) -> str:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = float("nan")
    if not scale[0] <= value <= scale[1]:
        raise HemmError(f"a score is a number from {scale[0]:g} to {scale[1]:g}")
    return f"{value:g}"
