"""The method section: models, tasks, settings, machines, and the commands that reproduce the results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.analysis.study.same_command import same_command
from hemm.core import redact
from hemm.core.secrets import hide
from hemm.data.pack.selection import BALANCED
from hemm.report.text import Excerpt, count, excerpt, plural
from hemm.results.selections import distinct, order_of, rule_words

if TYPE_CHECKING:
    from hemm.results.read import Cell

COMMANDS = 40
"""Most commands that a report lists."""


@dataclass(frozen=True)
class Model:
    """A model of the report; ``settings`` are those that differ from the defaults, in words."""

    name: str
    spec: str
    revision: str
    settings: str


@dataclass(frozen=True)
class TaskMethod:
    """One prompt and selection of a task, with the protocols of the models that were run with it."""

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
    """One command: command line, the call where it was one in Python, start (UTC), seconds, and requests
    sent."""

    command: str
    python: str
    started: str
    seconds: float
    asked: int


@dataclass(frozen=True)
class Method:
    models: tuple[Model, ...]
    tasks: tuple[TaskMethod, ...]
    runs: tuple[Run, ...]
    more_runs: int
    versions: tuple[tuple[str, str], ...]
    hardware: tuple[str, ...]
    tokens: str
    cost: str


def method(cells: Sequence[Cell]) -> Method:
    """The method section of these cells, from their run.json."""
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
    """The settings of a protocol that differ from the defaults: ``temperature 0.7, 4 shots``."""
    generation = dict(spec.get("generation") or {})
    parts = [f"control: {spec['control']}"] if spec.get("control") else []
    parts += [f"perturbed: {spec['perturb']}"] if spec.get("perturb") else []
    parts += [plural(spec["shots"], "shot")] if spec.get("shots") else []
    usual = {"temperature": 0.0, "top_p": 1.0, "max_pixels": 0, "thinking_budget": 0, "scoring": "generate"}
    for key, value in usual.items():
        if generation.get(key, value) != value:
            parts.append(f"{key.replace('_', ' ')} {generation[key]}")
    if generation.get("stop"):
        parts.append(f"stop {generation['stop']}")
    parts += [f"{k} {v}" for k, v in generation.get("extra") or ()]
    parts += [
        f"{k} {v}" for k, v in run.get("settings") or () if [k, v] not in (generation.get("extra") or [])
    ]
    if spec.get("seed") is not None:
        parts.append(f"seed {spec['seed']}")
    return redact(", ".join(parts))


def selection(run: Mapping[str, Any]) -> str:
    """What was asked of a cell: ``all 144 units``, ``100 units drawn by seed 0``."""
    asked = distinct(run)
    if not asked:
        return "not recorded: the run was stopped before"
    if len(asked) == 1:
        return _selection(asked[0]) + rule_words(run)
    over = {BALANCED: " balanced over strata"}
    return " and ".join(_selection(record) + over.get(order_of(record), "") for record in asked)


def _selection(last: Mapping[str, Any]) -> str:
    text = plural(last["units"], "unit")
    if last["samples"] != last["units"]:
        text += f" ({plural(last['samples'], 'sample')})"
    whole = last["limit"] is None or last["units"] < last["limit"]
    drawn = f"drawn by seed {last['seed']}"
    if "shard" in last:  # it counts its own units, and its limit is that of all shards
        of = "all" if last["limit"] is None else f"up to {plural(last['limit'], 'unit')} {drawn}"
        text = f"{text}: shard {last['shard']} of {of}"
    else:
        text = f"all {text}" if whole else f"{text} {drawn}"
    return text + (f", {last['repeats']} answers each" if last.get("repeats", 1) > 1 else "")


def _tasks(cells: Sequence[Cell]) -> list[TaskMethod]:
    """One entry for each task, prompt, pack and selection."""
    by_key: dict[tuple[str, ...], tuple[Cell, list[str]]] = {}
    for cell in cells:
        spec = cell.run["protocol_spec"]
        prompt = (spec["template"], spec["instruction"], spec["system"])
        key = (cell.task, *prompt, str(cell.run["pack"]["hash"]), selection(cell.run))
        by_key.setdefault(key, (cell, []))[1].append(cell.protocol[:12])
    return [_task_method(cell, protocols) for cell, protocols in by_key.values()]


def _task_method(cell: Cell, protocols: list[str]) -> TaskMethod:
    run = cell.run
    spec, pack, card = run["protocol_spec"], run["pack"], run.get("card") or {}
    parser = run.get("answer_format") or {}
    revision = f" at {str(pack['revision'])[:16]}" if pack.get("revision") else ""
    return TaskMethod(
        task=cell.task,
        title=str(card.get("title") or cell.task),
        licence=str(pack.get("licence") or card.get("licence") or "not stated"),
        source=redact(f"{pack.get('source') or 'not recorded'}{revision}"),
        pack=str(pack["hash"]),
        metrics=", ".join(run.get("metrics") or []),
        parser=f"{parser.get('name', '?')} version {parser.get('version', '?')}",
        selection=selection(run),
        template=excerpt(hide(spec["template"]), 6_000),
        instruction=excerpt(hide(spec["instruction"]), 2_000),
        system=excerpt(hide(spec["system"]), 6_000),
        protocols=tuple(dict.fromkeys(protocols)),
    )


def _runs(cells: Sequence[Cell]) -> list[Run]:
    """Each command once, by the time it started; a command may have filled several cells."""
    by_words: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in cells:
        for command in _commands(cell):
            by_words.setdefault(same_command(cell, command), []).append(command)
    runs = []
    for (words, python), parts in by_words.items():
        first = min(p["started"] for p in parts)
        seconds, asked = sum(p["seconds"] for p in parts), sum(p["asked"] for p in parts)
        runs.append((first, Run(words, python, stamp(first), seconds, asked)))
    return [run for _, run in sorted(runs, key=lambda r: r[0])]


def stamp(when: float) -> str:
    """A Unix time as UTC to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(when))


def _versions(cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """(package, version); several versions where cells differ."""
    by_package: dict[str, dict[str, None]] = {}
    for cell in cells:
        for package, version in (cell.run.get("versions") or {}).items():
            by_package.setdefault(package, {})[version] = None
    return tuple((package, " / ".join(each)) for package, each in by_package.items())


def _machine(hardware: Mapping[str, Any]) -> str:
    parts = [str(hardware.get("system") or ""), plural(hardware.get("processors") or 0, "processor")]
    if hardware.get("memory"):
        parts.append(f"{hardware['memory'] / 2**30:.0f} GiB")
    parts += [str(a) for a in hardware.get("accelerators") or ()]
    return ", ".join(s for s in parts if s)


def _tokens(cells: Sequence[Cell]) -> str:
    known = [cell.run.get("tokens") or {} for cell in cells]
    read, written = (sum(t.get(k) or 0 for t in known) for k in ("input", "output"))
    return f"{count(read)} in, {count(written)} out" if read or written else ""


def _cost(cells: Sequence[Cell]) -> str:
    costs = [cell.run["cost"] for cell in cells if cell.run.get("cost")]
    return f"{sum(costs):.2f} US dollars" if costs else ""
