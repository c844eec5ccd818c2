"""Forms of JSON files that hemm wrote, checked where a file has no checksum.

A form is a type, several types, a list with the form of its items, or a mapping of members to their forms; a
member with ``?`` at its end may be absent, and ``*`` stands for any name.
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


def loose(form: Any, needed: str = "") -> Any:
    """``form``, but members may be absent at every depth, all but ``needed``.

    >>> loose({"task": str, "model": {"name": str}, "parts": [int]}, "parts")
    {'task?': <class 'str'>, 'model?': {'name?': <class 'str'>}, 'parts': [<class 'int'>]}
    """
    if isinstance(form, list):
        return [loose(form[0])]
    if not isinstance(form, Mapping):
        return form
    kept = {"*", needed}
    names = {name: name if name in kept else f"{name.removesuffix('?')}?" for name in form}
    return {names[name]: loose(part) for name, part in form.items()}


def _misfit(value: Any, form: Any, at: str) -> tuple[str, Any] | None:
    """(name, value) of the first member that does not fit."""
    if isinstance(form, list):
        if not isinstance(value, list):
            return at, value
        inner = [(f"{at}[{number}]", item, form[0]) for number, item in enumerate(value)]
    elif isinstance(form, Mapping):
        if not isinstance(value, dict):
            return at, value
        inner, lacking = _members(value, form, at)
        if lacking:
            return lacking, None
    else:
        kinds = form if isinstance(form, tuple) else (form,)
        right = isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds or object in kinds)
        return None if right else (at, value)
    return next((wrong for name, item, part in inner if (wrong := _misfit(item, part, name))), None)


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
