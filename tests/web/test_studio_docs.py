"""The study of docs/annotate.md, from a folder of cases to the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_study_runs_as_it_stands(cache: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs/annotate.md").read_text("utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "72 votes added" in done.stdout
    assert "Win rates by section (ties as half)" in done.stdout
    assert "counting and colours" in done.stdout
    page = (tmp_path / "study.html").read_text("utf-8")
    assert page.count('class="both"') == 16
    assert "The line in the middle is 0.5" in page
    assert 'src="data:image/png' in page
    assert "not in these results" not in page
