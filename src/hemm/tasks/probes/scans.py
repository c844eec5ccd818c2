"""Grey-scale scans with marks and a note. They show no real anatomy and test no medical knowledge."""

from __future__ import annotations

from collections import Counter

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import CELL, Canvas, Rand
from hemm.tasks.probes.legend import numbers

QUARTERS = ("upper left", "upper right", "lower left", "lower right")
MARKS = ("bright spot", "dark spot", "ring", "cross")
FINDINGS = ("cyst", "stone", "clip", "scar")
PARTS = ("head", "chest", "leg")
GRADES = ("K", "M", "R", "T")
SPOTS = ((1, 4, 5), (2, 6, 7), (8, 9, 13), (10, 11, 14))
"""The cells of each quarter that lie inside the outline."""
MIRROR = {
    "upper left": "upper right",
    "upper right": "upper left",
    "lower left": "lower right",
    "lower right": "lower left",
}


def grey(level: int) -> tuple[int, int, int]:
    """A grey from 0 (black) to 255 (white)."""
    return (level, level, level)


def draw(rand: Rand) -> Picture:
    """A head, chest or leg with one to four marks, at most one in each quarter."""
    part, dose = rand.pick(PARTS), rand.pick((0, 20))
    canvas = Canvas(grey(10 + dose))
    _outline(canvas, part, dose)
    chosen = sorted(rand.sample((0, 1, 2, 3), rand.between(1, 4)))
    marks: dict[str, str] = {}
    grid = [("", "")] * 16
    for q in chosen:
        place, kind = rand.pick(SPOTS[q]), rand.pick(MARKS)
        x, y = place % 4 * CELL + 8 + 2 * rand.below(3), place // 4 * CELL + 8 + 2 * rand.below(3)
        marks[QUARTERS[q]], grid[place] = kind, (kind, "")
        if kind == "bright spot":
            canvas.shape("disc", x, y, 28, grey(235))
        elif kind == "dark spot":
            canvas.shape("disc", x, y, 28, grey(25))
        else:
            canvas.shape(kind, x, y, 28, grey(245))
    canvas.noise(rand, 14)
    return Picture(canvas.pixels, {"part": part, "marks": marks}, tuple(grid), {"part": part})


def _outline(canvas: Canvas, part: str, dose: int) -> None:
    """A head (bright skull), a chest (two dark lungs) or a leg (two bones) in cross-section."""
    if part == "head":
        canvas.oval(6, 2, 180, 188, grey(155 + dose))
        canvas.oval(18, 14, 156, 164, grey(100 + dose))
    elif part == "chest":
        canvas.oval(0, 10, 192, 172, grey(130 + dose))
        canvas.oval(14, 34, 76, 124, grey(70 + dose))
        canvas.oval(102, 34, 76, 124, grey(70 + dose))
    else:
        canvas.oval(8, 8, 176, 176, grey(120 + dose))
        canvas.oval(66, 56, 60, 60, grey(165 + dose))
        canvas.oval(76, 124, 40, 40, grey(165 + dose))


def _unique(facts: Facts, rand: Rand) -> tuple[str, str] | None:
    """A quarter and its mark, of a kind that is there once."""
    counts = Counter(facts["marks"].values())
    unique = [(q, m) for q, m in facts["marks"].items() if counts[m] == 1]
    return rand.pick(unique) if unique else None


def ask_mark(facts: Facts, rand: Rand) -> Question:
    place = rand.pick(list(facts["marks"]))
    text = rand.pick(("What kind of mark is in the {} quarter?", "Which mark does the {} quarter show?"))
    return Question(text.format(place), facts["marks"][place], MARKS)


def ask_where(facts: Facts, rand: Rand) -> Question | None:
    mark = _unique(facts, rand)
    if mark is None:
        return None
    text = rand.pick(("In which quarter of the scan is the {}?", "Where is the {}?")).format(mark[1])
    return Question(text, mark[0], QUARTERS)


def ask_finding(facts: Facts, rand: Rand) -> Question:
    code = dict(zip(rand.sample(MARKS, 4), rand.sample(FINDINGS, 4), strict=True))
    place = rand.pick(list(facts["marks"]))
    note = "Note: " + ", ".join(f"a {mark} is a {name}" for mark, name in code.items()) + "."
    text = rand.pick(("What was found in the {} quarter?", "What is in the {} quarter?")).format(place)
    return Question(text, code[facts["marks"][place]], FINDINGS, note)


def ask_side(facts: Facts, rand: Rand) -> Question | None:
    mark = _unique(facts, rand)
    if mark is None:
        return None
    swapped = rand.flip()
    place = MIRROR[mark[0]] if swapped else mark[0]
    notes = (
        "Note: left and right are as the patient has them.",
        "Note: left and right of the patient are swapped.",
    )
    text = f"Seen from the patient, in which quarter is the {mark[1]}?"
    return Question(text, place, QUARTERS, notes[swapped])


def ask_mirror(facts: Facts, rand: Rand) -> Question | None:
    marks, counts = facts["marks"], Counter(facts["marks"].values())
    mirrored = [(m, marks[MIRROR[q]]) for q, m in marks.items() if counts[m] == 1 and MIRROR[q] in marks]
    if not mirrored:
        return None
    mark, other = rand.pick(mirrored)
    kinds = tuple(m for m in MARKS if m != mark)
    return Question(f"Which mark is at the same height as the {mark}, on the other side?", other, kinds)


def ask_count(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("How many marks does the scan show?", "How many marks are there?"))
    return Question(text, str(len(facts["marks"])), numbers(1, 4))


def ask_part(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("Which part of the body does the scan show?", "What part of the body is this?"))
    return Question(text, facts["part"], PARTS)


def ask_grade(facts: Facts, rand: Rand) -> Question:
    grades = rand.sample(GRADES, 4)
    rules = ", ".join(f"{n} {'mark' if n == 1 else 'marks'} = grade {g}" for n, g in enumerate(grades, 1))
    text = rand.pick(("Which grade is this scan?", "What is the grade of the scan?"))
    return Question(text, grades[len(facts["marks"]) - 1], GRADES, f"Note: {rules}.")


def ask_new(facts: Facts, rand: Rand) -> Question:
    before = rand.between(0, len(facts["marks"]))
    note = f"Note: the scan of last year showed {before} of these marks, and none went away."
    text = rand.pick(("How many marks are new?", "How many new marks are there?"))
    return Question(text, str(len(facts["marks"]) - before), numbers(0, 4), note)


def ask_kinds(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(
        ("How many different kinds of marks are there?", "How many kinds of marks does the scan show?")
    )
    return Question(text, str(len(set(facts["marks"].values()))), numbers(1, 4))


def ask_balance(facts: Facts, rand: Rand) -> Question | None:
    left = sum(q.endswith("left") for q in facts["marks"])
    right = len(facts["marks"]) - left
    if left == right and rand.below(3) == 0:
        return None  # evens out the three answers
    answer = "left" if left > right else "right" if right > left else "neither"
    return Question("Which half of the scan shows more marks?", answer, ("left", "right", "neither"))


FAMILY = Family(
    "scans",
    "healthcare",
    draw,
    (
        Skill("mark", "less", "yes", ask_mark),
        Skill("finding", "less", "yes", ask_finding, "synergy", "fusion"),
        Skill("where", "less", "yes", ask_where),
        Skill("count", "less", "no", ask_count),
        Skill("grade", "less", "no", ask_grade, "synergy", "fusion"),
        Skill("part", "less", "no", ask_part, "uniqueness", "querying", "yes"),
        Skill("side", "more", "yes", ask_side, "synergy", "fusion"),
        Skill("mirror", "more", "yes", ask_mirror),
        Skill("new", "more", "no", ask_new, "synergy", "fusion"),
        Skill("kinds", "more", "no", ask_kinds),
        Skill("balance", "more", "no", ask_balance),
    ),
)

TASK = task(
    FAMILY,
    "Probe: grey-scale scans",
    "Scans with marks and a note. No real anatomy is shown and no medical knowledge is tested.",
)
