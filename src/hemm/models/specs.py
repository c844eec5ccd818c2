"""Resolves specs to models."""

from __future__ import annotations

from collections.abc import Callable

from hemm.core import HemmError, Model, Registry, UnknownName, completed_model, nearest
from hemm.models import own
from hemm.models.options import ModelOptions

Factory = Callable[[str, ModelOptions], Model]
"""``factory(spec, options)`` gives a model that is not started."""

MODELS: Registry[Factory] = Registry(
    "model",
    "hemm.models",
    {
        "tiny": "hemm.models.hf.adapter:open_tiny",
        "hf": "hemm.models.hf.adapter:open_hf",
        "text": "hemm.models.hf.text:open_text",
        "openai": "hemm.models.api.openai:open_openai",
        "anthropic": "hemm.models.api.anthropic:open_anthropic",
        "google": "hemm.models.api.google:open_google",
        "azure": "hemm.models.api.openai:open_azure",
        "openrouter": "hemm.models.api.openai:open_openrouter",
        "http": "hemm.models.api.openai:open_http",
        "https": "hemm.models.api.openai:open_http",
        "worker": "hemm.models.worker.adapter:open_worker",
        "baseline/random": "hemm.models.baselines:Random",
        "baseline/majority": "hemm.models.baselines:Majority",
        "baseline/oracle": "hemm.models.baselines:Oracle",
    },
)
"""Models by name, and families by prefix: the row ``x`` serves the specs ``x`` and ``x/...``."""

FORMS = {
    "hf": "hf/ORG/NAME[@revision], hf/./folder, hf//absolute/folder",
    "text": "text/ORG/NAME[@revision], text/./folder, text//absolute/folder",
    "openai": "openai/NAME",
    "anthropic": "anthropic/NAME",
    "google": "google/NAME",
    "azure": "azure/DEPLOYMENT",
    "openrouter": "openrouter/ORG/NAME",
    "http": "http://host:port/v1#NAME",
    "https": "https://host/v1#NAME",
    "worker": "worker/NAME, worker/./FILE.py",
}
"""Family -> the forms of its specs."""


def resolve(spec: str | Model, options: ModelOptions | None = None) -> Model:
    """The model that ``spec`` names, not started; or ``spec`` itself, where it is a model.

    ``./file.py:CLASS`` names a class of a user's own.

    Raises UnknownName (with the nearest name), MissingExtra where a package is not installed, HemmError for
    a spec that is not complete or an option that does not fit, and for a plug-in's model that lacks members.

    >>> resolve("baseline/majority", ModelOptions(batch_size=32)).batch_size
    32
    >>> resolve("openai")
    Traceback (most recent call last):
        ...
    hemm.core.errors.HemmError: model 'openai' names no model: write openai/NAME
    """
    options = options or ModelOptions()
    if options.batch_size < 0:
        raise HemmError(f"--batch-size {options.batch_size}: give a number of 1 or more, or auto")
    if not isinstance(spec, str):
        return _named(own.known(spec, options))
    if own.is_file(spec, MODELS.__contains__):
        return _replicated(_named(own.from_file(spec, options)), options, spec)
    name = family(spec)
    if name in FORMS and spec == name:
        raise HemmError(f"model {spec!r} names no model: write {FORMS[name]}")
    if options.serve and name == "hf":
        from hemm.models.process.serve import open_served

        return open_served(spec, options)
    model = completed_model(MODELS.get(name)(spec, options), f"model {spec!r}")
    return _replicated(model, options)


def is_own(model: Model) -> bool:
    """Whether a model's class is a user's own, or a plug-in's."""
    return type(model).__module__.partition(".")[0] != "hemm"


def _named(model: Model) -> Model:
    """``model``, which is a user's own. Raises HemmError where it has no name, or that of one of hemm's."""
    name = model.identity.name
    taken = name in MODELS and MODELS.get(name) is not type(model)  # a plug-in's own object has its name
    if is_own(model) and (taken or not name.strip() or not name.isprintable()):
        whose = "is a model of hemm" if taken else "is no name of a model"
        raise HemmError(f"model {type(model).__name__}: the name {name!r} {whose}: give its Identity another")
    return model


def _replicated(model: Model, options: ModelOptions, spec: str = "") -> Model:
    if options.ray:
        from hemm.models.ray.opening import on_ray

        return on_ray(model, options, spec)
    if options.replicas == 1:
        return model
    from hemm.models.process.replicas import replicated

    return replicated(model, options, spec)


def family(spec: str) -> str:
    """The registry row that serves ``spec``: its name, or its prefix. Raises UnknownName."""
    if spec in MODELS:
        return spec
    scheme = spec.partition("://")[0]
    if scheme != spec and scheme in ("http", "https"):
        return scheme
    prefix = spec.partition("/")[0]
    if prefix != spec and prefix in MODELS and prefix not in ("tiny", "http", "https"):
        return prefix
    forms = [FORMS.get(n, n) for n in MODELS if n != "https"]
    meant = _meant(spec)
    question = f"did you mean {meant!r}? " if meant else ""
    raise UnknownName("model", spec, (), f"{question}write one of {', '.join(forms)}")


def _meant(spec: str) -> str | None:
    """A suggestion for an unknown spec: the nearest name, or last part of one (oracle), or nearest prefix."""
    tails = {n.rpartition("/")[2]: n for n in MODELS}
    known = tails | {n: n for n in MODELS}
    name = known.get(nearest(spec, known) or nearest(spec.rpartition("/")[2], tails) or "")
    prefix, sign, rest = spec.partition("/")
    if sign and (near := nearest(prefix, [n for n in MODELS if n not in ("tiny", "http", "https")])):
        return f"{near}/{rest}" if "/" not in near else name
    return name
