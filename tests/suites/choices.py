"""Data sets of single questions with letters: the share of right ones."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from hemm.core import Sample
from hemm.parsing.options import letters

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

# AI2D


def ai2d(folder: Path, n: int) -> None:
    """``data/test-00000-of-00002.parquet``; the answer is a position as text, options may be numerals."""
    rows = []
    for number in range(n):
        options = (["1", "2", "3", "4"], ["larva", "egg", "egg", "pupa"], ["A", "C", "B", "D"])[number % 3]
        question = f"Which stage follows mark {number}?"
        rows.append(
            {"question": question, "options": options, "answer": str(number % 4), "image": picture(number)}
        )
    put_parquet(
        folder / "data/test-00000-of-00001.parquet",
        rows,
        {"question": "str", "options": "strs", "answer": "str", "image": "image"},
    )


def by_mark(sample: Sample, number: int) -> str:
    """As ``lettered``, with the letters that are shown: those of options that are letters begin later."""
    marks = letters(sample.choices)
    right = sample.choices.index(str(sample.references[0]))
    forms = ("{}", "({})", "{}.", "Answer: {}", "I cannot tell.")
    return forms[number % len(forms)].format(marks[right if number % 3 else right - 1])


def ai2d_score(folder: Path, said: Answers) -> dict[str, float]:
    """Rows have no key: the replies are in the order of the rows. A reply's place is that of its letter among
    the four that were shown."""
    hits = []
    for row, reply in zip(rows_of(folder), said.values(), strict=True):
        first = "E" if row["options"][1] == "C" else "A"  # E, F, G, H before A, C, B, D
        found = letter_in(reply)
        hits.append(bool(found) and str(ord(found) - ord(first)) == row["answer"])
    return {"accuracy": sum(hits) / len(hits)}


# MMStar

CATEGORIES = (
    "coarse perception",
    "fine-grained perception",
    "instance reasoning",
    "logical reasoning",
    "math",
)


def mmstar(folder: Path, n: int) -> None:
    """``mmstar.parquet``; the options are in the question."""
    meta = pa.struct([("source", pa.string()), ("split", pa.string()), ("image_path", pa.string())])
    rows = [
        {
            "index": number,
            "question": f"How many are in picture {number}?\nOptions: A: one, B: two, C: three, D: four",
            "image": picture(number),
            "answer": "ABCD"[7 * number // 5 % 4],
            "category": CATEGORIES[number % 5],
            "l2_category": "object counting",
            "meta_info": {"source": "MMBench", "split": "val", "image_path": f"images/{number}.jpg"},
        }
        for number in range(n)
    ]
    types = dict.fromkeys(rows[0], "str") | {"index": "int", "image": "image", "meta_info": meta}
    put_parquet(folder / "mmstar.parquet", rows, types)


def mmstar_score(folder: Path, said: Answers) -> dict[str, float]:
    rows = rows_of(folder)
    hits = {row["index"]: letter_in(said[str(row["index"])]) == row["answer"] for row in rows}
    of = {c: [hits[r["index"]] for r in rows if r["category"] == c] for c in CATEGORIES}
    return {
        "accuracy": sum(hits.values()) / len(hits),
        **{f"accuracy/{c}": sum(v) / len(v) for c, v in of.items()},
    }


HELD = {
    "ai2d": Held(ai2d, by_mark, ai2d_score),
    "ai2d:no_mask": Held(ai2d, by_mark, ai2d_score),
    "mmstar": Held(mmstar, lettered, mmstar_score),
}
