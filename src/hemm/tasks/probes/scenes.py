"""Simple scenes to be put into words: one object, two in relation, the place, or all of it."""

from __future__ import annotations

from hemm.parsing.formats import Caption
from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import COLOURS, SIDE, Canvas, Rand, ellipse

THINGS = ("house", "tree", "car", "ball", "tent", "lamp")
GROUNDS = {
    "grass": (120, 190, 90),
    "sand": (235, 205, 140),
    "snow": (240, 245, 250),
    "stone": (130, 125, 120),
}
SKIES = {"day": (150, 210, 250), "night": (15, 20, 60), "dusk": (245, 170, 120)}
INK = (30, 25, 25)
BARK = (100, 65, 35)


def draw(rand: Rand) -> Picture:
    """Two objects side by side on a ground, by day, at night or at dusk."""
    time, ground = rand.pick(tuple(SKIES)), rand.pick(tuple(GROUNDS))
    things = [(rand.pick(THINGS), rand.pick(tuple(COLOURS))) for _ in range(2)]
    canvas = Canvas(SKIES[time])
    canvas.box(0, 112, SIDE, SIDE - 112, GROUNDS[ground])
    if time == "day":
        canvas.shape("disc", 8 + 2 * rand.below(70), 6, 30, (255, 240, 80))
    elif time == "night":
        canvas.shape("disc", 8 + 2 * rand.below(70), 6, 30, (240, 240, 220))
    else:
        canvas.stamp(ellipse(48, 48)[:24], 8 + 2 * rand.below(64), 88, (250, 90, 50))
    for side, (kind, colour) in enumerate(things):
        x, base = side * 96 + 8 + 2 * rand.below(9), 144 + 2 * rand.below(9)
        _DRAW[kind](canvas, x, base, COLOURS[colour])
    facts = {"time": time, "ground": ground, "things": things}
    traits = {"time": time, "ground": ground}
    for where, (kind, colour) in zip(("left", "right"), things, strict=True):
        traits[f"{where} kind"], traits[f"{where} colour"] = kind, colour
    return Picture(canvas.pixels, facts, traits=traits)


Rgb = tuple[int, int, int]


def _house(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.shape("triangle", x, base - 80, 64, INK)
    canvas.box(x + 4, base - 48, 56, 48, colour)
    canvas.box(x + 24, base - 26, 16, 26, INK)


def _tree(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.box(x + 26, base - 40, 12, 40, BARK)
    canvas.shape("disc", x + 4, base - 84, 56, colour)


def _car(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.box(x, base - 32, 64, 22, colour)
    canvas.box(x + 14, base - 50, 36, 20, colour)
    canvas.box(x + 20, base - 46, 24, 12, (225, 240, 250))
    canvas.shape("disc", x + 6, base - 18, 18, INK)
    canvas.shape("disc", x + 40, base - 18, 18, INK)


def _ball(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.shape("disc", x + 10, base - 44, 44, colour)
    canvas.box(x + 12, base - 26, 40, 6, (255, 255, 255))


def _tent(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.shape("triangle", x, base - 64, 64, colour)
    canvas.shape("triangle", x + 20, base - 24, 24, INK)


def _lamp(canvas: Canvas, x: int, base: int, colour: Rgb) -> None:
    canvas.box(x + 28, base - 60, 8, 60, INK)
    canvas.box(x + 16, base - 6, 32, 6, INK)
    canvas.box(x + 14, base - 88, 36, 32, colour)


_DRAW = {"house": _house, "tree": _tree, "car": _car, "ball": _ball, "tent": _tent, "lamp": _lamp}


def _name(thing: tuple[str, str]) -> str:
    kind, colour = thing
    return f"a{'n' if colour[0] in 'aeiou' else ''} {colour} {kind}"


def ask_object(facts: Facts, rand: Rand) -> Question:
    side = rand.below(2)
    text = rand.pick(
        ("Describe the object on the {}: its colour and what it is.", "Name the {} object with its colour.")
    )
    answer = _name(facts["things"][side])
    return Question(text.format(("left", "right")[side]), answer)


def ask_place(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("Describe the ground and the time of day.", "Name the ground and the time of day."))
    when = {"day": "by day", "night": "at night", "dusk": "at dusk"}[facts["time"]]
    return Question(text, f"{facts['ground']} {when}")


def ask_relation(facts: Facts, rand: Rand) -> Question:
    side = rand.below(2)
    first, second = facts["things"][side], facts["things"][1 - side]
    text = "Describe where the {} object is, seen from the other one, with colours.".format(
        ("left", "right")[side]
    )
    return Question(text, f"{_name(first)} {('left', 'right')[side]} of {_name(second)}")


def ask_scene(facts: Facts, rand: Rand) -> Question:
    left, right = (_name(t) for t in facts["things"])
    text = rand.pick(("Describe the whole scene in one sentence.", "Write a caption for the whole picture."))
    when = {"day": "by day", "night": "at night", "dusk": "at dusk"}[facts["time"]]
    where = f"on {facts['ground']} {when}"
    return Question(text, f"{left} and {right} {where}", also=(f"{right} and {left} {where}",))


FAMILY = Family(
    "scenes",
    "multimedia",
    draw,
    (
        Skill("object", "less", "yes", ask_object, "uniqueness", "translation"),
        Skill("place", "less", "no", ask_place, "uniqueness", "translation"),
        Skill("relation", "more", "yes", ask_relation, "uniqueness", "translation"),
        Skill("scene", "more", "no", ask_scene, "uniqueness", "translation"),
    ),
)

TASK = task(
    FAMILY,
    "Probe: scenes to describe",
    "Objects on a ground, to be put into words; the references come from a template.",
    answer=Caption(),
    metrics=("token_f1", "exact_match"),
    max_new_tokens=32,
)
