"""Forms of JSON files that hemm wrote.

A form is a type; a tuple of forms, of which one fits; a list of the form of all items, or of one form for
each item; or a mapping of members to their forms. A member with ``?`` at its end may be absent, and ``*``
stands for any name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hemm.core.errors import BadData
from hemm.core.user_files import shown


def check(value: Any, form: Any, where: Path, cure: str) -> None:
    """Raise BadData naming the file and the member where ``value`` is not of this form.

    ``cure``: what to do.
    """
    wrong = _misfit(value, form, "")
    if wrong is not None:
        raise BadData(f"{where} is damaged: {wrong[0] or 'it'} is {shown(wrong[1])}; {cure}")


def _misfit(value: Any, form: Any, at: str) -> tuple[str, Any] | None:
    """(name, value) of the first member that does not fit."""
    if isinstance(form, tuple):
        return _of_none(value, form, at)
    if isinstance(form, list):
        if not isinstance(value, list) or (len(form) > 1 and len(form) != len(value)):
            return at, value
        parts = form if len(form) > 1 else form * len(value)
        inner = [(f"{at}[{n}]", item, part) for n, (item, part) in enumerate(zip(value, parts, strict=True))]
    elif isinstance(form, Mapping):
        if not isinstance(value, dict):
            return at, value
        inner, lacking = _members(value, form, at)
        if lacking:
            return lacking, None
    else:
        right = isinstance(value, form) and (not isinstance(value, bool) or form in (bool, object))
        return None if right else (at, value)
    return next((wrong for name, item, part in inner if (wrong := _misfit(item, part, name))), None)


def _of_none(value: Any, forms: tuple[Any, ...], at: str) -> tuple[str, Any] | None:
    """As ``_misfit``, where one of several forms is to fit: what the one of the value's own kind says."""
    wrong = [_misfit(value, form, at) for form in forms]
    if None in wrong:
        return None
    return next((each for each in wrong if each is not None and each[0] != at), (at, value))


def _members(value: Mapping[str, Any], form: Mapping[str, Any], at: str) -> tuple[list[Any], str]:
    """(name, value, form) of each member that has a form, and the name of one that is missing."""
    inner = []
    for key, part in form.items():
        name = key.removesuffix("?")
        if key == "*":
            inner += [(f"{at}.{member}".lstrip("."), item, part) for member, item in value.items()]
        elif name in value:
            inner.append((f"{at}.{name}".lstrip("."), value[name], part))
        elif name == key:
            return [], f"{at}.{name}".lstrip(".")
    return inner, ""
