"""Probabilities of options from the likeliest first tokens of an answer, which is all that APIs give.

The probability of an option is that of its first token. It is exact for an option of one token (yes, no, a
letter), and an approximation for a longer one, since the probabilities of its other tokens are not known.

Tokens that differ only in case or in blanks around them are added up. If no token is the whole option, tokens
of at least two bytes that begin it count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hemm.core import Request
from hemm.models.retry import CallFailed

_BLANKS = " \t\r\n\u2581\u0120\u010a"
"""Blanks, and their forms in raw tokens of SentencePiece and byte-level BPE."""


def scored_options(request: Request) -> tuple[str, ...]:
    """The options to score; empty for a request that generates text."""
    return request.options if request.generation.scoring == "likelihood" else ()


def option_logprobs(options: Sequence[str], top: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    """The natural-log probability of each option's first token, in the order of ``options``.

    ``top`` are tokens with their log-probabilities. Raises CallFailed if it is empty, if two options begin
    with the same token, or if an option's token is not in it.
    """
    if not top:
        raise CallFailed(
            "not_supported",
            "the server gives no top_logprobs, so options cannot be scored: leave --set scoring=likelihood",
            retry=False,
            permanent=True,
        )
    tokens = [(_fold(token), value) for token, value in top]
    folded = [_fold(option) for option in options]
    starts = [_starts(option, tokens) for option in folded]
    values = []
    for i, option in enumerate(options):
        for j in range(i):
            if starts[i] & starts[j] or folded[i] == folded[j]:
                raise _unknown(f"options {options[j]!r} and {option!r} begin with the same token")
        if not starts[i]:
            raise _unknown(f"option {option!r} is not among the {len(top)} likeliest first tokens")
        values.append(_log_sum([value for token, value in tokens if token in starts[i]]))
    return tuple(values)


def _starts(option: str, tokens: Sequence[tuple[str, float]]) -> set[str]:
    if any(token == option for token, _ in tokens):
        return {option}
    return {token for token, _ in tokens if len(token.encode()) > 1 and option.startswith(token)}


def _fold(text: str) -> str:
    return text.strip(_BLANKS).casefold()


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    return min(0.0, top + math.log(math.fsum(math.exp(v - top) for v in values))) if top > -math.inf else top


def _unknown(text: str) -> CallFailed:
    return CallFailed("likelihood", f"{text}: its probability is not known", retry=False, permanent=True)
