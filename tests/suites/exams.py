"""MMMU and MMMU-Pro: letters, and open answers by MMMU's own parser."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq

from hemm.core import Sample

from . import Answers, Held, letter_in, lettered, picture, put_parquet

SUBJECTS = ("Accounting", "Art_Theory", "Pharmacy", "Electronics")
OTHERS = (
    *("Agriculture", "Architecture_and_Engineering", "Art"),
    *("Basic_Medical_Science", "Biology", "Chemistry"),
    *("Clinical_Medicine", "Computer_Science", "Design"),
    *("Diagnostics_and_Laboratory_Medicine", "Economics", "Energy_and_Power"),
    *("Finance", "Geography", "History"),
    *("Literature", "Manage", "Marketing"),
    *("Materials", "Math", "Mechanical_Engineering"),
    *("Music", "Physics", "Psychology"),
    *("Public_Health", "Sociology"),
)
TYPES = {
    **dict.fromkeys(("id", "question", "options", "explanation"), "str"),
    **{f"image_{n}": "image" for n in range(1, 8)},
    **dict.fromkeys(("img_type", "answer", "topic_difficulty", "question_type", "subfield"), "str"),
}
OPEN = ("['24/7', '3.429']", "1,200", "-0.5", "Nightingale", "['transformer', 'a transformer']", "$ 6.25")


def _row(subject: str, number: int, split: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(TYPES)
    images = 1 + number % 3
    row |= {f"image_{n + 1}": picture(50 * number + n, f"{n}.png") for n in range(images)}
    closed = number % 4 < 2
    options = ["$1", "It's <image 2>", '"quoted"', "none of these"][: 2 + number % 3]
    return row | {
        "id": f"{split}_{subject}_{number + 1}",
        "question": f"<image 1> Which amount fits question {number}?",
        "options": str(options) if closed else "[]",
        "explanation": "",
        "img_type": "['Tables']",
        "answer": "ABCD"[number % len(options)] if closed else OPEN[number // 2 % len(OPEN)],
        "topic_difficulty": ("Easy", "Medium", "Hard")[number % 3],
        "question_type": "multiple-choice" if closed else "open",
        "subfield": "Managerial Accounting",
    }


def exams(split: str):  # type: ignore[no-untyped-def]
    """A writer of ``SUBJECT/SPLIT-00000-of-00001.parquet`` for all thirty subjects."""

    def write(folder: Path, n: int) -> None:
        numbers = {s: [i for i in range(n) if SUBJECTS[i % len(SUBJECTS)] == s] for s in SUBJECTS}
        for subject in (*SUBJECTS, *OTHERS):
            rows = [_row(subject, i, split) for i in numbers.get(subject, [])]
            put_parquet(folder / subject / f"{split}-00000-of-00001.parquet", rows, TYPES)

    return write


def says(sample: Sample, number: int) -> str:
    if sample.choices:
        return lettered(sample, number)
    right = str(sample.references[number % len(sample.references)])
    forms = (
        "{}",
        "The answer is {}.",
        "So the result is about {} dollars",
        "It is 17",
        "= {}",
        "I think it is {}",
    )
    return forms[number % len(forms)].format(right)


# the authors' rule for open questions, as mmmu/utils/eval_utils.py describes it

SAYS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")


def _normal(text: str) -> list[object]:
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        low = text.lower()
        return [f" {low}", f"{low} "] if len(low) == 1 else [low]


def open_parts(reply: str) -> list[object]:
    """What a reply may have given as its answer: behind the last word that announces one, and its numbers."""
    lines = re.split(r"\.\s(?=[A-Z])|\n", reply.strip().strip(".").lower())
    parts = []
    for number, line in enumerate(lines):
        signs = (*SAYS, "=") if number == len(lines) - 1 else SAYS
        tails = [line.split(sign)[-1].strip() for sign in signs if sign in line]
        if tails and min(tails, key=len) not in (":", ",", ".", "!", "?", ";", "'", ""):
            parts.append(min(tails, key=len))
    parts = parts or ["\n".join(lines)]
    numbers = [
        found
        for part in parts
        for pattern in (
            r"-?\b\d{1,3}(?:,\d{3})+\b",
            r"-?\d+(?:\.\d+)?[eE][+-]?\d+",
            r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])",
        )
        for found in re.findall(pattern, part)
    ]
    return [value for part in (*parts, *numbers) for value in _normal(part)]


def open_right(reply: str, answer: str) -> bool:
    answers = eval(answer) if answer.startswith("[") else [answer]
    wanted = [value for one in answers for value in _normal(one)]
    return any(
        part in wanted if isinstance(part, float) else any(isinstance(w, str) and w in part for w in wanted)
        for part in open_parts(reply)
    )


def exam_score(folder: Path, said: Answers) -> dict[str, float]:
    rows = [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    right = {"multiple-choice": [], "open": []}  # type: ignore[var-annotated]
    for row in rows:
        reply, kind = said[row["id"]], row["question_type"]
        hit = (
            letter_in(reply) == row["answer"]
            if kind == "multiple-choice"
            else open_right(reply, row["answer"])
        )
        right[kind].append(hit)
    every = right["multiple-choice"] + right["open"]
    return {
        "mmmu_accuracy": sum(every) / len(every),
        **{f"mmmu_accuracy/{kind}": sum(hits) / len(hits) for kind, hits in right.items()},
    }


PRO = {k: v for k, v in TYPES.items() if k not in ("question_type", "subfield")} | {"subject": "str"}
SETTINGS = {"standard (10 options)": 10, "standard (4 options)": 4, "vision": 10}


def pro(*configs: str):  # type: ignore[no-untyped-def]
    def write(folder: Path, n: int) -> None:
        for config in SETTINGS:  # a copy has all of them
            count, rows = n // len(configs), []
            for number in range(count):
                options = [f"option {i}" if i else "<image 2>" for i in range(SETTINGS[config] - number % 2)]
                shared = {
                    "id": f"test_Music_{number + 1}",
                    "options": str(options),
                    "answer": chr(65 + 7 * number % len(options)),
                    "subject": "Music" if number % 2 else "Pharmacy",
                }
                if config == "vision":
                    rows.append(shared | {"image": picture(number)})
                    continue
                full = dict.fromkeys(PRO) | shared | {"question": f"<image 1> Which note is {number}?"}
                rows.append(full | {f"image_{i + 1}": picture(9 * number + i) for i in range(2)})
            types = (
                PRO
                if config != "vision"
                else {k: "image" if k == "image" else "str" for k in (*shared, "image")}
            )
            put_parquet(folder / config / "test-00000-of-00001.parquet", rows, types)

    return write


def pro_score(*configs: str):  # type: ignore[no-untyped-def]
    names = {"standard (10 options)": "standard", "standard (4 options)": "standard4", "vision": "vision"}

    def official(folder: Path, said: Answers) -> dict[str, float]:
        scores = {}
        for config in configs:
            rows = pq.read_table(folder / config).to_pylist()
            hits = [letter_in(said[f"{names[config]}/{row['id']}"]) == row["answer"] for row in rows]
            scores[f"accuracy/{names[config]}"] = sum(hits) / len(hits)
        return scores | {"accuracy": sum(scores.values()) / len(scores)}

    return official


TEN, FOUR, VISION = SETTINGS
HELD = {
    "mmmu": Held(exams("validation"), says, exam_score),
    "mmmu:test": Held(exams("test"), says, exam_score),
    "mmmu_pro": Held(pro(TEN, VISION), lettered, pro_score(TEN, VISION)),
    **{
        f"mmmu_pro:{name}": Held(pro(config), lettered, pro_score(config))
        for name, config in (("standard", TEN), ("standard4", FOUR), ("vision", VISION))
    },
}
