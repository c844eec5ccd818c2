"""The chat-completions adapter against a real server with faults."""

from __future__ import annotations

import asyncio
import io
import json
import random
import socket
from collections.abc import Sequence
from email.utils import formatdate
from time import time

import pytest
from PIL import Image

from hemm.core import Generation, HemmError, Media, Message, Request, Response, UnknownName
from hemm.core.backoff import retry_after
from hemm.models import ModelOptions, resolve
from hemm.models.retry import CallFailed, Policy, attempts
from servers import ChatServer, fixed_answer

FAST = (("max_retries", "3"), ("timeout", "60"), ("retry_wait", "0.001"))


def picture(format: str = "PNG", colour: tuple[int, int, int] = (200, 10, 60), size: int = 12) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(out, format)
    return out.getvalue()


def request(*parts: str | Media, id: str = "s", **generation: object) -> Request:
    g = Generation(**{"max_new_tokens": 8, **generation})  # type: ignore[arg-type]
    return Request(id, 0, (Message("user", parts),), g, f"key-{id}")


def ask(spec: str, requests: Sequence[Request], *settings: tuple[str, str], width: int = 8) -> list[Response]:
    async def run() -> list[Response]:
        model = resolve(spec, ModelOptions(settings=(*FAST, *settings)))
        await model.start()
        gate = asyncio.Semaphore(width)

        async def one(r: Request) -> Response:
            async with gate:
                return await model.generate(r)  # type: ignore[attr-defined, no-any-return]

        try:
            return list(await asyncio.gather(*map(one, requests)))
        finally:
            await model.close()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of whoever runs the tests."""
    for name in ("OPENAI_API_KEY", "HEMM_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_the_bytes_that_arrive_are_the_original_bytes(format: str) -> None:
    data = picture(format)
    with ChatServer() as server:
        (answer,) = ask(server.spec(), [request("What is it? ", Media(data), " End.")])
        (got,) = server.requests
        assert answer.text == fixed_answer(got)
    assert got.pictures == [data]
    assert [p["type"] for p in got.body["messages"][0]["content"]] == ["text", "image_url", "text"]


@pytest.mark.parametrize("format", ["TIFF", "BMP"])
def test_formats_the_interface_does_not_take_go_as_lossless_png(format: str) -> None:
    data = picture(format)
    with ChatServer() as server:
        ask(server.spec(), [request("q", Media(data))])
        (sent,) = server.requests[0].pictures
    assert sent.startswith(b"\x89PNG")
    assert Image.open(io.BytesIO(sent)).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_what_is_sent_is_the_schema() -> None:
    messages = (
        Message("system", ("Be brief.",)),
        Message("user", ('a "quote"\n', "\ud800", Media(picture()))),
    )
    g = Generation(max_new_tokens=7, temperature=0.5, top_p=0.9, stop=("\n",), seed=3, max_pixels=25)
    asked = Request("s", 1, messages, g, "k")
    with ChatServer() as server:
        ask(server.spec("org/name"), [asked], ("logprobs", "true"), ("reasoning_effort", "low"))
        (got,) = server.requests
    body = {k: v for k, v in got.body.items() if k != "messages"}
    assert body == {
        "model": "org/name",
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": asked.seed,
        "logprobs": True,
        "reasoning_effort": "low",
    }
    assert got.body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert got.body["messages"][1]["content"][:2] == [
        {"type": "text", "text": 'a "quote"\n'},
        {"type": "text", "text": "\ud800"},
    ]
    assert Image.open(io.BytesIO(got.pictures[0])).size == (5, 5)


def test_the_facts_of_an_answer() -> None:
    with ChatServer(always="reasoning") as server:
        (answer,) = ask(server.spec(), [request("q", Media(picture()))], ("logprobs", "true"))
    assert answer.reasoning == "Let me think."
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (110, 1)
    assert answer.logprobs == (-0.25,)
    assert (answer.model, answer.finish, answer.attempts) == ("fp_test", "stop", 1)


@pytest.mark.parametrize(
    ("fault", "finish", "refused"),
    [
        ("content_filter", "content_filter", False),
        ("azure_filter", "content_filter", True),
        ("refusal", "stop", True),
        ("length", "length", False),
        ("empty", "stop", False),
    ],
)
def test_what_the_interface_says_is_a_fact_and_no_failure(fault: str, finish: str, refused: bool) -> None:
    with ChatServer(always=fault) as server:
        (answer,) = ask(server.spec(), [request("q")])
        assert server.asked == 1
    assert (answer.failure, answer.finish, answer.refusal is not None) == (None, finish, refused)


@pytest.mark.parametrize("fault", ["429", "429:0.01", "500", "503", "reset", "truncated", "garbage", "hang"])
def test_a_passing_fault_is_asked_again(fault: str) -> None:
    faults = [fault] if fault == "hang" else [fault, fault]  # a second time-out is a server that is gone
    with ChatServer(faults=list(faults)) as server:
        (answer,) = ask(server.spec(), [request("q")], ("timeout", "1" if fault == "hang" else "60"))
        assert server.asked == len(faults) + 1
    assert answer.failure is None
    assert answer.attempts == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("429", "rate_limit"),
        ("500", "server"),
        ("reset", "connection"),
        ("truncated", "connection"),
        ("garbage", "bad_response"),
        ("hang", "silent"),
    ],
)
def test_a_lasting_fault_ends_after_the_policy_s_attempts(fault: str, kind: str) -> None:
    with ChatServer(always=fault) as server:
        (answer,) = ask(server.spec(), [request("q")], ("timeout", "0.2" if fault == "hang" else "60"))
        assert server.asked == (2 if fault == "hang" else 4)
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.permanent) == (kind, False)
    assert (answer.attempts, answer.text) == (server.asked, "")


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "410", "413", "415", "422", "451", "501"])
def test_what_another_attempt_cannot_mend_is_asked_once(status: str) -> None:
    """Permanent is what speaks of the sample alone."""
    with ChatServer(always=status) as server:
        (answer,) = ask(server.spec(), [request("q")])
        assert server.asked == 1
    assert answer.failure is not None
    assert answer.failure.permanent == (status in ("400", "413", "415", "422"))
    assert f"injected {status}" in answer.failure.message


def test_retry_after_is_honoured_and_an_endless_one_given_up() -> None:
    async def run(after: float, calls: list[float]) -> Response:
        async def call() -> Response:
            calls.append(asyncio.get_running_loop().time())
            raise CallFailed("rate_limit", "slow down", after=after)

        return await attempts(Policy(max_retries=1, base=0.0, patience=1.0), call)

    waited: list[float] = []
    asyncio.run(run(0.2, waited))
    assert waited[1] - waited[0] >= 0.2
    given_up: list[float] = []
    asyncio.run(run(1000.0, given_up))
    assert len(given_up) == 1


def test_retry_after_as_seconds_or_date() -> None:
    assert retry_after("1.5") == 1.5
    assert retry_after("-3") == 0.0
    found = retry_after(formatdate(time() + 60, usegmt=True))
    assert found is not None
    assert 55 < found <= 60
    assert [retry_after(v) for v in (None, "", "soon", "nan")] == [None] * 4


def test_waits_grow_with_jitter_up_to_a_cap() -> None:
    policy = Policy(max_retries=9, base=1.0, cap=10.0)
    for attempt, top in [(1, 1.0), (2, 2.0), (3, 4.0), (9, 10.0)]:
        waits = [policy.wait(attempt, None) or 0.0 for _ in range(50)]
        assert top / 2 <= min(waits) < max(waits) <= top
    assert policy.wait(10, None) is None


def test_a_damaged_picture_is_a_permanent_failure_and_no_request() -> None:
    with ChatServer() as server:
        bad = request("q", Media(b"II*\x00 no tiff"), id="bad")
        answers = ask(server.spec(), [bad, request("q", id="good")])
        assert server.asked == 1
    assert answers[0].failure is not None
    assert (answers[0].failure.kind, answers[0].failure.permanent) == ("media", True)
    assert answers[1].failure is None


def test_random_faults_never_lose_mix_or_overask() -> None:
    draw = random.Random(5)
    kinds = ["ok", "ok", "429", "429:0", "500", "reset", "truncated", "length", "content_filter"]
    with ChatServer(faults=[draw.choice(kinds) for _ in range(300)]) as server:
        answers = ask(server.spec(), [request(f"question {i}", id=str(i)) for i in range(200)], width=64)
        assert server.asked == sum(a.attempts for a in answers)
        told = {r.text: fixed_answer(r) for r in server.requests}
    assert all(a.attempts <= 4 for a in answers)
    for i, answer in enumerate(answers):
        if answer.failure is None and answer.finish == "stop":
            assert answer.text == told[f"question {i}"]


def test_as_many_in_flight_as_asked_for_and_connections_are_kept() -> None:
    with ChatServer(latency=0.3) as server:
        ask(server.spec(), [request("q", id=str(i)) for i in range(200)], width=40)
        assert server.most_in_flight == 40
        assert server.connections <= 41


SECRET = "sk-verysecret0123456789abcdef"


def test_the_key_is_sent_and_never_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMM_API_KEY", SECRET)
    with ChatServer(key=SECRET) as server:
        ask(server.spec(), [request("q")])
        assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    with ChatServer(key="another") as server:
        with pytest.raises(HemmError) as caught:
            ask(server.spec(), [request("q")])
        assert server.asked == 0
    assert SECRET not in str(caught.value)
    assert "HEMM_API_KEY" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_echoes_the_key_does_not_spread_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = "just-a-plain-word"
    monkeypatch.setenv("MY_KEY", plain)
    with ChatServer(always="echo") as server:
        (answer,) = ask(server.spec(), [request("q")], ("api_key_env", "MY_KEY"))
    assert answer.failure is not None
    assert plain not in answer.failure.message


def test_no_key_for_openai_is_one_line() -> None:
    with pytest.raises(HemmError, match="set OPENAI_API_KEY"):
        ask("openai/gpt-9", [])


def test_openai_with_another_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with ChatServer(models=["gpt-9"]) as server:
        ask("openai/gpt-9", [request("q")], ("base_url", server.url))
        assert server.requests[0].body["max_completion_tokens"] == 8


def test_an_unreachable_server_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(HemmError, match=f"no server for .* at http://127.0.0.1:{port}") as caught:
        ask(f"http://127.0.0.1:{port}/v1#m", [])
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_named_with_the_nearest() -> None:
    with ChatServer(models=["qwen-vl-7b", "llava"]) as server:
        with pytest.raises(UnknownName, match="did you mean 'qwen-vl-7b'"):
            ask(server.spec("qwen-vl-70b"), [])
        ask(server.spec("qwen-vl-70b"), [], ("check_model", "false"))


@pytest.mark.parametrize("spec", ["http://127.0.0.1:80/v1", "http:///v1#m", "http://h:99999/v1#m", "openai"])
def test_incomplete_specs_are_one_line(spec: str) -> None:
    with pytest.raises(HemmError):
        resolve(spec)


def test_an_unknown_setting_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'timeout'"):
        resolve("http://h/v1#m", ModelOptions(settings=(("timeot", "3"),)))
    with pytest.raises(HemmError, match="give a number"):
        resolve("http://h/v1#m", ModelOptions(settings=(("timeout", "long"),)))


def test_identity_is_name_and_label_and_never_the_host() -> None:
    model = resolve("http://user:pw@h:81/v1#org/m", ModelOptions(revision="march"))
    assert (model.identity.name, model.identity.revision) == ("org/m", "march")
    assert "pw" not in model.spec


def test_lone_surrogates_in_an_answer_are_written_out() -> None:
    with ChatServer(answer=lambda _: "a\ud800b") as server:
        (answer,) = ask(server.spec(), [request("q")])
    assert answer.text == "a\\ud800b"
    json.dumps(answer.text).encode()


def test_the_conformance_kit_passes() -> None:
    from hemm.testing import check_model

    with ChatServer() as server:
        check_model(resolve(server.spec(), ModelOptions(settings=FAST)))
