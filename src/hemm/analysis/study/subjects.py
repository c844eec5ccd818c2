"""Subjects: what a study compares. Each is a model with every option that differs from its task's default.

Two cells belong to one subject where model, revision, control and these options are the same, so answers that
were given under different protocols are never averaged as one model's. No two subjects of a study have the
same label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemm.analysis.study.asked_options import AskedOptions, Options, asked_options
from hemm.analysis.study.labels import Subject, labels_of
from hemm.core import canonical, digest
from hemm.engine.protocol_options import USUAL

if TYPE_CHECKING:
    from hemm.results.read import Cell

_HASHED = ("temperature", "top_p", "stop", "max_pixels", "thinking_budget", "scoring")
_NOTHING_SET = {
    "shots": 0,
    "perturb": "",
    "prompt": "",
    "generation": {"seed": 0, "extra": [], **{name: USUAL[name] for name in _HASHED}},
}
"""What version 0.1.0 hashed beside the model where no option was set, so that keys in stored JSON hold."""


@dataclass(frozen=True)
class Member:
    """A cell of a subject, by its number among the cells at hand.

    pair  joins a control to the subject without it
    """

    number: int
    subject: Subject
    pair: str


def members_of(cells: Sequence[Cell]) -> tuple[list[Member], list[str]]:
    """The subject of each cell, in the order of ``cells``, and notes.

    A cell belongs to two subjects where an option was set to what its task has anyway: ``max_new_tokens`` of
    64 is another protocol on some tasks alone. A second cell of the same subject and task (the task's own
    prompt was another, in an older version) becomes a subject of its own.
    """
    asked = [asked_options(cell) for cell in cells]
    homes = _homes(cells, asked)
    members: list[Member] = []
    seen: set[tuple[str, str]] = set()
    apart: dict[str, tuple[str, str]] = {}
    for number, (cell, options) in enumerate(zip(cells, homes, strict=True)):
        member = _member(number, cell, options)
        if (member.subject.key, cell.task) in seen:
            subject, protocol = member.subject, _beginning(cell.protocol, member.subject.key, apart)
            key = f"{subject.key}-{protocol}"
            apart[key] = (subject.key, protocol)
            member = Member(number, replace(subject, key=key), f"{member.pair}-{protocol}")
        seen.add((member.subject.key, cell.task))
        members.append(member)
    for number, options in _also(cells, asked, homes):
        member = _member(number, cells[number], options)
        if (member.subject.key, cells[number].task) not in seen:
            seen.add((member.subject.key, cells[number].task))
            members.append(member)
    members.sort(key=lambda m: m.number)
    labels = labels_of([m.subject for m in members], [cells[m.number] for m in members], apart)
    members = [replace(m, subject=replace(m.subject, label=labels[m.subject.key])) for m in members]
    notes = [
        f"{labels[apart[m.subject.key][0]]} has several protocols of task {cells[m.number].task}: "
        f"one of them is shown as {m.subject.label}"
        for m in members
        if m.subject.key in apart
    ]
    return members, notes


def _identity(cell: Cell) -> bytes:
    return canonical(cell.run["protocol_spec"]["model"])


def _control(cell: Cell) -> str:
    return str(cell.run["protocol_spec"].get("control") or "")


def _homes(cells: Sequence[Cell], asked: Sequence[AskedOptions]) -> list[Options]:
    """The options of each cell's own subject: those that were given, where they differ from the default on
    some task of that model, else those that differ on the cell's task."""
    changed: dict[bytes, set[bytes]] = {}
    for cell, each in zip(cells, asked, strict=True):
        changed.setdefault(_identity(cell), set()).add(canonical(each.changed))
    return [
        each.given if canonical(each.given) in changed[_identity(cell)] else each.changed
        for cell, each in zip(cells, asked, strict=True)
    ]


def _also(
    cells: Sequence[Cell], asked: Sequence[AskedOptions], homes: Sequence[Options]
) -> Iterator[tuple[int, Options]]:
    """Cells of further subjects: those whose options give the same protocol on the cell's task."""
    subjects: dict[tuple[bytes, str], dict[bytes, Options]] = {}
    for cell, options in zip(cells, homes, strict=True):
        subjects.setdefault((_identity(cell), _control(cell)), {})[canonical(options)] = options
    for number, (cell, each) in enumerate(zip(cells, asked, strict=True)):
        own = canonical(homes[number])
        for name, options in subjects[_identity(cell), _control(cell)].items():
            alike = all(n in each.values and each.values[n] == value for n, value in options.items())
            if name != own and alike and each.changed.keys() <= options.keys():
                yield number, options


def _member(number: int, cell: Cell, options: Options) -> Member:
    told = [{"model": cell.run["protocol_spec"]["model"], **_NOTHING_SET}]
    told += [{"overlays": cell.run["overlays"]}] if cell.run.get("overlays") else []
    control, more = _control(cell), [options] if options else []
    key = digest([*told, control, *more], 12)
    subject = Subject(key, "", cell.model, cell.revision, control, options)
    return Member(number, subject, digest([*told, *more], 12))


def _beginning(protocol: str, key: str, apart: dict[str, tuple[str, str]]) -> str:
    """The shortest beginning of ``protocol``, from 6 digits, that no other cell of this subject has."""
    lengths = range(6, len(protocol) + 1)
    return next((protocol[:n] for n in lengths if f"{key}-{protocol[:n]}" not in apart), protocol)
