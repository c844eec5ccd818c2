"""Stored answers and cells from rows in memory, for tests of scoring and analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pyarrow as pa

from hemm.analysis.profile.rows import Profile, TaskRow
from hemm.metrics import metric_key, resolve, spec_of
from hemm.metrics.scoring import aggregate, score_answers
from hemm.parsing.formats import OneOf, ShortAnswer
from hemm.results.answer_record import ANSWER_SCHEMA

BLANK: dict[str, Any] = {
    "sample_hash": "0" * 32,
    "request_key": "0" * 32,
    "labels": [("use_case", "science")],
    "prompt": "?",
    "raw": "",
    "reasoning": "",
    "finish": "stop",
    "options": [],
    "logprobs": [],
    "media": [],
    "produced": [],
    "references": [],
    "choices": [],
    "metadata": "{}",
    "model": "",
}


def answer(key: str, raw: str | None = "", *references: str, **facts: Any) -> dict[str, Any]:
    """One stored answer; ``raw`` None is an error."""
    failed = (
        {"failure": "server", "failure_message": "503", "failure_permanent": False} if raw is None else {}
    )
    facts = {k: orjson.dumps(v).decode() if k == "metadata" else v for k, v in facts.items()}
    row = {
        **BLANK,
        "id": key,
        "unit": key,
        "cluster": key,
        "repeat": 0,
        "raw": raw or "",
        "references": list(references),
    }
    return {**row, **failed, **facts}


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=ANSWER_SCHEMA)


def values(scores: pa.Table, component: str = "") -> dict[str, float | None]:
    rows = [r for r in scores.to_pylist() if r["component"] == component]
    return {r["group"]: r["value"] for r in rows}


@dataclass
class Stored:
    """A cell as ``hemm.results.read`` gives it, from rows in memory."""

    rows: list[dict[str, Any]]
    model: str = "m"
    task: str = "t"
    control: str = ""
    metrics: tuple[str, ...] = ("accuracy",)
    protocol: str = "0123456789ab"
    state: str = "sealed"
    revision: str = "1"
    template: str = "?"
    tokens: int = 8
    options: dict[str, Any] | None = None
    selection: dict[str, Any] = field(
        default_factory=lambda: {"seed": 0, "limit": None, "units": 4, "repeats": 1}
    )

    @property
    def folder(self) -> Path:
        return Path(f"results/{self.model}/{self.task}/{self.protocol}")

    @property
    def run(self) -> dict[str, Any]:
        return {
            "card": {"title": self.task.upper()},
            "selections": [self.selection],
            "protocol_spec": {
                "model": {"name": self.model, "revision": self.revision},
                "template": self.template,
                "control": self.control,
                "shots": 0,
                "perturb": "",
                "generation": {"max_new_tokens": self.tokens, "temperature": 0.0, **self._set()},
            },
            **({} if self.options is None else {"options": self.options}),
        }

    def _set(self) -> dict[str, Any]:
        return {name: option["value"] for name, option in (self.options or {}).items()}

    def answers(self, columns: Sequence[str] | None = None) -> pa.Table:
        table = pa.Table.from_pylist([{**BLANK, **row} for row in self.rows], schema=ANSWER_SCHEMA)
        return table if columns is None else table.select(list(columns))

    def _scores(self) -> dict[str, tuple[Any, pa.Table]]:
        task = SimpleNamespace(
            answer=ShortAnswer() if not self.rows or not self.rows[0]["choices"] else OneOf()
        )
        found = [resolve(spec) for spec in self.metrics]
        return {metric_key(m): (m, score_answers(self.answers(), task, m)) for m in found}

    def scores(self, key: str) -> pa.Table:
        return self._scores()[key][1]

    def aggregates(self) -> dict[str, Any]:
        task = SimpleNamespace(answer=OneOf())
        rows = {
            k: {"spec": spec_of(m), **aggregate(s, m, self.answers(), task)}
            for k, (m, s) in self._scores().items()
        }
        return {"headline": next(iter(rows)), "metrics": rows} if self.rows else {}


def question(
    number: int, right: bool | None, labels: dict[str, str] | None = None, **facts: Any
) -> dict[str, Any]:
    """A question with four options, answered right, wrong or (None) not readably."""
    raw = "A" if right else "B" if right is not None else "?"
    return {
        "id": f"s{number}",
        "unit": f"s{number}",
        "cluster": f"c{number}",
        "repeat": 0,
        "raw": raw,
        "references": ["w"],
        "choices": ["w", "x", "y", "z"],
        "labels": list((labels or {"use_case": "science"}).items()),
        **facts,
    }


def questions(
    right: int, wrong: int, labels: dict[str, str] | None = None, first: int = 0
) -> list[dict[str, Any]]:
    return [question(first + i, i < right, labels) for i in range(right + wrong)]


def task_row(found: Profile, task: str, subject: str = "") -> TaskRow:
    return next(r for r in found.tasks if r.task == task and subject in ("", r.subject.label))
