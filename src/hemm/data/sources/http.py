"""Downloads over HTTP, which are resumed, checked and atomic."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hemm.core import BadData, HemmError, Progress, digest_file, redact
from hemm.core.backoff import backoff, retry_after
from hemm.data.files import sync_folder

if TYPE_CHECKING:
    import httpx

_AGENT = "hemm (research data preparation)"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a broken download is taken up again.

    attempts   in a row that bring no new byte
    base, cap  seconds between them: they grow from ``base`` to ``cap``
    timeout    seconds without a byte, after which an attempt has failed
    sleep      waits for so many seconds; tests give another one

    >>> patient = Retry(attempts=10, timeout=300.0)
    >>> patient.wait(1, after=12.0)  # seconds, where the server asks for twelve
    12.0
    """

    attempts: int = 5
    base: float = 0.5
    cap: float = 20.0
    timeout: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def wait(self, attempt: int, after: float | None) -> float:
        """Seconds to wait after failed attempt ``attempt`` (from 1), at least the ``after`` that the server
        asks for, and never more than four times ``cap``."""
        grown = backoff(attempt, self.base, self.cap)
        return grown if after is None else min(max(after, grown), 4 * self.cap)


@dataclass(frozen=True, slots=True)
class File:
    """One file to download.

    url     where it is
    name    what it is called here (a relative path; the last part of the URL by default)
    sha256  of its bytes (64 hex digits), where known: another file is refused
    size    in bytes, where known
    largest the most bytes that are taken; None: any number
    unpack  folder to unpack it to, relative, ``.`` the top one; empty: it is kept as it is

    >>> File("https://example.org/birds.zip?download=1", size=3_145_728, unpack="images").local
    'birds.zip'
    """

    url: str
    name: str = ""
    sha256: str = ""
    size: int | None = None
    unpack: str = ""
    largest: int | None = None

    @property
    def local(self) -> str:
        """Its path below the download folder."""
        return self.name or self.url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]


class _Again(Exception):
    """An attempt failed, and another may succeed after the server's ``after`` seconds."""

    def __init__(self, text: str, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after


class _TooLarge(Exception):
    """More bytes came than may."""


def download(
    file: File,
    into: Path,
    progress: Progress | None = None,
    *,
    retry: Retry | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    public: bool = False,
) -> str:
    """Download ``file`` to the path ``into``, and return its SHA-256.

    A partial download (``.part``) is continued if the server allows it. The file gets its name only when size
    and hash are right. ``public``: only public addresses are connected to, redirects included. Raises BadData
    if size or hash are wrong, HemmError if the server cannot be reached or does not have the file.
    """
    import httpx

    into.parent.mkdir(parents=True, exist_ok=True)
    known = _stored_digest(file, into)
    if known:
        return known
    retry = retry or Retry()
    partial = into.with_name(into.name + ".part")
    sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **(headers or {})}
    secrets = tuple(v for v in (*(headers or {}).values(), *(auth or ())[1:]) if v)
    timeout = httpx.Timeout(retry.timeout, connect=min(20.0, retry.timeout))
    # a proxy of the environment would be asked in place of the address that was looked at
    with httpx.Client(
        follow_redirects=True,
        timeout=timeout,
        headers=sent,
        auth=auth,
        transport=_public_only() if public else None,
        trust_env=not public,
    ) as client:
        attempt, done = 1, _size(partial)
        while True:
            try:
                _once(client, file, partial, progress)
                break
            except _TooLarge:
                partial.unlink(missing_ok=True)
                raise BadData(f"{redact(file.url)} has more than {file.largest} bytes; not kept") from None
            except (_Again, httpx.TransportError) as error:
                now = _size(partial)
                attempt = 1 if now > done else attempt + 1
                done = now
                if attempt > retry.attempts:
                    raise HemmError(_unreachable(file, error, secrets)) from None
                retry.sleep(retry.wait(attempt, getattr(error, "after", None)))
    return _accept(file, partial, into)


def _public_only() -> httpx.BaseTransport:
    from hemm.data.sources.public_only import PublicOnly

    return PublicOnly()


def _once(client: httpx.Client, file: File, partial: Path, progress: Progress | None) -> None:
    """One attempt to download the rest of the partial file."""
    start = _size(partial)
    if file.size is not None and start >= file.size:
        if start == file.size:
            return
        partial.unlink()
        start = 0
    version = partial.with_name(partial.name + ".version")
    headers = {"Range": f"bytes={start}-"} if start else {}
    if start and version.exists():
        headers["If-Range"] = version.read_text()
    with client.stream("GET", file.url, headers=headers) as response:
        status = response.status_code
        if status == 416 and start:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return
            partial.unlink()  # the file on the server has changed
            raise _Again("the server has fewer bytes than were had already")
        if status in (408, 425, 429) or status >= 500:
            raise _Again(f"the server answers {status}", retry_after(response.headers.get("Retry-After")))
        if status not in (200, 206):
            raise HemmError(_refused(file, status))
        start = start if status == 206 and _starts_at(response, start) else 0
        length = response.headers.get("Content-Length")
        total = file.size or (start + int(length) if length and length.isdigit() else None)
        if file.largest is not None and total is not None and total > file.largest:
            raise _TooLarge
        if not start:
            _remember(version, response.headers.get("ETag", ""))
        with partial.open("r+b" if start else "wb") as out:
            out.seek(start)
            out.truncate()
            for chunk in response.iter_raw():
                out.write(chunk)
                start += len(chunk)
                if progress:
                    progress(start, total, "bytes")
                if file.size is not None and start > file.size:
                    break
                if file.largest is not None and start > file.largest:
                    raise _TooLarge
            out.flush()
            os.fsync(out.fileno())
    if total is not None and start < total:
        raise _Again(f"the connection ended after {start} of {total} bytes")


def _remember(version: Path, etag: str) -> None:
    """Store the strong ETag of the download, so that it is continued only if the file is the same."""
    if etag and not etag.startswith("W/"):
        version.write_text(etag)
    else:
        version.unlink(missing_ok=True)


def _starts_at(response: httpx.Response, start: int) -> bool:
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _accept(file: File, partial: Path, into: Path) -> str:
    """Check size and hash and rename the file; remove it if they are wrong."""
    size, digest = _size(partial), digest_file(partial)
    partial.with_name(partial.name + ".version").unlink(missing_ok=True)
    if file.size is not None and size != file.size:
        partial.unlink()
        raise BadData(f"{redact(file.url)}: {size} bytes came, {file.size} were expected; not kept")
    if file.sha256 and digest != file.sha256:
        partial.unlink()
        raise BadData(
            f"{redact(file.url)}: the file has another SHA-256 ({digest[:12]}...) than expected "
            f"({file.sha256[:12]}...); not kept"
        )
    _mark(into, digest, size)
    partial.replace(into)
    sync_folder(into.parent)
    return digest


def _stored_digest(file: File, into: Path) -> str:
    """The SHA-256 of a file that is downloaded and checked already, else empty."""
    try:
        digest, size = _marker(into).read_text().split()
        size_now = into.stat().st_size
    except (OSError, ValueError):
        return ""
    right = size_now == int(size) and file.size in (None, size_now) and file.sha256 in ("", digest)
    return digest if right else ""


def _marker(into: Path) -> Path:
    return into.with_name(f".{into.name}.sha256")


def _mark(into: Path, digest: str, size: int) -> None:
    _marker(into).write_text(f"{digest} {size}\n")


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _refused(file: File, status: int) -> str:
    why = {401: "wants a login", 403: "does not allow it", 404: "has no such file", 410: "has it no longer"}
    return f"{redact(file.url)}: the server {why.get(status, f'answers {status}')}"


def _unreachable(file: File, error: Exception, secrets: tuple[str, ...]) -> str:
    host = file.url.split("/")[2].rpartition("@")[2] if "://" in file.url else file.url
    text = str(error) or type(error).__name__
    return redact(f"{file.local} cannot be had from {host}: {text}", secrets)
