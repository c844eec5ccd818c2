"""``openai/NAME`` and ``http://host:port/v1#NAME``: every server that speaks chat completions."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hemm.core import (
    BadData,
    Capabilities,
    Failure,
    HemmError,
    Identity,
    Request,
    Response,
    UnknownName,
    redact,
)
from hemm.models.api.chat import IMAGE_TYPES, body, read, sampling
from hemm.models.api.http import Client
from hemm.models.options import ModelOptions
from hemm.models.retry import CallFailed, Policy, attempts, retry_after

OPENAI_URL = "https://api.openai.com/v1"

SETTINGS: dict[str, Any] = {
    "base_url": "",  # another address than the spec's or OpenAI's
    "api_key_env": "",  # the environment variable that holds the key
    "timeout": 300.0,  # seconds one attempt may take
    "max_retries": 5,  # further attempts after the first
    "retry_wait": 0.5,  # seconds before the second attempt, doubled for each further one
    "tokens_field": "",  # max_tokens or max_completion_tokens
    "send_temperature": True,  # some reasoning models refuse the field
    "reasoning_effort": "",  # low, medium, high; empty: not sent
    "logprobs": False,  # ask for the log-probability of each token
    "check_model": True,  # look the name up in the server's list before the run
}
"""What ``--set`` knows here, with the defaults."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is, what its model is called, and where its key is found."""

    url: str
    model: str
    key_env: str
    key_needed: bool
    tokens_field: str

    def at(self, path: str) -> str:
        """The address of ``path`` below the base, with the base's own query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, parts.query, ""))

    @property
    def host(self) -> str:
        """Scheme, host and port for people: no credentials, no query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def open_openai(spec: str, options: ModelOptions) -> ChatModel:
    """OpenAI's own service, or another one at ``--set base_url=`` or OPENAI_BASE_URL. Key: OPENAI_API_KEY."""
    settings = options.read("openai", SETTINGS)
    url = settings["base_url"] or os.environ.get("OPENAI_BASE_URL", "") or OPENAI_URL
    key_env = settings["api_key_env"] or "OPENAI_API_KEY"
    field = settings["tokens_field"] or "max_completion_tokens"
    needed = url == OPENAI_URL or bool(settings["api_key_env"])
    endpoint = Endpoint(_checked(url), spec.removeprefix("openai/"), key_env, needed, field)
    return ChatModel(spec, endpoint, settings, options.revision)


def open_http(spec: str, options: ModelOptions) -> ChatModel:
    """A server of chat completions at ``http(s)://host:port/v1#NAME``. Its key, if any: HEMM_API_KEY."""
    settings = options.read("http", SETTINGS)
    url, _, name = spec.partition("#")
    if not name:
        raise HemmError(f"model {redact(spec)!r} names no model: write http://host:port/v1#NAME")
    key_env = settings["api_key_env"] or "HEMM_API_KEY"
    field = settings["tokens_field"] or "max_tokens"
    needed = bool(settings["api_key_env"])
    endpoint = Endpoint(_checked(settings["base_url"] or url), name, key_env, needed, field)
    return ChatModel(redact(spec), endpoint, settings, options.revision)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise HemmError(f"{redact(url)!r} is no address of a server: write http://host:port/v1")
    return url


class ChatModel:
    """A served model. Its weights cannot be known: identity is its name and the user's ``--revision``."""

    concurrency = 32

    def __init__(self, spec: str, endpoint: Endpoint, settings: dict[str, Any], revision: str) -> None:
        self.spec = spec
        self.identity = Identity(endpoint.model, revision)
        self.capabilities = Capabilities(image_types=IMAGE_TYPES)
        self._endpoint, self._settings = endpoint, settings
        self._policy = Policy(
            max_retries=max(0, settings["max_retries"]),
            timeout=settings["timeout"],
            base=max(0.0, settings["retry_wait"]),
        )
        self._client: Client | None = None
        self._secrets: tuple[str, ...] = ()

    async def start(self) -> None:
        """Read the key and ask the server for its models.

        Raises HemmError: no key, a wrong key, no server, a name the server does not have. A server without a
        list of models (404) is taken as it is; ``check_model=false`` leaves the list alone.
        """
        key = os.environ.get(self._endpoint.key_env, "").strip()
        if self._endpoint.key_needed and not key:
            raise HemmError(f"model {self.spec} needs a key: set {self._endpoint.key_env}")
        if key and not (key.isascii() and key.isprintable()):
            raise HemmError(f"the key in {self._endpoint.key_env} holds characters that no key has")
        self._secrets = (key,) if key else ()
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._client = Client(self._endpoint.url, headers)
        try:
            await self._greet()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def generate(self, request: Request) -> Response:
        """Ask once, and again by the policy. Never raises for the request: see ``Response.failure``."""
        if self._client is None:
            raise HemmError(f"model {self.spec} is not started")
        fields = sampling(request, self._endpoint.tokens_field, self._settings)
        try:
            content = body(request, self._endpoint.model, fields)
        except (BadData, FileNotFoundError) as error:
            return Response(failure=Failure("media", " ".join(str(error).split()), permanent=True))
        client, url = self._client, self._endpoint.at("/chat/completions")

        async def call() -> Response:
            status, headers, answer = await client.send("POST", url, content)
            return read(status, answer, retry_after(headers.get("retry-after")))

        return await attempts(self._policy, call, self._secrets)

    async def _greet(self) -> None:
        """One look at the server before a sample is spent."""
        assert self._client is not None
        client, endpoint, told = self._client, self._endpoint, bytearray()
        check = self._settings["check_model"]
        policy = Policy(max_retries=2, timeout=min(30.0, self._policy.timeout), patience=10)

        async def call() -> Response:
            status, headers, answer = await client.send("GET", endpoint.at("/models"))
            if status == 401 or (status == 403 and check):
                read(status, answer, None)
            if status == 429 or (status >= 500 and status != 501):
                raise CallFailed("server", f"HTTP {status}", after=retry_after(headers.get("retry-after")))
            if status < 300:
                told.extend(answer)
            return Response()

        failure = (await attempts(policy, call, self._secrets)).failure
        if failure is not None and failure.kind in ("unauthorized", "forbidden"):
            raise HemmError(f"{endpoint.host} refuses the key: check {endpoint.key_env} ({failure.message})")
        if failure is not None:
            raise HemmError(f"no server for {self.spec} at {endpoint.host}: {failure.message}; is it up?")
        names = _names(bytes(told))
        if check and names and endpoint.model not in names:
            hint = f"it has {', '.join(sorted(names)[:8])}" + (" ..." if len(names) > 8 else "")
            raise UnknownName(f"model of {endpoint.host}", endpoint.model, names, hint)


def _names(answer: bytes) -> list[str]:
    """The names in a list of models; empty where it is none."""
    try:
        data = json.loads(answer or b"null")
    except ValueError:
        return []
    rows = data.get("data") if isinstance(data, dict) else None
    ids = [r.get("id") for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []
    return [i for i in ids if isinstance(i, str)]
