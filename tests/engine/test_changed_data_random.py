"""Random histories of data and commands: scored is what a new folder would score; nothing is asked twice."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake import Batched, FakePack, Served, go, picture, sample
from hemm.core import HemmError, Request, Response, Sample
from hemm.results.read import cell

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"control": "shuffle"},
    {"control": "none"},
    {"shots": 2},
    {"max_pixels": 16},
)


class Fickle(Served):
    """A served model that may be gone after some requests."""

    lasts: int = 1_000_000

    async def generate(self, request: Request) -> Response:
        if len(self.asked) >= self.lasts:
            raise HemmError("the server is gone")
        return await super().generate(request)


def edited(rows: list[Sample], draw: random.Random, chained: bool) -> list[Sample]:
    """Some edits of the data: what is judged, what is sent, rows that come and go, their order."""
    rows = list(rows)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(rows))
        one, number = rows[at], draw.randrange(60)
        kind = draw.choice(
            ["references", "cluster", "unit", "labels", "stratum", "metadata", "question", "media", "swap"]
            + ([] if chained else ["remove", "add", "back"])
        )
        if kind == "remove" and len(rows) > 8:
            del rows[at]
        elif kind == "add" or kind == "back":
            new = sample(number if kind == "add" else at)
            rows = [*(r for r in rows if r.id != new.id), new]
        elif kind == "swap" and not chained:
            rows[at], rows[0] = rows[0], rows[at]
        elif kind == "question":
            rows[at] = replace(one, fields={"question": f"Is {number} even?"})
        elif kind == "media":
            rows[at] = replace(one, media=(picture(number),))
        elif kind == "references":
            rows[at] = replace(one, references=(draw.choice(["yes", "no"]),))
        elif kind == "labels":
            rows[at] = replace(one, labels={"use_case": draw.choice(["hci", "science"])})
        elif kind == "metadata":
            rows[at] = replace(one, metadata={"number": number})
        elif kind in ("cluster", "unit", "stratum"):
            rows[at] = replace(one, **{kind: f"x{number % 5}"})
    return rows


COLUMNS = ("request_key", "prompt", "media", "raw", "references", "labels", "cluster", "unit", "metadata")


def scored(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """What is scored, by sample and repeat: what was sent, what it is judged by, its score."""
    found = cell(folder)
    rows = found.answers(["id", "repeat", *COLUMNS]).to_pylist()
    answers = {(row.pop("id"), row.pop("repeat")): row for row in rows}
    values = {(v["group"], v["repeat"]): v for v in found.scores("accuracy-v2").to_pylist()}
    assert {key for key in values if key[1] is not None} == set(answers)
    for key, row in answers.items():
        row["value"], row["score_labels"] = values[key]["value"], values[key]["labels"]
    return answers


SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(12, 60))]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_ends_where_a_new_folder_begins(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    options, chained = dict(draw.choice(OPTIONS)), draw.random() < 0.2
    shots = [sample(900 + n, cluster=f"shot{n}") for n in range(6)] if "shots" in options else []
    rows = [sample(n, after=f"s{n - 1:05d}" if chained and n % 3 else None) for n in range(18)]
    kind = draw.choice([Batched, Fickle])
    asked: list[tuple[str, int, str]] = []
    for step in range(6):
        rows = edited(rows, draw, chained)
        limit, repeats = draw.choice([3, 8, None]), draw.choice([1, 1, 2])
        model = kind()
        if kind is Fickle and draw.random() < 0.3:
            model.lasts = draw.randint(1, 8)
        pack = FakePack(rows, shots)
        try:
            folder = go(tmp_path, model, pack, limit=limit, repeats=repeats, **options).folder
        except HemmError:
            second = kind()
            folder = go(tmp_path, second, pack, limit=limit, repeats=repeats, **options).folder
            lost = model.requests[-8:]  # in flight when the server went
            model.requests = [*model.requests, *second.requests]
            asked = [a for a in asked if a not in {(r.sample_id, r.repeat, r.key) for r in lost}]
        now = [(r.sample_id, r.repeat, r.key) for r in model.requests]
        if kind is Fickle and model.lasts == 1_000_000:
            assert not set(now) & set(asked), "what was answered before is asked again"
        asked += now
        # a new folder that is asked all that the selections of this history take now
        new = tmp_path.parent / f"{tmp_path.name}-{step}"
        for record in cell(folder).run["selections"]:
            fresh = go(new, kind(), pack, limit=record["limit"], repeats=record["repeats"], **options).folder
        right, here = scored(fresh), scored(folder)
        assert here == {key: right[key] for key in here}
        answered = {(name, repeat, key) for name, repeat, key in asked}
        assert set(here) >= {k for k, row in right.items() if (*k, row["request_key"]) in answered}
        last = go(
            tmp_path.parent / f"{tmp_path.name}-last{step}",
            kind(),
            pack,
            limit=limit,
            repeats=repeats,
            **options,
        )
        assert set(here) >= set(scored(last.folder))
