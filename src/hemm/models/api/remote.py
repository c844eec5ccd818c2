"""Base of all served models: key, retries, limiter, capabilities and price."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from hemm.core import (
    BadData,
    Capabilities,
    HemmError,
    Identity,
    Request,
    RequestModel,
    Response,
    UnknownName,
    redact,
)
from hemm.core.outside import count_of
from hemm.core.secrets import keep_secret
from hemm.models.api.http import host_of
from hemm.models.api.limiter import Limiter
from hemm.models.batcher import failed
from hemm.models.options import ModelOptions
from hemm.models.prices import Estimate, estimate, price_of
from hemm.models.retry import CallFailed, Policy, attempts

MOST_IN_FLIGHT = 128
"""Most requests in flight with ``--concurrency auto``."""

PROBE_SECONDS = 25.0
"""Seconds for one of two attempts to look a model up, so that a dead server is told within a minute."""

UNCHECKED = "--set check_model=false"

MODALITIES = frozenset({"text", "image", "audio", "video"})

SETTINGS: dict[str, Any] = {
    "base_url": "",  # another address
    "api_key_env": "",  # the environment variable that holds the key
    "timeout": 300.0,  # seconds one attempt may take
    "max_retries": 5,  # attempts after the first
    "retry_wait": 0.5,  # seconds before the second attempt, doubled for each later one
    "max_images": "",  # most pictures in one request; 0: none; empty: any number
    "send_temperature": True,  # some reasoning models refuse the field
    "reasoning_effort": "",  # low, medium, high; empty: not sent
    "check_model": True,  # look the name up in the server's list before the run
    "prices": "",  # the user's file of prices
}
"""Settings (``--set``) of every served model, with their defaults."""

Call = Callable[[], Awaitable[Response]]


class NoServer(HemmError):
    """No server answers at an address."""


class Remote(RequestModel):
    """A served model. Its weights are unknown, so its identity is its name and the user's ``--revision``.

    Subclasses implement ``connect``, ``close``, ``check_server`` and ``prepared``. ``price`` is from the
    user's list or hemm's; None if neither has the name.
    """

    spec: str
    identity: Identity
    capabilities: Capabilities
    url: str
    """Where the server is; it may be known only once ``connect`` has started it."""
    key_names: tuple[str, ...]
    """Environment variables that may hold the key, in order."""
    key_needed: bool = True
    hasty: bool = False
    """Retry once at most, since another server can be asked."""
    elsewhere: Callable[[Request], Call] | None
    """What sends an attempt in place of ``prepared``: a client on another machine."""
    key_env: str = ""
    """The environment variable of the key, for error messages."""

    def __init__(
        self,
        spec: str,
        kind: str,
        name: str,
        settings: Mapping[str, Any],
        options: ModelOptions,
        capabilities: Capabilities,
    ) -> None:
        self.spec = spec
        self.identity = Identity(name, options.revision)
        self.price = price_of(kind, name, settings["prices"])
        self.capabilities = limited(capabilities, settings["max_images"])
        if self.price is not None and not self.price.pictures:
            self.restrict_inputs({"text", "audio", "video"})
        self._most = options.concurrency or MOST_IN_FLIGHT
        self._finds, self._free = options.concurrency == 0, options.concurrency is None
        self._settings = settings
        self._policy = Policy(
            max_retries=max(0, settings["max_retries"]),
            timeout=settings["timeout"],
            base=max(0.0, settings["retry_wait"]),
        )
        self._secrets: tuple[str, ...] = ()
        self._gate: Limiter | None = None
        self.elsewhere: Callable[[Request], Call] | None = None

    @property
    def timeout(self) -> float:
        """Seconds that one attempt may take."""
        return self._policy.timeout

    @property
    def concurrency(self) -> int:
        """Most requests in flight now: the limiter's width, once it exists."""
        return self._most if self._gate is None else min(self._most, int(self._gate.window))

    @property
    def trouble(self) -> str:
        """What the last attempt failed by; empty if it was answered."""
        return "" if self._gate is None else redact(self._gate.trouble, self._secrets)

    # for subclasses

    async def connect(self, key: str) -> None:
        """Prepare for sending."""
        raise NotImplementedError

    async def check_server(self) -> None:
        """Check before the first request that the server has this model. Raises HemmError."""

    def prepared(self, request: Request) -> Call:
        """A function that sends ``request``, once for each attempt. Raises BadData if it cannot be sent."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connections."""

    # shared

    def read_key(self) -> str:
        """The key to send: of the first of ``key_names`` that is set; empty where none is needed or set.

        Raises HemmError for one that is needed and not set, and for one that no header can carry.
        """
        keys = {name: os.environ.get(name, "").strip() for name in self.key_names}
        self.key_env = next(filter(keys.get, keys), self.key_names[0])
        key = keys[self.key_env]
        if not (key.isascii() and key.isprintable()):
            raise HemmError(f"the key in {self.key_env} holds characters that no key has")
        if not key and self.key_needed:
            raise HemmError(f"model {self.spec} needs a key: set {' or '.join(self.key_names)}")
        keep_secret(key)
        return key

    @property
    def host(self) -> str:
        """Scheme, host and port, for messages."""
        return host_of(self.url)

    async def start(self) -> None:
        """Read the key and look the model up in the server's list.

        Raises HemmError for a missing or wrong key, a missing server, or a name that is not in its list. The
        name is not checked if the server has no list, or with ``check_model=false``.
        """
        key = self.read_key()
        self._secrets = (key,) if key else ()
        self.renew()
        try:
            await self.connect(key)
            await self.check_server()
        except BaseException:
            await self.close()
            raise

    def renew(self) -> None:
        """Forget how the server answered before."""
        most = sys.maxsize if self._free else self._most
        self._gate = Limiter(most, fixed=not self._finds, timeout=self._policy.timeout)

    async def generate(self, request: Request) -> Response:
        """Send a request, with retries. A failure is in ``Response.failure``."""
        if self._gate is None:
            raise HemmError(f"model {self.spec} is not started")
        try:
            call = (self.elsewhere or self.prepared)(request)
        except (BadData, FileNotFoundError) as error:
            return failed("media", str(error), permanent=True)
        policy = self._policy
        if self.hasty:
            policy = replace(policy, max_retries=min(1, policy.max_retries))
        return self._priced(self._about_key(await attempts(policy, call, self._secrets, self._gate)))

    def estimate(self, request: Request) -> Estimate:
        """What ``request`` will take."""
        return estimate(request, self.price)

    def _about_key(self, response: Response) -> Response:
        """The response; where the server does not take the key, with the variable that holds it."""
        failure = response.failure
        if failure is None or failure.kind != "unauthorized":
            return response
        return replace(
            response, failure=replace(failure, message=f"{failure.message}; check {self._key_words}")
        )

    @property
    def _key_words(self) -> str:
        """Which environment variable the key is read from, and whether it is set."""
        if self._secrets:
            return f"the key in {self.key_env}, which is set"
        return f"{' or '.join(self.key_names)}, which is not set: no key was sent"

    def _priced(self, response: Response) -> Response:
        """The response with its cost by the price list, if the server gives none."""
        usage = response.usage
        if self.price is None or usage.cost is not None or count_of(usage.input_tokens) is None:
            return response
        assert usage.input_tokens is not None
        cost = self.price.cost(usage.input_tokens, count_of(usage.output_tokens) or 0)
        return replace(response, usage=replace(usage, cost=cost))

    async def probe(self, call: Call) -> None:
        """Make ``call`` for ``check_server``. Raises HemmError with one line; ``call`` stores what it
        learns. With ``check_model=false`` only a server that is not there is an error."""
        check = self._settings["check_model"]
        timeout = min(PROBE_SECONDS, self._policy.timeout)
        policy = replace(self._policy, max_retries=1 if check else 0, timeout=timeout, patience=10.0)
        failure, host = (await attempts(policy, call, self._secrets)).failure, self.host
        if failure is None or (not check and failure.kind != "connection"):
            return
        if failure.kind in ("connection", "timeout"):
            raise NoServer(f"no server for {self.spec} at {host}: {failure.message}; is it up?")
        asked = f"({failure.message}); {UNCHECKED} asks it all the same"
        if failure.kind in ("unauthorized", "forbidden"):
            raise HemmError(f"{host} refuses the key: check {self._key_words} {asked}")
        if failure.kind == "redirected":
            raise HemmError(f"no server for {self.spec} at {host}: {failure.message}")
        if failure.kind in ("server", "bad_response"):
            raise NoServer(f"no server for {self.spec} at {host}: is it up? {asked}")
        raise HemmError(f"{host} does not serve {self.spec} {asked}")

    def check_name(self, names: Collection[str]) -> str:
        """This model as the server's list has it (``NAME:latest`` for NAME, a pattern that fits); its own
        name where the list is empty. Raises UnknownName if it lacks this one."""
        name = self.identity.name
        if not names or name in names:
            return name
        if found := next((listed for listed in names if _fits(name, listed)), None):
            return found
        if not self._settings["check_model"]:
            return name
        hint = f"it has {', '.join(sorted(names)[:8])}" + (" ..." if len(names) > 8 else "")
        raise UnknownName(f"model of {self.host}", name, names, f"{hint}; {UNCHECKED} asks it all the same")

    def restrict_inputs(self, inputs: Collection[str]) -> None:
        """Restrict the capabilities to the inputs that the server reports for this model."""
        known = frozenset(inputs) & MODALITIES
        if known:
            can = self.capabilities
            self.capabilities = replace(can, inputs=can.inputs & (known | {"text"}))


def _fits(name: str, listed: str) -> bool:
    """Whether a server that lists ``listed`` serves ``name``.

    >>> _fits("llava", "llava:latest"), _fits("gemini-9", "models/gemini-9"), _fits("org/m", "org/*")
    (True, True, True)
    >>> _fits("llava", "llava:7b"), _fits("llava", "org/llava")
    (False, False)
    """
    plain, there = (word.removeprefix("models/").removesuffix(":latest") for word in (name, listed))
    return plain == there or ("*" in there and fnmatchcase(plain, there))


def limited(can: Capabilities, max_images: str) -> Capabilities:
    """``can`` with the user's limit of pictures in one request."""
    if not max_images:
        return can
    if not max_images.isdecimal():
        raise HemmError(f"--set max_images={max_images}: give a whole number")
    most = int(max_images)
    if most == 0:
        return replace(can, inputs=can.inputs - {"image"})
    return replace(can, max_images=most if can.max_images is None else min(most, can.max_images))


def not_an_answer(what: str, error: Exception | str) -> CallFailed:
    """The failure, to be retried, of an attempt whose reply is not an answer."""
    return CallFailed("bad_response", redact(f"{what}: {error}"))
