"""Replicas on the nodes of a Ray cluster: one actor in a placement group of its own for each."""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

from hemm.core import BadData, HemmError, Media, Pack, redact
from hemm.core.text import counted
from hemm.models.process import frames
from hemm.models.process.child import GRACE_SECONDS, ProcessEnded
from hemm.models.process.sites import unlike
from hemm.models.process.transport import Reply, Transport
from hemm.models.ray import cluster
from hemm.models.ray.media import Filling, record

WAIT = 120.0
"""Seconds for which the start waits for room for all replicas; ``HEMM_RAY_WAIT`` is another number."""
_PAUSE = 1.0
"""Seconds between a place that is lost and the next attempt to have one."""
_IMPORT = re.compile(r"^(?:ImportError|ModuleNotFoundError): (.+)$", re.M)
_IP = re.compile(r"^\s*ip: (\S+)", re.M)
"""In what Ray says of an actor that is dead: why hemm was not loaded, and where."""
_PASSED_ON = ("HEMM_PICTURE_LIMIT",)
"""Environment variables that replicas get from here: all others are the business of ``runtime_env``."""


@dataclass(frozen=True)
class Share:
    """What a run wants of the cluster.

    address     ``auto`` or HOST:PORT
    count       replicas; 0: as many as the nodes have room for
    cpus, gpus  of one replica; None: one CPU, and one GPU where the cluster has any
    mixed       nodes with different accelerators may answer together
    """

    address: str
    count: int = 0
    cpus: float | None = None
    gpus: float | None = None
    mixed: bool = False


class Nodes:
    """The site of replicas on a cluster.

    actor  file in this folder and name of the class that runs on the nodes. An import would make a circle,
           since it makes models
    """

    actor = "host:Host"

    def __init__(self, share: Share) -> None:
        self.count = share.count
        self._share, self._connected = share, False
        self._fillings: defaultdict[str, Filling] = defaultdict(Filling)
        self._actors: list[ActorTransport] = []
        self.bundle: dict[str, float] = {}
        self.run = ""
        self.pack: tuple[str, str] | None = None

    @property
    def patience(self) -> float:
        named = os.environ.get("HEMM_RAY_WAIT") or str(WAIT)
        with suppress(ValueError):
            if (seconds := float(named)) >= 0:
                return seconds
        raise HemmError(f"HEMM_RAY_WAIT is {named!r}: it is a number of seconds, as in 600")

    def reads(self, pack: Pack) -> None:
        """Samples of ``pack`` are asked next: nodes that can read it take their media from there."""
        path = getattr(pack, "path", None)
        self.pack = None if path is None else (str(path.resolve()), pack.hash)

    def open(self) -> Sequence[Transport]:
        share, _ = self._share, self.patience  # a wrong number is told before anything starts
        self._connected = cluster.connect(share.address)
        self.run = uuid.uuid4().hex[:12]
        self._fillings.clear()
        gpus = share.gpus if share.gpus is not None else float(cluster.any_gpu())
        self.bundle = {"CPU": 1.0 if share.cpus is None else share.cpus, "GPU": gpus}
        self._actors = list(self.transports())
        self.count = len(self._actors)
        if not self.count:
            raise HemmError(
                f"--ray: no node has room for a replica: {self.wants()}; in a cluster that grows, "
                "--replicas N waits for so many"
            )
        return self._actors

    def transports(self) -> Sequence[ActorTransport]:
        """The ways to all replicas, none of which is open."""
        count = self._share.count or self._room()
        return [ActorTransport(self) for _ in range(count)]

    def expects_more(self, running: int) -> bool:
        # a node that is gone may be counted for some seconds more: what was counted with it does not come
        return bool(self._share.count) or self._room() > running

    def _room(self) -> int:
        return cluster.room(self.bundle["CPU"], self.bundle["GPU"])

    def wants(self) -> str:
        there = f"{cluster.described() or 'no node'}, of which {cluster.free()} free"
        return f"each wants {cluster.resources(self.bundle)}, and the cluster has {there}"

    def refuses(self, places: Sequence[Mapping[str, Any]]) -> str:
        kinds = "" if self._share.mixed else unlike(places, "host")
        return kinds and (
            f"--ray: these nodes have different accelerators ({kinds}), and may answer differently; "
            "--mixed-hardware takes them all"
        )

    def setup(self, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        starts = Counter(place["node"] for place in places)
        by_node = {place["node"]: place for place in places}
        nodes = []
        for node, place in sorted(by_node.items()):
            sent = self._fillings[node]
            facts = {**place, "starts": starts[node], "media_sent": sent.files, "bytes_sent": sent.bytes}
            nodes.append(facts)
        return {"replicas": self.count, "resources": self.bundle, "nodes": nodes}

    def at_work(self, places: Sequence[Mapping[str, Any]]) -> str:
        return counted(len({place["node"] for place in places}), "node")

    def filling(self, node: str) -> Filling:
        """What ``node`` is sent."""
        return self._fillings[node]

    def close(self) -> None:
        for actor in self._actors:
            actor.leave()
        if self._connected:
            self._connected = False
            cluster.disconnect()


class ActorTransport:
    """The transport to a replica on some node of the cluster.

    The placement group outlives the actor, so that the next one takes its place; where its node is gone, the
    cluster looks for room on another.

    node  the id of the node where it is while that is there; empty: any, in a placement group
    """

    def __init__(self, site: Nodes, node: str = "") -> None:
        self._site, self._node = site, node
        self._actor: Any = None
        self._group: Any = None
        self.place: Mapping[str, Any] = {}

    @property
    def placed(self) -> bool:
        return bool(self.place) if self._group is None else cluster.has_room(self._group)

    def open(self) -> None:
        ray, site = cluster.ray_module(), self._site
        wants = {name: amount for name, amount in site.bundle.items() if amount}
        file, _, name = site.actor.partition(":")
        kind = getattr(import_module(f"{__package__}.{file}"), name)
        options = ray.remote(kind).options(
            num_cpus=wants.get("CPU", 0),
            num_gpus=wants.get("GPU", 0),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=self._strategy(wants),
        )
        self._actor = actor = options.remote()
        variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        place = dict(self._get(actor.open, site.run, variables))
        if wants.get("GPU"):
            place["accelerator"] = cluster.gpu_type(place["node"])
        self.place = place
        there, here = place["versions"]["hemm"], version("hemm")
        if there != here:
            raise HemmError(f"{place['host']} has hemm {there}, and here is {here}: install the same on all")

    def _strategy(self, wants: Mapping[str, float]) -> Any:
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import (
            NodeAffinitySchedulingStrategy,
            PlacementGroupSchedulingStrategy,
        )

        if self._node:
            return NodeAffinitySchedulingStrategy(self._node, soft=True)
        if self._group is None:
            self._group = placement_group([dict(wants)], strategy="STRICT_PACK")
        return PlacementGroupSchedulingStrategy(self._group, 0)

    def exchange(self, message: Mapping[str, Any], media: Sequence[Media] = ()) -> Reply:
        actor = self._actor
        if actor is None:
            raise ProcessEnded("was closed")
        filling = self._site.filling(self.place["node"])
        records = [record(m) for m in media]
        wanted: dict[str, Media] = {}
        while True:
            told = {**message, "media": records, "pack": self._site.pack}
            try:
                with filling.claim(wanted) as filled:
                    answer = self._get(actor.ask, told, filled)
            except (FileNotFoundError, BadData):
                records = [_checked(r, m, wanted) for r, m in zip(records, media, strict=True)]
                wanted = {}
                continue
            if "ended" in answer:
                why, sign = answer["ended"]
                raise ProcessEnded(why, signal=sign)
            if "wanted" not in answer:
                return answer["reply"], answer["drawn"]
            lacking = set(answer["wanted"])
            named = zip(records, media, strict=True)
            wanted = {r["digest"]: m for r, m in named if r.get("digest") in lacking}

    def finish(self) -> None:
        if (actor := self._actor) is not None:
            cluster.ray_module().wait([actor.finish.remote()], timeout=GRACE_SECONDS + 2)

    def kill(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            ray = cluster.ray_module()
            with suppress(ray.exceptions.RayError, ValueError):
                ray.kill(actor)

    def leave(self) -> None:
        """Give the place back."""
        group, self._group = self._group, None
        if group is not None:
            from ray.util.placement_group import remove_placement_group

            remove_placement_group(group)

    def _get(self, method: Any, *given: Any) -> Any:
        """What a method of the actor gives. Raises ProcessEnded where the actor is gone or is not reached,
        HemmError where the method fails."""
        ray = cluster.ray_module()
        errors = ray.exceptions
        try:
            return ray.get(method.remote(*given))
        except errors.RayTaskError as error:
            raise HemmError(f"{self.place.get('host') or error.ip}: {_line(error.cause or error)}") from None
        except errors.ActorUnavailableError:
            raise ProcessEnded("is not reached any more", lost=True) from None
        except errors.ActorDiedError as error:
            raise self._ended(error) from None
        except errors.RayError as error:
            raise ProcessEnded(f"is lost: {_line(error)}", lost=True) from None

    def _ended(self, error: Any) -> ProcessEnded:
        """How the actor came to its end."""
        if self._actor is None:
            return ProcessEnded("was closed")
        text = str(error)
        where = self.place.get("host") or "".join(_IP.findall(text)[:1]) or "a node"
        if lacking := _IMPORT.findall(text):
            raise HemmError(
                f"{where} cannot load hemm ({redact(lacking[-1])[:300]}): install on every node the hemm of "
                "here, for the Python that its Ray runs in"
            ) from None
        if getattr(error, "actor_init_failed", False):
            raise HemmError(f"{where} cannot start a replica: {_line(error)}") from None
        node = self.place.get("node", "")
        # the cluster's own word for it: that it knows of no such node may take it ten seconds more
        if "its node has died" in text or (node and not cluster.is_alive(node)):
            time.sleep(_PAUSE)
            return ProcessEnded("is lost with its node", lost=True)
        return ProcessEnded("was ended by SIGKILL, or crashed", signal="SIGKILL")


def _checked(told: dict[str, Any], media: Media, wanted: Mapping[str, Media]) -> dict[str, Any]:
    """The record of a medium that the node wants: with the error, where its bytes cannot be read."""
    if told.get("digest") not in wanted:
        return told
    found = frames.media_out(media, [])
    return found if "lacking" in found else told


def _line(error: BaseException) -> str:
    """The last line of what an error of Ray says, which is that of its cause."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    return redact(lines[-1] if lines else type(error).__name__)[:300]
