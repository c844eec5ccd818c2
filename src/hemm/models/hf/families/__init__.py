"""Prompts of checkpoints: by their chat template, or by a file for families without one.

The family follows from ``model_type`` in config.json, not from the model's name.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import jinja2.ext
import jinja2.meta
import jinja2.nodes
import jinja2.parser

from hemm.core import Generation, HemmError, Media, Message
from hemm.data.pixels import rgb


@dataclass(frozen=True, slots=True)
class Known:
    """Facts about a family that are needed before anything is loaded.

    where        ``module:Class`` in ``hemm.models.hf.families``; empty: the generic class
    least, most  number of pictures in one request; most None: any number
    draws        can draw a picture from text alone
    processor    class of transformers to use if the family's own needs packages for video
    """

    where: str = ""
    least: int = 0
    most: int | None = None
    draws: bool = False
    processor: str = ""


KNOWN: dict[str, Known] = {
    "blip-2": Known("blip2:Blip2", 1, 1),
    "emu3": Known("emu3:Emu3", draws=True),
    "florence2": Known("florence2:Florence2", 1, 1),
    "fuyu": Known("fuyu:Fuyu", 1, 1),
    "git": Known("git:Git", 1, 1),
    "idefics": Known("idefics:Idefics"),
    "instructblip": Known("instructblip:InstructBlip", 1, 1),
    "janus": Known("janus:Janus", draws=True),
    "kosmos-2": Known("kosmos2:Kosmos2", 1, 1),
    "llama4": Known("llama4:Llama4"),
    "paligemma": Known("paligemma:PaliGemma", 1),
    "smolvlm": Known(processor="Idefics3Processor"),
}
"""model_type -> facts; every other family is prompted by its chat template."""

PROBE = "yes"


class Family:
    """Prompts by the processor's chat template."""

    def __init__(self, processor: Any, config: Any) -> None:
        self.processor, self.config = processor, config
        if getattr(processor, "chat_template", None) is None:  # some processors lose theirs on saving
            processor.chat_template = getattr(processor.tokenizer, "chat_template", None)
        if self.needs_template and processor.chat_template is None:
            raise HemmError(
                f"the checkpoint has no chat template, and hemm knows no prompt for {config.model_type}"
            )
        self.template_kwargs: dict[str, Any] = {}
        self.picture_options: dict[str, Any] = {}
        self._system: bool | None = None
        self._lead: str | None = None

    needs_template = True
    templated = True
    """Whether prompts are written by the chat template."""

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """Tensors for a batch, with prompts padded on the left."""
        pictures = {"images_kwargs": self.picture_options} if self.picture_options else {}
        return self.processor.apply_chat_template(
            [self._chat(c) for c in conversations],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, **pictures},
            **self.template_kwargs,
        )

    def generate(self, model: Any, **settings: Any) -> Any:
        """``model.generate``; families override it where theirs needs help."""
        return model.generate(**settings)

    def cleaned(self, text: str) -> str:
        """The answer without the family's marks."""
        return text

    def drawing_inputs(self, conversations: Sequence[Sequence[Message]], generation: Generation) -> Any:
        """Tensors for answers that are pictures."""
        raise HemmError(f"models of the family {self.config.model_type} draw no pictures")

    def draw(self, model: Any, inputs: dict[str, Any], **sampling: Any) -> list[Any]:
        """One picture (PIL) for each row of the ``drawing_inputs``."""
        raise HemmError(f"models of the family {self.config.model_type} draw no pictures")

    def lead(self) -> str:
        """White space between prompt and answer in the chat template (often " ")."""
        if self._lead is None:
            turns = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
            answered = [*turns, {"role": "assistant", "content": [{"type": "text", "text": PROBE}]}]
            try:
                before = self._render(turns, add_generation_prompt=True)
                rendered = self._render(answered, add_generation_prompt=False)
            except Exception:  # templates may raise anything
                before, rendered = "", "-"
            after = rendered[len(before) :] if rendered.startswith(before) else ""
            space = after[: len(after) - len(after.lstrip())]
            self._lead = space if after.startswith(space + PROBE) else ""
        return self._lead

    def takes_system(self) -> bool:
        """Whether the template writes a system message: some raise, some leave it out."""
        if self._system is None:
            mark = "hemm-system-mark"
            chat = [
                {"role": "system", "content": [{"type": "text", "text": mark}]},
                {"role": "user", "content": [{"type": "text", "text": "?"}]},
            ]
            try:
                self._system = mark in self._render(chat, add_generation_prompt=True)
            except Exception:  # templates may raise anything
                self._system = False
        return self._system

    def answer_begins(self) -> str:
        """What the chat template writes after the last question, before the answer."""
        if not self.templated:
            return ""
        turns = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
        try:
            asked = self._render(turns, add_generation_prompt=False)
            begun = self._render(turns, add_generation_prompt=True)
        except Exception:  # templates may raise anything
            return ""
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(asked, begun, strict=False))
        return begun[sum(1 for _ in alike) :]

    def template_variables(self) -> frozenset[str] | None:
        """The variables that the chat template reads, without those that are hemm's to set; None where it is
        written in a way that hides them."""
        template = self.processor.chat_template
        if isinstance(template, dict):
            template = template.get("default", "")
        environment = jinja2.Environment(extensions=[_Generation, "jinja2.ext.loopcontrols"])
        try:
            found = jinja2.meta.find_undeclared_variables(environment.parse(str(template)))
            return frozenset(found - {"messages", "add_generation_prompt"})
        except jinja2.TemplateError:
            return None

    def prompt_with(self, variables: dict[str, Any]) -> str:
        """The prompt of a question and of a system message, with ``variables`` for the chat template."""
        user = {"role": "user", "content": [{"type": "text", "text": "?"}]}
        system = {"role": "system", "content": [{"type": "text", "text": "!"}]}
        found = []
        for chat in ([user], [system, user]):
            try:
                found.append(self._render(chat, add_generation_prompt=True, **variables))
            except Exception as error:  # templates may raise anything
                found.append(repr(error))
        return "\n".join(found)

    def _render(self, chat: list[dict[str, Any]], add_generation_prompt: bool, **variables: Any) -> str:
        return str(
            self.processor.apply_chat_template(
                chat,
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                **(variables or self.template_kwargs),
            )
        )

    def _chat(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        """Messages for chat templates. A system prompt that the template would leave out joins the
        question."""
        if any(m.role == "system" for m in messages) and not self.takes_system():
            messages = without_system(messages)
        return [{"role": m.role, "content": [content(p) for p in m.parts]} for m in messages]


class _Generation(jinja2.ext.Extension):
    """The tag by which templates mark answers for training."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class Opened(Media):
    """A decoded picture: upright RGB pixels, and the encoded bytes."""

    __slots__ = ("picture",)

    def __init__(self, media: Media) -> None:
        """Raises BadData where ``media`` does not open."""
        super().__init__(load=lambda: media.data, name=media.name, mime=media.mime)
        self.picture = rgb(media)


def decoded(media: Media) -> Any:
    """The pixels of a picture. Raises BadData where it does not open."""
    return media.picture if isinstance(media, Opened) else rgb(media)


def content(part: str | Media) -> dict[str, Any]:
    """One part of a message in the chat format. Raises BadData for a picture that does not open."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.kind == "image":
        return {"type": "image", "image": decoded(part)}
    raise HemmError(f"this model takes pictures and text, not {part.kind}")


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The messages with the system messages' text at the beginning of the first user message."""
    system = "\n\n".join("".join(str(p) for p in m.parts) for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    for i, message in enumerate(rest):
        if message.role == "user":
            rest[i] = Message("user", (f"{system}\n\n", *message.parts))
            return rest
    return [Message("user", (system,)), *rest]


def known(model_type: object) -> Known:
    return KNOWN.get(str(model_type), Known())


def encodes(config: Any) -> bool:
    """Whether an encoder reads the prompt and a decoder answers, as in T5 and BART."""
    text = getattr(config, "text_config", None)
    return any(bool(getattr(config_, "is_encoder_decoder", False)) for config_ in (config, text))


def family_of(processor: Any, config: Any) -> Family:
    """The family of a loaded checkpoint. Raises HemmError if it has neither template nor file."""
    module, _, name = known(config.model_type).where.partition(":")
    if not module:
        return Family(processor, config)
    family: Family = getattr(importlib.import_module(f"{__name__}.{module}"), name)(processor, config)
    return family
