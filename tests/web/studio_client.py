"""Asks the studio's app in this process as an annotator or the organiser would; keeps every byte it sent."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from hemm.web.explorer import Explorer
from hemm.web.security import Access
from hemm.web.studio.app import make_studio
from hemm.web.studio.people import Keys
from hemm.web.studio.plan import Plan
from hemm.web.studio.study import Study

HOST = "127.0.0.1:8189"


class Recorder:
    """ASGI middleware: every byte that goes to a browser, headers too."""

    def __init__(self, app: Any) -> None:
        self.app, self.sent = app, bytearray()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def recorded(message: Any) -> None:
            for name, value in message.get("headers", ()):
                self.sent.extend(name + b": " + value + b"\n")
            self.sent.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, recorded)


class Studio:
    """An app over a folder. ``key`` signs, so that apps of one folder know each other's cookies."""

    def __init__(self, folder: Path, plan: Plan | None = None, named: bool = False, **more: Any) -> None:
        explorer = Explorer(folder)
        explorer.index.refresh()
        self.keys = Keys(b"k" * 32)
        self.study = Study(explorer, plan or Plan(pause=1000), more.pop("gold", ()), version="test")
        access = Access.of("127.0.0.1")
        self.recorder = Recorder(make_studio(self.study, self.keys, access, named=named, **more))

    def person(self) -> Person:
        return Person(self)

    def annotator(self, name: str) -> Person:
        one = self.person()
        assert one.post("/annotate/enter", name=name).status_code == 303
        return one

    def organiser(self) -> Person:
        one = self.person()
        assert one.get(f"/organise?key={self.keys.organiser}").status_code == 303
        return one


class Person:
    """A browser with its cookies."""

    def __init__(self, studio: Studio) -> None:
        self._app, self.cookies = studio.recorder, dict[str, str]()

    def ask(self, method: str, address: str, body: str = "", **headers: str) -> httpx.Response:
        given = {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}
        if body or method == "POST":
            given |= {"content-type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}"}

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
                return await client.request(method, address, content=body, headers={**given, **headers})

        answer = asyncio.run(run())
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def get(self, address: str) -> httpx.Response:
        return self.ask("GET", address)

    def post(self, address: str, **fields: Any) -> httpx.Response:
        pairs = [
            (k, v) for k, given in fields.items() for v in (given if isinstance(given, list) else [given])
        ]
        return self.ask("POST", address, urlencode(pairs))

    def page(self, queue: str = "vote") -> str:
        return self.get(f"/annotate/{queue}?on=yes").text

    def token(self, queue: str = "vote") -> dict[str, str]:
        """The csrf token, and the form's where one is open."""
        page = self.page(queue)
        found = {"csrf": re.search(r'name="csrf" value="([^"]+)"', page)}
        found["form"] = re.search(r'data-form="([^"]+)"', page)
        return {name: match[1] for name, match in found.items() if match}

    def start(self, queue: str = "vote") -> None:
        assert self.post(f"/annotate/{queue}/start", csrf=self.token(queue)["csrf"]).status_code == 303

    def say(self, queue: str = "vote", **fields: Any) -> dict[str, str]:
        """Answer the open form; its tokens."""
        known = self.token(queue)
        answer = self.post(f"/annotate/{queue}", **known, **fields)
        assert answer.status_code == 303, answer.text
        return known
