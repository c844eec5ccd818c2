"""Loads checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from hemm.core import HemmError, MissingExtra, UnknownName, redact
from hemm.metrics.learned import torchvision_check
from hemm.metrics.learned.torch_device import torch_device
from hemm.models.hf import prompt_options
from hemm.models.hf.families import known
from hemm.models.hf.families.text import TextProcessor
from hemm.models.hf.identity import Checkpoint

SETTINGS: dict[str, Any] = {
    "dtype": "auto",  # float32, bfloat16, float16; auto: float32 on CPU, else bfloat16
    "device": "auto",  # cuda, cuda:1, mps, cpu; auto: the first available
    "device_map": "",  # spread over devices by accelerate: auto, balanced, ...
    "attn": "",  # attention implementation: eager, sdpa, flash_attention_2; empty: transformers' default
    "quantization": "",  # 4bit or 8bit, by bitsandbytes
    **prompt_options.SETTINGS,
}
"""Settings (``--set``), with their defaults."""

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint in memory: torch model (in evaluation mode), processor, names of device and dtype."""

    model: Any
    processor: Any
    device: str
    dtype: str


def require_packages(spec: str) -> None:
    """Raise MissingExtra if torch or transformers is not installed, without importing them."""
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        raise MissingExtra(f"model {spec}", "hf")


def check(settings: dict[str, Any]) -> None:
    """Raise for settings that are wrong for any checkpoint."""
    if settings["dtype"] not in ("auto", *DTYPES):
        raise UnknownName("dtype", settings["dtype"], ("auto", *DTYPES))
    if settings["quantization"] not in ("", "4bit", "8bit"):
        raise UnknownName("quantization", settings["quantization"], ("4bit", "8bit"))
    prompt_options.check(settings)


def load(spec: str, checkpoint: Checkpoint, settings: dict[str, Any]) -> Loaded:
    """Load weights and processor, in evaluation mode, with deterministic algorithms if torch has them.

    Code in the checkpoint's repository is not run. Raises HemmError with one line if it does not load.
    """
    options = prompt_options.pictures_at_loading(settings)
    return _load(
        spec,
        checkpoint,
        settings,
        lambda transformers: _processor(transformers, checkpoint, options),
        "AutoModelForMultimodalLM",
    )


def load_text(spec: str, checkpoint: Checkpoint, settings: dict[str, Any]) -> Loaded:
    """``load`` for a causal language model, with its tokenizer."""
    return _load(
        spec,
        checkpoint,
        settings,
        lambda transformers: _tokenizer(transformers, checkpoint),
        "AutoModelForCausalLM",
    )


def _load(
    spec: str, checkpoint: Checkpoint, settings: dict[str, Any], reader: Callable[[Any], Any], kind: str
) -> Loaded:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    import torch

    problem = torchvision_check.prepare()
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch_device(settings["device"], "--set ")
    dtype = settings["dtype"]
    if dtype == "auto":
        dtype = "float32" if device == "cpu" else "bfloat16"
    try:
        processor = reader(transformers)
        model = _model(getattr(transformers, kind), checkpoint, settings, getattr(torch, dtype))
    except HemmError:
        raise
    except Exception as error:
        raise HemmError(_why(spec, error, problem)) from error
    placed = settings["device_map"] or settings["quantization"]
    model = (model if placed else model.to(device)).eval()
    return Loaded(model, processor, str(model.device), dtype)


def _processor(transformers: Any, checkpoint: Checkpoint, options: dict[str, Any]) -> Any:
    """The processor, with Pillow's picture transforms if it has them.

    torchvision's give slightly different pixels, so that answers would depend on whether it is installed.
    """
    at = {"revision": checkpoint.revision} if checkpoint.revision else {}
    class_name = known(checkpoint.config().get("model_type")).processor or "AutoProcessor"
    processor = getattr(transformers, class_name).from_pretrained(checkpoint.source, **at)
    pictures = getattr(processor, "image_processor", None)
    if pictures is None or getattr(processor, "tokenizer", None) is None:
        raise HemmError(
            f"{checkpoint.identity.name} has no picture processor: it is no vision-language model (text/... "
            "asks a language model, without pictures)"
        )
    if options or not type(pictures).__name__.endswith("Pil"):
        processor.image_processor = transformers.AutoImageProcessor.from_pretrained(
            checkpoint.source, backend="pil", **at, **options
        )
    _pad_left(processor.tokenizer)
    return processor


def _tokenizer(transformers: Any, checkpoint: Checkpoint) -> TextProcessor:
    at = {"revision": checkpoint.revision} if checkpoint.revision else {}
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.source, **at)
    _pad_left(tokenizer)
    if tokenizer.pad_token is None:
        raise HemmError(
            f"the tokenizer of {checkpoint.identity.name} has no mark to pad with, and no end mark"
        )
    return TextProcessor(tokenizer)


def _pad_left(tokenizer: Any) -> None:
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token


def _model(kind: Any, checkpoint: Checkpoint, settings: dict[str, Any], dtype: Any) -> Any:
    options: dict[str, Any] = {"dtype": dtype}
    if checkpoint.revision:
        options["revision"] = checkpoint.revision
    if settings["attn"]:
        options["attn_implementation"] = settings["attn"]
    if settings["device_map"] or settings["quantization"]:
        if find_spec("accelerate") is None:
            raise HemmError("--set device_map and quantization need accelerate: pip install accelerate")
        named = "auto" if settings["device"] == "auto" else {"": settings["device"]}
        options["device_map"] = settings["device_map"] or named
    if settings["quantization"]:
        if find_spec("bitsandbytes") is None:
            raise HemmError("--set quantization needs bitsandbytes: pip install bitsandbytes")
        four = settings["quantization"] == "4bit"
        import transformers

        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=four, load_in_8bit=not four, bnb_4bit_compute_dtype=dtype
        )
    return kind.from_pretrained(checkpoint.source, **options)


def _why(spec: str, error: Exception, torchvision: str) -> str:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    line = redact(f"model {spec} does not load: {type(error).__name__}: {first}")[:400]
    if torchvision and "torchvision" in str(error).lower():
        return f"{line} (torchvision: {torchvision}; install the build that fits your torch)"
    return line
