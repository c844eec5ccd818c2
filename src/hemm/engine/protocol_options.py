"""A protocol as a table of options, and which of them differ from the default of its task.

run.json keeps these (``options``), so that a study knows what was asked in another way than usual without the
task at hand, whose defaults may be others by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hemm.core import Generation, Identity, ProtocolSpec, Task
from hemm.engine.options import RunOptions
from hemm.parsing.picture_format import Pictured

TASK_DEFAULTS = ("prompt", "system", "max_new_tokens")
"""Options whose default is the task's own: set to one value, they may differ from it on some tasks alone."""


def by_name(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a protocol (``protocol_spec`` of run.json, or ``asdict`` of one): name -> value.

    ``prompt`` is the template. Left out are the model and the instruction, which the task gives. The seed is
    0 where no request depends on it.

    >>> from dataclasses import replace
    >>> spec = ProtocolSpec(Identity("tiny"), "{{ question }}", "", generation=Generation(top_p=0.9))
    >>> by_name(asdict(spec))["top_p"]
    0.9
    """
    apart = ("model", "instruction", "template", "generation", "seed")
    generation = dict(spec.get("generation") or {})
    generation.pop("seed", None)  # that of the protocol, where sampling depends on it
    extra = generation.pop("extra", None) or ()
    values = {"prompt": spec["template"], "system": "", **{k: v for k, v in spec.items() if k not in apart}}
    values |= generation
    for name, value in extra:
        values[name if name not in values else f"set {name}"] = value
    values["seed"] = spec.get("seed") or 0
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


USUAL: Mapping[str, Any] = by_name(asdict(ProtocolSpec(Identity(""), "", "")))
"""The defaults of all options but those of ``TASK_DEFAULTS``."""


def changed_options(spec: ProtocolSpec, task: Task, options: RunOptions) -> dict[str, dict[str, Any]]:
    """Name -> ``value`` and ``default`` of each option that differs from the default of ``task``.

    Those of ``TASK_DEFAULTS`` are in it wherever the user set them.
    """
    extra = (("output", "image"),) if isinstance(task.answer, Pictured) else ()
    generation = Generation(max_new_tokens=task.max_new_tokens, extra=extra)
    plain = ProtocolSpec(spec.model, task.prompt, spec.instruction, task.system, generation=generation)
    values, default = by_name(asdict(spec)), by_name(asdict(plain))
    keys = {key for key, _ in options.settings}
    given = {"prompt": options.prompt is not None, "system": bool(options.system)}
    given["max_new_tokens"] = "max_new_tokens" in keys
    return {
        name: {"value": value, "default": default.get(name)}
        for name, value in values.items()
        if value != default.get(name) or given.get(name)
    }
