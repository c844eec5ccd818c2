"""Symbols in the picture, their values in the text: only both together give the answer."""

from __future__ import annotations

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import BACKGROUNDS, COLOURS, SHAPES, Canvas, Rand
from hemm.tasks.probes.shapes import QUARTERS, put, quarter

GROUNDS = tuple(BACKGROUNDS)
WHERE = {name: f"in the {name} quarter" for name in QUARTERS}


def draw(rand: Rand) -> Picture:
    """Two to four symbols, at most one in each quarter, of at most three kinds."""
    background = rand.pick(GROUNDS)
    canvas = Canvas(BACKGROUNDS[background])
    kinds = rand.sample(SHAPES, 3)
    quarters = rand.sample((0, 1, 2, 3), rand.between(2, 4))
    things: dict[int, tuple[str, str]] = {}
    for q in sorted(quarters):
        place = q // 2 * 8 + q % 2 * 2 + rand.below(2) * 4 + rand.below(2)
        kind, colour = rand.pick(kinds), rand.pick(tuple(COLOURS))
        things[place] = (kind, colour)
        put(canvas, rand, place, kind, colour)
    grid = tuple(things.get(i, ("", "")) for i in range(16))
    symbols = {quarter(p): kind for p, (kind, _) in things.items()}
    facts = {"background": background, "kinds": kinds, "symbols": symbols}
    return Picture(canvas.pixels, facts, grid, {"background": background})


def _key(names: list[str], highest: int, rand: Rand) -> dict[str, int]:
    """Different values from 1 to ``highest`` for ``names``, which come in random order."""
    values = rand.sample(tuple(range(1, highest + 1)), len(names))
    return dict(zip(rand.sample(names, len(names)), values, strict=True))


def _text(key: dict[str, int]) -> str:
    return "Key: " + ", ".join(f"{name} = {value}" for name, value in key.items()) + "."


def _symbol_key(facts: Facts, highest: int, rand: Rand) -> dict[str, int]:
    """A key for the kinds in the picture and one that may not be there."""
    other = rand.pick([s for s in SHAPES if s not in facts["kinds"]])
    return _key([*facts["kinds"], other], highest, rand)


def ask_value(facts: Facts, rand: Rand) -> Question:
    key = _symbol_key(facts, 9, rand)
    place = rand.pick(list(facts["symbols"]))
    text = rand.pick(("What is the value of the symbol {}?", "What is the symbol {} worth?"))
    choices = tuple(sorted(str(v) for v in key.values()))
    return Question(text.format(WHERE[place]), str(key[facts["symbols"][place]]), choices, _text(key))


def ask_ground(facts: Facts, rand: Rand) -> Question:
    key = _key(list(GROUNDS), 9, rand)
    text = rand.pick(("What is the value of the background?", "What is the background worth?"))
    choices = tuple(sorted(str(v) for v in key.values()))
    return Question(text, str(key[facts["background"]]), choices, _text(key))


def ask_pair(facts: Facts, rand: Rand) -> Question:
    key = _symbol_key(facts, 5, rand)
    a, b = rand.sample(list(facts["symbols"]), 2)
    total = key[facts["symbols"][a]] + key[facts["symbols"][b]]
    text = f"What is the sum of the symbols {WHERE[a]} and {WHERE[b]}?"
    return Question(text, str(total), numbers(2, 10), _text(key))


def ask_total(facts: Facts, rand: Rand) -> Question:
    key = _key(list(facts["kinds"]), 3, rand)
    total = sum(key[s] for s in facts["symbols"].values())
    text = rand.pick(("What is the sum of all symbols?", "What are all symbols worth together?"))
    return Question(text, str(total), numbers(2, 12), _text(key))


def ask_count_value(facts: Facts, rand: Rand) -> Question:
    key = _symbol_key(facts, 9, rand)
    present = list(facts["symbols"].values())
    counts = {kind: present.count(kind) for kind in key}
    number = rand.pick(sorted(set(counts.values()) - ({0} if rand.flip() else set())))
    kind = rand.pick([k for k in key if counts[k] == number])
    return Question(f"How many symbols are worth {key[kind]}?", str(number), numbers(0, 4), _text(key))


def numbers(low: int, high: int) -> tuple[str, ...]:
    """The numbers from low to high as texts."""
    return tuple(str(n) for n in range(low, high + 1))


FAMILY = Family(
    "legend",
    "science",
    draw,
    (
        Skill("value", "less", "yes", ask_value, "synergy", "fusion"),
        Skill("ground", "less", "no", ask_ground, "synergy", "fusion"),
        Skill("pair", "more", "yes", ask_pair, "synergy", "fusion"),
        Skill("total", "more", "no", ask_total, "synergy", "fusion"),
        Skill("count_value", "more", "no", ask_count_value, "synergy", "fusion"),
    ),
)

TASK = task(
    FAMILY,
    "Probe: a legend and a picture",
    "The text gives the values of symbols, the picture shows symbols: only both together give the answer.",
)
