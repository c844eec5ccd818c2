"""Everything that hemm registers keeps the contracts."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from hemm.core import BatchModel, Binds, Generation, Outcome, Request, Sample, Task, request_key
from hemm.data.pack.prepare import prepare
from hemm.metrics import METRICS
from hemm.metrics import resolve as metric
from hemm.models import ModelOptions
from hemm.models import resolve as model
from hemm.parsing.formats import OneOf, YesNo
from hemm.parsing.outcome import judge
from hemm.tasks import TASKS
from hemm.tasks.probes import PROBES
from hemm.tasks.prompt import render
from hemm.testing import check_metric, check_model, check_task

OWN_QUESTIONS = ("winoground", "we_math", "iou", "point_in_box")
"""Metrics that judge questions of one form alone; their own tests check them."""

WEIGHTLESS = [n for n in METRICS.names() if not metric(n).needs and n not in OWN_QUESTIONS]


@pytest.mark.parametrize(
    "name", [n for n in WEIGHTLESS if n not in ("consistency", "permutation_consistency")]
)
def test_metrics(name: str) -> None:
    check_metric(metric(name))


@pytest.mark.parametrize("name", WEIGHTLESS)
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
    # a word of all documents weighs nothing, and one class has no area
    if metric(name).group == "sample" and name not in ("cider_d", "auroc"):
        check_metric(metric(name), samples=letters, answer=OneOf())


@pytest.mark.parametrize("name", list(PROBES))
def test_probe_tasks(name: str) -> None:
    check_task(TASKS.get(name), limit=150)


REAL = ("nlvr", "uc_merced", "vqa_rad")
"""Data sets of which real files may lie beside the checkout; ``test_thirty`` checks all, from small ones."""


@pytest.mark.parametrize("name", REAL)
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


@pytest.mark.parametrize("name", ["random", "majority", "oracle"])
def test_baselines(name: str, cache: Path) -> None:
    task = TASKS.get(next(iter(PROBES)))
    pack = prepare(task, limit=40)
    baseline = model(f"baseline/{name}", ModelOptions())
    assert isinstance(baseline, Binds)
    baseline.bind(task, pack)
    check_model(baseline, requests=[asked(task, s) for s in islice(pack.samples(), 8)])


def asked(task: Task, sample: Sample) -> Request:
    """What the engine would ask."""
    messages = render(task, sample)
    options = task.answer.options(sample)
    return Request(sample.id, 0, messages, Generation(), request_key("p", messages, 0, options))


@pytest.mark.parametrize("name", [*PROBES, *REAL])
def test_the_oracle_reaches_the_ceiling_and_a_pack_keeps_every_sample(
    name: str, cache: Path, request: pytest.FixtureRequest
) -> None:
    """From pack to score by the way that answers go: prompt, answer text, format, outcome, metric."""
    folder = None
    if name in REAL:
        folder = request.getfixturevalue("realdata") / name
        if not folder.is_dir():
            pytest.skip(f"no {folder}")
    task = TASKS.get(name)
    pack = prepare(task, folder=folder, limit=60)
    oracle = model("baseline/oracle", ModelOptions())
    assert isinstance(oracle, BatchModel)
    assert isinstance(oracle, Binds)
    oracle.bind(task, pack)
    samples = list(pack.samples())
    answers = oracle.generate_batch([asked(task, s) for s in samples])
    judged = [judge(s, 0, a, task.answer) for s, a in zip(samples, answers, strict=True)]
    assert {j.outcome for j in judged} == {Outcome.OK}
    headline = metric(task.metrics[0])
    if headline.group == "sample":
        scores = headline.score([[j] for j in judged])
        best = [headline.ceiling([s]) for s in samples]
        assert [s[""] for s in scores] == pytest.approx(best)
