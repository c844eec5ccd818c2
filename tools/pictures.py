"""Draws the pictures of the report, the explorer and the studio in README.md and docs, of a real run.

    make run && .venv/bin/hemm run baseline/random && .venv/bin/hemm run --control none
    python tools/pictures.py results

It needs the extra ``web`` and a Chromium, and writes report.png, explorer.png and studio.png into
docs/images.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
from PIL import Image

from hemm.report.browser import QUIET, installed

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from chrome import chrome  # noqa: E402

EXPLORER, REPORT, STUDIO = (1280, 660), (1040, 820), (1280, 700)
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
    with _served("serve", str(folder)) as base:
        answers = httpx.get(base + PAGE, trust_env=False, timeout=60).text
        link = re.search(r'data-row href="([^"]+)"', answers)
        if link is None:
            raise SystemExit(f"{folder} has no answers on which models differ: {PAGE}")
        _draw(browser, base + unescape(link[1]), ROOT / "docs/images/explorer.png", EXPLORER)
    _studio(browser, folder)


def _studio(browser: str, folder: Path) -> None:
    """A vote, after some others. What is said goes into a copy of the results."""
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(folder, Path(place) / "results", ignore=shutil.ignore_patterns("annotations*"))
        words = ["annotate", str(copy), "--task", "probe_scenes"]
        with (
            _served(*words) as address,
            chrome(browser, Path(place) / "profile") as program,
            program.tab() as tab,
        ):
            base = address.split()[-1].partition("/annotate")[0]
            width, height = STUDIO
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            tab.call("Emulation.setDeviceMetricsOverride", **size)
            tab.open(f"{base}/annotate")
            tab.js("document.querySelector('#name').value = 'Ann'")
            tab.js("document.querySelector('form.enter').submit()")
            tab.until("location.pathname == '/annotate/instructions' && document.readyState == 'complete'")
            tab.open(f"{base}/annotate/vote")
            tab.press("Enter")
            form = "document.querySelector('.ballot')?.dataset.form"
            for key in "1232":
                before = tab.until(form)
                tab.press(key)
                tab.until(f"{form} && {form} != '{before}'")
            shot = tab.picture(Path(place) / "shot.png")
            _save(Image.open(shot), ROOT / "docs/images/studio.png")


@contextmanager
def _served(*words: str) -> Iterator[str]:
    """The first line that a server of hemm prints, while it runs."""
    command = [sys.executable, "-m", "hemm.cli", *words, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip().rstrip("/")
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
        _save(Image.open(io.BytesIO(shot.read_bytes())), file)


def _save(picture: Image.Image, file: Path) -> None:
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
