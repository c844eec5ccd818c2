"""Language models: no pictures. By the tokenizer's chat template, or, without one, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import Message
from hemm.models.hf.families import Family
from hemm.models.hf.families.one_picture import text_of

_INPUTS = ("input_ids", "attention_mask")


class TextProcessor:
    """A tokenizer in the place of a processor: messages of text parts, no pictures."""

    image_processor = None

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.chat_template = tokenizer.chat_template

    def apply_chat_template(
        self, chats: list[Any], *, processor_kwargs: dict[str, Any] | None = None, **settings: Any
    ) -> Any:
        """As a processor's, for one chat or a batch of them."""
        batch = bool(chats) and isinstance(chats[0], list)
        flat = [_flat(chat) for chat in chats] if batch else _flat(chats)
        made = self.tokenizer.apply_chat_template(flat, **(processor_kwargs or {}), **settings)
        return only_inputs(made) if settings.get("return_dict") else made


def _flat(chat: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{"role": m["role"], "content": "".join(p["text"] for p in m["content"])} for m in chat]


def only_inputs(made: Any) -> dict[str, Any]:
    """What language models take of a tokenizer's output; some give ``token_type_ids``, which they refuse."""
    return {name: made[name] for name in _INPUTS}


class PlainText(Family):
    """The conversation as it is, a line for each turn, with ``Answer:`` before each answer and at the end.

    For base checkpoints, which were taught to go on with a text.
    """

    needs_template = False
    templated = False

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        texts = [self.prompt(messages) for messages in conversations]
        return only_inputs(self.processor.tokenizer(texts, padding=True, return_tensors="pt"))

    def prompt(self, messages: Sequence[Message]) -> str:
        """The conversation as one text.

        >>> family = PlainText.__new__(PlainText)
        >>> print(family.prompt([Message("user", ("Is a gull a bird?",))]))
        Is a gull a bird?
        Answer:
        """
        turns = [f"Answer: {text_of(m)}\n" if m.role == "assistant" else text_of(m) for m in messages]
        return "\n".join([*turns, "Answer:"])

    def lead(self) -> str:
        return " "

    def takes_system(self) -> bool:
        """A system prompt is written before the question."""
        return True
