"""How a contract names its members, and how a plug-in's object that inherits from none is taken in."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from hemm.core.errors import HemmError

__all__ = ["completed", "lacking", "optional", "required"]


if TYPE_CHECKING:
    from builtins import property as optional
    from builtins import property as required
else:

    class _Optional:
        """A member with a default, which the decorated function gives.

        Type checkers see a property. At run time a class may replace it by an attribute, a property, or by
        setting it in ``__init__``, which a property of the base would forbid.
        """

        def __init__(self, get: Callable[[Any], Any]) -> None:
            self.get, self.__doc__ = get, get.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, thing: Any, owner: type | None = None) -> Any:
            if thing is None:  # else a dataclass takes the descriptor for the default of its field
                raise AttributeError(self.name)
            return self.get(thing)

    class _Required(_Optional):
        """A member that every class has to give, in any of these ways."""

        def __get__(self, thing: Any, owner: type | None = None) -> Any:
            raise AttributeError(f"{(owner or type(thing)).__name__} has no {self.name}")

    optional, required = _Optional, _Required


def lacking(thing: Any, contract: type) -> list[str]:
    """The required members of ``contract`` that ``thing`` does not have; a property that raises is there.

    >>> from hemm.core import AnswerFormat
    >>> lacking("a text", AnswerFormat)
    ['name', 'version', 'instruction', 'parse', 'options', 'render']
    """
    missing = []
    for name in _required(contract):
        try:
            member = getattr(thing, name)
        except AttributeError:
            missing.append(name)
        except Exception:  # a property that raises is there
            continue
        else:
            if getattr(member, "__isabstractmethod__", False):
                missing.append(name)
    return missing


def completed(thing: Any, contract: type, what: str) -> Any:
    """``thing`` with the defaults of ``contract`` for the members that it does not have.

    Where its class does not inherit from ``contract``, it becomes one that inherits from both. An object
    whose class cannot change (a SimpleNamespace, a class with slots) comes back inside one that has its
    members first, and so does one that looks members up itself (``__getattr__``), which those of a base class
    would hide. ``what`` is named in errors. Raises HemmError that names the required members it lacks.

    >>> from hemm.core import Identity, Judge, Response
    >>> class Lenient:
    ...     identity = Identity("lenient", "1")
    ...     def ask(self, requests):
    ...         return [Response(text="yes") for _ in requests]
    >>> completed(Lenient(), Judge, "my judge").record()  # a default of Judge
    {}
    >>> completed("a text", Judge, "my judge")
    Traceback (most recent call last):
        ...
    hemm.core.errors.HemmError: my judge has no identity, ask: see hemm.core.Judge
    """
    if missing := lacking(thing, contract):
        raise HemmError(f"{what} has no {', '.join(missing)}: see hemm.core.{contract.__name__}")
    if contract in type(thing).__mro__:
        return thing
    own: Any = type(thing)
    if hasattr(own, "__getattr__"):
        return _around(thing, contract)
    try:
        object.__setattr__(thing, "__class__", _joined(own, contract))
    except TypeError:
        return _around(thing, contract)
    return thing


def _required(contract: type) -> tuple[str, ...]:
    """Names of required members, those of the most general contract first."""
    names: dict[str, None] = {}
    for base in reversed(contract.__mro__):
        for name, member in vars(base).items():
            if isinstance(member, required) or getattr(member, "__isabstractmethod__", False):
                names[name] = None
    return tuple(names)


def _around(thing: Any, contract: type) -> Any:
    """An object with the members of ``thing``, read and set there, and the defaults of ``contract``."""

    def member(name: str, default: Any) -> property:
        def get(around: Any) -> Any:
            try:
                return getattr(thing, name)  # asked each time: a model may set it when it starts
            except AttributeError:
                return default.__get__(around, type(around))

        return property(get)

    members = {name: m for base in reversed(contract.__mro__[:-1]) for name, m in vars(base).items()}
    body: dict[str, Any] = {name: member(name, m) for name, m in members.items() if not name.startswith("_")}
    body |= {
        "__getattr__": lambda _, name: getattr(thing, name),
        "__setattr__": lambda _, name, value: setattr(thing, name, value),
        "__module__": type(thing).__module__,
        "__doc__": type(thing).__doc__,
    }
    around = types.new_class(type(thing).__name__, (contract,), exec_body=lambda space: space.update(body))
    return object.__new__(around)


@cache
def _joined(own: Any, contract: Any) -> type:
    body = {"__slots__": (), "__module__": own.__module__, "__doc__": own.__doc__}
    return types.new_class(own.__name__, (own, contract), exec_body=lambda space: space.update(body))
