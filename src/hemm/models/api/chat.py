"""OpenAI's chat-completions schema: requests to bytes, answers to responses."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from email.message import Message as Headers
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import Any

from hemm.core import Media, Message, Request, Response, Usage, redact, storable
from hemm.core.exchange import CUT, FILTERED
from hemm.core.outside import amount_of, count_of, json_of, number_of
from hemm.models.api.errors import answer_of, inner_status, told
from hemm.models.api.finish import WHOLE, finish_of
from hemm.models.api.likelihood import option_logprobs, scored_options
from hemm.models.image_fit import fit
from hemm.models.options import switched, template_kwargs
from hemm.models.retry import CallFailed

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Picture types that the API takes; others are converted to PNG."""

_SOUNDS = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/mp4": "m4a"}


def body(request: Request, model: str, fields: Mapping[str, Any]) -> bytes:
    """The request as JSON; ``fields`` are more top-level members (max_tokens, temperature, ...).

    Pictures are data URLs, joined to the JSON as bytes: escaping them as JSON strings would read them again.
    """
    pieces = [json.dumps({"model": model, **fields}).encode()[:-1], b',"messages":[']
    for number, message in enumerate(request.messages):
        pieces.append(b"," if number else b"")
        pieces += _message(message, request.generation.max_pixels)
    pieces.append(b"]}")
    return b"".join(pieces)  # once: each time more would copy the pictures again


def _message(message: Message, max_pixels: int) -> list[bytes]:
    """A turn as pieces of JSON."""
    role = _quoted(message.role)
    if all(isinstance(p, str) for p in message.parts):
        text = _quoted("".join(p for p in message.parts if isinstance(p, str)))
        return [b'{"role":', role, b',"content":', text, b"}"]
    pieces = [b'{"role":', role, b',"content":[']
    for number, part in enumerate(message.parts):
        pieces.append(b"," if number else b"")
        pieces += _part(part, max_pixels)
    pieces.append(b"]}")
    return pieces


def _part(part: str | Media, max_pixels: int) -> tuple[bytes, ...]:
    if isinstance(part, str):
        return b'{"type":"text","text":', _quoted(part), b"}"
    if part.kind == "audio":
        form = _SOUNDS.get(part.mime, part.mime.partition("/")[2]).encode()
        data = base64.b64encode(part.data)
        return b'{"type":"input_audio","input_audio":{"data":"', data, b'","format":"', form, b'"}}'
    if part.kind == "video":
        return b'{"type":"video_url","video_url":{"url":"', *_data_url(part), b'"}}'
    return b'{"type":"image_url","image_url":{"url":"', *_data_url(fit(part, IMAGE_TYPES, max_pixels)), b'"}}'


def _data_url(media: Media) -> tuple[bytes, ...]:
    return b"data:", media.mime.encode(), b";base64,", base64.b64encode(media.data)


def _quoted(text: str) -> bytes:
    """``text`` as ``json.dumps`` writes it, without making an encoder for each."""
    return encode_basestring_ascii(text).encode()


def sampling(request: Request, tokens_field: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The generation settings as the API names them; ``options`` are the model's settings.

    The API has no budget for thinking, so it is added to the limit of the answer.
    """
    g = request.generation
    fields: dict[str, Any] = {tokens_field: g.max_new_tokens + max(0, g.thinking_budget)}
    variables = template_variables(options)
    if scored_options(request):
        return {
            tokens_field: 1,
            **variables,
            **({"temperature": 0.0} if options["send_temperature"] else {}),
            "logprobs": True,
            "top_logprobs": options["top_logprobs"],
        }
    if options["send_temperature"]:
        fields["temperature"] = g.temperature
    if g.top_p != 1.0:
        fields["top_p"] = g.top_p
    if g.stop:
        fields["stop"] = list(g.stop)
    if g.temperature > 0:
        fields["seed"] = request.seed
    if options["logprobs"]:
        fields["logprobs"] = True
    if options["reasoning_effort"]:
        fields["reasoning_effort"] = options["reasoning_effort"]
    return fields | variables


def template_variables(options: Mapping[str, Any]) -> dict[str, Any]:
    """The field for the server's chat template: the user's variables, and ``thinking`` under its two names.

    vLLM, SGLang, llama.cpp and transformers read it; a template that does not know a name leaves it out.
    """
    turned = switched(options)
    names = {} if turned is None else {"enable_thinking": turned, "thinking": turned}
    variables = {**names, **template_kwargs(options)}
    return {"chat_template_kwargs": variables} if variables else {}


def read(
    status: int, headers: Mapping[str, str], content: bytes, scored: tuple[str, ...] = (), where: str = ""
) -> Response:
    """The response in a server's answer, also a refused or filtered one. Raises CallFailed where there is
    none.

    ``scored``: the options to score. ``where``: the address that was asked.
    """
    body = parsed(content, headers)
    data = fields_of(body)
    choices = data.get("choices")
    if status >= 300 or (not choices and tells_error(body)):
        return error(status, headers, body, content, where)
    if not isinstance(choices, list) or not choices:
        raise CallFailed("bad_response", f"the server's answer is no chat completion: {_peek(content)}")
    choice = fields_of(choices[0])
    message, finish = choice.get("message"), ending(choice)
    if message is None and finish.lower() in FILTERED:  # Gemini by this schema
        message = {}
    if not isinstance(message, dict):
        raise CallFailed("bad_response", f"the server's answer holds no message: {_peek(content)}")
    if choice.get("error"):  # a router's model broke off in the middle
        return error(status, headers, choice, content)
    refusal = message.get("refusal")
    answer = Response(
        text=storable(_text(message.get("content"))),
        reasoning=storable(_text(message.get("reasoning_content") or message.get("reasoning"))),
        finish="stop" if refusal else finish_of(finish),
        refusal=storable(str(refusal)) if refusal else None,
        logprobs=_logprobs(choice.get("logprobs")),
        usage=_usage(data.get("usage")),
        model=storable(str(data.get("system_fingerprint") or data.get("model") or "")),
        media=_drawn(message.get("images")),
    )
    if scored and answer.refusal is None and not answer.filtered:
        return replace(answer, finish="stop", options=option_logprobs(scored, _top(choice.get("logprobs"))))
    return answer


def ending(choice: Mapping[str, Any]) -> str:
    """The word by which an answer ended; the model's own (OpenRouter) where the router's hides a cut or a
    filter.

    >>> ending({"finish_reason": "stop", "native_finish_reason": "SAFETY"})
    'SAFETY'
    """
    word, native = (str(choice.get(name) or "") for name in ("finish_reason", "native_finish_reason"))
    hidden = word.lower() in WHOLE and native.lower() in CUT | FILTERED
    return native if hidden else word


def parsed(content: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> Any:
    """The JSON of a body; None if it is not JSON.

    It is UTF-8, else in the charset that ``headers`` tell, else as UTF-8 with U+FFFD in place of what is
    broken.

    >>> latin = {"content-type": "application/json; charset=iso-8859-1"}
    >>> parsed('{"city": "Köln"}'.encode("latin-1"), latin), parsed(b'{"bird": "h\\xff"}')
    ({'city': 'Köln'}, {'bird': 'h\ufffd'})
    """
    try:
        return json_of(content)
    except UnicodeDecodeError:
        pass
    except ValueError:
        return None
    try:
        text = content.decode(charset_in(headers) or "utf-8")
    except (UnicodeDecodeError, LookupError):
        text = content.decode("utf-8", "replace")
    try:
        return json_of(text)
    except ValueError:
        return None


def charset_in(headers: Mapping[str, str]) -> str:
    """The charset of a body by its ``Content-Type``; empty where none is told."""
    kind = Headers()
    kind["content-type"] = headers.get("content-type") or headers.get("Content-Type") or ""
    return str(kind.get_content_charset() or "")


def tells_error(body: Any) -> bool:
    """Whether the body of an answer with status 200 tells an error instead."""
    first = body[0] if isinstance(body, list) and body else body
    data = fields_of(first)
    return bool(data.get("error") or data.get("detail") or data.get("object") == "error")


def fields_of(value: Any) -> dict[str, Any]:
    """``value`` if it is a JSON object, else an empty one, since a server may send anything."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects in a JSON list; empty if ``value`` is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _drawn(images: Any) -> tuple[Media, ...]:
    """The pictures of a message, which are data URLs."""
    texts = [fields_of(image.get("image_url")).get("url") for image in objects_in(images)]
    return tuple(picture_of(t.partition(",")[2]) for t in texts if isinstance(t, str))


def picture_of(encoded: Any) -> Media:
    """A picture from base64. Raises CallFailed if it is not one."""
    try:
        media = Media(base64.b64decode(encoded, validate=True))
    except (ValueError, TypeError):
        raise CallFailed("bad_response", "the server's picture is no base64") from None
    if media.kind != "image":
        raise CallFailed("bad_response", "what the server sent as a picture is none")
    return media


def _top(logprobs: Any) -> list[tuple[str, float]]:
    """The likeliest first tokens with their log-probabilities; empty if the server does not give them."""
    tokens = objects_in(fields_of(logprobs).get("content"))
    top = objects_in(tokens[0].get("top_logprobs")) if tokens else []
    return tokens_with([(r.get("token"), r.get("logprob")) for r in top])


def tokens_with(rows: Iterable[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """The tokens that have a log-probability: a number of at most 0, but for rounding."""
    found = [(token, number_of(value)) for token, value in rows if isinstance(token, str)]
    return [(token, value) for token, value in found if value is not None and value <= 1e-3]


def _text(content: Any) -> str:
    """The text of a message's content: a text, or a list of parts."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in objects_in(content))
    return "".join(t for t in texts if isinstance(t, str))


def _logprobs(logprobs: Any) -> tuple[float, ...]:
    values = [token.get("logprob") for token in objects_in(fields_of(logprobs).get("content"))]
    numbers = (number_of(v) for v in values if isinstance(v, int | float))
    return tuple(math.nan if v is None else v for v in numbers)


def _usage(usage: Any) -> Usage:
    cost = fields_of(usage).get("cost")
    return Usage(
        token_count(usage, "prompt_tokens"),
        token_count(usage, "completion_tokens"),
        -1.0 if cost is not None and amount_of(cost) is None else amount_of(cost),
    )


def token_count(usage: Any, *names: str) -> int | None:
    """The sum of the counts ``names`` in a server's ``usage``; None if it has none of them, -1 if one of them
    is no count."""
    counts = [fields_of(usage).get(name) for name in names]
    known = [-1 if (value := count_of(count)) is None else value for count in counts if count is not None]
    return (-1 if -1 in known else sum(known)) if known else None


def error(status: int, headers: Mapping[str, str], data: Any, content: bytes, where: str = "") -> Response:
    """The response for a content filter's refusal; raises CallFailed for any other error.

    Some routers answer 200 and put the error into the body.
    """
    return answer_of(told(status if status >= 300 else inner_status(data), headers, data, content, where))


def _peek(content: bytes) -> str:
    return repr(redact(content[:4096].decode("utf-8", "replace"))[:120])
