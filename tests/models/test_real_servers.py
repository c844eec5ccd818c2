"""Real servers: transformers serve, vLLM on the CPU, llama.cpp, and LiteLLM in front of one.

``make servers`` installs them into .venv-servers (HEMM_SERVERS names another folder); tests of those that are
not there are skipped, and say so. What they answer is compared with the same checkpoint in this process: the
bundled one, with a repetition penalty in its generation_config.json and a switch in its chat template.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hemm.cli import status
from hemm.models.hf.adapter import TINY
from hemm.results.read import cells

pytestmark = [pytest.mark.full(minutes=10), pytest.mark.xdist_group("servers")]
pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")

TESTS = Path(__file__).resolve().parents[1]
INSTALLED = Path(os.environ.get("HEMM_SERVERS", TESTS.parent / ".venv-servers"))
KEY = "sk-only-for-tests"
TASKS = ("--task", "probe_shapes", "--task", "probe_scenes")
WORDS = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")}
QUIET = {
    **WORDS,
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MASTER_KEY": KEY,
}
VLLM = ("--dtype", "float32", "--max-model-len", "1024", "--enforce-eager")


def environment(name: str) -> Path:
    """The ``bin`` folder of an installed server; skips where there is none."""
    if not (INSTALLED / name / "installed-by-hemm").is_file():
        pytest.skip(f"{name.upper()} IS NOT INSTALLED: make servers puts it into {INSTALLED}")
    return INSTALLED / name / "bin"


class Running:
    """A server at a port of its own, to be killed and started again."""

    def __init__(self, command: Callable[[int], Sequence[object]], ready: str, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._command, self._ready, self._log = list(map(str, command(self.port))), ready, log
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=QUIET, start_new_session=True
            )
        for _ in range(2400):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self._ready}", timeout=5):
                    return
            except OSError:
                time.sleep(0.25)
        self.kill()
        raise RuntimeError(f"{self._command[0]} did not start: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """As a crash: at once, with its children."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def checkpoint(place: Path) -> Path:
    """The bundled checkpoint with a penalty, and a template that can be told to think."""
    folder = place / "tiny"
    shutil.copytree(TINY, folder)
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "repetition_penalty": 1.6}))
    template = folder / "chat_template.jinja"
    switch = "{% if enable_thinking is defined and enable_thinking %}<|system|>Think.{% endif %}"
    template.write_text(switch + template.read_text())
    return folder


@pytest.fixture(scope="module")
def gguf(place: Path, checkpoint: Path) -> Path:
    """The same as GGUF, beside it."""
    python = environment("llama.cpp") / "python"
    subprocess.run([python, TESTS / "real_servers" / "tiny_gguf.py", checkpoint, checkpoint], check=True)
    return checkpoint


def serves(name: str, checkpoint: Path, port: int) -> list[object]:
    """The command of a server of the checkpoint; llama.cpp's wants its GGUF files there."""
    program, at = environment(name), ["--host", "127.0.0.1", "--port", port]
    if name == "llama.cpp":
        files = ["--model", checkpoint / "text.gguf", "--mmproj", checkpoint / "eyes.gguf"]
        script = TESTS / "real_servers" / "llama_server.py"
        return [program / "python", script, *files, "--alias", "tiny", *at]
    if name == "transformers":
        return [program / "transformers", "serve", checkpoint, *at, "--dtype", "float32", "--device", "cpu"]
    return [program / "vllm", "serve", checkpoint, "--served-model-name", "tiny", *at, *VLLM]


def called(name: str, checkpoint: Path) -> str:
    """What the server calls its model."""
    return str(checkpoint) if name == "transformers" else "tiny"


@pytest.fixture(scope="module")
def server(place: Path, checkpoint: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """The spec of a running server of the checkpoint, by name; each is started once."""
    running: dict[str, Running] = {}

    def command(name: str, port: int) -> list[object]:
        if name == "llama.cpp":
            request.getfixturevalue("gguf")
        if name != "litellm":
            return serves(name, checkpoint, port)
        behind = {"model": "openai/tiny", "api_base": running["llama.cpp"].url, "api_key": "none"}
        config = place / "litellm.yaml"
        config.write_text(json.dumps({"model_list": [{"model_name": "tiny", "litellm_params": behind}]}))
        at = ["--host", "127.0.0.1", "--port", port]
        return [environment(name) / "litellm", "--config", config, *at, "--telemetry", "False"]

    def get(name: str) -> str:
        if name == "litellm":
            environment(name)
            get("llama.cpp")
        if name not in running:
            ready = "/health/liveliness" if name == "litellm" else "/health"
            running[name] = Running(lambda port: command(name, port), ready, place / f"{name}.log")
        return f"{running[name].url}#{called(name, checkpoint)}"

    yield get
    for each in running.values():
        each.kill()


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for all, so that the probes are drawn once."""
    monkeypatch.setenv("HEMM_CACHE", str(place / "cache"))
    monkeypatch.setenv("HEMM_API_KEY", KEY)
    for name in ("VLLM_CPU_KVCACHE_SPACE", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, QUIET[name])


def asked(spec: object, out: Path, *words: str) -> dict[str, dict[str, Any]]:
    """The answers of a run by task and sample."""
    assert status(["run", str(spec), *TASKS, "--limit", "12", "--out", str(out), *words]) == 0
    rows = {}
    for cell in cells(out):
        table = cell.answers()
        for row in table.to_pylist():
            assert (cell.task, row["id"]) not in rows
            rows[f"{cell.task} {row['id']}"] = row
    assert all(row["failure"] is None for row in rows.values()), rows
    return rows


def texts(rows: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {key: (row["raw"].strip(), row["finish"]) for key, row in rows.items()}


SEEING = ("transformers", "vllm")
"""They show pictures to the model as this process does; llama.cpp scales them in a way of its own."""


@pytest.mark.parametrize("name", ["transformers", "vllm", "llama.cpp", "litellm"])
@pytest.mark.parametrize("greedy", ["auto", "off"])
def test_answers_are_those_of_this_process(
    name: str, greedy: str, server: Callable[[str], str], checkpoint: Path, tmp_path: Path
) -> None:
    """With the penalty of generation_config.json where the server applies it, and without it everywhere."""
    if (name, greedy) == ("transformers", "off"):
        pytest.skip("transformers serve has no field for it: see the next test")
    blind = () if name in SEEING else ("--control", "none")
    spec = server(name)
    plain = ("--set", f"generation_config={greedy}")
    told = asked(spec, tmp_path / "there", *plain, *blind)
    # llama.cpp does not read the file, nor does what stands before it
    here = ("--set", "generation_config=off") if name in ("llama.cpp", "litellm") else plain
    known = asked(f"hf/{checkpoint}", tmp_path / "here", *here, *blind)
    assert texts(told) == texts(known)
    assert len({text for text, _ in texts(told).values()}) > 3


def test_a_field_that_a_server_does_not_take_costs_no_sample(
    server: Callable[[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = [*TASKS, "--limit", "12", "--out", str(tmp_path), "--set", "generation_config=off"]
    assert status(["run", server("transformers"), *words]) == 3
    last = capfd.readouterr().err.splitlines()[-1]
    assert "Unexpected fields in the request" in last
    assert "repetition_penalty" in last
    assert not any(cell.answers().num_rows for cell in cells(tmp_path) if cell.run["state"] == "sealed")


def test_the_penalty_of_the_checkpoint_matters(checkpoint: Path, tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    on = texts(asked(f"hf/{checkpoint}", tmp_path / "on"))
    off = texts(asked(f"hf/{checkpoint}", tmp_path / "off", "--set", "generation_config=off"))
    assert on != off


def test_llama_cpp_sees_the_pictures(server: Callable[[str], str], checkpoint: Path, tmp_path: Path) -> None:
    off = ("--set", "generation_config=off")
    seen = texts(asked(server("llama.cpp"), tmp_path / "there", *off))
    known = texts(asked(f"hf/{checkpoint}", tmp_path / "here", *off))
    blind = texts(asked(server("llama.cpp"), tmp_path / "blind", *off, "--control", "none"))
    alike = sum(seen[key] == known[key] for key in known)
    assert alike > sum(blind[key] == known[key] for key in known)
    assert alike >= 0.6 * len(known)


@pytest.mark.parametrize("name", ["vllm", "llama.cpp", "litellm"])
def test_likelihoods_are_those_of_this_process(
    name: str, server: Callable[[str], str], checkpoint: Path, tmp_path: Path
) -> None:
    """Of options that are one token, which is what a server scores exactly."""
    words = ("--task", "probe_shapes", "--limit", "16", "--set", "scoring=likelihood", "--stop-after", "0")
    blind = () if name in SEEING else ("--control", "none")
    rows = {}
    for spec, folder in ((server(name), "there"), (f"hf/{checkpoint}", "here")):
        assert status(["run", spec, *words, *blind, "--out", str(tmp_path / folder)]) in (0, 3)
        (cell,) = cells(tmp_path / folder)
        rows[folder] = {row["id"]: row for row in cell.answers().to_pylist()}
    scored = {key: row["options"] for key, row in rows["there"].items() if row["options"]}
    assert len(scored) >= 4, rows["there"]
    for key, options in scored.items():
        known = rows["here"][key]["options"]
        assert options == pytest.approx(known, abs=2e-3), key
        assert sum(map(math.exp, options)) <= 1.001


def test_a_server_without_probabilities_is_one_line(
    server: Callable[[str], str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--task", "probe_shapes", "--limit", "4", "--out", str(tmp_path), "--set", "scoring=likelihood"]
    assert status(["run", server("transformers"), *words]) in (2, 3)
    assert "prob" in capfd.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["transformers", "vllm", "llama.cpp"])
def test_thinking_is_switched_in_the_server_s_template(
    name: str, server: Callable[[str], str], checkpoint: Path, tmp_path: Path
) -> None:
    spec = server(name)
    used = {}
    for turned in ("on", "off"):
        for where, model in (("there", spec), ("here", f"hf/{checkpoint}")):
            out = tmp_path / f"{where}-{turned}"
            asked(model, out, "--control", "none", "--set", f"thinking={turned}")
            used[where, turned] = [
                row["input_tokens"] for cell in cells(out) for row in cell.calls().to_pylist()
            ]
    assert used["there", "on"] == used["here", "on"]
    assert used["there", "off"] == used["here", "off"]
    assert min(used["there", "on"]) > min(used["there", "off"])


def serving(kind: str, folder: Path) -> list[str]:
    if kind == "vllm":
        program = str(environment("vllm") / "vllm")
        more = "--max-model-len 1024 --enforce-eager"
        return ["--set", f"serve_program={program}", "--set", "dtype=float32", "--set", f"serve_args={more}"]
    program = f"{environment('llama.cpp') / 'python'} {TESTS / 'real_servers' / 'llama_server.py'}"
    files = ["--set", "gguf=text.gguf", "--set", "mmproj=eyes.gguf"]
    assert (folder / "text.gguf").is_file()
    return ["--set", f"serve_program={program}", *files]


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp"])
def test_served_by_hemm_the_checkpoint_answers_as_in_this_process(
    kind: str, checkpoint: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The penalty of its generation_config.json too, also where the server would not read the file."""
    if kind == "llama.cpp":
        request.getfixturevalue("gguf")
    words = serving(kind, checkpoint)
    blind = () if kind in SEEING else ("--control", "none")
    told = asked(f"hf/{checkpoint}", tmp_path / "there", "--serve", kind, *words, *blind)
    known = asked(f"hf/{checkpoint}", tmp_path / "here", *blind)
    assert texts(told) == texts(known)
    for cell in cells(tmp_path / "there"):
        extra = dict(cell.run["protocol_spec"]["generation"]["extra"])
        assert (extra["serve"], extra["generation_config"]) == (kind, "repetition_penalty=1.6")
        assert cell.run["commands"][0]["setup"]["version"]


MANY = ("--task", "probe_shapes", "--limit", "150", "--concurrency", "2", "--control", "none")


def begun(words: Sequence[str], out: Path, answers: int) -> subprocess.Popen[str]:
    """A run in a process of its own that has had so many answers."""
    run = subprocess.Popen(
        [sys.executable, "-m", "hemm.cli", "run", *words, *MANY, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(4800):
        journals = list(out.rglob("journal.jsonl"))
        if journals and journals[0].read_bytes().count(b"\n") > answers:
            return run
        if run.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the run ended before it was disturbed: {run.communicate(timeout=60)[1][-2000:]}")


@pytest.mark.parametrize("name", ["llama.cpp", "transformers", "vllm"])
def test_a_server_that_is_killed_and_started_again_answers_every_sample_once(
    name: str, checkpoint: Path, place: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if name == "llama.cpp":
        request.getfixturevalue("gguf")
    running = Running(lambda port: serves(name, checkpoint, port), "/health", place / f"{name}-killed.log")
    spec = f"{running.url}#{called(name, checkpoint)}"
    try:
        assert status(["run", spec, *MANY, "--out", str(tmp_path / "whole")]) == 0
        run = begun([spec], tmp_path / "killed", 20)
        running.kill()
        time.sleep(1.0)
        running.start()
        _, said = run.communicate(timeout=600)
        if name == "llama.cpp":  # it is there again in a moment
            assert run.returncode == 0, said
        if run.returncode:  # a slow start is a server that is gone: the same command goes on
            assert run.returncode == 3, said
            print(said)
            assert status(["run", spec, *MANY, "--out", str(tmp_path / "killed")]) == 0
    finally:
        running.kill()
    whole, killed = (next(iter(cells(tmp_path / folder))) for folder in ("whole", "killed"))
    told = killed.answers()
    assert told["failure"].null_count == told.num_rows == len(set(told["id"].to_pylist()))
    right, found = (cell.answers().select(["id", "raw"]).sort_by("id") for cell in (whole, killed))
    assert found.equals(right)
    assert run.returncode or max(row["attempts"] for row in killed.calls().to_pylist()) > 1


def test_a_served_checkpoint_whose_server_is_killed_goes_on_by_the_same_command(
    gguf: Path, tmp_path: Path
) -> None:
    words = [f"hf/{gguf}", "--serve", "llama.cpp", *serving("llama.cpp", gguf), "--stop-after", "5"]
    run = begun(words, tmp_path, 20)
    server = next(pid for pid in children(run.pid) if "llama_server" in command_of(pid))
    os.kill(server, signal.SIGKILL)
    _, said = run.communicate(timeout=120)
    assert run.returncode == 3, said
    assert "signal 9" in said or "SIGKILL" in said, said
    assert status(["run", *words, *MANY, "--out", str(tmp_path)]) == 0
    (cell,) = cells(tmp_path)
    told = cell.answers()
    assert told["failure"].null_count == told.num_rows == len(set(told["id"].to_pylist()))


def children(pid: int) -> list[int]:
    """All processes below ``pid``."""
    below = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            below += [int(path.parent.name), *children(int(path.parent.name))]
    return below


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
