"""A new option of ``hemm run`` that changes the answers touches four files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"
EDITS = {
    "engine/options.py": [
        (
            '    system: str = option("", "Another system prompt.", "TEXT")\n',
            '    system: str = option("", "Another system prompt.", "TEXT")\n'
            '    suffix: str = option("", "Text after every prompt.", "TEXT", protocol=True)\n',
        )
    ],
    "core/exchange.py": [
        (
            "    generation: Generation = field(default_factory=Generation)\n",
            '    generation: Generation = field(default_factory=Generation)\n    suffix: str = later("")\n',
        )
    ],
    "engine/setup.py": [
        (
            "        merge=not takes_system,\n",
            "        merge=not takes_system,\n        suffix=options.suffix,\n",
        )
    ],
    "tasks/prompt.py": [
        ("        merge: bool = False,\n", '        merge: bool = False,\n        suffix: str = "",\n'),
        ("        self._merge = merge\n", "        self._merge, self._suffix = merge, suffix\n"),
        (
            "            text = self._prompt.render(context)\n",
            "            text = self._prompt.render(context) + self._suffix\n",
        ),
    ],
}
"""File -> what is replaced in it by what."""
ECHO = """
from hemm.core import BatchModel, Capabilities, Identity, Response

class Echo(BatchModel):
    capabilities = Capabilities()
    batch_size = 4

    def __init__(self, spec, options):
        self.spec, self.identity = spec, Identity(spec, "1")

    async def start(self): ...
    async def close(self): ...

    def generate_batch(self, requests):
        return [Response(text=request.prompt[-6:]) for request in requests]
"""
COMMAND = "import sys; from hemm.cli import status; sys.exit(status(sys.argv[1:]))"
RUN = ("run", "echo", "--task", "probe_shapes", "--limit", "4", "--out")


def echo_package(folder: Path) -> None:
    """A package whose model answers with the end of the prompt."""
    info = folder / "echo-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "echo_model.py").write_text(ECHO)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hemm.models]\necho = echo_model:Echo\n")


def hemm(source: Path, cwd: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(source), str(cwd / "packages"))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HEMM_CACHE": str(cwd / "cache"),
    }
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_option_that_changes_answers_is_four_files(tmp_path: Path) -> None:
    copy = tmp_path / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name, edits in EDITS.items():
        file = copy / "hemm" / name
        text = file.read_text("utf-8")
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text, "utf-8")
    assert len(EDITS) == 4
    echo_package(tmp_path / "packages")

    hemm(SOURCE, tmp_path, *RUN, "before")
    hemm(copy, tmp_path, *RUN, "same")
    assert "--suffix TEXT" in hemm(copy, tmp_path, "run", "--help")
    hemm(copy, tmp_path, *RUN, "other", "--suffix", " Hurry")
    (tmp_path / "run.yaml").write_text("suffix: ' Hurry'\n")
    hemm(copy, tmp_path, *RUN, "file", "--config", "run.yaml")

    protocol = {}
    for out in ("before", "same", "other", "file"):
        (run,) = (tmp_path / out).rglob("run.json")
        protocol[out] = json.loads(run.read_text())["protocol"]
    assert protocol["before"] == protocol["same"]
    assert protocol["other"] == protocol["file"] != protocol["same"]

    from hemm.results.read import cells

    (said,) = cells(tmp_path / "same")
    (hurried,) = cells(tmp_path / "other")
    assert "Hurry" not in "".join(said.answers().column("raw").to_pylist())
    assert set(hurried.answers().column("raw").to_pylist()) == {" Hurry"}
