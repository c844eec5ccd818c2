"""Settings of served models that change what is asked: thinking, the chat template, greedy decoding."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hemm.core import Generation, HemmError, Message, Request
from hemm.models import ModelOptions, resolve
from hemm.models.process import serve
from hemm.models.process.servers import SERVERS, decoding_fields
from servers import ChatServer


def sent(spec: str, *settings: tuple[str, str], **generation: Any) -> dict[str, Any]:
    """The body of one request, without its messages."""
    g = Generation(**{"max_new_tokens": 8, **generation})
    options = ("yes", "no") if g.scoring == "likelihood" else ()
    request = Request("s", 0, (Message("user", ("Is it red?",)),), g, "k", options)

    async def ask(server: ChatServer) -> None:
        named = (*settings, ("base_url", server.url))
        model = resolve(spec, ModelOptions(settings=named, scoring=g.scoring))
        await model.start()
        try:
            await model.generate(request)  # type: ignore[attr-defined]
        finally:
            await model.close()

    with ChatServer(key="none", models=None) as server:
        asyncio.run(ask(server))
        (got,) = [received for received in server.requests if received.body]
    return {key: value for key, value in got.body.items() if key != "messages"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENROUTER_API_KEY", "HEMM_API_KEY"):
        monkeypatch.setenv(name, "none")


@pytest.mark.parametrize("scoring", ["generate", "likelihood"])
def test_thinking_is_switched_by_the_variables_that_servers_hand_to_templates(scoring: str) -> None:
    off = sent("http://h:1/v1#m", ("thinking", "off"), scoring=scoring)
    assert off["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}
    more = (("thinking", "on"), ("chat_template_kwargs", '{"enable_thinking": 1, "mood": "calm"}'))
    both = sent("http://h:1/v1#m", *more, scoring=scoring)
    assert both["chat_template_kwargs"] == {"enable_thinking": 1, "thinking": True, "mood": "calm"}
    assert "chat_template_kwargs" not in sent("http://h:1/v1#m", scoring=scoring)


def test_openrouter_has_a_field_of_its_own() -> None:
    body = sent("openrouter/org/name", ("thinking", "off"))
    assert body["reasoning"] == {"enabled": False}
    assert "chat_template_kwargs" not in body


def test_greedy_answers_of_a_server_are_plain_where_the_user_says_so() -> None:
    spec, off = "http://h:1/v1#m", ("generation_config", "off")
    body = sent(spec, off)
    assert (body["repetition_penalty"], body["repeat_penalty"]) == (1.0, 1.0)
    assert "repetition_penalty" not in sent(spec)
    assert resolve(spec, ModelOptions(settings=(off,))).protocol_extra == (("generation_config", "off"),)
    assert not resolve(spec).protocol_extra


@pytest.mark.parametrize(
    ("spec", "pair", "said"),
    [
        ("http://h:1/v1#m", ("thinking", "adaptive"), "--set thinking='adaptive': give on or off"),
        ("http://h:1/v1#m", ("chat_template_kwargs", "[1]"), "give a JSON object"),
        ("http://h:1/v1#m", ("generation_config", "vllm"), "give auto or off"),
        ("openrouter/a/b", ("chat_template_kwargs", "{}"), "OpenRouter has no such field"),
    ],
)
def test_what_cannot_be_sent_is_one_line(spec: str, pair: tuple[str, str], said: str) -> None:
    with pytest.raises(HemmError) as caught:
        resolve(spec, ModelOptions(settings=(pair,)))
    assert said in str(caught.value)


QWEN = {"repetition_penalty": 1.05, "temperature": 1e-06, "do_sample": True}


@pytest.mark.parametrize(
    ("kind", "brought", "told", "fields"),
    [
        # the server's own fields; what it cannot follow is told, and the protocol has it not
        ("vllm", QWEN, "repetition_penalty=1.05", {"repetition_penalty": 1.05}),
        ("sglang", QWEN, "repetition_penalty=1.05", {"repetition_penalty": 1.05}),
        ("llama.cpp", QWEN, "repetition_penalty=1.05", {"repeat_penalty": 1.05, "repeat_last_n": 65536}),
        ("vllm", {"min_new_tokens": 4}, "min_new_tokens=4", {"min_tokens": 4, "repetition_penalty": 1.0}),
        ("vllm", {"no_repeat_ngram_size": 3}, "", {"repetition_penalty": 1.0}),
        (
            "vllm",
            {"suppress_tokens": [7, 5]},
            "suppress_tokens=[7,5]",
            {"logit_bias": {"5": -100, "7": -100}},
        ),
        ("llama.cpp", {"bad_words_ids": [[9]]}, "bad_words_ids=[[9]]", {"logit_bias": {"9": -100}}),
        ("llama.cpp", {"bad_words_ids": [[9, 8]]}, "", {"repeat_penalty": 1.0}),
        ("vllm", {}, "", {"repetition_penalty": 1.0}),
    ],
)
def test_a_served_checkpoint_is_decoded_as_in_this_process(
    kind: str, brought: dict[str, Any], told: str, fields: dict[str, Any], tmp_path: Path
) -> None:
    model = served(kind, tmp_path, brought)
    assert dict(model.protocol_extra).get("generation_config", "") == told
    body = model.extra_fields(Request("s", 0, (), Generation(), "k"))
    assert {key: body[key] for key in fields} == fields
    left_out = served(kind, tmp_path, brought, ("generation_config", "off"))
    assert dict(left_out.protocol_extra).get("generation_config", "") == ("off" if told else "")
    plain = left_out.extra_fields(Request("s", 0, (), Generation(), "k"))
    assert plain == served(kind, tmp_path, {}).extra_fields(Request("s", 0, (), Generation(), "k"))


def test_what_a_server_cannot_follow_is_told(tmp_path: Path) -> None:
    model = served("vllm", tmp_path, {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1})
    assert "adds repetition_penalty=1.1; it is part of the protocol" in model.notice
    assert "vllm cannot follow no_repeat_ngram_size=3 of its generation_config.json" in model.notice
    assert model.setup["generation_config"] == {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1}
    assert decoding_fields(SERVERS["vllm"], {})[0] == {}


def served(kind: str, place: Path, brought: dict[str, Any], *settings: tuple[str, str]) -> Any:
    folder = place / "model"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "m.gguf").write_bytes(b"GGUF")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 1, **brought}))
    gguf = (("gguf", "m.gguf"),) if kind == "llama.cpp" else ()
    program = (("serve_program", "/bin/true"),)
    options = ModelOptions(serve=kind, settings=(*gguf, *program, *settings))
    return serve.open_served(f"hf/{folder}", options)
