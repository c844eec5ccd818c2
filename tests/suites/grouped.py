"""Data sets scored in groups: MMBench's circle, HallusionBench's figures and questions."""

from __future__ import annotations

import base64
import csv
from pathlib import Path
from typing import Any

from hemm.core import Sample
from layouts.draw import picture as drawn

from . import Answers, Held, letter_in, lettered, picture, put_parquet, rows_of

CIRCLE = 1_000_000


def circles(n: int) -> list[dict[str, Any]]:
    """Questions with two to four options, each in all its rotations; what is not there is ``nan``."""
    rows: list[dict[str, Any]] = []
    question = 240
    while len(rows) < n:
        question += 1
        options = (
            ["apple", "pear", "nan", "plum"] if question % 4 == 3 else ["left", "right", "above", "below"]
        )
        options = options[: 2 + question % 3]
        options = [o if o != "nan" else "fig" for o in options]
        for turn in range(min(len(options), n - len(rows))):
            turned = options[-turn:] + options[:-turn] if turn else options
            answer = turned.index(options[question % len(options)])
            rows.append(
                {
                    "index": question + turn * CIRCLE,
                    "question": f"Where is object {question}?",
                    "hint": "nan" if question % 2 else f"It is picture {question}.",
                    "answer": "ABCD"[answer],
                    **{c: turned[i] if i < len(turned) else "nan" for i, c in enumerate("ABCD")},
                    "category": ("object_localization", "attribute_reasoning")[question % 2],
                    "source": "places",
                    "L2-category": "finegrained_perception (instance-level)",
                    "comment": "nan",
                    "split": "dev",
                    "picture": question,
                }
            )
    return rows


def mmbench(config: str):  # type: ignore[no-untyped-def]
    def write(folder: Path, n: int) -> None:
        """``CONFIG/dev-00000-of-00001.parquet``, both languages."""
        rows = [row | {"image": picture(row.pop("picture"))} for row in circles(n)]
        types = dict.fromkeys(rows[0], "str") | {"index": "int", "image": "image"}
        for name in ("cn", "en"):
            put_parquet(folder / name / "dev-00000-of-00001.parquet", rows, types)

    return write


def mmbench_tsv(folder: Path, n: int) -> None:
    """The authors' table: a rotation has the index of the row with its picture in place of one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "MMBench_DEV_EN_V11.tsv").open("w", newline="") as file:
        names = [*circles(1)[0]]
        writer = csv.DictWriter(file, [n if n != "picture" else "image" for n in names], delimiter="\t")
        writer.writeheader()
        for row in circles(n):
            number, index = row.pop("picture"), row["index"]
            image = base64.b64encode(drawn(number)).decode() if index < CIRCLE else str(index % CIRCLE)
            empty = {k: "" if v == "nan" else v for k, v in row.items()}
            writer.writerow(empty | {"image": image})


def circle_score(folder: Path, said: Answers) -> dict[str, float]:
    """A question is right where the letters of all its rotations are; accuracy of all rows and by kind."""
    if tables := list(folder.glob("*.tsv")):
        with tables[0].open(newline="") as file:
            rows = [{**row, "index": int(row["index"])} for row in csv.DictReader(file, delimiter="\t")]
    else:
        rows = rows_of(folder, "en/*.parquet")
    hits = {row["index"]: letter_in(said[str(row["index"])]) == row["answer"] for row in rows}
    main = [index for index in hits if index < CIRCLE]
    whole = [all(hit for index, hit in hits.items() if index % CIRCLE == one) for one in main]
    turned = [hit for index, hit in hits.items() if index >= CIRCLE]
    return {
        "consistency": sum(whole) / len(whole),
        "accuracy": sum(hits.values()) / len(hits),
        "accuracy/as written": sum(hits[i] for i in main) / len(main),
        "accuracy/rotated": sum(turned) / len(turned),
    }


def mostly(sample: Sample, number: int) -> str:
    """Right but for one in six, so that whole groups are right now and then."""
    return lettered(sample, number) if number % 6 else "none of these letters fits"


# HallusionBench


def hallusion(folder: Path, n: int) -> None:
    """``data/image-00000-of-00001.parquet``: series of three figures with two questions, ids that begin anew
    in each series; beside it the questions without a picture."""
    rows = []
    for number in range(n):
        series, figure, question = number // 6, number // 2 % 3, number % 2
        rows.append(
            {
                "category": ("VD", "VS")[series // 2 % 2],
                "subcategory": ("illusion", "chart")[series % 2],
                "visual_input": "1" if figure == 0 else "2",
                "set_id": str(series // 4),
                "figure_id": str(figure),
                "sample_note": "circle",
                "question_id": str(question),
                "question": f"Is circle {number} larger?",
                "gt_answer": str((figure + question) % 2),
                "gt_answer_details": "The circle is larger.",
                "filename": f"./hallusion_bench/VD/{number}.png",
                "image": picture(series * 3 + figure),
            }
        )
    types = dict.fromkeys(rows[0], "str") | {"image": "image"}
    put_parquet(folder / "data/image-00000-of-00001.parquet", rows, types)
    plain = [{k: v for k, v in row.items() if k != "image"} | {"visual_input": "0"} for row in rows[:3]]
    put_parquet(folder / "data/non_image-00000-of-00001.parquet", plain, dict.fromkeys(plain[0], "str"))


def yes_or_no(sample: Sample, number: int) -> str:
    right = sample.references[0] == "yes"
    forms = ("Yes", "No.", "yes, it is", "no, it is not", "It is hard to say.")
    if number % 7 == 6:
        return forms[4]
    wrong = number % 5 == 4
    return forms[(0 if right != wrong else 1) + 2 * (number % 2)]


def hallusion_score(folder: Path, said: Answers) -> dict[str, float]:
    rows = rows_of(folder, "data/image-*.parquet")
    figures: dict[tuple[str, ...], list[bool]] = {}
    questions: dict[tuple[str, ...], list[bool]] = {}
    every = []
    for row in rows:
        reply = said[
            "-".join(row[k] for k in ("category", "subcategory", "set_id", "figure_id", "question_id"))
        ]
        word = reply.lower().split()[0].strip(".,")
        hit = {"yes": "1", "no": "0"}.get(word) == row["gt_answer"]
        every.append(hit)
        series = (row["category"], row["subcategory"], row["set_id"])
        figures.setdefault((*series, row["figure_id"]), []).append(hit)
        questions.setdefault((*series, row["question_id"]), []).append(hit)
    return {
        "accuracy": sum(every) / len(every),
        "consistency:by=series+figure": sum(map(all, figures.values())) / len(figures),
        "consistency:by=series+question": sum(map(all, questions.values())) / len(questions),
    }


HELD = {
    "mmbench": Held(mmbench("en"), mostly, circle_score),
    "mmbench:cn": Held(mmbench("cn"), mostly, circle_score),
    "mmbench:v11": Held(mmbench_tsv, mostly, circle_score),
    "hallusionbench": Held(hallusion, yes_or_no, hallusion_score),
}
