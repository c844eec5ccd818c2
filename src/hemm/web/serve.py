"""Runs the explorer: one socket, one process, no log of what was looked at."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette

from hemm.core import HemmError
from hemm.engine.overlays.matching import overlaid
from hemm.web.app import app_of
from hemm.web.explorer import Explorer
from hemm.web.security import Access

CLOSING = 2
"""Seconds that live pages get to end when the server is stopped."""


class Server:
    """A server that listens already; its index is made. ``run`` serves until it is interrupted.

    Raises HemmError where the address cannot be listened on, in one line.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        token: str,
        told: Callable[[str], None] = lambda line: None,
        overlay: Sequence[Path] = (),
    ) -> None:
        self._socket = listen(host, port)
        access = Access.of(host, token)
        explorer = Explorer(folder, overlay=overlay)
        explorer.index.refresh(told)
        explorer.warm()
        overlaid([c.cell for c in explorer.catalog.cells], overlay)  # what is wrong with it is told now
        self._app = app_of(explorer, access, watch=True)
        query = f"?{urlencode({'token': access.token})}" if access.token else ""
        self.address = f"{base_of(host, self._socket)}/{query}"

    def run(self) -> None:
        run_app(self._app, self._socket)


def base_of(host: str, listening: socket.socket) -> str:
    """The address of a server, without a path."""
    name = host.strip("[]") if host not in ("0.0.0.0", "::") else socket.gethostname()
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{listening.getsockname()[1]}"


def run_app(app: Starlette, listening: socket.socket) -> None:
    """Serve an app, whose ``state.stop`` is set when the process is to end."""
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSING,
        ws="none",
        lifespan="on",
    )
    _Server(config, app.state.stop).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Tells live pages to end when the process is to end."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop.set()
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already. Raises HemmError where it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        raise HemmError(
            f"{host} port {port} cannot be listened on ({error.strerror or error}): "
            "take another --port or --host"
        ) from error
    found.listen(128)
    return found
