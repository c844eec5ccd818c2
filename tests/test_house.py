"""The rules of docs/design.md that can be counted: circles, long files and functions, copied fields."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_house_keeps_its_limits() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/house.py")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
