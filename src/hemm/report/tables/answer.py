"""One answer as text for the terminal, and as JSON. All of it is text of models and data, shown harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.core.secrets import hide
from hemm.core.terminal import echo, echo_marked, printable
from hemm.core.text import counted, escape_unseen, written_out
from hemm.report.pictures import Gallery
from hemm.report.tables.layout import wrap
from hemm.report.tables.writer import print_text, width
from hemm.results import layout
from hemm.results.stored_answer import SAMPLE_COLUMNS, StoredAnswer, read_parts
from hemm.results.stored_media import media_path

if TYPE_CHECKING:
    from hemm.analysis.one_answer import GivenAnswer, SampleAnswers
    from hemm.results.read import Cell

SCHEMA_VERSION = 1
INDENT = "    "
_BEGIN, _END = "\ue001", "\ue002"
"""Stand around the words that were read while a text is folded; neither is sent."""


def to_json(found: SampleAnswers) -> dict[str, Any]:
    """The JSON of ``hemm show``, documented in docs/results.md."""
    first, cell = found.answers[0].stored, found.cell
    return {
        "schema_version": SCHEMA_VERSION,
        "cell": str(cell.folder),
        "model": cell.model,
        "task": cell.task,
        "protocol": cell.protocol,
        "state": cell.state,
        "sample": {name: found.row[name] for name in SAMPLE_COLUMNS} | {"metadata": first.metadata},
        "pictures": _pictures(cell, found.row, first),
        "answers": [_answer(cell, one) for one in found.answers],
        "earlier": [vars(one) for one in found.earlier],
    }


def _answer(cell: Cell, one: GivenAnswer) -> dict[str, Any]:
    scores = one.scores
    return {
        "repeat": one.repeat,
        "answer": one.stored.raw,
        "span": None if scores.span is None else list(scores.span),
        "read": None if scores.span is None else one.stored.raw[slice(*scores.span)],
        "stage": scores.stage,
        "outcome": scores.outcome,
        "cut": scores.cut,
        "scores": [{"metric": name, "value": value} for name, value in scores.values],
        "reasoning": one.stored.reasoning,
        "why": one.stored.why,
        "finish": one.stored.finish,
        "served_model": one.stored.model,
        "pictures": [{"digest": d, "file": _drawn(cell, d)} for d in one.stored.produced],
        **one.call,
    }


def _pictures(cell: Cell, row: Mapping[str, Any], stored: StoredAnswer) -> list[dict[str, Any]]:
    """Pictures of the prompt: digests, name, and the pack and its row where they are; or why they are not."""
    gallery = Gallery(bytes_left=0, pictures_left=0)
    place = gallery.place(cell, row)
    sample = gallery.sample(cell, row)
    names = {} if isinstance(sample, str) else {m.digest: m.name for m in sample.media}
    where: dict[str, Any] = {"pack": None, "row": None, "why": sample if isinstance(sample, str) else ""}
    if not isinstance(place, str) and not where["why"]:
        where |= {"pack": str(place[0].path), "row": place[1]}
    elsewhere = {"pack": None, "row": None, "why": "of another sample"}
    return [
        {
            "digest": p.sent,
            "original": p.original,
            "name": names.get(p.original, ""),
            **(where if where["why"] or p.original in names else elsewhere),
        }
        for p in stored.pictures
    ]


def _drawn(cell: Cell, digest: str) -> str:
    return str(media_path(cell.folder / layout.MEDIA, digest))


def print_answers(found: SampleAnswers) -> None:
    """Print what a cell has to a sample."""
    cell, first = found.cell, found.answers[0].stored
    for line in wrap(f"{cell.model} on {cell.task}, sample {found.id}", width()):
        echo(line, bold=True)
    print_text(f"  cell: {cell.folder} ({cell.state})", 4)
    for name in ("unit", "cluster"):
        if found.row[name] and found.row[name] != found.id:
            print_text(f"  {name}: {found.row[name]}", 4)
    for name, facts in (("labels", found.row["labels"]), ("metadata", first.metadata)):
        if facts:
            print_text(f"  {name}: {_facts(facts)}", 4)
    _section("Prompt, as it was sent", first.prompt)
    _print_pictures(cell, found, first)
    if first.choices:
        _section("Choices", " | ".join(first.choices))
    _section(
        "References",
        " | ".join([*first.references, *(f"<picture sha256 {d}>" for d in first.picture_references)])
        or "none",
    )
    for one in found.answers:
        several = f" {one.repeat + 1} of {len(found.answers)}" if len(found.answers) > 1 else ""
        echo()
        echo(f"Answer{several}: {one.scores.outcome}", bold=True)
        if one.stored.prompt != first.prompt:
            _section("To another prompt", one.stored.prompt)
        _print_answer(cell, one)
    for old in found.earlier:
        again = f", answer {old.repeat + 1}" if old.repeat else ""
        _section(f"An earlier run{again} ({old.why})", old.raw or "(nothing)")


def _section(title: str, text: str) -> None:
    echo()
    echo(title, bold=True)
    for line in _folded(printable(text)):
        echo(f"{INDENT}{line}")


def _folded(text: str) -> list[str]:
    wide = width()
    return wrap(text, None if wide is None else wide - len(INDENT))


def _facts(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in facts.items())


def _print_pictures(cell: Cell, found: SampleAnswers, first: StoredAnswer) -> None:
    if not first.pictures:
        return
    echo()
    echo(f"Pictures: {len(first.pictures)}", bold=True)
    for picture in _pictures(cell, found.row, first):
        print_text(f"{INDENT}{picture['name'] or 'picture'}: sha256 {picture['digest']}", 6)
        if picture["original"] != picture["digest"]:
            print_text(f"{INDENT}  made of sha256 {picture['original']}", 6)
        where = f"in {picture['pack']}, row {picture['row']}" if picture["pack"] else picture["why"]
        print_text(f"{INDENT}  {where}", 6)


def _print_answer(cell: Cell, one: GivenAnswer) -> None:
    stored, scores = one.stored, one.scores
    if stored.reasoning:
        echo(f"{INDENT}[reasoning]")
        for line in _folded(printable(stored.reasoning)):
            echo(f"{INDENT}{line}")
        echo(f"{INDENT}[answer]")
    whole = hide(stored.raw) == stored.raw  # a secret may not be cut into pieces, and be shown so
    parts = read_parts(stored.raw, *scores.span) if scores.span and whole else None
    if parts is None:
        for line in _folded(printable(stored.raw or "(nothing)")):
            echo(f"{INDENT}{line}")
    for pieces in _marked_lines(parts) if parts else ():
        echo_marked([(INDENT, False), *pieces])
    for digest in stored.produced:
        print_text(f"{INDENT}drew {_drawn(cell, digest)}", 6)
    for name, text in _said(one):
        print_text(f"  {name}: {text}", 4)


def _said(one: GivenAnswer) -> Iterator[tuple[str, str]]:
    stored, scores, call = one.stored, one.scores, one.call
    if scores.stage:
        begin, end = scores.span or (0, 0)
        read = f' "{stored.raw[begin:end]}", characters {begin + 1:,} to {end:,},' if scores.span else ""
        yield "read", f"{read.strip()} by the rule {scores.stage}".strip()
    if scores.cut:
        yield "cut", "read although the answer was cut off"
    if stored.why:
        yield "why", stored.why
    if scores.values:
        yield "scores", ", ".join(f"{n} {'none' if v is None else f'{v:.3g}'}" for n, v in scores.values)
    tokens = [
        f"{call[k]:,} {w}"
        for k, w in (("input_tokens", "in"), ("output_tokens", "out"))
        if call[k] is not None
    ]
    facts = [f"{call['latency']:.2f} s"] if call["latency"] is not None else []
    facts += [f"tokens {' and '.join(tokens)}"] if tokens else []
    facts += [f"${call['cost']:.4f}"] if call["cost"] else []
    facts += [f"{counted(call['calls'], 'request')} in all"] if (call["calls"] or 1) > 1 else []
    facts += [f"finished by {stored.finish}"] if stored.finish else []
    facts += [f"served by {stored.model}"] if stored.model else []
    if facts:
        yield "call", ", ".join(facts)


def _marked_lines(parts: Sequence[str]) -> Iterator[list[tuple[str, bool]]]:
    """The lines of a text, each in pieces: those that were read are marked."""
    before, read, after = (_without_marks(escape_unseen(part)) for part in parts)
    on = False
    for line in _folded(f"{before}{_BEGIN}{read}{_END}{after}"):
        pieces: list[tuple[str, bool]] = []
        for number, piece in enumerate(line.replace(_END, _BEGIN).split(_BEGIN)):
            on = on if not number else not on
            pieces += [(piece, on)] if piece else []
        yield pieces


def _without_marks(text: str) -> str:
    return text.replace(_BEGIN, written_out(_BEGIN)).replace(_END, written_out(_END))
