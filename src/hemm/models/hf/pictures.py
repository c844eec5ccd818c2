"""Pictures on their way to a processor, and drawn ones on their way back."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import Any

from hemm.core import Media, Message, Request
from hemm.models.hf.families import Opened
from hemm.models.image_fit import fit


def prepared(request: Request) -> list[Message]:
    """The messages with decoded pictures of at most ``max_pixels``. Raises BadData if one does not open."""
    messages = []
    for message in request.messages:
        parts: list[str | Media] = []
        for part in message.parts:
            if isinstance(part, Media) and part.kind == "image":
                part = Opened(fit(part, max_pixels=request.generation.max_pixels))
            parts.append(part)
        messages.append(Message(message.role, tuple(parts)))
    return messages


def png(picture: Any) -> Media:
    """A drawn picture (PIL) as PNG."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Media(out.getvalue(), mime="image/png")


def size_order(media: Iterable[Media]) -> int:
    """The binary order of magnitude of the pictures' pixels; 0 if one does not open."""
    pixels = 0
    for m in media:
        try:
            with m.opened() as picture:
                pixels += picture.width * picture.height
        except Exception:  # reported when the pixels are needed
            continue
    return round(math.log2(pixels)) if pixels else 0
