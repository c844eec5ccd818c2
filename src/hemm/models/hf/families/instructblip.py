"""InstructBLIP: one picture; the instruction goes to the language model and to the Q-Former."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families import encodes
from hemm.models.hf.families.one_picture import OnePicture


class InstructBlip(OnePicture):
    """The instruction unchanged (arXiv 2305.06500)."""

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        self._encodes = encodes(config)
        if self._encodes:
            processor.tokenizer.padding_side = "right"

    def encode(self, texts: list[str], pictures: list[Any]) -> Any:
        """Tensors of a batch, with the Q-Former's text padded on the right.

        The processor of transformers 5 pads it like the language model's text, on the left, so that its
        absolute positions shift with the other texts of the batch.
        """
        inputs = super().encode(texts, pictures)
        instruction = self.processor.qformer_tokenizer(
            texts, padding=True, padding_side="right", return_tensors="pt"
        )
        inputs["qformer_input_ids"] = instruction["input_ids"]
        inputs["qformer_attention_mask"] = instruction["attention_mask"]
        return inputs

    def lead(self) -> str:
        """A blank for decoders; nothing for T5, whose answer is a text of its own."""
        return "" if self._encodes else " "
