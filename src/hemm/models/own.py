"""Models of users that no registry lists: classes in files (``./my_model.py:CLASS``) and objects of programs.

Such a model is known by its code: where it says no revision of its own, the revision is a digest of its file
and of the neighbours that the file imports, of its class, and of the plain values that it holds, so that
changed code, another class and other arguments ask anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import Parameter, signature
from typing import Any

from hemm.core import HemmError, Identity, Model, completed_model, user_code
from hemm.core.code_digest import of_object
from hemm.models.options import ModelOptions

_NOT_IDENTITY = ("spec", "identity", "batch_size", "concurrency", "parallel", "alone", "notice")
"""Attributes of a model that change no answer, or are its identity itself."""
_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def is_file(spec: str, families: Callable[[str], bool]) -> bool:
    """Whether a spec names a class in a Python file, and no model of a family (``worker/./FILE.py``)."""
    return user_code.is_code(spec) and "://" not in spec and not families(spec.partition("/")[0])


def from_file(spec: str, options: ModelOptions) -> Model:
    """The model that ``./file.py:CLASS`` names, not started.

    What is named is called as a plug-in's class is, with a spec and options, where it takes them; else with
    nothing. The spec that it gets says nothing of the folder. Raises HemmError where the file is not there,
    fails, or gives no model.
    """
    file, name = user_code.split(spec)
    make = user_code.member(spec, "model")
    short = f"{file.name}:{name}"
    if not callable(make):
        return known(make, options, short)
    try:
        takes = _takes(make)
        model = make(*(short, options)[:takes])
    except HemmError:
        raise
    except Exception as error:
        raise HemmError(f"model {spec!r} cannot be made: {type(error).__name__}: {error}") from error
    return known(model, options if takes < 2 else ModelOptions(), short)


def _takes(make: Callable[..., Any]) -> int:
    """How many of (spec, options) a class or function takes: those that it cannot do without, or that have
    these names."""
    first = next((c for c in getattr(make, "__mro__", ()) if "__init__" in vars(c)), None)
    if first is object or vars(first or make).get("_is_protocol"):
        return 0  # no __init__ of its own: that of a contract takes anything, and means nothing
    found = [p for p in signature(make).parameters.values() if p.kind in _BY_PLACE]
    if [p.name for p in found[:2]] == ["spec", "options"]:
        return 2
    return min(2, sum(p.default is Parameter.empty for p in found))


def known(model: Any, options: ModelOptions, short: str = "") -> Model:
    """A model that is an object, with an identity and with what else it lacks.

    short  what it is called where it has no name of its own
    Raises HemmError for options that only what makes a model can follow, and for an object that is no model.
    """
    what = f"model {short or type(model).__name__}"
    given = {name: getattr(options, name) for name in ("batch_size", "revision", "serve", "replicas", "ray")}
    ignored = [name for name, value in given.items() if value != getattr(ModelOptions(), name)]
    if options.settings:
        ignored.append(f"settings: {', '.join(key for key, _ in options.settings)}")
    if ignored:
        raise HemmError(f"{what} is an object: give it yourself what is set by {'; '.join(ignored)}")
    if short and not hasattr(model, "spec"):
        _set(model, "spec", short, what)
    identity = getattr(model, "identity", None) or (Identity(short) if short else None)
    if isinstance(identity, Identity) and not identity.revision:
        _set(model, "identity", replace(identity, revision=of_object(model, _NOT_IDENTITY)), what)
    return completed_model(model, what)


def _set(model: Any, name: str, value: Any, what: str) -> None:
    try:
        object.__setattr__(model, name, value)
    except (AttributeError, TypeError):
        raise HemmError(
            f"{what} has no {name} of its own: give it one (an Identity with a revision)"
        ) from None
