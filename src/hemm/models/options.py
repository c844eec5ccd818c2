"""Options of a model outside its requests: batch size, device, server, retries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hemm.core import HemmError, UnknownName, canonical
from hemm.core.user_files import shown

PROTOCOL_SETTINGS = frozenset(
    {
        "chat_template_kwargs",
        "dtype",
        "image_quality",
        "image_size",
        "output",
        "quantization",
        "reasoning_effort",
        "thinking",
    }
)
"""Settings that change the answers, and so belong to the protocol (``Generation.extra``)."""

_LATER: Mapping[str, tuple[Any, str]] = {
    "send_temperature": (True, ""),
    "tokens_field": ("", ""),
    "logprobs": (False, "generate"),
    "top_logprobs": (20, "likelihood"),
}
"""Further ones that belong to it where they differ from their default, so that cells of the default keep
their protocol: setting -> its default, and the scoring that it is for (empty: any)."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What a user may set about a model.

    batch_size   requests in one batch of a local model; 0: the adapter's own choice
    concurrency  requests in flight to a served model; 0: as many as it answers well; None: the caller's
    scoring      ``likelihood`` where options are to be scored: known of a server only once it answers
    thinking_budget  tokens that the run grants for thinking; 0: none
    revision     hub branch, tag or commit; for a served model a label of the user's own
    serve        the server that is to be started for a checkpoint (``hf/...``); empty: none
    replicas     processes of a local model; 0: as many as there are GPUs, or as a cluster has room for
    ray          the Ray cluster whose nodes have the replicas, ``auto`` or HOST:PORT; empty: this machine
    replica_cpus, replica_gpus  of one replica on Ray; None: those of the model's card, else a default
    mixed_hardware  replicas on accelerators of different kinds may answer together
    cards        files of the user's model cards
    settings     ``--set KEY=VALUE`` pairs; each adapter says which it knows

    >>> options = ModelOptions(batch_size=16, settings=(("dtype", "bfloat16"), ("device", "cpu")))
    >>> options.protocol  # the device changes no answer, the precision may
    (('dtype', 'bfloat16'),)
    """

    batch_size: int = 0
    concurrency: int | None = None
    scoring: str = "generate"
    thinking_budget: int = 0
    revision: str = ""
    serve: str = ""
    replicas: int = 1
    ray: str = ""
    replica_cpus: float | None = None
    replica_gpus: float | None = None
    mixed_hardware: bool = False
    cards: tuple[Path, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def protocol(self) -> tuple[tuple[str, str], ...]:
        """The settings that belong to the protocol, sorted: what ``Generation.extra`` should hold. An empty
        one is not set."""
        told = dict(self.settings)
        found = {key: text for key, text in told.items() if key in PROTOCOL_SETTINGS and text}
        if kwargs := template_kwargs(found):
            found["chat_template_kwargs"] = canonical(kwargs).decode()
        for key in told.keys() & _LATER.keys():
            default, scoring = _LATER[key]
            value = typed(key, told[key], default)
            if value != default and scoring in ("", self.scoring):
                found[key] = str(value).lower()
        return tuple(sorted(found.items()))

    def read(self, kind: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """``defaults`` with the user's settings over them, each read as the type of its default.

        ``kind`` names the adapter in errors. Raises UnknownName for a key that is not in ``defaults`` and
        HemmError for a value of another type.

        >>> ModelOptions(settings=(("beams", "4"),)).read("my", {"beams": 1, "device": "auto"})
        {'beams': 4, 'device': 'auto'}
        """
        values = dict(defaults)
        for key, text in self.settings:
            if key not in defaults:
                raise UnknownName(f"setting of {kind} models", key, defaults)
            values[key] = typed(key, text, defaults[key])
        return values


def template_kwargs(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of ``--set chat_template_kwargs=``. Raises HemmError for what is no JSON object.

    >>> template_kwargs({"chat_template_kwargs": '{"enable_thinking": false}'})
    {'enable_thinking': False}
    """
    text = settings.get("chat_template_kwargs")
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise HemmError(
            f"--set chat_template_kwargs={shown(text)}: give a JSON object, such as "
            '{"enable_thinking": false}'
        )
    return found


def switched(settings: Mapping[str, Any]) -> bool | None:
    """Whether ``--set thinking=`` turns thinking on or off; None where it is not set. Raises HemmError."""
    value = settings["thinking"]
    if value not in ("", "on", "off"):
        raise HemmError(f"--set thinking={shown(value)}: give on or off")
    return {"on": True, "off": False}.get(value)


def typed(key: str, text: str, default: Any) -> Any:
    """The value of ``--set KEY=TEXT``, of the type of ``default``. Raises HemmError for another one."""
    if isinstance(default, bool):
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in known:
            raise HemmError(f"--set {key}={text}: give true or false")
        return known[text.lower()]
    if isinstance(default, int | float):
        want = "a whole number" if isinstance(default, int) else "a number"
        try:
            value = type(default)(text)
        except ValueError:
            raise HemmError(f"--set {key}={text}: give {want}") from None
        # a default above 0 is a time, a count or a size: none is negative
        if not math.isfinite(value) or (default > 0 and value < 0):
            raise HemmError(f"--set {key}={text}: give {want}{' from 0 up' * (default > 0)}")
        return value
    return text
