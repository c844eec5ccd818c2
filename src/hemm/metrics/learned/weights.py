"""Checkpoints of metrics: found on this machine, and downloaded only if the user allows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hemm.core import HemmError
from hemm.data.sources.checkpoints import folder_digest

_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_SECONDS = 10.0


def is_folder(model: str) -> bool:
    """Whether ``model`` names a folder: ``./x``, ``../x``, ``/x``, ``~/x``."""
    return model.startswith((".", "/", "~"))


def folder_weights(metric: str, folder: Path, expected: str = "") -> tuple[Path, str]:
    """The folder, and a digest (32 hex digits) of the names and contents of its weights and settings.

    Raises HemmError if it has no checkpoint, or another one than ``expected``.
    """
    if not (folder / "config.json").is_file():
        raise HemmError(f"metric {metric}: {folder} holds no checkpoint (no config.json)")
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise HemmError(f"metric {metric}: {folder} holds no weights (no {_WEIGHTS[0]})")
    digest = folder_digest(folder)
    if expected and expected != digest:
        raise HemmError(
            f"metric {metric}: {folder} holds other weights than those named "
            f"(revision {digest}, not {expected})"
        )
    return folder, digest


def hub_weights(metric: str, name: str, revision: str = "", *, download: bool = False) -> tuple[Path, str]:
    """The folder of a hub checkpoint on this machine, and its commit. It is downloaded only if it is missing
    and ``download`` is set; else HemmError says how to get it.
    """
    path = _cached(name, revision or "main")
    if path is None and download:
        path = _download(metric, name, revision)
    if path is None:
        at = f" at {revision}" if revision else ""
        raise HemmError(
            f"metric {metric}: the weights of {name}{at} are not on this machine: "
            f"allow the download with --metric {metric}:{_spec(name, revision)}download=yes, "
            f"or name a folder with --metric {metric}:model=./FOLDER"
        )
    return path


def _spec(name: str, revision: str) -> str:
    return f"model={name}," + (f"revision={revision}," if revision else "")


def _cached(name: str, revision: str) -> tuple[Path, str] | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=revision)
        if not isinstance(config, str):
            return None
        commit = Path(config).parent.name
        paths = (try_to_load_from_cache(name, w, revision=commit) for w in _WEIGHTS)
        return (Path(config).parent, commit) if any(isinstance(w, str) for w in paths) else None
    except HFValidationError:
        raise HemmError(f"{name!r} is no name of a hub repository: write ORG/NAME, or ./FOLDER") from None


def _download(metric: str, name: str, revision: str) -> tuple[Path, str]:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    if constants.HF_HUB_OFFLINE:
        raise HemmError(
            f"metric {metric}: {name} is not on this machine, and HF_HUB_OFFLINE forbids its download"
        )
    try:
        info: Any = HfApi().model_info(name, revision=revision or None, timeout=_SECONDS)
        commit = info.sha or revision
        kinds = {Path(f.rfilename).suffix for f in info.siblings or ()}
        weights = "*.safetensors" if ".safetensors" in kinds else "*.bin"
        wanted = [weights, "*.json", "*.txt", "*.model"]
        folder = snapshot_download(name, revision=commit, allow_patterns=wanted)
    except RevisionNotFoundError:
        raise HemmError(f"metric {metric}: {name} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise HemmError(
            f"metric {metric}: the hub has no model {name!r}, or it is private: "
            "check the name, or set HF_TOKEN"
        ) from None
    except Exception as error:  # no network, in one of many ways
        raise HemmError(
            f"metric {metric}: {name} could not be downloaded ({type(error).__name__}): check the connection"
        ) from error
    return Path(folder), commit
