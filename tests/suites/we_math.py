"""We-Math: the four ways to master a problem, counted over tables as the authors' scorer joins them."""

from __future__ import annotations

from pathlib import Path

from hemm.core import Sample

from . import Answers, Held, letter_in, picture, put_parquet, rows_of

STEPS = ("2steps_1", "2steps_2", "2steps_multi", "3steps_1", "3steps_2", "3steps_3", "3steps_multi")
OPTIONS = (
    "A. 4; B. 5; C. 6; D. 7; E. No correct answer",
    "A. $30^\\circ$; B. $60^\\circ$; C. No correct answer",
    "A. larger; B. the same; C. smaller; D. No correct answer",
)


def write(folder: Path, n: int) -> None:
    """``data/testmini-*.parquet``: rows of all problems, mixed; problems of two and three steps share ids."""
    rows = []
    for number in range(n):
        problem, place = divmod(number, len(STEPS))
        option = OPTIONS[number % 3]
        rows.append(
            {
                "ID": str(problem),
                "split": "testmini",
                "knowledge concept": "Area of a triangle",
                "question": f"As shown, what is the area of triangle {number}?",
                "option": option,
                "answer": "ABC"[number // 3 % 3],
                "image_path": picture(number, f"{number}.png"),
                "key": STEPS[place],
                "question number": number,
                "knowledge concept description": "Half of base times height.",
            }
        )
    rows = rows[::2] + rows[1::2]
    types = dict.fromkeys(rows[0], "str") | {"image_path": "image", "question number": "int"}
    put_parquet(folder / "data/testmini-00000-of-00001.parquet", rows, types)


def mostly(sample: Sample, number: int) -> str:
    """Right but for one in four; and wrong in turn in steps and wholes, so that every case comes."""
    place = sample.choices.index(str(sample.references[0]))
    wrong = number % 4 == 1
    letter = chr(65 + ((place + 1) % len(sample.choices) if wrong else place))
    return f"So it is ({letter})." if number % 3 else letter


def official(folder: Path, said: Answers) -> dict[str, float]:
    """Counts of the four cases, each problem once, of those whose steps and whole are all there."""
    cases = {
        "mastery": 0,
        "loose mastery": 0,
        "memorised": 0,
        "loosely memorised": 0,
        "generalisation": 0,
        "knowledge": 0,
    }
    table: dict[tuple[str, str], dict[str, bool]] = {}
    rows = rows_of(folder)
    for row in rows:
        steps, _, step = row["key"].partition("_")
        name = "whole" if step == "multi" else step
        hit = letter_in(said[f"{steps}-{row['ID']}-{name}"]) == row["answer"]
        table.setdefault((steps, row["ID"]), {})[name] = hit
    problems = [one for (steps, _), one in table.items() if "whole" in one and len(one) > 1]
    for one in problems:
        whole, steps = one["whole"], [hit for name, hit in one.items() if name != "whole"]
        cases["mastery"] += whole and all(steps)
        cases["loose mastery"] += whole and any(steps)
        cases["memorised"] += whole and not all(steps)
        cases["loosely memorised"] += whole and not any(steps)
        cases["generalisation"] += all(steps) and not whole
        cases["knowledge"] += not whole and not all(steps)
    n = len(problems)
    lost = 0.5 * cases["generalisation"] + cases["knowledge"]
    return {
        "we_math": (n - lost - cases["memorised"]) / n,
        "we_math/loose": (n - lost - cases["loosely memorised"]) / n,
        **{
            f"we_math/{name}": cases[name] / n
            for name in ("mastery", "memorised", "generalisation", "knowledge")
        },
        "accuracy": sum(hit for one in table.values() for hit in one.values()) / len(rows),
    }


HELD = {"we_math": Held(write, mostly, official)}
