"""Intervals that hold at every moment: against a plain implementation, by simulation, and at the edges."""

from __future__ import annotations

import json
import math
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.cli import status
from hemm.engine.early_stopping import Blocks
from hemm.results.read import cells
from hemm.stats.sequential import CAUTION, running_interval

POPULATIONS = {
    "even": np.arange(300) % 2 * 1.0,
    "rare": (np.arange(300) < 9) * 1.0,
    "common": (np.arange(250) >= 20) * 1.0,
    "graded": np.random.default_rng(3).beta(0.5, 0.3, 300),
    "tight": np.random.default_rng(4).uniform(0.4, 0.6, 150),
}


def _ever_wrong(population: np.ndarray, times: int, aim: float | None) -> int:
    """How many of so many random orders have an interval, at any moment, without the mean."""
    rng, mean = np.random.default_rng(len(population)), population.mean()
    wrong = 0
    for _ in range(times):
        low, high = running_interval(rng.permutation(population), len(population), aim=aim, grid=100)
        wrong += bool(np.any((low > mean + 1e-9) | (high < mean - 1e-9)))
    return wrong


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("aim", [None, 0.05])
def test_the_interval_holds_at_every_moment(name: str, aim: float | None) -> None:
    # 100 orders at the nominal 5 %: more than 12 wrong ones have a probability of 0.15 %
    assert _ever_wrong(POPULATIONS[name], 100, aim) <= 12


@pytest.mark.full
@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("aim", [None, 0.02, 0.05, 0.2])
def test_the_interval_holds_at_every_moment_of_2000_orders(name: str, aim: float | None) -> None:
    # 5 % of 2,000, and three standard deviations of a simulation that has exactly that
    assert _ever_wrong(POPULATIONS[name], 2000, aim) <= 100 + 3 * math.sqrt(2000 * 0.05 * 0.95)


@pytest.mark.parametrize("aim", [None, 0.05])
def test_it_is_the_bettors_martingale(aim: float | None) -> None:
    """A mean is inside just while a gambler against it, staking as written, has not won 2 / alpha."""
    x = np.random.default_rng(5).permutation(POPULATIONS["graded"])[:120]
    population, grid = 300, 50
    low, high = running_interval(x, population, aim=aim, grid=grid)
    below = _bound(list(x), population, aim, grid)
    above = _bound([1 - v for v in x], population, aim, grid)
    assert low == pytest.approx(below)
    assert high == pytest.approx([1 - v for v in above])


def _bound(x: list[float], population: int, aim: float | None, grid: int) -> list[float]:
    best, found = 0.0, []
    capital = dict.fromkeys(range(grid + 1), 1.0)
    variance, squares, total = 0.25, 0.25, 0.0
    for t, value in enumerate(x, 1):
        plug_in = math.sqrt(2 * math.log(40) / (variance * t * math.log(1 + t)))
        stake = plug_in if aim is None else aim / variance
        for m in capital:
            eta = max((population * m / grid - total) / (population - t + 1), 1e-12)
            capital[m] *= 1 + min(stake, CAUTION / eta) * (value - eta)
        total += value
        mean = (0.5 + total) / (t + 1)
        squares += (value - mean) ** 2
        variance = squares / (t + 1)
        out = [m for m in capital if capital[m] >= 40]
        assert out == list(range(len(out)))  # those out come first: the rest is an interval
        best = max(best, total / population, max(out, default=0) / grid)
        found.append(best)
    return found


def test_when_all_is_seen_the_interval_is_the_mean() -> None:
    for population in POPULATIONS.values():
        for order in (np.random.default_rng(7).permutation(population), np.sort(population)):
            low, high = running_interval(order, len(order))
            assert (low[-1], high[-1]) == pytest.approx((population.mean(),) * 2, abs=1e-9)
            assert np.all(low <= high)


def test_an_aim_is_reached_sooner_than_without() -> None:
    x = np.random.default_rng(6).permutation(np.arange(4000) % 2 * 1.0)
    stops = []
    for aim in (None, 0.04):
        low, high = running_interval(x, len(x), aim=aim, grid=200)
        stops.append(int(np.argmax((high - low) / 2 <= 0.04)))
    assert stops[1] < stops[0]


def test_what_is_not_known_widens_and_never_misleads() -> None:
    x = np.random.default_rng(8).permutation(POPULATIONS["common"])
    unknown = np.arange(len(x)) % 10 == 0
    low, high = running_interval(np.where(unknown, 0, x), len(x), highest=np.where(unknown, 1, x))
    assert low[-1] == pytest.approx(np.where(unknown, 0, x).mean())
    assert high[-1] == pytest.approx(np.where(unknown, 1, x).mean())


def test_one_value_and_none() -> None:
    low, high = running_interval([0.25], 1)
    assert (low[0], high[0]) == pytest.approx((0.25, 0.25))
    assert all(len(end) == 0 for end in running_interval([], 5))


@pytest.mark.parametrize(
    ("values", "population", "highest"),
    [
        ([0.5, 1.5], 9, None),
        ([float("nan")], 9, None),
        ([0, 1, 0], 2, None),
        ([1.0], 9, [0.0]),
        ([1.0], 9, []),
    ],
)
def test_values_that_make_no_sense(values, population, highest) -> None:
    with pytest.raises(ValueError):
        running_interval(values, population, highest=highest)


# hemm run --until-ci


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three hundred questions on a hundred and fifty pictures' clusters, of one to three questions each."""
    folder = tmp_path / "data"
    folder.mkdir()
    with open(folder / "data.jsonl", "w") as out:
        for n in range(300):
            row = {"id": f"q{n}", "question": f"Is {n} red?", "cluster": f"c{n // 3 if n < 90 else n}"}
            out.write(json.dumps({**row, "answer": "no" if n % 3 else "yes"}) + "\n")
    (folder / "card.yaml").write_text("answer: yes_no\ncolumns: {cluster: cluster}\n")
    return folder


def _run(data: Path, *more: str, model: str = "baseline/majority") -> int:
    out = str(data.parent / "results")
    return status(["run", model, "--task", str(data), "--out", out, *more])


def test_a_run_stops_when_its_score_is_known_and_goes_on_from_there(data: Path, capsys) -> None:
    assert _run(data, "--until-ci", "12") == 0
    assert "whenever one looks, within 12 points" in capsys.readouterr().out
    (first,) = cells(data.parent / "results")
    look = first.run["until_ci"]
    assert look["reached"]
    assert look["of"] == 240
    assert 0 < look["asked"] < 240
    low, high = look["interval"]
    assert max(look["value"] - low, high - look["value"]) <= 0.12
    answered = set(first.answers()["id"].to_pylist())
    assert len({_cluster(i) for i in answered}) == look["asked"]
    assert all(set(_members(_cluster(i))) <= answered for i in answered)  # no cluster is cut
    # the whole pack's score, which the interval is of
    assert look["interval"][0] <= 200 / 300 <= look["interval"][1]
    assert _run(data, "--until-ci", "12") == 0
    assert "0 asked now" in capsys.readouterr().out
    assert _run(data, "--until-ci", "6") == 0
    (more,) = cells(data.parent / "results")
    assert more.run["until_ci"]["asked"] > look["asked"]
    assert answered < set(more.answers()["id"].to_pylist())


def test_profile_and_report_give_the_interval_that_holds_when_peeking(data: Path) -> None:
    assert _run(data, "--until-ci", "12") == 0
    found = cells(data.parent / "results")
    low, high = found[0].run["until_ci"]["interval"]
    (row,) = profile(Study.of(found)).tasks
    assert row.headline.estimate.anytime
    assert (row.headline.estimate.low, row.headline.estimate.high) == (low, high)
    assert all(v.estimate.low is None for v in row.values[1:])  # nothing else holds after such a stop
    page = data.parent / "page.html"
    assert status(["report", str(data.parent / "results"), "-o", str(page)]) == 0
    assert "stopped by --until-ci" in page.read_text()
    # all of it asked is no stop: an ordinary interval
    assert _run(data) == 0
    (row,) = profile(Study.of(cells(data.parent / "results"))).tasks
    assert not row.headline.estimate.anytime


def _cluster(name: str) -> int:
    n = int(name[1:])
    return n // 3 if n < 90 else n


def _members(cluster: int) -> list[str]:
    return [f"q{n}" for n in range(300) if (n // 3 if n < 90 else n) == cluster]


def test_when_all_is_asked_the_interval_is_the_score(data: Path) -> None:
    assert _run(data, "--until-ci", "0.01") == 0
    (found,) = cells(data.parent / "results")
    look = found.run["until_ci"]
    assert (look["asked"], look["value"]) == (240, pytest.approx(2 / 3))
    assert look["interval"] == pytest.approx([2 / 3, 2 / 3])


def test_both_sides_are_short_where_the_score_is_an_end_of_its_range(data: Path) -> None:
    assert _run(data, "--until-ci", "10", model="baseline/oracle") == 0
    (found,) = cells(data.parent / "results")
    look = found.run["until_ci"]
    assert look["value"] == 1.0
    assert 0.9 <= look["interval"][0] < 1.0
    assert look["asked"] < 240


def test_answers_from_elsewhere_in_the_pack_do_not_count(data: Path) -> None:
    """What another selection asked was not drawn in this order: the look is the same without it."""
    assert _run(data, "--until-ci", "20") == 0
    (alone,) = cells(data.parent / "results")
    shutil.rmtree(data.parent / "results")
    assert _run(data) == 0
    assert _run(data, "--until-ci", "20") == 0
    (among,) = cells(data.parent / "results")
    assert among.run["until_ci"] == alone.run["until_ci"]


def test_a_limit_is_the_most_clusters(data: Path, capsys) -> None:
    assert _run(data, "--until-ci", "1", "--limit", "30") == 0
    (found,) = cells(data.parent / "results")
    assert (found.run["until_ci"]["asked"], found.run["until_ci"]["reached"]) == (30, False)
    assert "not within 1 points yet" in capsys.readouterr().out


def test_a_dry_run_tells_the_most_that_is_asked(data: Path, capsys) -> None:
    assert _run(data, "--until-ci", "5", "--dry-run") == 0
    assert "300 of 300 answers to ask" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--until-ci", "0"], "points above 0"),
        (["--until-ci", "nan"], "give a number"),
        (["--until-ci", "60"], "below 50"),
    ],
)
def test_points_that_make_no_sense(data: Path, capsys, words: list[str], said: str) -> None:
    assert _run(data, *words) == 2
    assert said in capsys.readouterr().err


def test_a_score_that_is_no_mean_of_bounded_values_cannot_be_watched(data: Path, capsys) -> None:
    (data / "card.yaml").write_text("answer: caption\nmetrics: [cider_d]\n")
    assert _run(data, "--until-ci", "10", model="baseline/oracle") == 2
    err = capsys.readouterr().err
    assert "--until-ci: cider_d" in err
    assert err.count("\n") == 1


def test_what_shares_a_unit_or_a_cluster_or_a_chain_is_asked_together() -> None:
    class Index:
        ids = ("a", "b", "c", "d", "e", "f")
        units = ("u", "u", "v", "w", "x", "y")
        clusters = ("1", "2", "2", "3", "4", "5")
        after = (None, None, None, None, "d", None)

    blocks = Blocks.of(Index, seed=0)
    assert blocks.total == 3
    groups = {frozenset(n for n, b in zip(Index.ids, blocks.number, strict=True) if b == k) for k in range(3)}
    assert groups == {frozenset("abc"), frozenset("de"), frozenset("f")}
    assert list(blocks.prefix_sizes(None)) == [3]


def test_looks_grow_to_the_end() -> None:
    blocks = Blocks(np.arange(1000), [str(n) for n in range(1000)], np.zeros(1000, dtype=np.int64), 1000)
    looks = list(blocks.prefix_sizes(None))
    assert looks[-1] == 1000
    assert all(b > a for a, b in pairwise(looks))
    assert list(blocks.prefix_sizes(40)) == [25, 40]


def test_a_limit_after_it_says_what_the_interval_is_of(data: Path, capsys) -> None:
    assert _run(data, "--until-ci", "12") == 0
    assert "other selections" not in capsys.readouterr().out
    assert _run(data, "--limit", "40") == 0
    assert "scores are over answers of other selections too, this interval is not" in _spaced(capsys)
    assert _run(data, "--until-ci", "6") == 0
    assert _run(data, "--until-ci", "12") == 0  # what is asked is smaller than what is there
    assert "other selections too" in _spaced(capsys)


def _spaced(capsys) -> str:
    return " ".join(capsys.readouterr().out.split())
