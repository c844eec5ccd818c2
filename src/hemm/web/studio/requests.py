"""What a request brings: who asks, by a signed cookie, and the fields of a form that is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hemm.core import HemmError
from hemm.web.studio.people import COOKIE, ORGANISER, Keys
from hemm.web.studio.study import Study

if TYPE_CHECKING:
    from collections.abc import Awaitable

LARGEST = 64_000
"""Bytes of a form that is sent."""
Fields = Mapping[str, list[str]]


def study_of(request: Request) -> Study:
    found: Study = request.app.state.study
    return found


def keys_of(request: Request) -> Keys:
    found: Keys = request.app.state.keys
    return found


def annotator_of(request: Request) -> str:
    """The annotator who asks; empty for nobody."""
    return keys_of(request).name_in(request.cookies.get(COOKIE, ""))


def is_organiser(request: Request) -> bool:
    return keys_of(request).same(request.cookies.get(ORGANISER, ""), "organiser cookie")


def csrf(request: Request, who: str) -> str:
    """The token that a form of ``who`` carries."""
    return keys_of(request).sign("form", who)


def see(address: str) -> Response:
    """Where to go after a form was sent."""
    return RedirectResponse(address, status_code=303)


def set_cookie(answer: Response, name: str, value: str) -> Response:
    answer.set_cookie(name, value, httponly=True, samesite="strict", path="/", max_age=30 * 24 * 3600)
    return answer


def one(fields: Fields, name: str) -> str:
    """The value of a field, empty for none. Raises HemmError where it is there twice."""
    found = fields.get(name, [])
    if len(found) > 1:
        raise HemmError(f"{name} is there twice")
    return found[0] if found else ""


Sent = Callable[[Request, str, Fields], Response]


def sent_by(who: str, answer: Sent) -> Callable[[Request], Awaitable[Response]]:
    """The end of an address that takes POST from an ``annotator``, the ``organiser``, or ``anyone``: who
    sends is known by a cookie, and that it was a page of this server by the form's own token."""

    async def handler(request: Request) -> Response:
        fields = await _fields(request)

        def run() -> Response:
            if who == "organiser":
                name = "organiser" if is_organiser(request) else ""
            else:
                name = annotator_of(request)
            if who != "anyone":
                if not name:
                    raise HTTPException(403)
                if not keys_of(request).same(one(fields, "csrf"), "form", name):
                    raise HTTPException(403)
            return answer(request, name, {k: v for k, v in fields.items() if k != "csrf"})

        return await run_in_threadpool(run)

    return handler


async def _fields(request: Request) -> dict[str, list[str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise HTTPException(413)
    out: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200, errors="strict")
    except ValueError as error:
        raise HTTPException(400) from error
    for name, value in pairs:
        out.setdefault(name, []).append(value)
    return out
