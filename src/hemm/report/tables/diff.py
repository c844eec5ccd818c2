"""Answers that flipped between two models, as a table, as examples in text, and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hemm.analysis.diff import TITLES, Flip, Flips, TaskFlips
from hemm.analysis.study.groups import group_members
from hemm.core import keyed_number
from hemm.core.text import escape_unseen
from hemm.report.examples import Example, ModelCell, example, rows_of
from hemm.report.pictures import Gallery
from hemm.report.text import excerpt, one_line, p_value

SCHEMA_VERSION = 1


def chosen(task: TaskFlips, per_kind: int) -> Iterator[tuple[str, list[Flip]]]:
    """(kind, up to ``per_kind`` flips), in a random order that is always the same."""
    for kind in TITLES:
        of_kind = [f for f in task.flips if f.kind == kind]
        of_kind.sort(key=lambda f: keyed_number("flips", task.task, f.group, f.repeat))
        if of_kind:
            yield kind, of_kind[:per_kind]


def examples_of(
    flips: Flips, task: TaskFlips, per_kind: int, gallery: Gallery
) -> list[tuple[str, int, list[tuple[Flip, Example]]]]:
    """(kind, number of flips, examples) of one task."""
    sides = enumerate(zip(task.cells, flips.labels, strict=True))
    model_cells = [ModelCell(item, n, label) for n, (item, label) in sides]
    picked = dict(chosen(task, per_kind))
    groups = group_members(task.cells[0].cell, task.kind)
    ids = sorted({next(iter(groups[f.group])) for chosen_flips in picked.values() for f in chosen_flips})
    rows = [rows_of(item.cell, ids) for item in task.cells]
    out = []
    for kind, chosen_flips in picked.items():
        cards = []
        for flip in chosen_flips:
            names = list(groups[flip.group])
            name = names[0]
            answers = [{name: [r for r in side.get(name, []) if r["repeat"] == flip.repeat]} for side in rows]
            if all(side[name] for side in answers):
                cards.append((flip, example(flip.group, names, model_cells, answers, gallery)))
        out.append((kind, task.count(kind), cards))
    return out


def values(flips: Flips) -> dict[str, Any]:
    """The JSON of ``hemm diff``: every count, and every flip with both answers (cut after 1,500
    characters)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "a": flips.labels[0],
        "b": flips.labels[1],
        "lost": flips.lost,
        "gained": flips.gained,
        "p": flips.p,
        "tasks": [_task(task) for task in flips.tasks],
        "flips": [row for task in flips.tasks for row in _flips(task)],
        "notes": list(flips.notes),
    }


def _task(task: TaskFlips) -> dict[str, Any]:
    return {
        "task": task.task,
        "metric": task.metric,
        "protocols": [item.cell.protocol for item in task.cells],
        "common": task.common,
        "right": task.right,
        "wrong": task.wrong,
        "lost": task.lost,
        "gained": task.gained,
        "changed": task.count("changed"),
        "net": task.net,
        "p": task.p,
        "only_a": task.only[0],
        "only_b": task.only[1],
        "other_sample": task.other,
        "errors": task.errors,
    }


def _flips(task: TaskFlips) -> Iterator[dict[str, Any]]:
    groups = group_members(task.cells[0].cell, task.kind)
    firsts = {f.group: next(iter(groups[f.group])) for f in task.flips}
    rows = [rows_of(item.cell, set(firsts.values())) for item in task.cells]
    for flip in task.flips:
        sides = [
            next((r for r in side.get(firsts[flip.group], []) if r["repeat"] == flip.repeat), None)
            for side in rows
        ]
        first = sides[0] or {}
        yield {
            "task": task.task,
            "group": flip.group,
            "id": firsts[flip.group],
            "repeat": flip.repeat,
            "kind": flip.kind,
            "outcomes": list(flip.outcomes),
            "values": list(flip.values),
            "prompt": excerpt(first.get("prompt") or "").text,
            "references": list(first.get("references") or []),
            "media": list(first.get("media") or []),
            "answers": [excerpt((side or {}).get("raw") or "").text for side in sides],
        }


# the terminal

COLUMNS = ["task", "common", "both right", "both wrong", "lost", "gained", "net", "p", "not common"]


def table(flips: Flips) -> list[dict[str, Any]]:
    """One row for each task, and one over all if there are several."""
    rows = [_row(t.task, [t], t.p) for t in flips.tasks]
    return [*rows, _row("all", flips.tasks, flips.p)] if len(flips.tasks) > 1 else rows


def _row(name: str, tasks: Sequence[TaskFlips], p: float | None) -> dict[str, Any]:
    net = sum(t.net for t in tasks)
    cells = [
        sum(t.common for t in tasks),
        sum(t.right for t in tasks),
        sum(t.wrong for t in tasks),
        sum(t.lost for t in tasks),
        sum(t.gained for t in tasks),
        f"{net:+d}" if net else "0",
        p_value(p),
        sum(sum(t.only) + t.other + t.errors for t in tasks),
    ]
    return dict(zip(COLUMNS, [name, *cells], strict=True))


def lines(flips: Flips, per_kind: int) -> Iterator[str]:
    """The examples as text: invisible characters escaped, answers cut after 200 characters,
    with how many are not shown. Names are whole."""
    gallery = Gallery(bytes_left=0, pictures_left=0)
    for task in flips.tasks:
        for kind, count, cards in examples_of(flips, task, per_kind, gallery):
            yield f"\n{task.task}: {TITLES[kind].lower()}, {count}" + (
                f" ({len(cards)} shown)" if len(cards) < count else ""
            )
            for flip, card in cards:
                yield from _text(flip, card)


def _text(flip: Flip, card: Example) -> Iterator[str]:
    yield f"  {escape_unseen(card.id)}" + (f" (answer {flip.repeat + 1})" if flip.repeat else "")
    for picture in card.pictures:
        name = f"{one_line(picture.name)} " if picture.name else ""
        yield f"    picture    {name}sha256 {picture.digest[:16]}"
    yield f"    prompt     {_short(card.prompt.text)}"
    yield f"    reference  {' | '.join(_short(r.text) for r in card.references) or '-'}"
    for answer, outcome in zip(card.answers, flip.outcomes, strict=True):
        text = _short(answer.text.text) or answer.why or "(nothing)"
        yield f"    {escape_unseen(' '.join(answer.who.split()))}: {text}" + (
            f"  [{outcome}]" if outcome != "ok" else ""
        )
        if answer.stage:
            yield f"      read by {answer.stage}: {_short(answer.read, 100)}"


def _short(text: str, limit: int = 200) -> str:
    line = escape_unseen(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[:limit]}… ({len(line) - limit:,} more characters)"
