"""Training data of ``tiny``: probe pictures from training seeds, several questions behind each."""

from __future__ import annotations

import importlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tiny_factorial
from hemm.core import HemmError, Media, Sample, Task
from hemm.tasks.probes import FAMILIES
from hemm.tasks.probes.base import (
    DEFAULT_SIZE,
    SHOT_SEEDS,
    SHOTS,
    TEST_SEEDS,
    TRAIN_SEEDS,
    Family,
    Picture,
    Question,
    Skill,
    page,
    picture_key,
)
from hemm.tasks.probes.draw import COLOURS, SHAPES, Rand
from hemm.tasks.probes.factorial.cells import TEXT_FLOWS, cells
from hemm.tasks.probes.scans import MIRROR
from hemm.tasks.probes.screens import ROWS, STATES
from hemm.tasks.probes.shapes import QUARTERS, STEPS, quarter
from hemm.tasks.prompt import render

PICTURE = 96
"""Side of the picture as the model sees it."""
LENGTH = 176
"""Tokens of one training row: a picture and as many questions as fit."""
USER, ASSISTANT, SYSTEM, END = "<|user|>", "<|assistant|>", "<|system|>", "<end_of_utterance>"
FAKE, IMAGE, GLOBAL, PAD = "<fake_token_around_image>", "<image>", "<global-img>", "<pad>"
IMAGE_TOKENS = 16
TRAITS_WIDTH = 8
TERSE = 90
"""No terse question begins after so many tokens of a row."""
_SHOWN = Media(b"", mime="image/png")


def families() -> list[Family]:
    """All probe families."""
    return [importlib.import_module(f"hemm.tasks.probes.{name}").FAMILY for name in FAMILIES]


def tasks() -> dict[str, Task]:
    """Family name -> task."""
    return {name: importlib.import_module(f"hemm.tasks.probes.{name}").TASK for name in FAMILIES}


def shrink(pixels: np.ndarray) -> np.ndarray:
    """A picture of 192 x 192 as the model sees it: means of 2 x 2 pixels, channels first."""
    summed = pixels.reshape(PICTURE, 2, PICTURE, 2, 3).sum(axis=(1, 3), dtype=np.uint16)
    return np.asarray((summed + 2) // 4).astype(np.uint8).transpose(2, 0, 1)


def reserved_pictures() -> set[int]:
    """Checksums of all pictures of the default packs: they are never trained on."""
    found = set()
    for family in families():
        for seed, size in ((TEST_SEEDS[0], DEFAULT_SIZE), (SHOT_SEEDS[0], SHOTS)):
            found |= {picture_key(page(family, seed, i)[0].pixels) for i in range(size // 4)}
    return found


def prompt_text(task: Task, family: Family, skill: Skill, asked: Question) -> str:
    """The text of the user's message, exactly as an evaluation sends it."""
    fields = {"question": asked.text, **({"context": asked.context} if asked.context else {})}
    sample = Sample(id="x", media=(_SHOWN,), fields=fields, choices=asked.choices)
    parts = render(task, sample)[0].parts
    return "".join(p for p in parts if isinstance(p, str))


@dataclass
class Weights:
    """How often families and skills are drawn; the training loop raises those that are not learned yet."""

    family: dict[str, float] = field(default_factory=lambda: defaultdict(lambda: 1.0))
    skill: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(lambda: 1.0))


def _weighted(rand: Rand, weights: list[float]) -> int:
    total = sum(weights)
    mark = rand.below(1 << 24) / (1 << 24) * total
    for i, weight in enumerate(itertools.accumulate(weights)):
        if mark < weight:
            return i
    return len(weights) - 1


def brief(family: Family, drawn: Picture, rand: Rand) -> list[tuple[str, str]]:
    """Facts about a picture as terse questions with answers, in random order: a lot for few tokens."""
    facts = drawn.facts
    if family.name == "shapes":
        found = _brief_shapes(facts)
    elif family.name == "legend":
        found = [(q, facts["symbols"].get(q, "none")) for q in QUARTERS]
        found.append(("background", facts["background"]))
    elif family.name == "scans":
        found = [(q, facts["marks"].get(q, "none")) for q in MIRROR]
        found += [("body", facts["part"]), ("many marks", str(len(facts["marks"])))]
    elif family.name == "screens":
        found = [(f"{word} row", name) for word, name in zip(ROWS, facts["names"], strict=True)]
        found += [(n, STATES[s]) for n, s in zip(facts["names"], facts["states"], strict=True)]
        found += [("app", facts["app"]), ("theme", facts["theme"]), ("controls", facts["style"])]
        found += [("title bar", facts["accent"]), ("many on", str(sum(facts["states"])))]
    elif family.name == "scenes":
        sides = zip(("left", "right"), facts["things"], strict=True)
        found = [(side, f"{colour} {kind}") for side, (kind, colour) in sides]
        found += [("ground", facts["ground"]), ("time", facts["time"])]
    else:
        found = list(drawn.traits.items())
        if family.name == "charts":
            values = zip(facts["colours"], facts["values"], strict=True)
            found += [(colour, str(value)) for colour, value in values]
    return rand.sample(found, len(found))


def _brief_shapes(facts: dict[str, Any]) -> list[tuple[str, str]]:
    things = facts["things"]
    kinds, colours = Counter(k for k, _ in things.values()), Counter(c for _, c in things.values())
    both = Counter(things.values())
    found = [("background", facts["background"]), ("many shapes", str(len(things)))]
    for place, (kind, colour) in things.items():
        if kinds[kind] == 1:
            found.append((kind, colour))
        if colours[colour] == 1:
            found.append((colour, kind))
        if both[kind, colour] == 1:
            found.append((f"where {colour} {kind}", quarter(place)))
            for word, step in STEPS.items():
                other = place + step
                if other in things and (abs(step) == 4 or other // 4 == place // 4):
                    found.append((f"{word} the {colour} {kind}", "{1} {0}".format(*things[other])))
    found += [(f"many {c}", str(n)) for c, n in colours.items() if n < 5]
    found += [(f"many {k}", str(n)) for k, n in kinds.items() if n < 5]
    found += [(f"many {x}", "0") for x in (*COLOURS, *SHAPES) if not colours[x] + kinds[x]][:2]
    return found


@dataclass(frozen=True)
class Row:
    """One picture with its packed questions.

    asked   (family, skill, options) of each question
    spans   for each question: first token, first answer token, end
    traits  class of each trait slot, -100 where the family has no such trait
    """

    pixels: np.ndarray
    ids: np.ndarray
    spans: list[tuple[int, int, int]]
    asked: list[tuple[str, str, int]]
    kinds: np.ndarray
    colours: np.ndarray
    traits: np.ndarray
    blind: bool


class Maker:
    """Makes training rows from one seed of the training range.

    factorial  the share of rows from the probes of version 2
    """

    def __init__(
        self,
        tokenizer: Any,
        seed: int,
        weights: Weights | None = None,
        blind: float = 0.04,
        factorial: float = 0.0,
    ) -> None:
        if seed not in TRAIN_SEEDS:
            raise HemmError(f"seed {seed} is no training seed of the probes")
        self.families, self.tasks, self.tokenizer = families(), tasks(), tokenizer
        self.rand, self.seed, self.blind = Rand("train", seed), seed, blind
        self.short, self.terse = 0.0, 0.0
        self.weights = weights or Weights()
        self.factorial = factorial
        self.reserved = reserved_pictures() | (tiny_factorial.reserved() if factorial else set())
        self.kinds, self.colours, self.traits = vocabulary(self.families, bool(factorial))
        self.factorial_tasks = tiny_factorial.tasks()
        self.cells = cells(TEXT_FLOWS)
        one = tokenizer.convert_tokens_to_ids
        self.prefix = [one(USER), one(FAKE), one(GLOBAL), *[one(IMAGE)] * IMAGE_TOKENS, one(FAKE)]
        self.end, self.assistant = one(END), one(ASSISTANT)
        self._cache: dict[str, list[int]] = {}

    def rows(self) -> Iterator[Row]:
        """Rows without end."""
        while True:
            if self.rand.below(1000) < self.factorial * 1000:
                yield from self.factorial_row()
                continue
            index = _weighted(self.rand, [self.weights.family[f.name] for f in self.families])
            family = self.families[index]
            drawn = family.draw(self.rand)
            if picture_key(drawn.pixels) not in self.reserved:
                yield self.row(family, drawn)

    def row(self, family: Family, drawn: Picture) -> Row:
        """A picture with as many questions as fit into a row."""
        ids, spans, asked = list(self.prefix), [], []
        weights = [self.weights.skill[family.name, s.name] for s in family.skills]
        if self.rand.below(1000) < self.terse * 1000:
            for what, value in brief(family, drawn, self.rand):
                if len(ids) > TERSE:
                    break
                self._add(ids, spans, f"{what}?", value)
                asked.append((family.name, "", 0))
        for _ in range(40):
            skill = family.skills[_weighted(self.rand, weights)]
            question = skill.ask(drawn.facts, self.rand)
            if question is None:
                continue
            prompt = self._vary(prompt_text(self.tasks[family.name], family, skill, question))
            before = len(spans)
            self._add(ids, spans, prompt, self.rand.pick((question.answer, *question.also)))
            if len(spans) == before:
                break
            asked.append((family.name, skill.name, len(question.choices)))
        return self._row(shrink(drawn.pixels), ids, spans, asked, drawn.grid, family.name, drawn.traits)

    def factorial_row(self) -> Iterator[Row]:
        """A picture of version 2 with terse questions and one whole one; none where it is a reserved one, or
        where the question is too long."""
        names = list(self.factorial_tasks)
        use_case = names[_weighted(self.rand, [self.weights.family[f"v2_{n}"] for n in names])]
        task = self.factorial_tasks[use_case]
        question = tiny_factorial.ask(use_case, self.rand.pick(self.cells), task, self.rand, PICTURE)
        if question.key in self.reserved:
            return
        ids: list[int] = list(self.prefix)
        spans: list[tuple[int, int, int]] = []
        asked: list[tuple[str, str, int]] = []
        if self.rand.below(1000) < self.terse * 1000:
            for what in self.rand.sample(list(question.facts), len(question.facts)):
                if len(ids) > TERSE:
                    break
                self._add(ids, spans, f"{what}?", question.facts[what])
                asked.append((question.family, "", 0))
        before = len(spans)
        self._add(ids, spans, question.prompt, question.answer, tiny_factorial.LENGTH)
        if len(spans) > before:
            asked.append((question.family, question.skill, 4))
            grid = (("", ""),) * 16
            yield self._row(question.pixels, ids, spans, asked, grid, question.family, question.traits)

    def _row(
        self,
        pixels: np.ndarray,
        ids: list[int],
        spans: list[tuple[int, int, int]],
        asked: list[tuple[str, str, int]],
        grid: tuple[tuple[str, str], ...],
        family: str,
        shown: dict[str, str],
    ) -> Row:
        traits = np.full(len(self.traits), -100, dtype=np.int64)
        for name, value in shown.items():
            slot, classes = self.traits[family, name]
            traits[slot] = classes[value]
        return Row(
            pixels,
            np.array(ids, dtype=np.int64),
            spans,
            asked,
            np.array([self.kinds[k] for k, _ in grid], dtype=np.int64),
            np.array([self.colours[c] for _, c in grid], dtype=np.int64),
            traits,
            self.rand.below(1000) < self.blind * 1000,
        )

    def _add(
        self,
        ids: list[int],
        spans: list[tuple[int, int, int]],
        prompt: str,
        answer: str,
        longest: int = LENGTH,
    ) -> None:
        """A question with its answer at the end of a row; nothing where it does not fit."""
        question, words = self._tokens(prompt), self._tokens(f" {answer}")
        start = len(ids)
        if start + len(question) + len(words) + 3 <= longest:
            ids += [*question, self.end, self.assistant, *words, self.end]
            spans.append((start, start + len(question) + 2, len(ids)))

    def _vary(self, text: str) -> str:
        """Some questions come without instruction and options, so that a changed prompt is no surprise.

        Early in the training it is most of them: shorter questions, more of them.
        """
        return text.split(" Reply with ")[0] if self.rand.below(1000) < self.short * 1000 else text

    def _tokens(self, text: str) -> list[int]:
        found = self._cache.get(text)
        if found is None:
            if len(self._cache) > 50_000:
                self._cache.clear()
            found = self._cache[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found


Traits = dict[tuple[str, str], tuple[int, dict[str, int]]]


def vocabulary(known: list[Family], factorial: bool = False) -> tuple[dict[str, int], dict[str, int], Traits]:
    """Names of cell kinds and colours, and for each family's trait its slot and classes."""
    kinds, colours, values = {""}, {""}, defaultdict(set)
    for family in known:
        for i in range(300):
            drawn = family.draw(Rand("vocabulary", family.name, i))
            kinds |= {k for k, _ in drawn.grid}
            colours |= {c for _, c in drawn.grid}
            for name, value in drawn.traits.items():
                values[family.name, name].add(value)
    if factorial:
        values |= {key: set(found) for key, found in tiny_factorial.trait_classes().items()}
    traits: Traits = {}
    for slot, (key, found) in enumerate(sorted(values.items())):
        if len(found) > TRAITS_WIDTH:
            raise HemmError(f"trait {key} has {len(found)} classes; at most {TRAITS_WIDTH} fit")
        traits[key] = (slot, {value: i for i, value in enumerate(sorted(found))})
    return (
        {k: i for i, k in enumerate(sorted(kinds))},
        {c: i for i, c in enumerate(sorted(colours))},
        traits,
    )


def corpus(pictures: int = 400) -> Iterator[str]:
    """Texts of training questions and answers, for the tokenizer."""
    known = tasks()
    for family in families():
        rand = Rand("corpus", family.name)
        for _ in range(pictures):
            drawn = family.draw(rand)
            for skill in family.skills:
                asked = skill.ask(drawn.facts, rand)
                if asked is not None:
                    yield prompt_text(known[family.name], family, skill, asked)
                    yield " " + asked.answer
