"""Base of families that take one picture and one text, without a chat template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hemm.core import BadData, Media, Message
from hemm.models.hf.families import Family, decoded


class OnePicture(Family):
    """One picture before one text, whose form each family defines."""

    needs_template = False
    templated = False
    lead_in = ""
    """Text between prompt and answer."""

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """One picture and one text for each row. Raises BadData if a request has no or several pictures."""
        pictures = [picture_of(messages, self.config.model_type) for messages in conversations]
        return self.encode([self.prompt(messages) for messages in conversations], pictures)

    def encode(self, texts: list[str], pictures: list[Any]) -> Any:
        """Tensors of a batch."""
        return self.processor(images=pictures, text=texts, padding=True, return_tensors="pt")

    def prompt(self, messages: Sequence[Message]) -> str:
        """The conversation as one text, with a line for each turn."""
        return "\n".join(text_of(message) for message in messages)

    def lead(self) -> str:
        return self.lead_in

    def takes_system(self) -> bool:
        """A system prompt is written before the question."""
        return True


def picture_of(messages: Sequence[Message], family: str) -> Any:
    """The pixels of a request's picture. Raises BadData if there is none, or several."""
    media = [p for m in messages for p in m.parts if isinstance(p, Media)]
    if len(media) != 1:
        raise BadData(
            f"models of the family {family} take exactly one picture in a request, not {len(media)}"
        )
    return decoded(media[0])


def text_of(message: Message) -> str:
    """The text of a turn without its pictures."""
    return "".join(p for p in message.parts if isinstance(p, str)).strip()


_HAS_FORM = re.compile(r"Question:.*\banswer:", re.IGNORECASE | re.DOTALL)


def question_and_answer(messages: Sequence[Message]) -> str:
    """``Question: ... Answer:``, with shots as finished pairs before it.

    A prompt that has this form already (``Question: ... Short answer:``) is not changed.
    """
    form = {"user": "Question: {} Answer:", "assistant": "{}."}
    turns = [(m.role, text_of(m)) for m in messages]
    return " ".join(
        text if role == "user" and _HAS_FORM.fullmatch(text) else form.get(role, "{}").format(text)
        for role, text in turns
    )
