"""What one cell of a user's table holds: a text, a list, choices, a conversation."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hemm.core import BadData
from hemm.core.text import counted, letters

_MARK = re.compile(r"(?:(?:^|[;,\n])\s*\(?|\s\()([A-Z])[.):]\s*")
"""A letter before an option, in a text that holds all of them."""
_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_ARRAY = re.compile(rf"\[\s*{_QUOTED}(?:\s+{_QUOTED})+\s*\]", re.DOTALL)
"""Texts in brackets without commas: what pandas writes to CSV for an array of NumPy."""
_KEY = re.compile(r"[A-Za-z]|\d{1,3}")
_FORMS = (
    "give a list, an object by letter or number, either of them as text, a list of objects with label and "
    "text, or 'A. red; B. blue'"
)


def scalar(value: Any) -> str | None:
    """A single value as text; None for lists, objects, NaN, infinity and nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int | float | str):
        return str(value)
    return None


def literal(text: str) -> Any:
    """The list or object that a text writes, in JSON, in Python or as an array of NumPy; the text itself
    where it writes none.

    >>> literal('["a", "b"]'), literal("['a', 'b']"), literal("['a' 'b']"), literal("[sic]")
    (['a', 'b'], ['a', 'b'], ['a', 'b'], '[sic]')
    """
    stripped = text.strip()
    if not stripped or (stripped[0], stripped[-1]) not in (("[", "]"), ("{", "}")):
        return text
    if _ARRAY.fullmatch(stripped):
        return [str(ast.literal_eval(quoted)) for quoted in re.findall(_QUOTED, stripped)]
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
    """The choices in a cell, and their keys where the cell has them.

    A cell holds a list; an object by letter or number, which says their order; a list or an object that is
    written as text; a list of objects with ``label`` and ``text``; or a text with a letter before each
    (``A. red; B. blue``). Empty choices of an object, and at the end of
    a list, are none.

    Raises BadData where it is none of these, and where two choices have one key or an empty one
    stands before others.

    >>> choices_of({"B": "blue", "A": "red", "C": None}, "options", "line 1")
    (('red', 'blue'), ('A', 'B'))
    >>> choices_of({"1": "red", "2": "blue"}, "options", "line 1")
    (('red', 'blue'), ('1', '2'))
    >>> choices_of("A. red; B. blue", "options", "line 1")
    (('red', 'blue'), ('A', 'B'))
    """
    given = value
    if isinstance(value, str):
        value = literal(value)
    if isinstance(value, str):
        value = _marked(value)
    if isinstance(value, dict) and value.keys() == {"text", "label"}:
        value = _Pairs(zip(map(str, value["label"] or ()), value["text"] or (), strict=False))
    elif isinstance(value, dict):
        value = _Pairs(value.items())
    elif isinstance(value, list | tuple) and value and all(map(_is_labelled, value)):
        value = _Pairs((v["label"], v["text"]) for v in value)
    keys: tuple[str, ...] = ()
    if isinstance(value, _Pairs):
        keys, value = _by_key([(str(k).strip().upper(), v) for k, v in value if not _blank(v)], name, where)
    if value is None or value == "":
        return (), ()
    if isinstance(value, list | tuple):
        value = list(value)
        while value and _blank(value[-1]):
            value.pop()
        if any(map(_blank, value)):
            raise BadData(f"{where}: field {name!r} has an empty choice before others: {given!r:.60}")
    if not isinstance(value, list) or any(scalar(v) is None for v in value):
        raise BadData(f"{where}: field {name!r} is no list of texts: {given!r:.40}; {_FORMS}")
    return tuple(str(scalar(v)) for v in value), keys


class _Pairs(list[tuple[Any, Any]]):
    """Keys and choices."""


def _blank(value: Any) -> bool:
    return value is None or value == ""


def _is_labelled(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"label", "text"}


def _by_key(pairs: list[tuple[str, Any]], name: str, where: str) -> tuple[tuple[str, ...], list[Any]]:
    """Keys and choices in the order of the keys, where these are letters or numbers."""
    keys = [key for key, _ in pairs]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise BadData(f"{where}: field {name!r} has two choices {twice!r}; give each a letter of its own")
    if all(map(_KEY.fullmatch, keys)):
        pairs = sorted(pairs, key=lambda pair: pair[0].zfill(3) if pair[0].isdecimal() else pair[0])
    return tuple(key for key, _ in pairs), [choice for _, choice in pairs]


def _marked(text: str) -> Any:
    """The options of a text that has a letter before each, by letter; the text itself where it has not."""
    found = list(_MARK.finditer(text))
    marks = [match[1] for match in found]
    if len(found) < 2 or found[0].start() or tuple(marks) != letters(len(found)):
        return text
    ends = [*(match.start() for match in found[1:]), len(text)]
    return {match[1]: text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}


@dataclass(frozen=True)
class Exchange:
    """A question of a conversation with its answer, and the pictures that stand in it."""

    question: str
    answer: str | None
    images: tuple[Any, ...] = ()


_SYSTEM = ("system", "developer")
_USER, _MODEL = ("human", "user"), ("gpt", "assistant", "model", "chatgpt")


def has_system_turn(turns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a conversation has a message of the system.

    >>> has_system_turn([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}])
    True
    """
    return any(str(turn.get("from", turn.get("role"))).lower() in _SYSTEM for turn in turns)


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
        if who not in (*_SYSTEM, *_USER, *_MODEL):
            raise BadData(
                f"{where}: field {name!r} has a turn of {who!r}, which is neither user nor assistant"
            )
        (asked if who in _USER else answered if who in _MODEL else before).append(text)
    if len(asked) != 1 or len(answered) > 1:
        raise BadData(
            f"{where}: field {name!r} has {counted(len(asked), 'question')} and "
            f"{counted(len(answered), 'answer')}; a row is one question"
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
