"""Runs the explorer: one socket, one process, no log of what was looked at."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import uvicorn

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
        self._socket = _listen(host, port)
        access = Access.of(host, token)
        explorer = Explorer(folder, overlay=overlay)
        explorer.index.refresh(told)
        overlaid([c.cell for c in explorer.catalog.cells], overlay)  # what is wrong with it is told now
        self._app = app_of(explorer, access, watch=True)
        bound = self._socket.getsockname()
        name = host if host not in ("0.0.0.0", "::") else socket.gethostname()
        shown = f"[{name}]" if ":" in name else name
        query = f"?{urlencode({'token': access.token})}" if access.token else ""
        self.address = f"http://{shown}:{bound[1]}/{query}"

    def run(self) -> None:
        config = uvicorn.Config(
            self._app,
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=CLOSING,
            ws="none",
            lifespan="on",
        )
        _Server(config, self._app.state.stop).run(sockets=[self._socket])


class _Server(uvicorn.Server):
    """Tells live pages to end when the process is to end."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop.set()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
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
