"""The app: its addresses, and what happens where one cannot be answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from hemm.core import HemmError, UnknownName
from hemm.core.secrets import hide
from hemm.web import pages
from hemm.web.explorer import STATIC, Explorer, static
from hemm.web.pictures import Shown
from hemm.web.security import Access, Guard

LOOK_EVERY = 2.0
"""Seconds between two looks at the folder, and between two messages on live runs."""
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def make_app(folder: Path, access: Access | None = None, *, watch: bool = False) -> Starlette:
    """The explorer over ``folder``, whose index is made now.

    access  who may ask; by default pages of this machine under a loopback address
    watch   look at the folder again every other second

    Raises HemmError where there is no such folder.
    """
    if not folder.is_dir():
        raise HemmError(f"no folder of results at {folder}: hemm run --out {folder} makes one")
    return app_of(Explorer(folder), access, watch=watch)


def app_of(explorer: Explorer, access: Access | None = None, *, watch: bool = False) -> Starlette:
    """The app over an explorer whose index may be made already."""
    if not explorer.catalog.generation:
        explorer.index.refresh()
    routes = [
        Route("/", pages.profile),
        Route("/tasks", pages.tasks),
        Route("/runs", pages.runs),
        Route("/answers", pages.answers),
        Route("/download/answers.{kind}", pages.download),
        Route("/sample", pages.sample),
        Route("/slices", pages.slice_page),
        Route("/curves", pages.curve_page),
        Route("/differences", pages.differences),
        Route("/live", _live),
        Route("/live/events", _events),
        Route("/picture/{digest}", _picture),
        Route("/static/{name}", _static),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access or Access())],
        exception_handlers={HemmError: _bad, OSError: _gone, HTTPException: _http, Exception: _fault},
        lifespan=_watching if watch else None,
    )
    app.state.explorer = explorer
    app.state.stop = threading.Event()
    return app


@contextlib.asynccontextmanager
async def _watching(app: Starlette) -> AsyncIterator[None]:
    """Looks at the folder in a thread while the server runs."""
    explorer, stop = app.state.explorer, app.state.stop

    def look() -> None:
        while not stop.wait(LOOK_EVERY):
            try:
                if explorer.index.refresh():
                    explorer.warm()
            except Exception:  # the pages go on with what they have
                logging.getLogger("hemm.web").exception("the folder could not be looked at")

    thread = threading.Thread(target=look, name="hemm-explorer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await run_in_threadpool(thread.join, 10.0)
        explorer.index.close()


def _page(request: Request, status: int, title: str, line: str) -> Response:
    explorer: Explorer = request.app.state.explorer
    return HTMLResponse(explorer.render("error.html", "", title=title, line=hide(line)), status_code=status)


def _bad(request: Request, error: Exception) -> Response:
    explorer: Explorer = request.app.state.explorer
    title = "Not known" if isinstance(error, UnknownName) else "This cannot be shown"
    return _page(request, 400, title, explorer.folder.words(error))


def _gone(request: Request, error: Exception) -> Response:
    """A file of the results was taken away, or could not be read, while the page was made."""
    explorer: Explorer = request.app.state.explorer
    line = f"the results changed meanwhile, or cannot be read: load the page again ({error})"
    return _page(request, 400, "This cannot be shown", explorer.folder.words(HemmError(line)))


def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    line = "the explorer has no such page" if status == 404 else "the explorer only shows"
    return _page(request, status, "No such page" if status == 404 else "Not possible", line)


def _fault(request: Request, error: Exception) -> Response:
    return _page(request, 500, "A fault of hemm itself", f"please report it: {type(error).__name__}: {error}")


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise HTTPException(404)
    pages.only(request, "v")
    return Response(static(name), media_type=STATIC[name][1], headers=_FOREVER)


def _picture(request: Request) -> Response:
    """A picture by its digest, of one of the cell's answers; ``of`` says what it was made of."""
    explorer = pages.explorer_of(request)
    given, digest = pages.only(request, "cell", "of", "small"), request.path_params["digest"]
    one = explorer.catalog.by_key(given.get("cell", ""))
    if one is None:
        raise HemmError("cell is not one of these results: take the addresses of the pages")
    small = given.get("small") == "yes"
    if "of" in given:
        shown: Shown = explorer.pictures.as_sent(one, given["of"], digest)
    else:
        shown = explorer.pictures.get(one, digest, small)
    # a picture that is opened by itself is a document: it may do nothing
    headers = {**_FOREVER, "Content-Disposition": "inline"}
    return Response(shown.data, media_type=shown.mime, headers=headers)


def _looked(explorer: Explorer) -> dict[str, Any]:
    return {"runs": explorer.live.look(list(explorer.catalog.found))}


def _live(request: Request) -> Response:
    explorer = pages.explorer_of(request)
    pages.only(request)
    return HTMLResponse(explorer.render("live.html", "live", **_looked(explorer)))


async def _events(request: Request) -> Response:
    """The part of the live page that changes, as it is now and every other second."""
    explorer = pages.explorer_of(request)
    pages.only(request)
    stop: threading.Event = request.app.state.stop

    def fragment() -> str:
        return explorer.render("live_runs.html", "live", **_looked(explorer))

    async def messages() -> AsyncIterator[bytes]:
        before = ""
        while not stop.is_set() and not await request.is_disconnected():
            now = await run_in_threadpool(fragment)
            lines = "".join(f"data: {line}\n" for line in now.splitlines()) if now != before else ": still\n"
            before = now
            yield f"{lines}\n".encode()
            await asyncio.sleep(LOOK_EVERY / 2)

    return StreamingResponse(messages(), media_type="text/event-stream")
