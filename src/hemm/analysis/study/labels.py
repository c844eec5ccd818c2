"""Subjects and their labels, unique among those at hand: ``gpt-4o · system "Be brief." · top_p 0.9``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from hemm.analysis.study.asked_options import Options
from hemm.core import CONTROLS, canonical, digest, redact, storable
from hemm.engine.protocol_options import USUAL

if TYPE_CHECKING:
    from hemm.results.read import Cell

QUOTED = 28
"""Most characters of a text that a label quotes."""


@dataclass(frozen=True)
class Subject:
    """A model with its settings. ``control`` is empty where the pictures are unchanged.

    options  those that differ from the default of the task, by name (``engine.protocol_options``)
    """

    key: str
    label: str
    model: str
    revision: str
    control: str
    options: Options = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, str]:
        """The row of ``hemm profile --format json``."""
        return {
            "key": self.key,
            "label": storable(self.label),
            "model": self.model,
            "revision": self.revision,
            "control": self.control,
        }


def labels_of(
    subjects: Sequence[Subject], cells: Sequence[Cell], apart: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Key -> label of each subject. ``cells``: one of each subject's cells, in the order of ``subjects``.

    A label has the model, its revision where models of one name have several, the options that differ from
    the default, the overlays, and the control. ``apart`` has subjects that differ from another in their
    protocol alone: their key -> the other's key, and the beginning of their protocol.
    """
    names = _names(subjects)
    words = _OptionWords(subjects, cells)
    labels: dict[str, str] = {}
    for subject, cell in zip(subjects, cells, strict=True):
        over = [f"overlay {one['name']} [{one['digest'][:6]}]" for one in cell.run.get("overlays") or ()]
        label = " · ".join([names[subject.model, subject.revision], *words.of(subject), *over])
        if subject.control:
            label += f" ({CONTROLS[subject.control].label})"
        if subject.key in apart:
            label += f" [{apart[subject.key][1]}]"
        labels[subject.key] = label
    return _told_apart(labels)


def _names(subjects: Sequence[Subject]) -> dict[tuple[str, str], str]:
    """(model, revision) -> the model's name, with as much of the revision as tells it from the others."""
    revisions: dict[str, set[str]] = {}
    for subject in subjects:
        revisions.setdefault(subject.model, set()).add(subject.revision)
    names = {}
    for model, known in revisions.items():
        length = 8
        while len({revision[:length] for revision in known}) < len(known):
            length += 1
        for revision in known:
            shown = f"@{revision[:length]}" if revision and len(known) > 1 else ""
            names[model, revision] = model + shown
    return names


class _OptionWords:
    """Each option of the subjects in words, with a digest where the words for two values are the same."""

    def __init__(self, subjects: Sequence[Subject], cells: Sequence[Cell]) -> None:
        self._files: dict[str, str] = {}
        for cell in cells:
            if file := cell.run.get("prompt_file"):
                self._files.setdefault(cell.run["protocol_spec"]["template"], PurePath(file).name)
        self._values: dict[str, set[bytes]] = {}
        for subject in subjects:
            for name, value in subject.options.items():
                self._values.setdefault(self._words(name, value), set()).add(canonical([name, value]))

    def of(self, subject: Subject) -> list[str]:
        order = list(USUAL)
        names = sorted(subject.options, key=lambda n: (order.index(n) if n in USUAL else len(order), n))
        return [self._distinct(name, subject.options[name]) for name in names]

    def _distinct(self, name: str, value: Any) -> str:
        words = self._words(name, value)
        return words if len(self._values[words]) == 1 else f"{words} [{digest([name, value], 6)}]"

    def _words(self, name: str, value: Any) -> str:
        if name == "prompt" and value in self._files:
            return f"prompt {self._files[value]}"
        if name == "shots":
            return f"{value} shot{'s' * (value != 1)}"
        if name == "max_pixels":
            return f"{value} pixels"
        if name in ("perturb", "scoring"):
            return str(value)
        if name == "stop":
            return " ".join(["stop", *(json.dumps(text, ensure_ascii=False) for text in value)])
        return f"{name} {_value(value, quoted=name in ('prompt', 'system'))}"


def _value(value: Any, quoted: bool) -> str:
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if not isinstance(value, str):
        return str(value)
    text = " ".join(redact(value).split())
    short = text if len(text) <= QUOTED else f"{text[: QUOTED - 1].rstrip()}…"
    return f'"{short}"' if quoted or short != value else short


def _told_apart(labels: Mapping[str, str]) -> dict[str, str]:
    """``labels`` with the beginning of the key behind those that several subjects would have."""
    unique, length = dict(labels), 6
    while len(set(unique.values())) < len(unique):
        times = Counter(unique.values())
        unique = {k: v if times[v] == 1 else f"{v} [{k[:length]}]" for k, v in unique.items()}
        length += 6
    return unique
