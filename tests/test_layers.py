"""The house: rooms import downward only, and what is imported is declared."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/hemm"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMPORT_NAMES = {
    "markdown-it-py": "markdown_it",
    "google-genai": "google",
    "huggingface-hub": "huggingface_hub",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
PULLED_IN = {"tokenizers": "transformers", "accelerate": "transformers", "torchvision": "transformers"}
"""Imported where they are there; the package that uses them says whether they are."""
RECIPES = SOURCE / "models/worker/recipes"
"""Workers run in environments of their own, which the head of each file describes."""
RUN = {"uv"}
"""Programs, not imported."""
DEVELOPERS = {"docs", "test", "fuzz"}
"""Extras that users do not need."""


def declared(*, tests: bool = False) -> set[str]:
    """Import names of every runtime requirement, extras for users included; those of tests if asked for."""
    extras = PROJECT["project"]["optional-dependencies"]
    rows = [*PROJECT["project"]["dependencies"]]
    rows += [r for k, v in extras.items() if tests or k not in DEVELOPERS for r in v]
    names = {re.split(r"[<>=!~;\[ ]", row, maxsplit=1)[0].lower() for row in rows}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


def imported(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports, late imports included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_rooms_import_downward_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.fail("lint-imports is missing: pip install 'hemm[test]'")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_core_imports_nothing_else_of_hemm() -> None:
    for path in (SOURCE / "core").glob("*.py"):
        rooms = re.findall(r"^\s*(?:from|import) hemm\.(\w+)", path.read_text(), re.MULTILINE)
        assert set(rooms) <= {"core"}, path.name


def test_every_import_is_declared() -> None:
    allowed = declared() | set(sys.stdlib_module_names) | {"hemm", *PULLED_IN}
    stray = {
        str(path.relative_to(ROOT)): sorted(names)
        for path in SOURCE.rglob("*.py")
        if RECIPES not in path.parents and (names := imported(path) - allowed)
    }
    assert not stray


@pytest.mark.parametrize("folder", ["tests", "tools", "benchmarks"])
def test_every_import_of_tests_and_tools_is_declared(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    own = {folder, "chrome", "simulated", "simulated_votes", "tinymodels"} | {p.stem for p in files}
    own |= {p.name for p in (ROOT / folder).rglob("*") if p.is_dir()}
    comes_along = {*PULLED_IN, "safetensors"}
    allowed = declared(tests=True) | set(sys.stdlib_module_names) | {"hemm", *comes_along, *own}
    stray = {
        str(p.relative_to(ROOT)): sorted(names)
        for p in files
        if not {"workers", "real_servers"} & set(p.parts) and (names := imported(p) - allowed)
    }
    assert not stray


def test_what_is_declared_is_imported() -> None:
    used = set().union(*(imported(path) for path in SOURCE.rglob("*.py")))
    assert declared() - used == RUN, "declared and never imported"


def test_light_core_needs_no_extra_package() -> None:
    """Modules of the core never import what only an extra brings, not even late."""
    extras = PROJECT["project"]["optional-dependencies"]
    heavy = {row.partition(">")[0] for rows in (extras["hf"],) for row in rows}
    for room in ("core", "data", "tasks", "results", "analysis", "cli"):
        for path in (SOURCE / room).rglob("*.py"):
            assert not imported(path) & heavy, path


def test_no_file_of_the_package_is_ignored() -> None:
    """What git ignores is not in the wheel either."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    files = [str(p) for p in SOURCE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        input="\n".join(files),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").exists()
