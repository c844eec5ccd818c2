"""Requests as protocol messages, and answers out of them. docs/workers.md has the tables."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemm.core import BadData, Failure, Media, Message, Request, Response, Usage, redact, storable
from hemm.models.image_fit import fit, rgb

PROTOCOL = 1
"""Version of the protocol; a worker with another one is refused."""
FINISH = ("stop", "length", "content_filter")
LARGEST = 256 * 1024 * 1024
"""Bytes of one produced file."""
_ORIENTATION = 0x0112
_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "audio/wav": ".wav", "video/mp4": ".mp4"}


def request(asked: Request, folder: Path) -> dict[str, Any]:
    """``asked`` as JSON; its media are written into ``folder``, each once.

    Raises BadData where a picture does not open and FileNotFoundError where it is not there.
    """
    generation = asked.generation
    return {
        "id": asked.sample_id,
        "repeat": asked.repeat,
        "messages": [_message(m, folder, generation.max_pixels) for m in asked.messages],
        "generation": {
            "max_new_tokens": generation.max_new_tokens,
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "stop": list(generation.stop),
            "seed": asked.seed,
            "thinking_budget": generation.thinking_budget,
            "scoring": generation.scoring,
        },
        "options": list(asked.options),
    }


def _message(message: Message, folder: Path, max_pixels: int) -> dict[str, Any]:
    parts: list[dict[str, str]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"text": part})
            continue
        shown = part if part.kind in ("audio", "video") else plain(fit(part, max_pixels=max_pixels))
        path = folder / f"in-{shown.digest[:32]}{_ENDINGS.get(shown.mime, '')}"
        if not path.exists():
            path.write_bytes(shown.data)
        parts.append({"kind": shown.kind, "mime": shown.mime, "path": str(path)})
    return {"role": message.role, "parts": parts}


def plain(media: Media) -> Media:
    """The picture as every image library reads it alike: upright 8-bit RGB, PNG or JPEG.

    The same object where it is that already, else a lossless PNG. Raises BadData where it does not open.
    """
    picture = media.pixels()
    if (
        media.mime in ("image/png", "image/jpeg")
        and picture.mode == "RGB"
        and "transparency" not in picture.info
        and picture.getexif().get(_ORIENTATION, 1) == 1
    ):
        return media
    buffer = io.BytesIO()
    rgb(media).save(buffer, "PNG", compress_level=1)
    return Media(buffer.getvalue(), name=media.name, mime="image/png")


def response(asked: Request, told: dict[str, Any], folder: Path, fingerprint: str) -> Response:
    """The answer in a message ``answer`` or ``error``; a Failure where it is not what was asked for.

    Files that it names are read from ``folder`` and removed.
    """
    if told["type"] == "error":
        return failed("model", str(told.get("message", "")), told.get("permanent") is True)
    text, options = told.get("text", ""), told.get("options") or []
    if not isinstance(text, str):
        return failed("protocol", f"text is {type(text).__name__}, not a text")
    if told.get("finish", "stop") not in FINISH:
        return failed("protocol", f"finish {told['finish']!r} is none of {', '.join(FINISH)}")
    if asked.generation.scoring == "likelihood" and asked.options:
        if not _are_log_probabilities(options, len(asked.options)):
            wanted = f"{len(asked.options)} log-probabilities (0 or less)"
            return failed("protocol", f"options are {options!r}"[:200] + f": expected {wanted}")
        text = asked.options[max(range(len(options)), key=options.__getitem__)]
    else:
        options = []
    try:
        media = tuple(_produced(name, folder) for name in told.get("media") or [])
    except (OSError, BadData) as error:
        return failed("protocol", str(error))
    return Response(
        text=storable(text),
        reasoning=storable(str(told.get("reasoning") or "")),
        finish=told.get("finish", "stop"),
        options=tuple(float(p) for p in options),
        media=media,
        usage=Usage(_count(told.get("input_tokens")), _count(told.get("output_tokens")), 0.0),
        model=fingerprint,
    )


def failed(kind: str, message: str, permanent: bool = False) -> Response:
    """A response without an answer."""
    line = " ".join(message.split())[:500] or "no reason was told"
    return Response(failure=Failure(kind, storable(redact(line)), permanent))


def indexed(told: dict[str, Any], batch: int, count: int) -> int | None:
    """The place in the batch that a message is about; None where it is about another batch, or none."""
    index = told.get("index")
    fits = told.get("batch") == batch and isinstance(index, int) and 0 <= index < count
    return index if fits else None


def _are_log_probabilities(options: Any, count: int) -> bool:
    return (
        isinstance(options, Sequence)
        and len(options) == count
        and all(isinstance(p, int | float) and math.isfinite(p) and p <= 1e-4 for p in options)
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _produced(name: Any, folder: Path) -> Media:
    """A file that the worker wrote. Raises BadData for a name that leads elsewhere, or a file too large."""
    if not isinstance(name, str) or Path(name).name != name or not name.startswith("out-"):
        raise BadData(f"{name!r} is no name of a produced file (out-...)")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BadData(f"the produced file {name} is not there")
    if path.stat().st_size > LARGEST:
        raise BadData(f"the produced file {name} is larger than {LARGEST // 2**20} MiB")
    data = path.read_bytes()
    path.unlink()
    return Media(data, name=name)
