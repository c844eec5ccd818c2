"""Renders samples to messages with the task's Jinja2 template.

Media are placed by private marks: a long random number of this process between control characters, which data
cannot contain and which does not leave this file.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, meta, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from hemm.core import HemmError, Media, Message, Sample, Task, nearest
from hemm.parsing.options import letters
from hemm.tasks.picture_marks import Places
from hemm.tasks.template_limits import LimitedSandbox, begin

_NONCE = str(secrets.randbits(128))
_MARK = re.compile(f"\x02{_NONCE}:(\\d+)\x03")
_UNDEFINED = re.compile(r"'([^']+)' is undefined")

RESERVED = frozenset({"image", "images", "options", "labels", "instruction"})
"""Names that templates get from hemm, which hide fields of the same name."""


class _Images(tuple[str, ...]):
    """Number -> mark of the sample's media; empty marks if a control removed all pictures."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        if not len(self):
            return ""
        return super().__getitem__(index)


def _mark(index: int) -> str:
    return f"\x02{_NONCE}:{index}\x03"


@lru_cache(maxsize=64)
def _marks(count: int) -> tuple[str, _Images]:
    images = _Images(_mark(i) for i in range(count))
    return "".join(images), images


@lru_cache(maxsize=4096)
def _lettered(choices: tuple[str, ...]) -> str:
    return "\n".join(f"{mark}. {choice}" for mark, choice in zip(letters(choices), choices, strict=True))


def _environment() -> SandboxedEnvironment:
    environment = LimitedSandbox(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["interleave"] = _interleave
    return environment


def _pieces(parsed: nodes.Template) -> list[tuple[str, bool]] | None:
    """The texts and names (True) of a template that puts values between texts and does nothing else; None for
    all others. Such a one is joined without Jinja2, in a tenth of the time."""
    pieces: list[tuple[str, bool]] = []
    for output in parsed.body:
        for node in output.nodes if isinstance(output, nodes.Output) else (output,):
            if isinstance(node, nodes.TemplateData):
                pieces.append((node.data, False))
            elif isinstance(node, nodes.Name) and node.name != "self":  # Jinja2's own
                pieces.append((node.name, True))
            else:
                return None
    return pieces


class _Text:
    """A compiled template."""

    def __init__(self, template: Template, parsed: nodes.Template) -> None:
        self._template, self._pieces = template, _pieces(parsed)

    def render(self, context: dict[str, Any]) -> str:
        if self._pieces is not None:
            with suppress(KeyError):  # a name that the sample does not have, or one of Jinja2's: it tells
                return "".join([str(context[piece]) if name else piece for piece, name in self._pieces])
        return self._template.render(context)


_FOLLOWING = f"\x02{_NONCE}:next\x03"
_PLACES = "picture places"
"""Name in the context that no template can use."""


@pass_context
def _interleave(context: Context, text: object) -> str:
    """``text`` with the sample's media at its ``<image N>`` marks; a mark without a picture stays text."""
    places: Places = context[_PLACES]
    return places.in_text(str(text))


def template_names(template: str) -> set[str]:
    """The names that a template asks for; none where it does not compile, which is said when it is used."""
    try:
        return set(meta.find_undeclared_variables(_environment().parse(template)))
    except (TemplateError, RecursionError):
        return set()


class Renderer:
    """The prompt of one task, compiled: sample -> messages.

    template  replaces the task's template (``--prompt``); ``where`` names it in errors
    system    replaces the task's system prompt
    merge     put the system prompt at the beginning of the first user turn, for models without system prompts
    instruction  replaces the answer format's
    """

    def __init__(
        self,
        task: Task,
        *,
        template: str | None = None,
        system: str = "",
        where: str = "",
        merge: bool = False,
        instruction: str | None = None,
    ) -> None:
        self.task = task
        self.system = system or task.system
        self.where = where or f"the prompt of task {task.name!r}"
        self._merge = merge
        self._interleaved = False
        environment = _environment()
        self._prompt, self._names = self._compile(environment, task.prompt if template is None else template)
        self._instruction: _Text | None = None
        self._constant: dict[str, str] = {}
        if "instruction" in self._names:
            told = task.answer.instruction if instruction is None else instruction
            self._instruction, names = self._compile(environment, told)
            self._names |= names
            if not names:  # the same for every sample
                self._constant["instruction"] = self._instruction.render({})
                self._instruction = None
        self._shot = lru_cache(maxsize=4096)(self._render_shot)
        self._shots: dict[str, Sample] = {}

    def _compile(self, environment: SandboxedEnvironment, source: str) -> tuple[_Text, set[str]]:
        try:
            parsed = environment.parse(source)
            names = set(meta.find_undeclared_variables(parsed))
            if any(used.name == "interleave" for used in parsed.find_all(nodes.Filter)):
                names.add("images")
                self._interleaved = True
            return _Text(environment.from_string(source), parsed), names
        except (TemplateError, ArithmeticError, SyntaxError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            raise HemmError(
                f"{self.where} is no Jinja2 template{f' (line {line})' if line else ''}: {error}"
            ) from error

    def messages(
        self, sample: Sample, shots: Sequence[Sample] = (), history: Sequence[Message] = ()
    ) -> tuple[Message, ...]:
        """System prompt, shots as user and assistant turns, earlier turns, then the sample's own turn."""
        user = Message("user", self._parts(sample))
        if not shots and not history and not self.system:
            return (user,)
        turns: list[Message] = []
        for shot in shots:
            self._shots[shot.id] = shot
            turns += self._shot(shot.id)
        turns += history
        turns.append(user)
        if self.system and self._merge:
            turns[0] = Message(turns[0].role, _joined((f"{self.system}\n\n", *turns[0].parts)))
        elif self.system:
            turns.insert(0, Message("system", (self.system,)))
        return tuple(turns)

    def _render_shot(self, shot: str) -> tuple[Message, Message]:
        sample = self._shots[shot]
        if not sample.references:
            raise HemmError(f"sample {sample.id!r} cannot be a shot: it has no reference answer")
        reference = sample.references[0]
        answer = self.task.answer.render(reference, sample) if isinstance(reference, str) else reference
        return Message("user", self._parts(sample)), Message("assistant", (answer,))

    def _parts(self, sample: Sample) -> tuple[str | Media, ...]:
        context = self._context(sample)
        begin()
        try:
            if self._instruction is not None:
                context["instruction"] = self._instruction.render(context)
            text = self._prompt.render(context)
            text = (context[_PLACES].settled(text) if self._interleaved else text).strip()
        except UndefinedError as error:
            raise self._missing(error, sample) from error
        except Exception as error:  # a template may divide by zero, call itself without end, and more
            why = " ".join(str(error).split())[:300] or type(error).__name__
            raise HemmError(f"{self.where} does not render for sample {sample.id!r}: {why}") from error
        media = sample.media
        if "\x02" not in text or len(pieces := _MARK.split(text)) == 1:
            return (*media, text) if text else media
        parts: list[str | Media] = [
            media[int(piece)] if i % 2 else piece for i, piece in enumerate(pieces) if i % 2 or piece
        ]
        if self._interleaved:  # media that the data do not place come first
            placed = {int(piece) for piece in pieces[1::2]}
            parts = [*(m for i, m in enumerate(media) if i not in placed), *parts]
        return tuple(parts)

    def _context(self, sample: Sample) -> dict[str, Any]:
        context: dict[str, Any] = {**sample.fields, **self._constant}
        names = self._names
        if "image" in names or "images" in names:
            context["image"], context["images"] = _marks(len(sample.media))
        if self._interleaved:
            context[_PLACES] = Places(context["images"], sample.fields, _FOLLOWING)
        if "options" in names:
            context["options"] = _lettered(sample.choices)
        if "labels" in names:
            context["labels"] = ", ".join(sample.choices)
        return context

    def _missing(self, error: UndefinedError, sample: Sample) -> HemmError:
        match = _UNDEFINED.search(str(error))
        if match is None:
            return HemmError(f"{self.where} does not render for sample {sample.id!r}: {error}")
        name, known = match.group(1), [*sample.fields, *sorted(RESERVED)]
        close = nearest(name, known)
        hint = f"did you mean {close!r}? " if close else ""
        return HemmError(
            f"{self.where} asks for {{{{ {name} }}}}, which sample {sample.id!r} does not have; {hint}"
            f"it has: {', '.join(known)}"
        )


def _joined(parts: Iterable[str | Media]) -> tuple[str | Media, ...]:
    out: list[str | Media] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return tuple(out)


_renderers: dict[tuple[int, str | None, str], tuple[Task, Renderer]] = {}


def render(
    task: Task, sample: Sample, *, template: str | None = None, system: str = "", shots: Sequence[Sample] = ()
) -> tuple[Message, ...]:
    """The messages for one sample. Raises HemmError for a placeholder that the sample does not have."""
    key = (id(task), template, system)
    cached = _renderers.get(key)
    if cached is None or cached[0] is not task:
        if len(_renderers) > 64:
            _renderers.clear()
        cached = _renderers[key] = (task, Renderer(task, template=template, system=system))
    return cached[1].messages(sample, shots)
