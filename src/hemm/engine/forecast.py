"""What a command would ask and what that would cost, before anything is sent (``--dry-run``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hemm.core import Model
from hemm.engine.plan import Plan
from hemm.engine.requests import Item, RequestBuilder
from hemm.models.prices import Priced, estimate

LOOKED_AT = 500
"""Requests that are made up and measured; larger plans are taken as so many times these."""


@dataclass(frozen=True)
class Forecast:
    """What the requests of a plan take: tokens, and US dollars.

    requests     answers to ask; those that cannot be asked (a damaged picture) are not counted in the rest
    pictures     pictures, sounds and videos that are shown
    text         tokens of text, by length
    shown        tokens of ``pictures`` by the provider's rule; None: it is not known
    written      tokens that the answers have at most
    least, most  cost of what is sent, and the upper bound with answers at full length; None: not known
    looked_at    how many requests were measured; the rest is taken to be like them
    priced       whether a price is known
    """

    requests: int
    pictures: int = 0
    text: int = 0
    shown: int | None = 0
    written: int = 0
    least: float | None = None
    most: float | None = None
    looked_at: int = 0
    priced: bool = False

    def line(self) -> str:
        """For people: tokens and cost in one line."""
        pictures = f"{self.pictures:,} pictures" if self.pictures != 1 else "1 picture"
        parts = [f"about {self.text:,} tokens of text"]
        if self.pictures:
            tokens = "unknown" if self.shown is None else f"{self.shown:,}"
            parts.append(f"{tokens} of {pictures}")
        parts.append(f"at most {self.written:,} of answers")
        if self.most is None:
            cost = "cost unknown" if not self.priced else ""
        else:
            cost = f"{dollars(self.least)} to {dollars(self.most)}" if self.least is not None else ""
            cost = cost or f"at most {dollars(self.most)}"
        measured = f" (from {self.looked_at:,} of them)" if self.looked_at < self.requests else ""
        return ", ".join(parts) + (f"; {cost}" if cost else "") + measured


def dollars(amount: float | None) -> str:
    """US dollars, to the cent from one dollar on."""
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def forecast(plan: Plan, source: RequestBuilder, model: Model) -> Forecast:
    """What asking ``plan`` takes. Samples that continue others are taken without the earlier turns."""
    if not len(plan):
        return Forecast(0, priced=isinstance(model, Priced) and model.price is not None)
    count = min(len(plan), LOOKED_AT)
    places = np.unique(np.linspace(0, len(plan) - 1, count).astype(np.int64))
    found = _measured(source.items(plan.rows[places], plan.repeats[places], places), model)
    return _scaled(found, len(plan), len(places))


def _measured(items: Iterable[Item], model: Model) -> Forecast:
    """The sums over ``items``."""
    priced = model if isinstance(model, Priced) else None
    text = written = pictures = requests = 0
    shown: int | None = 0
    least: float | None = 0.0
    most: float | None = 0.0
    for item in items:
        requests += 1
        if item.failure is not None:
            continue
        one = priced.estimate(item.request) if priced is not None else estimate(item.request, None)
        text, written = text + one.text, written + one.written
        pictures += len(item.request.media)
        shown = None if shown is None or one.pictures is None else shown + one.pictures
        least = None if least is None or one.least is None else least + one.least
        most = None if most is None or one.most is None else most + one.most
    known = priced is not None and priced.price is not None
    return Forecast(requests, pictures, text, shown, written, least, most, requests, known)


def _scaled(found: Forecast, requests: int, looked_at: int) -> Forecast:
    times = requests / looked_at

    def scaled(number: int) -> int:
        return round(number * times)

    return Forecast(
        requests=requests,
        pictures=scaled(found.pictures),
        text=scaled(found.text),
        shown=None if found.shown is None else scaled(found.shown),
        written=scaled(found.written),
        least=None if found.least is None else found.least * times,
        most=None if found.most is None else found.most * times,
        looked_at=looked_at,
        priced=found.priced,
    )
