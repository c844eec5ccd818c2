"""BLIP-2: one picture, no chat; the question-and-answer form its authors evaluate with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import BadData, Media, Message
from hemm.models.hf.families import Family, shown


class Blip2(Family):
    """``Question: ... Answer:``, with shots as finished pairs before it (arXiv 2301.12597, section 4)."""

    needs_template = False

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        if config.is_encoder_decoder:
            # padding on the left would stand between picture and text, and T5 counts distances
            processor.tokenizer.padding_side = "right"

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """One picture and one text a row. Raises BadData where a request has none, or several."""
        texts, pictures = [], []
        for messages in conversations:
            media = [p for m in messages for p in m.parts if isinstance(p, Media)]
            if len(media) != 1:
                raise BadData(f"BLIP-2 takes exactly one picture in a request, not {len(media)}")
            pictures.append(shown(media[0]))
            texts.append(prompt(messages))
        return self.processor(images=pictures, text=texts, padding=True, return_tensors="pt")

    def lead(self) -> str:
        """Answers follow ``Answer:`` after a blank."""
        return " "

    def takes_system(self) -> bool:
        """A system prompt is written before the question."""
        return True


def prompt(messages: Sequence[Message]) -> str:
    """The conversation as one text."""
    said = []
    for message in messages:
        text = "".join(p for p in message.parts if isinstance(p, str)).strip()
        form = {"user": "Question: {} Answer:", "assistant": "{}."}.get(message.role, "{}")
        said.append(form.format(text))
    return " ".join(said)
