"""Base of the probe families: pictures, skills, questions, and their samples."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.core import AnswerFormat, Card, HemmError, Layout, Media, Sample, Task, digest, digest_bytes
from hemm.data.sources.kinds import Generated
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.probes.draw import Rand

TEST_SEEDS = range(1_000)
SHOT_SEEDS = range(1_000, 2_000)
TRAIN_SEEDS = range(1_000_000, 2**31)
"""Three ranges of seeds that never meet: test packs, shots in prompts, and training."""

DEFAULT_SIZE = 144
SHOTS = 16
CELLS = (("less", "yes"), ("less", "no"), ("more", "yes"), ("more", "no"))
"""Reasoning x granularity: every picture has one question of each cell."""

REVISION = "1"
"""The version of the pictures and questions."""
PROMPT = "{{ image }}{% if context is defined %}{{ context }}\n{% endif %}{{ question }} {{ instruction }}"

Facts = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A drawn picture and what it shows.

    pixels  uint8, (SIDE, SIDE, 3)
    facts   what the questions are asked about (a family's own keys)
    grid    what lies in each of the 4 x 4 cells, as (kind, colour) names, row by row; "" for nothing
    traits  properties of the whole picture, by name
    """

    pixels: NDArray[np.uint8]
    facts: Facts
    grid: tuple[tuple[str, str], ...] = (("", ""),) * 16
    traits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A question about one picture, with a text as ``context`` (a caption, a note)."""

    text: str
    answer: str
    choices: tuple[str, ...] = ()
    context: str = ""
    also: tuple[str, ...] = ()
    """Other right answers (captions)."""


@dataclass(frozen=True)
class Skill:
    """A kind of question with its labels; ``ask`` gives None if the picture does not allow one."""

    name: str
    reasoning: str
    fine_grained: str
    ask: Callable[[Facts, Rand], Question | None]
    interaction: str = "uniqueness"
    flow: str = "querying"
    knowledge: str = "no"


@dataclass(frozen=True)
class Family:
    """A probe family: one kind of picture, and its skills."""

    name: str
    use_case: str
    draw: Callable[[Rand], Picture]
    skills: tuple[Skill, ...]

    def cell(self, reasoning: str, fine_grained: str) -> tuple[Skill, ...]:
        """The skills of one cell of the 2 x 2 design."""
        return tuple(s for s in self.skills if (s.reasoning, s.fine_grained) == (reasoning, fine_grained))

    def labels(self, skill: Skill) -> dict[str, str]:
        """All six labels of a question."""
        return {
            "use_case": self.use_case,
            "interaction": skill.interaction,
            "fine_grained": skill.fine_grained,
            "reasoning": skill.reasoning,
            "external_knowledge": skill.knowledge,
            "information_flow": skill.flow,
        }


Questions = list[tuple[Skill, Question]]


def page(family: Family, seed: int, index: int) -> tuple[Picture, Questions]:
    """Picture number ``index`` of a seed with one question of each cell of the 2 x 2 design.

    ``index`` rotates the skills within the cells. If a picture allows no question of a cell, another one is
    drawn.
    """
    for attempt in range(100):
        rand = Rand("probes", family.name, seed, index, attempt)
        drawn = family.draw(rand)
        page_questions = questions(family, drawn, rand, index)
        if len(page_questions) == len(CELLS):
            return drawn, page_questions
    raise AssertionError(f"{family.name}: 100 drawings of picture {index} allow no full set of questions")


def questions(family: Family, drawn: Picture, rand: Rand, turn: int) -> Questions:
    """One question of each cell for which the picture allows one; ``turn`` rotates the skills."""
    picked: Questions = []
    for cell in CELLS:
        skills = family.cell(*cell)
        for i in range(len(skills)):
            skill = skills[(turn + i) % len(skills)]
            question = skill.ask(drawn.facts, rand)
            if question is not None:
                picked.append((skill, question))
                break
    return picked


def png(pixels: NDArray[np.uint8], level: int = 6) -> bytes:
    """Pixels as PNG; a lower ``level`` of compression takes less time."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=level)
    return out.getvalue()


def generate(
    family: Family, seed: int = 0, size: int = DEFAULT_SIZE, *, split: str = "test"
) -> Iterator[Sample]:
    """``size`` samples (a multiple of 4: every picture is asked four questions) of one seed.

    ``split`` is ``test``, ``shots`` or ``train``. Raises HemmError for a seed outside the split's range.
    """
    ranges = {"test": TEST_SEEDS, "shots": SHOT_SEEDS, "train": TRAIN_SEEDS}
    if seed not in ranges[split]:
        allowed = ranges[split]
        raise HemmError(
            f"seed {seed} is no {split} seed of the probes: "
            f"take one from {allowed.start} to {allowed.stop - 1}"
        )
    if size <= 0 or size % len(CELLS):
        raise HemmError(f"size {size} of probe {family.name!r}: take a positive multiple of {len(CELLS)}")
    mark = "" if split == "test" else f"{split}-"
    for index in range(size // len(CELLS)):
        drawn, all_questions = page(family, seed, index)
        picture = Media(png(drawn.pixels), name=f"{family.name}-{mark}{index:05d}.png", mime="image/png")
        for k, (skill, question) in enumerate(all_questions):
            yield as_sample(family, skill, question, f"{mark}{index * len(CELLS) + k:06d}", picture, split)


def as_sample(
    family: Family, skill: Skill, question: Question, number: str, picture: Media, split: str
) -> Sample:
    """A question as a sample; samples of one picture share its cluster."""
    fields = {"question": question.text, **({"context": question.context} if question.context else {})}
    return Sample(
        id=f"{family.name}-{number}",
        media=(picture,),
        fields=fields,
        references=(question.answer, *question.also),
        choices=question.choices,
        cluster=picture.name.removesuffix(".png"),
        labels=family.labels(skill),
        stratum=skill.name,
        metadata={"template": f"{family.name}/{skill.name}"},
        split="test" if split == "train" else split,
    )


def pixels_hash(samples: Iterable[Sample]) -> str:
    """Digest of the decoded pixels and all fields of samples (32 hex digits): never of encoded bytes."""
    return digest([[*_content(s), s.id, s.labels, s.stratum, s.cluster, s.metadata] for s in samples], 32)


def content_key(sample: Sample) -> str:
    """Pixels, texts, choices and answers, by which two probe samples are the same question."""
    return digest(_content(sample), 32)


def _content(sample: Sample) -> list[Any]:
    pixels = [digest_bytes(m.pixels().convert("RGB").tobytes()) for m in sample.media]
    return [pixels, dict(sample.fields), list(sample.choices), [str(r) for r in sample.references]]


def picture_key(pixels: NDArray[np.uint8]) -> int:
    """A quick checksum of pixels: training drops every picture whose checksum a test picture has."""
    return zlib.crc32(pixels.tobytes())


def read_default(folder: Path | None = None, *, family: Family) -> Iterator[Sample]:
    """The default pack: the test samples of seed 0 and a few shots (``folder`` is not used)."""
    yield from generate(family, TEST_SEEDS[0], DEFAULT_SIZE)
    yield from generate(family, SHOT_SEEDS[0], SHOTS, split="shots")


def task(
    family: Family,
    title: str,
    notes: str,
    *,
    answer: AnswerFormat | None = None,
    metrics: tuple[str, ...] = ("accuracy",),
    max_new_tokens: int = 16,
) -> Task:
    """The task of a family; its card has the labels that all skills share, the samples have all six."""
    labels = [family.labels(skill) for skill in family.skills]
    shared = {d: c for d, c in labels[0].items() if all(other[d] == c for other in labels)}
    card = Card(
        title=title,
        licence="Apache-2.0",
        access="generated",
        size="nothing to download",
        splits={"test": DEFAULT_SIZE, "shots": SHOTS},
        labels=shared,
        notes=notes,
    )
    layout = Layout(required=(), read=partial(read_default, family=family))
    source = Generated(layout, revision=REVISION, ids="probes", name=f"generated:{family.name}")
    return Task(
        f"probe_{family.name}",
        card,
        (source,),
        PROMPT,
        answer or ShortAnswer(),
        metrics,
        max_new_tokens=max_new_tokens,
    )
