"""A browser that is installed here, and pages as PDF and PNG by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hemm.core import HemmError

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
"""A Chromium without a window that says no word to anybody outside."""
NOWHERE = ("--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND")
"""Nothing can be loaded: a page holds all that it shows."""
WIDE, HIGH = 1280, 16_000
"""Pixels of a picture; what is longer is cut."""
CUT = "Cut here: the page is longer than a picture can be. --examples 0 makes it shorter; PDF has all of it."
SECONDS = 300.0


def find_browser() -> str | None:
    """``HEMM_BROWSER``, else the first Chromium, Chrome or Edge that is installed; None without any."""
    return os.environ.get("HEMM_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def installed() -> str:
    """The browser. Raises HemmError, which says what to install, where there is none."""
    browser = find_browser()
    if browser is None:
        how = "brew install --cask chromium" if sys.platform == "darwin" else "apt-get install chromium"
        raise HemmError(
            "PDF and PNG are made by a browser, and none is found here: install Chromium "
            f"({how}), Chrome or Edge; the HTML page needs none to be written"
        )
    return browser


def to_pdf(page: Path, file: Path) -> None:
    """Print an HTML file as PDF. Raises HemmError where there is no browser, or where it fails."""
    with tempfile.TemporaryDirectory(prefix="hemm-") as folder:
        made = Path(folder) / "page.pdf"
        _run(folder, made, page, ["--no-pdf-header-footer", f"--print-to-pdf={made}"])
        _keep(made.read_bytes(), file)


def to_png(page: Path, file: Path) -> None:
    """Draw an HTML file as a picture, as wide as a screen and as long as the page. What is below ``HIGH``
    pixels is cut, and the picture says so. Raises HemmError as ``to_pdf``."""
    import io

    from PIL import Image, ImageChops, ImageDraw

    with tempfile.TemporaryDirectory(prefix="hemm-") as folder:
        made = Path(folder) / "page.png"
        size = f"--window-size={WIDE},{HIGH}"
        _run(folder, made, page, [size, f"--screenshot={made}"])
        with Image.open(made) as opened:
            drawn = opened.convert("RGB")
    empty = Image.new("RGB", drawn.size, drawn.getpixel((drawn.width - 1, drawn.height - 1)))
    box = ImageChops.difference(drawn, empty).getbbox()
    end = drawn.height if box is None else min(drawn.height, box[3] + 32)
    if end == drawn.height:
        pen = ImageDraw.Draw(drawn)
        pen.rectangle((0, end - 60, drawn.width, end), fill="#000000")
        pen.text((100, end - 42), CUT, fill="#ffffff", font_size=20)
    out = io.BytesIO()
    drawn.crop((0, 0, drawn.width, end)).save(out, "PNG", optimize=True)
    _keep(out.getvalue(), file)


def _keep(data: bytes, file: Path) -> None:
    from hemm.data.files import write_atomic

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, data)


def _run(folder: str, made: Path, page: Path, arguments: Sequence[str]) -> None:
    browser = installed()
    # as root a browser refuses to start inside its sandbox; as anybody else it stays in
    own = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    words = [browser, "--headless", *own, *QUIET, *NOWHERE, f"--user-data-dir={folder}/profile", *arguments]
    try:
        done = subprocess.run(
            [*words, page.absolute().as_uri()],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HemmError(f"{browser} did not draw the page: {error}") from error
    if done.returncode or not made.is_file():
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise HemmError(f"{browser} did not draw the page: {said[-1] if said else f'exit {done.returncode}'}")
