"""``import hemm`` and ``hemm --help`` stay light; benchmarks/startup.py measures how light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "accelerate",
    "datasets",
    "duckdb",
    "httpx",
    "huggingface_hub",
    "matplotlib",
    "numpy",
    "pandas",
    "PIL",
    "plotly",
    "pyarrow",
    "ray",
    "rich",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
}

PROBE = (
    "import sys, json; {}; "
    "print(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})), file=sys.stderr)"
)


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import hemm",
        "import hemm.core",
        "import hemm.cli",
        "from hemm.cli import status; status(['--help'])",
        "from hemm.cli import status; status(['--version'])",
        "from hemm.cli import status; status(['no-such-command'])",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()


def printed_last_by(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True, timeout=120
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()[-1]


def test_help_imports_no_command() -> None:
    code = "from hemm.cli import COMMANDS, status; status(['--help']);"
    code += "print([m for m in sys.modules if m in {w.partition(':')[0] for w, _ in COMMANDS.values()}])"
    assert printed_last_by(code) == "[]"


def test_data_sets_are_found_without_importing_them() -> None:
    code = "from hemm.tasks import TASKS; names = TASKS.names()[:30]; "
    code += "print([m for m in sys.modules if m.startswith('hemm.tasks.') and m.rpartition('.')[2] in names])"
    assert printed_last_by(code) == "[]"


def test_a_run_and_its_profile_need_no_pandas(tmp_path: Path) -> None:
    """Some of pyarrow's functions import it: 40 MB, and half a second. The pack is there."""
    from hemm.cli import status

    assert status(["prepare", "probe_shapes"]) == 0
    words = ["run", "baseline/random", "--task", "probe_shapes", "--limit", "8", "--out", str(tmp_path / "r")]
    assert "pandas" not in loaded_by(f"from hemm.cli import status; assert status({words}) == 0")
