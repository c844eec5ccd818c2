"""What is installed, set and ready here, as rows. Secrets are never shown, nor any part of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import HemmError

if TYPE_CHECKING:
    from hemm.engine.doctor import Damage

KEYS = {
    "OPENAI_API_KEY": "openai/ models",
    "ANTHROPIC_API_KEY": "anthropic/ models",
    "GEMINI_API_KEY": "google/ models",
    "AZURE_OPENAI_API_KEY": "azure/ models",
    "OPENROUTER_API_KEY": "openrouter/ models",
    "HEMM_API_KEY": "http:// model servers that want a key",
}
"""Environment variables with the keys of model services, and what they are for."""


def readiness() -> list[dict[str, Any]]:
    """Credentials (set or not, never what they are), packages, places and devices: a row each."""
    return [*_credentials(), *_packages(), *_places(), *_devices(), *_ray()]


def _row(what: str, state: str, purpose: str = "") -> dict[str, Any]:
    return {"what": what, "state": state, "for": purpose}


def _credentials() -> list[dict[str, Any]]:
    rows = [
        _row("Hugging Face hub token", _hub_token(), "gated data sets and models (hf auth login)"),
        _row("Kaggle login", _kaggle(), "data sets on Kaggle (KAGGLE_API_TOKEN, or ~/.kaggle/kaggle.json)"),
    ]
    for name, purpose in KEYS.items():
        rows.append(_row(name, "set" if os.environ.get(name, "").strip() else "not set", purpose))
    return rows


def _hub_token() -> str:
    from huggingface_hub import get_token

    offline = " (HF_HUB_OFFLINE is on: nothing is fetched)" if _on("HF_HUB_OFFLINE") else ""
    return ("set" if get_token() else "not set") + offline


def _on(name: str) -> bool:
    return os.environ.get(name, "").strip().upper() in ("1", "ON", "YES", "TRUE")


def _kaggle() -> str:
    from hemm.data.sources.kaggle import credentials

    try:
        return "set" if credentials() else "not set"
    except HemmError as error:
        return f"not usable: {error}"


def _packages() -> list[dict[str, Any]]:
    extras: dict[str, list[str]] = {}
    for line in requires("hemm") or []:
        name, _, condition = line.partition(";")
        if "extra ==" in condition:
            extra = condition.split("extra ==")[1].strip().strip("\"'")
            extras.setdefault(extra, []).append(_package(name))
    rows = [_row("hemm", version("hemm"))]
    extras.pop("test", None)
    for extra, names in extras.items():
        lacking = [n for n in names if not _installed(n)]
        state = "installed" if not lacking else f"lacks {', '.join(lacking)}"
        rows.append(_row(f"hemm[{extra}]", state, "" if not lacking else f"pip install 'hemm[{extra}]'"))
    return rows


def _package(requirement: str) -> str:
    return next((requirement[:i] for i, c in enumerate(requirement) if c in "<>=!~[ ("), requirement).strip()


def _installed(package: str) -> bool:
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def _places() -> list[dict[str, Any]]:
    from hemm.data import cache
    from hemm.tasks import SUITES, TASKS

    root = cache.root()
    near = next((p for p in (root, *root.parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(near).free / 1e9
    ready = [name for name in TASKS.names() if cache.current(name) is not None]
    sets = sum(name in ready for name in SUITES["hemm"])
    return [
        _row("cache folder", str(root), f"{free:.0f} GB free there; HEMM_CACHE chooses another one"),
        _row("prepared data sets", f"{sets} of {len(SUITES['hemm'])}", "hemm tasks lists them"),
    ]


def _devices() -> list[dict[str, Any]]:
    from hemm.engine.environment import devices

    return [_row("devices", ", ".join(devices()) or "torch is not installed", "tiny and hf/ models")]


def _ray() -> list[dict[str, Any]]:
    if not _installed("ray"):
        return []
    from hemm.models.ray.cluster import found

    return [_row("Ray", f"ray {version('ray')}; {found()}", "hemm run --ray")]


def damage_rows(folder: Path, found: Sequence[Damage]) -> list[dict[str, Any]]:
    """Damaged files as rows: their names below ``folder``, what is wrong, and what was or is to be done."""
    return [
        {
            "file": str(damage.file.relative_to(folder)),
            "state": damage.why.removeprefix(f"{damage.file} ").removeprefix("is damaged: "),
            "what to do": f"done: {damage.cure}" if damage.healed else damage.cure,
        }
        for damage in found
    ]
