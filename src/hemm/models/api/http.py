"""Connections to one server: as many as are in flight, each kept open for the next request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hemm.core import redact
from hemm.models.retry import CallFailed

if TYPE_CHECKING:
    import ssl

    import httpx


class Lanes:
    """HTTP clients of one connection each, the last used first.

    One connection pool for all looks through every connection at every request: at 128 in flight that costs
    twenty times the work of the request itself. A lane is taken and put back in constant time, and there are
    never more than there were requests at once. Proxies and certificates come from the environment.
    """

    def __init__(self, headers: Mapping[str, str], timeout: float) -> None:
        self._headers, self._timeout = dict(headers), timeout
        self._free: list[httpx.AsyncClient] = []
        self._all: list[httpx.AsyncClient] = []
        self._trust: ssl.SSLContext | None = None

    async def send(
        self, method: str, url: str, content: bytes | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer, whole. Raises CallFailed where none came."""
        import httpx

        lane = self._free.pop() if self._free else self._open()
        try:
            answer = await lane.request(method, url, content=content, headers=self._headers)
        except httpx.TimeoutException as error:
            raise CallFailed("timeout", f"no answer in time ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = redact(str(error)) or type(error).__name__
            raise CallFailed("connection", f"connection failed: {text}") from None
        finally:
            self._free.append(lane)
        return answer.status_code, answer.headers, answer.content

    async def close(self) -> None:
        """Close every connection."""
        for lane in self._all:
            await lane.aclose()
        self._free, self._all = [], []

    def _open(self) -> httpx.AsyncClient:
        import httpx

        if self._trust is None:  # loading the certificates takes longer than a request
            self._trust = httpx.create_ssl_context()
        limits: Any = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60)
        lane = httpx.AsyncClient(verify=self._trust, limits=limits, timeout=self._timeout)
        self._all.append(lane)
        return lane
