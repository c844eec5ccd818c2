"""Asks the explorer's app in this process, and reads its pages."""

from __future__ import annotations

import asyncio
import html
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx


@dataclass
class Client:
    """Asks an app in this process, as a browser under a loopback address would."""

    app: Any
    host: str = "127.0.0.1:8188"

    def get(self, address: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{self.host}") as client:
                return await client.request(method, address, headers=headers)

        return asyncio.run(ask())


def words(page: str) -> str:
    """What a reader sees, without markup and runs of blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """The address of ``hemm serve`` over a folder, in a process of its own."""
    words = [sys.executable, "-m", "hemm.cli", "serve", str(folder), "--port", "0", *options]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line.startswith("http"), process.stderr.read() if process.stderr else ""
            yield line
        finally:
            process.terminate()
            process.wait(20)
