"""How many tokens and dollars a command would use, before anything is sent (``--dry-run``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hemm.core import Capabilities, Model, Request
from hemm.core.text import counted
from hemm.engine.plan import Plan
from hemm.engine.requests import Item, RequestBuilder
from hemm.models.prices import Priced, estimate

MEASURED = 500
"""Requests that are built and measured; the sums of a larger plan are scaled up from these."""


@dataclass(frozen=True)
class Forecast:
    """Tokens and US dollars of a plan.

    requests      requests of the plan; those that cannot be sent (a damaged picture) count here alone
    pictures      pictures, sounds and videos
    text          tokens of text, estimated from its length
    media_tokens  tokens of ``pictures`` by the provider's rule; None: no rule is known
    written       most tokens that the answers can have
    least, most   cost of the prompts alone, and with answers of full length; None: not known
    measured      requests that were measured; the others are assumed to be like them
    priced        whether a price is known
    too_large     pictures that have more bytes, as they are sent, than the service takes
    """

    requests: int
    pictures: int = 0
    text: int = 0
    media_tokens: int | None = 0
    written: int = 0
    least: float | None = None
    most: float | None = None
    measured: int = 0
    priced: bool = False
    too_large: int = 0

    def line(self) -> str:
        """Tokens and cost in one line of text."""
        pictures = counted(self.pictures, "picture")
        parts = [f"about {self.text:,} tokens of text"]
        if self.pictures:
            tokens = "unknown" if self.media_tokens is None else f"{self.media_tokens:,}"
            parts.append(f"{tokens} of {pictures}")
        parts.append(f"at most {self.written:,} of answers")
        if self.most is None:
            cost = "cost unknown" if not self.priced else ""
        else:
            cost = f"{dollars(self.least)} to {dollars(self.most)}" if self.least is not None else ""
            cost = cost or f"at most {dollars(self.most)}"
        measured = f" (from {self.measured:,} of them)" if self.measured < self.requests else ""
        return ", ".join(parts) + (f"; {cost}" if cost else "") + measured + self._too_large()

    def _too_large(self) -> str:
        if not self.too_large:
            return ""
        which = counted(self.too_large, "picture is", "pictures are")
        them = "it" if self.too_large == 1 else "them"
        return f"; {which} larger than the service takes: --max-pixels makes {them} smaller"


def dollars(amount: float | None) -> str:
    """US dollars, to the cent from one dollar on."""
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def forecast(plan: Plan, source: RequestBuilder, model: Model) -> Forecast:
    """The forecast of ``plan``. Samples that continue others count without the earlier turns."""
    if not len(plan):
        return Forecast(0, priced=isinstance(model, Priced) and model.price is not None)
    count = min(len(plan), MEASURED)
    positions = np.unique(np.linspace(0, len(plan) - 1, count).astype(np.int64))
    sums = _measured(source.items(plan.rows[positions], plan.repeats[positions], positions), model)
    return _scaled(sums, len(plan), len(positions))


def _measured(items: Iterable[Item], model: Model) -> Forecast:
    priced = model if isinstance(model, Priced) else None
    text = written = pictures = requests = too_large = 0
    media_tokens: int | None = 0
    least: float | None = 0.0
    most: float | None = 0.0
    for item in items:
        requests += 1
        if item.failure is not None:
            continue
        estimated = priced.estimate(item.request) if priced is not None else estimate(item.request, None)
        text, written = text + estimated.text, written + estimated.written
        pictures += len(item.request.media)
        too_large += _beyond(item.request, model.capabilities)
        media_tokens = (
            None if media_tokens is None or estimated.pictures is None else media_tokens + estimated.pictures
        )
        least = None if least is None or estimated.least is None else least + estimated.least
        most = None if most is None or estimated.most is None else most + estimated.most
    known = priced is not None and priced.price is not None
    return Forecast(requests, pictures, text, media_tokens, written, least, most, requests, known, too_large)


def _beyond(request: Request, can: Capabilities) -> int:
    """Pictures of a request that the service would refuse for their bytes."""
    if can.picture_bytes is None and can.media_bytes is None:
        return 0
    sizes = [len(media.data) for media in request.media]
    if can.media_bytes is not None and sum(sizes) > can.media_bytes:
        return len(sizes)
    return sum(can.picture_bytes is not None and size > can.picture_bytes for size in sizes)


def _scaled(sums: Forecast, requests: int, measured: int) -> Forecast:
    times = requests / measured

    def scaled(number: int) -> int:
        return round(number * times)

    return Forecast(
        requests=requests,
        pictures=scaled(sums.pictures),
        text=scaled(sums.text),
        media_tokens=None if sums.media_tokens is None else scaled(sums.media_tokens),
        written=scaled(sums.written),
        least=None if sums.least is None else sums.least * times,
        most=None if sums.most is None else sums.most * times,
        measured=measured,
        priced=sums.priced,
        too_large=scaled(sums.too_large),
    )
