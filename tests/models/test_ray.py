"""``--ray``: replicas on the nodes of a real cluster give the results of one process, whatever becomes of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fake import picture
from hemm.cli import status
from hemm.models.specs import MODELS
from hemm.results.read import cells

pytest.importorskip("ray", reason="pip install 'hemm[ray]'")

STORE = 80 << 20


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
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A cluster of three nodes, two of which have a CPU; their processes find ``plugged`` and this hemm."""
    folder = tmp_path_factory.mktemp("ray")
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

        head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, object_store_memory=STORE)
            yield cluster, place
        finally:
            hemm_cluster.disconnect()
            cluster.shutdown()
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


def words(started: tuple[Any, Path], out: str, *more: str, model: str = "plugged") -> list[str]:
    return ["run", model, "--task", "./mine", "--out", out, "--ray", started[0].address, *more]


def local(out: str, *more: str, model: str = "plugged") -> list[str]:
    return ["run", model, "--task", "./mine", "--out", out, *more]


def parts(out: str) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in Path(out).rglob("part-*.parquet")}
    assert found
    return found


def setup(out: str) -> dict[str, Any]:
    (cell,) = cells(Path(out))
    return cell.run["commands"][-1]["setup"]  # type: ignore[no-any-return]


def test_the_parts_are_those_of_this_machine(started: tuple[Any, Path], place: Place) -> None:
    assert status(local("one")) == 0
    (place / "asked").unlink()
    t = time.time()
    assert status(words(started, "ray")) == 0
    print("took", time.time() - t)
    assert parts("ray") == parts("one")
    found = setup("ray")
    print(found)
    assert found["replicas"] == 2
