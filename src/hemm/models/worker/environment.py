"""The command of a worker, and its environment variables."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from hemm.core import HemmError, MissingExtra

LIBRARY = Path(__file__).resolve().parent / "lib"
"""The folder of ``hemm_worker``, for PYTHONPATH."""

_NAMES = (
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TERM LD_LIBRARY_PATH DYLD_LIBRARY_PATH "
    "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME "
    "CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER PYTORCH_CUDA_ALLOC_CONF "
    "NVIDIA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES "
    "OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE TOKENIZERS_PARALLELISM "
    "HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE HF_ENDPOINT HF_HUB_DISABLE_TELEMETRY TRANSFORMERS_OFFLINE "
    "TORCH_HOME HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy "
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
)
PASSED = frozenset(_NAMES.split())
"""Variables that a worker gets: paths, devices, threads, network; no key and no token."""


def require_runner(spec: str, runner: str) -> None:
    """Raise MissingExtra if uv is needed and missing, HemmError if the interpreter is missing."""
    if os.name != "posix":
        raise HemmError(f"model {spec}: worker processes need Linux or macOS")
    if runner == "uv":
        if not uv():
            raise MissingExtra(f"model {spec}", "worker")
    elif runner != "python" and not shutil.which(os.path.expanduser(runner)):
        raise HemmError(f"--set runner={runner}: give uv, python, or the path of a Python interpreter")


def uv() -> str:
    """The uv of this Python's environment, else that on the PATH; empty if there is none."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else shutil.which("uv") or ""


def command(runner: str, file: Path) -> list[str]:
    """The command line of a worker."""
    if runner == "uv":
        return [uv(), "run", "--no-progress", "--script", str(file)]
    return [sys.executable if runner == "python" else os.path.expanduser(runner), str(file)]


def variables(runner: str, named: Sequence[str]) -> dict[str, str]:
    """The worker's environment: ``PASSED``, ``LC_*``, those of uv for uv, and those that the user named.

    Raises HemmError for a named variable that is not set.
    """
    lacking = [name for name in named if name not in os.environ]
    if lacking:
        raise HemmError(f"--set env={','.join(named)}: {lacking[0]} is not set in the environment")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED or name in named or name.startswith("LC_") or (runner == "uv" and name[:3] == "UV_")
    }
    return environment | {"PYTHONPATH": str(LIBRARY), "PYTHONUNBUFFERED": "1"}
