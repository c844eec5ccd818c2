"""How long answer formats take for long texts: 1 and 10 MB of prose and of texts made to be slow.

    python benchmarks/parsing.py          every text, every format; exit status 1 where 10 MB take a second
    python benchmarks/parsing.py --quick  1 and 2 MB

Closed formats read the ends of a long text and should not grow; open ones grow with it.
"""

from __future__ import annotations

import sys
import time

from hemm.core import AnswerFormat, Sample
from hemm.parsing import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer, YesNo

PETS = Sample("1", choices=("cat", "dog", "guinea pig"))
FORMULAS = Sample("2", choices=("1", "2.5", "3√{2}", "\\frac{3}{4}"))
SIDES = Sample("3", choices=("Yes", "No"))
OPEN = Sample("4")
FORMATS: dict[str, tuple[AnswerFormat, Sample]] = {
    "yes_no": (YesNo(), OPEN),
    "one_of": (OneOf(), PETS),
    "one_of formulas": (OneOf(), FORMULAS),
    "one_of yes, no": (OneOf(), SIDES),
    "many_of": (ManyOf(), PETS),
    "short_answer": (ShortAnswer(), OPEN),
    "number": (Number(), OPEN),
    "caption": (Caption(), OPEN),
    "free_text": (FreeText(), OPEN),
}
UNITS = (  # what the texts repeat
    "It shows a dog beside 3 cats, so I would take option B. ", "<think>", "</think>", "<think>a</think>b ",
    "(A) ", "B. ", "A, ", "A or ", "not A is ", "**", "\\boxed{", "{", "[", "((", "'", "_ ", "$", "x", "1 ",
    "1,", "1/2 ", " = ", "1 to ", "\\frac{1}{", "two hundred and ", "in 1990 is 3 ", "yes. ", "a\n",
    "Answer: ", "answer to ", "the answer is ",
    "the correct ", "<answer>", '{"answer": ', "if ", "So A\n", "选B",
    "dog or cat ", "\nQuestion: ", "1) ", "no ", "\u200b",
)  # fmt: skip
LIMIT = 1.0


def seconds(text: str, answer: AnswerFormat, sample: Sample) -> float:
    start = time.process_time()
    answer.parse(text, sample)
    return time.process_time() - start


def main() -> int:
    sizes = (1, 2) if "--quick" in sys.argv else (1, 10)
    slow = 0
    print(f"{'text':24} {'format':16} " + " ".join(f"{size:>6} MB" for size in sizes))
    for unit in UNITS:
        for name, (answer, sample) in FORMATS.items():
            taken = [seconds(unit * (size * 1_000_000 // len(unit)), answer, sample) for size in sizes]
            slow += taken[-1] >= LIMIT
            if taken[-1] >= LIMIT / 4 or name == "one_of":
                print(f"{unit[:22]!r:24} {name:16} " + " ".join(f"{t:8.3f}s" for t in taken))
    print(f"{slow} of {len(UNITS) * len(FORMATS)} take {LIMIT:g} s and more")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
