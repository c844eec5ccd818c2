"""Tiny random checkpoints of real families, built offline in the transformers format (0.2-0.5 MB each).

    folder = build("llava", tmp_path)

Weights are random but seeded, and what a family starts at zero (Gemma 3's projector, Mllama's cross-attention
gates) is randomised, so that the picture reaches the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinymodels import chat, drawing, families, plain


@dataclass(frozen=True)
class Tiny:
    """A family: its title for people, ``model_type`` in config.json, and who builds it.

    lead         what stands between prompt and answer
    torchvision  its processor has a video processor, which needs torchvision
    """

    title: str
    model_type: str
    build: Callable[[Path], Any]
    lead: str = ""
    torchvision: bool = False


FAMILIES: dict[str, Tiny] = {
    "aya_vision": Tiny("Aya Vision", "aya_vision", chat.aya_vision),
    "blip2": Tiny("BLIP-2 (OPT)", "blip-2", families.blip2, lead=" "),
    "blip2_t5": Tiny("BLIP-2 (T5)", "blip-2", families.blip2_t5, lead=" "),
    "chameleon": Tiny("Chameleon", "chameleon", chat.chameleon),
    "deepseek_vl": Tiny("DeepSeek-VL", "deepseek_vl", chat.deepseek_vl),
    "emu3": Tiny("Emu3", "emu3", drawing.emu3),
    "florence2": Tiny("Florence-2", "florence2", plain.florence2),
    "fuyu": Tiny("Fuyu", "fuyu", plain.fuyu),
    "gemma3": Tiny("Gemma 3", "gemma3", families.gemma3),
    "gemma4": Tiny("Gemma 4", "gemma4", chat.gemma4, torchvision=True),
    "git": Tiny("GIT", "git", plain.git),
    "idefics": Tiny("IDEFICS (open Flamingo)", "idefics", plain.idefics, lead=" "),
    "idefics2": Tiny("Idefics2", "idefics2", chat.idefics2, lead=" "),
    "idefics3": Tiny("Idefics3, SmolVLM", "idefics3", families.idefics3, lead=" "),
    "instructblip": Tiny("InstructBLIP (Llama)", "instructblip", plain.instructblip, lead=" "),
    "instructblip_t5": Tiny("InstructBLIP (T5)", "instructblip", plain.instructblip_t5),
    "internvl": Tiny("InternVL", "internvl", chat.internvl, torchvision=True),
    "janus": Tiny("Janus", "janus", drawing.janus),
    "kosmos2": Tiny("Kosmos-2", "kosmos-2", plain.kosmos2, lead=" "),
    "llama4": Tiny("Llama 4", "llama4", chat.llama4, torchvision=True),
    "llava": Tiny("LLaVA", "llava", families.llava),
    "llava_next": Tiny("LLaVA-NeXT", "llava_next", chat.llava_next),
    "llava_onevision": Tiny("LLaVA-OneVision", "llava_onevision", chat.llava_onevision, torchvision=True),
    "mistral3": Tiny("Mistral Small 3", "mistral3", chat.mistral3),
    "mllama": Tiny("Llama 3.2 Vision", "mllama", families.mllama),
    "paligemma": Tiny("PaliGemma", "paligemma", plain.paligemma),
    "qwen2_5_vl": Tiny("Qwen2.5-VL", "qwen2_5_vl", families.qwen2_5_vl, torchvision=True),
    "qwen2_vl": Tiny("Qwen2-VL", "qwen2_vl", families.qwen2_vl, torchvision=True),
    "qwen3_vl": Tiny("Qwen3-VL", "qwen3_vl", chat.qwen3_vl, torchvision=True),
    "smolvlm": Tiny("SmolVLM2", "smolvlm", chat.smolvlm, lead=" "),
    "vipllava": Tiny("ViP-LLaVA", "vipllava", chat.vipllava),
}


def build(name: str, folder: Path) -> Path:
    """A checkpoint of the family ``name`` in ``folder / name``."""
    import torch

    place = folder / name
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = FAMILIES[name].build(place)
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
