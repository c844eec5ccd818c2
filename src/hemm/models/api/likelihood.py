"""Probabilities of options from the likeliest first tokens that an interface tells.

An interface gives no probability of a text of one's own, but those of the likeliest tokens at the place where
the answer begins. The probability of an option is taken as that of its first token there. This is the
probability of the option itself where it is one token (yes, no, a letter), and an approximation where it is
longer: what the tokens after the first add is not known.

Blanks before a token and upper or lower case make no difference, so the spellings of one word are added up. A
token that is only the beginning of an option counts where none is the whole option, and from two bytes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hemm.core import Request
from hemm.models.retry import CallFailed

_BLANKS = " \t\r\n\u2581\u0120\u010a"
"""Blanks, and how raw tokens of SentencePiece and of byte-level BPE write them."""


def scored_options(request: Request) -> tuple[str, ...]:
    """The options to score; empty where an answer is to be written."""
    return request.options if request.generation.scoring == "likelihood" else ()


def option_logprobs(options: Sequence[str], top: Sequence[tuple[str, float]]) -> tuple[float, ...]:
    """The natural-log probability of each option's first token, in the order of ``options``.

    ``top`` are tokens with their log-probabilities. Never a guess: raises CallFailed where the interface
    told no tokens, where two options begin with the same one, and where an option's is not among those told.
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
