"""The command that runs a cell again, with the same protocol, from what its run.json says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hemm.analysis.study.asked_options import asked_options
from hemm.core import redact
from hemm.engine.command_line import command_line, has_objects, python_call
from hemm.engine.options import GENERATION_KEYS, RunOptions

if TYPE_CHECKING:
    from hemm.results.read import Cell


def same_command(cell: Cell, command: Mapping[str, Any]) -> tuple[str, str]:
    """The command line, and the call of ``hemm.run`` where ``command`` (of run.json) was one in Python.

    A command line is shown as it was typed, unless it took options from a file (``--config``), which may
    be another by now: then all of them are written out. A call with objects of a program has no command line.
    """
    typed = [str(word) for word in command.get("command") or ()]
    given = command.get("options")
    if typed and (given is None or not any(word.startswith("--config") for word in typed)):
        return redact(shlex.join(typed)), ""
    given = _worked_out(cell) if given is None else given
    words = "" if has_objects(given) else redact(shlex.join(command_line(given)))
    return words, "" if typed else redact(python_call(given))


def _worked_out(cell: Cell) -> dict[str, Any]:
    """The options of a call in Python that version 0.1.0 did not store, by the names of ``RunOptions``."""
    run = cell.run
    last = (run.get("selections") or [{}])[-1]
    given: dict[str, Any] = {"models": [str(run["model"]["spec"])], "tasks": [cell.task]}
    given |= {name: last[name] for name in ("limit", "seed") if last.get(name)}
    given |= {"repeats": last["repeats"]} if last.get("repeats", 1) > 1 else {}
    if run["protocol_spec"].get("control"):
        given["control"] = run["protocol_spec"]["control"]
    settings = {str(key): str(value) for key, value in run.get("settings") or ()}
    pairs: list[list[str]] = []
    for name, value in asked_options(cell).changed.items():
        if name == "prompt" and run.get("prompt_file"):
            given["prompt_name"] = str(run["prompt_file"])
        elif name in RunOptions.table():
            given[name] = value
        elif name in GENERATION_KEYS:
            pairs += [[name, str(each)] for each in (value if isinstance(value, list) else [value])]
        elif name not in settings:
            settings[name] = str(value)
    if pairs or settings:
        given["settings"] = [*pairs, *([key, value] for key, value in settings.items())]
    return given | _revision(cell)


def _revision(cell: Cell) -> dict[str, Any]:
    """``--revision``, where it tells which model it was: a served one's label, a commit of the hub."""
    spec, revision = str(cell.run["model"]["spec"]), cell.revision
    served = spec.startswith(("openai/", "anthropic/", "google/", "azure/", "openrouter/", "http:", "https:"))
    family, _, rest = spec.partition("/")
    hub = family in ("hf", "text") and not rest.startswith((".", "/", "~")) and "@" not in spec
    return {"revision": revision} if revision and (served or hub) else {}
