"""MathVista, MathVision, MathVerse: the authors' comparisons, where nothing is left to extract."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa

from hemm.core import Sample

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

STRUCT = pa.struct(
    [
        *((name, pa.string()) for name in ("category", "context", "grade")),
        *((name, pa.int64()) for name in ("img_height", "img_width")),
        ("language", pa.string()),
        ("skills", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("source", "split", "task")),
    ]
)
VISTA: dict[str, Any] = {
    **dict.fromkeys(("pid", "question", "image"), "str"),
    "decoded_image": "image",
    "choices": "strs",
    "unit": "str",
    "precision": "float",
    **dict.fromkeys(("answer", "question_type", "answer_type"), "str"),
    "metadata": STRUCT,
    "query": "str",
}
TASKS = ("figure question answering", "geometry problem solving", "math word problem")
KINDS = ("text", "integer", "float", "list")
OPEN = {
    "integer": ("8", "120", "-3"),
    "float": ("1.4", "0.13", "2.0"),
    "list": ("[1, 2]", "[0, 5]", "[3, 7]"),
}


def vista(folder: Path, n: int) -> None:
    """``data/testmini-00000-of-00001-725687bf7a18d64b.parquet``: text rows have choices, the others none; the
    column ``unit`` is that of the answer."""
    rows = []
    for i in range(n):
        kind = KINDS[i % 4]
        choices = ["(2, 1)", "yes", "1/2", "0.5"][: 2 + i % 3] if kind == "text" else None
        answer = choices[i % len(choices)] if choices else OPEN[kind][i // 4 % 3]
        about = {
            "category": "math-targeted-vqa",
            "context": "table",
            "grade": "high school",
            "language": "english",
        }
        about |= {
            "img_height": 400,
            "img_width": 300,
            "source": "IconQA",
            "split": "testmini",
            "task": TASKS[i % 3],
        }
        about["skills"] = ["scientific reasoning"] if i % 5 == 0 else ["arithmetic reasoning"]
        places = 2.0 if answer == "0.13" else 1.0
        rows.append(
            {
                "pid": str(i + 1),
                "question": f"What is the value of quantity {i}?",
                "image": f"images/{i // 2 + 1}.jpg",
                "decoded_image": picture(i // 2),
                "choices": choices,
                "unit": "cm" if kind == "float" else None,
                "precision": places if kind == "float" else None,
                "answer": answer,
                "question_type": "multi_choice" if choices else "free_form",
                "answer_type": kind,
                "metadata": about,
                "query": "Hint: ...",
            }
        )
    put_parquet(folder / "data/testmini-00000-of-00001-725687bf7a18d64b.parquet", rows, VISTA)


def vista_says(sample: Sample, number: int) -> str:
    if sample.choices:
        return lettered(sample, number)
    right = str(sample.references[0])
    close = f"{float(right) + 0.004:.3f}" if "precision" in sample.metadata else right
    forms = (
        r"\boxed{{{}}}",
        "The answer is {}.",
        "So it is:\n\n{}",
        "Final answer: {}",
        "I do not know the value.",
    )
    return forms[number % 5].format(close if number % 7 else "99")


def value_in(text: str) -> str:
    """The value that an answer of these forms says; empty where it says none."""
    boxed = re.findall(r"\\boxed\{(.*)\}", text)
    last = (
        boxed[-1] if boxed else text.rpartition("\n")[2].rpartition("answer is ")[2].rpartition("answer: ")[2]
    )
    return last.rstrip(".") if re.search(r"\d", last) else ""


def vista_official(folder: Path, said: Answers) -> dict[str, float]:
    """``calculate_score.py``: the letter's choice; int(float(x)); round(float(x), precision); the text."""
    right: dict[str, list[bool]] = {}
    for row in rows_of(folder):
        text = said[row["pid"]]
        if row["question_type"] == "multi_choice":
            letter = letter_in(text)
            found = row["choices"][ord(letter) - 65] if letter else None
        else:
            found = value_in(text)
            if found and row["answer_type"] == "integer":
                found = str(int(float(found)))
            elif found and row["answer_type"] == "float":
                found = str(round(float(found), int(row["precision"])))
        right.setdefault(row["metadata"]["task"], []).append(found == row["answer"])
    every = [r for values in right.values() for r in values]
    return {
        "math_equal": sum(every) / len(every),
        **{f"math_equal/{task}": sum(values) / len(values) for task, values in right.items()},
    }


VISION: dict[str, Any] = {
    "id": "str",
    "question": "str",
    "options": "strs",
    "image": "str",
    "decoded_image": "image",
    "answer": "str",
    "solution": "str",
    "level": "int",
    "subject": "str",
}
SUBJECTS = ("combinatorics", "metric geometry - angle", "algebra")
EXPRESSIONS = ("12", r"\frac{3}{4}", r"2\sqrt{2}", "0.5", r"4+\pi", r"\frac{25}{2}", "(3,4)")


def vision(split: str):  # type: ignore[no-untyped-def]
    def write(folder: Path, n: int) -> None:
        """``data/SPLIT-00000-of-00001-....parquet``: decoded_image is the picture, image a path; every other
        row has options, of which some name pictures by their letters."""
        rows = []
        for i in range(n):
            options = (
                (["A", "B", "C", "D", "E"] if i % 4 == 0 else ["15", "30", "45", "60", "75"])
                if i % 2 == 0
                else []
            )
            rows.append(
                {
                    "id": str(i + 1),
                    "question": f"Which of the pieces is number {i}?\n<image1>",
                    "options": options,
                    "image": f"images/{i + 1}.jpg",
                    "decoded_image": picture(i),
                    "answer": "ABCDE"[i // 2 % 5] if options else EXPRESSIONS[i // 2 % len(EXPRESSIONS)],
                    "solution": None,
                    "level": 1 + i % 5,
                    "subject": SUBJECTS[i % 3],
                }
            )
        put_parquet(folder / f"data/{split}-00000-of-00001-3532b8d3f1b4047a.parquet", rows, VISION)

    return write


SAME = {
    "12": "12.0",
    r"\frac{3}{4}": "0.75",
    r"2\sqrt{2}": r"\sqrt{8}",
    "0.5": r"\frac{1}{2}",
    r"4+\pi": "7.1416",
}


def expressions(sample: Sample, number: int) -> str:
    """Open answers in another form of the same value, and wrong ones."""
    if sample.choices:
        return lettered(sample, number)
    right = str(sample.references[0])
    value = (SAME.get(right, right), right, "5", right)[number % 4]
    return (r"We see that $x=1$. \boxed{{{}}}", "The answer is ${}$.")[number // 4 % 2].format(value)


def number_of(text: str) -> float | str:
    """The value of the expressions above, by hand: fractions, roots, pi; other texts as they are."""
    plain = text.replace(r"\pi", f"+{math.pi}-0").replace("++", "+")
    if found := re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", text):
        return float(Fraction(int(found[1]), int(found[2])))
    if found := re.fullmatch(r"(\d*)\\sqrt\{(\d+)\}", text):
        return int(found[1] or 1) * math.sqrt(int(found[2]))
    if found := re.fullmatch(r"(\d+)\+([\d.]+)-0", plain):
        return int(found[1]) + float(found[2])
    return float(text) if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else text


def alike(left: str, right: str) -> bool:
    """MATH-V's ``is_equal``: the same text, or the same value rounded to two places."""
    a, b = number_of(left), number_of(right)
    return a == b or (isinstance(a, float) and isinstance(b, float) and round(a, 2) == round(b, 2))


def vision_official(folder: Path, said: Answers) -> dict[str, float]:
    right: dict[str, list[bool]] = {}
    for row in rows_of(folder):
        text = said[row["id"]]
        if row["options"]:
            ok = letter_in(text) == row["answer"]
        else:
            boxed = re.search(r"\\boxed\{(.*)\}\Z", text)
            ok = alike(boxed[1] if boxed else text.partition("is $")[2].rstrip(".$"), row["answer"])
        right.setdefault(row["subject"], []).append(ok)
    every = [r for values in right.values() for r in values]
    name = "math_equal:decimals=2"
    return {name: sum(every) / len(every), **{f"{name}/{s}": sum(v) / len(v) for s, v in right.items()}}


VERSE_ABOUT = pa.struct([(name, pa.string()) for name in ("split", "source", "subject", "subfield")])
VERSE: dict[str, Any] = {
    **dict.fromkeys(("sample_index", "problem_index", "problem_version", "question"), "str"),
    "image": "image",
    "answer": "str",
    "question_type": "str",
    "metadata": VERSE_ABOUT,
    **dict.fromkeys(("query_wo", "query_cot", "question_for_eval"), "str"),
}
VERSIONS = ("Text Dominant", "Text Lite", "Vision Intensive", "Vision Dominant", "Vision Only")
README = """---
configs:
- config_name: testmini
  data_files:
  - split: testmini
    path: testmini.parquet
- config_name: testmini_text_only
  data_files:
  - split: testmini_text_only
    path: testmini_text_only.parquet
---
"""


def verse(folder: Path, n: int) -> None:
    """``testmini.parquet`` beside the versions without picture, another config; five versions a problem."""
    rows = []
    for i in range(n):
        problem, version = i // 5, VERSIONS[i % 5]
        closed = problem % 2 == 0
        choices = "\nChoices:\nA:65°\nB:35°\nC:55°\nD:70°" if closed else ""
        whole = f"As shown in the figure, what is angle {problem}?{choices}"
        answer = "ABCD"[problem // 2 % 4] if closed else r"2\sqrt{2}"
        rows.append(
            {
                "sample_index": str(i + 1),
                "problem_index": str(problem + 1),
                "problem_version": version,
                "question": "" if version == "Vision Only" else whole,
                "image": picture(i),
                "answer": answer,
                "question_type": "multi-choice" if closed else "free-form",
                "metadata": {
                    "split": "testmini",
                    "source": "GEOS",
                    "subject": "Plane Geometry",
                    "subfield": "Angle",
                },
                "query_wo": "...",
                "query_cot": "...",
                "question_for_eval": whole,
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(README)
    put_parquet(folder / "testmini.parquet", rows, VERSE)
    put_parquet(folder / "testmini_text_only.parquet", rows[:1], VERSE)


def verse_official(only: str = ""):  # type: ignore[no-untyped-def]
    def official(folder: Path, said: Answers) -> dict[str, float]:
        """The share of right answers, over all and by version."""
        right: dict[str, list[bool]] = {}
        for row in rows_of(folder, "testmini.parquet"):
            version = row["problem_version"]
            if only and version != only:
                continue
            text = said[row["sample_index"]]
            if row["question_type"] == "multi-choice":
                ok = letter_in(text) == row["answer"]
            else:
                boxed = re.search(r"\\boxed\{(.*)\}\Z", text)
                ok = alike(boxed[1] if boxed else text.partition("is $")[2].rstrip(".$"), row["answer"])
            right.setdefault(version, []).append(ok)
        every = [r for values in right.values() for r in values]
        return {
            "math_equal": sum(every) / len(every),
            **{f"math_equal/{v.lower()}": sum(values) / len(values) for v, values in right.items()},
        }

    return official


HELD = {
    "mathvista": Held(vista, vista_says, vista_official),
    "mathvision": Held(vision("test"), expressions, vision_official),
    "mathvision:testmini": Held(vision("testmini"), expressions, vision_official),
    "mathverse": Held(verse, expressions, verse_official()),
    "mathverse:vision_only": Held(verse, expressions, verse_official("Vision Only"), samples=4),
}
