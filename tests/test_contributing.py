"""The examples of CONTRIBUTING.md are complete and pass the checks that they show."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from hemm import cli

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text()))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of CONTRIBUTING.md and the data that its task reads."""
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "birds/images").mkdir(parents=True)
    rows = []
    for i, (bird, colour) in enumerate({"heron": "grey", "gull": "white", "owl": "brown"}.items()):
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"birds/images/{i}.png")
        question = {"id": i, "image": f"images/{i}.png", "question": "Which bird?", "bird": bird, "steps": i}
        rows.append(json.dumps(question))
    (tmp_path / "birds/questions.jsonl").write_text("\n".join(rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in EXAMPLES:
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    return tmp_path


def test_every_python_block_has_a_name() -> None:
    assert (ROOT / "CONTRIBUTING.md").read_text().count("```python") == len(EXAMPLES) == 6


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n.startswith("test_")])
def test_the_checks_shown_pass(name: str, workplace: Path) -> None:
    checks = [v for k, v in runpy.run_path(str(workplace / name)).items() if k.startswith("test_")]
    assert checks
    for check in checks:
        check()


def test_the_commands_shown_for_the_task_work(
    workplace: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.status(["prepare", "./my_task.py", "--from", "birds"]) == 0
    assert cli.status(["run", "baseline/oracle", "baseline/random", "--task", "./my_task.py"]) == 0
    assert cli.status(["profile", "--format", "json"]) == 0
    assert "birds" in capsys.readouterr().out


def test_entry_points_make_them_known_by_name(workplace: Path, cache: Path) -> None:
    """A package as CONTRIBUTING.md describes it, found as installed packages are."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    points = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["project"]["entry-points"]
    package = workplace / "my_package"
    package.mkdir()
    for name in ("my_task.py", "my_model.py", "my_metric.py"):
        (workplace / name).rename(package / name)
    (package / "__init__.py").touch()
    info = workplace / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    lines = [x for g, rows in points.items() for x in (f"[{g}]", *(f"{k} = {v}" for k, v in rows.items()))]
    (info / "entry_points.txt").write_text("\n".join(lines))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(workplace), str(ROOT / "src")))}
    for arguments, said in (
        (["prepare", "birds", "--from", "birds"], "birds: 3 samples"),
        (["run", "brightness", "--task", "birds"], "3 answers"),
        (["tasks", "birds"], "Birds of the estuary"),
        (["metrics", "near_count"], "near_count"),
    ):
        command = [sys.executable, "-m", "hemm.cli", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout, done.stdout


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_examples_keep_the_style_of_the_house(name: str, workplace: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    config = ["--config", str(ROOT / "pyproject.toml")]
    for arguments in (["check", "--ignore", "I001", *config], ["format", "--check", *config]):
        done = subprocess.run([ruff, *arguments, name], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
