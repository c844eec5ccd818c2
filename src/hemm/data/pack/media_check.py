"""Media as they come from a reader, looked at once: bytes, digest, type, and whether they open."""

from __future__ import annotations

import io
import mimetypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from hemm.core import BadData, Media, Sample, digest_bytes, redact, sniff, storable
from hemm.data.readers.file_finder import spelled_otherwise


@dataclass(frozen=True, slots=True)
class Checked:
    """One medium that was looked at. ``data`` is None where its bytes are known already."""

    digest: str
    mime: str
    problem: str
    name: str
    data: bytes | None

    def bare(self) -> Media:
        """The medium without its bytes, for hashing."""
        return Media(b"", digest=self.digest, mime=self.mime, name=self.name, problem=self.problem)


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that a sample names and that is not there."""

    name: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A sample whose media were looked at; ``missing`` is set where one is not there."""

    sample: Sample
    media: tuple[Checked, ...] = ()
    references: tuple[Checked, ...] = ()
    missing: Missing | None = None


def check(media: Media, known: Callable[[str], tuple[str, str] | None]) -> Checked:
    """Read one medium and see whether it opens.

    ``known`` gives (MIME type, problem) of a digest seen before: equal bytes are decoded once. A file that
    is there in other letters (``1.JPG``) is taken. Raises FileNotFoundError where none is; every other
    failure to read becomes a problem.
    """
    try:
        data = media.data
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        other = None if media.path is None else spelled_otherwise(media.path)
        if other is None or not other.is_file():
            raise
        return check(Media.at(other), known)
    except (OSError, BadData) as error:
        return Checked(
            digest_bytes(b""), _named(media.name), redact(f"cannot be read: {error}"), media.name, b""
        )
    digest = digest_bytes(data)
    seen = known(digest)
    if seen is not None:
        return Checked(digest, seen[0], seen[1], storable(media.name), data)
    mime = sniff(data)
    if mime == "application/octet-stream":
        mime = _named(media.name)
    problem = media.problem or ("is empty" if not data else _opens(data, mime))
    return Checked(digest, mime, storable(problem), storable(media.name), data)


def look(
    samples: Iterable[Sample], known: Callable[[str], tuple[str, str] | None], workers: int = 0
) -> Iterator[Looked]:
    """Every sample with its media looked at, in order; media are read and decoded by a few threads.

    A handful of samples is under way at a time, so memory does not grow with the data set.
    """
    from PIL import Image

    Image.init()  # else threads that meet a rare format first race for its plug-in, and one loses
    workers = workers or min(8, os.cpu_count() or 1)
    waiting: deque[Future[Looked]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="hemm-look") as pool:
        try:
            for sample in samples:
                waiting.append(pool.submit(_look, sample, known))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _look(sample: Sample, known: Callable[[str], tuple[str, str] | None]) -> Looked:
    pictures = tuple(r for r in sample.references if isinstance(r, Media))
    try:
        media = tuple(check(m, known) for m in sample.media)
        references = tuple(check(m, known) for m in pictures)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        lost = storable(str(error.filename or error))
        return Looked(sample, missing=Missing(lost))
    bare = iter(references)
    changed = replace(
        sample,
        media=tuple(m.bare() for m in media),
        references=tuple(r if isinstance(r, str) else next(bare).bare() for r in sample.references),
        stored_hash="",
    )
    return Looked(changed, media, references)


def _opens(data: bytes, mime: str) -> str:
    """Why this picture does not open, or empty. Sounds and videos are known by their first bytes only."""
    if not mime.startswith("image/") and mime != "application/octet-stream":
        return ""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except Exception as error:  # Pillow raises many kinds for damaged files
        text = "is no picture that can be read" if "cannot identify" in str(error) else str(error)
        return f"does not open: {text}"
    return ""


def _named(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def clean(sample: Sample, where: str) -> Sample:
    """``sample`` with text that UTF-8 can hold. Raises BadData where a value has the wrong type."""

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
    """JSON values with storable text. Raises BadData for anything that JSON cannot hold."""
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
