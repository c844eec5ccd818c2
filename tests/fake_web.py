"""A file server with faults on demand, and the hub's HTTP interface for data sets on top of it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

BODY = bytes(range(256)) * 4000


@dataclass
class Web:
    """A file server with faults on demand; each request takes the next fault."""

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    ranges: bool = True
    etag: str = '"one"'
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    extra: Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes] | None] | None = None

    @property
    def asked(self) -> list[str]:
        """The Range header of each GET, or a dash."""
        return [h.get("range", "-") for m, _, h in self.requests if m == "GET"]


class Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def _answer(self, body: bool) -> None:
        web, path = self.web, self.path.split("?")[0]
        headers = {k.lower(): v for k, v in self.headers.items()}
        web.requests.append((self.command, self.path, headers))
        special = web.extra(self.path, headers) if web.extra else None
        if special is not None:
            return self._send(special[0], special[1], special[2], body)
        fault = web.faults.pop(0) if web.faults and body else ""
        if fault.isdigit():
            return self._send(int(fault), {"Retry-After": "0"}, b"fault", body)
        if path not in web.files:
            return self._send(404, {}, b"no", body)
        data, code, more = web.files[path], 200, {"ETag": web.etag, "Accept-Ranges": "bytes"}
        asked = headers.get("range", "")
        if asked and web.ranges and headers.get("if-range", web.etag) == web.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                return self._send(416, {"Content-Range": f"bytes */{len(data)}"}, b"", body)
            code, more["Content-Range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
            data = data[start:]
        if fault == "cut":
            self.send_response(code)
            for k, v in {**more, "Content-Length": str(len(data))}.items():
                self.send_header(k, v)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.close_connection = True
            return None
        return self._send(code, more, data, body)

    def _send(self, code: int, headers: dict[str, str], data: bytes, body: bool) -> None:
        self.send_response(code)
        for k, v in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(k, v)
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web({"/a/file.bin": BODY})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"web": made}))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


COMMIT = "5ca1ab1e0ddba11d5ca1ab1e0ddba11d5ca1ab1e"


class FakeHub:
    """The hub's HTTP interface for data sets: repository -> revision -> files."""

    def __init__(self, web: Web, repos: dict[str, dict[str, dict[str, bytes]]]) -> None:
        self.web, self.repos = web, repos
        web.extra = self.answer

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        path = unquote(path.split("?")[0])
        if path.startswith("/api/datasets/"):
            repo, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
            if repo == "gated/set":
                return 403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, b"{}"
            files = self.repos.get(repo, {}).get(revision or "main")
            if files is None:
                return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
            siblings = [{"rfilename": n, "size": len(d)} for n, d in files.items()]
            info = {"id": repo, "sha": self.commit(revision), "siblings": siblings}
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        if path.startswith("/datasets/"):
            repo, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
            commit, _, name = rest.partition("/")
            for revision, files in self.repos.get(repo, {}).items():
                if commit == self.commit(revision) and name in files:
                    etag = hashlib.sha1(files[name]).hexdigest()
                    return 200, {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, files[name]
        return 404, {"X-Error-Code": "EntryNotFound"}, b""

    @staticmethod
    def commit(revision: str) -> str:
        return COMMIT if revision in ("", "main", COMMIT) else hashlib.sha1(revision.encode()).hexdigest()


@pytest.fixture
def online(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Web:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_ENDPOINT", web.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    return web
