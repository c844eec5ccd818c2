"""MuirBench: accuracy over letters, and both of a pair right."""

from __future__ import annotations

from pathlib import Path

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

TASKS = ("Counting", "Ordering", "Visual Retrieval")
NONE = "None of the choices provided"


def write(folder: Path, n: int) -> None:
    """``data/test-00000-of-00001.parquet``: odd rows are the counterparts of even ones; marks in both."""
    rows = []
    for number in range(n):
        kind = number // 2 % 3
        many = kind == 2
        options = ["<image>", "<image>", "<image>", NONE] if many else ["one", "two", "three", NONE]
        question = (
            "Which of these shows what <image> shows?" if many else "How many are in <image> and <image>?"
        )
        unanswerable = number % 2
        rows.append(
            {
                "idx": str(number),
                "task": TASKS[kind],
                "image_relation": "Ordered_Pages",
                "image_type": "Slides",
                "question": question,
                "options": options,
                "answer": "D" if unanswerable else "ABC"[number // 2 % 3],
                "image_list": [picture(8 * number + i, f"{number}_{i}.jpg") for i in range(4 if many else 2)],
                "counterpart_idx": str(number + 1 - 2 * unanswerable),
            }
        )
    types = dict.fromkeys(rows[0], "str") | {"options": "strs", "image_list": "images"}
    put_parquet(folder / "data/test-00000-of-00001.parquet", rows, types)


def official(folder: Path, said: Answers) -> dict[str, float]:
    """The share of right letters, over all and by task; pairs as the paper describes them."""
    rows = rows_of(folder)
    right = {row["idx"]: letter_in(said[row["idx"]]) == row["answer"] for row in rows}
    by_task = {t: [right[r["idx"]] for r in rows if r["task"] == t] for t in TASKS}
    pairs = [right[row["idx"]] and right[row["counterpart_idx"]] for row in rows]
    return {
        "accuracy": sum(right.values()) / len(rows),
        **{f"accuracy/{t.lower()}": sum(v) / len(v) for t, v in by_task.items()},
        "consistency": sum(pairs) / len(pairs),
    }


HELD = {"muirbench": Held(write, lettered, official)}
