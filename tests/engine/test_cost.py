"""Prices, forecasts, budgets, and two models in one command."""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fake import picture
from hemm.cli import status
from hemm.core import BadData, Generation, HemmError, Media, Message, Request, Response, UnknownName, Usage
from hemm.engine.limits import CostBudget, Stopped, billed
from hemm.engine.options import RunOptions
from hemm.models import ModelOptions, prices, resolve
from hemm.models.prices import Price, estimate, price_of, text_tokens
from hemm.results.read import cells
from servers import ChatServer, Received, fixed_answer

LIST = """
[http]
[[http.models]]
names = ["m", "n"]
input = 100.0
output = 1000.0
picture = { rule = "fixed", tokens = 100 }
"""
ANSWER = (110 * 100 + 1 * 1000) / 1e6
"""What one answer of the test server costs by this list: 10 tokens of text, 100 of a picture, 1 of answer."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEMM_PRICES", raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-0123456789abcdef")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of thirty pictures with a yes-or-no question each, and a price list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.toml").write_text(LIST)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(30):
        (folder / f"{n}.png").write_bytes(picture(n).data)
        rows.append({"id": f"q{n}", "image": f"{n}.png", "question": f"Red {n}?", "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as found:
        yield found


def words(server: ChatServer, data: Path, *more: str) -> list[str]:
    return ["run", server.spec(), "--task", str(data), "--set", "prices=prices.toml", *more]


# lists


def test_every_price_of_the_list_is_sound_dated_and_has_a_source() -> None:
    import tomllib

    found = tomllib.loads(prices.LIST.read_text())
    assert set(found) == {"openai", "anthropic", "google"}
    for kind, table in found.items():
        assert table["source"].startswith("https://")
        names = [name for row in table["models"] for name in row["names"]]
        assert len(names) == len(set(names))
        for row in table["models"]:
            assert isinstance(row["seen"], date), row["names"]
            assert row["checked"], row["names"]
        for name in names:
            price = price_of(kind, name)
            assert price is not None
            assert 0 < price.input < price.output
            assert price.picture is None or price.picture(640, 480) > 0
    assert price_of("openai", "gpt-4o") == price_of("openai", "gpt-4o-2024-08-06")
    assert price_of("openai", "gpt-4o-of-tomorrow") is None
    assert price_of("azure", "gpt-4o") is None  # a deployment may have any name


def test_the_user_s_list_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('[openai]\n[[openai.models]]\nnames = ["gpt-4o"]\ninput = 1\noutput = 2\n')
    assert price_of("openai", "gpt-4o", str(own)) == Price(1.0, 2.0)
    monkeypatch.setenv("HEMM_PRICES", str(own))
    assert price_of("openai", "gpt-4o") == Price(1.0, 2.0)
    other = price_of("openai", "gpt-4.1")
    assert other is not None
    assert other.input == 2.0


ROW = '[[openai.models]]\nnames = ["a"]\ninput = 1\noutput = 1\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[openai", "no valid TOML"),
        ("[openai]\n", "write [[openai.models]]"),
        ("[[openai.models]]\ninput = 1\noutput = 1", "openai model 1: no names"),
        (ROW.replace("output = 1", ""), "model 1: no output"),
        (ROW.replace("input = 1", "input = -1"), "input is -1"),
        (ROW.replace("input = 1", 'input = "1"'), "input is '1'"),
        (ROW + "picure = 1", "'picure'; did you mean 'picture'"),
        (ROW + 'picture = { rule = "x" }', "rule = one of"),
        (ROW + 'picture = { rule = "fixed" }', "has tokens"),
    ],
)
def test_a_wrong_list_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises((BadData, UnknownName), match=re.escape(said)) as caught:
        price_of("openai", "a", str(path))
    assert str(path) in str(caught.value)
    with pytest.raises(BadData, match="cannot be read"):
        price_of("openai", "a", str(tmp_path / "nowhere.toml"))


@pytest.mark.parametrize(
    ("kind", "name", "size", "tokens"),
    [
        # the examples in the providers' own pages
        ("openai", "gpt-4o", (1024, 1024), 765),
        ("openai", "gpt-4o", (2048, 4096), 1105),
        ("openai", "gpt-4o", (512, 512), 255),
        ("openai", "gpt-5.6-luna", (1024, 1024), 1229),  # 1,024 patches x 1.2
        *(
            ("anthropic", name, size, tokens)
            for size, *both in (
                ((200, 200), 64, 64),
                ((1000, 1000), 1296, 1296),
                ((1092, 1092), 1521, 1521),
                ((1920, 1080), 1560, 2691),
                ((2000, 1500), 1564, 3888),
                ((3840, 2160), 1560, 4784),
                ((1075, 1520), 33 * 47, 39 * 55),  # shown at 924 x 1307 by the smaller limit
            )
            for name, tokens in zip(("claude-haiku-4-5", "claude-opus-5"), both, strict=True)
        ),
        ("google", "gemini-2.5-flash", (384, 384), 258),
        ("google", "gemini-2.5-flash", (960, 540), 6 * 258),
    ],
)
def test_tokens_of_a_picture_are_what_the_providers_say(
    kind: str, name: str, size: tuple[int, int], tokens: int
) -> None:
    price = price_of(kind, name)
    assert price is not None
    assert price.picture is not None
    assert price.picture(*size) == tokens


def test_patches_of_the_smaller_models() -> None:
    assert prices._patches(1024, 1024, 1, 1536, 2048) == 1024
    assert prices._patches(1800, 2400, 1, 1536, 2048) == 1452
    assert prices._patches(4096, 64, 1, 1536, 2048) == 64  # 2048 x 32
    assert prices._patches(1, 1, 1.62, 1536, 2048) == 2


@pytest.mark.parametrize("size", [(1, 1), (1, 9000), (9000, 1), (28, 29), (1568, 1568), (7999, 3)])
@pytest.mark.parametrize(("edge", "most"), [(1568, 1568), (2576, 4784)])
def test_squares_are_those_of_the_largest_picture_that_fits(
    size: tuple[int, int], edge: int, most: int
) -> None:
    def squares(side: int) -> tuple[int, int]:
        return math.ceil(side / 28), math.ceil(max(1, round(side * min(size) / max(size))) / 28)

    fitting = [s for s in map(squares, range(1, max(size) + 1)) if s[0] * 28 <= edge and math.prod(s) <= most]
    assert (
        prices._squares(*size, edge, most)
        == prices._squares(*size[::-1], edge, most)
        == math.prod(fitting[-1])
    )


def test_text_is_counted_by_length() -> None:
    assert text_tokens("") == 0
    assert text_tokens("four letters of this") == 5
    assert text_tokens("这是圆吗？") == 5


def test_an_estimate_is_a_bound() -> None:
    g = Generation(max_new_tokens=50, thinking_budget=1000)
    media = picture(1)
    request = Request("s", 0, (Message("user", ("How many?", media)),), g, "k")
    price = Price(10.0, 20.0, picture=lambda w, h: 100)
    found = estimate(request, price)
    assert (found.pictures, found.written) == (100, 1050)
    assert found.least is not None
    assert found.most is not None
    assert found.least == pytest.approx((found.text + 100) * 10 / 1e6)
    assert found.most >= (len("How many?") + 100) * 10 / 1e6 + 1050 * 20 / 1e6
    assert estimate(request, Price(10.0, 20.0)).pictures is None
    assert estimate(request, Price(10.0, 20.0)).least is None
    assert estimate(request, None).most is None
    for width, set_aside in (
        (640, 5_000),
        (5_600, math.ceil(2.5 * 200 * 200)),
    ):  # no rule: more for a large one
        shown = Message("user", (picture(1, (width, width)),))
        unknown = estimate(Request("s", 0, (shown,), g, "k"), Price(1.0, 0.0))
        assert unknown.most == pytest.approx((8 + set_aside) / 1e6)
    damaged = Request("s", 0, (Message("user", (Media(b"II*\x00 no"),)),), g, "k")
    assert estimate(damaged, price).pictures == 0


# cost of answers


def test_the_server_s_own_cost_comes_before_the_list(server: ChatServer, data: Path) -> None:
    assert status(words(server, data, "--limit", "3")) == 0
    (cell,) = cells(Path("results"))
    assert cell.run["cost"] == pytest.approx(3 * ANSWER)

    async def ask() -> Response:
        options = ModelOptions(settings=(("base_url", server.url), ("check_model", "false")))
        model = resolve("openrouter/some/model", options)
        await model.start()
        answer = model._priced(Response(usage=Usage(10, 10, 0.5)))  # type: ignore[attr-defined]
        await model.close()
        return answer  # type: ignore[no-any-return]

    assert asyncio.run(ask()).usage.cost == 0.5


def test_openrouter_s_list_of_models_tells_prices_and_what_a_model_takes() -> None:
    row = {
        "pricing": {"prompt": "0.000003", "completion": "0.000015"},
        "architecture": {"input_modalities": ["text", "image"]},
    }
    with ChatServer(models=["org/m"], rows={"org/m": row}, key="sk-or-0123456789abcdef") as server:

        async def started() -> tuple[Price | None, frozenset[str]]:
            model = resolve("openrouter/org/m", ModelOptions(settings=(("base_url", server.url),)))
            await model.start()
            await model.close()
            return model.price, model.capabilities.inputs  # type: ignore[attr-defined]

        price, inputs = asyncio.run(started())
    assert price is not None
    assert (price.input, price.output) == (pytest.approx(3.0), pytest.approx(15.0))
    assert inputs == {"text", "image"}


def test_a_model_that_takes_no_pictures_by_the_list(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(ROW + "pictures = false\n")
    options = ModelOptions(settings=(("prices", str(own)),))
    assert resolve("openai/a", options).capabilities.inputs == {"text", "audio"}


# dry run


def test_a_dry_run_tells_tokens_and_cost_and_asks_nothing(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(words(server, data, "--dry-run", "--set", "max_new_tokens=7")) == 0
    first, second = capsys.readouterr().out.strip().splitlines()
    assert first.endswith("30 of 30 answers to ask")
    assert "3,000 of 30 pictures" in second
    assert "at most 210 of answers" in second
    found = re.search(r"\$([\d.]+) to \$([\d.]+)$", second)
    assert found is not None
    least, most = float(found[1]), float(found[2])
    assert 3000 * 100 / 1e6 < least < most
    assert server.asked == 0
    assert not Path("results").exists()
    assert status(words(server, data, "--limit", "10")) == 0
    capsys.readouterr()
    assert status(words(server, data, "--dry-run")) == 0
    assert "20 of 30 answers to ask" in capsys.readouterr().out
    assert server.asked == 10


def test_a_dry_run_says_what_it_does_not_know(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["run", server.spec("other"), "--task", str(data), "--dry-run"]) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1]
    assert "unknown of 30 pictures" in line
    assert line.endswith("cost unknown")
    assert status(["run", "openai/gpt-4o", "--task", str(data), "--dry-run"]) == 0  # no key is needed for it
    assert "7,650 of 30 pictures" in capsys.readouterr().out  # 6 x 4 pixels are one tile
    models = ["openai/gpt-4o", "openai/gpt-4.1"]
    for more, end in (([], ""), (["openai/gpt-of-tomorrow"], ", without those of unknown cost")):
        assert status(["run", *models, *more, "--task", str(data), "--dry-run"]) == 0
        total = capsys.readouterr().out.strip().splitlines()[-1]
        assert re.fullmatch(rf"in all at most \$[\d.]+{end}", total)


# a budget


@pytest.mark.parametrize("concurrency", ["1", "8"])
def test_max_cost_is_never_passed_and_the_same_command_goes_on(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str], concurrency: str
) -> None:
    budget = 12.5 * ANSWER
    command = words(server, data, "--set", "max_new_tokens=1", "--concurrency", concurrency)
    assert status([*command, "--max-cost", str(budget)]) == 3
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert "hemm: stopped: " in err
    assert f"--max-cost {budget:g}: $" in err
    assert "the same command goes on from there" in err
    (cell,) = cells(Path("results"))
    there = cell.answers().num_rows
    assert cell.state == "open"
    assert 0 < there * ANSWER <= budget
    assert server.asked == there
    assert status([*command, "--max-cost", "100"]) == 0
    assert server.asked == 30
    assert cells(Path("results"))[0].run["cost"] == pytest.approx(30 * ANSWER)


def test_max_cost_too_small_for_one_answer_spends_nothing(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(words(server, data, "--max-cost", "0.000001")) == 3
    assert server.asked == 0
    assert "30 answers still to ask" in capsys.readouterr().err


@pytest.mark.parametrize("spec", ["openai/gpt-of-tomorrow", "anthropic/claude-3-haiku-20240307"])
def test_an_unknown_price_is_not_nothing(spec: str) -> None:
    model = resolve(spec)
    assert isinstance(model, prices.Priced)
    assert model.price is None
    found = model.estimate(Request("s", 0, (Message("user", ("a",)),), Generation(), "k"))
    assert (found.least, found.most) == (None, None)


def test_max_cost_without_a_price_is_one_line(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["run", server.spec("other"), "--task", str(data), "--max-cost", "1"]) == 2
    assert "no price is known" in capsys.readouterr().err
    assert server.asked == 0


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_max_cost_is_an_amount(amount: float) -> None:
    with pytest.raises(HemmError, match="--max-cost"):
        RunOptions(max_cost=amount)


def test_a_budget_waits_for_what_is_in_flight() -> None:
    async def run() -> list[str]:
        budget, told = CostBudget(10.0), []
        await budget.reserve(6.0)

        async def second() -> None:
            await budget.reserve(6.0)
            told.append("second")

        waiting = asyncio.ensure_future(second())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        budget.settle(6.0, 1.0)
        await waiting
        budget.settle(6.0, 6.0)
        with pytest.raises(Stopped, match=r"\$7.0000 are spent"):
            await budget.reserve(6.0)
        return told

    assert asyncio.run(run()) == ["second"]


def test_what_is_not_told_counts_as_much_as_it_may() -> None:
    from hemm.core import Failure

    assert billed(Response(usage=Usage(1, 1, 0.25)), 2.0) == 0.25
    assert billed(Response(), 2.0) == 2.0
    assert billed(Response(failure=Failure("rate_limit", "")), 2.0) == 0.0
    assert billed(Response(failure=Failure("timeout", ""), attempts=3), 2.0) == 6.0


# two models in one command


def test_two_served_models_are_asked_side_by_side_and_answer_as_alone(data: Path, tmp_path: Path) -> None:
    def answers(folder: Path) -> dict[str, bytes]:
        return {c.model: next((c.folder / "answers").glob("*.parquet")).read_bytes() for c in cells(folder)}

    met, waited = threading.Barrier(2), []

    def first_waits(received: Received) -> str:
        if "Red 0?" in received.text:
            waited.append(met.wait(30))  # for the other model's first question
        return fixed_answer(received)

    with ChatServer(answer=first_waits) as one, ChatServer(answer=first_waits) as other:
        specs = [one.spec("m"), other.spec("n")]
        together = ["run", *specs, "--task", str(data), "--concurrency", "4", "--set", "max_retries=0"]
        assert status([*together, "--out", "together"]) == 0
        assert sorted(waited) == [0, 1]
        one.answer = other.answer = fixed_answer
        for spec in specs:
            assert status(["run", spec, "--task", str(data), "--out", "alone"]) == 0
    assert answers(tmp_path / "together") == answers(tmp_path / "alone")
    assert len(answers(tmp_path / "alone")) == 2


def test_what_is_wrong_with_one_is_told_before_the_other_spends(
    server: ChatServer, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(models=["something"]) as other:
        assert status(["run", server.spec(), other.spec("claude"), "--task", str(data)]) == 2
        assert other.asked == 0
    assert server.asked == 0
    assert "unknown model of" in capsys.readouterr().err


def test_one_that_is_gone_does_not_stop_the_other(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ChatServer() as one, ChatServer(always="401") as other:
        assert status(["run", other.spec("n"), one.spec("m"), "--task", str(data)]) == 3
    states = {c.model: c.state for c in cells(Path("results"))}
    assert states == {"m": "sealed", "n": "open"}
    out, err = capsys.readouterr()
    assert "30 answers, 30 asked now" in out
    assert err.count("hemm: stopped: ") == 1


def test_one_budget_holds_for_all_models(data: Path) -> None:
    with ChatServer() as one, ChatServer() as other:
        command = ["run", one.spec("m"), other.spec("n"), "--task", str(data), "--concurrency", "3"]
        command += ["--set", "prices=prices.toml", "--set", "max_new_tokens=1"]
        assert status([*command, "--max-cost", str(20 * ANSWER)]) == 3
        assert 0 < one.asked + other.asked <= 20


def test_two_addresses_of_one_model_take_turns(data: Path) -> None:
    with ChatServer() as one, ChatServer() as other:
        assert status(["run", one.spec("m"), other.spec("m"), "--task", str(data)]) == 0
        assert (one.asked, other.asked) == (30, 0)
