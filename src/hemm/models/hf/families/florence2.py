"""Florence-2: one picture; an encoder reads it with the prompt, a decoder answers."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families.one_picture import OnePicture


class Florence2(OnePicture):
    """The prompt as it is: a question, or one of the family's own task marks such as ``<CAPTION>`` alone."""

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        processor.tokenizer.padding_side = "right"  # BART counts positions from the left
