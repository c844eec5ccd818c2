"""Packs of a user's own data stay current: what a pack remembers of its reader is as in hemm 0.1.0."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemm.data.readers.layouts import reader_digest
from hemm.tasks import resolve

ROW = '{"image": "p.png", "question": "Which?", "answer": "a", "choices": ["a", "b"]}\n'
TABLE = "index\tquestion\tanswer\n1\tWhich?\ta\n"
CARD = "columns:\n  answers: label\n  images: image\n"
TASK = """
from functools import partial
from types import SimpleNamespace

from hemm.core import Card, Layout, Task


def read(folder, number):
    yield from ()


def fetch(into, progress=None):
    return into, ""


SOURCE = SimpleNamespace(name="own", ids="", layout=Layout((), partial(read, number=3)), fetch=fetch)
TASK = Task("own", Card("Own"), (SOURCE,), "", None, ("accuracy",))
"""
WAS = {
    "./birds": "cd498356fcee8c98",
    "lines.jsonl": "d2da9caba76f5ead",
    "table.tsv": "58ae21b4121b885c",
    "hub:example/birds": "f9c2f93f7de88ce2",
    "./own.py": "77a14b7a5c32d173",
}
"""What hemm 0.1.0 gave for these files."""


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data at relative paths, which are part of what a pack remembers."""
    files = {
        "birds/rows.jsonl": ROW,
        "lines.jsonl": ROW,
        "table.tsv": TABLE,
        "map.yaml": CARD,
        "own.py": TASK,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("spec", WAS)
def test_the_reader_of_own_data_is_remembered_as_before(spec: str, own_data: None) -> None:
    card = Path("map.yaml") if spec.startswith("hub:") else None
    (source,) = resolve(spec, card).sources
    assert reader_digest(source.layout) == WAS[spec]
