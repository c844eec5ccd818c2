"""What a checkpoint's ``generation_config.json`` adds to greedy decoding, and how an answer's tokens end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hemm.core import canonical, digest

PLAIN: Mapping[str, Any] = {
    "bad_words_ids": None,
    "begin_suppress_tokens": None,
    "dola_layers": None,
    "encoder_no_repeat_ngram_size": 0,
    "encoder_repetition_penalty": 1.0,
    "exponential_decay_length_penalty": None,
    "forced_bos_token_id": None,
    "guidance_scale": 1.0,
    "min_length": 0,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "penalty_alpha": None,
    "repetition_penalty": 1.0,
    "sequence_bias": None,
    "stop_strings": None,
    "suppress_tokens": None,
    "watermarking_config": None,
}
"""Settings of transformers that change greedy answers -> their value in plain greedy decoding."""

_NEVER: Mapping[str, Any] = {
    "epsilon_cutoff": None,
    "eta_cutoff": None,
    # it would end an answer that is cut off at its limit with an end mark, as if it were whole
    "forced_eos_token_id": None,
    "max_time": None,
    "min_p": None,
    "num_beam_groups": None,
    "num_beams": 1,
    "num_return_sequences": 1,
    "top_h": None,
    "typical_p": None,
}
"""Settings that are never a checkpoint's: how an answer is sampled is the protocol's."""

_LONG = 60


def brought(settings: Mapping[str, Any], draws: bool = False) -> dict[str, Any]:
    """The settings of a ``generation_config.json`` that differ from plain greedy decoding, by name.

    ``draws``: of a family whose scale of guidance is for its pictures.

    >>> brought({"do_sample": True, "top_k": 1, "temperature": 1e-06, "repetition_penalty": 1.05})
    {'repetition_penalty': 1.05}
    >>> brought({"no_repeat_ngram_size": 0, "suppress_tokens": []})
    {}
    """
    found = {name: settings.get(name) for name in PLAIN if not (draws and name == "guidance_scale")}
    return {name: value for name, value in found.items() if value not in (None, [], {}, PLAIN[name])}


def told(settings: Mapping[str, Any]) -> str:
    """Settings as one text, for the protocol and for people; a long one by its beginning and digest.

    >>> told({"repetition_penalty": 1.05, "suppress_tokens": [258882, 258883]})
    'repetition_penalty=1.05 suppress_tokens=[258882,258883]'
    """
    return " ".join(f"{name}={_short(value)}" for name, value in sorted(settings.items()))


def _short(value: Any) -> str:
    text = canonical(value).decode()
    return text if len(text) <= _LONG else f"{text[:_LONG]}...{digest(value, 12)}"


def added(name: str, settings: Mapping[str, Any], off: bool) -> str:
    """The line for the user on what the checkpoint ``name`` adds to greedy decoding."""
    line = f"generation_config.json of {name} adds {told(settings)}"
    if off:
        return f"{line}; left out, as you set"
    return f"{line}; it is part of the protocol (--set generation_config=off leaves it out)"


def make_plain(config: Any, draws: bool) -> None:
    """Set ``config``, a loaded GenerationConfig, to plain greedy decoding.

    What a checkpoint brings is given to each ``generate`` by name instead. So nothing changes an answer that
    the protocol does not have, and families that generate by a part of the model follow it too.
    """
    for name, value in {**PLAIN, **_NEVER}.items():
        if hasattr(config, name) and not (draws and name == "guidance_scale"):
            setattr(config, name, value)


def greedy(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of ``generate`` that turn off the checkpoint's sampling defaults, and their warnings."""
    if settings.get("do_sample"):
        return settings
    return {"temperature": None, "top_p": None, "top_k": None, "num_beams": 1, **settings}


def new_tokens(output: Any, prompt: Any, encodes: bool) -> list[list[int]]:
    """The generated tokens of each row, without the prompt, which some models return as well."""
    n = prompt.shape[1]
    if not encodes and output.shape[1] >= n and bool((output[:, :n] == prompt).all()):
        output = output[:, n:]
    elif encodes:  # the decoder's start token
        output = output[:, 1:]
    rows: list[list[int]] = output.tolist()
    return rows


def until_end(tokens: list[int], marks: frozenset[int], pad: int | None) -> tuple[list[int], bool]:
    """The tokens before the first end mark without padding, and whether there was an end mark."""
    for i, token in enumerate(tokens):
        if token in marks:
            return tokens[:i], True
    end = len(tokens)
    while end and tokens[end - 1] == pad:
        end -= 1
    return tokens[:end], False
