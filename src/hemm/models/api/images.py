"""Endpoints that make pictures: ``/images/generations`` from text, ``/images/edits`` from pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hemm.core import Media, Request, Response, Usage
from hemm.models.api.chat import error, objects_in, parsed, picture_of, token_count
from hemm.models.image_fit import fit
from hemm.models.retry import CallFailed

TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
"""Picture types that the API can edit; others are converted to PNG."""

MOST_TOKENS = 6_300
"""Tokens of a picture of the largest size and quality (gpt-image-1: 1024 x 1536, high: 6208)."""


def body(request: Request, model: str, settings: Mapping[str, Any]) -> tuple[str, str, bytes]:
    """(path, MIME type, content): an edit of the request's pictures, or a new picture if it has none."""
    text = "".join(p for m in request.messages for p in m.parts if isinstance(p, str))
    fields = {"model": model, "prompt": text, "n": "1"}
    fields |= {k: settings[f"image_{k}"] for k in ("size", "quality") if settings[f"image_{k}"]}
    pictures = [fit(m, TYPES, request.generation.max_pixels) for m in request.media if m.kind == "image"]
    if not pictures:
        return "/images/generations", "application/json", json.dumps({**fields, "n": 1}).encode()
    return "/images/edits", *_form(fields, pictures, f"hemm-{request.key}")


def _form(fields: Mapping[str, str], pictures: list[Media], boundary: str) -> tuple[str, bytes]:
    """MIME type and content of a form with files (RFC 7578).

    The boundary is a digest of the content, so that the content does not contain it, and equal requests are
    equal bytes.
    """
    import httpx

    name = "image" if len(pictures) == 1 else "image[]"
    files = [
        (name, (f"{number}.{media.mime.partition('/')[2]}", media.data, media.mime))
        for number, media in enumerate(pictures)
    ]
    kind = f"multipart/form-data; boundary={boundary}"
    texts = {key: text.encode("utf-8", "replace") for key, text in fields.items()}
    form = httpx.Request("POST", "http://form", data=texts, files=files, headers={"Content-Type": kind})
    return kind, form.read()


def read(status: int, headers: Mapping[str, str], content: bytes, where: str = "") -> Response:
    """The picture in an answer. Raises CallFailed where there is none; a refusal is a Response."""
    data = parsed(content)
    if status >= 300 or not isinstance(data, dict) or data.get("error"):
        return error(status, headers, data, content, where)
    rows = objects_in(data.get("data"))
    row = rows[0] if rows else {}
    if not row.get("b64_json"):
        where = "an address instead of a picture" if row.get("url") else "no picture"
        raise CallFailed("bad_response", f"the server gave {where}: it should give b64_json")
    usage = data.get("usage")
    read_in, written = (token_count(usage, name) for name in ("input_tokens", "output_tokens"))
    return Response(media=(picture_of(row["b64_json"]),), usage=Usage(read_in, written))
