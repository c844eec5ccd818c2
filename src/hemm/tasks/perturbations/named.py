"""The perturbations by name and level, and the one that a run applies (``--perturb NAME:LEVEL``)."""

from __future__ import annotations

import fnmatch
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hemm.core import HemmError, Media, Sample, UnknownName, keyed_number
from hemm.data.pixels import rgb
from hemm.tasks.perturbations.corruptions import CORRUPTIONS, as_picture
from hemm.tasks.perturbations.corruptions import LEVELS as FIVE
from hemm.tasks.perturbations.draws import Draws, Floats
from hemm.tasks.perturbations.pictures import CHANGES, FIRST, drawable, written_over
from hemm.tasks.perturbations.texts import CASES, TEXTS, CannotPerturb, Shown, instruction_in
from hemm.tasks.perturbations.wordings import DIALECTS, FRAMES, LANGUAGES

OVERLAY = "overlay"
"""The perturbation that writes a wrong option into the picture."""


@dataclass(frozen=True)
class Kind:
    """One perturbation.

    levels   those of the suite, from the mildest to the strongest where they are degrees
    least, most   bounds of its levels, where they are numbers; ``whole``: whole numbers alone
    degrees  whether higher places in ``levels`` mean a stronger change: then the levels make a curve
    usual    the level that changes nothing
    """

    levels: tuple[str, ...]
    least: float = math.nan
    most: float = math.inf
    whole: bool = False
    degrees: bool = True
    usual: float | None = None

    @property
    def words(self) -> bool:
        """Whether its levels are words."""
        return math.isnan(self.least)


_TENTHS = ("0.1", "0.2", "0.3", "0.4", "0.5")
KINDS: dict[str, Kind] = {
    "noise": Kind((), 0.0, usual=0.0),
    "blur": Kind((), 0.0, usual=0.0),
    "brightness": Kind((), 0.0, usual=1.0),
    "contrast": Kind((), 0.0, usual=1.0),
    "occlude": Kind(_TENTHS, 0.0, 1.0, usual=0.0),
    "rotate": Kind(("5", "10", "20", "45", "90"), -math.inf, usual=0.0),
    "jpeg": Kind(("75", "50", "30", "20", "10"), 1, 100, whole=True),
    "resize": Kind(("0.75", "0.5", "0.35", "0.25", "0.15"), 0.001, 4.0, usual=1.0),
    "crop": Kind(("0.9", "0.8", "0.7", "0.6", "0.5"), 0.001, 1.0, usual=1.0),
    OVERLAY: Kind(("0.05", "0.1", "0.15", "0.2", "0.25"), 0.001, 1.0),
    **{f"c/{name}": Kind(tuple(map(str, FIVE)), 1, 5, whole=True) for name in CORRUPTIONS},
    "text/typos": Kind(("0.05", "0.1", "0.2", "0.3", "0.5"), 0.0, 1.0, usual=0.0),
    "text/case": Kind(tuple(CASES), degrees=False),
    "text/dialect": Kind(tuple(DIALECTS), degrees=False),
    "text/paraphrase": Kind(
        tuple(str(n + 1) for n in range(len(FRAMES))), 1, len(FRAMES), whole=True, degrees=False
    ),
    "text/language": Kind(tuple(LANGUAGES), degrees=False),
    "text/options": Kind(("1", "2", "3"), 1, 1000, whole=True, degrees=False),
    "text/negation": Kind(("1",), 1, 1, whole=True, degrees=False),
}
"""Name -> its levels. Those without suite levels were there before, and have published ones beside them."""

SUITE = tuple(f"{name}:{level}" for name, kind in KINDS.items() for level in kind.levels)
"""Every perturbation at each of its suite levels: ``--perturb all``."""


PARTS = ("all", "c/all", "picture/all", "text/all")
"""Parts of the suite by name."""


def is_text(name: str) -> bool:
    """Whether a perturbation (its name, or with a level) changes texts and not pictures."""
    return name.startswith("text/")


def parsed(text: str) -> tuple[str, str]:
    """Name and level of ``NAME:LEVEL``. Raises UnknownName or HemmError."""
    name, colon, level = text.partition(":")
    if name not in KINDS:
        raise UnknownName("perturbation", name, KINDS)
    kind = KINDS[name]
    if name == "text/negation" and not colon:
        return name, "1"
    if kind.words:
        if level not in kind.levels:
            raise UnknownName(f"level of {name}", level, kind.levels)
        return name, level
    try:
        value = float(level)
    except ValueError:
        value = math.nan
    bound = "" if kind.most == math.inf else f" to {kind.most:g}"
    least = "0" if kind.least == -math.inf else f"{kind.least:g}"
    if not math.isfinite(value) or not kind.least <= value <= kind.most or (kind.whole and value % 1):
        example = kind.levels[min(2, len(kind.levels) - 1)] if kind.levels else "0.5"
        if kind.least == kind.most:
            raise HemmError(f"--perturb {text!r}: {name} has no levels; write {name}")
        what = "whole number" if kind.whole else "number"
        span = f"{least}{bound}" if bound else f"{least} or more"
        raise HemmError(f"--perturb {text!r}: give a level as in {name}:{example} (a {what}, {span})")
    if value == kind.usual:
        raise HemmError(f"--perturb {text}: this level changes nothing; leave --perturb out")
    return name, level


def named(text: str) -> tuple[str, ...]:
    """The perturbations that a text names: ``NAME:LEVEL``, a part of the suite (``all``, ``c/all``,
    ``c/*:3``, ``c/fog`` for all its levels), or several of these with commas.

    Empty for an empty text. Raises UnknownName or HemmError.

    >>> named("c/fog:3"), len(named("c/all")), named("c/f*:2,jpeg:30")
    (('c/fog:3',), 75, ('c/frost:2', 'c/fog:2', 'jpeg:30'))
    """
    found: dict[str, None] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found.update(dict.fromkeys(_part(part)))
    if text and not found:
        raise HemmError(f"--perturb {text!r}: give NAME:LEVEL, or all")
    return tuple(found)


def _part(text: str) -> Sequence[str]:
    if text in ("all", "*"):
        return SUITE
    if text == "picture/all":
        return [one for one in SUITE if "/" not in one]
    pattern = f"{text[:-3]}*" if text.endswith("/all") else text
    if any(sign in pattern for sign in "*?["):
        levels = [pattern] if ":" in pattern else [f"{pattern}:*"]
        if not (found := [one for one in SUITE if fnmatch.fnmatchcase(one, levels[0])]):
            name, _, level = text.partition(":")
            if level and any(fnmatch.fnmatchcase(kind, name) for kind in KINDS):
                raise HemmError(f"--perturb {text!r}: none of {name} has a level {level} in the suite")
            raise UnknownName("part of the perturbations", text, PARTS)
        return found
    if (part := text.partition(":")[0]) in PARTS:
        raise HemmError(f"--perturb {text!r}: {part} has all levels; one of them is as in 'c/*:3'")
    if ":" not in text and text in KINDS and KINDS[text].levels and text != "text/negation":
        return [f"{text}:{level}" for level in KINDS[text].levels]
    name, level = parsed(text)
    return [f"{name}:{level}"]


@dataclass(frozen=True)
class Perturb:
    """One perturbation of all samples: its name, its level, the run's seed, and what the task shows.

    A sample that it cannot change raises CannotPerturb; those six that came with version 0.1.0 leave a sample
    without pictures as it is, as they always did.
    """

    name: str
    level: str
    seed: int
    shown: Shown = field(default_factory=Shown)

    @classmethod
    def parse(cls, text: str, seed: int, shown: Shown | None = None) -> Perturb:
        """From ``NAME:LEVEL``. Raises UnknownName or HemmError."""
        return cls(*parsed(text), seed, shown or Shown())

    def __call__(self, sample: Sample) -> Sample:
        if self.name in TEXTS:
            return TEXTS[self.name](sample, self.level, self._draws(sample, 0), self.shown)
        if not sample.media:
            if self.name in FIRST:
                return sample
            raise CannotPerturb("it has no picture")
        wrong = self._wrong(sample) if self.name == OVERLAY else ""
        return sample.with_media(tuple(self._one(sample, i, m, wrong) for i, m in enumerate(sample.media)))

    def check(self, sample: Sample) -> None:
        """Raise CannotPerturb where the sample cannot be changed; opens no picture."""
        if self.name in TEXTS:
            self(sample)
            _ = self.instruction
        elif not sample.media and self.name not in FIRST:
            raise CannotPerturb("it has no picture")
        elif self.name == OVERLAY:
            self._wrong(sample)

    @property
    def keeps_pictureless(self) -> bool:
        """Whether a sample without pictures is asked all the same."""
        return self.name in FIRST or self.name in TEXTS

    def leaves(self, sample: Sample) -> bool:
        """Whether the sample is asked as it is."""
        return self.name in FIRST and not sample.media

    @property
    def judges(self) -> bool:
        """Whether options or right answers change with the question."""
        return self.name in ("text/options", "text/negation")

    def judged(self, sample: Sample) -> Sample:
        """The sample with what the answer is judged by: options as they are shown, and the right answer."""
        if not self.judges:
            return sample
        try:
            asked = self(sample)
        except CannotPerturb:
            return sample
        listed = self.shown.answer is not None and bool(getattr(self.shown.answer, "lettered", False))
        choices = asked.choices if listed else sample.choices
        return replace(sample, choices=choices, references=asked.references, stored_hash=sample.sample_hash)

    @property
    def instruction(self) -> str | None:
        """What replaces the answer format's instruction; None: nothing does. Raises CannotPerturb."""
        if self.name != "text/language" or self.shown.answer is None or "instruction" not in self.shown.names:
            return None
        found = instruction_in(self.level, self.shown.answer)
        if found is None:
            raise CannotPerturb(f"no instruction in that language for the format {self.shown.answer.name}")
        return found

    def _draws(self, sample: Sample, index: int) -> Draws:
        level = (self.level,) if self.name == "text/options" else ()
        return Draws("perturb", self.name, self.seed, sample.id, index, *level)

    def _wrong(self, sample: Sample) -> str:
        """The wrong option that is written into the pictures."""
        if not sample.choices:
            raise CannotPerturb("it has no options, of which a wrong one could be written")
        answer, right = self.shown.answer, set(sample.references)
        wrong = [
            choice
            for choice in sample.choices
            if choice not in right and (answer is None or answer.parse(choice, sample) not in right)
        ]
        if not wrong:
            raise CannotPerturb("it has no wrong option")
        if not (usable := [choice for choice in wrong if drawable(choice)]):
            raise CannotPerturb("the font lacks letters of its wrong options")
        return self._draws(sample, -1).choice(usable)

    def _one(self, sample: Sample, index: int, media: Media, wrong: str) -> Media:
        picture = rgb(media)
        if self.name == "resize":  # before the memory is taken
            times = float(self.level)
            media.check_size((round(picture.width * times), round(picture.height * times)))
        pixels = np.asarray(picture, dtype=np.float64)
        return _png(self._changed(pixels, sample, index, wrong), media.name)

    def _changed(self, pixels: Floats, sample: Sample, index: int, wrong: str) -> Floats:
        if self.name in FIRST:
            key = keyed_number("perturb", self.name, self.seed, sample.id, index)
            return FIRST[self.name](pixels, float(self.level), np.random.Generator(np.random.PCG64(key)))
        draws = self._draws(sample, index)
        if self.name == OVERLAY:
            return written_over(pixels, wrong, float(self.level), draws)
        if self.name in CHANGES:
            return CHANGES[self.name](pixels, float(self.level), draws)
        return CORRUPTIONS[self.name.removeprefix("c/")](pixels, int(float(self.level)), draws)


def _png(pixels: Floats, name: str) -> Media:
    out = io.BytesIO()
    as_picture(pixels).save(out, "PNG", compress_level=6)
    return Media(out.getvalue(), mime="image/png", name=name)
