"""Opens the reader's media once: bytes, digest, type, and whether they decode."""

from __future__ import annotations

import mimetypes
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from hemm.core import BadData, Media, Sample, digest_bytes, redact, storable
from hemm.core.media import UNKNOWN, media_type, most_pixels
from hemm.data.files import usable_cores
from hemm.data.pack.jpeg_check import surely_decodes
from hemm.data.picture_header import plain_header
from hemm.data.pixels import rgb
from hemm.data.readers.file_finder import spelled_otherwise
from hemm.data.readers.pointers import pointer

MEDIA_RULES = 2
"""Version of what tells types of media and what does not open; 1: hemm 0.1.0."""


def told_as_now(info: Mapping[str, Any]) -> bool:
    """Whether the media of a pack (pack.json) are of the types, and open, as they would be told today.

    Only what was no picture, or did not open, may be told otherwise.
    """
    other = info.get("problems", {}).get("count", 0) or {"audio", "video"} & set(info["media_columns"])
    return not other or info.get("media_rules", 1) == MEDIA_RULES


def check_media(media: Media, known: Callable[[str], tuple[str, str] | None]) -> Media:
    """One medium with its bytes, digest, MIME type, and problem, if it cannot be used.

    ``known`` gives (MIME type, problem) of a digest seen before, so that equal bytes are decoded once. A file
    name may differ in case (``1.JPG``). Raises FileNotFoundError if the file is missing; any other failure to
    read becomes a problem.
    """
    try:
        data = media.data
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        other = None if media.path is None else spelled_otherwise(media.path)
        if other is None or not other.is_file():
            raise
        return check_media(Media.at(other), known)
    except (OSError, BadData) as error:
        problem, mime = redact(f"cannot be read: {error}"), _named(media.name)
        return Media(b"", digest=digest_bytes(b""), mime=mime, name=media.name, problem=problem)
    digest = digest_bytes(data)
    seen = None if media.problem else known(digest)
    if seen is None:
        mime = _type_of(data, media.name)
        stands_for = f"is {text}" if (text := pointer(data)) else ""
        problem = media.problem or stands_for or ("is empty" if not data else _opens(data, mime))
        seen = mime, storable(problem)
    return Media(data, digest=digest, mime=seen[0], name=storable(media.name), problem=seen[1])


def check_samples(
    samples: Iterable[Sample], known: Callable[[str], tuple[str, str] | None], workers: int = 0
) -> Iterator[tuple[Sample, str | None]]:
    """(sample with checked media, None), or (unchanged sample, name of its missing file), in order.

    A few threads read and decode media of a few samples at a time, so that memory does not grow with the data
    set.
    """
    from PIL import Image

    Image.init()  # else threads that meet a rare format first race for its plug-in, and one loses
    workers = workers or min(8, usable_cores())
    if workers == 1:  # a thread would only take turns with this one
        yield from (_check_sample(sample, known) for sample in samples)
        return
    waiting: deque[Future[tuple[Sample, str | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="hemm-media") as pool:
        try:
            for sample in samples:
                waiting.append(pool.submit(_check_sample, sample, known))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _check_sample(
    sample: Sample, known: Callable[[str], tuple[str, str] | None]
) -> tuple[Sample, str | None]:
    try:
        media = tuple(check_media(m, known) for m in sample.media)
        references = tuple(r if isinstance(r, str) else check_media(r, known) for r in sample.references)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        return sample, storable(str(error.filename or error))
    return replace(sample, media=media, references=references, stored_hash=""), None


def _opens(data: bytes, mime: str) -> str:
    """Why a picture cannot be shown, else empty.

    Sounds and videos are checked by their first bytes alone, and pictures beyond the limit on pixels by their
    header: a run may make them smaller.
    """
    if not mime.startswith("image/") and mime != UNKNOWN:
        return ""
    header = plain_header(data) if mime == "image/jpeg" else None
    if header is not None and (header.size[0] * header.size[1] > most_pixels() or surely_decodes(data)):
        return ""
    media = Media(data, mime=mime)
    try:
        picture = media.opened()
        if picture.width * picture.height > most_pixels():
            return ""
        if picture.format == "JPEG" and surely_decodes(data):
            return ""
        if media.pixels().mode in ("I", "F"):
            rgb(media)  # not all such numbers are a picture
    except BadData as error:
        return str(error).removeprefix(f"picture {media.digest[:12]} ")
    return ""


_HANDLER = re.compile(rb"hdlr.{8}(vide|soun)", re.DOTALL)


def _type_of(data: bytes, name: str) -> str:
    """The MIME type of media: by their bytes, else by their name. MPEG-4 without pictures is a sound."""
    mime = media_type(data)
    if mime == UNKNOWN:
        return _named(name)
    if mime == "video/mp4" and set(_HANDLER.findall(data)) == {b"soun"}:
        return "audio/mp4"
    return mime


def _named(name: str) -> str:
    return mimetypes.guess_type(name)[0] or UNKNOWN


def clean(sample: Sample, where: str) -> Sample:
    """``sample`` with texts that UTF-8 can encode. Raises BadData if a value has the wrong type."""

    def text(value: Any, name: str) -> str:
        if not isinstance(value, str):
            raise BadData(
                f"{where}: sample {sample.id!r}: {name} is {type(value).__name__} ({value!r:.40}), not text"
            )
        return storable(value)

    return replace(
        sample,
        id=text(sample.id, "id"),
        unit=text(sample.unit, "unit"),
        cluster=text(sample.cluster, "cluster"),
        after=None if sample.after is None else text(sample.after, "after"),
        stratum=text(sample.stratum, "stratum"),
        fields={text(k, "a field name"): text(v, f"field {k!r}") for k, v in sample.fields.items()},
        references=tuple(r if isinstance(r, Media) else text(r, "a reference") for r in sample.references),
        choices=tuple(text(c, "a choice") for c in sample.choices),
        labels={text(k, "a label name"): text(v, f"label {k!r}") for k, v in sample.labels.items()},
        metadata=_plain(dict(sample.metadata), f"{where}: sample {sample.id!r}: metadata"),
    )


def _plain(value: Any, where: str) -> Any:
    """JSON values with storable text. Raises BadData for other values."""
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        if not all(isinstance(k, str) for k in value):
            raise BadData(f"{where} has a key that is no text")
        return {storable(k): _plain(v, where) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, where) for v in value]
    raise BadData(f"{where} holds a {type(value).__name__}, which JSON cannot hold")
