"""``--conditions``: the same samples with picture and question, with one of them, and with neither."""

from __future__ import annotations

from hemm.core import CONTROLS, HemmError, UnknownName
from hemm.core.taxonomy import CONDITIONS


def controls_of(text: str) -> tuple[str, ...]:
    """The controls of ``--conditions``, in the order of ``CONDITIONS``; none for an empty text.

    Raises HemmError where a condition is named twice or with a control of another one.

    >>> controls_of("vl,l=shuffle,v,prior")
    ('', 'shuffle', 'question', 'prior')
    """
    found: dict[str, str] = {}
    for word in filter(None, (each.strip() for each in text.split(","))):
        name, equals, control = (part.strip() for part in word.partition("="))
        if name not in CONDITIONS:
            raise UnknownName("condition", name, CONDITIONS)
        allowed = CONDITIONS[name]
        if name in found:
            raise HemmError(f"--conditions {text}: {name} is named twice")
        if equals and control not in allowed:
            if control in CONTROLS:
                raise HemmError(f"--conditions {text}: {name} can be {', '.join(filter(None, allowed))}")
            raise UnknownName(f"control for condition {name}", control, filter(None, allowed))
        found[name] = control if equals else allowed[0]
    if text.strip() and not found:
        raise HemmError(f"--conditions {text!r}: give some of {', '.join(CONDITIONS)}")
    return tuple(found[name] for name in CONDITIONS if name in found)
