"""IDEFICS, the open reproduction of Flamingo: pictures and texts in any order, as lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import Media, Message
from hemm.models.hf.families import Family, decoded

END = "<end_of_utterance>"


class Idefics(Family):
    """``User: ... Assistant:``; each turn ends with the mark of instructed checkpoints if there is one.

    The processor's chat template, if there is one, would put all pictures after the text.
    """

    needs_template = False
    templated = False

    def __init__(self, processor: Any, config: Any) -> None:
        super().__init__(processor, config)
        self._end = END if END in processor.tokenizer.get_vocab() else ""

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        return self.processor(
            text=[self._interleaved(c) for c in conversations],
            padding="longest",
            return_tensors="pt",
            add_end_of_utterance_token=False,
        )

    def _interleaved(self, messages: Sequence[Message]) -> list[Any]:
        parts: list[Any] = []
        for message in messages:
            name = {"user": "User:", "assistant": "Assistant:"}.get(message.role, "")
            parts += [
                name,
                *(decoded(p) if isinstance(p, Media) else p for p in message.parts),
                f"{self._end}\n",
            ]
        return [part for part in [*parts, "Assistant:"] if not isinstance(part, str) or part]

    def lead(self) -> str:
        """The blank after ``Assistant:``."""
        return " "

    def takes_system(self) -> bool:
        """A system prompt is written before the first turn."""
        return True
