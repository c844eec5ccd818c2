"""What goes wrong between hemm and a server: retries, limits, stops. Against a real server with faults."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

import pytest

from fake import Served, go, picture
from fake import sample as even
from hemm.cli import status
from hemm.core import Failure, Generation, Message, Request, Response
from hemm.engine.limits import FailureStreak, Stopped
from hemm.models import ModelOptions, resolve
from hemm.models.api.limiter import FIRST, Limiter
from hemm.models.retry import CallFailed, retry_after_in
from hemm.results.read import cells
from servers import ChatServer, fixed_answer

KINDS = {"http": "m", "anthropic": "claude", "google": "gemini"}
SET = ("--set", "retry_wait=0.001", "--set", "max_retries=2", "--set", "timeout=60")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
    monkeypatch.setenv("GEMINI_API_KEY", "AIza0123456789abcdefghij")
    for name in ("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OPENAI_BASE_URL", "HEMM_PRICES"):
        monkeypatch.delenv(name, raising=False)


def run_words(kind: str, server: ChatServer, *more: str) -> list[str]:
    if kind == "http":
        return ["run", server.spec(), *SET, *more]
    return ["run", f"{kind}/{KINDS[kind]}", "--set", f"base_url={server.base}", *SET, *more]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sixty yes-or-no questions; every third has a picture of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(60):
        (folder / f"{n}.png").write_bytes(picture(n).data)
        rows.append({"id": f"q{n}", "image": f"{n}.png", "question": f"Red {n}?", "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


# every fault, every provider

OUTCOMES = {
    "ok": "answered",
    "429": "answered",
    "429:0.001": "answered",
    "500": "answered",
    "503": "answered",
    "reset": "answered",
    "truncated": "answered",
    "garbage": "answered",
    "400": "error",
    "length": "length",
    "content_filter": "refused",
    "azure_filter": "refused",
    "refusal": "refused",
    "empty": "empty",
}
"""What becomes of a sample whose first attempt ends so, and whose second is answered."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_ends_in_the_right_outcome_and_none_is_asked_too_often(
    kind: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(kind)
    order = [draw.choice(list(OUTCOMES)) for _ in range(60)]
    first: dict[str, str] = {}
    asked: Counter[str] = Counter()

    class Faulty(ChatServer):
        async def _end(self, writer, wire, received, fault):  # type: ignore[no-untyped-def]
            name = next(t for t in received.texts if t.strip().startswith("Red"))
            asked[name] += 1
            if name not in first:
                first[name] = order[len(first)]
            return await super()._end(writer, wire, received, first[name] if asked[name] == 1 else "ok")

    with Faulty() as server:
        code = status(run_words(kind, server, "--task", str(data)))
    assert code == (3 if "400" in first.values() else 0)
    (cell,) = cells(Path("results"))
    assert cell.answers().num_rows == 60
    for row in cell.answers().to_pylist():
        name = next(n for n in first if n.strip().split("\n")[0] in row["prompt"])
        assert _became(row) == OUTCOMES[first[name]], (first[name], row["failure_message"])
        passing = OUTCOMES[first[name]] == "answered" and first[name] != "ok"
        assert asked[name] == 1 + passing
    capsys.readouterr()


def _became(row: dict[str, object]) -> str:
    if row["failure"] is not None:
        return "error"
    if row["refusal"] is not None or row["finish"] in ("content_filter", "SAFETY"):
        return "refused"
    if row["finish"] == "length":
        return "length"
    return "answered" if row["raw"] else "empty"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "failure", "times"),
    [
        ("429", "rate_limit", 3),
        ("500", "server", 3),
        ("529", "server", 3),
        ("reset", "connection", 3),
        ("truncated", "connection", 3),
        ("garbage", "bad_response", 3),
        ("hang", "silent", 2),
        ("400", "bad_request", 1),
        ("401", "unauthorized", 1),
        ("402", "quota", 1),
        ("403", "forbidden", 1),
        ("404", "not_found", 1),
        ("413", "too_large", 1),
    ],
)
def test_a_lasting_fault_costs_the_policy_s_attempts_and_no_more(
    kind: str, fault: str, failure: str, times: int
) -> None:
    with ChatServer(always=fault) as server:
        limit = "0.1" if fault == "hang" else "60"
        (answer,) = ask(kind, server, [request("q")], ("timeout", limit))
        assert server.asked == times
    assert answer.failure is not None
    assert (answer.failure.kind, answer.attempts, answer.text) == (failure, times, "")
    assert "\n" not in answer.failure.message


def request(text: str, id: str = "s", **generation: object) -> Request:
    g = Generation(**{"max_new_tokens": 8, **generation})  # type: ignore[arg-type]
    return Request(id, 0, (Message("user", (text,)),), g, f"key-{id}")


def ask(
    kind: str,
    server: ChatServer,
    requests: Sequence[Request],
    *settings: tuple[str, str],
    concurrency: int = 8,
) -> list[Response]:
    spec = server.spec() if kind == "http" else f"{kind}/{KINDS[kind]}"
    base = () if kind == "http" else (("base_url", server.base),)
    fast = (("max_retries", "2"), ("retry_wait", "0.001"), ("timeout", "60"))

    async def run() -> list[Response]:
        options = ModelOptions(concurrency=concurrency, settings=(*base, *fast, *settings))
        model = resolve(spec, options)
        await model.start()
        try:
            return list(await asyncio.gather(*map(model.generate, requests)))  # type: ignore[attr-defined]
        finally:
            await model.close()

    return asyncio.run(run())


# how many at a time


def drive(server: ChatServer, count: int, concurrency: int = 0) -> tuple[list[Response], int]:
    """Ask ``count`` questions, all at once: answers, and how many were in flight at most."""
    answers = ask("http", server, [request(f"q{i}", str(i)) for i in range(count)], concurrency=concurrency)
    return answers, server.most_in_flight


def test_a_run_starts_narrow_and_widens_where_the_server_answers_well() -> None:
    with ChatServer(latency=0.05) as server:
        answers, most = drive(server, 600)
    assert all(a.failure is None for a in answers)
    assert most > FIRST  # how fast is arithmetic, below


def test_a_server_that_refuses_more_than_it_can_do_is_asked_less() -> None:
    with ChatServer(latency=0.05, most=10) as server:
        answers, _ = drive(server, 300)
        wasted = server.asked - 300
    assert all(a.failure is None for a in answers)
    assert wasted < 100  # a fixed width of 128 would have most of its attempts refused


def test_more_in_flight_that_brings_no_more_answers_is_taken_back() -> None:
    """A server that works on six requests at a time, by its arithmetic instead of the clock."""
    widths: list[int] = []

    async def run() -> None:
        gate = Limiter(128)
        for _ in range(100):
            width = int(gate.window)
            widths.append(width)
            entered = [await gate.enter() for _ in range(width)]
            for epoch in entered:
                gate.leave(epoch, 0.01 * max(1.0, width / 6), None)

    asyncio.run(run())
    assert 6 <= max(widths) <= 20


def test_a_given_concurrency_is_kept() -> None:
    with ChatServer(latency=0.3) as server:
        _, most = drive(server, 100, concurrency=20)
    assert most == 20


def test_answers_do_not_depend_on_how_many_are_in_flight() -> None:
    texts = []
    for concurrency in (1, 0, 64):
        with ChatServer(latency=0.001) as server:
            answers, _ = drive(server, 60, concurrency)
        texts.append([a.text for a in answers])
    assert texts[0] == texts[1] == texts[2]


def test_a_retry_after_stops_all_requests_for_its_time() -> None:
    times: list[float] = []

    async def run() -> None:
        gate, loop = Limiter(8, fixed=True), asyncio.get_running_loop()
        first = await gate.enter()
        gate.leave(first, 0.1, CallFailed("rate_limit", "slow down", after=0.15))
        began = loop.time()

        async def one() -> None:
            await gate.enter()
            times.append(loop.time() - began)

        await asyncio.gather(*(one() for _ in range(5)))

    asyncio.run(run())
    assert min(times) >= 0.14


def test_a_place_at_the_gate_is_not_lost_with_whoever_waited_for_it() -> None:
    async def run() -> None:
        gate = Limiter(1, fixed=True)
        held = await gate.enter()
        waiting = [asyncio.ensure_future(gate.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        gate.leave(held, 0.0, None)  # handed to the second
        waiting[1].cancel()  # which is gone when it gets it
        assert await asyncio.wait_for(waiting[2], 60) >= 0

    asyncio.run(run())


def width_after(measures: Sequence[tuple[float, bool]], most: int = 1000) -> float:
    """The limiter's width after judging answers of (seconds, refused?), with every place always in use."""

    async def run() -> float:
        gate, places = Limiter(most), deque[int]()
        for seconds, refused in measures:
            before, width = gate.window, 0.0
            for _ in range(8 * int(before)):
                while len(places) < int(gate.window):
                    places.append(await gate.enter())
                width = gate.window
                failed = CallFailed("server", "", overload=True) if refused else None
                gate.leave(places.popleft(), seconds, failed)
                if gate.window != before:
                    break
            assert width == before
        return gate.window

    return asyncio.run(run())


def test_the_width_doubles_is_halved_and_is_raised_again() -> None:
    even_pace = [(1.0, False)] * 5
    assert width_after(even_pace) == FIRST * 2**5
    assert width_after([*even_pace, (1.0, True)]) == FIRST * 2**4
    again = width_after([*even_pace, (1.0, True), (1.0, False)])
    assert FIRST * 2**4 < again < FIRST * 2**5
    assert width_after([(1.0, False)] * 20, most=50) == 50


def test_answers_that_come_slower_narrow_the_width() -> None:
    """Twice as many in flight that take twice as long are no gain; at one width it means a server in need."""
    assert width_after([(1.0, False), (2.0, False)]) == FIRST
    steady = [(1.0, False), (2.0, False), (1.0, False)]
    assert width_after([*steady, (3.0, False)]) < width_after(steady)


# a server that is gone


def test_a_dead_server_stops_the_run_and_the_same_command_goes_on(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer() as server:
        words = run_words("http", server, "--task", str(data), "--concurrency", "4")
        server.faults = ["ok"] * 10
        server.always = "reset"
        assert status(words) == 3
        said = capsys.readouterr().err.strip().splitlines()
        assert said[-1].startswith("hemm: stopped: ")
        assert "20 samples in a row failed alike (connection: " in said[-1]
        assert "50 answers still to ask; the same command goes on from there" in said[-1]
        assert server.asked <= 10 + (20 + 4) * 3
        (cell,) = cells(Path("results"))
        assert (cell.state, cell.answers().num_rows) == ("open", 10)
        assert cell.answers()["failure"].null_count == 10
        server.always = ""
        before = server.asked
        assert status(words) == 0
        assert server.asked - before == 50
    (cell,) = cells(Path("results"))
    assert cell.state == "sealed"
    assert cell.run["commands"][0]["stopped"]


@pytest.mark.parametrize("key", ["", "sk-expired-0123456789abcd"])
def test_a_key_that_expires_in_the_middle_is_named(
    key: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEMM_API_KEY", key)
    with ChatServer(faults=["ok"] * 5, always="401") as server:
        assert status(run_words("http", server, "--task", str(data))) == 3
    (line,) = (s for s in capsys.readouterr().err.splitlines() if "stopped: " in s)
    assert ("the key in HEMM_API_KEY, which is set" if key else "HEMM_API_KEY, which is not set") in line
    assert "0123456789" not in line


@pytest.mark.parametrize("fault", ["401", "403", "402", "404"])
def test_a_key_or_a_model_that_is_gone_blames_no_sample(fault: str, data: Path) -> None:
    with ChatServer(faults=["ok"] * 5, always=fault) as server:
        words = run_words("http", server, "--task", str(data))
        assert status(words) == 3
        server.always = ""
        assert status(words) == 0  # permanent errors of samples would stay
        assert cells(Path("results"))[0].answers()["failure"].null_count == 60


def test_a_request_that_is_always_refused_stops_before_a_sample_is_spent(data: Path) -> None:
    with ChatServer(always="400") as server:
        assert status(run_words("http", server, "--task", str(data), "--concurrency", "1")) == 3
        assert server.asked == 20
        assert cells(Path("results"))[0].answers().num_rows == 0


def test_stop_after_can_be_set(data: Path) -> None:
    with ChatServer(always="400") as server:
        words = run_words("http", server, "--task", str(data), "--concurrency", "1")
        assert status([*words, "--stop-after", "3"]) == 3
        assert server.asked == 3
        assert status([*words, "--stop-after", "0"]) == 3
        assert server.asked == 63
    assert cells(Path("results"))[0].state == "sealed with 60 errors"


def taken(kinds: Sequence[str], most: int = 3) -> list[int]:
    """How many answers each of these failures (empty: an answer) lets pass."""
    streak, passed = FailureStreak(most), []
    for number, kind in enumerate(kinds):
        failure = Failure(kind, "words") if kind else None
        passed.append(len(streak.take((number, Response(failure=failure), None))))  # type: ignore[arg-type]
    return [*passed, len(streak.release())]


def test_failures_are_held_until_it_shows_whose_they_are() -> None:
    assert taken(["", "timeout", "timeout", "", "timeout"]) == [1, 0, 0, 3, 0, 1]
    assert taken(["timeout", "timeout", "server", "server"]) == [0, 0, 0, 0, 4]
    assert taken(["media"] * 5) == [1] * 5 + [0]
    assert taken(["", "bad_request", "bad_request", ""]) == [1, 0, 0, 3, 0]
    with pytest.raises(Stopped, match="3 samples in a row failed alike"):
        taken(["", *["connection"] * 3])
    with pytest.raises(Stopped, match="5 samples in a row failed, 3 of them alike"):
        taken(["timeout", "server", "timeout", "server", "timeout"])
    for kind, words in [("quota", "used up"), ("unauthorized", "key"), ("unavailable", "longer wait")]:
        with pytest.raises(Stopped, match=rf"{words}.* \({kind}: words\)"):
            taken(["", kind])


def test_what_may_be_the_samples_is_in_doubt() -> None:
    """Equal words ``most`` times, a route that fails once, or failures of every kind: a control decides."""

    def doubtful(*failures: tuple[str, str]) -> bool:
        streak = FailureStreak(3)
        for kind, words in failures:
            streak.take((None, Response(failure=Failure(kind, words)), None))  # type: ignore[arg-type]
        return streak.doubt

    assert not doubtful(("bad_request", "too long"), ("bad_request", "too long"))
    assert doubtful(*[("bad_request", f"{n} tokens are more than 4096") for n in (5000, 6000, 7000)])
    assert not doubtful(
        ("bad_request", "too long"), ("bad_request", "no picture"), ("bad_request", "too big")
    )
    assert doubtful(*[("bad_request", "x" * n) for n in range(15)])
    assert doubtful(("not_found", "no such page"))
    assert doubtful(("forbidden", "no"))


def test_samples_that_fail_on_their_own_are_kept_as_errors(tmp_path: Path) -> None:
    failing = {f"s{n:05d}": Failure("server", "HTTP 500") for n in range(0, 60, 3)}
    from fake import FakePack

    pack = FakePack([even(n) for n in range(60)])
    found = go(tmp_path, Served(failing=failing, concurrency=1), pack)
    assert len(found.errors) == 20
    assert found.state == "sealed with 20 errors"


# one line before a sample is spent


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_is_one_line(
    kind: str, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setenv("HEMM_API_KEY", "sk-wrong-0123456789abcd")
    with ChatServer(key="another", models=[*KINDS.values()]) as server:
        assert status(run_words(kind, server, "--task", str(data))) == 2
        assert server.asked == 0
    err = capsys.readouterr().err
    assert err[err.index("hemm: ") :].strip().count("\n") == 0
    assert re.search(r"refuses the key: check the key in \w+_API_KEY, which is set", err)
    assert "0123456789ab" not in err


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_name_is_one_line_with_the_nearest(
    kind: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    near = f"{KINDS[kind]}-2"
    with ChatServer(models=[near, "something-else"]) as server:
        assert status(run_words(kind, server, "--task", str(data))) == 2
        assert server.asked == 0
    err = capsys.readouterr().err
    assert err[err.index("hemm: ") :].strip().count("\n") == 0
    assert f"unknown model of {server.base} '{KINDS[kind]}'" in err
    assert kind == "http" or f"did you mean '{near}'" in err


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreachable_host_is_one_line(kind: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ChatServer()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server.port = taken.getsockname()[1]
    assert status(run_words(kind, server, "--task", str(data))) == 2
    err = capsys.readouterr().err
    assert err[err.index("hemm: ") :].strip().count("\n") == 0
    assert f"at {server.base}" in err
    assert "is it up?" in err


@pytest.mark.parametrize("kind", ["anthropic", "google"])
def test_no_key_is_one_line(kind: str, data: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with ChatServer() as server:
        assert status(run_words(kind, server, "--task", str(data))) == 2
    err = capsys.readouterr().err
    assert "needs a key: set " in err
    assert err[err.index("hemm: ") :].strip().count("\n") == 0


@pytest.mark.parametrize(
    ("kind", "row", "more"),
    [
        ("http", {"architecture": {"input_modalities": ["text"]}}, ()),
        ("http", {"capabilities": {"vision": False}}, ()),
        ("http", {}, ("--set", "max_images=0")),
        ("anthropic", {"capabilities": {"image_input": {"supported": False}}}, ()),
        ("google", {}, ("--set", "max_images=0")),
    ],
)
def test_a_model_that_takes_no_pictures_is_one_line(
    kind: str,
    row: dict[str, object],
    more: tuple[str, ...],
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = KINDS[kind]
    with ChatServer(models=[name], rows={name: row}) as server:
        assert status(run_words(kind, server, "--task", str(data), *more)) == 2
        assert server.asked == 0
    assert "does not take" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_model_that_takes_one_picture_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with ChatServer() as server:
        words = ["run", server.spec(), "--task", "probe_shapes", "--shots", "1", "--limit", "2"]
        assert status([*words, "--out", str(tmp_path), "--set", "max_images=1"]) == 2
        assert server.asked == 0
    assert "takes 1" in capsys.readouterr().err


def test_the_fixed_answer_depends_on_the_request_alone() -> None:
    with ChatServer() as server:
        answers = ask("http", server, [request("a"), request("a"), request("b")])
        told = {r.text: fixed_answer(r) for r in server.requests}
    assert [a.text for a in answers] == [told["a"], told["a"], told["b"]]


def test_a_wait_in_milliseconds_comes_before_one_in_seconds() -> None:
    assert retry_after_in({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert retry_after_in({"retry-after": "2"}) == 2.0
    assert retry_after_in({"retry-after-ms": "soon", "retry-after": "2"}) == 2.0
    assert retry_after_in({}) is None
