"""Why two runs of a task differ: what their settings and versions differ in, and what each flip came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hemm.analysis.diff import Flips, TaskFlips
from hemm.core import canonical

if TYPE_CHECKING:
    from hemm.results.read import Cell

CAUSES = {
    "picture": "the picture that was sent is another",
    "prompt": "the prompt that was sent is another",
    "answer": "the same was sent, and the answer is another",
    "judging": "the answer is the same, and is read or scored in another way",
    "group": "answers that are scored together: no single cause",
}
"""Where a flip comes from; the first that holds, so that the counts add up to all flips."""


@dataclass(frozen=True)
class Differing:
    """A fact of the two cells that is not the same: a setting, a version, the data."""

    kind: str
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class TaskCauses:
    """One task of ``hemm diff``. ``causes``: cause -> kind of flip -> how many; they add up to all flips."""

    flips: TaskFlips
    differing: tuple[Differing, ...]
    causes: Mapping[str, Mapping[str, int]]


def causes(flips: Flips) -> list[TaskCauses]:
    """What each flip of each task came from, and what the two runs differ in."""
    return [
        TaskCauses(task, tuple(_differing(*(item.cell for item in task.cells))), _counted(task))
        for task in flips.tasks
    ]


def totals(tasks: Sequence[TaskCauses]) -> dict[str, dict[str, int]]:
    """Cause -> kind of flip -> how many, over all tasks."""
    out: dict[str, dict[str, int]] = {}
    for task in tasks:
        for cause, kinds in task.causes.items():
            own = out.setdefault(cause, {})
            for kind, n in kinds.items():
                own[kind] = own.get(kind, 0) + n
    return out


def _counted(task: TaskFlips) -> dict[str, dict[str, int]]:
    counts: Counter[tuple[str, str]] = Counter()
    wanted = {flip.group for flip in task.flips}
    if task.kind == "sample":
        before, after = (_sent(item.cell, wanted) for item in task.cells)
        for flip in task.flips:
            key = (flip.group, flip.repeat)
            counts[_cause(before.get(key), after.get(key)), flip.kind] += 1
    else:
        counts.update(("group", flip.kind) for flip in task.flips)
    out: dict[str, dict[str, int]] = {}
    for cause in CAUSES:
        if own := {kind: n for (name, kind), n in counts.items() if name == cause}:
            out[cause] = own
    return out


def _sent(cell: Cell, wanted: set[str]) -> dict[tuple[str, int], tuple[Any, ...]]:
    names = ("id", "repeat", "media", "prompt", "raw", "reasoning")
    table = cell.answers(names)
    columns = (table[name].to_pylist() for name in names)
    return {(row[0], row[1]): row[2:] for row in zip(*columns, strict=True) if row[0] in wanted}


def _cause(before: tuple[Any, ...] | None, after: tuple[Any, ...] | None) -> str:
    if before is None or after is None:
        return "answer"
    if before[0] != after[0]:
        return "picture"
    if before[1] != after[1]:
        return "prompt"
    return "judging" if before[2:] == after[2:] else "answer"


def _differing(a: Cell, b: Cell) -> Iterator[Differing]:
    """What the run.json and aggregates.json of two cells say that is not the same."""
    before, after = _facts(a), _facts(b)
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        if canonical(one) != canonical(other):
            yield Differing(*key, _words(one), _words(other))


def _facts(cell: Cell) -> dict[tuple[str, str], Any]:
    run, spec = cell.run, cell.run["protocol_spec"]
    facts: dict[tuple[str, str], Any] = {
        ("model", "name"): run["model"]["name"],
        ("model", "revision"): run["model"]["revision"],
    }
    asked = {name: value for name, value in spec.items() if name not in ("model", "generation")}
    facts |= {("prompt", name): value for name, value in asked.items()}
    facts |= {("settings", name): value for name, value in spec["generation"].items()}
    facts |= {("data", name): run["pack"].get(name) for name in ("hash", "source", "revision")}
    last = (run.get("selections") or [{}])[-1]
    facts |= {("data", name): last.get(name) for name in ("seed", "limit", "samples", "repeats", "order")}
    stored = cell.aggregates()
    facts[("judging", "parser")] = stored.get("parser")
    facts[("judging", "answer format")] = run.get("answer_format")
    for row in stored.get("metrics", {}).values():
        facts[("judging", str(row["spec"]))] = row.get("version")
    facts |= {("versions", name): value for name, value in (run.get("versions") or {}).items()}
    facts[("versions", "rules of requests")] = run.get("request_rules")
    return facts


def _words(value: Any) -> str:
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else canonical(value).decode()
