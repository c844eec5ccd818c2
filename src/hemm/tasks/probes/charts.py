"""Small charts of four values: read, compare, trend."""

from __future__ import annotations

from itertools import pairwise

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import COLOURS, Canvas, Rand
from hemm.tasks.probes.legend import numbers

NAMES = ("A", "B", "C", "D")
KINDS = ("bars", "dots", "lines")
TRENDS = ("rising", "falling", "mixed")
PAPERS = {"white": (255, 255, 255), "cream": (255, 245, 215), "mint": (215, 245, 225)}
HIGHEST = 8
LEFT, BOTTOM, UNIT, STEP = 28, 164, 18, 40
INK = (20, 20, 20)


def draw(rand: Rand) -> Picture:
    """A chart of bars, dots or lines; values from 1 to 8, every second one written at the axis."""
    kind, trend, paper = rand.pick(KINDS), rand.pick(TRENDS), rand.pick(tuple(PAPERS))
    values, colours = _values(trend, rand), rand.sample(tuple(COLOURS), 4)
    canvas = Canvas(PAPERS[paper])
    for level in range(1, HIGHEST + 1):
        canvas.box(LEFT, BOTTOM - level * UNIT, 164, 2, (200, 200, 200))
        if level % 2 == 0:
            canvas.text(str(level), 8, BOTTOM - level * UNIT - 6, INK)
    canvas.box(LEFT, 16, 2, BOTTOM - 16, INK)
    tops = [(LEFT + 24 + i * STEP, BOTTOM - v * UNIT) for i, v in enumerate(values)]
    if kind == "lines":
        for (x0, y0), (x1, y1) in pairwise(tops):
            canvas.line(x0, y0, x1, y1, (90, 90, 90))
    for (x, y), colour, name in zip(tops, colours, NAMES, strict=True):
        if kind == "bars":
            canvas.box(x - 14, y, 28, BOTTOM - y, COLOURS[colour])
        else:
            canvas.shape("disc", x - 10, y - 10, 20, COLOURS[colour])
        canvas.text(name, x - 4, 172, INK)
    canvas.box(LEFT, BOTTOM, 164, 2, INK)
    facts = {"kind": kind, "trend": trend, "values": values, "colours": colours, "paper": paper}
    traits = {"kind": kind, "trend": trend, "paper": paper}
    for name, value, colour in zip(NAMES, values, colours, strict=True):
        traits[f"value {name}"], traits[f"colour {name}"] = str(value), colour
    return Picture(canvas.pixels, facts, traits=traits)


def _values(trend: str, rand: Rand) -> list[int]:
    """Four values; different ones that go up or down all the way, or neither."""
    if trend != "mixed":
        return sorted(rand.sample(tuple(range(1, HIGHEST + 1)), 4), reverse=trend == "falling")
    while True:
        values = [rand.between(1, HIGHEST) for _ in NAMES]
        steps = [b - a for a, b in pairwise(values)]
        if any(s > 0 for s in steps) and any(s < 0 for s in steps):
            return values


def ask_value(facts: Facts, rand: Rand) -> Question:
    i = rand.below(4)
    text = rand.pick(("What is the value of {}?", "Which value does {} have?")).format(NAMES[i])
    return Question(text, str(facts["values"][i]), numbers(1, HIGHEST))


def ask_colour_value(facts: Facts, rand: Rand) -> Question:
    i = rand.below(4)
    text = f"What is the value shown in {facts['colours'][i]}?"
    return Question(text, str(facts["values"][i]), numbers(1, HIGHEST))


def ask_colour(facts: Facts, rand: Rand) -> Question:
    i = rand.below(4)
    text = rand.pick(("Which colour does {} have?", "What is the colour of {}?")).format(NAMES[i])
    return Question(text, facts["colours"][i], tuple(COLOURS))


def ask_kind(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("How does the chart show its values?", "What is the chart made of?"))
    return Question(text, facts["kind"], KINDS)


def ask_trend(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("What is the trend from A to D?", "Which trend does the chart show from A to D?"))
    return Question(text, facts["trend"], TRENDS)


def ask_paper(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("What colour is the background?", "Which colour does the background have?"))
    return Question(text, facts["paper"], tuple(PAPERS))


def ask_difference(facts: Facts, rand: Rand) -> Question:
    i, j = rand.sample((0, 1, 2, 3), 2)
    text = f"How big is the difference between {NAMES[min(i, j)]} and {NAMES[max(i, j)]}?"
    return Question(text, str(abs(facts["values"][i] - facts["values"][j])), numbers(0, HIGHEST - 1))


def ask_higher(facts: Facts, rand: Rand) -> Question | None:
    i, j = rand.sample((0, 1, 2, 3), 2)
    values, names = facts["values"], facts["colours"]
    if values[i] == values[j]:
        return None
    text = f"Which is higher, {names[i]} or {names[j]}?"
    return Question(text, names[i] if values[i] > values[j] else names[j], (names[i], names[j]))


def _extreme(facts: Facts, wanted: int, text: str) -> Question | None:
    if facts["trend"] != "mixed" or facts["values"].count(wanted) > 1:
        return None  # in a rising or falling chart the answer would always be A or D
    return Question(text, NAMES[facts["values"].index(wanted)], NAMES)


def ask_highest(facts: Facts, rand: Rand) -> Question | None:
    text = rand.pick(("Which one is the highest?", "Which one has the highest value?"))
    return _extreme(facts, max(facts["values"]), text)


def ask_lowest(facts: Facts, rand: Rand) -> Question | None:
    text = rand.pick(("Which one is the lowest?", "Which one has the lowest value?"))
    return _extreme(facts, min(facts["values"]), text)


def ask_above(facts: Facts, rand: Rand) -> Question:
    counts = {level: sum(v > level for v in facts["values"]) for level in range(1, HIGHEST)}
    number = rand.pick(sorted(set(counts.values())))
    level = rand.pick([n for n, c in counts.items() if c == number])
    return Question(f"How many values are higher than {level}?", str(number), numbers(0, 4))


FAMILY = Family(
    "charts",
    "science",
    draw,
    (
        Skill("value", "less", "yes", ask_value),
        Skill("colour_value", "less", "yes", ask_colour_value),
        Skill("colour", "less", "yes", ask_colour),
        Skill("kind", "less", "no", ask_kind),
        Skill("trend", "less", "no", ask_trend),
        Skill("paper", "less", "no", ask_paper),
        Skill("difference", "more", "yes", ask_difference),
        Skill("higher", "more", "yes", ask_higher),
        Skill("highest", "more", "no", ask_highest),
        Skill("lowest", "more", "no", ask_lowest),
        Skill("above", "more", "no", ask_above),
    ),
)

TASK = task(
    FAMILY,
    "Probe: small charts",
    "Bars, dots and lines of four values: read, compare, trend.",
)
