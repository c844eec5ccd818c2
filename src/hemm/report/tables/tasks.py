"""Tasks as rows of a listing, and one task with an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.core.origin import origin_spec
from hemm.core.terminal import echo
from hemm.core.text import counted
from hemm.metrics import spec_of
from hemm.report.tables.writer import emit, print_text, width

if TYPE_CHECKING:
    from hemm.core import Media, Message, Sample, Source, Task

ACCESS = {
    "open": "hemm prepare downloads it",
    "login": "wants a Kaggle login, which hemm doctor tells of",
    "gated": "accept its terms on the hub, then: hf auth login",
    "form": "asked for by hand; below is what can be had without",
    "private": "not published",
}
COLUMNS = (
    "name",
    "use_case",
    "labels",
    "samples",
    "size",
    "licence",
    "access",
    "ready",
    "suite",
    "labels_by",
)
PROPOSED = {"hemm": "Today's suites (labels proposed by hemm)"}
"""Who proposed labels -> the heading of their tasks in a listing."""


def print_list(rows: Sequence[Mapping[str, Any]], format_: str) -> None:
    """Print all tasks: as a table in a terminal by use case, else in ``format_``."""
    if format_ == "table" and width() is not None:
        _list(rows)
        return
    if format_ in ("table", "markdown"):
        rows = [{**row, "labels": _short(row["labels"])} for row in rows]
    emit(rows, COLUMNS, format_, "Tasks (hemm tasks NAME shows one)")


def _list(rows: Sequence[Mapping[str, Any]]) -> None:
    """All tasks for a terminal, which is too narrow for the table: by use case, a few lines each."""
    from hemm.core import DIMENSIONS

    indent = 2 + max(len(row["name"]) for row in rows) + 2
    pad = " " * indent
    order = list(DIMENSIONS["use_case"].categories)
    groups = {(row["labels_by"], row["use_case"]): None for row in rows}
    by = ""
    for labels_by, use in sorted(groups, key=lambda group: (group[0], [*order, group[1]].index(group[1]))):
        if labels_by != by:
            echo(PROPOSED.get(labels_by, f"labels proposed by {labels_by}"), bold=True)
            by = labels_by
        echo(use.replace("_", " ") or "without a use case", bold=True)
        for row in (r for r in rows if (r["labels_by"], r["use_case"]) == (labels_by, use)):
            ready = "not prepared" if row["ready"] == "no" else row["ready"].replace("yes", "prepared")
            count = counted(row["samples"], "sample") if row["samples"] else "samples not counted"
            facts = "; ".join(filter(None, (count, row["size"], row["access"], ready, row["licence"])))
            print_text(f"  {row['name']:{indent - 2}}{facts}", indent - 2)
            if labels := _words(row["labels"]):
                print_text(f"{pad}{labels}")
        echo()
    print_text("hemm tasks NAME shows one: how to get it, an example, the prompt as it is sent.")


def _words(labels: Mapping[str, str]) -> str:
    """Labels except the use case, in words: ``more reasoning, external knowledge, fusion``."""
    from hemm.core import DIMENSIONS

    words = []
    for name, value in labels.items():
        if name == "use_case" or value == "no":
            continue
        title = name.replace("_", " ")
        several = name in DIMENSIONS and len(DIMENSIONS[name].categories) > 2
        words.append(title if value == "yes" else value if several else f"{value} {title}")
    return ", ".join(words)


def describe(task: Task) -> dict[str, Any]:
    """One task as a row with stable keys, documented in docs/data.md."""
    from hemm.data.pack.prepare import current_pack

    card = task.card
    try:
        pack = current_pack(task)
    except Exception:  # a damaged pack is no pack; prepare makes it anew
        pack = None
    return {
        "name": task.name,
        "title": card.title,
        "use_case": card.labels.get("use_case", ""),
        "labels": dict(card.labels),
        "labels_by": card.labels_by,
        "samples": len(pack) if pack else next(iter(card.splits.values()), None),
        "splits": dict(card.splits),
        "size": card.size,
        "licence": card.licence,
        "access": card.access,
        "ready": _ready(bool(pack), _at_hand(task), pack.info.get("limit") if pack else None),
        "homepage": card.homepage,
        "citation": card.citation,
        "notes": card.notes,
        "sources": [s.name for s in task.sources],
        "metrics": [m if isinstance(m, str) else spec_of(m) for m in task.metrics],
        "answer": task.answer.name,
        "variants": sorted(task.variants),
        "pack": None if pack is None else {"hash": pack.hash, "path": str(pack.path), **pack.info["rows"]},
    }


def _short(labels: Mapping[str, str]) -> str:
    """Labels except the use case, shortened: the dimension's name alone for ``yes``, nothing for ``no``."""
    words = {k: v for k, v in labels.items() if k != "use_case" and v != "no"}
    return ", ".join(k if v == "yes" else f"{k}={v}" for k, v in words.items())


def _ready(prepared: bool, at_hand: bool, limit: int | None) -> str:
    if prepared:
        return f"yes (limit {limit})" if limit else "yes"
    return "on first use" if at_hand else "no"


def _at_hand(task: Task) -> bool:
    """Whether preparing the task downloads nothing: hemm draws it, or it is the user's own."""
    return bool(task.sources) and task.sources[0].at_hand


def example(task: Task) -> tuple[Sample | None, tuple[Message, ...]]:
    """A sample and its messages; None if the task is neither prepared nor available without download."""
    from hemm.core import HemmError
    from hemm.data.pack.prepare import ensure
    from hemm.tasks.prompt import render

    try:
        pack = ensure(task)
    except HemmError:
        if _at_hand(task):
            raise
        return None, ()
    sample = pack.sample(0)
    return sample, render(task, sample)


def example_json(sample: Sample, messages: tuple[Message, ...]) -> dict[str, Any]:
    """An example of a task as JSON values, with its prompt as it is sent."""
    return {
        "id": sample.id,
        "fields": dict(sample.fields),
        "references": [_reference(r) for r in sample.references],
        "choices": list(sample.choices),
        "labels": dict(sample.labels),
        "media": [{"name": m.name, "type": m.mime, "digest": m.digest} for m in sample.media],
        "prompt": [{"role": m.role, "text": _text(m)} for m in messages],
    }


def _reference(reference: Any) -> str:
    return reference if isinstance(reference, str) else f"<{reference.kind} {reference.name}>"


def _text(message: Message) -> str:
    return "".join(p if isinstance(p, str) else f"<{p.kind} {p.name}{_size(p)}>\n" for p in message.parts)


def _size(media: Media) -> str:
    """Width and height of a picture in pixels; empty where it has none, or does not open."""
    from hemm.core import BadData

    if media.kind != "image":
        return ""
    try:
        width, height = media.pixels().size
    except BadData:
        return ""
    return f", {width} x {height} pixels"


def print_task(task: Task, sample: Sample | None, messages: tuple[Message, ...]) -> None:
    """Print one task: its card, how to get it, an example as it is sent."""
    row = describe(task)
    echo(f"{row['name']}: {row['title']}")
    row["access"] = f"{row['access']} ({ACCESS[row['access']]})" if row["access"] in ACCESS else row["access"]
    if row["labels_by"]:
        row["labels"]["proposed by"] = row["labels_by"]
    facts = ("citation", "homepage", "licence", "access", "size", "splits", "labels", "notes")
    for key in (*facts, "answer", "metrics", "variants"):
        if row[key]:
            print_text(f"  {key}: {_line(row[key])}", 2)
    echo(f"  ready: {row['ready']}" + (f", in {row['pack']['path']}" if row["pack"] else ""))
    echo("\nHow to get it:")
    if _at_hand(task):
        echo("  nothing to get: it is prepared on first use")
    else:
        ways = dict.fromkeys(_ways(task))
        for variant in task.variants.values():
            ways.update(dict.fromkeys(_ways(variant, task.sources)))
        for line in ways:
            echo(f"  {line}")
    if sample is None:
        echo("\nAn example and the prompt are shown when it is prepared. The template:")
        echo(_indented(task.prompt))
        return
    echo(f"\nExample {sample.id}, as it is sent:")
    for message in messages:
        echo(f"  [{message.role}]")
        echo(_indented(_text(message)))
    echo(f"  [right answer] {' | '.join(_reference(r) for r in sample.references)}")


def _ways(task: Task, but: Sequence[Source] = ()) -> list[str]:
    """How to get the data of ``task`` from its sources and from a folder, and what has to lie there; nothing
    where it reads the files of the sources ``but``."""
    known = {(source.name, source.layout.required) for source in but}
    if known and known >= {(source.name, source.layout.required) for source in task.sources}:
        return []
    spec = origin_spec(task.origin, task.name)
    files = dict.fromkeys(s.layout.required for s in task.sources if s.layout.required)
    return [
        *(_how(spec, source) for source in task.sources),
        *(f"hemm prepare {spec} --from FOLDER    with {', '.join(required)}" for required in files),
    ]


def _how(name: str, source: Source) -> str:
    if source.by_hand:
        return f"{source.name}: {source.by_hand}"
    return f"hemm prepare {name}    from {source.name}"


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" if isinstance(v, int) else f"{k}={v}" for k, v in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
