"""Models as rows of a listing (``hemm models``)."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from inspect import cleandoc
from typing import Any

from hemm.core import BatchModel, Capabilities, Model, RequestModel
from hemm.models.cards import find
from hemm.models.options import ModelOptions
from hemm.models.specs import FORMS, MODELS, resolve

EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tiny": ("hf", ("torch", "transformers")),
    "hf": ("hf", ("torch", "transformers")),
    "text": ("hf", ("torch", "transformers")),
    "anthropic": ("anthropic", ("anthropic",)),
    "google": ("google", ("google.genai",)),
    "worker": ("worker", ("uv",)),
}
"""Name -> the extra of hemm that it needs, and its packages."""


def rows() -> list[dict[str, Any]]:
    """One row for each registered name: specs, description, extra, whether it is installed, settings."""
    return [row(name) for name in MODELS if name != "https"]


def row(name: str) -> dict[str, Any]:
    """The row of a registered name. Raises UnknownName."""
    factory = MODELS.get(name)
    about = cleandoc(factory.__doc__ or "").split("\n\n")[0]
    extra, packages = EXTRAS.get(name, ("", ()))
    settings = vars(sys.modules[factory.__module__]).get("SETTINGS", {})
    return {
        "name": name,
        "spec": FORMS.get(name, name),
        "about": " ".join(about.replace("``", "").split()),
        "extra": f"hemm[{extra}]" if extra else "",
        "installed": all(map(_is_there, packages)),
        "settings": dict(settings),
    }


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is not installed
        return False


def card(spec: str, options: ModelOptions | None = None) -> dict[str, Any]:
    """Facts about one model that is not started. Raises as ``resolve`` does."""
    model = resolve(spec, options)
    return {
        "spec": model.spec,
        "model": model.identity.name,
        "revision": model.identity.revision,
        **_abilities(model.capabilities),
        **_batching(model),
        **_card(model),
    }


def _card(model: Model) -> dict[str, Any]:
    """Fields of the model's card; ``labels`` is empty where there is none."""
    card = find(model.identity.name)
    if card is None:
        return {"card": "", "labels": {}}
    known = {k: getattr(card, k) for k in ("params_b", "citation", "homepage", "checked")}
    return {"card": card.title, "labels": dict(card.labels), **known}


def _abilities(able: Capabilities) -> dict[str, Any]:
    return {
        "inputs": sorted(able.inputs),
        "outputs": sorted(able.outputs),
        "max_images": able.max_images,
        "image_types": sorted(able.image_types),
        "likelihood": able.likelihood,
        "system": able.system,
    }


def _batching(model: Model) -> dict[str, Any]:
    if isinstance(model, BatchModel):
        return {"asked": "in batches", "batch_size": model.batch_size}
    if isinstance(model, RequestModel):
        return {"asked": "one by one", "concurrency": model.concurrency}
    return {"asked": ""}
