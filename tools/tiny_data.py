"""Training data of ``tiny``: probe pictures from training seeds, several questions behind each."""

from __future__ import annotations

import importlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
from hemm.tasks.probes.draw import Rand
from hemm.tasks.prompt import render

PICTURE = 96
"""Side of the picture as the model sees it."""
LENGTH = 176
"""Tokens of one training row: a picture and as many questions as fit."""
USER, ASSISTANT, SYSTEM, END = "<|user|>", "<|assistant|>", "<|system|>", "<end_of_utterance>"
FAKE, IMAGE, GLOBAL, PAD = "<fake_token_around_image>", "<image>", "<global-img>", "<pad>"
IMAGE_TOKENS = 16
TRAITS_WIDTH = 8
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
    """Makes training rows from one seed of the training range."""

    def __init__(
        self, tokenizer: Any, seed: int, weights: Weights | None = None, blind: float = 0.04
    ) -> None:
        if seed not in TRAIN_SEEDS:
            raise HemmError(f"seed {seed} is no training seed of the probes")
        self.families, self.tasks, self.tokenizer = families(), tasks(), tokenizer
        self.rand, self.seed, self.blind = Rand("train", seed), seed, blind
        self.short = 0.0
        self.weights = weights or Weights()
        self.reserved = reserved_pictures()
        self.kinds, self.colours, self.traits = vocabulary(self.families)
        one = tokenizer.convert_tokens_to_ids
        self.prefix = [one(USER), one(FAKE), one(GLOBAL), *[one(IMAGE)] * IMAGE_TOKENS, one(FAKE)]
        self.end, self.assistant = one(END), one(ASSISTANT)
        self._cache: dict[str, list[int]] = {}

    def rows(self) -> Iterator[Row]:
        """Rows without end."""
        while True:
            index = _weighted(self.rand, [self.weights.family[f.name] for f in self.families])
            family = self.families[index]
            drawn = family.draw(self.rand)
            if picture_key(drawn.pixels) not in self.reserved:
                yield self.row(family, drawn)

    def row(self, family: Family, drawn: Picture) -> Row:
        """A picture with as many questions as fit into a row."""
        ids, spans, asked = list(self.prefix), [], []
        weights = [self.weights.skill[family.name, s.name] for s in family.skills]
        for _ in range(40):
            skill = family.skills[_weighted(self.rand, weights)]
            question = skill.ask(drawn.facts, self.rand)
            if question is None:
                continue
            prompt = self._tokens(self._vary(prompt_text(self.tasks[family.name], family, skill, question)))
            answer = self._tokens(" " + self.rand.pick((question.answer, *question.also)))
            if len(ids) + len(prompt) + len(answer) + 3 > LENGTH:
                break
            start = len(ids)
            ids += [*prompt, self.end, self.assistant, *answer, self.end]
            spans.append((start, start + len(prompt) + 2, len(ids)))
            asked.append((family.name, skill.name, len(question.choices)))
        grid = drawn.grid
        traits = np.full(len(self.traits), -100, dtype=np.int64)
        for name, value in drawn.traits.items():
            slot, classes = self.traits[family.name, name]
            traits[slot] = classes[value]
        return Row(
            shrink(drawn.pixels),
            np.array(ids, dtype=np.int64),
            spans,
            asked,
            np.array([self.kinds[k] for k, _ in grid], dtype=np.int64),
            np.array([self.colours[c] for _, c in grid], dtype=np.int64),
            traits,
            self.rand.below(1000) < self.blind * 1000,
        )

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


def vocabulary(known: list[Family]) -> tuple[dict[str, int], dict[str, int], Traits]:
    """Names of cell kinds and colours, and for each family's trait its slot and classes."""
    kinds, colours, values = {""}, {""}, defaultdict(set)
    for family in known:
        for i in range(300):
            drawn = family.draw(Rand("vocabulary", family.name, i))
            kinds |= {k for k, _ in drawn.grid}
            colours |= {c for _, c in drawn.grid}
            for name, value in drawn.traits.items():
                values[family.name, name].add(value)
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
