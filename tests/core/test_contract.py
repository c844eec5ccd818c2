"""Members of contracts: what is required, what has a default, and objects that inherit from no contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hemm.core import (
    BatchModel,
    Capabilities,
    Generation,
    Group,
    HemmError,
    Identity,
    Layout,
    Message,
    Metric,
    Request,
    RequestModel,
    Response,
    Sample,
    Source,
    completed,
    completed_model,
)


class Plain:
    """A local model that inherits from nothing."""

    capabilities = Capabilities()
    batch_size = 4

    def __init__(self) -> None:
        self.spec, self.identity = "plain", Identity("plain")

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response() for _ in requests]


class Told(Plain, BatchModel):
    """One that inherits, and replaces defaults in three ways."""

    alone = True

    def __init__(self) -> None:
        super().__init__()
        self.notice = "wait"

    @property
    def setup(self) -> dict[str, int]:
        return {"gpus": 2}


def test_a_model_may_replace_a_default_by_attribute_property_or_in_init() -> None:
    model = Told()
    assert (model.alone, model.notice, model.setup) == (True, "wait", {"gpus": 2})
    assert (model.parallel, model.concurrency, model.protocol_extra) == (1, None, ())
    assert completed_model(model, "it") is model
    assert type(model) is Told


def test_a_model_that_inherits_from_nothing_gets_the_defaults() -> None:
    plain = Plain()
    assert not isinstance(plain, BatchModel)
    model = completed_model(plain, "model 'plain'")
    assert model is plain
    assert isinstance(model, BatchModel)
    assert isinstance(model, Plain)
    assert not isinstance(model, RequestModel)
    assert (model.spec, model.notice, model.alone, model.setup) == ("plain", "", False, None)
    request = Request("a", 0, (Message("user", ("four",)),), Generation(), "key")
    assert model.shape(request) == (0, 4)


class Logged:
    """A wrapper, which looks up what it does not have itself in another model."""

    def __init__(self, model: Plain) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def test_a_wrapper_keeps_what_it_wraps() -> None:
    inner = Plain()
    model: Any = completed_model(Logged(inner), "it")
    assert isinstance(model, BatchModel)
    assert len(model.generate_batch([1, 2])) == 2
    assert (model.spec, model.notice, model.protocol_extra, model.setup) == ("plain", "", (), None)
    inner.protocol_extra, inner.setup = (("quantised", "yes"),), {"gpus": 1}  # as one that has started
    assert (model.protocol_extra, model.setup) == ((("quantised", "yes"),), {"gpus": 1})


class Single:
    """A served model that inherits from nothing and has a method of its own called ``generate_batch``."""

    spec, identity, capabilities, concurrency = "single", Identity("single"), Capabilities(), 2

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def generate(self, request: Request) -> Response:
        return Response()

    def generate_batch(self, prompts: Sequence[str]) -> None: ...


def test_a_model_is_of_the_kind_whose_members_it_has() -> None:
    model = completed_model(Single(), "it")
    assert isinstance(model, RequestModel)
    assert not isinstance(model, BatchModel)


def test_what_a_model_lacks_is_named() -> None:
    plain = Plain()
    del plain.spec
    with pytest.raises(HemmError, match=r"^model 'x' has no spec: see hemm\.core\.BatchModel$"):
        completed_model(plain, "model 'x'")
    with pytest.raises(HemmError, match="it has no spec, identity, capabilities: see"):
        completed_model(object(), "it")


class Terse(BatchModel):
    """One that inherits, and has nothing to load, to free or to tell before it starts."""

    batch_size, capabilities, identity = 1, Capabilities(), Identity("terse")

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [Response() for _ in requests]


def test_a_model_that_inherits_may_leave_out_start_and_close_but_no_required_member() -> None:
    model = Terse()
    asyncio.run(model.start())
    asyncio.run(model.close())
    with pytest.raises(HemmError, match=r"^it has no spec: see hemm\.core\.BatchModel$"):
        completed_model(model, "it")


def test_files_of_a_source_that_cannot_fetch_are_given_by_hand() -> None:
    plain = SimpleNamespace(name="own", ids="", layout=Layout((), lambda folder: iter(())))
    source = completed(plain, Source, "it")
    with pytest.raises(HemmError, match="it has no fetch"):
        source.fetch(Path("here"))


@dataclass(frozen=True)
class Exact:
    """A metric that inherits from nothing."""

    fold: str = "no"
    name = "exact"
    version = 1
    group = "sample"
    range = (0.0, 1.0)
    higher_is_better = True
    needs: frozenset[str] = frozenset()

    @property
    def parameters(self) -> dict[str, str]:
        return {"fold": self.fold}

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        return [{"": 1.0} for _ in groups]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None


def test_a_metric_that_inherits_from_nothing_gets_the_defaults() -> None:
    metric: Metric = completed(Exact(), Metric, "it")
    assert isinstance(metric, Metric)
    assert metric.prepared() is metric
    assert (metric.title, metric.unanchored, metric.components(()), metric.record()) == ("", "", (), {})
    assert replace(metric, fold="yes").parameters == {"fold": "yes"}  # type: ignore[type-var]
    assert metric == completed(Exact(), Metric, "it")


class Slotted:
    """A source whose class has slots, as attrs and ``dataclass(slots=True)`` make them."""

    __slots__ = ("fetch", "ids", "layout", "name", "tries")

    def __init__(self, **members: Any) -> None:
        for name, value in members.items():
            setattr(self, name, value)


@pytest.mark.parametrize("kind", [Slotted, SimpleNamespace])
def test_an_object_whose_class_cannot_change_is_completed_too(kind: Callable[..., Any]) -> None:
    layout = Layout((), lambda folder: iter(()))
    plain = kind(name="own", ids="", layout=layout, fetch=lambda into, progress=None: (into, "1"), tries=0)
    source = completed(plain, Source, "it")
    assert isinstance(source, Source)
    assert (source.name, source.layout, source.at_hand, source.fingerprint()) == ("own", layout, False, {})
    assert source.fetch(Path("here")) == (Path("here"), "1")
    source.tries = 5
    assert source.tries == plain.tries == 5
    assert completed(source, Source, "it") is source
