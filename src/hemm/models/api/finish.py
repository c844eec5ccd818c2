"""Why an answer ended, from the word by which a server says it."""

from __future__ import annotations

from typing import Any

from hemm.core import redact
from hemm.core.exchange import CUT, FILTERED
from hemm.models.retry import CallFailed

WHOLE = frozenset(
    {
        "",
        "stop",
        "eos",
        "eos_token",
        "end_turn",
        "stop_sequence",
        "end_of_text",
        "complete",
        "completed",
        "finish_reason_unspecified",
        "no_image",  # Gemini drew nothing
        # the model called a tool where none was offered: what it said besides is its answer
        "tool_calls",
        "tool_use",
        "function_call",
        "unexpected_tool_call",
    }
)
"""Words, in lower case, of an answer that the model itself ended."""

BROKEN = frozenset(
    {
        "abort",  # vLLM, SGLang
        "aborted",
        "cancelled",
        "canceled",
        "error",  # vLLM, Mistral, OpenRouter
        "failed",
        "network_error",  # Zhipu
        "insufficient_system_resource",  # DeepSeek
        "load",  # Ollama: it loaded the model and said nothing
        "unload",
        # Gemini
        "malformed_response",
        "malformed_function_call",
    }
)
"""Words, in lower case, of an answer that the server broke off or that is broken: it is asked again."""

_CANONICAL = {"max_tokens": "length", "model_context_window_exceeded": "length"}
"""Words that are stored as ``length``; every other one as the server writes it."""


def finish_of(word: Any) -> str:
    """``stop``, or the word for an answer that was cut off or filtered (``length``, ``model_length``).

    Raises CallFailed, to be asked again where the server broke the answer off, and for good where it is not
    known what the word says of the answer: it may be half of one.

    >>> [finish_of(word) for word in (None, "end_turn", "max_tokens", "model_length", "SAFETY")]
    ['stop', 'stop', 'length', 'model_length', 'SAFETY']
    """
    given = "" if word is None else str(word).strip().rpartition(".")[2]  # LiteLLM: FinishReason.SAFETY
    low = given.lower()
    if low in WHOLE:
        return "stop"
    if low in CUT or low in FILTERED:
        return _CANONICAL.get(low, given)
    shown = redact(repr(given))[:80]
    if low in BROKEN:
        raise CallFailed("broken_off", f"the server broke the answer off: it ended with {shown}")
    raise CallFailed(
        "finish", f"the answer ended with {shown}, which is no known word", retry=False, permanent=True
    )
