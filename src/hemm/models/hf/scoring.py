"""Log-probabilities of continuations, through the model's own ``generate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Prefix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One forced run of the model: request ``request`` continued by ``prefix``.

    ``wanted``: the (step, token) pairs whose log-probabilities are read; step t comes after t tokens.
    """

    request: int
    prefix: Prefix
    wanted: tuple[tuple[int, int], ...]


def rows_for(options: Sequence[Sequence[Prefix]]) -> list[Row]:
    """The fewest runs that give the probability of every token of every option.

    ``options[i]`` are the token sequences of request i. A run along a prefix gives the distribution after
    each of its beginnings. So all options of one token need one run together, and a prefix of another one
    needs none.
    """
    rows = []
    for i, sequences in enumerate(options):
        heads = {tuple(s[:-1]) for s in sequences if s}
        for head in sorted(heads):
            if any(other != head and other[: len(head)] == head for other in heads):
                continue
            covered = (s for s in sequences if head[: len(s) - 1] == tuple(s[:-1]))
            wanted = {(t, token) for s in covered for t, token in enumerate(s)}
            rows.append(Row(i, head, tuple(sorted(wanted))))
    return rows


def forced(prefixes: Sequence[Prefix], filler: int) -> Callable[[Any, Any], Any]:
    """A logits processor that makes row k generate ``prefixes[k]``, then ``filler``.

    It counts its calls instead of reading the sequence, which lacks the prompt if that is embedded.
    """
    step = 0

    def process(_: Any, scores: Any) -> Any:
        nonlocal step
        wanted = [p[step] if step < len(p) else filler for p in prefixes]
        step += 1
        only = scores.new_full(scores.shape, float("-inf"))
        for k, token in enumerate(wanted):
            only[k, token] = 0.0
        return only

    return process


def sums(
    options: Sequence[Sequence[Prefix]],
    rows: Sequence[Row],
    read: Sequence[Mapping[tuple[int, int], float]],
) -> list[tuple[float, ...]]:
    """The summed natural-log probability of every option; 0 for one without tokens.

    ``read[k]``: (step, token) -> log-probability, for the pairs that row k wanted.
    """
    totals = []
    for i, sequences in enumerate(options):
        mine = [k for k, row in enumerate(rows) if row.request == i]
        values = []
        for tokens in sequences:
            head = tuple(tokens[:-1])
            total = 0.0
            if tokens:
                k = next(k for k in mine if rows[k].prefix[: len(head)] == head)
                total = float(sum(read[k][t, token] for t, token in enumerate(tokens)))
            values.append(total)
        totals.append(tuple(values))
    return totals
