"""The page of answers that flipped between two models: one self-contained HTML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hemm.analysis.diff import TITLES, Flips
from hemm.core import HemmError
from hemm.report.examples import Example
from hemm.report.page.template import render
from hemm.report.pictures import Gallery
from hemm.report.tables.diff import examples_of
from hemm.report.text import one_line

SHOWN = 4
"""Examples of each kind and task."""


@dataclass(frozen=True)
class Shown:
    """Examples of one kind of one task, of ``count``."""

    title: str
    count: int
    examples: tuple[Example, ...]


def write(found: Flips, file: Path, per_kind: int = SHOWN, pictures: int = 3_000_000) -> Path:
    """Write the flips as one self-contained HTML file: its path."""
    from hemm.data.files import write_atomic

    if file.is_dir():
        raise HemmError(f"{file} is a folder: name the file (-o {file / 'diff.html'})")
    gallery = Gallery(bytes_left=pictures)
    shown = {
        task.task: [
            Shown(TITLES[kind], count, tuple(e for _, e in made))
            for kind, count, made in examples_of(found, task, per_kind, gallery)
        ]
        for task in found.tasks
    }
    title = f"{one_line(found.labels[0], 50)} and {one_line(found.labels[1], 50)}: answers that flipped"
    page = render("diff.html", title=title, found=found, shown=shown)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, page.encode("utf-8"))
    return file
