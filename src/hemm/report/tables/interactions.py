"""Interactions as tables, sentences and CSV: shares in points (hundredths), information in bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hemm.analysis.interactions import Interactions, TaskInteractions
from hemm.analysis.interactions.behaviour import HARM
from hemm.analysis.interactions.information import QUANTITIES, SOURCES, TARGETS
from hemm.analysis.interactions.labels import LabelTest
from hemm.core.terminal import printable
from hemm.core.text import counted
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import number, points, signed
from hemm.stats.intervals import Estimate

COLUMNS = (
    "model",
    "task",
    "kind",
    "name",
    "reading",
    "value",
    "low",
    "high",
    "samples",
    "n",
    "clusters",
    "p",
)
"""Of the CSV. Kinds: ``right`` by condition, ``behaviour``, ``bits``, ``gold`` and ``decision`` (the parts of
decisions), ``label`` (net synergy by label)."""

CONDITION_NAMES = {"vl": "picture and text", "l": "text alone", "v": "picture alone", "prior": "neither"}


def flat(found: Interactions) -> list[dict[str, Any]]:
    """The rows of the CSV."""
    rows: list[dict[str, Any]] = []
    for item in found.tasks:
        whose = {"model": item.model, "task": item.task}
        table = item.behaviour
        rows += [_flat(whose, "right", name, e) for name, e in table.right.items()]
        rows += [_flat(whose, "behaviour", k, e, samples=n) for k, (n, e) in table.kinds.items()]
        rows.append(_flat(whose, "behaviour", "harm", table.harm, p=table.p))
        if item.information is not None:
            for reading in ("stored", "calibrated", "equal"):
                means = getattr(item.information, reading).means
                rows += [_flat(whose, "bits", name, e, reading=reading) for name, e in means.items()]
            if item.information.decisions is not None:
                for target, parts in item.information.decisions.targets.items():
                    rows += [_flat(whose, target, SOURCES[p.name], p.estimate) for p in parts]
    for row in found.labels:
        whose = {"model": row.model, "task": row.task}
        rows.append(_flat(whose, "label", row.label, row.net, samples=row.n))
    return rows


def _flat(whose: Mapping[str, str], kind: str, name: str, e: Estimate, **more: Any) -> dict[str, Any]:
    values = {"value": e.value, "low": e.low, "high": e.high, "n": e.n, "clusters": e.clusters}
    return {**dict.fromkeys(COLUMNS), **whose, "kind": kind, "name": name, **values, **more}


def tables(found: Interactions) -> Iterator[Table]:
    """For each model and task behaviour and information; then labels, and samples that contradict theirs."""
    for item in found.tasks:
        name = f"{printable(item.model)} on {printable(item.task)}"
        yield table_of(f"{name}: what it gets right, in points", right_rows(item))
        p = number(item.behaviour.p, 3)
        yield table_of(
            f"{name}: behaviour, in points (as much harm as synergy: p = {p})", behaviour_rows(item)
        )
        if item.information is not None:
            yield table_of(f"{name}: information about the right answer, in bits", bit_rows(item))
            for target, rows in decision_rows(item).items():
                yield table_of(f"{name}: decisions, about {TARGETS[target]}, in bits", rows)
    if found.labels:
        yield table_of("by label, in points", label_rows(found))
    if found.contradictions:
        many = len(found.contradictions) < found.contradicting
        shown = f" (the first {len(found.contradictions)} of {found.contradicting:,})" if many else ""
        yield table_of(f"right in another way than the label says{shown}", contradiction_rows(found))


def right_rows(item: TaskInteractions) -> list[dict[str, Any]]:
    """A row for each condition: the share that is right, failures, and the temperature that fits."""
    table, controls = item.behaviour, item.conditions.controls
    fitted = {} if item.information is None else item.information.temperatures
    return [
        {
            "shown": CONDITION_NAMES[name],
            "condition": name + (f" ({controls[name]})" if controls[name] else ""),
            "right": points(estimate.value),
            "95 % interval": _between(estimate, 100),
            "without an answer": ", ".join(f"{n:,} {k}" for k, n in table.failures[name].items()) or "0",
            **({"temperature": _temperature(fitted[name])} if fitted else {}),
        }
        for name, estimate in table.right.items()
    ]


def behaviour_rows(item: TaskInteractions) -> list[dict[str, Any]]:
    """A row for each kind of behaviour that was met, and harm in all."""
    table = item.behaviour
    rows = [
        {"behaviour": name, "samples": n, "share": points(e.value), "95 % interval": _between(e, 100)}
        for name, (n, e) in table.kinds.items()
        if n or name not in HARM
    ]
    harm = sum(n for name, (n, _) in table.kinds.items() if name in HARM)
    whole = {"behaviour": "harm in all", "samples": harm, "share": points(table.harm.value)}
    return [*rows, {**whole, "95 % interval": _between(table.harm, 100)}]


def bit_rows(item: TaskInteractions) -> list[dict[str, Any]]:
    """A row for each quantity: with the stored probabilities, calibrated, and with equal ones."""
    found = item.information
    assert found is not None
    rows = []
    for name, words in QUANTITIES.items():
        if name not in found.stored.means:
            continue
        first, second = found.stored.means[name], found.calibrated.means[name]
        rows.append(
            {
                "information": words,
                "stored": signed(first.value),
                "95 %": _between(first),
                "calibrated": signed(second.value),
                "95 % ": _between(second),
                "all equal": signed(found.equal.means[name].value),
            }
        )
    shares = found.stored.interference, found.calibrated.interference
    values = {"stored": points(shares[0].value), "95 %": _between(shares[0], 100)}
    values |= {"calibrated": points(shares[1].value), "95 % ": _between(shares[1], 100)}
    return [*rows, {"information": "samples with interference, in points", **values}]


def decision_rows(item: TaskInteractions) -> dict[str, list[dict[str, Any]]]:
    """Target -> a row for each part."""
    decisions = None if item.information is None else item.information.decisions
    if decisions is None:
        return {}
    return {
        target: [
            {
                "part": SOURCES[p.name],
                "bits": number(p.estimate.value, 3),
                "95 % interval": _between(p.estimate, digits=3),
                "as counted": number(p.plain, 3),
                "if unrelated": number(p.unrelated, 3),
            }
            for p in parts
        ]
        for target, parts in decisions.targets.items()
    }


def label_rows(found: Interactions) -> list[dict[str, Any]]:
    """A row for each label of each task and model."""
    return [
        {
            "model": row.model,
            "task": row.task,
            "label": row.label,
            "n": row.n,
            **{name: points(share) for name, share in row.kinds.items()},
            "synergy less harm": points(row.net.value),
            "95 % interval": _between(row.net, 100),
            "synergy in bits": "" if row.synergy is None else signed(row.synergy.value),
        }
        for row in found.labels
    ]


def contradiction_rows(found: Interactions) -> list[dict[str, Any]]:
    """A row for each of the first samples."""
    return [
        {
            "task": row.task,
            "sample": row.sample,
            "label": row.label,
            "models": len(row.models),
            "behaviour": "; ".join(dict.fromkeys(row.models.values())),
        }
        for row in found.contradictions
    ]


def lines(found: Interactions) -> Iterator[str]:
    """Tests, what was refused, and what the words mean."""
    said: dict[tuple[str, str], list[str]] = {}
    for item in found.tasks:
        for line in task_lines(item):
            said.setdefault((line, item.model), []).append(item.task)
    for (line, model), tasks in said.items():
        yield printable(f"{line}: {model} on {', '.join(tasks)}")
    for test in found.tests:
        yield printable(f"{test.model}: {test_line(test)}")
    yield (
        "redundant: right with both, with the text alone and with the picture alone; unique: right with both "
        "and with one of them; synergy: with both only; harm: wrong with both, right with one alone"
    )
    if any(item.information for item in found.tasks):
        yield (
            "bits are above how often an answer is right in other clusters; calibrated: at the temperature "
            "that fits other clusters best (above 1: the model is too sure); all equal: what the formulas "
            "give where all options are equally likely, so no more than that is nothing"
        )
    yield from map(printable, found.notes)


def task_lines(item: TaskInteractions) -> Iterator[str]:
    """What readers of the tables of one model and task must know."""
    table, found = item.behaviour, item.information
    if table.left_out:
        yield f"left out, {counted(table.left_out, 'sample')} without a score in some condition"
    if found is None:
        yield f"no information, since {item.refused}"
        return
    if found.scored == "letters":
        yield "the letters of the options were scored, not their texts"
    if found.refused:
        yield found.refused
    for why, n in found.left_out.items():
        yield f"no information of {counted(n, 'sample')} {why}"


def _temperature(value: float) -> str:
    return "above 100" if value > 100 else number(value, 1)


def test_line(test: LabelTest) -> str:
    """Synergy against redundancy in one sentence."""
    e = test.net
    by = signed(None if e.value is None else 100 * e.value, 0)
    words = f"synergy less harm, samples labelled synergy against redundancy: {by} points {_between(e, 100)}"
    words += "" if test.p is None else f" (p = {number(test.p, 3)})"
    if test.bits is not None:
        words += f"; in bits {signed(test.bits.value)} {_between(test.bits)}"
    if test.p_tasks is not None:
        words += f"; over {test.tasks[0]} and {test.tasks[1]} tasks p = {number(test.p_tasks, 3)}"
    return words


def _between(e: Estimate, times: float = 1, digits: int = 2) -> str:
    if e.low is None or e.high is None:
        return "–"
    digits = 0 if times > 1 else digits
    return f"[{number(times * e.low, digits)}, {number(times * e.high, digits)}]"
