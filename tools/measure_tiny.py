"""Measures ``tiny`` on the default probe packs and writes the table into its model card.

    python tools/measure_tiny.py                      # the checkpoint in the package
    python tools/measure_tiny.py --model hf/./folder  # another one; prints only

Each question is asked with its picture, with the picture of another question (shuffled), and without any;
beside it stands the majority answer of the question's template, counted on training seeds. All goes through
the same prompts, adapter, parser and metrics as ``hemm run``.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemm.core import Generation, Judged, Metric, Request, Response, Sample, Task
from hemm.metrics import resolve as resolve_metric
from hemm.models import ModelOptions
from hemm.models import resolve as resolve_model
from hemm.parsing.outcome import judge
from hemm.tasks.probes.base import TRAIN_SEEDS, Family, generate, page
from hemm.tasks.prompt import render
from hemm.tasks.transforms import Shuffle, identity, remove
from tiny_data import families, tasks

CARD = Path(__file__).resolve().parent.parent / "src/hemm/models/tiny/README.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
COLUMNS = ("picture", "shuffled", "none", "majority")
MAJORITY_PICTURES = 500
BATCH = 48


@dataclass(frozen=True)
class Line:
    """One question with its score (0 to 1) under each condition."""

    family: str
    skill: str
    interaction: str
    scores: dict[str, float]


def score(task: Task, metric: Metric, samples: Sequence[Sample], texts: Sequence[str]) -> list[float]:
    """The metric's values; what does not parse counts as the worst score."""
    found = []
    for sample, text in zip(samples, texts, strict=True):
        judged: Judged = judge(sample, 0, Response(text=text), task.answer)
        value = metric.score([[judged]])[0][""] if judged.value is not None else None
        found.append(metric.range[0] if value is None else float(value))
    return found


def ask(model: Any, task: Task, samples: Sequence[Sample], change: Callable[[Sample], Sample]) -> list[str]:
    """Greedy answers to the changed samples."""
    generation = Generation(max_new_tokens=task.max_new_tokens)
    requests = [Request(s.id, 0, render(task, change(s)), generation, key="", options=()) for s in samples]
    out: list[str] = []
    for i in range(0, len(requests), BATCH):
        out += [r.text for r in model.generate_batch(requests[i : i + BATCH])]
    return out


def majorities(family: Family) -> dict[str, str]:
    """Skill -> its most frequent answer in pictures of a training seed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for i in range(MAJORITY_PICTURES):
        for skill, asked in page(family, TRAIN_SEEDS[0], i)[1]:
            counts[skill.name][asked.answer] += 1
    return {name: answers.most_common(1)[0][0] for name, answers in counts.items()}


def measure(model: Any, family: Family, task: Task, metric: Metric) -> list[Line]:
    """All test samples of a family under each condition."""
    samples = list(generate(family))
    media = [tuple(m.digest for m in s.media) for s in samples]
    shuffle = Shuffle([s.cluster for s in samples], media, samples.__getitem__, 0)
    usual = majorities(family)
    texts = {
        "picture": ask(model, task, samples, identity),
        "shuffled": ask(model, task, samples, shuffle),
        "none": ask(model, task, samples, remove),
        "majority": [usual[s.stratum] for s in samples],
    }
    values = {column: score(task, metric, samples, answers) for column, answers in texts.items()}
    return [
        Line(family.name, s.stratum, s.labels["interaction"], {c: values[c][i] for c in COLUMNS})
        for i, s in enumerate(samples)
    ]


def mean(lines: Sequence[Line], column: str) -> float:
    """Mean score in percent."""
    return 100 * math.fsum(line.scores[column] for line in lines) / len(lines)


def row(name: str, lines: Sequence[Line]) -> str:
    """One line of a Markdown table."""
    return f"| {name} | {len(lines)} | " + " | ".join(f"{mean(lines, c):.1f}" for c in COLUMNS) + " |"


def at_chance(lines: Sequence[Line]) -> bool:
    """Whether the picture helps by less than two standard errors over the best control."""
    best = max(COLUMNS[1:], key=lambda c: mean(lines, c))
    gaps = [line.scores["picture"] - line.scores[best] for line in lines]
    centre = math.fsum(gaps) / len(gaps)
    spread = math.sqrt(math.fsum((g - centre) ** 2 for g in gaps) / max(1, len(gaps) - 1) / len(gaps))
    return centre <= 2 * spread


def table(lines: Sequence[Line]) -> str:
    """The measured part of the card."""
    head = "| {} | questions | picture | shuffled | no picture | majority |\n|---|--:|--:|--:|--:|--:|"
    needs = [x for x in lines if x.interaction in ("uniqueness", "synergy")]
    gap = mean(needs, "picture") - max(mean(needs, "shuffled"), mean(needs, "none"))
    families_ = dict.fromkeys(x.family for x in lines)
    skills = dict.fromkeys((x.family, x.skill) for x in lines)
    out = [head.format("probe family")]
    out += [row(f"`probe_{f}`", [x for x in lines if x.family == f]) for f in families_]
    out += [
        row(f"interaction: {i}", [x for x in lines if x.interaction == i])
        for i in ("redundancy", "uniqueness", "synergy")
    ]
    out += [row("**uniqueness and synergy**", needs), row("all", lines), ""]
    out += [f"Uniqueness and synergy: {gap:.1f} points above the better control.", ""]
    weak = [f"`{f}/{s}`" for f, s in skills if at_chance([x for x in lines if (x.family, x.skill) == (f, s)])]
    out += [
        "Question types in which the picture does not help beyond two standard errors over the best of the "
        f"three other columns (not learned, or too few questions to tell): {', '.join(weak) or 'none'}.",
        "",
        head.format("question type"),
    ]
    out += [row(f"`{f}/{s}`", [x for x in lines if (x.family, x.skill) == (f, s)]) for f, s in skills]
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="tiny", help="model spec; only tiny's own card is written")
    args = parser.parse_args()
    model: Any = resolve_model(args.model, ModelOptions())
    asyncio.run(model.start())
    known, lines = tasks(), []
    for family in families():
        task = known[family.name]
        lines += measure(model, family, task, resolve_metric(task.metrics[0]))
    text = table(lines)
    print(text, flush=True)
    if args.model == "tiny":
        card = CARD.read_text()
        before, _, rest = card.partition(BEGIN)
        CARD.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
