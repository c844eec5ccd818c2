"""What requests cost: price lists, how many tokens a picture is, and estimates before anything is sent."""

from __future__ import annotations

import math
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

from hemm.core import BadData, Media, Request
from hemm.core.user_files import Takes, read_toml, typed_rows

LIST = Path(__file__).parent / "data" / "prices.toml"
"""The prices that come with hemm, dated, with their sources."""

MILLION = 1_000_000

SIDE = 28
"""Pixels of a side of the squares by which Anthropic counts."""

UNKNOWN_MOST = {"image": 5_000, "audio": 20_000, "video": 100_000}
"""Tokens that are set aside for media of which no rule is known; more for large pictures (``_set_aside``)."""

PictureRule = Callable[[int, int], int]
"""(width, height) in pixels -> tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and what is known of pictures.

    picture   tokens of a picture by its size; None: not known
    pictures  whether the model takes pictures at all
    """

    input: float
    output: float
    picture: PictureRule | None = None
    pictures: bool = True

    def cost(self, read: int, written: int) -> float:
        """US dollars of a request of ``read`` input tokens and an answer of ``written`` ones."""
        return (read * self.input + written * self.output) / MILLION


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request takes, told before it is sent. Tokens, and US dollars (None: the price is not known).

    text      tokens of text, by length: 4 letters of ASCII are one, any other letter is one
    pictures  tokens of pictures by the provider's rule; None: it is not known for some of them
    written   tokens that the answer may have
    least     the cost of text and pictures alone
    most      an upper bound: each byte of text a token, the answer at its full length
    """

    text: int
    pictures: int | None
    written: int
    least: float | None
    most: float | None


@runtime_checkable
class Priced(Protocol):
    """Models that cost money. ``price`` may become known at the start."""

    @property
    def price(self) -> Price | None: ...

    def estimate(self, request: Request) -> Estimate: ...


def estimate(request: Request, price: Price | None, written: int = 0) -> Estimate:
    """What ``request`` takes at ``price``. Reads pictures as far as their size; damaged ones are none.

    ``written``: tokens that the answer may have, where its settings do not say (a picture); 0: they do.
    """
    texts = [p for m in request.messages for p in m.parts if isinstance(p, str)]
    g = request.generation
    if not written:
        written = 1 if g.scoring == "likelihood" else g.max_new_tokens + max(0, g.thinking_budget)
    around = 8 * len(request.messages)  # the marks of turns
    text = sum(map(text_tokens, texts)) + around
    pictures: int | None = 0
    most_media = 0
    for media in request.media:
        tokens = picture_tokens(media, price)
        pictures = None if tokens is None or pictures is None else pictures + tokens
        most_media += _set_aside(media) if tokens is None else tokens
    if price is None:
        return Estimate(text, pictures, written, None, None)
    least = None if pictures is None else price.cost(text + pictures, 0)
    bound = sum(len(t.encode("utf-8", "replace")) for t in texts) + around + most_media
    return Estimate(text, pictures, written, least, price.cost(bound, written))


def text_tokens(text: str) -> int:
    """About how many tokens ``text`` is: 4 letters of ASCII are one, any other letter is one."""
    plain = sum(letter < "\x80" for letter in text)
    return math.ceil(plain / 4) + len(text) - plain


def picture_tokens(media: Media, price: Price | None) -> int | None:
    """Tokens of a picture by its provider's rule; None where none is known, or where it does not open."""
    if price is None or price.picture is None or media.kind != "image":
        return None
    return _by_rule(media, price.picture)


def _by_rule(picture: Media, rule: PictureRule) -> int:
    from hemm.models.image_fit import dimensions

    try:
        return rule(*dimensions(picture))
    except (BadData, FileNotFoundError):
        return 0  # it is never sent


def _set_aside(media: Media) -> int:
    """Tokens that are set aside for ``media`` of which no rule is known.

    For a picture at least 5,000, and 2.5 for each 28 x 28: the smallest squares and the largest factor that a
    provider publishes, without shrinking. Only gpt-4o-mini's rule makes more, and that one is in the list.
    """
    least = UNKNOWN_MOST.get(media.kind, 0)
    if media.kind != "image":
        return least
    return _by_rule(
        media, lambda width, height: max(least, math.ceil(2.5 * math.prod(_in_squares(width, height))))
    )


# lists


def price_of(kind: str, name: str, path: str = "") -> Price | None:
    """The price of model ``name`` of provider ``kind``: of the user's file, else of the list with hemm.

    ``path`` is that file (else HEMM_PRICES names one). None where no list has the name. Raises BadData.
    """
    own = path or os.environ.get("HEMM_PRICES", "")
    for file in ([Path(own)] if own else []) + [LIST]:
        if (found := _read(file).get((kind, name))) is not None:
            return found
    return None


Number = Annotated[float, Takes("a number from 0 up", lambda number: number >= 0)]


@dataclass(frozen=True, slots=True)
class _Row:
    """Models of one price, as a price list has them; ``seen``, ``checked``, ``note`` are for its readers."""

    names: tuple[str, ...]
    input: Number
    output: Number
    picture: Mapping[str, str | Number] | None = None
    pictures: bool = True
    seen: Any = None
    checked: str = ""
    note: str = ""


@lru_cache(maxsize=8)
def _read(path: Path) -> Mapping[tuple[str, str], Price]:
    where = f"price list {path}"
    prices: dict[tuple[str, str], Price] = {}
    for kind, table in read_toml(path, where).items():
        models = table.get("models") if isinstance(table, dict) else None
        rows = typed_rows(_Row, models, where, f"{kind}.models", f"{kind} model")
        for number, row in enumerate(rows, 1):
            rule = _rule(row.picture, f"{where}, {kind} model {number}") if row.picture is not None else None
            price = Price(row.input, row.output, rule, row.pictures)
            prices.update({(kind, name): price for name in row.names})
    return prices


def _rule(given: Mapping[str, str | float], where: str) -> PictureRule:
    name = given.get("rule")
    if name not in RULES:
        raise BadData(f"{where}: picture needs rule = one of {', '.join(RULES)}")
    rule, fields = RULES[name]
    values = {key: value for key, value in given.items() if isinstance(value, float)}
    if set(given) != {"rule", *fields} or set(values) != {*fields}:
        takes = ", ".join(fields)
        raise BadData(f"{where}: picture with rule {name} has {takes} (numbers), and nothing else")
    return partial(rule, **values)


# rules of picture tokens, each as its provider publishes it


def _tiles(width: int, height: int, base: float, tile: float) -> int:
    """OpenAI: made to fit 2048 x 2048, then a short side of 768, then covered by squares of 512."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    squares = math.ceil(round(width * scale) / 512) * math.ceil(round(height * scale) / 512)
    return round(base + tile * squares)


def _patches(width: int, height: int, factor: float, most: float, edge: float) -> int:
    """OpenAI's other models: patches of 32 x 32, times a factor. A picture with a side above ``edge``, or of
    too many patches, is made smaller till it fits."""
    fit = min(1.0, edge / max(width, height))
    width, height = max(1, round(width * fit)), max(1, round(height * fit))
    if math.ceil(width / 32) * math.ceil(height / 32) > most:
        scale = math.sqrt(32 * 32 * most / (width * height))
        across, down = width * scale / 32, height * scale / 32
        scale *= min(math.floor(across) / across, math.floor(down) / down) if min(across, down) >= 1 else 1.0
        width, height = round(width * scale), round(height * scale)
    return math.ceil(min(most, math.ceil(width / 32) * math.ceil(height / 32)) * factor)


def _in_squares(width: int, height: int) -> tuple[int, int]:
    return math.ceil(width / SIDE), math.ceil(height / SIDE)


def _squares(width: int, height: int, edge: float, most: float) -> int:
    """Anthropic: a token for each square of 28 x 28, of the largest picture of these proportions that has,
    filled up to whole squares, no side above ``edge`` and no more than ``most`` squares."""
    long, short = max(width, height), min(width, height)

    def squares(side: int) -> tuple[int, int]:
        return _in_squares(side, max(1, round(side * short / long)))

    def too_large(side: int) -> bool:
        across, down = squares(side)
        return across * SIDE > edge or across * down > most

    side = bisect_left(range(1, long + 1), True, key=too_large)  # how many sizes, from 1 up, fit
    return math.prod(squares(max(1, side)))


def _crops(width: int, height: int, tokens: float) -> int:
    """Google up to Gemini 2.5: one up to 384 x 384; else one for each crop of side short/1.5, 256 to 768."""
    if max(width, height) <= 384:
        return round(tokens)
    side = min(768, max(256, math.floor(min(width, height) / 1.5)))
    return round(math.ceil(width / side) * math.ceil(height / side) * tokens)


def _fixed(width: int, height: int, tokens: float) -> int:
    return round(tokens)


RULES: dict[str, tuple[Callable[..., int], tuple[str, ...]]] = {
    "tiles": (_tiles, ("base", "tile")),
    "patches": (_patches, ("factor", "most", "edge")),
    "squares": (_squares, ("edge", "most")),
    "crops": (_crops, ("tokens",)),
    "fixed": (_fixed, ("tokens",)),
}
"""Rule -> function and its parameters."""
