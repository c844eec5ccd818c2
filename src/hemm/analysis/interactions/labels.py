"""Whether tasks and samples that are labelled synergy, redundancy or uniqueness behave so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hemm.analysis.interactions.behaviour import EXPECTED, HARM, NAMES, Judgements
from hemm.analysis.interactions.conditions import Conditions
from hemm.stats.intervals import Estimate, mean_interval
from hemm.stats.two_labels import difference_of_kinds

SHOWN = 20
"""Samples in the table of those whose behaviour contradicts their label."""


@dataclass(frozen=True)
class LabelRow:
    """The samples with one label, of one task (empty: of all) and model.

    kinds    kind of behaviour (harm as one) -> share
    synergy  bits, calibrated; None where no probabilities are stored
    """

    model: str
    task: str
    label: str
    n: int
    kinds: Mapping[str, float]
    net: Estimate
    synergy: Estimate | None

    def to_json(self) -> dict[str, Any]:
        synergy = None if self.synergy is None else self.synergy.to_json()
        return asdict(self) | {"net": self.net.to_json(), "synergy": synergy}


@dataclass(frozen=True)
class LabelTest:
    """Samples labelled synergy against those labelled redundancy, over all tasks of one model.

    net      difference of the share of synergy less that of harm; ``p`` of none
    bits     the same of synergy in bits, where probabilities are stored
    tasks    p of the exact rank test (Mann and Whitney) over tasks of one label, and how many have either;
             None with fewer than four
    """

    model: str
    net: Estimate
    p: float | None
    bits: Estimate | None
    p_bits: float | None
    tasks: tuple[int, int]
    p_tasks: float | None

    def to_json(self) -> dict[str, Any]:
        bits = None if self.bits is None else self.bits.to_json()
        return asdict(self) | {"net": self.net.to_json(), "bits": bits}


@dataclass(frozen=True)
class Contradiction:
    """A sample that is right with both, and not in the way that its label says.

    models  name -> what it did
    """

    task: str
    sample: str
    label: str
    models: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Labelled:
    """The judgements of one model and task, with the synergy of each sample in bits where it is known."""

    conditions: Conditions
    found: Judgements
    bits: Mapping[str, float]

    @property
    def net(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """1 for synergy, -1 for harm, else 0."""
        return self.found.among(("synergy",)) - self.found.among(HARM)

    @property
    def synergy(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Bits of each sample; NaN where they are not known."""
        return np.array([self.bits.get(s, np.nan) for s in self.found.column.groups.tolist()])

    @property
    def clusters(self) -> list[tuple[str, str]]:
        return [(self.conditions.task, cluster) for cluster in self.found.column.clusters.tolist()]


def label_rows(items: Sequence[Labelled]) -> list[LabelRow]:
    """A row for each label of each task and model."""
    rows = []
    for item in items:
        labels = item.found.labels
        for label in EXPECTED:
            own = labels == label
            if not own.any():
                continue
            kinds = np.bincount(item.found.kind[own], minlength=len(NAMES)) / own.sum()
            shares = {name: float(kinds[n]) for n, name in enumerate(NAMES) if name not in HARM}
            shares["harm"] = float(sum(kinds[NAMES.index(name)] for name in HARM))
            clusters, bits = item.found.column.clusters[own], item.synergy[own]
            net = mean_interval(item.net[own], clusters, (-1.0, 1.0))
            synergy = None if np.isnan(bits).all() else mean_interval(bits, clusters)
            who, task = item.conditions.who, item.conditions.task
            rows.append(LabelRow(who, task, label, int(own.sum()), shares, net, synergy))
    return rows


def label_tests(items: Sequence[Labelled]) -> list[LabelTest]:
    """Synergy against redundancy for each model that has samples of both labels."""
    tests = []
    for who in dict.fromkeys(item.conditions.who for item in items):
        own = [item for item in items if item.conditions.who == who]
        labels = np.concatenate([item.found.labels for item in own])
        used = np.isin(labels, ("synergy", "redundancy"))
        if len(set(labels[used].tolist())) < 2:
            continue
        names = [str(name) for item in own for name in item.clusters]
        clusters, first = np.array(names, dtype=object)[used], labels[used] == "synergy"
        net, p = difference_of_kinds(np.concatenate([i.net for i in own])[used], first, clusters)
        synergy = np.concatenate([i.synergy for i in own])[used]
        known = not np.isnan(synergy).all()
        bits, p_bits = difference_of_kinds(synergy, first, clusters) if known else (None, None)
        tests.append(LabelTest(who, net, p, bits, p_bits, *_over_tasks(own)))
    return tests


def _over_tasks(items: Sequence[Labelled]) -> tuple[tuple[int, int], float | None]:
    """Tasks all of whose samples have one label: how many of either, and p of equal net synergy."""
    values: dict[str, list[float]] = {"synergy": [], "redundancy": []}
    for item in items:
        labels = set(item.found.labels.tolist())
        if len(labels) == 1 and (label := labels.pop()) in values:
            values[label].append(float(item.net.mean()))
    counts = len(values["synergy"]), len(values["redundancy"])
    if min(counts) < 1 or sum(counts) < 4:
        return counts, None
    from scipy.stats import mannwhitneyu

    return counts, float(mannwhitneyu(values["synergy"], values["redundancy"], method="auto").pvalue)


def contradictions(items: Sequence[Labelled]) -> tuple[list[Contradiction], int]:
    """The samples that most models get right in another way than their label says, and how many there are.

    One that the label calls unique or synergetic is also got right by guessing: a single model's answer says
    little, several say more.
    """
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for item in items:
        column, labels = item.found.column, item.found.labels
        for sample, label, kind in zip(column.groups.tolist(), labels, item.found.kind.tolist(), strict=True):
            name = NAMES[kind]
            if label not in EXPECTED or name in (*HARM, "never right") or name in EXPECTED[label]:
                continue
            _, models = found.setdefault((item.conditions.task, sample), (label, {}))
            models[item.conditions.who] = name
    ordered = sorted(found.items(), key=lambda kv: (-len(kv[1][1]), kv[0]))
    rows = [Contradiction(task, sample, label, models) for (task, sample), (label, models) in ordered[:SHOWN]]
    return rows, len(found)
