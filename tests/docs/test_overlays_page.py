"""The page on overlays is run as it stands: its file, its commands, its Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import run_command

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_runs(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/overlays.md").read_text("utf-8")
    ((name, content),) = re.findall(r"^```csv (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    every = re.findall(r"^    hemm (.+)$", text, re.MULTILINE)
    lines = [line for line in every if not line.startswith("serve")]  # that ends when it is ended
    assert len(lines) == 9
    for line in lines:
        done = run_command(*line.split(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if "--overlay" in line and not line.startswith(("report", "doctor")):
            assert "overlay gold.csv [" in done.stdout + done.stderr or "gold.csv [" in done.stdout
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    exec(compile(code, "docs/overlays.md", "exec"), {})
