"""``--ray``: the nodes of a real cluster give the results of one process, whatever becomes of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake import picture
from hemm.cli import status
from hemm.core import HemmError
from hemm.models.specs import MODELS
from hemm.results.read import cells
from servers import ChatServer

pytest.importorskip("ray", reason="pip install 'hemm[ray]'")

NODE = {"object_store_memory": 80 << 20}


class Place:
    """The folder that the plugged model of ``replica_plugin`` looks at, in every process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        path = self.folder / "asked"
        lines = (line.split() for line in path.read_text().splitlines()) if path.exists() else ()
        return [(pid, tuple(ids)) for pid, *ids in lines]


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[Any, Path]]:
    """A cluster of three nodes, two of which have a CPU; their processes find ``plugged`` and this hemm."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # addresses of sockets are at most 107 bytes
    package = folder / "package"
    (package / "plugged-1.dist-info").mkdir(parents=True)
    (package / "plugged-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: plugged\nVersion: 1\n"
    )
    (package / "plugged-1.dist-info" / "entry_points.txt").write_text(
        "[hemm.models]\nplugged = replica_plugin:open_plugged\n"
    )
    place = folder / "place"
    place.mkdir()
    source = [str(package), *(path for path in sys.path if path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package))
        patch.setenv("PYTHONPATH", os.pathsep.join(source))
        patch.setenv("HEMM_TEST_FOLDER", str(place))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("TMPDIR", str(folder))
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setattr(MODELS, "_plugins", None)
        sys.modules.pop("replica_plugin", None)
        from hemm.models.ray import cluster as hemm_cluster

        hemm_cluster.ray_module()
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False, **NODE}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, **NODE)
            yield cluster, place
        finally:
            hemm_cluster.disconnect()
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
    MODELS._plugins = None


@pytest.fixture
def place(started: tuple[Any, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Sixty questions on twenty pictures in ./mine."""
    monkeypatch.chdir(tmp_path)
    for left in started[1].iterdir():
        left.unlink()
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(60):
        (folder / f"{n // 3}.png").write_bytes(picture(n // 3).data)
        question = f"Red {n}? {'Think. ' * (n * 37 % 11)}"
        rows.append({"id": f"q{n}", "image": f"{n // 3}.png", "question": question, "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return Place(started[1])


def address(started: tuple[Any, Path]) -> str:
    """The head's, which listens on all of this machine's addresses."""
    return f"127.0.0.1:{started[0].address.rpartition(':')[2]}"


def words(started: tuple[Any, Path], out: str, *more: str, model: str = "plugged") -> list[str]:
    return ["run", model, "--task", "./mine", "--out", out, "--ray", address(started), *more]


def local(out: str, *more: str, model: str = "plugged") -> list[str]:
    return ["run", model, "--task", "./mine", "--out", out, *more]


def parts(out: str) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in Path(out).rglob("part-*.parquet")}
    assert found
    return found


def setup(out: str) -> dict[str, Any]:
    (cell,) = cells(Path(out))
    return cell.run["commands"][-1]["setup"]  # type: ignore[no-any-return]


def host_of(pid: str) -> int:
    """The actor above a process of the model: its guard's parent."""
    for _ in range(2):
        pid = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    return int(pid)


def gone(pids: set[str]) -> bool:
    """Whether none of these processes is left, now or within the guard's few moments."""
    for _ in range(2400):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


def wait_for(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_parts_are_those_of_this_machine_and_media_cross_once_a_node(
    started: tuple[Any, Path],
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status(local("one")) == 0
    assert status(words(started, "pack")) == 0
    assert parts("pack") == parts("one")
    found = setup("pack")
    assert (found["replicas"], found["restarts"], len(found["nodes"])) == (2, 0, 2)
    assert [node["media_sent"] for node in found["nodes"]] == [0, 0]  # they read the pack itself
    (cell,) = cells(Path("pack"))
    gave = Counter(cell.calls()["node"].to_pylist())
    assert sorted(gave) == [node["node"] for node in found["nodes"]]
    assert {p["node"]: p["answers"] for p in cell.run["places"]} == gave
    assert "2 nodes, 2 of 2 replicas" in capsys.readouterr().err

    (place / "asked").unlink()
    monkeypatch.setattr("hemm.models.ray.actors.Nodes.reads", lambda self, pack: None)
    assert status(words(started, "sent", "--replica-cpus", "0.5")) == 0  # two processes on each node
    assert parts("sent") == parts("one")
    found = setup("sent")
    assert (found["replicas"], len(found["nodes"])) == (4, 2)
    pictures: dict[str, set[int]] = {}
    for pid, ids in place.asked():
        node = (place / f"node-{pid}").read_text()
        pictures.setdefault(node, set()).update(int(name[1:]) // 3 for name in ids)
    sent = {node["node"]: node["media_sent"] for node in found["nodes"]}
    assert sent == {node: len(seen) for node, seen in pictures.items()}


@pytest.mark.full
def test_the_bundled_checkpoint_on_two_nodes(started: tuple[Any, Path], place: Place) -> None:
    torch = pytest.importorskip("torch")
    more, before = ("--batch-size", "4", "--limit", "16"), torch.get_num_threads()
    torch.set_num_threads(1)  # as the nodes have: rounding follows the number of threads
    try:
        assert status(local("one", *more, model="tiny")) == 0
    finally:
        torch.set_num_threads(before)
    assert status(words(started, "ray", *more, model="tiny")) == 0
    assert parts("ray") == parts("one")
    assert status(local("one", model="baseline/majority")) == 0
    assert status(words(started, "ray", model="baseline/majority")) == 0
    assert parts("ray") == parts("one")


def test_whatever_is_lost_every_sample_is_asked_once(
    started: tuple[Any, Path],
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A third replica that never comes up, a process that is killed, an actor that is killed, a node that is
    gone; another node comes later."""
    cluster = started[0]
    assert status(local("one")) == 0
    (place / "asked").unlink()
    (place / "kill").write_text("q17")
    (place / "slow").write_text("0.7")
    run = subprocess.Popen(
        [sys.executable, "-m", "hemm.cli", *words(started, "ray", "--replicas", "3")],
        env={**os.environ, "HEMM_RAY_WAIT": "9"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    # not over the batch that ended a process already: after two it is halved
    wait_for(lambda: (place / "killed").exists() and "q17" not in place.asked()[-1][1])
    os.kill(host_of(place.asked()[-1][0]), signal.SIGKILL)
    before = len(place.asked())
    wait_for(lambda: len(place.asked()) > before + 1)
    node = (place / f"node-{place.asked()[-1][0]}").read_text()
    lost = next(n for n in cluster.worker_nodes if n.node_id == node)
    cluster.remove_node(lost, allow_graceful=False)
    cluster.add_node(num_cpus=1, **NODE)
    told = run.communicate(timeout=200)[1]
    assert run.returncode == 0, told
    assert parts("ray") == parts("one")
    assert "2 of 3 replicas came up (each wants 1 CPU, and the cluster has " in told
    assert "was ended by SIGKILL: another one is asked" in told
    assert "was ended by SIGKILL, or crashed: another one is asked" in told
    assert "is not reached any more: another one" in told or "is lost with its node: another one" in told
    assert setup("ray")["restarts"] == 3


def test_a_driver_that_is_killed_goes_on_and_leaves_no_process(
    started: tuple[Any, Path], place: Place
) -> None:
    assert status(local("one")) == 0
    (place / "asked").unlink()
    (place / "slow").write_text("0.3")
    run = subprocess.Popen(
        [sys.executable, "-m", "hemm.cli", *words(started, "ray")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(place.asked()) > 5)
    run.send_signal(signal.SIGKILL)
    assert run.wait(60) == -signal.SIGKILL
    before = place.asked()
    assert gone({pid for pid, _ in before})
    assert status(words(started, "ray")) == 0
    assert parts("ray") == parts("one")
    times = Counter(ids for _, ids in place.asked())
    assert len(times) == 15
    assert max(times.values()) <= 2  # at most what was in flight, and lines that the disk did not have yet


def test_a_served_model_has_several_clients_and_one_limit_and_budget(
    started: tuple[Any, Path], place: Place, tmp_path: Path
) -> None:
    prices = tmp_path / "prices.toml"
    row = 'names = ["m"]\ninput = 1.0\noutput = 1.0\npicture = { rule = "fixed", tokens = 9 }\n'
    prices.write_text(f"[http]\n[[http.models]]\n{row}")
    more = ("--concurrency", "4", "--set", f"prices={prices}", "--set", "max_new_tokens=1")
    with ChatServer(latency=0.02) as server:
        assert status(local("one", *more, model=server.spec())) == 0
        server.most_in_flight, alone = 0, server.connections
        assert status(words(started, "ray", *more, "--max-cost", "100", model=server.spec())) == 0
        assert parts("ray") == parts("one")
        assert 1 < server.most_in_flight <= 4
        assert server.connections > alone + 2
        found = setup("ray")
        assert (found["replicas"], [node["starts"] for node in found["nodes"]]) == (2, [1, 1])
        (cell,) = cells(Path("ray"))
        whole = cell.run["cost"]
        less = ("--max-cost", str(whole / 2))
        assert status(words(started, "few", *more, *less, model=server.spec())) == 3
        (cell,) = cells(Path("few"))
        assert 20 < cell.answers().num_rows <= 30


def test_nothing_of_hemm_is_pickled_and_nothing_is_told(started: tuple[Any, Path], place: Place) -> None:
    import ray

    from hemm.models.ray import cluster
    from hemm.models.ray.actors import Nodes, Share

    before = signal.getsignal(signal.SIGTERM)
    site = Nodes(Share(address(started), 1))
    (transport, *_) = site.open()
    try:
        assert signal.getsignal(signal.SIGTERM) is before
        transport.open()
        reply, _ = transport.exchange({"spec": "plugged", "options": {"settings": []}})
        assert reply["ready"] == ["plugged", "1"]
        gcs = ray._private.worker.global_worker.gcs_client
        assert gcs.internal_kv_keys(b"", b"fun") == []  # where Ray puts pickled functions and classes
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert not cluster.connect(address(started))  # it is connected
    finally:
        transport.kill()
        site.close()


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("tiny", "--ray tiny is no address: give HOST:PORT"),
        ("ray://head:10001", "the command runs on a node of the cluster"),
        ("127.0.0.1:1", "--ray 127.0.0.1:1: no cluster is there"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_line(
    address: str,
    line: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(["run", "tiny", "--task", "probe_shapes", "--ray", address]) == 2
    errors = [t for t in capfd.readouterr().err.splitlines() if t.startswith("hemm: ")]
    assert len(errors) == 1
    assert line in errors[0]


def test_another_version_than_the_cluster_s_is_one_line(
    started: tuple[Any, Path],
    place: Place,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ray.__version__", "1.0.0")
    assert status(words(started, "out")) == 2
    (line,) = (t for t in capfd.readouterr().err.splitlines() if t.startswith("hemm: "))
    assert "Version mismatch" in line
    assert "Ray: 1.0.0" in line
    assert line.endswith("install the versions of the cluster here")


def test_a_key_on_the_command_line_is_not_told_to_ray(
    started: tuple[Any, Path],
    place: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["hemm", "run", "--set", "api_key=sk-abcdefghijklmnopqrstuvwx"])
    assert status(words(started, "out")) == 2
    assert "the command line holds a key" in capsys.readouterr().err


def test_nodes_with_different_accelerators_are_refused_unless_allowed() -> None:
    from hemm.models.ray.actors import Nodes, Share

    places = [
        {"node": str(n), "host": f"h{n}", "accelerator": name}
        for n, name in enumerate(("A100", "A100", "L4"))
    ]
    told = Nodes(Share("auto")).refuses(places)
    assert "A100: h0, h1; L4: h2" in told
    assert "--mixed-hardware" in told
    assert not Nodes(Share("auto")).refuses(places[:2])
    assert not Nodes(Share("auto", mixed=True)).refuses(places)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("--set", "device=cuda:1"), "each replica has GPUs of its own"),
        (("--replica-gpus", "4"), "--set device_map=auto spreads it"),
        (("--replica-gpus", "0", "--replica-cpus", "0"), "has no place"),
        (("--serve", "vllm"), "--serve"),
    ],
)
def test_what_does_not_go_with_a_cluster_is_one_line(
    more: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["run", "tiny", "--task", "probe_shapes", *more, "--ray"]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_a_node_without_hemm_is_named() -> None:
    """As Ray tells of an actor whose class its node cannot import."""
    from hemm.models.ray.actors import ActorTransport, Nodes, Share

    dead = (
        "The actor died unexpectedly before finishing this task.\n\tclass_name: Host\n\tip: 10.0.0.7\n"
        "The actor is dead because its worker process has died. Traceback (most recent call last):\n"
        "ModuleNotFoundError: No module named 'hemm'\n"
        "An unexpected internal error occurred while the worker was executing a task."
    )
    transport = ActorTransport(Nodes(Share("auto")))
    transport._actor = object()
    with pytest.raises(HemmError, match=r"^10\.0\.0\.7 cannot load hemm \(No module named 'hemm'\): install"):
        transport._ended(RuntimeError(dead))


def test_a_program_that_is_connected_elsewhere_is_told(
    started: tuple[Any, Path],
) -> None:
    from hemm.models.ray import cluster

    assert cluster.connect(address(started))
    try:
        assert not cluster.connect(address(started))
        with pytest.raises(HemmError, match=r"connected to the cluster at .*: give that address"):
            cluster.connect("192.0.2.77:6379")
    finally:
        cluster.disconnect()
