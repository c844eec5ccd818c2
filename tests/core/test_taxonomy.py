"""The taxonomy of the paper, as data that plug-ins may add to."""

from __future__ import annotations

import pytest

from hemm.core import DIMENSIONS, Card, Dimension, Sample, Task, UnknownName, check_labels, declare
from hemm.parsing.formats import YesNo


def test_the_six_dimensions_of_the_paper() -> None:
    assert {name: d.categories for name, d in DIMENSIONS.items()} == {
        "use_case": ("multimedia", "affective_computing", "science", "healthcare", "hci"),
        "interaction": ("redundancy", "uniqueness", "synergy"),
        "fine_grained": ("yes", "no"),
        "reasoning": ("less", "more"),
        "external_knowledge": ("yes", "no"),
        "information_flow": ("querying", "translation", "fusion", "editing"),
    }


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"use_cse": "hci"}, "unknown dimension in row 7 'use_cse'; did you mean 'use_case'"),
        ({"use_case": "HCI!"}, "unknown category of use_case in row 7 'HCI!'; did you mean 'hci'"),
        ({"reasoning": ""}, "unknown category of reasoning in row 7 ''"),
    ],
)
def test_wrong_labels_are_named_with_their_place(labels: dict[str, str], said: str) -> None:
    with pytest.raises(UnknownName) as seen:
        check_labels(labels, "row 7")
    assert str(seen.value).startswith(said)


def test_plugins_declare_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.core.taxonomy.DIMENSIONS", dict(DIMENSIONS))
    light = Dimension("light", ("day", "night"), "Light")
    declare(light)
    declare(light)
    check_labels({"light": "night"}, "row 1")
    with pytest.raises(ValueError, match="declared already"):
        declare(Dimension("light", ("dawn",), "Light"))


def task(**changes: object) -> Task:
    base: dict[str, object] = {
        "name": "toy",
        "card": Card("Toy", labels={"use_case": "hci", "reasoning": "less"}),
        "sources": (),
        "prompt": "{{ question }}",
        "answer": YesNo(),
        "metrics": ("accuracy",),
    }
    return Task(**{**base, **changes})  # type: ignore[arg-type]


def test_a_samples_labels_come_before_the_cards() -> None:
    labels = task().labels_of(Sample("1", labels={"reasoning": "more", "interaction": "synergy"}))
    assert labels == {"use_case": "hci", "reasoning": "more", "interaction": "synergy"}


def test_a_task_with_wrong_labels_or_no_metric_is_refused() -> None:
    with pytest.raises(UnknownName, match="the card of task 'toy'"):
        task(card=Card("Toy", labels={"use_case": "games"}))
    with pytest.raises(ValueError, match="names no metric"):
        task(metrics=())
