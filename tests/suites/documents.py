"""DocVQA, InfographicVQA (ANLS) and OCRBench (containment), by their definitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hemm.core import Sample

from . import Answers, Held, picture, put_parquet, rows_of

ANSWERS = (
    ["The Ritz, London", "Ritz London"],
    ["1,234.50"],
    ["u.s. army"],
    ["$0.28", "0.28"],
    ["7"],
    ["Müller"],
)
FORMS = ("{}", "{}.", "Answer: {}", '"{}"', "{} !", "I do not know")


def says(sample: Sample, number: int) -> str:
    """References in capitals, with a letter lost, or something else."""
    right = str(sample.references[number % len(sample.references)])
    said = (right, right.upper(), right[:-1] or "8", "Coca-Cola")[number % 4]
    return FORMS[number % len(FORMS)].format(said)


def read_as(text: str) -> str:
    """The short answer in these forms: without a marker, quotes and a final point."""
    said = text.removeprefix("Answer: ").strip('"').strip()
    return said[:-1] if said.endswith(".") and not said.lower().endswith("u.s.") else said


def levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def anls(said: str, answers: list[str]) -> float:
    """Biten et al. 2019: the best of 1 - NL below a distance of one half, in lower case."""
    best = 0.0
    for answer in answers:
        a, b = " ".join(answer.strip().lower().split()), " ".join(said.strip().lower().split())
        distance = levenshtein(a, b) / max(len(a), len(b), 1)
        best = max(best, 1 - distance if distance < 0.5 else 0.0)
    return best


def _common(i: int, row: dict[str, object]) -> dict[str, object]:
    return {
        "questionId": str(49153 + i),
        "question": f"What is written at place {i}?",
        "image": picture(i // 2),
        **row,
    }


def documents(folder: Path, n: int) -> None:
    """``DocVQA/validation-00000-of-00006.parquet``, beside the other config; two questions a page."""
    rows = [
        _common(
            i,
            {
                "question_types": ["handwritten", "form"] if i % 3 else ["layout"],
                "docId": 14465 + i // 2,
                "ucsf_document_id": f"pybv{i // 4:04d}",
                "ucsf_document_page_no": str(80 + i // 2),
                "answers": ANSWERS[i % len(ANSWERS)],
                "data_split": "val",
            },
        )
        for i in range(n)
    ]
    types = dict.fromkeys(rows[0], "str") | {"image": "image", "docId": "int32"}
    types |= {"question_types": "strs", "answers": "strs"}
    put_parquet(folder / "DocVQA/validation-00000-of-00006.parquet", rows[: n // 2], types)
    put_parquet(folder / "DocVQA/validation-00001-of-00006.parquet", rows[n // 2 :], types)


def infographics(folder: Path, n: int) -> None:
    """``InfographicVQA/validation-00000-of-00001.parquet``."""
    rows = [
        _common(
            i,
            {
                "answers": ANSWERS[i % len(ANSWERS)],
                "answer_type": ["single span"] if i % 2 else ["multi span", "non-extractive"],
                "image_url": f"https://example.org/{i // 2}.jpeg",
                "operation/reasoning": [],
                "ocr": "{}",
                "data_split": "val",
            },
        )
        for i in range(n)
    ]
    types = dict.fromkeys(rows[0], "str") | {"image": "image"}
    types |= dict.fromkeys(("answers", "answer_type", "operation/reasoning"), "strs")
    put_parquet(folder / "InfographicVQA/validation-00000-of-00001.parquet", rows, types)


def official(column: str) -> Callable[[Path, Answers], dict[str, float]]:
    def scorer(folder: Path, said: Answers) -> dict[str, float]:
        """The mean ANLS, over all and by the first kind of a question."""
        values: dict[str, list[float]] = {}
        for row in rows_of(folder):
            text = said[row["questionId"]]
            value = 0.0 if "do not know" in text else anls(read_as(text), row["answers"])
            values.setdefault(row[column][0], []).append(value)
        every = [v for each in values.values() for v in each]
        return {"anls": sum(every) / len(every), **{f"anls/{k}": sum(v) / len(v) for k, v in values.items()}}

    return scorer


KINDS = {
    "Regular Text Recognition": ("IIIT5K", ["CENTRE"]),
    "Handwritten Mathematical Expression Recognition": ("HME100k", ["\\frac { a } { B }"]),
    "Key Information Extraction": ("SROIE", ["12 Main St\nSpringfield", "12 Main St"]),
    "Scene Text-centric VQA": ("ESTVQA_cn", ["２４小时"]),
}


def ocr(folder: Path, n: int) -> None:
    """``data/test-00000-of-00001.parquet``: lists of answers, formulas with blanks, full-width digits."""
    rows = []
    for i in range(n):
        kind = list(KINDS)[i % len(KINDS)]
        rows.append(
            {
                "dataset": KINDS[kind][0],
                "question": "what is written in the image?",
                "question_type": kind,
                "answer": KINDS[kind][1],
                "image": picture(i),
            }
        )
    types = dict.fromkeys(rows[0], "str") | {"answer": "strs", "image": "image"}
    put_parquet(folder / "data/test-00000-of-00001.parquet", rows, types)


def ocr_says(sample: Sample, number: int) -> str:
    right = str(sample.references[-1])
    forms = ("It says {}.", "{}", "the word is {} in the picture", "nothing is written there")
    return forms[number // 4 % 4].format((right, right.lower(), right.replace(" ", ""))[number % 3])


def ocr_official(folder: Path, said: Answers) -> dict[str, float]:
    """``example.py`` of OCRBench."""
    right: dict[str, list[int]] = {}
    for number, row in enumerate(rows_of(folder), 1):
        predict, result = said[f"{number:04d}"], 0
        for answer in row["answer"]:
            if row["dataset"] == "HME100k":
                wanted = answer.strip().replace("\n", " ").replace(" ", "")
                given = predict.strip().replace("\n", " ").replace(" ", "")
            else:
                wanted, given = (t.lower().strip().replace("\n", " ") for t in (answer, predict))
            result |= wanted in given
        right.setdefault(row["question_type"].lower(), []).append(int(result))
    every = [v for values in right.values() for v in values]
    return {
        "contains": sum(every) / len(every),
        **{f"contains/{k}": sum(v) / len(v) for k, v in right.items()},
    }


HELD = {
    "docvqa": Held(documents, says, official("question_types")),
    "infovqa": Held(infographics, says, official("answer_type")),
    "ocrbench": Held(ocr, ocr_says, ocr_official),
}
