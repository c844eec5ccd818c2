"""The bits that a model has about the right answer with picture and text, with one of them, and in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.interactions.option_scores import MOST_OPTIONS, OptionScores
from hemm.stats.decomposed import EstimatedPart, decomposed
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.pointwise import Pointwise, cross_fitted, parts, prior_bits, right_bits

LEAST_CLUSTERS = 500
"""Fewer clusters are too few for the decomposition of decisions."""

QUANTITIES = {
    "with both": "picture and text",
    "text": "the text alone",
    "picture": "the picture alone",
    "neither": "neither",
    "redundant": "redundant: text and picture each say it",
    "unique to text": "unique to the text",
    "unique to picture": "unique to the picture",
    "synergy": "synergy (below 0: interference)",
}
_CONDITION = {"with both": "vl", "text": "l", "picture": "v", "neither": "prior"}
TARGETS = {"gold": "the right answer", "decision": "the decision with both"}
SOURCES = {
    "redundancy": "redundant",
    "first": "unique to text",
    "second": "unique to picture",
    "synergy": "synergy",
    "total": "both together",
}
"""Part of ``stats.decomposed`` -> what it is here: the first source is the decision with the text alone."""


@dataclass(frozen=True)
class Reading:
    """Means over samples in bits: quantity (of ``QUANTITIES``) -> estimate.

    interference  share of samples whose synergy is below 0
    samples       quantity -> bits of each sample
    """

    means: Mapping[str, Estimate]
    interference: Estimate
    samples: Mapping[str, NDArray[np.float64]]

    def to_json(self) -> dict[str, Any]:
        means = {name: estimate.to_json() for name, estimate in self.means.items()}
        return {"means": means, "interference": self.interference.to_json()}


@dataclass(frozen=True)
class Decisions:
    """The decomposition of decisions, for each target of ``TARGETS``.

    categories  ``texts`` where all samples have one set of options, else ``places``: the option's number
                among those of its sample in alphabetical order
    options     number of categories
    """

    categories: str
    options: int
    n: int
    clusters: int
    targets: Mapping[str, tuple[EstimatedPart, ...]]

    def to_json(self) -> dict[str, Any]:
        targets = {
            name: {
                SOURCES[p.name]: {"plain": p.plain, "unrelated": p.unrelated, **p.estimate.to_json()}
                for p in found
            }
            for name, found in self.targets.items()
        }
        facts = {k: getattr(self, k) for k in ("categories", "options", "n", "clusters")}
        return {**facts, "targets": targets}


@dataclass(frozen=True)
class Information:
    """What the stored probabilities of one model on one task tell.

    scored        ``letters`` or ``texts``: what of the options was scored
    stored        with the probabilities as they are; ``calibrated``: at the temperatures that fit best
    equal         what the same formulas make of a model that finds all options equally likely: what shows
                  where nothing is known, since how often an answer is right is counted from few samples
    temperatures  condition -> mean temperature over the folds; above 1: the model is too sure
    decisions     the decomposition; None, and ``refused`` says why
    left_out      reason -> samples
    ids           of the samples of both readings
    """

    n: int
    clusters: int
    scored: str
    stored: Reading
    calibrated: Reading
    equal: Reading
    temperatures: Mapping[str, float]
    decisions: Decisions | None
    refused: str
    left_out: Mapping[str, int]
    ids: list[str]

    @property
    def synergy(self) -> dict[str, float]:
        """Sample id -> bits of synergy, calibrated."""
        return dict(zip(self.ids, self.calibrated.samples["synergy"].tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        facts = {k: getattr(self, k) for k in ("n", "clusters", "scored", "refused")}
        return {
            **facts,
            "stored": self.stored.to_json(),
            "calibrated": self.calibrated.to_json(),
            "equal": self.equal.to_json(),
            "temperatures": dict(self.temperatures),
            "decisions": None if self.decisions is None else self.decisions.to_json(),
            "left_out": dict(self.left_out),
        }


def information(scores: OptionScores) -> Information:
    """The readings, and the decomposition of decisions where there are clusters enough for it."""
    groups = np.array(scores.sets, dtype=object)
    prior = prior_bits(groups, scores.sizes, scores.right, scores.clusters)
    inverse = {name: cross_fitted(x, scores.right, scores.clusters) for name, x in scores.scores.items()}
    ones = dict.fromkeys(scores.scores, np.ones(len(scores)))
    nothing = dict.fromkeys(scores.scores, np.zeros(len(scores)))
    stored, calibrated, equal = (
        _reading({n: right_bits(x, scores.right, t[n]) - prior for n, x in scores.scores.items()}, scores)
        for t in (ones, inverse, nothing)
    )
    refused = _why_refused(scores)
    with np.errstate(divide="ignore"):
        temperatures = {name: float(1 / beta.mean()) for name, beta in inverse.items()}
    return Information(
        len(scores),
        len(set(scores.clusters.tolist())),
        scores.scored,
        stored,
        calibrated,
        equal,
        temperatures,
        None if refused else _decisions(scores),
        refused,
        scores.left,
        scores.ids,
    )


def _reading(bits: Mapping[str, NDArray[np.float64]], scores: OptionScores) -> Reading:
    found: Pointwise = parts(bits["vl"], bits["l"], bits["v"])
    samples = {name: bits[c] for name, c in _CONDITION.items() if c in bits} | {
        "redundant": found.redundant,
        "unique to text": found.text,
        "unique to picture": found.picture,
        "synergy": found.synergy,
    }
    means = {name: mean_interval(values, scores.clusters) for name, values in samples.items()}
    below = mean_interval((found.synergy < 0).astype(np.float64), scores.clusters, (0.0, 1.0))
    return Reading(means, below, samples)


def _why_refused(scores: OptionScores) -> str:
    if len(set(scores.clusters.tolist())) < LEAST_CLUSTERS:
        return f"decisions are not taken apart below {LEAST_CLUSTERS} clusters in each condition"
    if int(scores.sizes.max()) > MOST_OPTIONS:
        return f"decisions are not taken apart where there are more than {MOST_OPTIONS} options"
    return ""


def _decisions(scores: OptionScores) -> Decisions:
    size = int(scores.sizes.max())
    text, picture, both = (scores.decisions(name) for name in ("l", "v", "vl"))
    gold = scores.right.argmax(axis=1)
    targets = {
        name: decomposed(np.stack([text, picture, target], axis=1), size, scores.clusters)
        for name, target in (("gold", gold), ("decision", both))
    }
    categories = "texts" if scores.texts else "places"
    return Decisions(categories, size, len(scores), len(set(scores.clusters.tolist())), targets)
