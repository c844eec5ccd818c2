"""SimpleVQA without a judge: equal texts but for case, punctuation and articles."""

from __future__ import annotations

import base64
import re
import string
from pathlib import Path

from hemm.core import Sample
from layouts.draw import picture as drawn

from . import Answers, Held, put_parquet, rows_of

FACTS = (
    ("Which tower is this?", "The Eiffel Tower", "EN"),
    ("图中是哪座城市？", "北京", "CN"),
    ("Who painted it?", "E. Munch", "EN"),
)


def write(folder: Path, n: int) -> None:
    """``data/test-*.parquet``; pictures are base64 in a column of texts, some with the head of an address."""
    rows = []
    for number in range(n):
        question, answer, language = FACTS[number % 3]
        head = "data:image/png;base64," if number % 4 == 1 else ""
        rows.append(
            {
                "data_id": number,
                "image": head + base64.b64encode(drawn(number)).decode(),
                "question": f"{question} ({number})",
                "answer": answer,
                "image_description": "",
                "language": language,
                "original_category": "Landmarks",
                "source": "web",
                "atomic_question": "What is shown?",
                "atomic_fact": "a tower",
            }
        )
    put_parquet(
        folder / "data/test-00000-of-00001.parquet", rows, dict.fromkeys(rows[0], "str") | {"data_id": "int"}
    )


def says(sample: Sample, number: int) -> str:
    right = str(sample.references[0])
    return (right, right.lower(), f"{right}.", "Big Ben", f"It may be {right}")[number % 5]


def _plain(text: str) -> list[str]:
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\b(?:a|an|the)\b", " ", bare).split()


def official(folder: Path, said: Answers) -> dict[str, float]:
    rows = rows_of(folder)
    hits = [_plain(said[str(row["data_id"])]) == _plain(row["answer"]) for row in rows]
    return {"exact_match": sum(hits) / len(hits)}


HELD = {"simplevqa": Held(write, says, official)}
