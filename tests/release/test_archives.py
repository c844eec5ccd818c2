"""The wheel and the source archive: what is in them, and that hemm runs from the wheel alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, made of the source archive, and the archive."""
    out = tmp_path_factory.mktemp("dist")
    words = [sys.executable, str(ROOT / "tools/release.py"), "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (source,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, source


def test_the_wheel_has_all_that_the_package_has_here(archives: tuple[Path, Path]) -> None:
    """Templates, scripts, the bundled model, data: whatever lies in the package, and nothing else."""
    package = ROOT / "src/hemm"
    here = {
        f"hemm/{p.relative_to(package).as_posix()}"
        for p in package.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    with zipfile.ZipFile(archives[0]) as wheel:
        assert {name for name in wheel.namelist() if ".dist-info/" not in name} == here
        entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
        assert "hemm = hemm.cli:main" in wheel.read(entry).decode()


def test_the_source_archive_can_be_built_and_tested(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[1]) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode == 0 and (ROOT / ".git").exists():
        files = {name for name in tracked.stdout.splitlines() if not name.startswith((".ci/", ".git"))}
        assert files - names == set()
    assert {"Makefile", "constraints.txt", "tests/conftest.py", "docs/site.yml", "tools/release.py"} <= names


def test_a_version_without_its_section_of_the_changelog_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/release.py"), "--release", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    unreleased = "## Unreleased" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert not unreleased or "CHANGELOG.md has no section" in done.stderr


@pytest.mark.full(minutes=5)
def test_hemm_runs_from_the_wheel_in_an_environment_of_its_own(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """Packages come from this environment, hemm from the wheel: nothing of the checkout is on the path."""
    home, here = tmp_path / "venv", tmp_path / "here"
    here.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin/python"
    site = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*words, str(archives[0])], check=True)
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    Path(site, "packages.pth").write_text(packages)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HEMM_CACHE": str(tmp_path / "cache")}
    told = "import hemm; print(hemm.__file__, hemm.__version__)"
    for command, said in (
        ([python, "-c", told], str(home)),
        ([home / "bin/hemm", "run", "--task", "probe_scans", "--limit", "8"], "probe_scans"),
        ([home / "bin/hemm", "report", "results"], "report.html"),
        ([home / "bin/hemm", "paper"], "GPT-4V"),
    ):
        done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout + done.stderr
