"""Data sets about what is seen: RealWorldQA, POPE, CV-Bench, BLINK, V*, CountBenchQA."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from hemm.core import Sample

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

LETTER = "Please answer directly with only the letter of the correct option and nothing else."


def mean(values: list[bool]) -> float:
    return sum(values) / len(values)


# RealWorldQA


def realworldqa(folder: Path, n: int) -> None:
    """``data/test-*.parquet``: options in the question, yes or no, a number, a word."""
    rows = []
    for number in range(n):
        kind = number % 4
        question, answer = (
            (
                f"Where is sign {number}?\nA. On the left.\nB. On the right.\nC. Ahead.\n{LETTER}",
                "ABC"[number % 3],
            ),
            (f"Is car {number} stopped? Please answer directly with a single word or number.", "Yes"),
            (f"How many lanes has road {number}? Please answer directly with a single word or number.", "3"),
            (
                f"Which way does path {number} go? Please answer directly with a single word or number.",
                "Downhill",
            ),
        )[kind]
        row = {
            "image": picture(number),
            "image_path": f"{number}.webp",
            "question": question,
            "answer": answer,
        }
        rows.append(row)
    types = dict.fromkeys(rows[0], "str") | {"image": "image"}
    put_parquet(folder / "data/test-00000-of-00002.parquet", rows[: n // 2], types)
    put_parquet(folder / "data/test-00001-of-00002.parquet", rows[n // 2 :], types)


def briefly(sample: Sample, number: int) -> str:
    if sample.choices:
        return lettered(sample, number)
    right = str(sample.references[0])
    return (right, right.upper(), f"{right}.", "No", "It is hard to say what this shows in the end")[
        number % 5
    ]


def realworldqa_score(folder: Path, said: Answers) -> dict[str, float]:
    """Rows have no key: replies are in their order. A letter, or the word but for case and a final point."""
    hits = []
    for row, reply in zip(rows_of(folder), said.values(), strict=True):
        if len(row["answer"]) == 1 and row["answer"].isalpha():
            hits.append(letter_in(reply) == row["answer"])
        else:
            hits.append(reply.lower().strip().rstrip(".") == row["answer"].lower())
    return {"accuracy": mean(hits)}


# POPE

KINDS = ("random", "popular", "adversarial")


def pope(folder: Path, n: int) -> None:
    """``data/test-*.parquet``; questions of one picture follow each other, ids are per category."""
    rows = [
        {
            "id": str(number),
            "question_id": str(number // 3 + 1),
            "question": f"Is there a dog in picture {number // 6}?",
            "answer": ("yes", "no")[number // 3 % 2],
            "image_source": f"COCO_val2014_{number // 6:012d}",
            "image": picture(number // 6),
            "category": KINDS[number % 3],
        }
        for number in range(n)
    ]
    put_parquet(
        folder / "data/test-00000-of-00001.parquet", rows, dict.fromkeys(rows[0], "str") | {"image": "image"}
    )


def says_yes(sample: Sample, number: int) -> str:
    right = sample.references[0] == "yes"
    return ("Yes", "No")[right if number % 5 == 2 else not right] + ("", ".", ", there is")[
        0 if right else number % 2
    ]


def pope_score(folder: Path, said: Answers) -> dict[str, float]:
    """Accuracy, and precision, recall and F1 of yes."""
    told = []
    for row in rows_of(folder):
        reply = said[f"{row['category']}-{row['question_id']}"].lower()
        told.append((row["answer"], reply[:3].strip(".,"), row["category"]))
    yes = sum(said == "yes" for _, said, _ in told)
    both = sum(said == truth == "yes" for truth, said, _ in told)
    precision, recall = both / yes, both / sum(truth == "yes" for truth, _, _ in told)
    return {
        "accuracy": mean([truth == said for truth, said, _ in told]),
        **{f"accuracy/{kind}": mean([t == s for t, s, k in told if k == kind]) for kind in KINDS},
        "class_report/yes precision": precision,
        "class_report/yes recall": recall,
        "class_report/yes f1": 2 * precision * recall / (precision + recall),
    }


# CV-Bench

SOURCES = ("ADE20K", "COCO", "COCO")


def cv_bench(folder: Path, n: int) -> None:
    """``test_2d.parquet`` and ``test_3d.parquet``; answers in brackets, sources of different sizes."""
    rows = []
    for number in range(n):
        flat = number % 4 < 3
        options = [str(i) for i in range(4)] if flat and number % 2 else ["left", "right"]
        rows.append(
            {
                "idx": number,
                "type": "2D" if flat else "3D",
                "task": ("Relation", "Count")[number % 2] if flat else "Depth",
                "image": picture(number),
                "question": f"What of object {number}?",
                "choices": options,
                "answer": f"({chr(65 + number // 2 % len(options))})",
                "prompt": f"What of object {number}? Select from the following choices.",
                "filename": f"img/{number}.png",
                "source": SOURCES[number % 3] if flat else "Omni3D",
                "source_dataset": "",
                "source_filename": "",
                "target_class": None,
                "target_size": None,
                "bbox": [[1.0, 2.0, 3.0, 4.0]] if not flat else None,
            }
        )
    types = dict.fromkeys(rows[0], "str") | {"idx": "int", "image": "image", "choices": "strs"}
    types |= {"target_size": "int", "bbox": pa.list_(pa.list_(pa.float64()))}  # type: ignore[dict-item]
    for name, kind in (("2d", "2D"), ("3d", "3D")):
        put_parquet(folder / f"test_{name}.parquet", [row for row in rows if row["type"] == kind], types)


def cv_bench_score(folder: Path, said: Answers) -> dict[str, float]:
    rows = rows_of(folder)
    hits = [(row["source"], letter_in(said[str(row["idx"])]) == row["answer"].strip("()")) for row in rows]
    of = {s: mean([hit for source, hit in hits if source == s]) for s in ("ADE20K", "COCO", "Omni3D")}
    flat = (of["ADE20K"] + of["COCO"]) / 2
    return {
        "accuracy": mean([hit for _, hit in hits]),
        "macro_accuracy:by=type+source": (flat + of["Omni3D"]) / 2,
        "macro_accuracy:by=type+source/2D": flat,
        "macro_accuracy:by=type+source/3D": of["Omni3D"],
    }


# BLINK

SUBTASKS = ("Counting", "Jigsaw", "Visual_Similarity")
ALL = (
    *("Art_Style", "Forensic_Detection", "Functional_Correspondence", "IQ_Test", "Multi-view_Reasoning"),
    *("Object_Localization", "Relative_Depth", "Relative_Reflectance", "Semantic_Correspondence"),
    *("Spatial_Relation", "Visual_Correspondence"),
)


def blink(folder: Path, n: int) -> None:
    """``SUBTASK/val-*.parquet``: one to three pictures, options that are letters; hidden answers beside."""
    types = dict.fromkeys(("idx", "question", "sub_task", "answer", "prompt"), "str")
    types |= {f"image_{i}": "image" for i in range(1, 5)} | {"choices": "strs"}
    every: dict[str, list[dict[str, object]]] = {name: [] for name in (*SUBTASKS, *ALL)}
    for number in range(n):
        name = SUBTASKS[0 if number % 6 < 3 else 1 + number % 2]
        options = ["B", "A"] if name == "Jigsaw" else ["one", "two", "three"]
        listed = "\n".join(f"({chr(65 + i)}) {option}" for i, option in enumerate(options))
        row: dict[str, object] = {f"image_{i}": None for i in range(1, 5)}
        row |= {f"image_{i + 1}": picture(5 * number + i) for i in range(1 + number % 3)}
        row |= {
            "idx": f"val_{name}_{number + 1}",
            "question": "How many?",
            "sub_task": name,
            "choices": options,
            "answer": f"({chr(65 + number // 2 % len(options))})",
            "prompt": f"How many are in picture {number}?\nSelect from the following options.\n{listed}",
        }
        every[name].append(row)
    for name, rows in every.items():
        put_parquet(folder / name / "val-00000-of-00001.parquet", rows, types)
        put_parquet(
            folder / name / "test-00000-of-00001.parquet", [r | {"answer": "hidden"} for r in rows], types
        )


def blink_score(folder: Path, said: Answers) -> dict[str, float]:
    """Over questions, by task, and the mean over the tasks that there are."""
    rows = rows_of(folder, "*/val-*.parquet")
    hits = [(row["sub_task"], f"({letter_in(said[row['idx']])})" == row["answer"]) for row in rows]
    of = {name: mean([hit for task, hit in hits if task == name]) for name in SUBTASKS}
    return {
        "accuracy": mean([hit for _, hit in hits]),
        "macro_accuracy:by=subtask": sum(of.values()) / len(of),
        **{f"accuracy/{name.replace('_', ' ').lower()}": value for name, value in of.items()},
    }


def bracketed(sample: Sample, number: int) -> str:
    """Letters as BLINK's prompt shows them, also where the options read as other letters."""
    place = sample.choices.index(str(sample.references[0]))
    letter = chr(65 + (place if number % 3 else (place + 1) % len(sample.choices)))
    return ("({})", "{}", "Answer: ({})", "None of them fits.")[number % 4].format(letter)


# V*


DIRECTLY = "Answer with the option's letter from the given choices directly."


def vstar(folder: Path, n: int) -> None:
    rows = []
    for number in range(n):
        flat = number % 3 == 0
        options = ["left", "right"] if flat else ["rubber", "cotton", "kevlar", "leather"]
        listed = "\n".join(f"({chr(65 + i)}) {option}" for i, option in enumerate(options))
        rows.append(
            {
                "image": picture(number),
                "text": f"What of glove {number}?\n{listed}\n{DIRECTLY}",
                "category": "relative_position" if flat else "direct_attributes",
                "label": chr(65 + number // 3 % len(options)),
                "question_id": str(number // 3 if flat else number),
            }
        )
    put_parquet(
        folder / "data/test-00000-of-00001.parquet", rows, dict.fromkeys(rows[0], "str") | {"image": "image"}
    )


def vstar_score(folder: Path, said: Answers) -> dict[str, float]:
    hits = [
        (r["category"], letter_in(said[f"{r['category']}-{r['question_id']}"]) == r["label"])
        for r in rows_of(folder)
    ]
    kinds = ("direct_attributes", "relative_position")
    return {
        "accuracy": mean([hit for _, hit in hits]),
        **{f"accuracy/{k.replace('_', ' ')}": mean([hit for kind, hit in hits if kind == k]) for k in kinds},
    }


# CountBenchQA


def countbench(folder: Path, n: int) -> None:
    rows = [
        {
            "image": picture(number),
            "text": f"A set of {2 + number % 9} cups",
            "question": f"How many cups are in picture {number}?",
            "number": 2 + number % 9,
        }
        for number in range(n)
    ]
    types = {"image": "image", "text": "str", "question": "str", "number": "int"}
    put_parquet(folder / "data/test-00000-of-00001.parquet", rows, types)


WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def counted(sample: Sample, number: int) -> str:
    right = int(str(sample.references[0]))
    return (str(right), WORDS[right], f"There are {right} cups.", str(right + 1), "many")[number % 5]


def countbench_score(folder: Path, said: Answers) -> dict[str, float]:
    """The number that a reply gives, in digits or as a word."""
    hits = []
    for row, reply in zip(rows_of(folder), said.values(), strict=True):
        digits = re.findall(r"\d+", reply) or [
            str(WORDS.index(w)) for w in reply.lower().split() if w in WORDS
        ]
        hits.append(digits == [str(row["number"])])
    return {"accuracy": mean(hits)}


HELD = {
    "realworldqa": Held(realworldqa, briefly, realworldqa_score),
    "pope": Held(pope, says_yes, pope_score),
    "cv_bench": Held(cv_bench, lettered, cv_bench_score),
    "blink": Held(blink, bracketed, blink_score),
    "vstar": Held(vstar, lettered, vstar_score),
    "countbench": Held(countbench, counted, countbench_score),
}
