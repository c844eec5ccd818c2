"""Fuyu: one picture as patches before the text; the answer begins after a mark that the processor writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import Message
from hemm.models.hf.families.one_picture import OnePicture


class Fuyu(OnePicture):
    """The question and a line break, as the checkpoint's card shows."""

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        # that of Pillow's transforms treats the tensors that it gets as numpy arrays
        processor.image_processor.patchify_image = patches

    def prompt(self, messages: Sequence[Message]) -> str:
        return super().prompt(messages) + "\n"


def patches(image: Any, patch_size: Any) -> Any:
    """Tensor (batch, patches, height x width x channels of a patch), patches row by row."""
    import torch

    pixels = torch.as_tensor(image)
    pixels = pixels[None] if pixels.dim() == 3 else pixels
    batch, channels, height, width = pixels.shape
    high, wide = patch_size.height, patch_size.width
    cut = pixels.reshape(batch, channels, height // high, high, width // wide, wide)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, high * wide * channels)
