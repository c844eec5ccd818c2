"""Pictures that a user's rows name by their address on the web: fetched by ``hemm prepare`` alone.

Each lies in the cache under the digest of its address, so that it is fetched once; what was cut off goes on.
Rows are others' text: no address in a private or local network is asked, unless the user allows it, and
redirects are followed under the same rule.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from hemm.core import HemmError, Media, digest_bytes, redact
from hemm.core.text import counted
from hemm.data import cache
from hemm.data.files import locked
from hemm.data.sources.http import File, Retry, download

LARGEST = 64 << 20
"""Most bytes of a picture from the web."""


@dataclass
class Fetching:
    """What a preparation may fetch, and what it did.

    private  whether private, local and loopback addresses may be asked
    """

    private: bool = False
    retry: Retry = field(default_factory=lambda: Retry(attempts=2, timeout=30.0))
    used: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def use(self, url: str) -> None:
        """Count an address whose picture came."""
        with self._lock:
            self.used.add(url)

    def told(self) -> str:
        """What is to be said of it; empty where no picture is from the web."""
        hosts = sorted({urlsplit(url).hostname or "" for url in self.used})
        more = f" and {counted(len(hosts) - 3, 'more host')}" if len(hosts) > 3 else ""
        return (
            f"{counted(len(self.used), 'picture is', 'pictures are')} from {', '.join(hosts[:3])}{more}"
            if hosts
            else ""
        )


_FETCHING: ContextVar[Fetching | None] = ContextVar("fetching", default=None)


@contextlib.contextmanager
def fetching(private: bool = False) -> Iterator[Fetching]:
    """Pictures on the web are fetched within the block, where they are not had already."""
    rules = Fetching(private)
    token = _FETCHING.set(rules)
    try:
        yield rules
    finally:
        _FETCHING.reset(token)


def current() -> Fetching | None:
    """What may be fetched now; None: nothing."""
    return _FETCHING.get()


def web_picture(url: str) -> Media:
    """The picture at an address, fetched when its bytes are needed, if that is allowed where this is called.

    Its bytes raise FileNotFoundError where the server does not give it, and HemmError where it was not
    fetched before and may not be now.
    """
    return Media(load=partial(_bytes, url, _FETCHING.get()), name=redact(url))


def _bytes(url: str, rules: Fetching | None) -> bytes:
    place = cache.download_folder("pictures") / digest_bytes(url.encode())
    if not place.is_file():
        if rules is None:
            raise HemmError(
                f"{redact(url)} is not fetched: hemm prepare fetches the pictures of its task first"
            )
        _fetch(url, place, rules)
    data = place.read_bytes()
    if data.lstrip()[:1] == b"<":  # a page in place of the picture: it may come another time
        place.unlink()
        raise FileNotFoundError(f"{redact(url)}: a page came in place of a picture")
    if rules is not None:
        rules.use(url)
    return data


def _fetch(url: str, place: Path, rules: Fetching) -> None:
    import httpx

    with locked(place.with_name(f".{place.name[:2]}.lock")):  # equal addresses are fetched once
        if place.is_file():
            return
        try:
            download(File(url, largest=LARGEST), place, retry=rules.retry, public=not rules.private)
        except (HemmError, httpx.HTTPError, httpx.InvalidURL) as error:
            text = redact(str(error))
            raise FileNotFoundError(text if redact(url) in text else f"{redact(url)}: {text}") from None
