"""Asks the explorer's app in this process, and reads its pages."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass
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
