"""Every server that speaks chat completions: OpenAI, Azure, OpenRouter, ``http://host:port/v1#NAME``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from hemm.core import Capabilities, HemmError, Request, Response, redact
from hemm.core.outside import amount_of, json_of
from hemm.models.api import images
from hemm.models.api.chat import (
    IMAGE_TYPES,
    body,
    fields_of,
    objects_in,
    read,
    sampling,
    template_variables,
)
from hemm.models.api.fleet import Fleet, addresses_of
from hemm.models.api.http import Client, host_of
from hemm.models.api.likelihood import scored_options
from hemm.models.api.remote import MODALITIES, UNCHECKED, Call, Remote
from hemm.models.api.remote import SETTINGS as REMOTE
from hemm.models.options import ModelOptions, switched
from hemm.models.prices import MILLION, Estimate, Price, estimate

OPENAI_URL = "https://api.openai.com/v1"
OPENROUTER_URL = "https://openrouter.ai/api/v1"
AZURE_VERSION = "2024-10-21"
CHAT = "/chat/completions"

SETTINGS: dict[str, Any] = {
    **REMOTE,
    "inputs": "",  # inputs of the model: text,image,audio,video
    "output": "text",  # text or image
    "image_size": "",  # of drawn pictures: 1024x1024, ...
    "image_quality": "",  # of drawn pictures: low, medium, high
    "tokens_field": "",  # max_tokens or max_completion_tokens
    "logprobs": False,  # request the log-probability of each token
    "top_logprobs": 20,  # number of first tokens with probabilities, to score options
    "api_version": "",  # Azure's api-version
    "endpoints": "",  # of http://: a file with the addresses of several servers, one a line; it is watched
    "thinking": "",  # on, off: the switch of the server's chat template; empty: not sent
    "chat_template_kwargs": "",  # variables of the server's chat template, as a JSON object
    "generation_config": "auto",  # off: no penalties that the checkpoint's generation_config.json brings
}
"""Settings (``--set``), with their defaults."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address, its name of the model, how it takes its key, and the fields it knows.

    kind        openai, azure, openrouter or http; selects the price list
    deployment  the address is that of one model, so there is no list of models
    key_path    a page that refuses a wrong key, if the list of models does not
    """

    kind: str
    url: str
    model: str
    key_names: tuple[str, ...]
    key_needed: bool
    tokens_field: str = "max_tokens"
    inputs: frozenset[str] = MODALITIES
    key_header: str = "Authorization"
    deployment: bool = False
    key_path: str = ""

    def at(self, path: str) -> str:
        """The address of ``path`` below the base, with the base's query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, parts.query, ""))


def open_openai(spec: str, options: ModelOptions) -> ChatModel:
    """OpenAI's own service, or another one at ``--set base_url=`` or OPENAI_BASE_URL. Key: OPENAI_API_KEY."""
    settings = options.read("openai", SETTINGS)
    url = settings["base_url"] or os.environ.get("OPENAI_BASE_URL", "") or OPENAI_URL
    endpoint = Endpoint(
        kind="openai",
        url=_checked(url),
        model=spec.removeprefix("openai/"),
        key_names=_keys(settings, "OPENAI_API_KEY"),
        key_needed=url == OPENAI_URL or bool(settings["api_key_env"]),
        tokens_field="max_completion_tokens",
        inputs=frozenset({"text", "image", "audio"}),
    )
    return ChatModel(spec, endpoint, settings, options)


def open_azure(spec: str, options: ModelOptions) -> ChatModel:
    """A deployment on Azure at AZURE_OPENAI_ENDPOINT (or ``base_url``). Key: AZURE_OPENAI_API_KEY."""
    settings = options.read("azure", SETTINGS)
    base = settings["base_url"] or os.environ.get("AZURE_OPENAI_ENDPOINT", "")
    if not base:
        raise HemmError(
            f"model {spec} needs an address: set AZURE_OPENAI_ENDPOINT to https://NAME.openai.azure.com"
        )
    name = spec.removeprefix("azure/")
    parts = urlsplit(_checked(base))
    path = parts.path.rstrip("/")
    new = path.endswith("/openai/v1")  # the newer API: no version, models by name
    if not new:
        path = f"{path.removesuffix('/openai')}/openai/deployments/{quote(name, safe='')}"
    version = settings["api_version"] or os.environ.get("OPENAI_API_VERSION", "") or AZURE_VERSION
    query = parts.query if new else urlencode({"api-version": version})
    endpoint = Endpoint(
        kind="azure",
        url=urlunsplit((parts.scheme, parts.netloc, path, query, "")),
        model=name,
        key_names=_keys(settings, "AZURE_OPENAI_API_KEY"),
        key_needed=True,
        tokens_field="max_completion_tokens",
        inputs=frozenset({"text", "image", "audio"}),
        key_header="api-key",
        deployment=True,
    )
    return ChatModel(spec, endpoint, settings, options)


def open_openrouter(spec: str, options: ModelOptions) -> ChatModel:
    """A model of OpenRouter (``openrouter/ORG/NAME``). Key: OPENROUTER_API_KEY."""
    settings = options.read("openrouter", SETTINGS)
    if settings["chat_template_kwargs"]:
        raise HemmError(
            "--set chat_template_kwargs: OpenRouter has no such field; it takes thinking=on or off"
        )
    endpoint = Endpoint(
        kind="openrouter",
        url=_checked(settings["base_url"] or OPENROUTER_URL),
        model=spec.removeprefix("openrouter/"),
        key_names=_keys(settings, "OPENROUTER_API_KEY"),
        key_needed=True,
        key_path="/key",
    )
    return ChatModel(spec, endpoint, settings, options)


def open_http(spec: str, options: ModelOptions) -> ChatModel | Fleet:
    """A server of chat completions at ``http(s)://host:port/v1#NAME``, or several, separated by commas. Its
    key, if any: HEMM_API_KEY."""
    settings = options.read("http", SETTINGS)
    given, _, name = spec.partition("#")
    if not name:
        raise HemmError(f"model {redact(spec)!r} names no model: write http://host:port/v1#NAME")

    def at(address: str) -> ChatModel:
        endpoint = Endpoint(
            kind="http",
            url=_checked(address),
            model=name,
            key_names=_keys(settings, "HEMM_API_KEY"),
            key_needed=bool(settings["api_key_env"]),
        )
        return ChatModel(redact(f"{address}#{name}"), endpoint, settings, options)

    addresses = _addresses(settings["base_url"] or given)
    file = settings["endpoints"]
    if len(addresses) == 1 and not file:
        return at(addresses[0])
    listed = partial(addresses_of, Path(file)) if file else lambda: addresses
    return Fleet(redact(spec), listed, at, most=options.concurrency or 0)


def _addresses(given: str) -> list[str]:
    """The addresses in a list, each once; one without a path has that of the last.

    >>> _addresses("http://a:8000,http://b:8000/v1")
    ['http://a:8000/v1', 'http://b:8000/v1']
    """
    words = [word.strip() for word in given.split(",")]
    path = urlsplit(_checked(words[-1])).path
    parts = [urlsplit(_checked(word)) for word in words]
    return list(dict.fromkeys(urlunsplit(p._replace(path=p.path.rstrip("/") or path)) for p in parts))


def _keys(settings: Mapping[str, Any], usual: str) -> tuple[str, ...]:
    return (settings["api_key_env"] or usual,)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise HemmError(f"{redact(url)!r} is no address of a server: write http://host:port/v1")
    if parts.path.rstrip("/").endswith(CHAT):
        raise HemmError(
            f"{redact(url)!r} is the address of a page: leave {CHAT} out, as in http://host:port/v1"
        )
    return url


def _capabilities(endpoint: Endpoint, settings: Mapping[str, Any], scoring: str) -> Capabilities:
    given = frozenset(word.strip() for word in settings["inputs"].split(",") if word.strip())
    if given - MODALITIES:
        raise HemmError(f"--set inputs={settings['inputs']}: give some of {', '.join(sorted(MODALITIES))}")
    output = settings["output"]
    if output not in ("text", "image"):
        raise HemmError(f"--set output={output}: give text or image")
    return Capabilities(
        inputs=(given | {"text"}) if given else endpoint.inputs,
        outputs=frozenset({output}),
        image_types=images.TYPES if output == "image" else IMAGE_TYPES,
        likelihood=output == "text" and scoring == "likelihood",
        system=output == "text",
    )


class ChatModel(Remote):
    """A model behind chat completions, or with ``--set output=image`` one that draws."""

    protocol_extra: tuple[tuple[str, str], ...]

    def __init__(
        self, spec: str, endpoint: Endpoint, settings: Mapping[str, Any], options: ModelOptions
    ) -> None:
        can = _capabilities(endpoint, settings, options.scoring)
        super().__init__(spec, endpoint.kind, endpoint.model, settings, options, can)
        template_variables(settings)  # raises for what is wrong
        self.protocol_extra = plain_pair(settings)
        self._endpoint = endpoint
        self.key_names, self.key_needed = endpoint.key_names, endpoint.key_needed
        self._client: Client | None = None

    @property
    def url(self) -> str:  # type: ignore[override]
        return self._endpoint.url

    async def connect(self, key: str) -> None:
        header = self._endpoint.key_header
        value = f"Bearer {key}" if header == "Authorization" else key
        self._client = Client(self._endpoint.url, {header: value} if key else {})

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def prepared(self, request: Request) -> Call:
        client, endpoint, settings = self._client, self._endpoint, self._settings
        assert client is not None
        if self._draws:
            path, kind, content = images.body(request, endpoint.model, settings)
        else:
            fields = sampling(request, settings["tokens_field"] or endpoint.tokens_field, settings)
            if endpoint.kind == "openrouter":
                fields |= _of_openrouter(request, settings)
                fields.pop("chat_template_kwargs", None)
            fields |= self.extra_fields(request)
            path, kind = CHAT, "application/json"
            content = body(request, endpoint.model, fields)
        url, scored = endpoint.at(path), scored_options(request)
        shown = f"POST {host_of(url)}{urlsplit(url).path}"
        if endpoint.kind == "http" and "/v1" not in url:
            shown += "; most servers are at http://host:port/v1"

        async def call() -> Response:
            status, headers, answer = await client.send("POST", url, content, kind)
            if path == CHAT:
                return read(status, headers, answer, scored, shown)
            return images.read(status, headers, answer, shown)

        return call

    def extra_fields(self, request: Request) -> dict[str, Any]:
        """More fields of a request; subclasses know their server."""
        return dict(_PLAIN) if self._settings["generation_config"] == "off" else {}

    def estimate(self, request: Request) -> Estimate:
        """What ``request`` will take."""
        return estimate(request, self.price, images.MOST_TOKENS if self._draws else 0)

    @property
    def _draws(self) -> bool:
        """Whether requests go to the endpoints that draw, and not to chat completions."""
        return bool(self._settings["output"] == "image" and self._endpoint.kind != "openrouter")

    async def check_server(self) -> None:
        endpoint = self._endpoint
        if endpoint.key_path and self._settings["check_model"]:
            await self._get(endpoint.key_path)
        if endpoint.deployment:
            await self._probe_deployment()
            return
        rows = rows_of(await self._get("/models"))
        row = rows.get(self.check_name(list(rows)), {})
        self.restrict_inputs(declared_inputs(row))
        self.price = self.price or _listed(row)

    async def _get(self, path: str) -> bytes:
        """The server's page at ``path``; empty where it has no such page."""
        assert self._client is not None
        client, page = self._client, bytearray()
        check = self._settings["check_model"]

        async def call() -> Response:
            status, headers, answer = await client.send("GET", self._endpoint.at(path))
            refused = status in (401, 429) or (status == 403 and check) or 300 <= status < 400
            if refused or (status >= 500 and status != 501):
                read(status, headers, answer)
            if status < 300:
                page.extend(answer)
            return Response()

        await self.probe(call)
        return bytes(page)

    async def _probe_deployment(self) -> None:
        """Send an empty request to a deployment, which refuses it at no cost if it exists."""
        assert self._client is not None
        client, endpoint, status = self._client, self._endpoint, 0

        async def call() -> Response:
            nonlocal status
            status, headers, answer = await client.send("POST", endpoint.at(CHAT), b"{}")
            if status in (401, 403, 429) or 300 <= status < 400 or status >= 500:
                read(status, headers, answer)
            return Response()

        await self.probe(call)
        if status == 404 and self._settings["check_model"]:
            hint = f"{UNCHECKED} asks it all the same"
            raise HemmError(f"{self.host} has no deployment {endpoint.model!r}; {hint}")


_PLAIN = {"repetition_penalty": 1.0, "repeat_penalty": 1.0}
"""Fields that turn off a checkpoint's penalties: vLLM and SGLang read the first, llama.cpp the second."""


def plain_pair(settings: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the protocol has where ``--set generation_config=off``. Raises HemmError for another value."""
    value = settings["generation_config"]
    if value not in ("auto", "off"):
        raise HemmError(f"--set generation_config={value}: give auto or off")
    return (("generation_config", "off"),) if value == "off" else ()


def _of_openrouter(request: Request, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that OpenRouter adds to OpenAI's: cost, reasoning budget, pictures in a chat."""
    fields: dict[str, Any] = {"usage": {"include": True}}
    turned = switched(settings)
    if request.generation.thinking_budget:
        fields["reasoning"] = {"max_tokens": request.generation.thinking_budget}
    elif turned is not None:
        fields["reasoning"] = {"enabled": turned}
    if settings["output"] == "image":
        fields["modalities"] = ["image", "text"]
    return fields


def rows_of(answer: bytes) -> dict[str, Mapping[str, Any]]:
    """Name -> row of a list of models; empty if ``answer`` is no such list."""
    try:
        data = json_of(answer or b"null")
    except ValueError:
        return {}
    rows = objects_in(fields_of(data).get("data"))
    return {row["id"]: row for row in rows if isinstance(row.get("id"), str)}


def _listed(row: Mapping[str, Any]) -> Price | None:
    """The price in a row of OpenRouter's list of models, which has US dollars per token as text."""
    pricing = row.get("pricing")
    try:
        prices = [float(pricing[side]) * MILLION for side in ("prompt", "completion")] if pricing else []
    except (KeyError, TypeError, ValueError):
        return None
    sides = [price for price in map(amount_of, prices) if price is not None]
    return Price(sides[0], sides[1]) if len(sides) == 2 else None


def declared_inputs(row: Mapping[str, Any]) -> list[str]:
    """The inputs of a model according to its row in a list of models; empty if it has none."""
    inputs = fields_of(row.get("architecture")).get("input_modalities")
    if isinstance(inputs, list):
        return [word for word in inputs if isinstance(word, str)]
    vision = fields_of(row.get("capabilities")).get("vision")
    if isinstance(vision, bool):
        return ["text", "image", "audio", "video"] if vision else ["text", "audio"]
    return []
