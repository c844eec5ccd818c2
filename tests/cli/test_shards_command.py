"""Shards as a user runs them: separate processes, killed and started again, and what is made of them."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hemm import cli
from hemm.results.read import cells
from servers import ChatServer

DOCS = Path(__file__).parents[2] / "docs"


def _run(*words: str, env: dict[str, str] | None = None, seconds: float | None = None) -> tuple[int, str]:
    """Exit status and all that was printed; -9 where it was killed after ``seconds``."""
    child = subprocess.Popen(
        [sys.executable, "-m", "hemm.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        out, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        out, _ = child.communicate()
    return child.returncode, out


def _parts(out: Path) -> dict[str, list[bytes]]:
    found = {}
    for cell in cells(out):
        cell.verify()
        name = cell.folder.relative_to(out).as_posix()
        found[name] = [(cell.folder / seal.file).read_bytes() for seal in cell.parts]
    return found


def _data(folder: Path, count: int) -> Path:
    folder.mkdir()
    rows = [
        {
            "question": f"Is {n} even?",
            "answer": "no" if n % 2 else "yes",
            "choices": ["yes", "no"],
            "id": str(n),
        }
        for n in range(count)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_a_local_model_and_a_baseline_in_shards(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In this process: each of nine others would import torch first."""

    def run(*words: str) -> tuple[int, str]:
        code, shown = cli.status(list(words)), capfd.readouterr()
        return code, shown.out + shown.err

    asked = ("run", "tiny", "baseline/random", "--task", "probe_shapes", "--task", "probe_faces")
    few = (*asked, "--batch-size", "1", "--limit", "9")
    code, text = run(*few, "--out", str(tmp_path / "whole"))
    assert code == 0, text
    for number in (3, 1, 2):
        code, text = run(*few, "--out", str(tmp_path / "out"), "--shard", f"{number}/3")
        assert code == 0, text
        assert f"part {number} of 3" in text
    code, text = run("profile", str(tmp_path / "out"))
    assert (code, "hemm merge" in text) == (2, True), text
    code, text = run("merge", str(tmp_path / "out"))
    assert code == 0, text
    assert _parts(tmp_path / "out") == _parts(tmp_path / "whole")
    profiles = []
    for name in ("out", "whole"):
        found = json.loads(run("profile", str(tmp_path / name), "--format", "json")[1])
        profiles.append([{**task, "folder": ""} for task in found.pop("tasks")])
    assert profiles[0] == profiles[1]
    code, text = run(*few, "--out", str(tmp_path / "out"))
    assert code == 0, text
    assert "0 asked now" in text
    assert not re.search(r"[1-9]\d* asked now", text)
    run(*asked, "--batch-size", "1", "--limit", "12", "--out", str(tmp_path / "out"), "--shard", "2/3")
    code, text = run("profile", str(tmp_path / "out"))
    assert "not united here yet: hemm merge" in " ".join(text.split()), text


@pytest.mark.parametrize(
    ("shards", "samples"), [(4, 300), pytest.param(16, 5_000, marks=pytest.mark.full(minutes=3))]
)
def test_shards_killed_at_random_are_one_run(tmp_path: Path, shards: int, samples: int) -> None:
    data, chance = _data(tmp_path / "even", samples), random.Random(shards)
    with ChatServer(latency=0.02) as server:
        asked = ("run", server.spec(), "--task", str(data), "--concurrency", "8")
        code, text = _run(*asked, "--out", str(tmp_path / "whole"))
        assert code == 0, text
        before = len(server.requests)
        numbers = list(range(1, shards + 1))
        chance.shuffle(numbers)
        kills = 0
        for number in numbers:
            out = str(tmp_path / chance.choice(["one", "two"]))
            code = -9
            while code == -9:
                seconds = chance.uniform(0.5, 2.5) if kills < shards else None
                code, text = _run(*asked, "--out", out, "--shard", f"{number}/{shards}", seconds=seconds)
                kills += code == -9
            assert code == 0, text
        again = len(server.requests) - before - samples
    assert kills >= shards / 2
    assert 0 <= again <= kills * (8 + 64)
    (tmp_path / "one").mkdir(exist_ok=True)
    code, text = _run("merge", str(tmp_path / "one"), str(tmp_path / "two"))
    assert code == 0, text
    assert _parts(tmp_path / "one") == _parts(tmp_path / "whole")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--shard", "3"), "as in 3/16"),
        (("run", "--shard", "0/2"), "counted from 1"),
        (("run", "--shard", "auto"), "neither SLURM_ARRAY_TASK_ID"),
        (("run", "--shard", "1/2", "--until-ci", "3"), "--until-ci"),
        (("merge", "nowhere"), "nowhere"),
        (("merge", "."), "no shards"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, monkeypatch, capsys, words, said) -> None:
    from hemm.cli import status

    monkeypatch.chdir(tmp_path)
    assert status(list(words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def _blocks(language: str) -> list[str]:
    text = (DOCS / "scale.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_batch_script_of_the_docs_runs(tmp_path: Path) -> None:
    """Each task of the array as Slurm would start it, with the run's program in its place."""
    (script,) = (block for block in _blocks("bash") if "--array" in block)
    directives = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE))
    first, last = map(int, directives["array"].partition("%")[0].split("-"))
    assert directives["signal"].startswith("B:TERM@")
    assert "requeue" in script
    (tmp_path / "job.sh").write_text(script)
    subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], check=True)
    fake = tmp_path / "bin" / "hemm"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; print(sys.argv[1:])" "$@"\n')
    fake.chmod(0o755)
    for task in (first, last):
        array = {"ID": task, "MIN": first, "MAX": last, "COUNT": last - first + 1}
        env = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in array.items()}
        env |= {"PATH": f"{fake.parent}:{os.environ['PATH']}", "SCRATCH": str(tmp_path)}
        done = subprocess.run(
            ["bash", str(tmp_path / "job.sh")],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert "'--shard', 'auto'" in done.stdout


def test_the_indexed_job_of_the_docs_is_one(tmp_path: Path) -> None:
    documents = [doc for block in _blocks("yaml") for doc in yaml.safe_load_all(block)]
    (job,) = [doc for doc in documents if doc["kind"] == "Job"]
    assert job["apiVersion"] == "batch/v1"
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["backoffLimitPerIndex"] > 0
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    words = container["args"]
    assert words[words.index("--shard") + 1] == f"auto/{spec['completions']}"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    env = {"JOB_COMPLETION_INDEX": str(spec["completions"] - 1)}
    from hemm.engine.shards import Shard

    assert (
        str(Shard.parse(f"auto/{spec['completions']}", env)) == f"{spec['completions']}/{spec['completions']}"
    )


def test_the_ray_script_of_the_docs_starts_a_node_on_each_and_then_the_run(tmp_path: Path) -> None:
    """As Slurm would start it, with programs in the places of Slurm's that say what they got."""
    (script,) = (block for block in _blocks("bash") if "ray start" in block)
    directives = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE))
    (tmp_path / "job.sh").write_text(script)
    place = tmp_path / "bin"
    place.mkdir()
    for name, does in (("scontrol", "printf 'n1\\nn2\\n'"), ("srun", 'echo "srun $*"'), ("sleep", ":")):
        (place / name).write_text(f"#!/bin/sh\n{does}\n")
        (place / name).chmod(0o755)
    env = {
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_JOB_ID": "71234",
        "SLURM_JOB_NUM_NODES": directives["nodes"],
    }
    env |= {"PATH": f"{place}:{os.environ['PATH']}", "SCRATCH": str(tmp_path)}
    done = subprocess.run(
        ["bash", str(tmp_path / "job.sh")], env={**os.environ, **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    started = [line for line in done.stdout.splitlines() if "ray start" in line]
    assert sorted("--head" in line for line in started) == [False, True]
    assert all("--block" in line for line in started)
    (run,) = (line for line in done.stdout.splitlines() if "hemm run" in line)
    words = run.partition("hemm run ")[2].split()
    assert words[-2:] == ["--ray", "n1:21234"]
    gpus = int(directives["gres"].partition(":")[2]) * int(directives["nodes"])
    assert words[words.index("--replicas") + 1] == str(gpus)


def test_the_ray_job_of_the_docs_has_its_parts() -> None:
    documents = [doc for block in _blocks("yaml") for doc in yaml.safe_load_all(block)]
    (job,) = [doc for doc in documents if doc["kind"] == "RayJob"]
    assert job["apiVersion"] == "ray.io/v1"
    spec = job["spec"]["rayClusterSpec"]
    constraints = (DOCS.parent / "constraints.txt").read_text()
    assert f"ray=={spec['rayVersion']}\n" in constraints
    head, (workers,) = spec["headGroupSpec"], spec["workerGroupSpecs"]
    assert head["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    assert job["spec"]["submissionMode"] == "SidecarMode"  # the only one that then reaches it
    assert head["template"]["spec"]["restartPolicy"] == "Never"
    words = job["spec"]["entrypoint"].split()
    assert words[words.index("--ray") + 1] == "auto"
    assert words[words.index("--replicas") + 1] == str(workers["replicas"])
    for group in (head, workers):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
