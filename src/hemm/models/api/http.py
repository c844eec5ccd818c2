"""Connections to one server: as many as are in flight, each kept open for the next request."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from hemm.core import redact
from hemm.models.api.wire import Address, Answer, Connection
from hemm.models.retry import CallFailed

if TYPE_CHECKING:
    import httpx


class Lanes:
    """Sends requests to ``base`` and its pages, each over a connection of its own, the last used first.

    ``headers`` go with every request. Certificates and proxies come from the environment: where a proxy
    stands between, httpx does the talking, else our own wire. This machine is never reached by a proxy.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        self._address = Address.of(base)
        self._headers = {**_credentials(base), **headers}
        self._proxied = _proxied(base)
        self._free: list[Connection] = []
        self._clients: list[httpx.AsyncClient] = []
        self._trust: ssl.SSLContext | None = None
        self._heads: dict[tuple[str, str], bytes] = {}

    async def send(self, method: str, url: str, content: bytes = b"") -> Answer:
        """Status, headers (names in lower case) and body. Raises CallFailed where no answer came."""
        if self._proxied:
            return await self._through_proxy(method, url, content)
        try:
            lane = await self._lane()
        except ssl.SSLCertVerificationError as error:
            raise CallFailed("connection", f"its certificate is not trusted: {error}", retry=False) from None
        except OSError as error:
            raise CallFailed("connection", f"cannot connect ({_words(error)})") from None
        try:
            answer = await lane.exchange(self._head(method, url, len(content)), content)
        except OSError as error:
            raise CallFailed("connection", f"the connection failed ({_words(error)})") from None
        finally:
            if lane.usable:
                self._free.append(lane)
            else:
                lane.close()
        return answer

    async def close(self) -> None:
        """Close every connection."""
        for lane in self._free:
            lane.close()
        for client in self._clients:
            await client.aclose()
        self._free, self._clients = [], []

    async def _lane(self) -> Connection:
        while self._free:
            lane = self._free.pop()
            if lane.usable:
                return lane
            lane.close()
        return await Connection.open(self._address, self._certificates() if self._address.tls else None)

    def _certificates(self) -> ssl.SSLContext:
        """The trusted certificates, as httpx finds them (SSL_CERT_FILE, else its own); loaded once."""
        if self._trust is None:
            import httpx

            self._trust = httpx.create_ssl_context()
        return self._trust

    def _head(self, method: str, url: str, length: int) -> bytes:
        start = self._heads.get((method, url))
        if start is None:
            address = Address.of(url)
            fields = {"Host": address.authority, "Accept": "application/json", **self._headers}
            lines = [f"{method} {address.target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
            start = "\r\n".join([*lines, "Accept-Encoding: identity", "Content-Length: "]).encode("latin-1")
            self._heads[method, url] = start
        return b"%s%d\r\n\r\n" % (start, length)

    async def _through_proxy(self, method: str, url: str, content: bytes) -> Answer:
        import httpx

        # one client a lane: a shared pool looks through all its connections at every request
        client = self._clients.pop() if self._clients else None
        if client is None:
            client = httpx.AsyncClient(verify=self._certificates(), timeout=None, headers=self._headers)
        try:
            answer = await client.request(method, url, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CallFailed("connection", f"the connection failed ({_words(error)})") from None
        finally:
            self._clients.append(client)
        return answer.status_code, answer.headers, answer.content


def _proxied(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return False
    proxies: Mapping[str, Any] = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    return bool(named) and not proxy_bypass(host)


def _credentials(url: str) -> dict[str, str]:
    """Name and password in the URL as basic authentication."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _words(error: Exception) -> str:
    return redact(" ".join(str(error).split())) or type(error).__name__
