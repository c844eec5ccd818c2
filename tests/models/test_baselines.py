"""The baselines against the answer formats: what they say can be read, and is what it claims to be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hemm.core import (
    AnswerFormat,
    Card,
    Generation,
    HemmError,
    Message,
    Request,
    Response,
    Sample,
    Task,
    UnknownName,
)
from hemm.models import ModelOptions, resolve
from hemm.models.batcher import run_batch
from hemm.parsing.formats import ManyOf, OneOf, ShortAnswer, YesNo


class FakePack:
    """What the baselines use of a pack."""

    def __init__(self, test: Sequence[Sample], shots: Sequence[Sample] = ()) -> None:
        self.splits = {"test": list(test), "shots": list(shots)}

    def index(self, split: str = "test") -> Any:
        return SimpleNamespace(ids=[s.id for s in self.splits[split]])

    def samples(self, rows: object = None, split: str = "test") -> Iterator[Sample]:
        return iter(self.splits[split])

    def sample(self, row: int, split: str = "test") -> Sample:
        return self.splits[split][row]


def task(answer: AnswerFormat) -> Task:
    return Task("t", Card("T"), (), "{{ question }}", answer, ("exact_match",))


def ask(
    name: str,
    answer: AnswerFormat,
    pack: FakePack,
    *,
    seed: int = 0,
    options: tuple[str, ...] = (),
    repeat: int = 0,
) -> list[Response]:
    model: Any = resolve(f"baseline/{name}")
    model.bind(task(answer), pack)
    g = Generation(seed=seed)
    asked = [Request(s.id, repeat, (Message("user", ("q",)),), g, s.id, options) for s in pack.splits["test"]]
    return run_batch(model, asked)


def closed(answers: Sequence[str], clusters: Sequence[str] | None = None) -> list[Sample]:
    return [
        Sample(str(i), references=(a,), choices=("yes", "no"), cluster=clusters[i] if clusters else "")
        for i, a in enumerate(answers)
    ]


LETTERED = [
    Sample(str(i), references=(c[i % 3],), choices=c)
    for i, c in enumerate([("red", "green", "blue"), ("dog", "cat", "owl"), ("1", "2", "3")] * 5)
]


@pytest.mark.parametrize("lettered", [True, False])
def test_oracle_is_read_as_right(lettered: bool) -> None:
    form = OneOf(lettered=lettered)
    for sample, answer in zip(LETTERED, ask("oracle", form, FakePack(LETTERED)), strict=True):
        assert form.parse(answer.text, sample) == sample.references[0]


def test_oracle_gives_the_most_frequent_of_several_references() -> None:
    samples = [Sample("a", references=("sofa", "couch", "couch", "bed"))]
    assert ask("oracle", ShortAnswer(), FakePack(samples))[0].text == "couch"


def test_oracle_of_a_set_of_labels() -> None:
    samples = [Sample("a", references=("drama; comedy",), choices=("comedy", "drama", "war"))]
    form = ManyOf()
    assert form.parse(ask("oracle", form, FakePack(samples))[0].text, samples[0]) == {"drama", "comedy"}


def test_random_is_uniform_over_the_options_and_follows_the_seed() -> None:
    samples = [Sample(str(i), references=("a",), choices=("a", "b", "c", "d")) for i in range(4000)]
    form = OneOf(lettered=False)
    first = [a.text for a in ask("random", form, FakePack(samples), seed=1)]
    assert first == [a.text for a in ask("random", form, FakePack(samples), seed=1)]
    assert first != [a.text for a in ask("random", form, FakePack(samples), seed=2)]
    assert first != [a.text for a in ask("random", form, FakePack(samples), seed=1, repeat=1)]
    expected = len(samples) / 4
    chi2 = sum((n - expected) ** 2 / expected for n in Counter(first).values())
    assert chi2 < 16.3  # 3 degrees of freedom, p = 0.001


def test_random_does_not_depend_on_the_order_or_the_selection() -> None:
    samples = closed(["yes"] * 20)
    whole = {s.id: a.text for s, a in zip(samples, ask("random", YesNo(), FakePack(samples)), strict=True)}
    rest = list(reversed(samples[5:]))
    part = {s.id: a.text for s, a in zip(rest, ask("random", YesNo(), FakePack(rest)), strict=True)}
    assert part.items() <= whole.items()


def test_random_on_open_questions_is_another_cluster_s_reference() -> None:
    samples = [Sample(str(i), references=(f"word {i // 2}",), cluster=str(i // 2)) for i in range(20)]
    for sample, answer in zip(samples, ask("random", ShortAnswer(), FakePack(samples)), strict=True):
        assert answer.text.startswith("word")
        assert answer.text != sample.references[0]


def test_majority_leaves_the_sample_s_own_cluster_out() -> None:
    samples = closed(["yes", "yes", "yes", "no", "no", "yes"], ["a", "a", "a", "b", "c", "d"])
    answers = [a.text for a in ask("majority", YesNo(), FakePack(samples))]
    # the rest of cluster a says no, no, yes; the rest of the others has a majority of yes
    assert answers == ["no", "no", "no", "yes", "yes", "yes"]


def test_majority_of_the_shots_split_where_there_is_one() -> None:
    pack = FakePack(closed(["yes"] * 5), closed(["no", "no", "yes"]))
    assert {a.text for a in ask("majority", YesNo(), pack)} == {"no"}


def test_majority_stays_within_a_sample_s_options() -> None:
    form = OneOf()
    answers = ask("majority", form, FakePack(LETTERED))
    for sample, answer in zip(LETTERED, answers, strict=True):
        assert form.parse(answer.text, sample) in sample.choices


def test_majority_takes_the_most_frequent_place_where_no_option_was_ever_right() -> None:
    samples = [Sample(str(i), references=(f"b{i}",), choices=(f"a{i}", f"b{i}")) for i in range(4)]
    assert {a.text for a in ask("majority", OneOf(), FakePack(samples))} == {"B"}


def test_majority_of_open_answers_breaks_ties_by_the_alphabet() -> None:
    samples = [Sample(str(i), references=(w,)) for i, w in enumerate(["pear", "fig", "fig", "pear", "kiwi"])]
    assert ask("majority", ShortAnswer(), FakePack(samples))[4].text == "fig"


def test_options_get_log_probabilities_that_add_up() -> None:
    samples = closed(["yes", "no"])
    for sample, answer in zip(
        samples, ask("oracle", YesNo(), FakePack(samples), options=("yes", "no")), strict=True
    ):
        assert math.fsum(math.exp(x) for x in answer.options) == pytest.approx(1)
        assert answer.text == sample.references[0]
        assert answer.options.index(max(answer.options)) == ("yes", "no").index(answer.text)


def test_a_sample_of_another_pack_fails_alone() -> None:
    model: Any = resolve("baseline/oracle")
    model.bind(task(YesNo()), FakePack(closed(["yes"])))
    ask_ = [Request(i, 0, (), Generation(), i) for i in ("0", "elsewhere")]
    first, second = run_batch(model, ask_)
    assert first.text == "yes"
    assert second.failure is not None
    assert "elsewhere" in second.failure.message


def test_unknown_baselines_and_settings_are_named() -> None:
    with pytest.raises(UnknownName, match="did you mean 'baseline/oracle'"):
        resolve("baseline/orakle")
    with pytest.raises(UnknownName):
        resolve("baseline/oracle", ModelOptions(settings=(("dtype", "float32"),)))
    with pytest.raises(HemmError, match="batch-size"):
        resolve("baseline/oracle", ModelOptions(batch_size=-1))


@pytest.mark.parametrize("name", ["random", "majority", "oracle"])
def test_the_conformance_kit_passes(name: str) -> None:
    from hemm.testing import check_model
    from hemm.testing.model import example_requests

    model: Any = resolve(f"baseline/{name}")
    requests = example_requests(model)
    answers = ["yes", "no", "yes", "no", "yes"]
    samples = [
        Sample(r.sample_id, references=(a,), choices=("yes", "no"))
        for r, a in zip(requests, answers, strict=True)
    ]
    model.bind(task(YesNo()), FakePack(samples))
    check_model(model, requests=requests)
