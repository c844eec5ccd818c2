"""Who may ask, and what a page may do.

A page of somebody else, open in the same browser, can send requests to this machine; with a name of its own
that it lets point here (DNS rebinding) it could read the answers too. So a request is answered only under a
name that is this server's own, and from its own pages. Beside the loopback addresses a token is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline runs, and nothing is loaded from elsewhere, even if markup got past the escaping."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
COOKIE = "hemm_explorer"
_NO_HOST = re.compile(r"[^\w.:\[\]%-]")
"""What no Host header has. One with a path in it would make an address that is not the one asked for."""
OTHER_PAGE = "a page of another server asked: open the address that hemm printed"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on ``host``.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Access:
    """Under which names the server answers, and to whom.

    names  of the server, without port; empty: any address that is no name, and ``localhost``
    token  what a request must bring; empty: none is needed
    """

    names: frozenset[str] = LOOPBACK
    token: str = ""
    cookie: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.token:
            made = hmac.new(self.token.encode(), b"hemm explorer", hashlib.sha256).hexdigest()
            object.__setattr__(self, "cookie", made)

    @classmethod
    def of(cls, host: str, token: str = "") -> Access:
        """Access to a server that listens on ``host``; one that others reach has a token."""
        if is_loopback(host):
            return cls(LOOPBACK | {host.strip("[]").lower()}, token)
        own = {host.strip("[]").lower(), socket.gethostname().lower(), socket.getfqdn().lower(), *LOOPBACK}
        return cls(frozenset(own), token or new_token())

    def knows(self, name: str) -> bool:
        """Whether ``name`` is the server's own: an address of numbers points to nobody else's server."""
        if name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return bool(self.token)


class Guard:
    """Answers, before the app is asked, what may not pass; and gives every answer its headers.

    posts  the app takes POST, of its own pages alone; who they are of, and what they may do, the app decides
    """

    def __init__(self, app: ASGIApp, access: Access, posts: bool = False) -> None:
        self._app, self._access, self._posts = app, access, posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if self._posts:  # with no-referrer, a form that is sent without scripts names no origin
                    headers["Referrer-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope)
        await (self._app if refused is None else refused)(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _NO_HOST.search(hosts[0]) or not self._access.knows(_name(hosts[0])):
            return _line(
                421, "this server does not answer under that name: open the address that hemm printed"
            )
        allowed = ("GET", "HEAD", "POST") if self._posts else ("GET", "HEAD")
        if scope["method"] not in allowed:
            told = ", ".join(allowed)
            only = "this server takes" if self._posts else "the explorer only shows:"
            return _line(405, f"{only} {told}", {"Allow": told})
        posted = scope["method"] == "POST"
        origin = headers.get("origin")
        if (origin is not None or posted) and (origin or "").partition("://")[2] != hosts[0]:
            return _line(403, OTHER_PAGE)
        site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
        if site in ("cross-site", "same-site") and (mode != "navigate" or posted):
            return _line(403, OTHER_PAGE)
        if self._posts:
            return None
        return self._without_token(scope, headers) if self._access.token else None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        query = QueryParams(scope["query_string"].decode("latin-1"))
        given = query.get("token")
        if given is not None:
            if not _same(given, self._access.token):
                return _line(401, "that token is not this server's: hemm serve printed it when it started")
            kept = urlencode([(k, v) for k, v in query.multi_items() if k != "token"])
            path = "/" + str(scope["path"]).lstrip("/\\")
            answer = RedirectResponse(path + (f"?{kept}" if kept else ""), status_code=303)
            answer.set_cookie(COOKIE, self._access.cookie, httponly=True, samesite="strict", path="/")
            return answer
        bearer = headers.get("authorization", "")
        cookies = [c.strip() for line in headers.getlist("cookie") for c in line.split(";")]
        if any(_same(c, f"{COOKIE}={self._access.cookie}") for c in cookies):
            return None
        if bearer.startswith("Bearer ") and _same(bearer.removeprefix("Bearer "), self._access.token):
            return None
        return _line(401, "this server wants its token: open the address that hemm serve printed")


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode())


def _name(host: str) -> str:
    """The name in a Host header, without the port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _line(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text + "\n", status_code=status, headers=headers)
