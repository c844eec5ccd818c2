"""Whether a model does better with the options in the order in which they were published: a sign that it has
seen them.

After Oren et al. 2023 (arXiv 2310.17623), who compare the likelihood of a data set's published order with
that of shuffled ones: whoever has not seen it has no reason to find it likelier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hemm.analysis.compare.robustness import Tried, mean_drops, tried
from hemm.analysis.interactions.option_scores import (
    OptionReader,
    first_answers,
    none_stored,
    why_left,
)
from hemm.analysis.study import Study, Subject
from hemm.core import HemmError
from hemm.engine.stored_task import task_of
from hemm.stats.intervals import Estimate
from hemm.stats.within import within_samples

SHUFFLED = "text/options"
"""The perturbation that asks with the options in another order; its levels are the draws."""


@dataclass(frozen=True)
class OptionOrder:
    """One model on one task, asked with the options as published and in ``orders`` drawn orders.

    score, gap  the score as published, and how much lower it is with drawn orders (mean over these). A model
                that likes a place, where right answers stand there more often than chance, has a gap too
    likelihood  bits by which the right option is likelier as published, with the place in which it stands
                held equal; None where ``why`` says why
    p           of no such difference (Student's t, two-sided)
    """

    subject: Subject
    task: str
    orders: int
    score: float
    gap: Estimate
    likelihood: Estimate | None = None
    p: float | None = None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject.key,
            "task": self.task,
            "orders": self.orders,
            "score": self.score,
            "gap": self.gap.to_json(),
            "likelihood": None if self.likelihood is None else self.likelihood.to_json(),
            "p": self.p,
            "why": self.why,
        }


def option_orders(study: Study, bits: bool = True) -> list[OptionOrder]:
    """A row for each model and task of ``study`` that was asked both as published and under ``text/options``.

    bits  read the probabilities of options too, for which the task is looked up

    >>> import hemm
    >>> asked = hemm.run("baseline/majority", "probe_faces", limit=20, perturb="text/options")
    >>> option_orders(asked.study)[0].orders
    3
    """
    rows = []
    for one in tried(study):
        under = {text: cell for text, cell in one.under.items() if text.partition(":")[0] == SHUFFLED}
        own = replace(one, under=under)
        for mean in mean_drops(own, SHUFFLED):
            likelihood, p, why = None, None, ""
            try:
                if not bits:
                    raise HemmError("probabilities were not read")
                found, p = _likelihood(own)
                likelihood, why = (None, found.note) if found.value is None else (found, "")
            except HemmError as error:
                why = str(error)
            subject = study.subjects[one.clean.subject]
            rows.append(OptionOrder(subject, one.task, len(under), mean.clean, mean.drop, likelihood, p, why))
    return rows


def _likelihood(one: Tried) -> tuple[Estimate, float | None]:
    """Log2 of the right option's probability as published, less with drawn orders. Raises HemmError without
    stored log-probabilities."""
    task = task_of(one.clean.cell)
    published, *drawn = [first_answers(item.cell) for item in (one.clean, *one.under.values())]
    if not any(row["options"] for row in published.values()):
        raise HemmError(none_stored(task.answer, published))
    reader = OptionReader(task.answer)
    found: list[tuple[str, str, bool, str, float]] = []
    for key, row in published.items():
        own = [_bits(reader, rows.get(key)) for rows in (published, *drawn)]
        if own[0] is not None and any(own[1:]):
            found += [(key, row["cluster"], not n, *bits) for n, bits in enumerate(own) if bits is not None]
    if not found:
        raise HemmError(
            "no sample has log-probabilities of its options both as published and in another order"
        )
    samples, clusters, as_published, places, bits = (list(column) for column in zip(*found, strict=True))
    return within_samples(
        np.array(bits), np.array(as_published), np.array(samples), np.array(places), np.array(clusters)
    )


def _bits(reader: OptionReader, row: dict[str, Any] | None) -> tuple[str, float] | None:
    """Place of the right option among how many, and log2 of its probability; None without one right one."""
    if row is None:
        return None
    read = reader.read(row)
    if why_left([row], read) or len(read.right) != 1:
        return None
    place = read.order[read.right[0]]
    scores = np.array(row["options"])
    total = float(np.logaddexp.reduce(scores))
    return f"{place} of {len(scores)}", (float(scores[place]) - total) / math.log(2)
