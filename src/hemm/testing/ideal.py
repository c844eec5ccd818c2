"""A solver of the factorial probes that reads what is sent, and parts of which can be switched off."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from hemm.core import BatchModel, Capabilities, Identity, Media, Request, Response, keyed_number
from hemm.tasks.probes.factorial import note, puzzle, scene
from hemm.tasks.probes.factorial.scene import HALF, SIDE
from hemm.tasks.probes.factorial.signs import TILE, USE_CASES, Pixels, Signs, empty, tile

Token = tuple[str, str, int]
"""``sign`` or ``name``, a set of signs, and the number of one of them."""

_SIGNS: dict[str, Signs] = {s.name: s for pair in USE_CASES.values() for s in pair}
_STEPS = r"(no|one|two|three|four) steps? on\."
_NUMBER = {words.split()[0]: n for n, words in enumerate(puzzle.WORDS)}


@dataclass(frozen=True)
class Found:
    """What picture or text tell: the start of each side or picture, what comes next, and whether the key is
    given."""

    starts: Mapping[int, Token] = field(default_factory=dict)
    after: Mapping[Token, Token] = field(default_factory=dict)
    key: bool = False


class IdealSolver(BatchModel):
    """Solves the factorial probes (``probe_v2_...``) from the pixels and words of the request alone.

    picture    whether it looks at pictures
    text       whether it reads note and key; the question it always reads
    knowledge  whether it knows what signs stand for where the key does not say so
    steps      how many steps it can go, 0 to 4

    What it cannot tell it guesses: an option drawn evenly by the sample's id, equal log-probabilities, or the
    picture as it was. It reads pictures of the usual contrast, size and clutter. Raises ValueError for steps
    that it does not take.

    >>> import hemm
    >>> blind = hemm.run(IdealSolver(picture=False), "probe_v2_hci", limit=8)
    >>> (blind.cells[0].answers(["id"]).num_rows, IdealSolver(steps=2).spec)
    (8, 'ideal-steps2')
    """

    spec: str
    identity: Identity
    batch_size: int = 256
    capabilities = Capabilities(outputs=frozenset({"text", "image"}), likelihood=True)

    def __init__(
        self, *, picture: bool = True, text: bool = True, knowledge: bool = True, steps: int = 4
    ) -> None:
        if steps not in range(5):
            raise ValueError(f"steps {steps} is none of 0 to 4")
        self.picture, self.text, self.knowledge, self.steps = picture, text, knowledge, steps
        off = [n for n, on in (("picture", picture), ("text", text), ("knowledge", knowledge)) if not on]
        parts = [*(f"no-{name}" for name in off), *([f"steps{steps}"] if steps < 4 else [])]
        self.spec = "-".join(["ideal", *parts])
        self.identity = Identity(self.spec, "1")

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [self._respond(request) for request in requests]

    def _respond(self, request: Request) -> Response:
        said = "".join(p for m in request.messages for p in m.parts if isinstance(p, str))
        if "Draw the sign" in said:
            return Response(media=(self.draw(said, request.media),))
        options = _options(said)
        known = self.solve(said, request.media)
        guess = keyed_number("ideal", request.sample_id, request.repeat) % max(1, len(options))
        place = options.index(known) if known in options else guess
        letter = "ABCD"[place]
        if not request.options:
            return Response(text=letter)
        sure = [math.log(0.97 if o == letter else 0.01) for o in request.options]
        even = [-math.log(len(request.options))] * len(request.options)
        return Response(text=letter, options=tuple(sure if known in options else even))

    def solve(self, said: str, media: Sequence[Media]) -> str | None:
        """The right option of a prompt, or None where this solver cannot tell."""
        options, signs = _options(said), _signs_of(said)
        if signs is None:
            return None
        found = self._look(said, media)
        if asked := re.search(rf"Begin with (.+?) and go {_STEPS}", said):
            side = _place(asked[1], media, found)
            ends = [None if side is None else self._end(found, side, _NUMBER[asked[2]])]
        else:
            steps = re.search(rf"Each (?:side|picture) goes {_STEPS}", said)
            ends = [self._end(found, side, _NUMBER[steps[1]]) if steps else None for side in (0, 1)]
        if any(end is None for end in ends):
            return None
        names = [_SIGNS[s].names[n] for end in ends if end for kind, s, n in end if kind == "name"]
        if len(names) < len(ends):
            return None
        return next((o for o in options if _holds(o, names)), None)

    def draw(self, said: str, media: Sequence[Media]) -> Media:
        """The picture that a prompt asks for; the given one where this solver cannot tell."""
        pixels = np.array(media[0].pixels().convert("RGB"))
        found = self._look(said, media)
        one = re.search(rf"The (left|right) side goes {_STEPS}", said)
        both = re.search(rf"Each side goes {_STEPS}", said)
        sides = [puzzle.SIDES.index(one[1])] if one else [0, 1]
        steps = _NUMBER[one[2] if one else both[1] if both else "no"]
        for side in sides:
            sign = next((t for t in self._end(found, side, steps) or () if t[0] == "sign"), None)
            if sign is None or not self.picture:
                return media[0]
            for place in range(16):
                x, y = scene.corner(side, place)
                if pixels[y : y + TILE, x : x + TILE].tobytes() in _tiles():
                    scene.put(pixels, side, place, tile(*sign[1:]))
        if both:
            pixels[scene.TOP :] = 255
        return _as_png(pixels)

    def _look(self, said: str, media: Sequence[Media]) -> Found:
        seen = _seen(media) if self.picture else Found()
        read = _read(said) if self.text else Found()
        return Found({**read.starts, **seen.starts}, {**read.after, **seen.after}, read.key)

    def _end(self, found: Found, side: int, steps: int) -> set[Token] | None:
        """What is reached, as the forms in which this solver knows it."""
        if side not in found.starts or steps > self.steps:
            return None
        at = self._forms(found.starts[side], found)
        for _ in range(steps):
            onward = [found.after[token] for token in sorted(at) if token in found.after]
            if not onward:
                return None
            at = self._forms(onward[0], found)
        return at

    def _forms(self, token: Token, found: Found) -> set[Token]:
        """A sign and its name are one thing where it is known, or the key says so."""
        kind, signs, number = token
        if self.knowledge or found.key:
            return {("sign", signs, number), ("name", signs, number)}
        return {(kind, signs, number)}


def _options(said: str) -> list[str]:
    return re.findall(r"^[A-D]\. (.*)$", said, re.MULTILINE)


def _signs_of(said: str) -> Signs | None:
    """The set of signs whose names the options hold."""
    options = _options(said)
    fitting = [s for s in _SIGNS.values() if options and all(_named(o, s) for o in options)]
    return fitting[0] if fitting else None


def _named(option: str, signs: Signs) -> list[str]:
    """The names of the set in an option, in the order in which they stand there."""
    found = [(m.start(), name) for name in signs.names if (m := re.search(rf"\b{re.escape(name)}\b", option))]
    return [name for _, name in sorted(found)]


def _holds(option: str, names: Sequence[str]) -> bool:
    """Whether an option is true of the names that are reached."""
    if len(names) == 1:
        return option == names[0]
    if " on the left, " in option:
        return option == f"{names[0]} on the left, {names[1]} on the right"
    if both := re.fullmatch(r"both (.+) and (.+) are reached", option):
        return {both[1], both[2]} == {*names}
    if none := re.fullmatch(r"neither (.+) nor (.+) is reached", option):
        return not {none[1], none[2]} & {*names}
    one = re.fullmatch(r"(.+) is reached, (.+) is not", option)
    return one is not None and one[1] in names and one[2] not in names


def _place(words: str, media: Sequence[Media], found: Found) -> int | None:
    """Which start a question begins with, by its words."""
    if side := re.search(r"the (left|right) side", words):
        return puzzle.SIDES.index(side[1])
    if number := re.search(r"picture (\d+)", words):
        return int(number[1]) - 1
    return next(iter(found.starts)) if len(found.starts) == 1 else None


def _read(said: str) -> Found:
    """What note and key tell."""
    looks, names = _words()
    starts: dict[int, Token] = {}
    after: dict[Token, Token] = {}
    text = next((line for line in said.splitlines() if line.startswith("Note: ")), "")
    for sentence in re.split(r"(?<=\.) ", text.removeprefix("Note: ")):
        body = sentence.removesuffix(".")
        if start := re.fullmatch(r"(?:On|All over|What fills) the (left|right)(?: side)?: (.*)", body):
            starts[puzzle.SIDES.index(start[1])] = looks[start[2]]
        for pattern in _orders():
            pair = pattern.fullmatch(body)
            if pair and pair[1].lower() in names and pair[2].lower() in names:
                after[names[pair[1].lower()]] = names[pair[2].lower()]
    return Found(starts, after, any(line.startswith("Key: ") for line in said.splitlines()))


@lru_cache(maxsize=1)
def _words() -> tuple[dict[str, Token], dict[str, Token]]:
    """How signs look, in words, and what they are called, in lower case."""
    looks: dict[str, Token] = {}
    names: dict[str, Token] = {}
    for signs in _SIGNS.values():
        for i, (name, look) in enumerate(signs.looks.items()):
            looks[look], names[name.lower()] = ("sign", signs.name, i), ("name", signs.name, i)
    return looks, names


@lru_cache(maxsize=1)
def _orders() -> list[re.Pattern[str]]:
    """The sentences that say what comes next, in each use case."""
    parts = (re.split(r"\{[ab]\}", setting.after) for setting in note.SETTINGS.values())
    return [re.compile(rf"{before}(.+){between}(.+)", re.IGNORECASE) for before, between, _ in parts]


@lru_cache(maxsize=1)
def _tiles() -> dict[bytes, Token | None]:
    """The pixels of every sign, and of an empty frame."""
    found: dict[bytes, Token | None] = {empty().tobytes(): None}
    for signs in _SIGNS.values():
        for i in range(6):
            found[tile(signs.name, i).tobytes()] = ("sign", signs.name, i)
    return found


def _seen(media: Sequence[Media]) -> Found:
    """What the pictures show."""
    starts: dict[int, Token] = {}
    after: dict[Token, Token] = {}
    for number, one in enumerate(media):
        pixels = np.asarray(one.pixels().convert("RGB"))
        if pixels.shape == (HALF, HALF, 3):
            _see_side(pixels, 0, number, starts)
        elif pixels.shape == (SIDE, SIDE, 3):
            _see_side(pixels, 0, 0, starts)
            _see_side(pixels, 1, 1, starts)
            after |= _see_pairs(pixels)
    return Found(starts, after)


def _see_side(pixels: Pixels, side: int, number: int, starts: dict[int, Token]) -> None:
    for place in range(16):
        x, y = scene.corner(side, place)
        token = _tiles().get(pixels[y : y + TILE, x : x + TILE].tobytes())
        if token is not None:
            starts[number] = token


def _see_pairs(pixels: Pixels) -> dict[Token, Token]:
    after: dict[Token, Token] = {}
    for slot in range(12):
        x, y = scene.pair_corner(slot)
        one = _tiles().get(pixels[y : y + TILE, x : x + TILE].tobytes())
        x += TILE + 12
        other = _tiles().get(pixels[y : y + TILE, x : x + TILE].tobytes())
        if one is not None and other is not None:
            after[one] = other
        top = scene.line_top(slot)
        line = _lines().get(pixels[top : top + 10].tobytes())
        if line is not None:
            after[line[0]] = line[1]
    return after


@lru_cache(maxsize=1)
def _lines() -> dict[bytes, tuple[Token, Token]]:
    """The pixels of every written pair, as the ten rows that hold it."""
    found: dict[bytes, tuple[Token, Token]] = {}
    for signs in _SIGNS.values():
        for i, before in enumerate(signs.names):
            for j, next_ in enumerate(signs.names):
                pixels = scene.sheet()
                scene.written_pairs(pixels, [(before, next_)], [0])
                rows = pixels[scene.TOP : scene.TOP + 10].tobytes()
                found[rows] = (("name", signs.name, i), ("name", signs.name, j))
    return found


def _as_png(pixels: Any) -> Media:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return Media(out.getvalue(), name="drawn.png", mime="image/png")
