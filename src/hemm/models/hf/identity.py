"""The checkpoint that a spec names, without loading it: a hub commit, or the digest of a folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from hemm.core import HemmError, Identity
from hemm.data.sources.checkpoints import folder_digest

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The place and identity of a checkpoint.

    source    folder or hub name, for ``from_pretrained``
    revision  hub commit; None for a folder
    identity  name and digest, the same on every machine
    """

    source: str
    revision: str | None
    identity: Identity

    def config(self) -> dict[str, Any]:
        """``config.json``, downloaded if necessary; empty if that fails."""
        return self._json("config.json")

    def generation(self) -> dict[str, Any]:
        """The settings in ``generation_config.json``; without one, those in ``config.json``, as transformers
        reads them."""
        found = self._json("generation_config.json")
        if found:
            return found
        config = self.config()
        inner: Any = next((config[n] for n in ("decoder", "generator", "text_config") if config.get(n)), {})
        outer = {name: value for name, value in config.items() if value is not None}
        return {**(inner if isinstance(inner, dict) else {}), **outer}

    def _json(self, name: str) -> dict[str, Any]:
        """The object in a file of the checkpoint; empty where there is none."""
        path: str | Path = Path(self.source, name)
        if self.revision is not None:
            from huggingface_hub import hf_hub_download

            try:
                path = hf_hub_download(self.source, name, revision=self.revision)
            except Exception:  # no network, no such file: loading reports it
                return {}
        try:
            found = orjson.loads(Path(path).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found if isinstance(found, dict) else {}


def folder_checkpoint(folder: Path, name: str = "") -> Checkpoint:
    """The checkpoint in a folder. Raises HemmError where there is none."""
    if not folder.is_dir():
        raise HemmError(f"no folder {folder}: hf/./FOLDER and hf//FOLDER name a checkpoint on this machine")
    if not (folder / "config.json").is_file():
        raise HemmError(f"{folder} holds no checkpoint: config.json is missing")
    name = name or folder.resolve().name
    return Checkpoint(str(folder), None, Identity(name, folder_digest(folder)))


def hub_checkpoint(text: str, revision: str) -> Checkpoint:
    """The checkpoint of a hub repository at a branch, tag or commit (``main`` by default).

    ``text`` is ``ORG/NAME`` or ``ORG/NAME@REVISION``; ``revision`` is that of ``--revision``, or empty.
    Without a network, the commit is the one that was downloaded last. Raises HemmError if both name a
    revision and they differ, if there is no such repository or revision, or if neither the hub nor the cache
    has it.
    """
    name, _, inline = text.partition("@")
    if inline and revision and inline != revision:
        raise HemmError(f"model hf/{text} names a revision and --revision {revision} another one")
    revision = inline or revision or "main"
    commit = revision if _COMMIT.fullmatch(revision) else _commit(name, revision)
    return Checkpoint(name, commit, Identity(name, commit))


def _commit(name: str, revision: str) -> str:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    folder = Path(constants.HF_HUB_CACHE, "models--" + name.replace("/", "--"), "refs", revision)
    cached = folder.read_text().strip() if folder.is_file() else ""
    if constants.HF_HUB_OFFLINE:
        if cached:
            return cached
        raise HemmError(f"model hf/{name} is not downloaded and HF_HUB_OFFLINE is set")
    try:
        found = HfApi().model_info(name, revision=revision, timeout=_SECONDS).sha
    except HFValidationError:
        raise HemmError(
            f"{name!r} is no name of a hub repository: write hf/ORG/NAME, or hf/./FOLDER"
        ) from None
    except RevisionNotFoundError:
        raise HemmError(f"model hf/{name} has no revision {revision!r}") from None
    except GatedRepoError:
        raise HemmError(
            f"model hf/{name} is gated: ask for access at https://huggingface.co/{name}, then set HF_TOKEN"
        ) from None
    except RepositoryNotFoundError:
        raise HemmError(
            f"the hub has no model {name!r}, or it is private: check the name, or set HF_TOKEN"
        ) from None
    except Exception as error:  # no network, in one of many ways
        if cached:
            return cached
        why = type(error).__name__
        raise HemmError(f"the hub is not reachable ({why}) and hf/{name} is not downloaded") from None
    return found or revision


def is_folder(text: str) -> bool:
    """Whether the part after ``hf/`` names a folder: ``./x``, ``../x``, ``/x``, ``~/x`` or ``.``."""
    return text.startswith((".", "/", "~", f".{os.sep}"))
