"""Price lists, tokens of pictures, and estimates of cost before a request is sent."""

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
"""Side in pixels of the squares that Anthropic counts."""

UNKNOWN_MOST = {"image": 5_000, "audio": 20_000, "video": 100_000}
"""Tokens that are assumed for media without a known rule; more for large pictures (``_unknown_tokens``)."""

PictureRule = Callable[[int, int], int]
"""(width, height) in pixels -> tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens.

    picture   rule for the tokens of a picture; None: not known
    pictures  whether the model takes pictures at all
    """

    input: float
    output: float
    picture: PictureRule | None = None
    pictures: bool = True

    def cost(self, read: int, written: int) -> float:
        """US dollars for ``read`` input tokens and ``written`` output tokens."""
        return (read * self.input + written * self.output) / MILLION


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated tokens and US dollars (None: the price is not known) of a request before it is sent.

    text      tokens of text, by length: 4 letters of ASCII, or any other letter, are one
    pictures  tokens of pictures by the provider's rule; None: it is not known for some of them
    written   most tokens of the answer
    least     cost of text and pictures alone
    most      an upper bound: each byte of text is a token, and the answer has its full length
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
    """The estimate of ``request`` at ``price``. Reads the headers of pictures; damaged ones do not count.

    ``written``: most tokens of an answer that is a picture; 0: of a text, from the settings.
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
        most_media += _unknown_tokens(media) if tokens is None else tokens
    if price is None:
        return Estimate(text, pictures, written, None, None)
    least = None if pictures is None else price.cost(text + pictures, 0)
    bound = sum(len(t.encode("utf-8", "replace")) for t in texts) + around + most_media
    return Estimate(text, pictures, written, least, price.cost(bound, written))


def text_tokens(text: str) -> int:
    """Estimated tokens of ``text``: 4 letters of ASCII, or any other letter, are one."""
    ascii_letters = sum(letter < "\x80" for letter in text)
    return math.ceil(ascii_letters / 4) + len(text) - ascii_letters


def picture_tokens(media: Media, price: Price | None) -> int | None:
    """Tokens of a picture by its provider's rule; None where none is known, or where it does not open."""
    if price is None or price.picture is None or media.kind != "image":
        return None
    return _by_rule(media, price.picture)


def _by_rule(picture: Media, rule: PictureRule) -> int:
    from hemm.data.pixels import upright_size

    try:
        return rule(*upright_size(picture))
    except (BadData, FileNotFoundError):
        return 0  # a damaged picture is never sent


def _unknown_tokens(media: Media) -> int:
    """Assumed tokens of ``media`` without a known rule.

    For a picture at least 5,000, and 2.5 for each 28 x 28: the smallest squares and the largest factor that
    any provider publishes, without shrinking. Only gpt-4o-mini's rule gives more, and that one is in the
    list.
    """
    least = UNKNOWN_MOST.get(media.kind, 0)
    if media.kind != "image":
        return least
    return _by_rule(
        media, lambda width, height: max(least, math.ceil(2.5 * math.prod(_in_squares(width, height))))
    )


# lists


def price_of(kind: str, name: str, path: str = "") -> Price | None:
    """The price of model ``name`` of provider ``kind`` in the user's file ``path`` (else that in
    HEMM_PRICES), or in hemm's list; None where neither has the name. Raises BadData."""
    user_list = path or os.environ.get("HEMM_PRICES", "")
    for file in ([Path(user_list)] if user_list else []) + [LIST]:
        if (price := _read(file).get((kind, name))) is not None:
            return price
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
    """OpenAI: shrunk to 2048 x 2048, then to a short side of 768, then covered by squares of 512."""
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    squares = math.ceil(round(width * scale) / 512) * math.ceil(round(height * scale) / 512)
    return round(base + tile * squares)


def _patches(width: int, height: int, factor: float, most: float, edge: float) -> int:
    """OpenAI's other models: patches of 32 x 32, times a factor. A picture with a side above ``edge`` or with
    too many patches is shrunk until it fits."""
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
    """Anthropic: a token for each square of 28 x 28 in the largest picture of these proportions that,
    extended to whole squares, has no side above ``edge`` and at most ``most`` squares."""
    long, short = max(width, height), min(width, height)

    def squares(side: int) -> tuple[int, int]:
        return _in_squares(side, max(1, round(side * short / long)))

    def too_large(side: int) -> bool:
        across, down = squares(side)
        return across * SIDE > edge or across * down > most

    side = bisect_left(range(1, long + 1), True, key=too_large)  # the longest side that fits
    return math.prod(squares(max(1, side)))


def _crops(width: int, height: int, tokens: float) -> int:
    """Google up to Gemini 2.5: one crop up to 384 x 384; else crops with side short/1.5, from 256 to 768."""
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
