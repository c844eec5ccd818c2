"""The rules of docs/design.md that can be counted: circles, long files and functions, copied fields; the
pages say each thing once."""

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


def test_the_pages_say_each_thing_once() -> None:
    """Two branches that both wrote into a page can be merged to one that has everything twice."""
    twice = [
        f"{page.relative_to(ROOT)}: {part[:60]}"
        for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
        for part, times in Counter(_parts(page.read_text(encoding="utf-8"))).items()
        if times > 1
    ]
    assert twice == []


def _parts(page: str) -> list[str]:
    """Paragraphs and the first lines of points, where they are long; headings of releases."""
    begin = ("## ", "- ")
    paragraphs = [part for text in page.split("\n\n") if not (part := text.strip()).startswith(begin)]
    lines = [line for line in page.splitlines() if line.startswith(begin)]
    return [part for part in paragraphs + lines if len(part) > 50 or part.startswith("## ")]
