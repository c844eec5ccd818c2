"""Anthropic, Google, Azure, OpenRouter and the endpoints that make pictures: what is sent, what is read."""

from __future__ import annotations

import asyncio
import io
import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fake import picture
from hemm.cli import status
from hemm.core import Generation, HemmError, Media, Message, Request, Response, UnknownName
from hemm.models import ModelOptions, resolve
from hemm.models.api.likelihood import option_logprobs
from hemm.models.retry import CallFailed
from hemm.results.read import cells
from hemm.testing import check_model
from servers import ChatServer
from wires import DRAWN, TOP

KEY = "sk-ant-verysecret0123456789"
FAST = (("max_retries", "1"), ("timeout", "60"), ("retry_wait", "0.001"))


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    others = ("GOOGLE_API_KEY", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OPENAI_BASE_URL")
    for name in (*others, "AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION", "HEMM_PRICES"):
        monkeypatch.delenv(name, raising=False)


def encoded(format: str, size: tuple[int, int] = (12, 12)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 10, 60)).save(out, format)
    return out.getvalue()


def request(*parts: str | Media, **generation: Any) -> Request:
    g = Generation(**{"max_new_tokens": 8, **generation})
    return Request("s", 0, (Message("user", parts),), g, "key")


def ask(
    spec: str, server: ChatServer, requests: Sequence[Request], *settings: tuple[str, str], **options: Any
) -> list[Response]:
    base = server.url if spec.startswith(("openai/", "openrouter/")) else server.base

    async def run() -> list[Response]:
        chosen = ModelOptions(settings=(("base_url", base), *FAST, *settings), **options)
        model = resolve(spec, chosen)
        await model.start()
        try:
            return list(await asyncio.gather(*map(model.generate, requests)))  # type: ignore[attr-defined]
        finally:
            await model.close()

    return asyncio.run(run())


def sent(spec: str, asked: Request, *settings: tuple[str, str], **options: Any) -> dict[str, Any]:
    """The body that arrives at the server."""
    with ChatServer() as server:
        (answer,) = ask(spec, server, [asked], *settings, **options)
        assert answer.failure is None, answer.failure
        found = camel(server.requests[0].body) if spec.startswith("google/") else server.requests[0].body
        assert isinstance(found, dict)
        return found


def camel(value: Any) -> Any:
    """Google's names in one of the two ways that it takes: ``mime_type`` as ``mimeType``."""
    if isinstance(value, dict):
        return {re.sub("_(.)", lambda m: m[1].upper(), k): camel(v) for k, v in value.items()}
    return [camel(v) for v in value] if isinstance(value, list) else value


# Anthropic


def test_what_anthropic_is_sent_is_its_schema() -> None:
    png = encoded("PNG")
    messages = (
        Message("system", ("Be brief.",)),
        Message("user", ("What is ", Media(png), " this?\n")),
        Message("assistant", ("A square. ",)),
        Message("user", ("And \ud800?",)),
    )
    asked = Request("s", 0, messages, Generation(max_new_tokens=7, temperature=0.5, stop=("\n",)), "k")
    body = sent("anthropic/claude", asked)
    image = body["messages"][0]["content"][1]
    assert body["system"] == "Be brief."
    assert (body["max_tokens"], body["temperature"], body["stop_sequences"]) == (7, 0.5, ["\n"])
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][1]["content"] == [{"type": "text", "text": "A square."}]
    assert body["messages"][2]["content"] == [{"type": "text", "text": "And \\ud800?"}]
    assert (image["source"]["type"], image["source"]["media_type"]) == ("base64", "image/png")
    with ChatServer() as server:
        ask("anthropic/claude", server, [asked])
        assert server.requests[0].pictures == [png]
        assert server.requests[0].headers["anthropic-version"]


def test_thinking_of_anthropic_has_room_beside_the_answer() -> None:
    body = sent("anthropic/claude", request("q", thinking_budget=2048))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert body["max_tokens"] == 2048 + 8
    assert "temperature" not in body  # thinking takes none
    assert sent("anthropic/claude", request("q"), ("thinking", "adaptive"))["thinking"] == {
        "type": "adaptive"
    }
    assert sent("anthropic/claude", request("q"), ("reasoning_effort", "low"))["output_config"] == {
        "effort": "low"
    }
    assert "thinking" not in sent("anthropic/claude", request("q"))
    with pytest.raises(HemmError, match="takes 1024 or more"):
        sent("anthropic/claude", request("q", thinking_budget=10))


def test_a_picture_too_large_for_anthropic_is_an_error_that_says_what_to_do() -> None:
    noise = Image.effect_noise((2400, 2400), 100)
    out = io.BytesIO()
    noise.save(out, "PNG")
    wide = encoded("PNG", (9000, 3))
    with ChatServer() as server:
        heavy, long, fine = ask(
            "anthropic/claude",
            server,
            [
                request("q", Media(out.getvalue(), name="heavy.png")),
                request("q", Media(wide, name="wide.png")),
                request("q", Media(out.getvalue()), max_pixels=10_000),
            ],
        )
        assert server.asked == 1
    for answer, name in ((heavy, "heavy.png"), (long, "wide.png")):
        assert answer.failure is not None
        assert answer.failure.permanent
        assert name in answer.failure.message
        assert "--max-pixels" in answer.failure.message
    assert fine.failure is None


# Google


def test_what_google_is_sent_is_its_schema() -> None:
    webp = encoded("WEBP")
    messages = (
        Message("system", ("Be brief.",)),
        Message("user", ("What is ", Media(webp), "?")),
        Message("assistant", ("A square.",)),
        Message("user", ("And \ud800?",)),
    )
    g = Generation(max_new_tokens=7, temperature=0.5, top_p=0.9, stop=("\n",), seed=3)
    asked = Request("s", 1, messages, g, "k")
    with ChatServer() as server:
        ask("google/gemini", server, [asked])
        (got,) = server.requests
    assert got.path.endswith("/models/gemini:generateContent")
    assert got.pictures == [webp]
    assert got.body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert [c["role"] for c in got.body["contents"]] == ["user", "model", "user"]
    assert got.body["contents"][2]["parts"] == [{"text": "And \\ud800?"}]
    assert got.body["generationConfig"] == {
        "maxOutputTokens": 7,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["\n"],
        "seed": asked.seed,
    }


def test_google_takes_no_gif_and_takes_sound_and_video() -> None:
    wav, mp4 = b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\x00\x00\x00\x18ftypmp42"
    body = sent("google/gemini", request("q", Media(encoded("GIF")), Media(wav), Media(mp4)))
    kinds = [p["inlineData"]["mimeType"] for p in body["contents"][0]["parts"] if "inlineData" in p]
    assert kinds == ["image/png", "audio/wav", "video/mp4"]
    assert resolve("google/gemini").capabilities.inputs == {"text", "image", "audio", "video"}


@pytest.mark.parametrize(
    ("settings", "budget", "expected"),
    [
        ((), 0, None),
        ((), 512, {"thinkingBudget": 512, "includeThoughts": True}),
        ((("thinking", "off"),), 0, {"thinkingBudget": 0}),
        ((("thinking", "dynamic"),), 0, {"thinkingBudget": -1, "includeThoughts": True}),
        ((("reasoning_effort", "low"),), 0, {"thinkingLevel": "LOW", "includeThoughts": True}),
    ],
)
def test_thinking_of_google(settings: tuple[Any, ...], budget: int, expected: dict[str, Any] | None) -> None:
    config = sent("google/gemini", request("q", thinking_budget=budget), *settings)["generationConfig"]
    assert config.get("thinkingConfig") == expected
    assert config["maxOutputTokens"] == 8 + budget


@pytest.mark.parametrize(
    ("fault", "finish", "refused"),
    [
        ("SAFETY", "SAFETY", False),
        ("RECITATION", "RECITATION", False),
        ("PROHIBITED_CONTENT", "PROHIBITED_CONTENT", False),
        ("BLOCKLIST", "BLOCKLIST", False),
        ("azure_filter", "content_filter", True),
        ("MAX_TOKENS", "length", False),
        ("NO_IMAGE", "stop", False),
    ],
)
def test_google_s_finish_reasons(fault: str, finish: str, refused: bool) -> None:
    with ChatServer(always=fault) as server:
        (answer,) = ask("google/gemini", server, [request("q")])
        assert server.asked == 1
    assert (answer.failure, answer.finish, answer.refusal is not None) == (None, finish, refused)


def test_a_broken_answer_of_google_is_asked_again() -> None:
    with ChatServer(faults=["MALFORMED_RESPONSE"]) as server:
        (answer,) = ask("google/gemini", server, [request("q")])
    assert (answer.failure, answer.attempts) == (None, 2)


def test_a_retry_delay_in_google_s_body_is_honoured() -> None:
    from hemm.models.api import google

    row = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    from google.genai.errors import APIError

    error = APIError(429, {"error": {"code": 429, "message": "slow", "details": [row]}})
    failed = google._told(error)
    assert isinstance(failed, CallFailed)
    assert (failed.kind, failed.after, failed.overload) == ("rate_limit", 34.5, True)
    day = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    spent = google._told(APIError(429, {"error": {"code": 429, "message": "x", "details": [day, row]}}))
    assert isinstance(spent, CallFailed)
    assert (spent.kind, spent.retry, spent.permanent) == ("quota", False, False)


# both


@pytest.mark.parametrize("spec", ["anthropic/claude", "google/gemini"])
def test_the_facts_of_an_answer(spec: str) -> None:
    with ChatServer(always="reasoning") as server:
        (answer,) = ask(spec, server, [request("q", Media(encoded("PNG")))])
    assert answer.reasoning == "Let me think."
    assert answer.text in ("yes", "no")
    assert answer.usage.input_tokens == 110
    assert answer.usage.output_tokens == (1 if spec.startswith("anthropic") else 6)  # thoughts are paid for
    assert (answer.finish, answer.attempts, bool(answer.model)) == ("stop", 1, True)


@pytest.mark.parametrize("spec", ["anthropic/claude", "google/gemini"])
def test_the_conformance_kit_passes(spec: str) -> None:
    with ChatServer(models=["claude", "gemini"]) as server:
        options = ModelOptions(settings=(("base_url", server.base), *FAST))
        check_model(resolve(spec, options))


@pytest.mark.parametrize("spec", ["anthropic/claude", "google/gemini", "openrouter/org/m", "azure/mine"])
def test_the_key_is_in_no_error_and_in_no_file(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/1.png").write_bytes(picture(1).data)
    row = {"id": "q", "image": "1.png", "question": "Red?", "answer": "yes"}
    (tmp_path / "mine/data.jsonl").write_text(json.dumps(row) + "\n")
    with ChatServer(always="echo") as server:
        base = server.url if spec.startswith("openrouter") else server.base
        words = ["run", spec, "--task", "./mine", "--set", f"base_url={base}", "--set", "max_retries=0"]
        assert status([*words, "--stop-after", "0"]) == 3
        assert server.asked == 1
    assert "bad_request" in cells(Path("results"))[0].answers()["failure"].to_pylist()
    for path in Path("results").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    out, err = capsys.readouterr()
    assert KEY not in out + err


@pytest.mark.parametrize(("spec", "extra"), [("anthropic/claude", "anthropic"), ("google/gemini", "google")])
def test_a_missing_package_is_one_line(
    spec: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "anthropic", None)
    monkeypatch.setitem(sys.modules, "google.genai", None)
    monkeypatch.setitem(sys.modules, "google", None)
    assert status(["run", spec, "--task", "probe_shapes", "--limit", "1"]) == 2
    err = capsys.readouterr().err
    assert f"pip install 'hemm[{extra}]'" in err
    assert err.strip().count("\n") == 0


def test_the_packages_are_imported_late() -> None:
    code = (
        "import sys, hemm.models as m\n"
        "m.resolve('anthropic/x'), m.resolve('google/x'), m.resolve('openai/x')\n"
        "assert not {'anthropic', 'google.genai', 'aiohttp'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# Azure and OpenRouter


def test_azure_has_deployments_a_version_and_a_header_of_its_own() -> None:
    with ChatServer(models=["mine"], key=KEY) as server:
        (answer,) = ask("azure/mine", server, [request("q")])
        (got,) = server.requests
        with pytest.raises(HemmError, match="has no deployment 'theirs'"):
            ask("azure/theirs", server, [])
    assert answer.failure is None
    assert got.path == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert got.headers["api-key"] == KEY
    assert "authorization" not in got.headers
    assert got.body["max_completion_tokens"] == 8


def test_azure_s_wrong_key_and_missing_address_are_one_line() -> None:
    with (
        ChatServer(models=["mine"], key="another") as server,
        pytest.raises(HemmError, match="check the key in AZURE_OPENAI_API_KEY, which is set"),
    ):
        ask("azure/mine", server, [])
    with pytest.raises(HemmError, match="set AZURE_OPENAI_ENDPOINT"):
        resolve("azure/mine")


def test_azure_s_version_and_its_newer_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(models=["mine"]) as server:
        ask("azure/mine", server, [request("q")], ("api_version", "2025-01-01-preview"))
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{server.base}/openai/v1/")
        ask("azure/mine", server, [request("q")], ("base_url", f"{server.base}/openai/v1/"))
        assert [r.path for r in server.requests] == [
            "/openai/deployments/mine/chat/completions?api-version=2025-01-01-preview",
            "/openai/v1/chat/completions",
        ]
        assert server.requests[1].body["model"] == "mine"


def test_openrouter_tells_its_cost_and_budgets_reasoning() -> None:
    with ChatServer(models=["org/m"], key=KEY) as server:
        ask("openrouter/org/m", server, [request("q", thinking_budget=100)])
        (got,) = server.requests
        assert got.headers["authorization"] == f"Bearer {KEY}"
        with pytest.raises(UnknownName, match="did you mean 'org/m'"):
            ask("openrouter/org/mm", server, [])
    assert got.body["model"] == "org/m"
    assert got.body["usage"] == {"include": True}
    assert got.body["reasoning"] == {"max_tokens": 100}
    with ChatServer(models=["org/m"], key="another") as server, pytest.raises(HemmError, match="OPENROUTER"):
        ask("openrouter/org/m", server, [])


# options by their first token


def test_options_are_scored_by_their_first_token() -> None:
    asked = Request(
        "s",
        0,
        (Message("user", ("Is it?",)),),
        Generation(max_new_tokens=8, scoring="likelihood"),
        "k",
        ("yes", "no"),
    )
    yes = math.log(math.exp(TOP[" Yes"]) + math.exp(TOP["yes"]))
    for spec in ("openai/gpt", "google/gemini"):
        with ChatServer() as server:
            (answer,) = ask(spec, server, [asked], scoring="likelihood")
            body = server.requests[0].body
        assert answer.options == pytest.approx((yes, TOP["No"]))
        assert answer.finish == "stop"
        config = body.get("generationConfig", body)
        assert (config.get("top_logprobs") or config["logprobs"]) == 20
        assert (config.get("max_completion_tokens") or config["maxOutputTokens"]) == 1


def test_a_probability_that_is_not_known_is_never_guessed() -> None:
    top = [("Yes", -0.1), ("blue", -2.0), ("gre", -3.0), ("g", -4.0), ("▁A", -5.0)]
    assert option_logprobs(("yes", "Blue bird", "green"), top) == (-0.1, -2.0, -3.0)
    assert option_logprobs(("a", "yes"), top) == (-5.0, -0.1)
    for options, said in [
        (("yes", "no"), "'no' is not among the 5 likeliest"),
        (("blue bird", "blue whale"), "begin with the same token"),
        (("Yes", "yes"), "begin with the same token"),
        (("gold", "yes"), "'gold' is not among"),
    ]:
        with pytest.raises(CallFailed, match=said) as caught:
            option_logprobs(options, top)
        assert caught.value.permanent
    with pytest.raises(CallFailed, match="gives no top_logprobs"):
        option_logprobs(("yes", "no"), [])


def test_yes_and_no_by_likelihood_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    row = {"choices": ["yes", "no"], "answer": "yes"}
    rows = [{"id": f"q{n}", "question": f"Red {n}?", **row} for n in range(4)]
    (tmp_path / "mine/data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    with ChatServer() as server:
        words = ["run", server.spec(), "--task", "./mine", "--set", "scoring=likelihood"]
        assert status(words) == 0
    table = cells(Path("results"))[0].answers()
    options = table["options"].to_pylist()
    assert {len(o) for o in options} == {2}
    assert all(o[0] > o[1] for o in options)


# pictures as answers


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_pictures_are_made_from_text_and_from_pictures(pictures: int) -> None:
    shown = [Media(encoded(f)) for f in ("PNG", "JPEG")][:pictures]
    with ChatServer(models=["gpt-image-1"]) as server:
        settings = (("output", "image"), ("image_size", "1024x1024"))
        (answer,) = ask("openai/gpt-image-1", server, [request(*shown, "Make it red.")], *settings)
        (got,) = server.requests
    assert answer.failure is None
    assert [m.data for m in answer.media] == [DRAWN]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10 + 100 * pictures, 1000)
    assert got.path == ("/v1/images/edits" if pictures else "/v1/images/generations")
    assert got.text == "Make it red."
    assert got.pictures == [m.data for m in shown]
    assert set(got.body) >= {"model", "prompt", "n", "size"}


def test_a_picture_that_does_not_come_is_an_error_and_a_refusal_is_none() -> None:
    with ChatServer(faults=["url", "url", "azure_filter"]) as server:
        address, refused = (
            ask("openai/gpt-image-1", server, [request("Draw.")], ("output", "image"))[0] for _ in range(2)
        )
    assert address.failure is not None
    assert "an address instead of a picture" in address.failure.message
    assert (refused.failure, refused.finish) == (None, "content_filter")


@pytest.mark.parametrize("spec", ["google/gemini-image", "openrouter/org/painter"])
def test_pictures_that_come_in_a_chat(spec: str) -> None:
    with ChatServer(models=["gemini-image", "org/painter"]) as server:
        (answer,) = ask(spec, server, [request("Draw.")], ("output", "image"))
    assert [m.data for m in answer.media] == [DRAWN]
    assert "image" in resolve(spec, ModelOptions(settings=(("output", "image"),))).capabilities.outputs


def test_settings_out_of_range_are_one_line() -> None:
    for spec, key, value, said in [
        ("openai/m", "output", "sound", "give text or image"),
        ("openai/m", "inputs", "text,smell", "give some of"),
        ("openai/m", "max_images", "few", "give a whole number"),
        ("anthropic/m", "thinking", "hard", "give off or adaptive"),
        ("google/m", "thinking", "hard", "give off or dynamic"),
    ]:
        with pytest.raises(HemmError, match=said):
            resolve(spec, ModelOptions(settings=((key, value),)))
