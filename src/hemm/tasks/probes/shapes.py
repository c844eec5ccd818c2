"""Scenes of coloured shapes: existence, count, colour, position, comparison."""

from __future__ import annotations

from collections import Counter

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import BACKGROUNDS, CELL, COLOURS, SHAPES, Canvas, Rand

COLOUR_NAMES = tuple(COLOURS)
QUARTERS = ("top left", "top right", "bottom left", "bottom right")
YES_NO = ("yes", "no")
STEPS = {"to the right of": 1, "to the left of": -1, "above": -4, "below": 4}


def draw(rand: Rand) -> Picture:
    """Three to eight shapes on a plain background, at most one in each of 4 x 4 cells."""
    background = rand.pick(tuple(BACKGROUNDS))
    canvas = Canvas(BACKGROUNDS[background])
    count = rand.between(3, 8)
    places = rand.sample(range_list(16), count)
    common, tint = rand.pick(SHAPES), rand.pick(COLOUR_NAMES)
    things: dict[int, tuple[str, str]] = {}
    for i, place in enumerate(places):
        kind = common if i % 3 == 0 else rand.pick(SHAPES)
        colour = tint if i % 3 == 1 else rand.pick(COLOUR_NAMES)
        things[place] = (kind, colour)
        put(canvas, rand, place, kind, colour)
    grid = tuple(things.get(i, ("", "")) for i in range(16))
    facts = {"background": background, "things": dict(sorted(things.items()))}
    return Picture(canvas.pixels, facts, grid, {"background": background})


def range_list(n: int) -> list[int]:
    """0 to n - 1."""
    return list(range(n))


def put(canvas: Canvas, rand: Rand, place: int, kind: str, colour: str) -> None:
    """A shape of 36 or 40 pixels somewhere in its cell."""
    side = 36 + 4 * rand.below(2)
    slack = (CELL - side) // 2 + 1
    x, y = place % 4 * CELL + 2 * rand.below(slack), place // 4 * CELL + 2 * rand.below(slack)
    canvas.shape(kind, x, y, side, COLOURS[colour])


def quarter(place: int) -> str:
    """The quarter of the picture that a cell lies in."""
    return QUARTERS[(place // 8) * 2 + (place % 4) // 2]


def _single(facts: Facts, part: int, rand: Rand) -> tuple[str, str] | None:
    """A thing whose kind (part 0) or colour (part 1) no other thing has."""
    counts = Counter(t[part] for t in facts["things"].values())
    single = [t for t in facts["things"].values() if counts[t[part]] == 1]
    return rand.pick(single) if single else None


def _only(facts: Facts) -> dict[int, tuple[str, str]]:
    """The things that no other thing equals, by place."""
    counts = Counter(facts["things"].values())
    return {p: t for p, t in facts["things"].items() if counts[t] == 1}


def ask_colour(facts: Facts, rand: Rand) -> Question | None:
    thing = _single(facts, 0, rand)
    if thing is None:
        return None
    text = rand.pick(("What colour is the {}?", "Which colour does the {} have?")).format(thing[0])
    return Question(text, thing[1], COLOUR_NAMES)


def ask_shape(facts: Facts, rand: Rand) -> Question | None:
    thing = _single(facts, 1, rand)
    if thing is None:
        return None
    text = rand.pick(("What shape is the {} object?", "Which shape is {}?")).format(thing[1])
    return Question(text, thing[0], SHAPES)


def ask_where(facts: Facts, rand: Rand) -> Question | None:
    only = _only(facts)
    if not only:
        return None
    place = rand.pick(list(only))
    kind, colour = only[place]
    text = rand.pick(("In which quarter of the picture is the {} {}?", "Where is the {} {}?"))
    return Question(text.format(colour, kind), quarter(place), QUARTERS)


def ask_exists(facts: Facts, rand: Rand) -> Question | None:
    things = sorted(set(facts["things"].values()))
    if rand.flip():
        (kind, colour), answer = rand.pick(things), "yes"
    else:
        mixed = [(k, c) for k, _ in things for _, c in things if (k, c) not in things]
        if not mixed:
            return None
        (kind, colour), answer = rand.pick(mixed), "no"
    text = rand.pick(("Is there a {} {}?", "Does the picture show a {} {}?")).format(colour, kind)
    return Question(text, answer, YES_NO)


def ask_count(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("How many shapes are there?", "How many shapes does the picture show?"))
    return Question(text, str(len(facts["things"])), tuple("345678"))


def ask_background(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("What colour is the background?", "Which colour does the background have?"))
    return Question(text, facts["background"], tuple(BACKGROUNDS))


def _beside(facts: Facts, rand: Rand) -> tuple[str, tuple[str, str]] | None:
    """Words for a place beside a thing that is there only once, and the thing at that place."""
    only, things = _only(facts), facts["things"]
    pairs = []
    for place in only:
        for word, step in STEPS.items():
            other = place + step
            if other in things and (abs(step) == 4 or other // 4 == place // 4):
                pairs.append((place, word, other))
    if not pairs:
        return None
    place, word, other = rand.pick(pairs)
    kind, colour = only[place]
    return f"directly {word} the {colour} {kind}", things[other]


def ask_beside_colour(facts: Facts, rand: Rand) -> Question | None:
    pair = _beside(facts, rand)
    return pair and Question(f"What colour is the shape {pair[0]}?", pair[1][1], COLOUR_NAMES)


def ask_beside_shape(facts: Facts, rand: Rand) -> Question | None:
    pair = _beside(facts, rand)
    return pair and Question(f"Which shape is {pair[0]}?", pair[1][0], SHAPES)


def ask_same(facts: Facts, rand: Rand) -> Question | None:
    counts = Counter(k for k, _ in facts["things"].values())
    single = [t for t in facts["things"].values() if counts[t[0]] == 1]
    pairs = [(a, b) for a in single for b in single if a != b]
    same = [p for p in pairs if p[0][1] == p[1][1]]
    differ = [p for p in pairs if p[0][1] != p[1][1]]
    if not same or not differ:
        return None
    yes = rand.flip()
    a, b = rand.pick(same if yes else differ)
    return Question(f"Do the {a[0]} and the {b[0]} have the same colour?", YES_NO[not yes], YES_NO)


def ask_count_colour(facts: Facts, rand: Rand) -> Question:
    counts = Counter(c for _, c in facts["things"].values())
    number = rand.pick(sorted({counts[c] for c in COLOUR_NAMES if counts[c] <= 4}))
    colour = rand.pick([c for c in COLOUR_NAMES if counts[c] == number])
    text = rand.pick(("How many {} shapes are there?", "How many shapes are {}?")).format(colour)
    return Question(text, str(number), tuple("01234"))


def ask_most(facts: Facts, rand: Rand) -> Question | None:
    ranked = Counter(k for k, _ in facts["things"].values()).most_common()
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return None
    text = rand.pick(("Which shape appears most often?", "Which shape is the most frequent one?"))
    return Question(text, ranked[0][0], SHAPES)


def ask_more(facts: Facts, rand: Rand) -> Question | None:
    counts = Counter(k for k, _ in facts["things"].values())
    pairs = [(a, b) for a in counts for b in counts if counts[a] > counts[b]]
    if not pairs:
        return None
    a, b = rand.pick(pairs)
    yes = rand.flip()
    first, second = (a, b) if yes else (b, a)
    text = f"Are there more {plural(first)} than {plural(second)}?"
    return Question(text, YES_NO[not yes], YES_NO)


def plural(kind: str) -> str:
    """The plural of a shape's name."""
    return kind + ("es" if kind.endswith("s") else "s")


FAMILY = Family(
    "shapes",
    "multimedia",
    draw,
    (
        Skill("colour", "less", "yes", ask_colour),
        Skill("shape", "less", "yes", ask_shape),
        Skill("where", "less", "yes", ask_where),
        Skill("exists", "less", "yes", ask_exists),
        Skill("count", "less", "no", ask_count),
        Skill("background", "less", "no", ask_background),
        Skill("beside_colour", "more", "yes", ask_beside_colour),
        Skill("beside_shape", "more", "yes", ask_beside_shape),
        Skill("same", "more", "yes", ask_same),
        Skill("count_colour", "more", "no", ask_count_colour),
        Skill("most", "more", "no", ask_most),
        Skill("more", "more", "no", ask_more),
    ),
)

TASK = task(
    FAMILY,
    "Probe: scenes of shapes",
    "Coloured shapes on a plain ground: existence, count, colour, position, comparison.",
)
