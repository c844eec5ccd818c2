"""The Ray cluster of ``--ray``: connecting, what its nodes have, and places for replicas on them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hemm.core import HemmError, MissingExtra, redact
from hemm.core.text import counted

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_DEDUP_LOGS_SKIP_REGEX": "(?s).*",  # what nodes print stays in their logs, and out of stdout here
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # an actor without GPUs leaves CUDA_VISIBLE_DEVICES as it is
}
"""Environment variables of Ray, where the user has not set them."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
LOOK_SECONDS = 10.0
"""Seconds for the head of the cluster to be reached, and for it to answer."""
_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The head of the frame with which both sides of HTTP/2, so of gRPC, begin; its fourth byte is its type."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS


def ray_module() -> Any:
    """The package ``ray``, imported. Raises MissingExtra."""
    if find_spec("ray") is None:
        raise MissingExtra("--ray", "ray")
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def check_address(address: str) -> None:
    """Raise HemmError for what is no address: ``auto`` or HOST:PORT."""
    host, _, port = address.rpartition(":")
    if address.startswith("ray://"):
        raise HemmError(
            f"--ray {redact(address)}: the command runs on a node of the cluster (ray job submit, or a shell "
            "there); give HOST:PORT of its head, or auto"
        )
    if address != "auto" and not (host and port.isdecimal() and "/" not in host):
        raise HemmError(
            f"--ray {redact(address)} is no address: give HOST:PORT of the cluster's head, or auto "
            "(--ray as the last word means auto)"
        )


def connect(address: str) -> bool:
    """Connect this process to the cluster; whether it was not connected before.

    Raises HemmError where there is none, where its Ray or Python is another, and where the command line,
    which Ray shows as the job's entry point, holds a key.
    """
    check_address(address)
    if any(redact(word) != word for word in sys.orig_argv):
        raise HemmError(
            "--ray: the command line holds a key, which Ray shows to everybody: set it in the environment"
        )
    ray = ray_module()
    if ray.is_initialized():
        _check_same(address, ray.get_runtime_context().gcs_address)
        return False
    from ray.job_config import JobConfig

    _look(address)
    try:
        with _own_signals():
            ray.init(
                address=address,
                namespace="hemm",
                log_to_driver=False,
                logging_level=logging.ERROR,
                configure_logging=False,
                # a search path makes Ray load classes by name on the nodes, and pickle none
                job_config=JobConfig(code_search_path=[os.path.dirname(os.path.abspath(__file__))]),
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        ray.shutdown()  # it may have got half the way
        why = " ".join(str(error).split())
        if "Version mismatch" in why:
            why = f"{why}: install the versions of the cluster here"
        raise HemmError(f"--ray {redact(address)}: {redact(why)[:400]}") from None
    return True


def _check_same(address: str, connected: str) -> None:
    """Raise HemmError where the program is connected to another cluster than ``address``.

    Hosts have several names, and no two clusters of one host the same port.
    """
    host, _, port = address.rpartition(":")
    ours, _, there = connected.rpartition(":")
    if host and (port != there or not _same_host(host.strip("[]"), ours.strip("[]"))):
        raise HemmError(
            f"--ray {redact(address)}: this program is connected to the cluster at {connected}: give that "
            "address or auto, or call ray.shutdown() first"
        )


def _same_host(host: str, other: str) -> bool:
    """Whether both name one machine; of this one's loopback, whether the other is an address of it."""
    if host in _LOOPBACK:
        with suppress(OSError), socket.socket(socket.AF_INET6 if ":" in other else socket.AF_INET) as own:
            own.bind((other, 0))  # which no machine does with the address of another
            return True
    found = []
    for name in (host, other):
        with suppress(OSError):
            found.append({each[4][0] for each in socket.getaddrinfo(name, None)})
    return len(found) == 2 and not found[0].isdisjoint(found[1])


def _look(address: str) -> None:
    """Raise HemmError where no cluster listens at the address: Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK_SECONDS) as there:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return
            there.sendall(_GREETING)
            reply = there.recv(len(_SETTINGS), socket.MSG_WAITALL)
    except (OSError, OverflowError) as error:
        raise HemmError(f"--ray {redact(address)}: no cluster is there ({error})") from None
    if reply[3:4] != _SETTINGS[3:4]:
        raise HemmError(
            f"--ray {redact(address)}: what listens there is no head of a Ray cluster, whose port is usually "
            "6379 (a dashboard has 8265)"
        )


@contextmanager
def _own_signals() -> Iterator[None]:
    """SIGTERM ends this process as before: Ray sets a handler of its own, which ends it without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def found() -> str:
    """What cluster this machine knows of, in words. Connects to none, and imports no Ray."""
    named = os.environ.get("RAY_ADDRESS", "")
    folder = Path(os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray" / "ray_current_cluster"
    try:
        address = named or folder.read_text("utf-8", "replace").strip()
    except OSError:
        address = ""
    if not address:
        return "no cluster is known here (ray start, or RAY_ADDRESS)"
    whose = "RAY_ADDRESS" if named else "the node that runs here"
    if named.startswith("ray://"):
        return f"{redact(address)} (RAY_ADDRESS): give HOST:PORT of the head instead"
    try:
        _look(address)
    except (HemmError, ValueError) as error:
        return redact(f"{address} ({whose}) is not reached: {error}")
    return f"a cluster answers at {redact(address)} ({whose})"


def disconnect() -> None:
    """Leave the cluster: actors and places of this process end."""
    ray = ray_module()
    if ray.is_initialized():
        ray.shutdown()


def nodes() -> list[dict[str, Any]]:
    """The nodes that are alive, as Ray tells them."""
    return [node for node in ray_module().nodes() if node["Alive"]]


def room(cpus: float, gpus: float) -> int:
    """How many replicas the nodes have room for in all, others' work not counted."""
    wants = {name: amount for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount}
    found = [node["Resources"] for node in nodes()]
    return sum(min(int(has.get(name, 0) / amount) for name, amount in wants.items()) for has in found)


def any_gpu() -> bool:
    """Whether a node has a GPU."""
    return any(node["Resources"].get("GPU") for node in nodes())


def described() -> str:
    """The nodes in words, as in ``2 nodes of 8 CPU and 1 GPU, 1 node of 4 CPU``."""
    kinds = Counter(resources(node["Resources"]) for node in nodes())
    return ", ".join(f"{counted(count, 'node')} of {kind}" for kind, count in sorted(kinds.items()))


def free() -> str:
    """What of the CPUs and GPUs nobody uses, in words with their verb."""
    found = resources(ray_module().available_resources())
    return f"{found} {'is' if found in ('nothing', '1 CPU', '1 GPU') else 'are'}"


def has_room(group: Any) -> bool:
    """Whether the cluster keeps the place of this placement group."""
    from ray.util.placement_group import placement_group_table

    return bool(placement_group_table(group).get("state") == "CREATED")


def resources(found: Mapping[str, float]) -> str:
    """CPUs and GPUs in words."""
    words = [f"{found[name]:g} {name}" for name in ("CPU", "GPU") if found.get(name)]
    return " and ".join(words) or "nothing"


def gpu_type(node_id: str) -> str:
    """The type of a node's GPUs as Ray has it; empty where it has none."""
    has = next((list(node["Resources"]) for node in nodes() if node["NodeID"] == node_id), [])
    return next((name.partition(":")[2] for name in has if name.startswith("accelerator_type:")), "")


def is_alive(node_id: str) -> bool:
    """Whether the node is there still, as far as the cluster knows."""
    return any(node["NodeID"] == node_id for node in nodes())
