"""Filters that join answers to one another choose what the analysis counts, and read no more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import fake
from hemm.core import Identity, Response
from hemm.web.filters import Where, read_filter


@dataclass
class Sometimes(fake.Batched):
    """Right where ``rights`` has (number of the sample, repeat)."""

    rights: frozenset[tuple[int, int]] = frozenset()

    def generate_batch(self, requests: Any) -> list[Response]:
        right = [(int(r.sample_id[1:]), r.repeat) in self.rights for r in requests]
        return [
            Response(fake.right(r) if good else "neither") for r, good in zip(requests, right, strict=True)
        ]


def test_a_flip_is_between_answers_of_the_same_repeat(tmp_path: Path, ask: Any) -> None:
    """Two models that are right the first time and wrong the second did not flip: as hemm diff counts."""
    pack = fake.FakePack([fake.sample(n) for n in range(3)])
    rights = {"alpha": {(0, 0), (1, 0), (1, 1)}, "beta": {(0, 0), (2, 1)}}
    for name, own in rights.items():
        model = Sometimes(identity=Identity(name, "1"), rights=frozenset(own))
        fake.go(tmp_path, model, pack, repeats=2, settings=(("temperature", "0.5"),))
    client = ask(tmp_path)
    both = [c.subject for c in client.app.state.explorer.catalog.cells]
    models = urlencode(dict(zip("ab", both, strict=True)))
    for flip, wanted in {"lost": {"s00001"}, "gained": {"s00002"}}.items():
        lines = client.get(f"/download/answers.jsonl?{models}&flip={flip}").text.splitlines()
        rows = [json.loads(line) for line in lines]
        assert {r["id"] for r in rows} == wanted, flip
        assert len(rows) == 4, "both models' answers of both repeats are shown beside each other"


def test_a_filter_by_model_compares_its_cells_without_casting_a_column(results: Path, ask: Any) -> None:
    """A column that is cast for each row keeps DuckDB from skipping the rows of other cells."""
    index = ask(results).app.state.explorer.index
    pairs = [("a", "baseline/random"), ("b", "baseline/oracle"), ("flip", "lost")]
    for chosen in ([("model", "baseline/random")], pairs):
        where = Where(read_filter(chosen, index.catalog, ()), index.catalog)
        plan = str(index.read(f"explain select count(*) {where.sql}", where.values))
        assert "CAST(cell" not in plan
