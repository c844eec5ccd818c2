"""``anthropic/NAME``: Anthropic's messages, by its own package."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
from hemm.core.outside import LONGEST_BODY, TooLong
from hemm.data.pixels import upright_size
from hemm.models.api.chat import fields_of, objects_in, parsed, token_count
from hemm.models.api.errors import answer_of, told
from hemm.models.api.finish import finish_of
from hemm.models.api.http import host_of, is_here
from hemm.models.api.remote import SETTINGS as REMOTE
from hemm.models.api.remote import Call, Remote, not_an_answer
from hemm.models.image_fit import fit
from hemm.models.options import ModelOptions
from hemm.models.retry import CallFailed

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

URL = "https://api.anthropic.com"

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MOST_IMAGES = 100
MOST_BASE64 = 5 * 1024 * 1024
"""Bytes of one picture, as base64."""
MOST_SIDE, MOST_SIDE_OF_MANY, MANY = 8000, 2000, 20
"""Most pixels of a picture's longer side, and that in requests of more than ``MANY`` pictures."""

LEAST_BUDGET = 1024
"""The smallest budget of thinking tokens."""

SETTINGS: dict[str, Any] = {
    **REMOTE,
    "thinking": "",  # off, adaptive; empty: follows thinking_budget
}
"""Settings (``--set``), with their defaults."""


def open_anthropic(spec: str, options: ModelOptions) -> AnthropicModel:
    """Anthropic's own service, or another one at ``--set base_url=``. Key: ANTHROPIC_API_KEY."""
    settings = options.read("anthropic", SETTINGS)
    if settings["thinking"] not in ("", "off", "adaptive"):
        raise HemmError(f"--set thinking={settings['thinking']}: give off or adaptive")
    return AnthropicModel(spec, settings, options)


class AnthropicModel(Remote):
    """A Claude model. The package sends and receives; retries and limits are hemm's."""

    def __init__(self, spec: str, settings: Mapping[str, Any], options: ModelOptions) -> None:
        can = Capabilities(
            image_types=IMAGE_TYPES, max_images=MOST_IMAGES, picture_bytes=MOST_BASE64 // 4 * 3
        )
        super().__init__(spec, "anthropic", spec.removeprefix("anthropic/"), settings, options, can)
        self.url = settings["base_url"] or os.environ.get("ANTHROPIC_BASE_URL", "") or URL
        self.key_names = (settings["api_key_env"] or "ANTHROPIC_API_KEY",)
        self._sdk: AsyncAnthropic | None = None

    async def connect(self, key: str) -> None:
        try:
            import anthropic
        except ImportError:
            raise MissingExtra(f"model {self.spec}", "anthropic") from None
        here = is_here(urlsplit(self.url).hostname or "")
        self._sdk = anthropic.AsyncAnthropic(
            api_key=key,
            auth_token=None,
            base_url=self.url,
            max_retries=0,
            timeout=self._policy.timeout + 60,  # the policy's own limit comes first
            http_client=anthropic.DefaultAioHttpClient(
                trust_env=not here,
                follow_redirects=False,
                event_hooks={"response": [_read_within_limit]},
            ),
        )

    async def close(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None

    async def check_server(self) -> None:
        """Look the model up. Raises UnknownName with the nearest name of the server's list."""
        sdk = self._sdk
        assert sdk is not None
        models: dict[str, Any] = {}

        async def call() -> Response:
            try:
                models.update((m.id, m) for m in (await sdk.models.list(limit=1000)).data)
            except Exception as error:
                found = _told(error)
                if isinstance(found, CallFailed) and found.kind != "not_found":  # a gateway without a list
                    raise found from None
            return Response()

        await self.probe(call)
        name = self.identity.name
        if name not in models and models and await self._has(name):
            return
        able = getattr(models.get(self.check_name(list(models))), "capabilities", None)
        sees = getattr(getattr(able, "image_input", None), "supported", None)
        if sees is False:
            self.restrict_inputs({"text"})

    async def _has(self, name: str) -> bool:
        """Whether the server knows a name that is not in its list, such as an alias."""
        assert self._sdk is not None
        try:
            await self._sdk.models.retrieve(name)
        except Exception:  # unknown, or no such page: the list decides
            return False
        return True

    def prepared(self, request: Request) -> Call:
        sdk, fields = self._sdk, body(request, self._settings)
        assert sdk is not None
        fields["model"] = self.identity.name

        async def call() -> Response:
            try:
                raw = await sdk.messages.with_raw_response.create(**fields)
            except Exception as error:
                return answer_of(_told(error))
            return read(parsed(raw.http_response.content, raw.http_response.headers))

        return call


async def _read_within_limit(response: Any) -> None:
    """Read the body of a response of httpx, which has no limit of its own. Raises TooLong."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LONGEST_BODY:
            raise TooLong
    response._content = bytes(content)  # where ``aread`` keeps it


def body(request: Request, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The request in Anthropic's schema without the model's name. Raises BadData for too large a picture."""
    g = request.generation
    fields: dict[str, Any] = {"max_tokens": g.max_new_tokens + max(0, g.thinking_budget)}
    system = [p for m in request.messages if m.role == "system" for p in m.parts if isinstance(p, str)]
    if system:
        fields["system"] = "".join(system)
    many = sum(m.kind == "image" for m in request.media) > MANY
    side = MOST_SIDE_OF_MANY if many else MOST_SIDE
    turns = [(m.role, _blocks(m, g.max_pixels, side)) for m in request.messages if m.role != "system"]
    fields["messages"] = [{"role": role, "content": blocks} for role, blocks in turns if blocks]
    if g.stop:
        fields["stop_sequences"] = list(g.stop)
    thinks = _thinking(g.thinking_budget, settings["thinking"])
    if thinks:
        fields["thinking"] = thinks
    more: dict[str, Any] = {}  # fields that some versions of the package do not have as arguments
    if settings["send_temperature"] and thinks.get("type") not in ("enabled", "adaptive"):
        if g.top_p == 1.0 or g.temperature > 0:
            more["temperature"] = g.temperature
        if g.top_p != 1.0:
            more["top_p"] = g.top_p
    if settings["reasoning_effort"]:
        more["output_config"] = {"effort": settings["reasoning_effort"]}
    return {**fields, "extra_body": more}


def _thinking(budget: int, setting: str) -> dict[str, Any]:
    if setting:
        return {"type": {"off": "disabled"}.get(setting, setting)}
    if budget <= 0:
        return {}
    if budget < LEAST_BUDGET:
        raise HemmError(f"--set thinking_budget={budget}: Anthropic takes {LEAST_BUDGET} or more")
    return {"type": "enabled", "budget_tokens": budget}


def _blocks(message: Message, max_pixels: int, side: int) -> list[dict[str, Any]]:
    """A turn's content, without blank texts, which the API refuses."""
    blocks: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            if part.strip():
                text = part.encode("utf-8", "backslashreplace").decode()
                blocks.append(
                    {"type": "text", "text": text.rstrip() if message.role == "assistant" else text}
                )
            continue
        picture = fit(part, IMAGE_TYPES, max_pixels)
        blocks.append({"type": "image", "source": _source(picture, side)})
    return blocks


def _source(picture: Media, side: int) -> dict[str, Any]:
    data = base64.b64encode(picture.data).decode()
    named = f"picture {picture.name or picture.digest[:12]}"
    if len(data) > MOST_BASE64:
        raise BadData(
            f"{named} has {len(data):,} bytes as base64, Anthropic takes {MOST_BASE64:,}: "
            "--max-pixels makes it smaller"
        )
    if max(upright_size(picture)) > side:
        raise BadData(f"{named} has a side of more than {side} pixels: --max-pixels makes it smaller")
    return {"type": "base64", "media_type": picture.mime, "data": data}


def read(data: Any) -> Response:
    """The response in a message. Raises CallFailed where there is none."""
    content = fields_of(data).get("content")
    if not isinstance(content, list):
        raise not_an_answer("the server's answer is no message", redact(repr(data))[:120])
    blocks = objects_in(content)
    text = "".join(str(b.get("text", "")) for b in blocks if b.get("type") == "text")
    thought = "".join(str(b.get("thinking", "")) for b in blocks if b.get("type") == "thinking")
    stop, refusal = data.get("stop_reason"), None
    if stop == "refusal":
        details = fields_of(data.get("stop_details"))
        refusal = str(details.get("explanation") or details.get("category") or text or "refused")
    return Response(
        text=storable(text),
        reasoning=storable(thought),
        finish="stop" if refusal is not None else finish_of(stop),
        refusal=None if refusal is None else storable(refusal),
        usage=_usage(data.get("usage")),
        model=storable(str(data.get("model") or "")),
    )


def _usage(usage: Any) -> Usage:
    read = token_count(usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return Usage(read, token_count(usage, "output_tokens"))


def _told(error: Exception) -> Response | CallFailed:
    """What an exception of the package tells: a filter's refusal, or a failure."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        answer = error.response
        where = f"{answer.request.method} {host_of(str(answer.url))}{answer.url.path}"
        body = parsed(answer.content, answer.headers)
        return told(error.status_code, answer.headers, body, answer.content, where)
    if isinstance(error, anthropic.APIConnectionError):
        cause = error.__cause__ or error
        if isinstance(cause, TooLong):
            return CallFailed("bad_response", str(cause), retry=False)
        return CallFailed(
            "connection", f"the connection failed ({redact(str(cause)) or type(cause).__name__})"
        )
    if isinstance(error, anthropic.AnthropicError):
        return CallFailed("bad_request", redact(str(error)), retry=False, permanent=True)
    return not_an_answer("the package could not read the answer", f"{type(error).__name__}: {error}")
