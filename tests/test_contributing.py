"""The examples of CONTRIBUTING.md are complete and pass the checks that they show."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_examples_keep_the_style_of_the_house(name: str, workplace: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    config = ["--config", str(ROOT / "pyproject.toml")]
    for arguments in (["check", "--ignore", "I001", *config], ["format", "--check", *config]):
        done = subprocess.run([ruff, *arguments, name], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
