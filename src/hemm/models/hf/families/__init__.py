"""How checkpoints are prompted: by their chat template, or, where a family has none, by its own small file.

A family is found by ``model_type`` in config.json, never by the name of a model.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from hemm.core import HemmError, Media, Message
from hemm.models.pictures import rgb

FAMILIES: dict[str, str] = {
    "blip-2": "hemm.models.hf.families.blip2:Blip2",
}
"""model_type -> module:class, for families with a peculiarity."""

IMAGES: dict[str, int] = {"blip-2": 1}
"""model_type -> most pictures in one request, where that is limited (known before anything is loaded)."""

PROBE = "yes"


class Family:
    """The generic way: the processor's chat template."""

    def __init__(self, processor: Any, config: Any) -> None:
        self.processor, self.config = processor, config
        if getattr(processor, "chat_template", None) is None:  # some processors lose theirs on saving
            processor.chat_template = getattr(processor.tokenizer, "chat_template", None)
        if self.needs_template and processor.chat_template is None:
            raise HemmError(
                f"the checkpoint has no chat template, and hemm knows no prompt for {config.model_type}"
            )
        self._system: bool | None = None
        self._lead: str | None = None

    needs_template = True

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """Tensors for a batch: prompts padded on the left, pictures as the processor wants them."""
        return self.processor.apply_chat_template(
            [self._chat(c) for c in conversations],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )

    def lead(self) -> str:
        """White space between prompt and answer as the chat template writes a finished answer (often " ")."""
        if self._lead is None:
            asked = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
            told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": PROBE}]}]
            try:
                before = self._render(asked, add_generation_prompt=True)
                whole = self._render(told, add_generation_prompt=False)
            except Exception:  # templates raise whatever they like
                before, whole = "", "-"
            after = whole[len(before) :] if whole.startswith(before) else ""
            space = after[: len(after) - len(after.lstrip())]
            self._lead = space if after.startswith(space + PROBE) else ""
        return self._lead

    def takes_system(self) -> bool:
        """Does the template show a system message? Some raise, some leave it out."""
        if self._system is None:
            mark = "hemm-system-mark"
            chat = [
                {"role": "system", "content": [{"type": "text", "text": mark}]},
                {"role": "user", "content": [{"type": "text", "text": "?"}]},
            ]
            try:
                self._system = mark in self._render(chat, add_generation_prompt=True)
            except Exception:  # templates raise whatever they like
                self._system = False
        return self._system

    def _render(self, chat: list[dict[str, Any]], add_generation_prompt: bool) -> str:
        return str(
            self.processor.apply_chat_template(
                chat, add_generation_prompt=add_generation_prompt, tokenize=False
            )
        )

    def _chat(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Messages as chat templates want them; a system prompt they do not show joins the question."""
        if any(m.role == "system" for m in messages) and not self.takes_system():
            messages = without_system(messages)
        return [{"role": m.role, "content": [content(p) for p in m.parts]} for m in messages]


class Opened(Media):
    """A picture that was decoded once: upright RGB pixels beside the encoded bytes."""

    __slots__ = ("picture",)

    def __init__(self, media: Media) -> None:
        """Raises BadData where ``media`` does not open."""
        super().__init__(load=lambda: media.data, name=media.name, mime=media.mime)
        self.picture = rgb(media)


def shown(media: Media) -> Any:
    """The pixels of a picture. Raises BadData where it does not open."""
    return media.picture if isinstance(media, Opened) else rgb(media)


def content(part: str | Media) -> dict[str, Any]:
    """One part of a message in the chat format. Raises BadData for a picture that does not open."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.kind == "image":
        return {"type": "image", "image": shown(part)}
    raise HemmError(f"this model takes pictures and text, not {part.kind}")


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The system messages' text at the head of the first user message."""
    system = "\n\n".join("".join(str(p) for p in m.parts) for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    for i, message in enumerate(rest):
        if message.role == "user":
            rest[i] = Message("user", (f"{system}\n\n", *message.parts))
            return rest
    return [Message("user", (system,)), *rest]


def family_of(processor: Any, config: Any) -> Family:
    """The family of a loaded checkpoint. Raises HemmError where it has neither template nor file."""
    row = FAMILIES.get(config.model_type)
    if row is None:
        return Family(processor, config)
    module, _, name = row.partition(":")
    made: Family = getattr(importlib.import_module(module), name)(processor, config)
    return made
