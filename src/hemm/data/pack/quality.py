"""What a preparation met: in pack.json, with the first of each kind by name, and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import LeftOut, Notice, Sample, redact, storable
from hemm.core.text import counted

_NAMED = 1000
"""How many of each kind pack.json names."""
_SHOWN = 10
"""How many of each kind are printed, and named in run.json."""
_BRIEF = 3
"""How many of each kind a note names."""


@dataclass
class QualityReport:
    """Files that are missing (their samples are left out), media that do not open (their samples are kept),
    rows that the reader left out, and what it says of all of them."""

    folder: Path
    missing: list[str] = field(default_factory=list)
    missing_rows: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    problem_count: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)
    left_out_count: int = 0
    notices: dict[Notice, None] = field(default_factory=dict)
    _files: set[int] = field(default_factory=set)

    def add_missing(self, path: str) -> None:
        """Count a sample with a missing file."""
        self.missing_rows += 1
        name = self._relative(path)
        known = len(self._files)
        self._files.add(hash(name))
        if len(self._files) > known and known < _NAMED:
            self.missing.append(name)

    def add_problem(self, sample: Sample) -> None:
        """Count a sample with a medium that cannot be used."""
        self.problem_count += 1
        if len(self.problems) < _NAMED:
            self.problems.append({"id": sample.id, "problem": sample.problem})

    def add_left_out(self, row: LeftOut) -> None:
        """Count a row that is no usable question."""
        self.left_out_count += 1
        if len(self.left_out) < _NAMED:
            self.left_out.append({"where": self._relative(row.where), "why": row.why})

    def add_notice(self, notice: Notice) -> None:
        """Keep what the reader says of its data, once."""
        self.notices[notice] = None

    def restart(self) -> None:
        """Forget what the reader said, since it starts again and says it again."""
        self.left_out.clear()
        self.left_out_count = 0
        self.notices.clear()

    def explanation(self) -> str:
        """A possible reason why there is no sample at all; else empty."""
        text = ""
        if self.missing:
            text += f"; {counted(self.missing_rows, 'sample names', 'samples name')} files that are not there"
            text += f", the first: {self.missing[0]}"
        if self.left_out:
            text += f"; {counted(self.left_out_count, 'row')} cannot be asked"
            text += ", the first: {where}: {why}".format(**self.left_out[0])
        return text

    def to_json(self) -> dict[str, Any]:
        """The entry in pack.json. ``files`` counts the missing ones where not all are named."""
        more = {"files": len(self._files)} if len(self._files) > len(self.missing) else {}
        notices = [{"text": storable(n.text), "unread": n.unread} for n in self.notices]
        return {
            "missing": {"count": self.missing_rows, "names": self.missing, **more},
            "problems": {"count": self.problem_count, "samples": self.problems},
            "left_out": {"count": self.left_out_count, "rows": self.left_out},
            **({"notices": notices} if notices else {}),
        }

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}/")


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that a preparation met.

    text      what, and how many
    named     (where, why) of the first
    things    how many there are to name
    complete  whether the samples are all there and can be asked nevertheless
    lasting   whether scores are to be read with it
    """

    text: str
    named: tuple[tuple[str, str], ...] = ()
    things: int = 0
    complete: bool = True
    lasting: bool = True

    def lines(self) -> Iterator[str]:
        """As it is printed: what, then the first of them, and how many more there are."""
        yield self.text
        for where, why in self.named[:_SHOWN]:
            yield f"  {storable(where)}: {' '.join(storable(redact(why)).split())}"
        if self.things > len(self.named[:_SHOWN]):
            yield f"  and {self.things - len(self.named[:_SHOWN])} more"

    def note(self) -> str:
        """The same in one line."""
        first = [where if why == "missing" else f"{where}: {why}" for where, why in self.named[:_BRIEF]]
        more = [f"and {self.things - len(first)} more"] if self.things > len(first) else []
        return self.text + (f" ({', '.join((*first, *more))})" if first else "")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind in pack.json: what is counted, its text, the key of what it names and what that is, and
    whether all samples can be asked."""

    noun: str
    text: str
    key: str
    named: Callable[[Any], tuple[str, str]]
    complete: bool = False


_KINDS: Mapping[str, _Kind] = {
    "left_out": _Kind(
        "row",
        "{} left out: they cannot be asked",
        "rows",
        lambda row: (row["where"], row["why"]),
        complete=True,
    ),
    "missing": _Kind(
        "sample", "{} left out: their files are missing", "names", lambda name: (name, "missing")
    ),
    "problems": _Kind(
        "sample", "{} whose media cannot be used", "samples", lambda sample: (sample["id"], sample["problem"])
    ),
}


def findings(info: Mapping[str, Any]) -> list[Finding]:
    """What the preparation of a pack met. ``info``: its pack.json, or ``met`` of it as run.json has it."""
    found = [Finding(notice["text"], lasting=bool(notice["unread"])) for notice in info.get("notices") or ()]
    for key, kind in _KINDS.items():
        entry = info.get(key) or {}
        if entry.get("count"):
            named = tuple(dict.fromkeys(map(kind.named, entry[kind.key])))
            # several samples may name one missing file
            things = entry.get("files", len(named)) if key == "missing" else entry["count"]
            found.append(
                Finding(kind.text.format(counted(entry["count"], kind.noun)), named, things, kind.complete)
            )
    return found


def met(info: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json keeps of it: as pack.json has it, with the first few names of each kind."""
    kept: dict[str, Any] = {"notices": info["notices"]} if info.get("notices") else {}
    for key, kind in _KINDS.items():
        entry = info.get(key) or {}
        if entry.get("count"):
            named = entry[kind.key]
            files = {"files": len(named)} if key == "missing" and len(named) > _SHOWN else {}
            kept[key] = {**files, **entry, kind.key: named[:_SHOWN]}
    return kept


def told(task: str, info: Mapping[str, Any]) -> Iterator[str]:
    """Lines for people on what the preparation of the task's pack met."""
    for finding in findings(info):
        first, *more = finding.lines()
        yield f"{task}: {first}"
        yield from more
