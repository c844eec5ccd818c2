"""Requests to messages of the worker protocol, and messages to answers. docs/workers.md has the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemm.core import BadData, Media, Message, Request, Response, Usage, storable
from hemm.core.outside import count_of, number_of
from hemm.models.batcher import failed
from hemm.models.image_fit import fit

PROTOCOL = 1
"""Version of the protocol; a worker must have the same."""
FINISH = ("stop", "length", "content_filter")
LARGEST = 256 * 1024 * 1024
"""Most bytes of one produced file."""
TYPES = frozenset({"image/png", "image/jpeg"})
"""Picture types that every image library reads alike, as long as they are RGB."""
_ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "audio/wav": ".wav", "video/mp4": ".mp4"}


def request(sent: Request, folder: Path) -> dict[str, Any]:
    """``sent`` as JSON; its media are written into ``folder``, each once.

    Raises BadData if a picture does not open, FileNotFoundError if it is missing.
    """
    generation = sent.generation
    return {
        "id": sent.sample_id,
        "repeat": sent.repeat,
        "messages": [_message(m, folder, generation.max_pixels) for m in sent.messages],
        "generation": {
            "max_new_tokens": generation.max_new_tokens,
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "stop": list(generation.stop),
            "seed": sent.seed,
            "thinking_budget": generation.thinking_budget,
            "scoring": generation.scoring,
        },
        "options": list(sent.options),
    }


def _message(message: Message, folder: Path, max_pixels: int) -> dict[str, Any]:
    parts: list[dict[str, str]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"text": part})
            continue
        shown = fit(part, TYPES, max_pixels, only_rgb=True)
        path = folder / f"in-{shown.digest[:32]}{_ENDINGS.get(shown.mime, '')}"
        if not path.exists():
            path.write_bytes(shown.data)
        parts.append({"kind": shown.kind, "mime": shown.mime, "path": str(path)})
    return {"role": message.role, "parts": parts}


def response(sent: Request, message: dict[str, Any], folder: Path, fingerprint: str) -> Response:
    """The response for a message ``answer`` or ``error``; a failure if the message breaks the protocol.

    Files that it names are read from ``folder`` and removed.
    """
    if message["type"] == "error":
        return failed("model", str(message.get("message", "")), message.get("permanent") is True)
    text, options = message.get("text", ""), message.get("options") or []
    if not isinstance(text, str):
        return failed("protocol", f"text is {type(text).__name__}, not a text")
    named = message.get("media") or []
    if not isinstance(named, list):
        return failed("protocol", f"media is {type(named).__name__}, not a list")
    if message.get("finish", "stop") not in FINISH:
        return failed("protocol", f"finish {message['finish']!r} is none of {', '.join(FINISH)}")
    if sent.generation.scoring == "likelihood" and sent.options:
        if not _are_log_probabilities(options, len(sent.options)):
            wanted = f"{len(sent.options)} log-probabilities (0 or less)"
            return failed("protocol", f"options are {options!r}"[:200] + f": expected {wanted}")
        text = sent.options[max(range(len(options)), key=options.__getitem__)]
    else:
        options = []
    try:
        media = tuple(_produced(name, folder) for name in named)
    except (OSError, BadData) as error:
        return failed("protocol", str(error))
    return Response(
        text=storable(text),
        reasoning=storable(str(message.get("reasoning") or "")),
        finish=message.get("finish", "stop"),
        options=tuple(float(p) for p in options),
        media=media,
        usage=Usage(_count(message.get("input_tokens")), _count(message.get("output_tokens")), 0.0),
        model=fingerprint,
    )


def indexed(message: dict[str, Any], batch: int, count: int) -> int | None:
    """The index in the batch that a message is about; None if it is about another batch, or none."""
    index = message.get("index")
    fits = message.get("batch") == batch and isinstance(index, int) and 0 <= index < count
    return index if fits else None


def _are_log_probabilities(options: Any, count: int) -> bool:
    return (
        isinstance(options, Sequence)
        and len(options) == count
        and all((number := number_of(p)) is not None and number <= 1e-4 for p in options)
    )


def _count(value: Any) -> int | None:
    """A worker's count; -1 for what is none, which counts as said, and not as known."""
    count = count_of(value)
    return -1 if count is None and value is not None else count


def _produced(name: Any, folder: Path) -> Media:
    """A file that the worker wrote. Raises BadData for a path outside ``folder``, or too large a file."""
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
