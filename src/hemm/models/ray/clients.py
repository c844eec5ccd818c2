"""A served model that is asked from several nodes: limiter, retries and budget stay in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from hemm.core import HemmError, Model, Request, RequestModel, Response
from hemm.models.api.remote import MOST_IN_FLIGHT, Call, Remote
from hemm.models.options import ModelOptions
from hemm.models.prices import Estimate, Price
from hemm.models.process import frames
from hemm.models.process.child import ProcessEnded
from hemm.models.process.crew import ByCrew, Crew, Replica
from hemm.models.process.replicas import start_message
from hemm.models.ray import cluster
from hemm.models.ray.actors import ActorTransport, Nodes, Share
from hemm.models.retry import CallFailed


def on_nodes(model: Model, options: ModelOptions, share: Share) -> Model:
    """``model``, asked from the nodes of a cluster. Raises HemmError for one that has no single server."""
    if not isinstance(model, Remote):
        raise HemmError(f"--ray: model {model.spec} is not asked from several nodes: leave --ray out")
    if urlsplit(model.spec).username:
        raise HemmError(
            "--ray: the address holds a name and a password, which would be told to Ray: give the key as "
            "HEMM_API_KEY in the environment of the nodes"
        )
    return OnNodes(model, options, share)


class ClientNodes(Nodes):
    """The site of clients: one on each node that has a CPU for it."""

    actor = "client_host:ClientHost"

    def __init__(self, share: Share) -> None:
        super().__init__(replace(share, gpus=0.0, mixed=True))

    def transports(self) -> Sequence[ActorTransport]:
        return [ActorTransport(self, node) for node in self._able()[: self._share.count or None]]

    def expects_more(self, running: int) -> bool:
        return len(self._able()) > running

    def _able(self) -> list[str]:
        """Ids of the nodes that have a CPU for a client."""
        has = [node for node in cluster.nodes() if node["Resources"].get("CPU", 0) >= self.bundle["CPU"]]
        return sorted(node["NodeID"] for node in has)


class OnNodes(ByCrew, RequestModel):
    """A served model whose attempts are made by clients on several nodes.

    One limiter, one retry policy and one budget hold for all, since they are here. An attempt goes to the
    client that has the fewest; those of one that is gone are made again by another.
    """

    spec: str

    def __init__(self, model: Remote, options: ModelOptions, share: Share) -> None:
        self._model: Remote = model
        self._options, self.spec = options, model.spec
        self._crew = Crew(ClientNodes(share), self.spec)
        self._waiting: dict[Replica, int] = {}
        self._changed = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        model.elsewhere = self._call

    @property
    def concurrency(self) -> int:
        return self._model.concurrency

    @property
    def trouble(self) -> str:
        return self._model.trouble

    @property
    def price(self) -> Price | None:
        return self._model.price

    def news(self) -> Sequence[str]:
        return [*self._model.news(), *self._crew.news()]

    def estimate(self, request: Request) -> Estimate:
        """What ``request`` will take."""
        return self._model.estimate(request)

    async def start(self) -> None:
        """Look the model up from here, then from every node. Raises HemmError."""
        await self._model.start()
        message = start_message(self.spec, self.identity, self._options)
        message["timeout"] = self._model.timeout
        await self._crew.start(message, self.identity)
        self._threads = ThreadPoolExecutor(2 * MOST_IN_FLIGHT, "hemm-ray")

    async def close(self) -> None:
        """End all clients at once."""
        await self._crew.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        await self._model.close()

    async def generate(self, request: Request) -> Response:
        """Send a request by a client, with retries. A failure is in ``Response.failure``."""
        return await self._model.generate(request)

    def _call(self, request: Request) -> Call:
        async def call() -> Response:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._attempt, request)

        return call

    def _attempt(self, request: Request) -> Response:
        """One attempt, by a client. Raises CallFailed."""
        batch, media = frames.requests_out([request])
        client = self._take()
        try:
            reply, drawn = client.exchange({"batch": batch}, media)
        except (ProcessEnded, HemmError) as ended:
            self._lost(client, ended)
            raise CallFailed("connection", f"its client's node {ended}") from None
        finally:
            with self._changed:
                self._waiting[client] -= 1
        if "call_failed" in reply:
            raise CallFailed(**reply["call_failed"])
        self._crew.answered()
        (response,) = frames.responses_in(reply["answers"], drawn)
        return response

    def _take(self) -> Replica:
        """The client with the fewest attempts under way. Raises CallFailed where there is none."""
        with self._changed:
            there = self._crew.free
            if not there:
                raise CallFailed("connection", f"no client is there: {self._crew.why}")
            client = min(there, key=lambda replica: self._waiting.get(replica, 0))
            self._waiting[client] = self._waiting.get(client, 0) + 1
            return client

    def _lost(self, client: Replica, ended: Exception) -> None:
        with self._changed:  # of many attempts that end with it, the first one tells
            if self._crew.withdraw(client):
                known = ended if isinstance(ended, ProcessEnded) else ProcessEnded(str(ended))
                self._crew.again(client, known)
