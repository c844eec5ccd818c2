"""Scoring many answers, a few thousand at a time, by metrics for which an answer counts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.core import AnswerFormat, CorpusMetric, Metric, SetMetric
from hemm.metrics.classes.majority import Majority, typical
from hemm.metrics.own import is_hemms
from hemm.metrics.scoring import HasAnswer, described_scores, outcome_counts, score_answers, worst
from hemm.metrics.totals import Totals
from hemm.results.answer_record import is_media
from hemm.results.stored_media import Lookup

if TYPE_CHECKING:
    import pyarrow as pa

Tables = Callable[[Sequence[str] | None], Iterator["pa.Table"]]
"""Gives these columns (None: all) of the stored answers, table by table, each time that it is called."""


def counts_alone(metric: Metric) -> bool:
    """Whether the scores of one answer, asked once, depend on no other answer, but for the most frequent
    reference of all. Of a user's own metric that is not known."""
    of_set = isinstance(metric, CorpusMetric | SetMetric)
    return is_hemms(metric) and metric.group == "sample" and not (of_set or metric.needs)


def most_frequent(tables: Iterable[pa.Table], answer_format: AnswerFormat) -> Majority:
    """The most frequent reference of all, from the column ``references``."""
    counts: Counter[str | None] = Counter()
    known: dict[tuple[str, ...], str | None] = {}
    for table in tables:
        for references in map(tuple, table["references"].to_pylist()):
            if references not in known:
                if len(known) > _KNOWN:
                    known.clear()
                known[references] = typical([r for r in references if not is_media(r)])
            counts[known[references]] += 1
    return Majority.of_counts({name: n for name, n in counts.items() if name is not None}, answer_format)


_KNOWN = 16_384


def score_in_turn(
    tables: Tables,
    task: HasAnswer,
    metrics: Mapping[str, Metric],
    media: Lookup | None,
    write: Mapping[str, Callable[[pa.Table], None]],
) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    """Score all answers by metrics that ``counts_alone``: the counts of outcomes
    (``scoring.outcome_counts``), and the entries of aggregates.json by metric key.

    ``write`` takes the scores of a metric, table by table.
    """
    majority, outcomes = most_frequent(tables(["references"]), task.answer), Counter[str]()
    totals = {key: Totals(worst(metric)) for key, metric in metrics.items()}
    for table in tables(None):
        outcomes.update(counts := outcome_counts(table, task, media))
        for key, metric in metrics.items():
            scores = score_answers(table, task, metric, media, majority)
            totals[key].add(scores)
            write[key](scores)
    rows = {key: described_scores(metric, totals[key].components()) for key, metric in metrics.items()}
    return {name: outcomes[name] for name in counts}, rows
