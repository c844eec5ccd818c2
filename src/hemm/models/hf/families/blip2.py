"""BLIP-2: one picture, no chat; the question-and-answer form its authors evaluate with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import Message
from hemm.models.hf.families import encodes
from hemm.models.hf.families.one_picture import OnePicture, question_and_answer


class Blip2(OnePicture):
    """``Question: ... Answer:``, with shots as finished pairs before it (arXiv 2301.12597, section 4)."""

    lead_in = " "

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        if encodes(config):
            # padding on the left would be between picture and text, and T5 counts distances
            processor.tokenizer.padding_side = "right"

    def prompt(self, messages: Sequence[Message]) -> str:
        return question_and_answer(messages)
