"""HTTP/1.1 over asyncio's own streams: one request at a time on a connection that stays open.

General clients spend about a millisecond of processor time on a request, which on a small machine bounds how
many a run can have in flight. What a model server needs (JSON out, JSON back) takes a tenth of that.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers (names in lower case), body."""

_HEAD_BYTES = 1 << 18


class BrokenAnswer(ConnectionError):
    """What came is no whole HTTP answer."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads: host, port, TLS, and what stands in the request line."""

    host: str
    port: int
    tls: bool
    target: str
    authority: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Parse an http or https URL."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        host = parts.hostname or ""
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(host, parts.port or (443 if tls else 80), tls, target, parts.netloc.rpartition("@")[2])


class Connection:
    """One open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._whole = True

    @classmethod
    async def open(cls, address: Address, trust: ssl.SSLContext | None) -> Connection:
        """Connect, with TLS where ``trust`` (an SSLContext) is given. Raises OSError."""
        reader, writer = await asyncio.open_connection(
            address.host,
            address.port,
            ssl=trust,
            limit=_HEAD_BYTES,
        )
        return cls(reader, writer)

    @property
    def usable(self) -> bool:
        """May another request be sent? Not after a broken exchange, nor when the server has closed."""
        return self._whole and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        """Close without waiting."""
        self._writer.close()

    async def exchange(self, head: bytes, content: bytes) -> Answer:
        """Send a request (head with its blank line) and read the whole answer.

        Raises OSError (BrokenAnswer among them) where none comes; the connection is then not ``usable``.
        """
        self._whole = False
        self._writer.write(head)
        if content:
            self._writer.write(content)
        await self._writer.drain()
        try:
            status, headers, keep = await self._head()
            while status < 200:  # 100 Continue and the like
                status, headers, keep = await self._head()
            body, sized = await self._body(status, headers)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BrokenAnswer(f"the answer was cut off ({error})") from None
        except (ValueError, IndexError, EOFError, zlib.error) as error:
            raise BrokenAnswer(f"the answer is not HTTP ({error})") from None
        self._whole = keep and sized
        return status, headers, body

    async def _head(self) -> tuple[int, dict[str, str], bool]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ", 2)[:2]
        if not version.startswith("HTTP/1."):
            raise ValueError(f"it begins with {version[:20]!r}")
        headers = {}
        for line in lines[1:]:
            name, sign, value = line.partition(":")
            if sign:
                headers[name.strip().lower()] = value.strip()
        wish = headers.get("connection", "").lower()
        keep = "close" not in wish and (version != "HTTP/1.0" or "keep-alive" in wish)
        return int(status), headers, keep

    async def _body(self, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body, decoded, and whether its end was told (else it ended with the connection)."""
        sized = True
        if status in (204, 304):
            return b"", True
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = await self._chunks()
        elif "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        else:
            body, sized = await self._reader.read(-1), False
        packed = headers.get("content-encoding", "").lower()
        if packed == "gzip":
            body = gzip.decompress(body)
        elif packed == "deflate":
            body = zlib.decompress(body)
        return body, sized

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return b"".join(parts)
