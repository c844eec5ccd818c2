"""The studio's app: annotators see their forms alone; the organiser sees progress, agreement, and the
explorer over the same results."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hemm.core import HemmError
from hemm.web.app import app_of
from hemm.web.security import Access, Guard
from hemm.web.studio import annotate, organise
from hemm.web.studio.people import ORGANISER, Keys
from hemm.web.studio.plan import QUEUES
from hemm.web.studio.render import page
from hemm.web.studio.requests import is_organiser, see, sent_by, set_cookie
from hemm.web.studio.study import Study

TITLES = {403: "Not yours", 404: "No such page", 405: "Not possible", 413: "Too large", 415: "Not a form"}


def make_studio(
    study: Study,
    keys: Keys,
    access: Access,
    *,
    people: Sequence[str] = (),
    named: bool = False,
    instructions: str = "",
) -> Starlette:
    """The app over a study.

    access        under which names it answers
    people        annotators whose personal addresses the organiser's page has
    named         annotators come by personal addresses alone; else they write their names
    instructions  the organiser's own, shown before all else
    """
    explorer = study.explorer
    explorer.more_pages = (("organise", "/organise", "Annotation"),)
    shown = app_of(explorer, access, watch=True)
    routes: list[Any] = [
        Route("/annotate", annotate.welcome),
        Route("/annotate/enter", sent_by("anyone", annotate.enter), methods=["POST"]),
        Route("/annotate/leave", sent_by("annotator", annotate.leave), methods=["POST"]),
        Route("/annotate/instructions", annotate.instructions),
        Route("/annotate/yours", annotate.yours),
        Route("/annotate/picture/{form}/{slot}", annotate.picture),
        Route("/organise", organise.progress),
        Route("/organise/labels", organise.labels),
        Route("/organise/decide", sent_by("organiser", organise.decide), methods=["POST"]),
    ]
    for queue in QUEUES:
        routes += [
            Route(f"/annotate/{queue}", annotate.ask(queue)),
            Route(f"/annotate/{queue}", sent_by("annotator", annotate.say(queue)), methods=["POST"]),
            Route(f"/annotate/{queue}/start", sent_by("annotator", annotate.start(queue)), methods=["POST"]),
            Route(f"/annotate/{queue}/undo", sent_by("annotator", annotate.undo(queue)), methods=["POST"]),
        ]
    app = Starlette(
        routes=[*routes, *shown.routes],
        middleware=[Middleware(Guard, access=access, posts=True), Middleware(_Roles)],
        exception_handlers={HemmError: _bad, HTTPException: _http, Exception: _fault},
        lifespan=_lifespan,
    )
    app.state.study, app.state.keys, app.state.named = study, keys, named
    app.state.explorer, app.state.stop = explorer, shown.state.stop
    app.state.shown, app.state.instructions, app.state.people = shown, instructions, tuple(people)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> Any:
    async with app.state.shown.router.lifespan_context(app.state.shown):
        yield
    app.state.study.store.close()


class _Roles:
    """Lets nobody but the organiser at pages that name models; the organiser's address makes a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = self._answer(Request(scope))
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _answer(self, request: Request) -> Response | None:
        path = str(request.scope["path"])  # that of the URL is made with the Host header, which anyone writes
        if path == "/organise" and "key" in request.query_params:
            keys: Keys = request.app.state.keys
            if not keys.same(request.query_params["key"], "organiser"):
                return _page(request, 403, "that address is not the organiser's: hemm annotate printed it")
            return set_cookie(see("/organise"), ORGANISER, keys.sign("organiser cookie"))
        if path.startswith(("/annotate", "/static/")) or is_organiser(request):
            return None
        if path == "/":
            return see("/annotate")
        return _page(
            request, 403, "this page is the organiser's: open the address that hemm annotate printed"
        )


def _page(request: Request, status: int, line: str) -> Response:
    values = {"title": TITLES.get(status, "This is not possible"), "line": line}
    return HTMLResponse(page(request, "studio_error.html", **values), status_code=status)


def _bad(request: Request, error: Exception) -> Response:
    """An error in a line; of the results' own errors, which may name models, an annotator sees none."""
    if is_organiser(request) or _is_plain(request, error):
        return _page(request, 400, request.app.state.study.explorer.folder.words(error))
    logging.getLogger("hemm.web").warning("%s", error)
    kept = "this was not stored: tell the organiser, and send it again" if request.method == "POST" else ""
    return _page(request, 400, kept or "this cannot be shown: tell the organiser, and skip it")


def _is_plain(request: Request, error: Exception) -> bool:
    """Whether an error's words name no model and no place of the results."""
    words = str(error).lower()
    cells = request.app.state.study.explorer.catalog.cells
    names = {n.lower() for c in cells for n in (c.label, c.cell.model, c.found.place)}
    return "/" not in words and not any(name in words for name in names)


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    lines = {403: "open your own address, or write your name again", 404: "there is no such page"}
    return _page(request, status, lines.get(status, "this server does not take that"))


def _fault(request: Request, error: Exception) -> Response:
    logging.getLogger("hemm.web").error("a fault of hemm itself", exc_info=error)
    return _page(request, 500, "a fault of hemm itself: what you said before is stored")
