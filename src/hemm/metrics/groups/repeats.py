"""Scores over the repeats of a sample: mean@k, pass@k, maj@k."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hemm.core import Metric, Outcome
from hemm.metrics.answer_groups import AnswerGroup


def pass_at(n: int, c: int, k: int) -> float:
    """The chance that at least one of k answers is right, drawn without replacement from n with c right ones.

    It is 1 - C(n-c, k) / C(n, k), the unbiased estimator (Chen et al. 2021), for 1 <= k <= n.

    >>> pass_at(4, 1, 2)
    0.5
    """
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def budgets(n: int) -> list[int]:
    """The k of the reported pass@k: 1, 2, 4, ... and n."""
    powers = [2**i for i in range(n.bit_length()) if 2**i < n]
    return [*powers, n]


def repeats(
    members: Sequence[AnswerGroup],
    values: Sequence[float | None],
    ceilings: Sequence[float | None],
    metric: Metric,
) -> Iterator[tuple[AnswerGroup, Mapping[str, float | None]]]:
    """Each group over all its repeats, with its values by component; nothing if there are no repeats.

    With k repeats: ``mean@k`` is their mean; ``pass@j`` the estimated chance that one of j answers is right
    (reaches the group's ceiling); ``maj@k`` the score of the most frequent answer (the mean over the answers
    of a tie). Failed repeats count as the worst score and as wrong, and have no vote. A group with an error
    has nulls.
    """
    by_group: dict[str, list[int]] = {}
    for index, member in enumerate(members):
        by_group.setdefault(member.key, []).append(index)
    k = max((len(indices) for indices in by_group.values()), default=0)
    if k < 2:
        return
    lowest = metric.range[0] if metric.higher_is_better else metric.range[1]
    for key, indices in by_group.items():
        group = [members[i] for i in indices]
        read = [lowest if (v := values[i]) is None else v for i in indices]
        right = sum(_reaches(values[i], ceilings[i], metric.higher_is_better) for i in indices)
        answered = [m for m in group if m.outcome is not Outcome.ERROR]
        of_group = _values(group, read, right) if len(answered) == k else {}
        names = [f"mean@{k}", *(f"pass@{j}" for j in budgets(k)), f"maj@{k}"]
        values_of = {name: of_group.get(name) for name in names}
        combined = AnswerGroup(key, None, group[0].first, [j for m in group for j in m.judged])
        combined.hashes = [m.hash for m in group]
        combined.outcome = Outcome.ERROR if all(v is None for v in values_of.values()) else Outcome.OK
        combined.cut = any(m.cut for m in group)
        yield combined, values_of


def _values(group: Sequence[AnswerGroup], read: Sequence[float], right: int) -> dict[str, float | None]:
    k = len(group)
    values: dict[str, float | None] = {f"pass@{j}": pass_at(k, right, j) for j in budgets(k)}
    values[f"mean@{k}"], values[f"maj@{k}"] = math.fsum(read) / k, _majority(group, read)
    return {name: value if value is None or math.isfinite(value) else None for name, value in values.items()}


def _reaches(value: float | None, ceiling: float | None, higher: bool) -> bool:
    if value is None or ceiling is None:
        return False
    return value >= ceiling - 1e-9 if higher else value <= ceiling + 1e-9


def _majority(members: Sequence[AnswerGroup], read: Sequence[float]) -> float | None:
    """The score of the most frequent parsed answer; the mean over the answers of a tie."""
    votes: Counter[str] = Counter()
    score: dict[str, float] = {}
    for member, value in zip(members, read, strict=True):
        if member.outcome is Outcome.OK:
            ballot = repr([_ballot(j.value) for j in member.judged])
            votes[ballot] += 1
            score[ballot] = value
    if not votes:
        return read[0]  # all failed, so all have the worst score
    most = max(votes.values())
    tied = [score[ballot] for ballot, count in votes.items() if count == most]
    return math.fsum(tied) / len(tied)


def _ballot(value: object) -> object:
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    return sorted(value) if isinstance(value, frozenset) else value
