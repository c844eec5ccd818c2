"""Builds wheel and source archive of this version, and checks what is in them.

    python tools/release.py [--out dist] [--release]

The version stands in pyproject.toml alone. With ``--release`` CHANGELOG.md must have a section for it.
Nothing is downloaded: hatchling, which builds, is in the extra ``test``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_WHEEL = (
    "hemm/py.typed",
    "hemm/published/tasks.csv",
    "hemm/models/tiny/",
    "hemm/report/page/",
    "hemm/web/static/",
    "hemm/web/templates/",
)
"""What a wheel without them would fail without: a file, or a folder with a file that is no Python."""
IN_SOURCE = (
    "src/hemm/",
    "tests/conftest.py",
    "tools/",
    "docs/site.yml",
    "Makefile",
    "constraints.txt",
    "LICENSE",
)
STRAY = re.compile(r"(^|/)(tests?/|\.git/|\.venv|__pycache__/)|\.pyc$|\.env$")
HERE = re.compile(rb"/(?:home|root|Users|work)/[A-Za-z0-9_.-]+/")
"""Paths of somebody's machine."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--release", action="store_true", help="refuse a version without its section of the changelog"
    )
    given = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## {re.escape(version)}\b", changes, re.MULTILINE):
        lacking = f"CHANGELOG.md has no section '## {version} (DATE)'"
        if given.release:
            raise SystemExit(f"{lacking}: rename its section Unreleased")
        print(f"no release yet: {lacking}", file=sys.stderr)
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(given.out), str(ROOT)]
    if code := subprocess.run(words).returncode:
        raise SystemExit(code)
    wrong = in_wheel(given.out / f"hemm-{version}-py3-none-any.whl") + in_source(
        given.out / f"hemm-{version}.tar.gz"
    )
    if wrong:
        raise SystemExit("\n".join(wrong))


def in_wheel(file: Path) -> list[str]:
    """What is wrong with a wheel, a line each."""
    with zipfile.ZipFile(file) as wheel:
        names = [n for n in wheel.namelist() if ".dist-info/" not in n]
        wrong = [
            f"{file.name}: {n} holds a path of this machine" for n in names if HERE.search(wheel.read(n))
        ]
    others = [name for name in names if not name.endswith(".py")]
    wrong += [f"{file.name}: {n} does not belong there" for n in names if STRAY.search(n) or n[:5] != "hemm/"]
    return wrong + [
        f"{file.name}: {n} is missing" for n in IN_WHEEL if not any(o.startswith(n) for o in others)
    ]


def in_source(file: Path) -> list[str]:
    """What is wrong with a source archive, a line each."""
    with tarfile.open(file) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    stray = [n for n in names if re.search(r"^(results|site|dist|build)/|(^|/)(\.venv|__pycache__)/", n)]
    wrong = [f"{file.name}: {n} does not belong there" for n in stray]
    return wrong + [
        f"{file.name}: {n} is missing" for n in IN_SOURCE if not any(m.startswith(n) for m in names)
    ]


if __name__ == "__main__":
    main()
