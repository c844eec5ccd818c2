"""Pictures on their way to a processor, and drawn ones on their way back."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
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


def size_of(media: Sequence[Media], characters: int, config: Mapping[str, Any]) -> tuple[int, int]:
    """What a prompt is sorted by among those with as many pictures, so that little of a batch is padding.

    characters  of its text
    config      the checkpoint's config.json

    Families that cut each picture into as many squares as it has (Qwen-VL, GLM-V) say their size: then it is
    about the number of tokens. Others: the binary order of the pixels, then the characters.
    """
    vision = config.get("vision_config")
    vision = vision if isinstance(vision, Mapping) else {}
    side, squares = vision.get("patch_size"), vision.get("spatial_merge_size")
    pixels = _pixels(media)
    if isinstance(side, int) and isinstance(squares, int) and side * squares > 0:
        return pixels // (side * squares) ** 2 + characters // _CHARACTERS, 0
    return round(math.log2(pixels)) if pixels else 0, characters


_CHARACTERS = 4
"""Characters of a token, about."""


def _pixels(media: Iterable[Media]) -> int:
    """The pixels of all pictures; one that does not open has none."""
    pixels = 0
    for m in media:
        try:
            with m.opened() as picture:
                pixels += picture.width * picture.height
        except Exception:  # reported when the pixels are needed
            continue
    return pixels
