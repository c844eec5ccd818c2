"""A Chromium that tests steer by its debugging protocol: pages, keys, clicks, widths, pictures."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from browser_flags import QUIET

FLAGS = ("--headless=new", *QUIET, "--remote-debugging-port=0")
SECONDS = 60.0
"""What one step may take: the machine may be busy."""


class Tab:
    """One page. ``errors`` has what its console said and what it was refused."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket, self._number = loop, socket, 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), SECONDS))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("id") == self._number:
                assert "error" not in message, message
                found: dict[str, Any] = message.get("result", {})
                return found
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(json.dumps(message["params"])[:600])

    def js(self, expression: str) -> Any:
        """The value of a script's expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """The expression's value, once it is true."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                if value := self.js(expression):
                    return value
            except AssertionError:  # the page is changing
                pass
            time.sleep(0.05)
        raise AssertionError(f"{expression} did not become true; {self.errors}")

    def count(self, selector: str) -> int:
        """How many elements there are, without a script in the page; 0 while another page comes in."""
        try:
            root = self.call("DOM.getDocument")["root"]["nodeId"]
            found: list[int] = self.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        except AssertionError:
            return 0
        return len(found)

    def until_there(self, selector: str) -> None:
        end = time.monotonic() + SECONDS
        while not self.count(selector):
            assert time.monotonic() < end, f"no {selector}"
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.until(f"location.href == {json.dumps(address)} && document.readyState == 'complete'")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            written = "\r" if key == "Enter" else key
            text = {"text": written} if len(written) == 1 and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **text)

    def look(self, width: int = 1280, dark: bool = False, scripts: bool = True) -> None:
        """How the page is shown from now on."""
        phone = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def picture(self, file: Path) -> Path:
        found = self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(found["data"]))
        return file


class Chrome:
    def __init__(self, port: int, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> None:
        self._port, self._loop, self._session = port, loop, session

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """A new page."""

        async def opened() -> aiohttp.ClientWebSocketResponse:
            async with self._session.put(f"http://127.0.0.1:{self._port}/json/new?about:blank") as answer:
                address = (await answer.json(content_type=None))["webSocketDebuggerUrl"]
            return await self._session.ws_connect(address, max_msg_size=0)

        socket = self._loop.run_until_complete(opened())
        try:
            yield Tab(self._loop, socket)
        finally:
            self._loop.run_until_complete(socket.close())


@contextmanager
def chrome(program: str, profile: Path) -> Iterator[Chrome]:
    """A Chromium with a profile of its own."""
    words = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        loop = asyncio.new_event_loop()
        try:
            said, end = profile / "DevToolsActivePort", time.monotonic() + SECONDS
            while not (said.exists() and said.read_text().strip()):
                assert process.poll() is None
                assert time.monotonic() < end, "the browser does not answer"
                time.sleep(0.1)
            port = int(said.read_text().split()[0])

            async def session() -> aiohttp.ClientSession:
                return aiohttp.ClientSession()

            open_session = loop.run_until_complete(session())
            try:
                yield Chrome(port, loop, open_session)
            finally:
                loop.run_until_complete(open_session.close())
        finally:
            process.terminate()
            process.wait(30)
            loop.close()
