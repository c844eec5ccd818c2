"""``--replicas``: several processes give the results of one, whatever becomes of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake import picture
from hemm.cli import status
from hemm.core import (
    BadData,
    Failure,
    Generation,
    HemmError,
    Media,
    Message,
    Request,
    Response,
    Usage,
)
from hemm.models import ModelOptions, resolve
from hemm.models.hf.adapter import HFModel
from hemm.models.process import replicas
from hemm.models.process.frames import (
    media_in,
    media_out,
    requests_in,
    requests_out,
    responses_in,
    responses_out,
)
from hemm.models.specs import MODELS
from hemm.results.read import cells
from hemm.testing import check_model


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Sixty questions in ./mine, and the model ``plugged`` of a package that every process finds."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "package"
    (package / "plugged-1.dist-info").mkdir(parents=True)
    (package / "plugged-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: plugged\nVersion: 1\n"
    )
    (package / "plugged-1.dist-info" / "entry_points.txt").write_text(
        "[hemm.models]\nplugged = replica_plugin:open_plugged\n"
    )
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("HEMM_TEST_FOLDER", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(MODELS, "_plugins", None)
    sys.modules.pop("replica_plugin", None)
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(60):
        (folder / f"{n}.png").write_bytes(picture(n).data)
        question = f"Red {n}? {'Think. ' * (n * 37 % 11)}"
        rows.append({"id": f"q{n}", "image": f"{n}.png", "question": question, "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    yield tmp_path
    MODELS._plugins = None


def words(out: str, count: int | str, *more: str, model: str = "plugged") -> list[str]:
    return ["run", model, "--task", "./mine", "--out", out, "--replicas", str(count), *more]


def parts(out: str) -> dict[str, bytes]:
    found = {p.name: p.read_bytes() for p in Path(out).rglob("part-*.parquet")}
    assert found
    return found


def asked(place: Path) -> list[tuple[str, tuple[str, ...]]]:
    lines = (line.split() for line in (place / "asked").read_text().splitlines())
    return [(pid, tuple(ids)) for pid, *ids in lines]


def gone(place: Path) -> bool:
    """Whether no process of a model is left, now or within the guard's few moments."""
    pids = [p.name.partition("-")[2] for p in place.glob("gpu-*")]
    for _ in range(1200):
        if not any(_runs(pid) for pid in pids if pid != str(os.getpid())):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_crash_among_several_processes_leaves_the_results_of_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(words("one", 1)) == 0
    (place / "asked").unlink()
    (place / "kill").write_text("q17")
    (place / "hold").write_text("4")  # until the one that is started again was asked
    assert status(words("several", 3)) == 0
    assert (place / "killed").exists()
    assert "was ended by SIGKILL: another one is asked, and it is started again" in capsys.readouterr().err
    assert parts("several") == parts("one")
    batches = asked(place)
    assert len({pid for pid, _ in batches}) == 4  # three, and one in place of the one that ended
    counted = Counter(ids for _, ids in batches)
    assert [n for ids, n in counted.items() if "q17" in ids] == [2]
    assert sum(counted.values()) == len(counted) + 1
    (cell,) = cells(Path("several"))
    assert cell.run["commands"][-1]["setup"] == {"replicas": 3, "gpus": [], "restarts": 1}
    assert cell.run["protocol"] == cells(Path("one"))[0].run["protocol"]
    assert len(list(place.glob("closed-*"))) == 4  # the one process, too: every model was closed
    assert gone(place)


def test_memory_that_is_too_small_halves_batches_as_in_one_process(place: Path) -> None:
    (place / "room").write_text("3")
    assert status(words("one", 1)) == 0
    assert status(words("two", 2)) == 0
    assert parts("two") == parts("one")
    assert {len(ids) for _, ids in asked(place)} == {2}


def test_a_request_that_ends_every_process_fails_alone(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "poison").write_text("q5")
    assert status(words("out", 2)) == 3
    (cell,) = cells(Path("out"))
    failed = [r for r in cell.answers().to_pylist() if r["failure"] is not None]
    assert [(r["id"], r["failure"]) for r in failed] == [("q5", "replica")]
    assert "ended with status 3, twice over the same request" in capsys.readouterr().err
    (place / "poison").unlink()
    assert status(words("out", 2)) == 0  # it may pass: it is asked again
    assert gone(place)


def test_killed_and_interrupted_runs_leave_no_process_and_go_on(place: Path) -> None:
    assert status(words("one", 1)) == 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for sign in (signal.SIGKILL, signal.SIGINT):
        (place / "asked").unlink(missing_ok=True)
        run = subprocess.Popen(
            [sys.executable, "-m", "hemm.cli", *words(f"out-{sign}", 2)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2400):
            if (place / "asked").exists() and len(asked(place)) > 4:
                break
            time.sleep(0.01)
        run.send_signal(sign)
        assert run.wait(60) in (-signal.SIGKILL, 130, 0)
        assert gone(place)
        assert status(words(f"out-{sign}", 2)) == 0
        assert parts(f"out-{sign}") == parts("one")


def test_a_start_that_fails_is_one_line(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (place / "fail").write_text("yes")
    assert status(words("out", 2)) == 2
    (line,) = (t for t in capfd.readouterr().err.splitlines() if t.startswith("hemm: "))
    assert line.startswith("hemm: model plugged, process ")
    assert line.endswith(" of 2: the weights are damaged")


def test_a_process_that_cannot_start_again_leaves_its_work_to_the_others(place: Path) -> None:
    model = resolve("plugged", ModelOptions(replicas=2))
    requests = [_request(f"r{n}", (picture(n), "what?")) for n in range(3)]

    async def live() -> list[list[Response]]:
        await model.start()
        found = [model.generate_batch(requests)]
        (place / "fail").write_text("yes")
        (place / "kill").write_text("r1")
        found.append(model.generate_batch(requests))
        (place / "poison").write_text("r2")
        found.append(model.generate_batch(requests[2:]))
        await model.close()
        return found

    first, second, third = asyncio.run(live())
    assert second == first
    assert all(r.failure is None for r in first)
    assert [r.failure and r.failure.kind for r in third] == ["replica"]
    assert "the weights are damaged" in third[0].failure.message
    assert gone(place)


def test_each_process_has_a_gpu_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert status(words("out", "auto", "--limit", "12")) == 0
    assert sorted(p.read_text() for p in place.glob("gpu-*")) == ["4", "7"]
    (cell,) = cells(Path("out"))
    assert cell.run["commands"][-1]["setup"]["gpus"] == ["4", "7"]


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: A (UUID: a)'\necho '  MIG 1g (UUID: m)'\necho 'GPU 1: A'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert replicas.gpus() == ["0", "1"]
    assert resolve("tiny", ModelOptions(replicas=0)).parallel == 2  # type: ignore[attr-defined]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert isinstance(resolve("tiny", ModelOptions(replicas=0)), HFModel)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert replicas.gpus() == []


def test_gpus_of_two_kinds_are_refused_unless_allowed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``nvidia-smi`` as a machine with two kinds has it."""
    program = place / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase "$*" in -L) echo "GPU 0: A"; echo "GPU 1: B";; '
        '*"-i 0") echo A100;; *) echo L4;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    run = ["run", "plugged", "--task", "./mine", "--limit", "20", "--replicas", "2"]
    assert status([*run, "--out", "r"]) == 2
    line = "these GPUs are of different kinds (A100: 0; L4: 1), and may answer differently"
    assert line in capsys.readouterr().err
    assert status([*run, "--out", "r", "--mixed-hardware"]) == 0
    (cell,) = cells(Path("r"))
    found = {p["accelerator"]: p["answers"] for p in cell.run["places"]}
    assert found == Counter(cell.calls()["accelerator"].to_pylist())
    assert set(found) <= {"A100", "L4"}
    assert sum(found.values()) == 20


@pytest.mark.parametrize("setting", [("device", "cuda:1"), ("device_map", "auto")])
def test_a_device_of_one_s_own_choice_does_not_go_with_it(setting: tuple[str, str]) -> None:
    with pytest.raises(HemmError, match="each process has a GPU of its own"):
        resolve("tiny", ModelOptions(replicas=2, settings=(setting,)))


def test_baselines_and_served_models_stay_as_they_are() -> None:
    for spec in ("baseline/random", "http://127.0.0.1:9/v1#m"):
        assert resolve(spec, ModelOptions(replicas=4)).parallel == 1


def _request(name: str, parts: tuple[str | Media, ...], **more: object) -> Request:
    given = Generation(max_new_tokens=3, temperature=0.3, stop=("\n",), extra=(("dtype", "float16"),))
    return Request(
        name, 2, (Message("system", ("be\ud800",)), Message("user", parts)), given, "k", ("a", "b")
    )


def test_requests_and_responses_arrive_as_they_were_sent(tmp_path: Path) -> None:
    shown = picture(1)

    def damaged() -> bytes:
        raise BadData("it is damaged")

    lacking = (Media.at(tmp_path / "none.png"), Media(load=damaged, name="x"))
    sent = [_request("a", ("look: ", shown, shown)), _request("b", lacking)]
    told, media = requests_out(sent)
    blobs: list[bytes] = []
    records = json.loads(json.dumps([media_out(m, blobs) for m in media]))
    assert len(blobs) == 1
    first, second = requests_in(json.loads(json.dumps(told)), [media_in(r, blobs) for r in records])
    assert first == sent[0]
    assert [m.name for m in first.media] == [m.name for m in sent[0].media]
    for there, here in zip(second.media, lacking, strict=True):
        with pytest.raises((FileNotFoundError, BadData)) as found:
            _ = there.data
        with pytest.raises((FileNotFoundError, BadData)) as wanted:
            _ = here.data
        assert str(found.value) == str(wanted.value)
        assert isinstance(found.value, BadData) == isinstance(wanted.value, BadData)
    answers = [
        Response("x", "r", "length", "no", (shown,), (-0.1, float("-inf")), (-1e-300,), Usage(1, None, 0.5)),
        Response(failure=Failure("model", "why", True), attempts=3, model="m"),
    ]
    told, blobs = responses_out(answers)
    assert responses_in(json.loads(json.dumps(told)), blobs) == answers


def test_the_bundled_checkpoint_in_two_processes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("--batch-size", "4", "--limit", "24")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the processes to come
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as they have: rounding follows the number of threads
    try:
        assert status(words("one", 1, *more, model="tiny")) == 0
    finally:
        torch.set_num_threads(before)
    assert status(words("two", 2, *more, model="tiny")) == 0
    assert parts("two") == parts("one")


def test_the_rules_for_models_hold(place: Path) -> None:
    check_model(
        resolve("plugged", ModelOptions(replicas=2, batch_size=1)), requests=[_plain(n) for n in range(3)]
    )


def _plain(number: int) -> Request:
    return _request(f"p{number}", (picture(number), "alone?"), generation=Generation(max_new_tokens=3))
