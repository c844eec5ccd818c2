"""HTTP to one model server, with one connection for each request in flight, kept open for the next."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from hemm.core import redact
from hemm.core.outside import LONGEST_BODY, TooLong
from hemm.models.api.errors import told
from hemm.models.retry import CallFailed

if TYPE_CHECKING:
    import aiohttp

LONGEST_HEADER = 64 << 10
"""Most bytes of one header: gateways send policies and cookies of more than aiohttp's 8 kB."""

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers (looked up in any case), body."""


class Client:
    """Sends requests with ``headers`` to the server at ``base``, from one event loop.

    Certificates and proxies come from the environment; this machine is reached without a proxy.
    """

    def __init__(self, base: str, headers: Mapping[str, str]) -> None:
        self._base = base
        self._headers = {**_credentials(base), "Accept": "application/json", **headers}
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, content: bytes = b"", kind: str = "application/json"
    ) -> Answer:
        """The server's answer to ``content`` of MIME type ``kind``, without a time limit.

        Raises CallFailed if there is none.
        """
        import aiohttp

        session = self._session = self._session or self._open()
        headers = {"Content-Type": kind} if content else None
        try:
            async with session.request(
                method, _bare(url), data=content or None, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.read()
        except TooLong as error:
            raise CallFailed("bad_response", str(error), retry=False) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise CallFailed(
                "connection", f"its certificate is not trusted: {error.certificate_error}", retry=False
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise CallFailed("connection", f"cannot connect ({_words(error.os_error)})") from None
        except (aiohttp.ClientError, OSError) as error:
            raise CallFailed("connection", f"the connection failed ({_words(error)})") from None

    def session(self) -> aiohttp.ClientSession:
        """A session for a package that sends by itself, and would follow a redirect with the key."""
        self._session = self._session or self._open(_refuses_redirects())
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self, *traces: aiohttp.TraceConfig) -> aiohttp.ClientSession:
        import aiohttp

        parts = urlsplit(self._base)
        trust: bool | object = True
        if parts.scheme == "https":
            import httpx

            trust = httpx.create_ssl_context()  # SSL_CERT_FILE, else the certificates that travel with httpx
        return aiohttp.ClientSession(
            response_class=_limited(),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            connector=aiohttp.TCPConnector(limit=0, ssl=trust),  # type: ignore[arg-type]
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
            headers=self._headers,
            trust_env=not is_here(parts.hostname or ""),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=list(traces),  # each takes time of every request
        )


def _refuses_redirects() -> aiohttp.TraceConfig:
    """Ends a request that is redirected, for packages that would follow with the key."""
    import aiohttp

    async def refuse(session: object, context: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
        found = told(redirect.response.status, redirect.response.headers, None)
        if isinstance(found, CallFailed):
            raise found

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


@cache
def _limited() -> type[aiohttp.ClientResponse]:
    """aiohttp's response, but with a limit for its body, however well that is compressed."""
    import aiohttp

    class Limited(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            if self._body is None:
                content = bytearray()
                try:
                    async for chunk in self.content.iter_any():
                        content += chunk
                        if len(content) > LONGEST_BODY:
                            raise TooLong
                except BaseException:
                    self.close()
                    raise
                self._body = bytes(content)
            return self._body

    return Limited


def is_here(host: str) -> bool:
    """Whether ``host`` is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Scheme, host and port: no credentials, no path, no query.

    >>> host_of("https://me:secret@example.org:8000/v1?key=1")
    'https://example.org:8000'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _credentials(url: str) -> dict[str, str]:
    """Name and password in the URL as basic authentication."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _words(error: Exception) -> str:
    return redact(" ".join(str(error).split())) or type(error).__name__
