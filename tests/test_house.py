"""The rules of docs/design.md that can be counted: circles, long files and functions, copied fields; the
changelog says each thing once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_house_keeps_its_limits() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/house.py")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_the_changelog_says_each_thing_once() -> None:
    """Two branches that both wrote into it can be merged to a page that has everything twice."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    said = Counter(line for line in lines if line.startswith(("## ", "- ")))
    assert [line for line, times in said.items() if times > 1] == []
