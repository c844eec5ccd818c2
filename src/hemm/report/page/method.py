"""How the numbers came about: models, tasks, settings, machines, and the commands that make them again."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.core import redact
from hemm.report.text import Excerpt, count, excerpt, plural

if TYPE_CHECKING:
    from hemm.results.read import Cell

COMMANDS = 40
"""Commands that a report lists."""


@dataclass(frozen=True)
class Model:
    """A model as it was asked: ``settings`` are those that differ from the defaults, in words."""

    name: str
    spec: str
    revision: str
    settings: str


@dataclass(frozen=True)
class Asked:
    """A task as it was asked (one protocol of it, but for the model)."""

    task: str
    title: str
    licence: str
    source: str
    pack: str
    metrics: str
    parser: str
    selection: str
    template: Excerpt
    instruction: Excerpt
    system: Excerpt
    protocols: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One command: as typed, when (UTC), and what it did."""

    command: str
    started: str
    seconds: float
    asked: int


@dataclass(frozen=True)
class Method:
    """Everything of the method section."""

    models: tuple[Model, ...]
    tasks: tuple[Asked, ...]
    runs: tuple[Run, ...]
    more_runs: int
    versions: tuple[tuple[str, str], ...]
    hardware: tuple[str, ...]
    tokens: str
    cost: str


def method(cells: Sequence[Cell]) -> Method:
    """The method of these cells, from their run.json."""
    runs = _runs(cells)
    return Method(
        models=tuple(dict.fromkeys(_model(c) for c in cells)),
        tasks=tuple(_tasks(cells)),
        runs=tuple(runs[:COMMANDS]),
        more_runs=max(0, len(runs) - COMMANDS),
        versions=_versions(cells),
        hardware=tuple(dict.fromkeys(_machine(c["hardware"]) for cell in cells for c in _commands(cell))),
        tokens=_tokens(cells),
        cost=_cost(cells),
    )


def _commands(cell: Cell) -> list[dict[str, Any]]:
    return list(cell.run.get("commands") or [])


def _model(cell: Cell) -> Model:
    model, spec = cell.run["model"], cell.run["protocol_spec"]
    return Model(
        redact(str(model["name"])),
        redact(str(model["spec"])),
        str(model["revision"]),
        settings(cell.run, spec),
    )


def settings(run: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """Settings of a protocol that are not as usual: ``temperature 0.7, 4 shots``."""
    generation = dict(spec.get("generation") or {})
    said = [f"picture: {spec['control']}"] if spec.get("control") else []
    said += [f"perturbed: {spec['perturb']}"] if spec.get("perturb") else []
    said += [plural(spec["shots"], "shot")] if spec.get("shots") else []
    usual = {"temperature": 0.0, "top_p": 1.0, "max_pixels": 0, "thinking_budget": 0, "scoring": "generate"}
    for key, value in usual.items():
        if generation.get(key, value) != value:
            said.append(f"{key.replace('_', ' ')} {generation[key]}")
    if generation.get("stop"):
        said.append(f"stop {generation['stop']}")
    said += [f"{k} {v}" for k, v in generation.get("extra") or ()]
    said += [
        f"{k} {v}" for k, v in run.get("settings") or () if [k, v] not in (generation.get("extra") or [])
    ]
    if spec.get("seed") is not None:
        said.append(f"seed {spec['seed']}")
    return redact(", ".join(said))


def selection(run: Mapping[str, Any]) -> str:
    """``all 144 units``, ``100 units by seed 0``: the last selection of a cell."""
    made = run.get("selections") or []
    if not made:
        return "not recorded: the run was stopped before"
    last = made[-1]
    said = plural(last["units"], "unit")
    if last["samples"] != last["units"]:
        said += f" ({plural(last['samples'], 'sample')})"
    said = f"all {said}" if last["limit"] is None else f"{said} drawn by seed {last['seed']}"
    return said + (f", {last['repeats']} answers each" if last.get("repeats", 1) > 1 else "")


def _tasks(cells: Sequence[Cell]) -> list[Asked]:
    """One entry for each way a task was asked, with the protocols of the models that were asked so."""
    found: dict[tuple[str, ...], tuple[Cell, list[str]]] = {}
    for cell in cells:
        spec = cell.run["protocol_spec"]
        asked = (spec["template"], spec["instruction"], spec["system"])
        key = (cell.task, *asked, str(cell.run["pack"]["hash"]), selection(cell.run))
        found.setdefault(key, (cell, []))[1].append(cell.protocol[:12])
    return [_asked(cell, protocols) for cell, protocols in found.values()]


def _asked(cell: Cell, protocols: list[str]) -> Asked:
    run = cell.run
    spec, pack, card = run["protocol_spec"], run["pack"], run.get("card") or {}
    parser = run.get("answer_format") or {}
    revision = f" at {str(pack['revision'])[:16]}" if pack.get("revision") else ""
    return Asked(
        task=cell.task,
        title=str(card.get("title") or cell.task),
        licence=str(pack.get("licence") or card.get("licence") or "not stated"),
        source=redact(f"{pack.get('source') or 'not recorded'}{revision}"),
        pack=str(pack["hash"]),
        metrics=", ".join(run.get("metrics") or []),
        parser=f"{parser.get('name', '?')} version {parser.get('version', '?')}",
        selection=selection(run),
        template=excerpt(redact(spec["template"]), 6_000),
        instruction=excerpt(redact(spec["instruction"]), 2_000),
        system=excerpt(redact(spec["system"]), 6_000),
        protocols=tuple(dict.fromkeys(protocols)),
    )


def _runs(cells: Sequence[Cell]) -> list[Run]:
    """Each command once, however many cells it filled; in the order in which they were given."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for cell in cells:
        for command in _commands(cell):
            words = command.get("command") or _typed(cell, command)
            found.setdefault(tuple(map(str, words)), []).append(command)
    runs = []
    for words, parts in found.items():
        first = min(p["started"] for p in parts)
        runs.append(
            (
                first,
                Run(
                    redact(shlex.join(words)),
                    stamp(first),
                    sum(p["seconds"] for p in parts),
                    sum(p["asked"] for p in parts),
                ),
            )
        )
    return [run for _, run in sorted(runs, key=lambda r: r[0])]


def _typed(cell: Cell, command: Mapping[str, Any]) -> list[str]:
    """The command line that asks the same as a call of ``hemm.run`` in Python did."""
    run, spec = cell.run, cell.run["protocol_spec"]
    generation = dict(spec.get("generation") or {})
    words = ["hemm", "run", str(run["model"]["spec"]), "--task", cell.task]
    last = (run.get("selections") or [{}])[-1]
    if last.get("limit") is not None:
        words += ["--limit", str(last["limit"])]
    if last.get("seed"):
        words += ["--seed", str(last["seed"])]
    if last.get("repeats", 1) > 1:
        words += ["--repeats", str(last["repeats"])]
    for option in ("control", "perturb", "shots"):
        if spec.get(option):
            words += [f"--{option}", str(spec[option])]
    if run.get("prompt_file"):
        words += ["--prompt", str(run["prompt_file"])]
    if generation.get("max_pixels"):
        words += ["--max-pixels", str(generation["max_pixels"])]
    words += (
        ["--set", f"max_new_tokens={generation['max_new_tokens']}"] if "max_new_tokens" in generation else []
    )
    if generation.get("temperature"):
        words += ["--set", f"temperature={generation['temperature']}"]
    for key, value in run.get("settings") or ():
        words += ["--set", f"{key}={value}"]
    return words


def stamp(when: float) -> str:
    """A moment (Unix time) as UTC to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def _versions(cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """Package and version; several versions where cells differ."""
    found: dict[str, dict[str, None]] = {}
    for cell in cells:
        for package, version in (cell.run.get("versions") or {}).items():
            found.setdefault(package, {})[version] = None
    return tuple((package, " / ".join(each)) for package, each in found.items())


def _machine(hardware: Mapping[str, Any]) -> str:
    said = [str(hardware.get("system") or ""), plural(hardware.get("processors") or 0, "processor")]
    if hardware.get("memory"):
        said.append(f"{hardware['memory'] / 2**30:.0f} GiB")
    said += [str(a) for a in hardware.get("accelerators") or ()]
    return ", ".join(s for s in said if s)


def _tokens(cells: Sequence[Cell]) -> str:
    known = [cell.run.get("tokens") or {} for cell in cells]
    given, made = (sum(t.get(k) or 0 for t in known) for k in ("input", "output"))
    return f"{count(given)} in, {count(made)} out" if given or made else ""


def _cost(cells: Sequence[Cell]) -> str:
    costs = [cell.run["cost"] for cell in cells if cell.run.get("cost")]
    return f"{sum(costs):.2f} US dollars" if costs else ""
