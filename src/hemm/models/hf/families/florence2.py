"""Florence-2: one picture; an encoder reads it with the prompt, a decoder answers."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families.one_picture import OnePicture


class Florence2(OnePicture):
    """The prompt unchanged: a question, or only a task mark of the family such as ``<CAPTION>``."""

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        processor.tokenizer.padding_side = "right"  # BART counts positions from the left
