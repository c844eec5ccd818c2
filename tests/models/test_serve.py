"""``--serve``: a server is started for the run, answers, and is gone after it, however the run ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fake import picture
from hemm.cli import status
from hemm.core import Identity
from hemm.models.process import serve
from hemm.models.process.server_process import ServerProcess
from hemm.models.process.servers import arguments
from hemm.results.read import cells

COMMIT = "5ca1ab1e0ddba11d5ca1ab1e0ddba11d5ca1ab1e"
QUICK = ("--set", "retry_wait=0.001", "--set", "max_retries=1")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``vllm`` on the PATH, a checkpoint in ./model, and sixty questions in ./mine."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    fake = Path(__file__).parents[1] / "fake_vllm.py"
    program.write_text(f"#!{sys.executable}\n" + fake.read_text())
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_VLLM_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FAKE_VLLM", raising=False)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = []
    for n in range(60):
        (folder / f"{n}.png").write_bytes(picture(n).data)
        rows.append({"id": f"q{n}", "image": f"{n}.png", "question": f"Red {n}?", "answer": "yes"})
    (folder / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return tmp_path


def words(*more: str, model: str = "hf/./model") -> list[str]:
    return ["run", model, "--task", "./mine", "--serve", "vllm", *QUICK, *more]


def told(place: Path, kind: str) -> list[Any]:
    lines = [json.loads(line) for line in (place / "log").read_text().splitlines()]
    return [value for name, value in lines if name == kind]


def nothing_left(place: Path) -> bool:
    """Whether all that the servers started has ended, at once or within the guard's few moments."""
    pids = [pid for pair in told(place, "pids") for pid in pair]
    assert pids
    for _ in range(1200):
        if not any(map(_runs, pids)):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_the_results_are_those_of_the_checkpoint(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"slow": 0.6}))
    monkeypatch.setenv("HF_TOKEN", "very-private-word")
    more = ("--set", "serve_args=--max-model-len 512 --chat-template 'my one'", "--set", "dtype=float16")
    assert status(words(*more, model=f"hf/some/model@{COMMIT}")) == 0
    (cell,) = cells(Path("results"))
    model = cell.run["model"]
    assert Identity(model["name"], model["revision"]) == Identity("some/model", COMMIT)
    assert cell.answers().num_rows == 60
    (started,) = told(place, "started")
    shown = " ".join(started[:4] + started[6:])
    assert started[:4] == ["serve", "some/model", "--served-model-name", "some/model"]
    assert shown.endswith(f"--revision {COMMIT} --dtype float16 --max-model-len 512 --chat-template my one")
    (command,) = cell.run["commands"]
    assert command["setup"]["serve"] == "vllm"
    assert command["setup"]["version"] == "0.99.1"
    assert "--max-model-len" in command["setup"]["arguments"]
    extra = dict(cell.run["protocol_spec"]["generation"]["extra"])
    assert extra == {"serve": "vllm", "serve_args": "--chat-template my one", "dtype": "float16"}
    assert nothing_left(place)
    (log,) = (place / "cache" / "serve").glob("*.log")
    assert "starting" in log.read_text()
    everything = capfd.readouterr()
    assert "very-private-word" not in log.read_text() + everything.out + everything.err
    # all is there: the same command starts nothing
    assert status(words(*more, model=f"hf/some/model@{COMMIT}")) == 0
    assert len(told(place, "started")) == 1


def test_sampling_follows_the_protocol_and_not_the_server_s_defaults(place: Path) -> None:
    assert status(words("--limit", "3", "--set", "temperature=0.5")) == 0
    for body in told(place, "asked"):
        assert (body["temperature"], body["top_p"], body["top_k"], body["min_p"]) == (0.5, 1.0, -1, 0.0)
        assert body["seed"] >= 0


def test_a_crash_at_the_start_is_one_line_after_the_last_lines(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"start": "ValueError: the model does not fit"}))
    assert status(words()) == 2
    lines = capfd.readouterr().err.splitlines()
    last = lines[-1]
    assert last.startswith("hemm: ")
    assert "vllm ended with status 1: ValueError: the model does not fit; its log: " in last
    assert Path(last.rpartition("its log: ")[2]).is_file()
    assert any(line.startswith("  vllm: INFO starting") for line in lines[:-1]), lines
    assert len(told(place, "started")) == 1  # its port was free: it is not tried again
    assert not list(Path("results").rglob("part-*"))


def test_a_server_that_does_not_get_ready_is_ended_at_the_limit(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"hang": True}))
    monkeypatch.setattr("hemm.models.process.server_process.GRACE_SECONDS", 0.3)
    assert status(words("--set", "serve_timeout=1.5")) == 2
    assert "was not ready after 1.5 s (--set serve_timeout=SECONDS)" in capfd.readouterr().err
    assert nothing_left(place)


def test_a_crash_in_the_middle_stops_the_run_and_the_same_command_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"most": 30}))
    assert status(words("--concurrency", "2", "--stop-after", "5")) == 3
    line = next(t for t in capfd.readouterr().err.splitlines() if t.startswith("hemm: stopped"))
    assert "samples in a row failed alike (connection: " in line
    assert "illegal memory access" in line
    assert nothing_left(place)
    monkeypatch.delenv("FAKE_VLLM")
    (cell,) = cells(Path("results"))
    before, had = len(told(place, "asked")), cell.answers()["failure"].null_count
    assert before - 1 <= had <= before == 30  # the crash may take one that was in flight
    assert status(words("--concurrency", "2", "--stop-after", "5")) == 0
    (cell,) = cells(Path("results"))
    assert cell.answers()["failure"].null_count == cell.answers().num_rows == 60
    assert len(told(place, "asked")) - before == 60 - had
    assert len(told(place, "started")) == 2


def test_another_program_that_takes_the_port_is_given_way(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, ports = serve.free_port, []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def first_a_taken_one() -> int:
            ports.append(own() if ports else other.getsockname()[1])
            return int(ports[-1])

        monkeypatch.setattr(serve, "free_port", first_a_taken_one)
        monkeypatch.setattr("hemm.models.process.serve.HEALTH_SECONDS", 0.2)
        assert status(words("--limit", "2")) == 0
    assert [a[a.index("--port") + 1] for a in told(place, "started")] == [str(p) for p in ports]
    assert len(ports) == 2


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_hemm_is_interrupted_or_killed(
    place: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"latency": 0.05}))
    command = [sys.executable, "-m", "hemm.cli", *words("--concurrency", "1")]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        if (place / "log").exists() and len(told(place, "asked")) > 5:
            break
        time.sleep(0.05)
    run.send_signal(sign)
    _, said = run.communicate(timeout=60)
    assert run.returncode == (130 if sign == signal.SIGINT else -9), said
    assert nothing_left(place)
    monkeypatch.delenv("FAKE_VLLM")
    assert status(words()) == 0
    (cell,) = cells(Path("results"))
    assert cell.answers().num_rows == 60


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--serve", "vlm"], "unknown server 'vlm'; did you mean 'vllm'?"),
        (["--serve", "sglang"], "no program 'sglang' is there: pip install sglang"),
        (["--set", "serve_args=--port 80"], "--port is not for serve_args"),
        (["--set", "serve_args=--dtype half"], "--dtype is not for serve_args: --set dtype=..."),
        (["--set", "serve_args=--hf-token secret"], "--hf-token is not for serve_args: set HF_TOKEN"),
        (["--set", "serve_args=oops"], "give options of vllm"),
        (["--set", "serve_arg=--seed 1"], "did you mean 'serve_args'?"),
        (["--set", "gguf=x.gguf"], "--set gguf and mmproj are for --serve llama.cpp"),
        (["--replicas", "2"], "--replicas does not go with --serve"),
        (["--set", "serve_program=./nothing"], "no program './nothing' is there"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    place: Path, capfd: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert status(words(*more)) == 2
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert said in line
    assert not (place / "log").exists()


def test_a_server_is_for_checkpoints(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert status(words(model="tiny")) == 2
    assert "name one as hf/ORG/NAME" in capfd.readouterr().err


def test_only_arguments_that_may_change_answers_belong_to_the_protocol() -> None:
    text = "--max_model_len=4096 -tp 2 --seed 3 --enforce-eager --mm-processor-kwargs '{\"max_pixels\": 9}'"
    given, telling = arguments("vllm", text)
    assert given[-1] == '{"max_pixels": 9}'
    assert telling == '--mm-processor-kwargs {"max_pixels": 9} --seed 3'
    assert arguments("llama.cpp", "-ngl 99 -c 8192 --temp -1")[1] == "--temp -1"


def test_llama_cpp_runs_a_file_of_the_folder(place: Path) -> None:
    (place / "bin" / "llama-server").symlink_to(place / "bin" / "vllm")
    for name in ("m.gguf", "eyes.gguf"):
        (place / "model" / name).write_bytes(b"GGUF")
    model = serve.open_served(
        "hf/./model",
        serve.ModelOptions(serve="llama.cpp", settings=(("gguf", "m.gguf"), ("mmproj", "eyes.gguf"))),
    )
    model._files = serve._files(model._checkpoint, model._settings)
    folder = (place / "model").resolve()
    shown = model._arguments("7")
    assert serve._program("llama.cpp", "") == [str(place / "bin" / "llama-server")]
    assert shown[:4] == ["--model", str(folder / "m.gguf"), "--alias", "model"]
    assert shown[-2:] == ["--mmproj", str(folder / "eyes.gguf")]
    assert dict(model.protocol_extra) == {"serve": "llama.cpp", "gguf": "m.gguf", "mmproj": "eyes.gguf"}


def test_a_program_of_one_s_own_choice(place: Path) -> None:
    other = str(place / "bin" / "vllm")
    assert serve._program("vllm", other) == [other, "serve"]
    words = serve._program("sglang", f"{sys.executable} -m sglang.launch_server")
    assert words == [sys.executable, "-m", "sglang.launch_server"]


def test_logs_do_not_pile_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.models.process.server_process.KEPT_LOGS", 3)
    for n in range(5):
        process = ServerProcess([sys.executable, "-S", "-c", f"print('line {n}')"], "x")
        while process.running:
            time.sleep(0.01)
        process.stop()
    logs = list((place / "cache" / "serve").glob("*.log"))
    assert len(logs) == 3
    assert any(log.read_text() == "line 4\n" for log in logs)
