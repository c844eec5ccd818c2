"""Everything that hemm registers keeps the contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemm.core import Sample
from hemm.metrics import METRICS
from hemm.metrics import resolve as metric
from hemm.metrics.formats import OneOf, YesNo
from hemm.models import ModelOptions
from hemm.models import resolve as model
from hemm.tasks import ROWS, TASKS
from hemm.tasks.probes import PROBES
from hemm.testing import check_metric, check_model, check_task


@pytest.mark.parametrize(
    "name", [n for n in METRICS.names() if n not in ("consistency", "permutation_consistency")]
)
def test_metrics(name: str) -> None:
    check_metric(metric(name))


@pytest.mark.parametrize("name", METRICS.names())
def test_metrics_on_closed_questions(name: str) -> None:
    samples = [
        Sample(
            f"s{i}",
            unit=f"u{i // 2}",
            references=(("yes", "no")[i % 3 == 0],),
            choices=("yes", "no"),
            metadata={"presentation": f"p{i // 4}", "example": f"e{i // 2}", "answer_type": "closed"},
        )
        for i in range(8)
    ]
    check_metric(metric(name), samples=samples, answer=YesNo())
    letters = [Sample(f"s{i}", references=("owl",), choices=("owl", "gull", "heron")) for i in range(4)]
    if metric(name).group == "sample":
        check_metric(metric(name), samples=letters, answer=OneOf())


@pytest.mark.parametrize("name", list(PROBES))
def test_probe_tasks(name: str) -> None:
    check_task(TASKS.get(name), limit=150)


@pytest.mark.parametrize("name", list(ROWS))
def test_data_sets(name: str, realdata: Path) -> None:
    folder = realdata / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    check_task(TASKS.get(name), folder=folder)


def test_every_row_of_the_registry_carries_its_own_name() -> None:
    assert [TASKS.get(name).name for name in TASKS.names()] == TASKS.names()
    assert [metric(name).name for name in METRICS.names()] == METRICS.names()


def test_served_models() -> None:
    from servers import ChatServer

    with ChatServer() as server:
        check_model(model(f"{server.url}#m", ModelOptions()))
