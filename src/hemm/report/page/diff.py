"""The page of answers that flipped between two models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hemm.analysis.diff import TITLES, Flips
from hemm.core import HemmError
from hemm.core.secrets import hide
from hemm.report.examples import Example
from hemm.report.page.template import render
from hemm.report.pictures import Gallery
from hemm.report.tables.diff import examples_of
from hemm.report.text import one_line

PER_KIND = 4
"""Most examples of each kind and task."""


@dataclass(frozen=True)
class FlipExamples:
    """Examples of the ``count`` flips of one kind in one task."""

    title: str
    count: int
    examples: tuple[Example, ...]


def write(flips: Flips, file: Path, per_kind: int = PER_KIND, pictures: int = 3_000_000) -> Path:
    """Write the flips as one self-contained HTML file, and return its path."""
    from hemm.data.files import write_atomic

    if file.is_dir():
        raise HemmError(f"{file} is a folder: name the file (-o {file / 'diff.html'})")
    gallery = Gallery(bytes_left=pictures)
    examples = {
        task.task: [
            FlipExamples(TITLES[kind], count, tuple(e for _, e in cards))
            for kind, count, cards in examples_of(flips, task, per_kind, gallery)
        ]
        for task in flips.tasks
    }
    title = f"{one_line(flips.labels[0], 50)} and {one_line(flips.labels[1], 50)}: answers that flipped"
    page = render("diff.html", title=title, flips=flips, examples=examples)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, hide(page).encode("utf-8"))
    return file
