"""How a run on a cluster begins: addresses that are none, places that come late, models that load long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hemm.cli import status
from hemm.core import HemmError, Identity, Media
from hemm.models.process.child import ProcessEnded
from hemm.models.process.crew import Crew
from hemm.models.process.transport import Reply
from hemm.models.ray import cluster
from hemm.models.ray.actors import ActorTransport, Nodes, Share

pytest.importorskip("ray", reason="pip install 'hemm[ray]'")


class Slow:
    """A transport that has a place, or waits for one, while its model takes ``seconds``."""

    place: Mapping[str, Any] = {"node": "n", "host": "h"}

    def __init__(self, placed: bool, seconds: float, failed: str = "") -> None:
        self.placed, self._seconds, self._killed = placed, seconds, threading.Event()
        self._failed = failed

    def open(self) -> None:
        return

    def exchange(self, message: Mapping[str, Any], media: Sequence[Media] = ()) -> Reply:
        self._killed.wait(self._seconds)
        if self._failed:
            return {"failed": self._failed}, []
        return {"ready": ["m", "1"], "accelerator": "A"}, []

    def finish(self) -> None:
        return

    def kill(self) -> None:
        self._killed.set()


def crew(monkeypatch: pytest.MonkeyPatch, *transports: Slow) -> Crew:
    monkeypatch.setattr("hemm.models.process.crew.LOOK_SECONDS", 0.05)
    monkeypatch.setenv("HEMM_RAY_WAIT", "0.1")
    site = Nodes(Share("auto", len(transports)))
    monkeypatch.setattr(site, "open", lambda: transports)
    monkeypatch.setattr(site, "wants", lambda: "each wants 1 CPU")
    return Crew(site, "m")


async def started(crew: Crew) -> tuple[int, Sequence[str]]:
    """How many replicas the run began with, and what it told."""
    await crew.start({}, Identity("m", "1"))
    found = len(crew.free), crew.news()
    await crew.close()
    return found


def test_a_model_that_loads_for_longer_than_room_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    count, (told,) = asyncio.run(started(crew(monkeypatch, Slow(True, 0.6), Slow(False, 60))))
    assert count == 1
    assert told.startswith("1 of 2 replicas came up (each wants 1 CPU)")


def test_where_nobody_has_room_the_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with pytest.raises(HemmError, match=r"^none of 2 replicas came up \(each wants 1 CPU\)"):
        asyncio.run(started(crew(monkeypatch, Slow(False, 60), Slow(False, 60))))
    assert time.monotonic() - began < 30


def test_a_node_that_lacks_the_model_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HemmError, match=r"^model m, process 1 of 1 on h: /models/m is not there$"):
        asyncio.run(started(crew(monkeypatch, Slow(True, 0, "/models/m is not there"))))


def test_a_node_whose_actor_cannot_begin_is_named() -> None:
    """As Ray tells of a constructor that raises."""

    class Died(Exception):
        actor_init_failed = True

    transport = ActorTransport(Nodes(Share("auto")))
    transport._actor = object()
    told = Died("The actor died\n\tip: 10.0.0.7\nPermissionError: [Errno 13] Permission denied: '/tmp/x'")
    with pytest.raises(HemmError, match=r"^10\.0\.0\.7 cannot start a replica: PermissionError: .*'/tmp/x'$"):
        transport._ended(told)


@pytest.mark.parametrize("named", ["ten", "-1", "nan"])
def test_a_wait_that_is_no_number_is_one_line(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMM_RAY_WAIT", named)
    with pytest.raises(HemmError, match=f"HEMM_RAY_WAIT is '{named}': it is a number of seconds"):
        Nodes(Share("auto")).open()


def test_what_is_waited_for_is_told_with_the_nodes_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As where all nodes are gone, and answers come when one is back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hemm.engine.pipeline.HEARTBEAT", 0.2)
    Path("m.py").write_text(
        "import time\nfrom hemm.core import BatchModel, Capabilities, Identity, Response\n"
        "class M(BatchModel):\n"
        "    spec, identity, capabilities = 'm', Identity('m', '1'), Capabilities()\n"
        "    batch_size, at_work = 8, '0 nodes, 0 of 2 replicas'\n"
        "    def __init__(self, spec, options): pass\n"
        "    def generate_batch(self, requests): time.sleep(0.7); return [Response('no') for _ in requests]\n"
    )
    assert status(["run", "./m.py:M", "--task", "probe_shapes", "--limit", "1", "--out", "out"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "waiting for 1 answer" in line]
    assert told
    assert all(line.endswith(" s; 0 nodes, 0 of 2 replicas") for line in told)


def test_a_batch_that_the_full_disk_of_this_node_refuses_is_lost_and_no_request_is_to_blame() -> None:
    from ray.exceptions import OutOfDiskError

    class Ask:
        def remote(self, *given: Any) -> None:
            raise OutOfDiskError

    transport = ActorTransport(Nodes(Share("auto")))
    with pytest.raises(ProcessEnded, match=r"^is lost: .*disk") as found:
        transport._get(Ask(), {})
    assert found.value.lost


@pytest.fixture
def web_server() -> Iterator[str]:
    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_port_of_something_else_is_one_line_at_once(web_server: str) -> None:
    """As that of a dashboard: Ray itself tried it for more than five minutes."""
    with pytest.raises(HemmError, match="what listens there is no head of a Ray cluster"):
        cluster.connect(web_server)


def test_a_dashboard_s_address_is_no_cluster_s() -> None:
    with pytest.raises(HemmError, match=r"--ray http://127.0.0.1:8265 is no address: give HOST:PORT"):
        cluster.check_address("http://127.0.0.1:8265")
