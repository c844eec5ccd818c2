"""What a reader may ask for: a closed set of named parameters, which become parameterised SQL.

An address is read once, here. A parameter or a value that is not known is an error of one line: nothing is
dropped in silence, and no text of an address becomes a part of a statement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from hemm.core import DIMENSIONS, HemmError, UnknownName
from hemm.core.user_files import shown
from hemm.web.index.build import Catalog
from hemm.web.index.tables import LABELS, OUTCOMES, among

FLIPS = {"lost": (True, False), "gained": (False, True), "changed": (False, False)}
"""Kind of flip from model ``a`` to model ``b`` -> whether each is right."""
AGREE = ("all-right", "all-wrong", "differ")
SORTS = {
    "sample": "a.sample",
    "score": "a.score",
    "latency": "a.latency",
    "tokens": "a.output_tokens",
    "cost": "a.cost",
    "length": "a.length",
    "spread": "g.spread",
}
"""What answers can be sorted by; ``metric:NAME`` is any other score."""
SIZES = (25, 50, 100)
MANY = ("model", "task", "outcome", "stage", "label", "meta")
ONCE = ("agree", "flip", "a", "b", "metric", "min", "max", "q", "in", "id", "sort", "dir", "size")
PLACES = ("after", "before")
LONGEST = 400
"""Most characters of a value."""
MOST_VALUES = 40
"""Most values of one parameter."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filter:
    """The answers that an address asks for, and their order. Every member is checked.

    pairs   the parameters as they stood in the address, without ``after`` and ``before``
    after, before   (value of what is sorted by, number of the answer) of the answer beside the page
    """

    pairs: Pairs = ()
    many: dict[str, tuple[str, ...]] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    after: tuple[float, int] | None = None
    before: tuple[float, int] | None = None

    def value(self, name: str) -> str:
        """A parameter of ``ONCE``; empty where the address has none."""
        return self.once.get(name, "")

    @property
    def sort(self) -> str:
        return self.once.get("sort", "sample")

    @property
    def falling(self) -> bool:
        return self.once.get("dir", "asc") == "desc"

    @property
    def size(self) -> int:
        return int(self.once.get("size", SIZES[0]))

    @property
    def text(self) -> str:
        return self.once.get("q", "")

    @property
    def searched(self) -> tuple[str, ...]:
        """The columns in which ``text`` is looked for."""
        where = self.once.get("in", "answer")
        return {"answer": ("raw",), "prompt": ("prompt",), "both": ("raw", "prompt")}[where]

    def query(self, **changes: str | None) -> str:
        """The address's query with some parameters set anew, or (None) left out."""
        kept = [(k, v) for k, v in self.pairs if k not in changes]
        return urlencode([*kept, *((k, v) for k, v in changes.items() if v is not None)])

    def toggled(self, name: str, value: str) -> str:
        """The query with this value of a parameter of ``MANY`` added, or taken away where it is there."""
        pair = (name, value)
        kept = [p for p in self.pairs if p != pair]
        return urlencode(kept if pair in self.pairs else [*kept, pair])

    def has(self, name: str, value: str) -> bool:
        return value in self.many.get(name, ())

    @property
    def narrowed(self) -> Pairs:
        """The parameters that leave answers out."""
        return tuple(p for p in self.pairs if p[0] not in ("sort", "dir", "size", "in", "metric"))


def read_filter(pairs: Iterable[tuple[str, str]], catalog: Catalog, metrics: Sequence[str]) -> Filter:
    """The filter of an address. Raises HemmError in one line for what it does not know."""
    many: dict[str, list[str]] = {}
    once: dict[str, str] = {}
    places: dict[str, tuple[float, int]] = {}
    kept: list[tuple[str, str]] = []
    for name, value in pairs:
        if name not in (*MANY, *ONCE, *PLACES):
            raise UnknownName("parameter", name, (*MANY, *ONCE, *PLACES))
        if not value:  # a form sends empty fields
            continue
        if len(value) > LONGEST:
            raise HemmError(f"{name} has {len(value)} characters: {LONGEST} are the most")
        if name in PLACES:
            places[name] = _place(name, value)
            continue
        _check(name, value, catalog, metrics)
        if name in MANY:
            known = many.setdefault(name, [])
            if value in known:
                continue
            known.append(value)
            if len(known) > MOST_VALUES:
                raise HemmError(f"{name} is there more than {MOST_VALUES} times")
        elif name in once:
            raise HemmError(f"{name} is there twice: give it once")
        else:
            once[name] = value
        kept.append((name, value))
    if {"flip", "a", "b"} & once.keys() and not {"a", "b"} <= once.keys():
        raise HemmError("two models are compared: give both a and b")
    return Filter(
        tuple(kept), {k: tuple(v) for k, v in many.items()}, once, places.get("after"), places.get("before")
    )


def _place(name: str, value: str) -> tuple[float, int]:
    first, sign, second = value.partition("~")
    try:
        place = float(first), int(second)
    except ValueError:
        sign = ""
        place = (0.0, 0)
    if not sign or math.isnan(place[0]) or not 0 <= place[1] < 2**62:
        raise HemmError(f"{name} is {shown(value)}: take the links to the next and the previous page")
    return place


def _check(name: str, value: str, catalog: Catalog, metrics: Sequence[str]) -> None:
    known = {
        "task": [c.cell.task for c in catalog.cells],
        "outcome": OUTCOMES,
        "agree": AGREE,
        "flip": FLIPS,
        "dir": ("asc", "desc"),
        "in": ("answer", "prompt", "both"),
        "size": tuple(map(str, SIZES)),
        "metric": metrics,
        "sort": (*SORTS, *(f"metric:{m}" for m in metrics)),
    }
    if name in known and value not in known[name]:
        raise UnknownName(name, value, known[name])
    if name in ("model", "a", "b") and not any(value in (c.subject, c.label) for c in catalog.cells):
        raise UnknownName("model in these results", value, [c.label for c in catalog.cells])
    if name == "label":
        dimension, _, category = value.partition(":")
        if dimension not in LABELS:
            raise UnknownName("dimension", dimension, LABELS)
        if category and category not in DIMENSIONS[dimension].categories:
            raise UnknownName(f"category of {dimension}", category, DIMENSIONS[dimension].categories)
    if name == "meta" and ":" not in value:
        raise HemmError(f"meta is {shown(value)}: write KEY:VALUE, as in meta=template:count")
    if name in ("min", "max"):
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise HemmError(f"{name} is {shown(value)}, which is no number")


class Where:
    """A filter as SQL: ``sql`` after ``from answers a``, and the ``values`` of its question marks.

    joins  what is joined to ``answers`` for it
    """

    def __init__(self, chosen: Filter, catalog: Catalog) -> None:
        self._filter, self._catalog = chosen, catalog
        self.joins, self._terms, self.values = list[str](), list[str](), list[Any]()
        self._order_value = self._sorted_by()
        self._cells()
        self._own()
        self._metadata()
        self._scores()
        self._samples()

    @property
    def sql(self) -> str:
        terms = f" where {' and '.join(self._terms)}" if self._terms else ""
        return f"from answers a {' '.join(self.joins)}{terms}"

    @property
    def value(self) -> str:
        """What is sorted by, as a number; answers without one come last."""
        if self._filter.sort == "sample":  # a plain column: DuckDB skips what lies after the page
            return self._order_value
        last = "-inf" if self._filter.falling else "inf"
        return f"coalesce({self._order_value}, '{last}'::double)::double"

    def _add(self, term: str, *values: Any) -> None:
        self._terms.append(term)
        self.values += values

    def _sorted_by(self) -> str:
        sort = self._filter.sort
        if sort == "spread":
            self.joins.append("left join agreement g on g.sample = a.sample")
        if sort.startswith("metric:"):
            self.joins.append("left join scores m on m.n = a.n and m.metric = ?")
            self.values.append(sort.removeprefix("metric:"))
            return "m.value"
        return SORTS[sort]

    def _cells(self) -> None:
        models, tasks = self._filter.many.get("model", ()), self._filter.many.get("task", ())
        if models or tasks:
            numbers = [
                c.number
                for c in self._catalog.cells
                if (not models or c.subject in models or c.label in models)
                and (not tasks or c.cell.task in tasks)
            ]
            self._add(among("a.cell", numbers), *numbers)

    def _own(self) -> None:
        chosen = self._filter
        if outcomes := chosen.many.get("outcome"):
            numbers = [OUTCOMES.index(o) for o in outcomes]
            self._add(among("a.outcome", numbers), *numbers)
        if stages := chosen.many.get("stage"):
            self._add(among("a.stage", stages), *stages)
        by_dimension: dict[str, list[str]] = {}
        for label in chosen.many.get("label", ()):
            dimension, _, category = label.partition(":")
            by_dimension.setdefault(dimension, []).append(category)
        for dimension, categories in by_dimension.items():
            column = LABELS[dimension]
            named = [c for c in categories if c]
            none = f"a.{column} is null" if "" in categories else "false"
            self._add(f"({none} or {among(f'a.{column}', named)})", *named)

    def _metadata(self) -> None:
        by_key: dict[str, list[str]] = {}
        for pair in self._filter.many.get("meta", ()):
            key, _, value = pair.partition(":")
            by_key.setdefault(key, []).append(value)
        for key, found in by_key.items():
            self._add(
                """a.sample in (select sample from metadata
                where key = ? and list_contains(?::varchar[], value))""",
                key,
                found,
            )

    def _scores(self) -> None:
        once = self._filter.once
        for name, sign in (("min", ">="), ("max", "<=")):
            if name in once and "metric" in once:
                self._add(
                    f"a.n in (select n from scores where metric = ? and value {sign} ?)",
                    once["metric"],
                    float(once[name]),
                )
            elif name in once:
                self._add(f"a.score {sign} ?", float(once[name]))

    def _samples(self) -> None:
        once = self._filter.once
        if "id" in once:
            self._add(
                "a.sample in (select sample from samples where contains(lower(id), lower(?)))", once["id"]
            )
        if "agree" in once:
            term = {
                "all-right": "correct = models",
                "all-wrong": "correct = 0",
                "differ": "correct between 1 and models - 1",
            }[once["agree"]]
            self._add(f"a.sample in (select sample from agreement where models > 1 and {term})")
        if "a" in once:
            first, second = self._numbers(once["a"]), self._numbers(once["b"])
            term = f"{among('x.cell', first)} and {among('y.cell', second)}"
            if "flip" in once:
                right = FLIPS[once["flip"]]
                term += f" and x.correct = {right[0]} and y.correct = {right[1]}"
            if once.get("flip") == "changed":
                term += " and x.outcome <> y.outcome"
            self._add(
                f"""a.sample in (select x.sample from answers x join answers y using (sample, repeat)
                where {term}) and {among("a.cell", [*first, *second])}""",
                *[*first, *second] * 2,
            )

    def _numbers(self, model: str) -> list[int]:
        return [c.number for c in self._catalog.cells if model in (c.subject, c.label)]


def at_start(chosen: Filter) -> Filter:
    """The filter from its first page on."""
    return replace(chosen, after=None, before=None)
