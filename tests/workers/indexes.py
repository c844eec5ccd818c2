"""Where uv may look for packages: what pip is configured to use, in uv's variables."""

from __future__ import annotations

import ast
import subprocess
import sys

NAMES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}


def uv_variables() -> dict[str, str]:
    """uv's variables for the indexes of this machine's pip."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        variable = NAMES.get(name.rpartition(".")[2])
        if variable:
            words = str(ast.literal_eval(value)).split()
            found[variable] = ("," if variable == "UV_FIND_LINKS" else " ").join(words)
    # pip takes the best version of all indexes; uv's default is the first index that has the package
    return found | {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}
