"""ZeroBench and DynaMath: exact values, and the worst of ten variants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hemm.core import Sample

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

README = """---
configs:
- config_name: default
  data_files:
  - split: zerobench
    path: data/zerobench-*
  - split: zerobench_subquestions
    path: data/zerobench_subquestions-*
---
"""
ANSWERS = ("11.90", "Marco", "5", "£1,066", "(3, 4)")


def zerobench(folder: Path, n: int) -> None:
    """``data/zerobench-00000-of-00001.parquet`` and that of the steps; one picture or several."""
    types: dict[str, Any] = dict.fromkeys(("question_id", "question_text", "question_answer"), "str")
    types |= {"question_images": "strs", "question_images_decoded": "images", "image_attribution": "str"}
    for split in ("zerobench", "zerobench_subquestions"):
        rows = [
            {
                "question_id": str(i + 1) if split == "zerobench" else f"{i // 3 + 1}_{i % 3 + 1}",
                "question_text": f"What is sum {i} of all prices?",
                "question_answer": ANSWERS[i % len(ANSWERS)],
                "question_images": [f"images/{i}_{k}.png" for k in range(1 + i % 2)],
                "question_images_decoded": [picture(4 * i + k) for k in range(1 + i % 2)],
                "image_attribution": "Own",
            }
            for i in range(n)
        ]
        put_parquet(folder / f"data/{split}-00000-of-00001.parquet", rows, types)
    (folder / "README.md").write_text(README)


def says(sample: Sample, number: int) -> str:
    right = str(sample.references[0])
    return (r"Steps. \boxed{{{}}}", "Final answer: {}", r"\boxed{{{}}}", "I give up")[number % 4].format(
        right if number % 3 else "42"
    )


def found_in(text: str) -> str:
    boxed = re.search(r"\\boxed\{(.*)\}", text)
    return boxed[1] if boxed else text.partition("answer: ")[2]


def exact(split: str):  # type: ignore[no-untyped-def]
    def official(folder: Path, said: Answers) -> dict[str, float]:
        """The same answer, to the letter."""
        rows = rows_of(folder, f"data/{split}-0*.parquet")
        return {
            "math_equal": sum(found_in(said[r["question_id"]]) == r["question_answer"] for r in rows)
            / len(rows)
        }

    return official


KINDS = ("float", "multiple choice", "text")


def dynamath(folder: Path, n: int) -> None:
    """``data/sample_variantK-00000-of-00001.parquet`` for ten K: the same questions with other numbers."""
    types = dict.fromkeys(
        ("id", "question", "image", "ground_truth", "answer_type", "subject", "level"), "str"
    )
    for variant in range(1, 11):
        rows = []
        for i in range(max(3, n // 8)):
            kind = KINDS[i % 3]
            choice = "\n(A) even (B) odd (C) neither" if kind == "multiple choice" else ""
            truth = {"float": f"{i + variant / 8:.3f}", "multiple choice": "ABC"[variant % 3], "text": "red"}[
                kind
            ]
            rows.append(
                {
                    "id": str(i + 1),
                    "question": f"What is f({variant}) in plot {i}?{choice}",
                    "image": f"images/{variant}_{i}.png",
                    "decoded_image": picture(10 * i + variant),
                    "ground_truth": truth,
                    "answer_type": kind,
                    "subject": ("algebra", "plane geometry", "statistics")[i % 3],
                    "level": "high school",
                }
            )
        put_parquet(
            folder / f"data/sample_variant{variant}-00000-of-00001.parquet",
            rows,
            types | {"decoded_image": "image"},
        )


def dyna_says(sample: Sample, number: int) -> str:
    if sample.choices:
        letter = str(sample.references[0])
        return letter if sample.unit != "2" or number % 4 else lettered(sample, number)
    right = str(sample.references[0])
    if right == "red":
        return r"\boxed{red}"
    shift = (0.0, 0.0009, -0.0009, 0.002)[number % 4] if sample.unit == "1" else 0.0004
    return rf"\boxed{{{float(right) + shift:.4f}}}"


def dyna_official(folder: Path, said: Answers) -> dict[str, float]:
    """|answer - truth| <= 0.001, or the letter, or the word; the mean, and the worst of each question's
    ten."""
    right: dict[str, list[bool]] = {}
    subjects: dict[str, list[bool]] = {}
    for variant in range(1, 11):
        for row in rows_of(folder, f"data/sample_variant{variant}-*.parquet"):
            text = said[f"{row['id']}-{variant}"]
            if row["answer_type"] == "multiple choice":
                ok = letter_in(text) == row["ground_truth"]
            elif row["answer_type"] == "float":
                ok = abs(float(found_in(text)) - float(row["ground_truth"])) <= 0.001 + 1e-12
            else:
                ok = row["ground_truth"] in text
            right.setdefault(row["id"], []).append(ok)
            subjects.setdefault(row["subject"], []).append(ok)
    every = [ok for each in right.values() for ok in each]
    name = "math_equal:within=0.001"
    return {
        name: sum(every) / len(every),
        **{f"{name}/{s}": sum(v) / len(v) for s, v in subjects.items()},
        f"consistency:of={name}": sum(all(v) for v in right.values()) / len(right),
    }


HELD = {
    "zerobench": Held(zerobench, says, exact("zerobench")),
    "zerobench:subquestions": Held(zerobench, says, exact("zerobench_subquestions")),
    "dynamath": Held(dynamath, dyna_says, dyna_official, samples=30),
}
