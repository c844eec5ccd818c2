"""What one cell of a user's table holds: a text, a list, choices, a conversation."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hemm.core import BadData

_MARK = re.compile(r"(?:^|[;,\n])\s*\(?([A-Z])[.):]\s*")
"""A letter before an option, in a text that holds all of them."""


def scalar(value: Any) -> str | None:
    """A single value as text; None for lists, objects and nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | str):
        return str(value)
    return None


def literal(text: str) -> Any:
    """The list or object that a text writes, in JSON or in Python; the text itself where it writes none.

    >>> literal('["a", "b"]'), literal("['a', 'b']"), literal("[sic]")
    (['a', 'b'], ['a', 'b'], '[sic]')
    """
    stripped = text.strip()
    if not stripped or (stripped[0], stripped[-1]) not in (("[", "]"), ("{", "}")):
        return text
    try:
        return orjson.loads(stripped)
    except orjson.JSONDecodeError:
        pass
    try:
        value = ast.literal_eval(stripped)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, list | dict) else text


def text_list(cell: str) -> list[str]:
    """The texts of a cell: a list written as ``['a', 'b']``, or the cell itself."""
    value = literal(cell)
    if isinstance(value, list) and value and all(isinstance(v, str | int | float) for v in value):
        return [str(v) for v in value]
    return [cell]


def choices_of(value: Any, name: str, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The choices in a cell, and their letters where the cell has them.

    A cell holds a list; an object by letter; a list or an object that is written as text; or a text with a
    letter before each (``A. red; B. blue``).

    Raises BadData where it is none of these.

    >>> choices_of({"A": "red", "B": "blue", "C": None}, "options", "line 1")
    (('red', 'blue'), ('A', 'B'))
    >>> choices_of("A. red; B. blue", "options", "line 1")
    (('red', 'blue'), ('A', 'B'))
    """
    given = value
    if isinstance(value, str):
        value = literal(value)
    if isinstance(value, str):
        value = _marked(value)
    if isinstance(value, dict) and value.keys() == {"text", "label"}:
        value = dict(zip(map(str, value["label"] or ()), value["text"] or (), strict=False))
    letters: tuple[str, ...] = ()
    if isinstance(value, dict):
        kept = {str(k).strip().upper(): v for k, v in value.items() if v not in (None, "")}
        letters = tuple(kept) if all(len(k) == 1 and k.isalpha() for k in kept) else ()
        value = list(kept.values())
    if value is None or value == "":
        return (), ()
    if not isinstance(value, list | tuple) or any(scalar(v) is None for v in value):
        raise BadData(f"{where}: field {name!r} is no list of texts: {given!r:.40}")
    return tuple(str(scalar(v)) for v in value), letters


def _marked(text: str) -> Any:
    """The options of a text that has a letter before each, by letter; the text itself where it has not."""
    found = list(_MARK.finditer(text))
    letters = [match[1] for match in found]
    if len(found) < 2 or found[0].start() or letters != [chr(ord("A") + n) for n in range(len(found))]:
        return text
    ends = [*(match.start() for match in found[1:]), len(text)]
    return {match[1]: text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}


@dataclass(frozen=True)
class Exchange:
    """A question of a conversation with its answer, and the pictures that stand in it."""

    question: str
    answer: str | None
    images: tuple[Any, ...] = ()


_USER, _MODEL = ("human", "user"), ("gpt", "assistant", "model", "chatgpt")


def exchange(turns: Sequence[Mapping[str, Any]], name: str, where: str) -> Exchange:
    """The question and the answer of a conversation in LLaVA's form (``from``, ``value``) or OpenAI's
    (``role``, ``content``); a system message stands before the question. Raises BadData for a conversation
    with several questions.

    >>> exchange([{"from": "human", "value": "<image> Who?"}, {"from": "gpt", "value": "owl"}], "t", "line 1")
    Exchange(question='<image> Who?', answer='owl', images=())
    """
    before: list[str] = []
    asked: list[str] = []
    answered: list[str] = []
    images: list[Any] = []
    for turn in turns:
        who = str(turn.get("from", turn.get("role"))).lower()
        text = _content(turn.get("value", turn.get("content")), images, name, where)
        if who not in ("system", "developer", *_USER, *_MODEL):
            raise BadData(
                f"{where}: field {name!r} has a turn of {who!r}, which is neither user nor assistant"
            )
        (asked if who in _USER else answered if who in _MODEL else before).append(text)
    if len(asked) != 1 or len(answered) > 1:
        raise BadData(
            f"{where}: field {name!r} has {len(asked)} questions and {len(answered)} answers; "
            "a row is one question"
        )
    return Exchange("\n\n".join([*before, *asked]), answered[0] if answered else None, tuple(images))


def _content(content: Any, images: list[Any], name: str, where: str) -> str:
    """The text of one turn, with ``<image>`` where a picture stands; those with a place go to ``images``."""
    if isinstance(content, str):
        return content
    text = ""
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "input_text"):
            text += str(part.get("text") or "")
        elif kind in ("image", "image_url", "input_image"):
            place = part.get("image_url") or part.get("image") or part.get("path") or part.get("url")
            place = place.get("url") if isinstance(place, dict) and "url" in place else place
            if place is not None:
                images.append(place)
            text += "<image>"
        else:
            raise BadData(
                f"{where}: field {name!r} has a part that is neither text nor picture: {part!r:.40}"
            )
    return text
