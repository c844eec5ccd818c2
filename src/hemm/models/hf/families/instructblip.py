"""InstructBLIP: one picture; the instruction goes to the language model and to the Q-Former."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families import encodes
from hemm.models.hf.families.one_picture import OnePicture


class InstructBlip(OnePicture):
    """The instruction as it is (arXiv 2305.06500)."""

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        self._encodes = encodes(config)
        if self._encodes:
            processor.tokenizer.padding_side = "right"

    def encode(self, texts: list[str], pictures: list[Any]) -> Any:
        """Tensors of a batch, the Q-Former's text padded on the right.

        The processor of transformers 5 lends the language model's padding side to the Q-Former's tokenizer,
        whose absolute positions then shift with the other texts of the batch.
        """
        inputs = super().encode(texts, pictures)
        instruction = self.processor.qformer_tokenizer(
            texts, padding=True, padding_side="right", return_tensors="pt"
        )
        inputs["qformer_input_ids"] = instruction["input_ids"]
        inputs["qformer_attention_mask"] = instruction["attention_mask"]
        return inputs

    def lead(self) -> str:
        """A decoder goes on after a blank; T5 starts its answer anew."""
        return "" if self._encodes else " "
