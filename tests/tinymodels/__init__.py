"""Tiny random checkpoints of real families, built offline in the transformers format (0.2-0.5 MB each).

    folder = build("llava", tmp_path)

Weights are random but seeded, and what a family starts at zero (Gemma 3's projector, Mllama's cross-attention
gates) is randomised, so that the picture reaches the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinymodels import families

BUILDERS: dict[str, Callable[[Path], Any]] = {
    "llava": families.llava,
    "idefics3": families.idefics3,
    "gemma3": families.gemma3,
    "mllama": families.mllama,
    "blip2": families.blip2,
    "blip2_t5": families.blip2_t5,
    "qwen2_vl": families.qwen2_vl,
    "qwen2_5_vl": families.qwen2_5_vl,
}

NEEDS_TORCHVISION = frozenset({"qwen2_vl", "qwen2_5_vl"})
"""Families whose processor has a video processor."""

ONE_PICTURE = frozenset({"blip2", "blip2_t5"})
"""Families that take exactly one picture."""


def build(name: str, folder: Path) -> Path:
    """A checkpoint of the family ``name`` in ``folder / name``."""
    import torch

    place = folder / name
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = BUILDERS[name](place)
        stir(model)
    model.save_pretrained(place)
    return place


def stir(model: Any) -> None:
    """Make every parameter matter: random where the family starts at zero, of one size elsewhere."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() == 1 or (float(parameter.std()) == 0.0 and float(parameter.mean()) == 0.0):
                parameter.normal_(0.0, 0.3)
            elif float(parameter.std()) > 0.0:
                parameter.mul_(0.15 / float(parameter.std()))
