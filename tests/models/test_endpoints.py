"""What the errors and last words of real services become: ``endpoint_bodies.jsonl`` has their forms."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hemm.cli import status
from hemm.core import Generation, Message, Request, Response, Sample
from hemm.models import ModelOptions, resolve
from hemm.models.api.errors import told
from hemm.models.retry import CallFailed
from hemm.parsing.formats import OneOf
from hemm.parsing.outcome import judge
from hemm.results.read import cells
from servers import ChatServer

BODIES = [
    json.loads(line) for line in (Path(__file__).parent / "endpoint_bodies.jsonl").read_text().splitlines()
]
SPECS = {"chat": "http", "anthropic": "anthropic/claude", "google": "google/gemini"}


@dataclass
class Canned(ChatServer):
    """Answers the first ``well`` requests, and each later one with ``row``, one of ``BODIES``."""

    row: dict[str, Any] = field(default_factory=dict)
    well: int = 0

    async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
        if self.asked <= self.well or not self.row:
            return await super()._end(writer, wire, received, fault)
        body = self.row["body"]
        content = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        kind = "text/html" if isinstance(body, str) else "application/json"
        lines = [f"HTTP/1.1 {self.row['status']} X", f"Content-Type: {kind}"]
        lines += [f"{name}: {value}" for name, value in self.row.get("headers", {}).items()]
        lines.append(f"Content-Length: {len(content)}")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        return True


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef")
    monkeypatch.setenv("GEMINI_API_KEY", "AIza0123456789abcdefghij")
    for name in ("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OPENAI_BASE_URL", "HEMM_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def spec_of(schema: str, server: ChatServer) -> tuple[str, list[tuple[str, str]]]:
    if schema == "chat":
        return server.spec(), []
    return SPECS[schema], [("base_url", server.base)]


def ask(schema: str, server: ChatServer, *settings: tuple[str, str], count: int = 1) -> list[Response]:
    spec, base = spec_of(schema, server)
    fast = [("max_retries", "2"), ("retry_wait", "0.001"), ("timeout", "60")]

    async def run() -> list[Response]:
        model: Any = resolve(spec, ModelOptions(settings=(*base, *fast, *settings)))
        await model.start()
        requests = [Request("s", 0, (Message("user", ("q",)),), Generation(), "k") for _ in range(count)]
        try:
            return [await model.generate(request) for request in requests]
        finally:
            await model.close()

    return asyncio.run(run())


def named(rows: Sequence[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=[f"{r['provider']}: {r['name']}" for r in rows])


@named(BODIES)
def test_an_error_is_what_its_provider_means_by_it(row: dict[str, Any]) -> None:
    with Canned(row=row) as server:
        (answer,) = ask(row["schema"], server)
        asked = server.asked
    failure, expect = answer.failure, row["expect"]
    if expect == "refused":
        assert failure is None
        assert (answer.filtered, bool(answer.refusal)) == (True, True)
        assert asked == 1
        return
    assert failure is not None
    assert "\n" not in failure.message
    if expect == "again":
        assert (failure.permanent, asked) == (False, 3)
    elif expect == "sample":
        assert failure.kind in ("bad_request", "too_large")
        assert (failure.permanent, asked) == (True, 1)
    else:
        assert (failure.kind, failure.permanent, asked) == (expect, False, 1)


@pytest.mark.parametrize("schema", SPECS)
def test_a_redirect_is_told_with_its_target_and_not_followed(schema: str) -> None:
    """A key goes to the address that the user gave, and nowhere else."""
    row = {"status": 308, "headers": {"Location": "/elsewhere/v1/messages"}, "body": ""}
    with Canned(row=row) as server:
        (answer,) = ask(schema, server)
        assert server.asked == 1
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.permanent) == ("redirected", False)
    assert "moved to /elsewhere/v1/messages" in answer.failure.message


# end to end: what is counted, what is stored, what the last line says, what the next run asks


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of twelve questions."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = [{"id": f"q{n}", "question": f"Red {n}?", "answer": "yes"} for n in range(12)]
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


def run(schema: str, server: ChatServer, data: Path, *more: str) -> int:
    spec, base = spec_of(schema, server)
    words = [word for key, value in base for word in ("--set", f"{key}={value}")]
    fast = ("--set", "retry_wait=0.001", "--set", "max_retries=1", "--concurrency", "1")
    return status(["run", spec, "--task", str(data), *words, *fast, *more])


def stored() -> tuple[str, list[dict[str, Any]]]:
    (cell,) = cells(Path("results"))
    return cell.state, cell.answers().to_pylist()


FAULTS = ("quota", "unauthorized", "forbidden", "not_found", "redirected", "unavailable")


@named(
    [
        next(r for r in BODIES if (r["expect"], r["schema"]) == pair)
        for pair in dict.fromkeys((r["expect"], r["schema"]) for r in BODIES if r["expect"] in FAULTS)
    ]
)
def test_a_fault_of_set_up_or_account_spends_no_sample(
    row: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Canned(row=row, well=4) as server:
        assert run(row["schema"], server, data) == 3
        last = capsys.readouterr().err.strip().splitlines()[-1]
        state, answers = stored()
        assert (state, len(answers)) == ("open", 4)
        assert all(answer["failure"] is None for answer in answers)
        assert server.asked == 5 + (row["expect"] in ("forbidden", "not_found"))  # the control request
        assert last.startswith("hemm: stopped: ")
        assert f"({row['expect']}: HTTP {row['status']}" in last
        assert ("(at POST http://127.0.0.1" in last) == (
            (row["expect"], row["schema"] != "google") == ("not_found", True)
        )
        assert "8 answers still to ask; the same command goes on from there" in last
        server.row, before = {}, server.asked
        assert run(row["schema"], server, data) == 0
        assert server.asked - before == 8
    assert stored()[0] == "sealed"


@pytest.mark.parametrize("schema", SPECS)
def test_a_fault_before_the_first_answer_stops_at_once(
    schema: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(r for r in BODIES if (r["schema"], r["expect"]) == (schema, "quota"))
    with Canned(row=row) as server:
        assert run(schema, server, data, "--concurrency", "4") == 3
        assert server.asked <= 4
    assert "12 answers still to ask" in capsys.readouterr().err.strip().splitlines()[-1]


@named([r for r in BODIES if r["expect"] == "refused"][::4])
def test_what_a_filter_refuses_is_counted_as_refused(row: dict[str, Any], data: Path) -> None:
    with Canned(row=row, well=4) as server:
        assert run(row["schema"], server, data) == 0
        assert server.asked == 12
        assert run(row["schema"], server, data) == 0
        assert server.asked == 12
    (cell,) = cells(Path("results"))
    assert (cell.state, cell.run["outcomes"]["refused"], cell.run["outcomes"]["error"]) == ("sealed", 8, 0)


SAMPLE = [r for r in BODIES if r["expect"] == "sample"]


@dataclass
class Picky(Canned):
    """Refuses the questions whose number is in ``refuses``, as ``row`` does."""

    refuses: frozenset[int] = frozenset()

    async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
        bad = any(f"Red {n}?" in received.text for n in self.refuses)
        row, self.row = self.row, self.row if bad else {}
        try:
            return await super()._end(writer, wire, received, fault)
        finally:
            self.row = row


@named([next(r for r in SAMPLE if r["schema"] == schema) for schema in SPECS])
def test_what_speaks_of_the_sample_is_its_error_and_the_last_line_says_what_asks_it_again(
    row: dict[str, Any], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last three questions are refused alike: at the end a request that was answered decides."""
    with Picky(row=row, refuses=frozenset({2, 9, 10, 11})) as server:
        assert run(row["schema"], server, data) == 3
        assert server.asked == 13
        said = capsys.readouterr().err.strip().splitlines()
        assert "4 samples ended in an error:" in said
        assert said[-1].endswith("the same command does not ask them again, --retry-errors does")
        state, answers = stored()
        assert state == "sealed with 4 errors"
        assert sum(answer["failure_permanent"] or False for answer in answers) == 4
        assert run(row["schema"], server, data) == 3
        assert server.asked == 13
        server.refuses = frozenset()
        assert run(row["schema"], server, data, "--retry-errors") == 0
        assert server.asked == 17


@pytest.mark.parametrize("well", [0, 4])
@pytest.mark.parametrize("most", ["3", "20"])
def test_equal_words_without_an_answer_between_them_are_no_sample_s(
    well: int, most: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An account that is used up in words that nobody knows, before and after answers, before and at the end
    of the plan."""
    odd = {"status": 400, "body": {"error": {"message": "Your plan does not cover this. Ticket 8f3a91"}}}
    with Canned(row=odd, well=well) as server:
        assert run("chat", server, data, "--stop-after", most) == 3
        last = capsys.readouterr().err.strip().splitlines()[-1]
        failed = min(int(most), 12 - well)
        assert f"{failed} samples in a row failed alike (bad_request: HTTP 400: Your plan" in last
        assert f"{12 - well} answers still to ask" in last
        assert server.asked == well + failed + bool(well)
        server.row = {}
        assert run("chat", server, data) == 0
    assert stored()[0] == "sealed"


def test_an_answer_of_an_earlier_command_is_the_control(data: Path) -> None:
    row = SAMPLE[0]
    with Picky(row=row, refuses=frozenset({11})) as server:
        assert run("chat", server, data, "--limit", "11") in (0, 3)
        (cell,) = cells(Path("results"))
        left = 12 - cell.answers().num_rows
        before = server.asked
        server.refuses = frozenset(range(12)) - {int(a["id"][1:]) for a in cell.answers().to_pylist()}
        assert run("chat", server, data) == 3
        assert server.asked - before == left + 1
    assert stored()[0].startswith("sealed with")


def test_a_forbidden_sample_is_its_error_where_others_are_answered(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A filter that says 403 in words that nobody knows: in doubt a request that was answered decides, and
    the user is told that it is sent again."""
    row = {"status": 403, "body": {"error": {"message": "This picture is not for us"}}}
    with Picky(row=row, refuses=frozenset({3, 7})) as server:
        assert run("chat", server, data) == 3
        assert server.asked == 12 + 1
        said = capsys.readouterr().err
        assert said.count("a request that was answered before is sent again") == 1
        assert said.strip().splitlines()[-1] == "hemm: the same command asks them again"
        assert stored()[0] == "sealed with 2 errors"
        server.refuses = frozenset()
        assert run("chat", server, data) == 0
        assert server.asked == 13 + 2


@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_fails_in_every_form_loses_and_mixes_nothing(seed: int, data: Path) -> None:
    """Each question has its own fate, of the recorded bodies, at many in flight."""
    draw = random.Random(seed)
    fates = [r for r in BODIES if r["schema"] == "chat" and r["expect"] in ("refused", "sample", "again")]
    rows = [{"id": f"q{n}", "question": f"Red {n}?", "answer": "yes"} for n in range(200)]
    (data / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    fate = {n: draw.choice(fates) if draw.random() < 0.4 else None for n in range(200)}
    met: Counter[int] = Counter()

    class Fated(Canned):
        async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
            found = re.search(r"Red (\d+)\?", received.text)
            assert found is not None
            number = int(found[1])
            met[number] += 1
            row = fate[number]
            passing = row is not None and row["expect"] == "again" and met[number] > 1
            self.row = {} if row is None or passing else row
            return await super()._end(writer, wire, received, fault)

    with Fated() as server:
        assert run("chat", server, data, "--concurrency", "16") == 3
    (cell,) = cells(Path("results"))
    answers = {int(a["id"][1:]): a for a in cell.answers().to_pylist()}
    assert len(answers) == 200
    for number, answer in answers.items():
        expect = "ok" if fate[number] is None else fate[number]["expect"]  # type: ignore[index]
        became = "sample" if answer["failure"] else "refused" if answer["refusal"] else "ok"
        assert became == ("ok" if expect == "again" else expect), (fate[number], answer["failure_message"])
        assert bool(answer["failure_permanent"]) == (expect == "sample")
    assert sum(met.values()) - sum(f is not None and f["expect"] == "again" for f in fate.values()) <= 205


# the word by which an answer ended

WORDS = {
    # https://docs.mistral.ai/openapi.yaml, https://github.com/camel-ai/camel/issues/4266
    ("chat", "model_length"): ("truncated", "model_length"),
    ("chat", "error"): ("again", "error"),
    ("chat", "length"): ("truncated", "length"),
    ("chat", "max_tokens"): ("truncated", "length"),
    # https://github.com/vllm-project/vllm/issues/57082, https://github.com/BerriAI/litellm/pull/27101
    ("chat", "abort"): ("again", "abort"),
    ("chat", "repetition"): ("truncated", "repetition"),
    ("chat", "repeat"): ("truncated", "repeat"),  # https://github.com/MoonshotAI/moonpalace/pull/3
    ("chat", "content_filter"): ("refused", "content_filter"),
    ("chat", "SAFETY"): ("refused", "SAFETY"),
    ("chat", "FinishReason.SAFETY"): ("refused", "SAFETY"),
    ("chat", "sensitive"): ("refused", "sensitive"),
    ("chat", "network_error"): ("again", "network_error"),
    ("chat", "insufficient_system_resource"): ("again", "insufficient_system_resource"),
    ("chat", "load"): ("again", "load"),  # https://github.com/can1357/oh-my-pi/issues/7465
    ("chat", "eos_token"): ("ok", "stop"),
    ("chat", "tool_calls"): ("ok", "stop"),
    ("chat", None): ("ok", "stop"),
    ("chat", "pause_turn"): ("error", "pause_turn"),
    ("chat", "something_new"): ("error", "something_new"),
    ("anthropic", "end_turn"): ("ok", "stop"),
    ("anthropic", "max_tokens"): ("truncated", "length"),
    ("anthropic", "model_context_window_exceeded"): ("truncated", "length"),
    ("anthropic", "pause_turn"): ("error", "pause_turn"),
    ("anthropic", "something_new"): ("error", "something_new"),
    ("google", "STOP"): ("ok", "stop"),
    ("google", "MAX_TOKENS"): ("truncated", "length"),
    ("google", "SAFETY"): ("refused", "SAFETY"),
    ("google", "LANGUAGE"): (
        "refused",
        "LANGUAGE",
    ),  # https://github.com/microsoft/agent-framework-go/pull/1100
    ("google", "MALFORMED_RESPONSE"): ("again", "MALFORMED_RESPONSE"),
    ("google", "OTHER"): ("error", "OTHER"),
}


def ended(schema: str, word: str | None) -> dict[str, Any]:
    """An answer that no format reads, which ended with ``word``."""
    text = "The picture shows a"
    if schema == "anthropic":
        parts = [{"type": "text", "text": text}]
        return {"type": "message", "role": "assistant", "content": parts, "stop_reason": word}
    if schema == "google":
        return {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": word}]}
    return {"choices": [{"message": {"content": text}, "finish_reason": word}]}


@pytest.mark.parametrize(("schema", "word"), WORDS)
def test_the_word_by_which_an_answer_ended_is_stored_and_read(schema: str, word: str | None) -> None:
    outcome, stored_word = WORDS[schema, word]
    with Canned(row={"status": 200, "body": ended(schema, word)}) as server:
        (answer,) = ask(schema, server)
        asked = server.asked
    judged = judge(Sample("s", choices=("yes", "no")), 0, answer, OneOf())
    if outcome in ("again", "error"):
        assert answer.failure is not None
        assert stored_word in answer.failure.message
        assert (judged.outcome, answer.failure.permanent) == ("error", outcome == "error")
        assert asked == (3 if outcome == "again" else 1)
        return
    assert (answer.failure, answer.finish, asked) == (None, stored_word, 1)
    assert judged.outcome == {"ok": "unparsable"}.get(outcome, outcome)


def test_an_answer_that_the_server_broke_off_is_asked_again(data: Path) -> None:
    class Breaks(Canned):
        async def _end(self, writer: Any, wire: Any, received: Any, fault: str) -> bool:
            self.row = {"status": 200, "body": ended("chat", "abort")} if self.asked % 2 else {}
            return await super()._end(writer, wire, received, fault)

    with Breaks() as server:
        assert run("chat", server, data) == 0
        assert server.asked == 24
    state, answers = stored()
    assert (state, {a["finish"] for a in answers}, {a["failure"] for a in answers}) == (
        "sealed",
        {"stop"},
        {None},
    )


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        # https://github.com/open-compass/VLMEvalKit/pull/1550
        ({"message": None, "finish_reason": "PROHIBITED_CONTENT"}, "PROHIBITED_CONTENT"),
        ({"finish_reason": "content_filter", "index": 0}, "content_filter"),
        # https://github.com/reVrost/go-openrouter/pull/43
        (
            {"message": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "SAFETY"},
            "SAFETY",
        ),
        ({"message": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "refusal"}, "refusal"),
    ],
)
def test_a_filter_that_leaves_no_message_or_is_hidden_by_a_router(
    choice: dict[str, Any], finish: str
) -> None:
    with Canned(row={"status": 200, "body": {"choices": [choice]}}) as server:
        (answer,) = ask("chat", server)
        assert server.asked == 1
    assert (answer.failure, answer.finish) == (None, finish)
    assert judge(Sample("s", choices=("yes", "no")), 0, answer, OneOf()).outcome == "refused"


def test_words_of_earlier_versions_keep_their_meaning() -> None:
    answers = [Response("x", finish=word) for word in ("stop", "length", "content_filter")]
    judged = [judge(Sample("s", choices=("yes", "no")), 0, a, OneOf()).outcome for a in answers]
    assert judged == ["unparsable", "truncated", "refused"]


def test_an_error_that_repeats_the_request_is_short() -> None:
    """vLLM, FastAPI and gateways echo what they refuse, pictures included: megabytes for one failure."""
    found = told(400, {}, {"error": {"message": "bad input: " + "QUJD" * 2_000_000 + " (reason: too many)"}})
    assert isinstance(found, CallFailed)
    assert len(str(found)) < 10_000
    assert "bad input" in str(found)
    assert "reason: too many" in str(found)


def test_a_run_that_had_no_answer_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hemm.cli import status

    with ChatServer(always="402") as server:
        words = ["run", server.spec(), "--task", "probe_shapes", "--limit", "5", "--out", str(tmp_path)]
        assert status(words) == 3
    printed = capsys.readouterr().out
    assert "open; 0 of 5 answers, " in printed
    assert "hemm report" not in printed  # there is nothing to show
