"""``--serve``: a checkpoint behind a server that hemm starts and ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemm.core import Failure, HemmError, Identity, Request, Response, UnknownName, redact
from hemm.core.outside import json_of
from hemm.data.sources.checkpoints import folder_digest
from hemm.models.api.http import Client
from hemm.models.api.likelihood import scored_options
from hemm.models.api.openai import SETTINGS as CHAT_SETTINGS
from hemm.models.api.openai import ChatModel, Endpoint, declared_inputs, rows_of
from hemm.models.hf import decoding
from hemm.models.hf.identity import Checkpoint, folder_checkpoint, hub_checkpoint, is_folder
from hemm.models.options import ModelOptions
from hemm.models.prices import Price
from hemm.models.process.server_process import ServerProcess, logs
from hemm.models.process.servers import SERVERS, arguments, decoding_fields
from hemm.models.retry import CallFailed

_ELSEWHERE = ("base_url", "api_key_env", "api_version", "output", "image_size", "image_quality")
SETTINGS: dict[str, Any] = {
    **{key: value for key, value in CHAT_SETTINGS.items() if key not in _ELSEWHERE},
    "serve_args": "",  # more arguments of the server, as on a command line
    "serve_program": "",  # the server's program, if it is not on the PATH
    "serve_timeout": 1800.0,  # seconds until it must be ready, including the download of the weights
    "dtype": "",  # empty: the server's default
    "quantization": "",  # one that the server knows
    "gguf": "",  # llama.cpp: file of the weights in the repository or folder
    "mmproj": "",  # llama.cpp: file of the vision projector
}
"""Settings (``--set``) of a served checkpoint, with their defaults."""

PORTS = 3
"""How many free ports to try, since another program may take one first."""
HEALTH_SECONDS = 30.0
"""Seconds for the server to answer a request for its health or version."""
LAST_LINES = 15
"""Lines of the log to print if a server does not start."""


def open_served(spec: str, options: ModelOptions) -> ServedModel:
    """``hf/...`` behind the server that ``options.serve`` names. Raises HemmError before anything starts."""
    kind = options.serve
    if kind not in SERVERS:
        raise UnknownName("server", kind, SERVERS)
    if os.name != "posix":
        raise HemmError("--serve needs Linux or macOS: start the server yourself and give its address")
    settings = {**CHAT_SETTINGS, **options.read(f"hf (--serve {kind})", SETTINGS)}
    if options.replicas != 1:
        raise HemmError(
            f"--replicas does not go with --serve: {kind} has its own ways, by --set serve_args=..."
        )
    if not settings["serve_timeout"] > 0:
        raise HemmError(f"--set serve_timeout={settings['serve_timeout']:g}: give seconds above 0")
    _program(kind, settings["serve_program"])
    return ServedModel(spec, kind, settings, options)


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(kind: str, named: str) -> list[str]:
    """The program and its subcommand as words. Raises HemmError where it is not installed."""
    server = SERVERS[kind]
    words = (shlex.split(named) if named else []) or [server.program]
    if len(words) == 1:
        words += server.sub
    path = shutil.which(os.path.expanduser(words[0]))
    if path is None:
        raise HemmError(
            f"--serve {kind}: no program {words[0]!r} is there: {server.install}; "
            "--set serve_program=PATH names one that is not on the PATH"
        )
    return [path, *words[1:]]


class ServedModel(ChatModel):
    """A checkpoint behind a server of this run.

    The identity is the checkpoint's. The server, and those of its arguments that may change answers, are in
    the protocol, so that answers of different engines never share a cell. ``alone``: it does not run beside
    other models, which would need the same devices.
    """

    alone = True
    protocol_extra: tuple[tuple[str, str], ...]

    def __init__(self, spec: str, kind: str, settings: Mapping[str, Any], options: ModelOptions) -> None:
        self._kind, self._server = kind, SERVERS[kind]
        self._words, telling = arguments(kind, settings["serve_args"])
        self._checkpoint = _checkpoint(spec, kind, settings, options.revision)
        super().__init__(spec, _endpoint(self._checkpoint.identity.name, 1), settings, options)
        self.identity = self._checkpoint.identity
        if self.price is None:
            self.price = Price(0.0, 0.0)
        self._brought = decoding.brought(self._checkpoint.generation())
        self._kept, self._decoding = decoding_fields(self._server, self._brought)
        self._plain = settings["generation_config"] == "off"
        if self._plain:
            self._decoding = dict(self._server.plain)
        told = "off" if self._plain else decoding.told(self._kept)
        pairs = {
            "serve": kind,
            "serve_args": telling,
            "gguf": settings["gguf"],
            "mmproj": settings["mmproj"],
            "generation_config": told if self._kept else "",
        }
        self.protocol_extra = tuple((key, value) for key, value in pairs.items() if value)
        self._files: tuple[str, str] = (self._checkpoint.source, "")  # weights, vision projector
        self._process: ServerProcess | None = None
        self._version: str | None = None

    @property
    def notice(self) -> str:
        """A message before the start, which takes minutes."""
        server, name = self._server.program, self.identity.name
        lines = [f"starting {server} for {name}; its log is in {logs()}"]
        if self._kept:
            lines.append(decoding.added(name, self._kept, self._plain))
        left = {key: value for key, value in self._brought.items() if key not in self._kept}
        if left and not self._plain:
            lines.append(f"{server} cannot follow {decoding.told(left)} of its generation_config.json")
        return "; ".join(lines)

    @property
    def setup(self) -> dict[str, Any]:
        """For run.json: the server, its version if it is known, and its command line."""
        command = [redact(word) for word in self._arguments("PORT")]
        told = {"generation_config": self._brought} if self._brought else {}
        return {"serve": self._kind, "version": self._version, "arguments": command, **told}

    def read_key(self) -> str:
        """No key: the server belongs to this run."""
        return ""

    async def connect(self, key: str) -> None:
        """Start the server and wait until it is ready. Else prints its last lines and raises HemmError."""
        if self._server.gguf:
            self._files = await asyncio.to_thread(_files, self._checkpoint, self._settings)
        deadline = time.monotonic() + self._settings["serve_timeout"]
        program = _program(self._kind, self._settings["serve_program"])
        for retries in reversed(range(PORTS)):
            port = free_port()
            self._endpoint = _endpoint(self.identity.name, port)
            command = [*program, *self._arguments(str(port))]
            self._process = process = ServerProcess(command, f"{self._kind}-{self.identity.name}")
            ready = await self._ready(process, deadline)
            if ready:
                break
            ended = not process.running
            await self._end()
            if ended and retries and _in_use(port):  # another program was faster
                continue
            process.print_last_lines(LAST_LINES)
            limit = f"{self._settings['serve_timeout']:g} s (--set serve_timeout=SECONDS)"
            why = process.end_words() if ended else f"was not ready after {limit}; its log: {process.log}"
            raise HemmError(f"--serve {self._kind}: {self._server.program} {why}")
        await super().connect(key)
        self._version = await self._served_version()

    async def check_server(self) -> None:
        """Check that the server has the model's name: another program may have taken the port."""
        rows = rows_of(await self._get("/models"))
        name, process = self.identity.name, self._process
        if name not in rows or process is None or not process.running:
            raise HemmError(f"--serve {self._kind}: what answers at {self.host} has no model {name!r}")
        self.restrict_inputs(declared_inputs(rows[name]))

    def extra_fields(self, request: Request) -> dict[str, Any]:
        """The fields that turn off the server's sampling defaults, which the protocol does not contain, and
        those that set what the checkpoint adds to greedy decoding, which it contains."""
        if scored_options(request):
            return dict(self._server.plain)
        if request.generation.temperature <= 0:
            return dict(self._decoding)
        return {**self._decoding, **self._server.sampled, "top_p": request.generation.top_p}

    async def generate(self, request: Request) -> Response:
        """As any served model; fails at once if the server has ended."""
        if (gone := self._gone()) is not None:
            return gone
        response = await super().generate(request)
        if response.failure is not None and response.failure.kind == "connection":
            for _ in range(20):  # connections may break a moment before the process ends
                if (gone := self._gone()) is not None:
                    return gone
                await asyncio.sleep(0.05)
        return response

    def _gone(self) -> Response | None:
        process = self._process
        if process is None or process.running:
            return None
        return Response(failure=Failure("connection", f"{self._kind} {process.end_words()}"))

    async def close(self) -> None:
        """Close the connections, and end the server and its children."""
        try:
            await super().close()
        finally:
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            try:
                await asyncio.to_thread(process.stop)
            finally:
                process.kill()

    async def _ready(self, process: ServerProcess, deadline: float) -> bool:
        """Whether the server became ready; False if it ended, or is too slow."""
        client, wait = Client(self._endpoint.url, {}), 0.05
        page = f"{self.host}{self._server.health}"
        try:
            while process.running and time.monotonic() < deadline:
                with contextlib.suppress(CallFailed, TimeoutError):
                    async with asyncio.timeout(min(HEALTH_SECONDS, deadline - time.monotonic())):
                        if (await client.send("GET", page))[0] == 200:
                            return True
                await asyncio.sleep(wait)
                wait = min(1.0, wait * 1.5)
            return False
        finally:
            await client.close()

    async def _served_version(self) -> str | None:
        assert self._client is not None
        for page, key in self._server.version:
            try:
                async with asyncio.timeout(HEALTH_SECONDS):
                    status, _, answer = await self._client.send("GET", self.host + page)
                document = json_of(answer) if status == 200 else None
            except (CallFailed, TimeoutError, ValueError):
                continue
            if isinstance(document, dict) and document.get(key):
                return redact(str(document[key]))[:100]
        return None

    def _arguments(self, port: str) -> list[str]:
        """The server's arguments."""
        server, settings, revision = self._server, self._settings, self._checkpoint.revision or ""
        model, projector = self._files
        filled = {"model": model, "name": self.identity.name, "port": port, "revision": revision}
        words = [*server.words, *(server.pinned if revision else ())]
        typed = [(flag, settings[key]) for key, flag in server.typed if settings[key] not in ("", "auto")]
        return [
            *(word.format(**filled) for word in words),
            *(("--mmproj", projector) if projector else ()),
            *(word for pair in typed for word in pair),
            *self._words,
        ]


def _endpoint(name: str, port: int) -> Endpoint:
    return Endpoint("http", f"http://127.0.0.1:{port}/v1", name, ("HEMM_API_KEY",), key_needed=False)


def _checkpoint(spec: str, kind: str, settings: Mapping[str, Any], label: str) -> Checkpoint:
    """The checkpoint that ``spec`` names. Raises HemmError, also for settings that the server does not
    know."""
    server, text = SERVERS[kind], spec.removeprefix("hf/")
    if not server.gguf and (settings["gguf"] or settings["mmproj"]):
        raise HemmError(f"--set gguf and mmproj are for --serve llama.cpp, not for {kind}")
    if server.gguf and not settings["gguf"]:
        raise HemmError(
            f"--serve {kind} runs one GGUF file: name it by --set gguf=FILE (pictures: mmproj=FILE)"
        )
    known = {key for key, _ in server.typed}
    wrong = [key for key in ("dtype", "quantization") if settings[key] and key not in known]
    if wrong:
        raise HemmError(f"--set {wrong[0]}: with --serve {kind} the file says it: --set gguf=FILE")
    if not is_folder(text):
        return hub_checkpoint(text, label)
    folder = Path(text).expanduser().resolve()
    if not server.gguf:
        return folder_checkpoint(folder)
    for key in ("gguf", "mmproj"):
        if settings[key] and not (folder / settings[key]).is_file():
            raise HemmError(f"--set {key}={settings[key]}: {folder} has no such file")
    return Checkpoint(str(folder), None, Identity(folder.name, folder_digest(folder)))


def _files(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> tuple[str, str]:
    """The paths of weights and vision projector; those of a hub model are downloaded at its commit."""
    names = [settings["gguf"], settings["mmproj"]]
    if checkpoint.revision is None:
        paths = [str(Path(checkpoint.source, name)) if name else "" for name in names]
        return paths[0], paths[1]
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    paths = []
    for name in names:
        try:
            path = hf_hub_download(checkpoint.source, name, revision=checkpoint.revision) if name else ""
        except EntryNotFoundError:
            raise HemmError(f"model hf/{checkpoint.source} has no file {name!r}") from None
        except Exception as error:  # no network, in one of many ways
            line = redact(" ".join(str(error).split()))[:200]
            raise HemmError(f"{name} of hf/{checkpoint.source} cannot be fetched: {line}") from None
        paths.append(path)
    return paths[0], paths[1]


def _in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
