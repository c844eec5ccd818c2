"""Draws the pictures of the report and of the explorer in README.md, of a real run.

    make run && .venv/bin/hemm run baseline/random && .venv/bin/hemm run --control none
    python tools/pictures.py results

It needs the extra ``web`` and a Chromium, and writes docs/images/report.png and docs/images/explorer.png.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path

import httpx
from PIL import Image

from hemm.report.browser import QUIET, installed

ROOT = Path(__file__).resolve().parent.parent
EXPLORER, REPORT = (1280, 660), (1040, 820)
"""Width and height of what is drawn, in pixels."""
PAGE = "/answers?task=probe_scenes&agree=differ"
"""A page with answers on which models differ: the picture shows the first sample of it."""


def main(folder: Path) -> None:
    browser = installed()
    hemm = [sys.executable, "-m", "hemm.cli"]
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "report.html"
        subprocess.run([*hemm, "report", str(folder), "--model", "tiny", "-o", str(page)], check=True)
        _draw(browser, page.as_uri(), ROOT / "docs/images/report.png", REPORT)
    words = [*hemm, "serve", str(folder), "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        base = server.stdout.readline().strip().rstrip("/")
        try:
            answers = httpx.get(base + PAGE, trust_env=False, timeout=60).text
            link = re.search(r'data-row href="([^"]+)"', answers)
            if link is None:
                raise SystemExit(f"{folder} has no answers on which models differ: {PAGE}")
            _draw(browser, base + unescape(link[1]), ROOT / "docs/images/explorer.png", EXPLORER)
        finally:
            server.terminate()


def _draw(browser: str, address: str, file: Path, area: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        size = [
            f"--window-size={area[0]},{area[1]}",
            f"--screenshot={shot}",
            f"--user-data-dir={folder}/profile",
        ]
        subprocess.run(
            [browser, "--headless", "--no-sandbox", *QUIET, *size, address],
            check=True,
            capture_output=True,
            timeout=120,
        )
        picture = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
        picture.quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
