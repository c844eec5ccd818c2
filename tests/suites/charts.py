"""CharXiv, ChartQA and TextVQA: short answers, by rules that stand in their papers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hemm.core import Sample

from . import Answers, Held, picture, put_parquet, rows_of

README = """---
configs:
- config_name: default
  data_files:
  - split: validation
    path: val.parquet
  - split: test
    path: test.parquet
---
"""
REASONED = {1: "Ours (large)", 2: "It grows", 3: "0.25", 4: "12.50"}
DESCRIBED = {1: "Not Applicable", 8: "50", 11: "Yes", 13: "α, β", 16: "Increases", 18: "2 by 3", 19: "6"}
FORMS = ("{}", "{}.", "Answer: {}", '"{}"', "The answer is {}.", "I do not know")


def charxiv(folder: Path, n: int) -> None:
    """``val.parquet`` beside ``test.parquet``, whose answers are withheld. Templates are numbers."""
    rows: list[dict[str, Any]] = []
    for i in range(n):
        kind, templates = 1 + i % 4, list(itertools.islice(itertools.cycle(DESCRIBED), i, i + 4))
        row: dict[str, Any] = {
            "category": ("cs", "q-bio")[i % 2],
            "year": "22",
            "original_figure_path": f"f{i}.jpg",
            "original_id": f"2212.{i:05d}",
            "figure_path": f"images/{i}.jpg",
            "num_subplots": (1, 6, 3)[i % 3],
            "subplot_row": (0, 2, None)[i % 3],
            "subplot_col": (0, 1, None)[i % 3],
            "subplot_loc": (None, None, "the inset")[i % 3],
            "reasoning_q": f"Which method is the best in panel {i}?",
            "reasoning_q_source": 1 + i % 3,
            "reasoning_a": REASONED[kind],
            "reasoning_a_type": kind,
            "image": picture(i),
        }
        row |= {f"descriptive_q{k}": t for k, t in enumerate(templates, 1)}
        row |= {f"descriptive_a{k}": DESCRIBED[t] for k, t in enumerate(templates, 1)}
        rows.append(row)
    types: dict[str, Any] = {name: "int" if isinstance(v, int) else "str" for name, v in rows[0].items()}
    types |= {"image": "image"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(README)
    put_parquet(folder / "val.parquet", rows, types)
    put_parquet(folder / "test.parquet", [{**rows[0], "reasoning_a": ""}], types)


def says(sample: Sample, number: int) -> str:
    right = str(sample.references[number % len(sample.references)])
    said = (right, right.upper(), right, "43.7")[number % 4]
    return FORMS[number % len(FORMS)].format(said)


def short(text: str) -> str:
    """The answer in these forms, in lower case, without quotes and a final point."""
    return text.removeprefix("Answer: ").removeprefix("The answer is ").strip('".').strip().lower()


def right(text: str, answer: str) -> bool:
    """The same words but for case, or the same number."""
    said, wanted = short(text), answer.lower()
    try:
        return float(said) == float(wanted)
    except ValueError:
        return said == wanted


def grouped(found: Iterator[tuple[str, float]], metric: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for kind, value in found:
        values.setdefault(kind, []).append(value)
    every = [v for each in values.values() for v in each]
    return {
        metric: sum(every) / len(every),
        **{f"{metric}/{k}": sum(v) / len(v) for k, v in values.items() if k},
    }


def reasoned(folder: Path, said: Answers) -> dict[str, float]:
    """Right answers by the kind that ``reasoning_a_type`` says."""
    names = {1: "text-in-chart", 2: "text-in-general", 3: "number-in-chart", 4: "number-in-general"}
    rows = rows_of(folder, "val.parquet")
    found = [
        (names[r["reasoning_a_type"]], right(said[r["figure_path"][7:-4]], r["reasoning_a"])) for r in rows
    ]
    return grouped(iter(found), "math_equal")


KINDS = {1: "information extraction", 8: "enumeration", 13: "enumeration", 11: "pattern recognition"}
KINDS |= {16: "pattern recognition", 18: "pattern recognition", 19: "counting"}


def described(folder: Path, said: Answers) -> dict[str, float]:
    """Right answers by the authors' kinds of questions; four questions a chart."""
    found = [
        (
            KINDS[row[f"descriptive_q{k}"]],
            right(said[f"{row['figure_path'][7:-4]}-{k}"], row[f"descriptive_a{k}"]),
        )
        for row in rows_of(folder, "val.parquet")
        for k in range(1, 5)
    ]
    return grouped(iter(found), "math_equal")


CHARTS = (["14"], ["0.57"], ["Yes"], ["Inspired"], ["1,200"], ["-3.5"])


def chartqa(folder: Path, n: int) -> None:
    """``data/test-00000-of-00001-e2cd0b7a0f9eb20d.parquet``: who asked is a class of the hub, 0 or 1."""
    rows = [
        {
            "image": picture(i // 2),
            "query": f"How many people said so in year {i}?",
            "label": CHARTS[i % len(CHARTS)],
            "human_or_machine": i % 2,
        }
        for i in range(n)
    ]
    types = {"image": "image", "query": "str", "label": "strs", "human_or_machine": "int"}
    put_parquet(folder / "data/test-00000-of-00001-e2cd0b7a0f9eb20d.parquet", rows, types)


def chart_says(sample: Sample, number: int) -> str:
    right = str(sample.references[0])
    try:
        value = float(right.replace(",", ""))
    except ValueError:
        return FORMS[number % len(FORMS)].format((right, right.lower(), "no")[number % 3])
    return FORMS[number % len(FORMS)].format(f"{value * (1.0, 1.04, 1.06, 0.951)[number % 4]:.4f}")


def relaxed(folder: Path, said: Answers) -> dict[str, float]:
    """Masry et al. 2022: within five per cent where both are numbers, else the same text in lower case."""

    def correct(text: str, answer: str) -> float:
        try:
            wanted, given = float(answer.replace(",", "")), float(short(text).replace(",", ""))
        except ValueError:
            return float(short(text) == answer.lower())
        return float(abs(given - wanted) / abs(wanted) <= 0.05)

    found = [
        (("human", "augmented")[row["human_or_machine"]], correct(said[f"{n:04d}"], row["label"][0]))
        for n, row in enumerate(rows_of(folder), 1)
    ]
    return grouped(iter(found), "relaxed_accuracy")


TEN = (
    ["nokia"] * 6 + ["Nokia."] * 2 + ["samsung"] * 2,
    ["2"] * 3 + ["two"] * 3 + ["3"] * 4,
    ["dakota"] * 2 + ["a b"] * 8,
)


def textvqa(folder: Path, n: int) -> None:
    """``data/validation-00000-of-00003.parquet``: ten answers a question."""
    rows = [
        {
            "image_id": f"{i // 2:016x}",
            "question_id": 34602 + i,
            "question": f"what is the brand of phone {i}?",
            "image": picture(i // 2),
            "image_width": 8,
            "image_height": 8,
            "answers": TEN[i % 3],
            "image_classes": ["Phone"],
            "set_name": "val",
            "ocr_tokens": ["NOKIA"],
        }
        for i in range(n)
    ]
    types = dict.fromkeys(("image_id", "question", "set_name"), "str") | {"image": "image"}
    types |= dict.fromkeys(("question_id", "image_width", "image_height"), "int")
    types |= dict.fromkeys(("answers", "image_classes", "ocr_tokens"), "strs")
    put_parquet(folder / "data/validation-00000-of-00003.parquet", rows, types)


def agreement(folder: Path, said: Answers) -> dict[str, float]:
    """Singh et al. 2019: over the ten ways to leave one annotator out, min(1, matches / 3); all
    normalised."""

    def plain(text: str) -> str:
        words = {"two": "2", "three": "3"}
        bare = short(text).replace(".", "")
        return " ".join(words.get(w, w) for w in bare.split() if w not in ("a", "an", "the"))

    values = []
    for row in rows_of(folder):
        answers, mine = [plain(a) for a in row["answers"]], plain(said[str(row["question_id"])])
        left_out = [[a for j, a in enumerate(answers) if j != k] for k in range(10)]
        values.append(sum(min(1.0, others.count(mine) / 3) for others in left_out) / 10)
    return {"vqa_accuracy:normalise=always": sum(values) / len(values)}


Scorer = Callable[[Path, Answers], dict[str, float]]
HELD = {
    "charxiv": Held(charxiv, says, reasoned),
    "charxiv:dq": Held(charxiv, says, described, samples=96),
    "chartqa": Held(chartqa, chart_says, relaxed),
    "textvqa": Held(textvqa, says, agreement),
}
