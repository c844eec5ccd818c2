"""``google/NAME``: Gemini models, by Google's own package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hemm.core import (
    BadData,
    Capabilities,
    HemmError,
    Media,
    Message,
    MissingExtra,
    Request,
    Response,
    Usage,
    redact,
    storable,
)
from hemm.core.exchange import FILTERED
from hemm.core.outside import TooLong
from hemm.models.api.chat import fields_of, objects_in, parsed, picture_of, token_count, tokens_with
from hemm.models.api.errors import answer_of, said, told
from hemm.models.api.finish import finish_of
from hemm.models.api.http import Client
from hemm.models.api.likelihood import option_logprobs, scored_options
from hemm.models.api.remote import MODALITIES, Call, Remote, not_an_answer
from hemm.models.api.remote import SETTINGS as REMOTE
from hemm.models.image_fit import fit
from hemm.models.options import ModelOptions
from hemm.models.retry import CallFailed

if TYPE_CHECKING:
    from google.genai import Client as Sdk

URL = "https://generativelanguage.googleapis.com"

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
MOST_INLINE = 100 * 1024 * 1024
"""Bytes of all media in one request."""

SETTINGS: dict[str, Any] = {
    **REMOTE,
    "thinking": "",  # off, dynamic; empty: follows thinking_budget, else the model's default
    "output": "text",  # text or image
    "top_logprobs": 20,  # number of first tokens with probabilities, to score options
}
"""Settings (``--set``), with their defaults."""

_THINKING = {"off": 0, "dynamic": -1}


def open_google(spec: str, options: ModelOptions) -> GoogleModel:
    """Google's own service, or another one at ``--set base_url=``. Key: GEMINI_API_KEY or GOOGLE_API_KEY."""
    settings = options.read("google", SETTINGS)
    if settings["thinking"] not in ("", *_THINKING):
        raise HemmError(f"--set thinking={settings['thinking']}: give off or dynamic")
    if settings["output"] not in ("text", "image"):
        raise HemmError(f"--set output={settings['output']}: give text or image")
    return GoogleModel(spec, settings, options)


class GoogleModel(Remote):
    """A Gemini model. The package sends and receives; retries and limits are hemm's."""

    def __init__(self, spec: str, settings: Mapping[str, Any], options: ModelOptions) -> None:
        text = settings["output"] == "text"
        can = Capabilities(
            inputs=MODALITIES,
            outputs=frozenset({"text"}) if text else frozenset({"text", "image"}),
            image_types=IMAGE_TYPES,
            likelihood=text and options.scoring == "likelihood",
            media_bytes=MOST_INLINE,
        )
        super().__init__(spec, "google", spec.removeprefix("google/"), settings, options, can)
        self.url = settings["base_url"] or os.environ.get("GOOGLE_GEMINI_BASE_URL", "") or URL
        own = settings["api_key_env"]
        self.key_names = (own,) if own else ("GEMINI_API_KEY", "GOOGLE_API_KEY")
        self._sdk: Sdk | None = None
        self._client: Client | None = None

    async def connect(self, key: str) -> None:
        try:
            from google import genai
            from google.genai import types
        except ImportError:
            raise MissingExtra(f"model {self.spec}", "google") from None
        self._client = Client(self.url, {})
        options = types.HttpOptions(
            base_url=self.url,
            aiohttp_client=self._client.session(),
            retry_options=types.HttpRetryOptions(attempts=1),  # else the package retries on its own
        )
        self._sdk = genai.Client(api_key=key, vertexai=False, http_options=options)

    async def close(self) -> None:
        self._sdk = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def check_server(self) -> None:
        """Look the model up. Raises UnknownName with the nearest name of the server's list."""
        sdk, name, known, names = self._sdk, self.identity.name, True, set[str]()
        assert sdk is not None

        async def get() -> Response:
            nonlocal known
            try:
                await sdk.aio.models.get(model=name)
            except Exception as error:
                found = _told(error)
                if isinstance(found, CallFailed) and found.kind != "not_found":
                    raise found from None
                known = False
            return Response()

        async def listed() -> Response:
            try:
                async for model in await sdk.aio.models.list(config={"page_size": 1000}):
                    names.add((model.name or "").removeprefix("models/"))
            except Exception as error:
                found = _told(error)
                if isinstance(found, CallFailed) and found.kind != "not_found":  # a gateway without a list
                    raise found from None
            return Response()

        await self.probe(get)
        if not known and self._settings["check_model"]:
            await self.probe(listed)
            self.check_name(names)

    def prepared(self, request: Request) -> Call:
        sdk, name, scored = self._sdk, self.identity.name, scored_options(request)
        assert sdk is not None
        contents, config = body(request, self._settings)

        async def call() -> Response:
            try:
                answer = await sdk.aio.models.generate_content(model=name, contents=contents, config=config)
            except Exception as error:
                return answer_of(_told(error))
            return read(_sent(answer), scored)

        return call


def _sent(answer: Any) -> Any:
    """The JSON of the server's answer."""
    return parsed((getattr(answer.sdk_http_response, "body", None) or "").encode())


def body(request: Request, settings: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """(contents, config) in the package's types. Raises BadData for too large media."""
    from google.genai import types

    if sum(len(m.data) for m in request.media) > MOST_INLINE:
        raise BadData(f"the media of one request have more than {MOST_INLINE:,} bytes: --max-pixels")
    g = request.generation
    contents: list[Any] = []
    system: list[Any] = []
    for message in request.messages:
        parts = _parts(message, g.max_pixels)
        if message.role == "system":
            system += parts
        elif parts:
            role = "model" if message.role == "assistant" else "user"
            contents.append(types.Content(role=role, parts=parts))
    fields: dict[str, Any] = {"max_output_tokens": g.max_new_tokens + max(0, g.thinking_budget)}
    if settings["send_temperature"]:
        fields["temperature"] = g.temperature
    if g.top_p != 1.0:
        fields["top_p"] = g.top_p
    if g.stop:
        fields["stop_sequences"] = list(g.stop)
    if g.temperature > 0:
        fields["seed"] = request.seed
    if scored_options(request):
        fields |= {"max_output_tokens": 1, "response_logprobs": True, "logprobs": settings["top_logprobs"]}
    if settings["output"] == "image":
        fields["response_modalities"] = ["TEXT", "IMAGE"]
    if thinks := _thinking(g.thinking_budget, settings):
        fields["thinking_config"] = types.ThinkingConfig(**thinks)
    if system:
        fields["system_instruction"] = types.Content(role="user", parts=system)
    config = types.GenerateContentConfig(
        **fields,
        should_return_http_response=True,
        automatic_continuation=False,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    return contents, config


def _thinking(budget: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The thinking configuration: empty if the user sets none, else including the thoughts."""
    if settings["thinking"] == "off":
        return {"thinking_budget": 0}
    config: dict[str, Any] = {}
    if settings["reasoning_effort"]:
        config["thinking_level"] = settings["reasoning_effort"].upper()
    elif settings["thinking"]:
        config["thinking_budget"] = _THINKING[settings["thinking"]]
    elif budget > 0:
        config["thinking_budget"] = budget
    return {**config, "include_thoughts": True} if config else {}


def _parts(message: Message, max_pixels: int) -> list[Any]:
    from google.genai import types

    parts = []
    for part in message.parts:
        if isinstance(part, str):
            if part:
                parts.append(types.Part(text=storable(part)))
            continue
        media = fit(part, IMAGE_TYPES, max_pixels)
        parts.append(types.Part(inline_data=types.Blob(data=media.data, mime_type=media.mime)))
    return parts


def read(data: Any, scored: tuple[str, ...] = ()) -> Response:
    """The response in an answer. Raises CallFailed where there is none."""
    if not isinstance(data, dict):
        raise not_an_answer("the server's answer is no answer of Gemini", redact(repr(data))[:120])
    usage, model = _usage(data.get("usageMetadata")), storable(str(data.get("modelVersion") or ""))
    feedback = fields_of(data.get("promptFeedback"))
    if feedback.get("blockReason"):
        reason = str(
            feedback.get("blockReasonMessage") or f"the prompt was blocked: {feedback['blockReason']}"
        )
        return Response(finish="content_filter", refusal=storable(reason), usage=usage, model=model)
    candidates = objects_in(data.get("candidates"))
    if not candidates:
        raise not_an_answer("the server's answer holds no candidate", redact(repr(data))[:120])
    first = candidates[0]
    reason = str(first.get("finishReason") or "STOP")
    if reason == "PUP_LIMITED_DISABLED":
        raise CallFailed("forbidden", "the account is limited or disabled", retry=False)
    finish = finish_of(reason)
    rows = objects_in(fields_of(first.get("content")).get("parts"))
    answer = Response(
        text=storable("".join(str(p.get("text", "")) for p in rows if not p.get("thought"))),
        reasoning=storable("".join(str(p.get("text", "")) for p in rows if p.get("thought"))),
        finish=finish,
        media=_drawn(rows),
        usage=usage,
        model=model,
        options=() if not scored or finish.lower() in FILTERED else option_logprobs(scored, _top(first)),
    )
    return replace(answer, finish="stop") if answer.options else answer  # one token is enough for scores


def _drawn(rows: list[dict[str, Any]]) -> tuple[Media, ...]:
    blobs = [p["inlineData"] for p in rows if isinstance(p.get("inlineData"), dict) and not p.get("thought")]
    return tuple(picture_of(_standard_base64(b.get("data"))) for b in blobs)


def _standard_base64(encoded: Any) -> Any:
    return encoded.replace("-", "+").replace("_", "/") if isinstance(encoded, str) else encoded


def _top(candidate: Mapping[str, Any]) -> list[tuple[str, float]]:
    steps = objects_in(fields_of(candidate.get("logprobsResult")).get("topCandidates"))
    rows = objects_in(steps[0].get("candidates")) if steps else []
    pairs = [(r.get("token"), r.get("logProbability")) for r in rows]
    return tokens_with(pairs)


def _usage(usage: Any) -> Usage:
    read = token_count(usage, "promptTokenCount")
    return Usage(read, token_count(usage, "candidatesTokenCount", "thoughtsTokenCount"))


def _told(error: Exception) -> Response | CallFailed:
    """What an exception of the package tells: a filter's refusal, or a failure."""
    import aiohttp
    from google.genai import errors

    if isinstance(error, errors.APIError):
        headers = getattr(error.response, "headers", None) or {}
        body = error.details if said(error.details)[1] else str(error.message or error)
        return told(error.code, headers, body)
    if isinstance(error, CallFailed):  # of the session's own
        return error
    if isinstance(error, aiohttp.ClientError | OSError):
        words = redact(" ".join(str(error).split())) or type(error).__name__
        return CallFailed("connection", f"the connection failed ({words})")
    if isinstance(error, TooLong):
        return CallFailed("bad_response", str(error), retry=False)
    return not_an_answer("the package could not read the answer", f"{type(error).__name__}: {error}")
