"""Schematic faces with captions: the caption repeats the answer, is silent about it, or is needed for it."""

from __future__ import annotations

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import BACKGROUNDS, COLOURS, Canvas, Rand, ellipse

FEELINGS = ("happy", "sad", "angry", "surprised", "calm")
MOODS = {"happy": "good", "sad": "bad", "angry": "bad", "calm": "neutral"}
CLOTHES = tuple(COLOURS)
NAMES = ("Ann", "Ben", "Eva", "Tom")
SKINS = ((255, 220, 180), (215, 165, 115), (150, 100, 65))
DEEDS = ("swim", "read", "run", "cook", "sing")
PLACES = ("at the station", "at home", "in the garden", "at work", "at school")
EVENTS = {
    "happy": ("I won the race!", "My best friend is back!"),
    "sad": ("My cat has died.", "I lost my favourite toy."),
    "angry": ("Somebody stole my bike!", "He broke my window on purpose!"),
    "surprised": ("I never expected this!", "Where did you come from so suddenly?"),
    "calm": ("It is a quiet day as always.", "I rest in my chair."),
}
YES_NO = ("yes", "no")
INK = (30, 20, 20)


def draw(rand: Rand) -> Picture:
    """One face with a hat and a shirt, with or without glasses."""
    background = rand.pick(tuple(BACKGROUNDS))
    feeling, hat, glasses = rand.pick(FEELINGS), rand.pick(CLOTHES), rand.flip()
    shirt = hat if rand.flip() else rand.pick([c for c in CLOTHES if c != hat])
    canvas = Canvas(BACKGROUNDS[background])
    x, y = 36 + 2 * rand.below(13), 34 + 2 * rand.below(5)
    canvas.oval(x - 12, y + 108, 120, 88, COLOURS[shirt])
    canvas.oval(x, y, 96, 120, rand.pick(SKINS))
    canvas.stamp(ellipse(96, 120)[:32], x, y, COLOURS[hat])
    canvas.box(x - 10, y + 26, 116, 10, COLOURS[hat])
    canvas.box(x + 14, y - 16, 68, 26, COLOURS[hat])
    _eyes(canvas, x, y, feeling, glasses)
    _mouth(canvas, x + 48, y + 94, feeling)
    facts = {"feeling": feeling, "hat": hat, "shirt": shirt, "glasses": glasses}
    traits = {"feeling": feeling, "hat": hat, "shirt": shirt, "glasses": YES_NO[not glasses]}
    return Picture(canvas.pixels, facts, traits={**traits, "background": background})


def _eyes(canvas: Canvas, x: int, y: int, feeling: str, glasses: bool) -> None:
    """Eyes, brows and glasses of a face whose box begins at (x, y)."""
    for eye, side in ((x + 28, 1), (x + 68, -1)):
        size = 18 if feeling == "surprised" else 10
        canvas.shape("disc", eye - size // 2, y + 60 - size // 2, size, INK)
        tilt = {"angry": 5, "sad": -5}.get(feeling, 0)
        high = y + (40 if feeling == "surprised" else 46)
        canvas.line(eye - 11 * side, high - tilt, eye + 11 * side, high + tilt, INK, 5)
        if glasses:
            canvas.frame(eye - 17, y + 48, 34, 26, (20, 20, 120), 4)
    if glasses:
        canvas.box(x + 45, y + 56, 6, 4, (20, 20, 120))


def _mouth(canvas: Canvas, x: int, y: int, feeling: str) -> None:
    bow = ellipse(48, 32)
    inner = ellipse(40, 20)
    if feeling == "happy":
        canvas.stamp(bow[16:], x - 24, y - 6, INK)
    elif feeling == "sad":
        arc = bow[:16].copy()
        arc[6:16, 4:44] &= ~inner[:10]
        canvas.stamp(arc, x - 24, y - 8, INK)
    elif feeling == "surprised":
        canvas.oval(x - 10, y - 12, 20, 26, INK)
    elif feeling == "angry":
        canvas.box(x - 18, y - 6, 36, 12, INK)
        canvas.box(x - 14, y - 2, 28, 4, (255, 255, 255))
    else:
        canvas.box(x - 18, y - 2, 36, 5, INK)


def _caption(text: str) -> str:
    return f'Caption: "{text}"'


def _feeling(rand: Rand) -> str:
    return rand.pick(("How does the person feel?", "What does the person feel?"))


def ask_said_feeling(facts: Facts, rand: Rand) -> Question:
    says = rand.pick(("I feel so {} today.", "I am {} now.")).format(facts["feeling"])
    return Question(_feeling(rand), facts["feeling"], FEELINGS, _caption(says))


def ask_event(facts: Facts, rand: Rand) -> Question:
    return Question(_feeling(rand), facts["feeling"], FEELINGS, _caption(rand.pick(EVENTS[facts["feeling"]])))


def ask_feeling(facts: Facts, rand: Rand) -> Question:
    says = f"This is {rand.pick(NAMES)} {rand.pick(PLACES)}."
    return Question(_feeling(rand), facts["feeling"], FEELINGS, _caption(says))


def ask_plan(facts: Facts, rand: Rand) -> Question:
    deeds = dict(zip(rand.sample(FEELINGS, 5), rand.sample(DEEDS, 5), strict=True))
    says = ", ".join(f"when {f} I {d}" for f, d in deeds.items())
    text = rand.pick(("What will the person do now?", "What does the person do now?"))
    return Question(text, deeds[facts["feeling"]], DEEDS, _caption(says[0].upper() + says[1:] + "."))


def ask_fits(facts: Facts, rand: Rand) -> Question:
    fits = rand.flip()
    feeling = facts["feeling"] if fits else rand.pick([f for f in FEELINGS if f != facts["feeling"]])
    says = rand.pick(("I feel so {} today.", "I am {} now.")).format(feeling)
    return Question("Does the face fit the caption?", YES_NO[not fits], YES_NO, _caption(says))


def ask_mood(facts: Facts, rand: Rand) -> Question | None:
    if facts["feeling"] not in MOODS or (MOODS[facts["feeling"]] == "bad" and rand.flip()):
        return None  # two feelings are bad ones: half of them are left out, so that the moods are balanced
    says = f"This is {rand.pick(NAMES)} {rand.pick(PLACES)}."
    text = "Is the mood of the person good, bad (sad or angry) or neutral?"
    return Question(text, MOODS[facts["feeling"]], ("good", "bad", "neutral"), _caption(says))


def ask_hat(facts: Facts, rand: Rand) -> Question:
    says = f"This is {rand.pick(NAMES)} {rand.pick(PLACES)}."
    return Question(_hat(rand), facts["hat"], CLOTHES, _caption(says))


def _hat(rand: Rand) -> str:
    return rand.pick(("What colour is the hat?", "Which colour does the hat have?"))


def ask_said_hat(facts: Facts, rand: Rand) -> Question:
    says = rand.pick(("Look at my new {} hat!", "I like my {} hat.")).format(facts["hat"])
    return Question(_hat(rand), facts["hat"], CLOTHES, _caption(says))


def ask_glasses(facts: Facts, rand: Rand) -> Question:
    says = f"This is {rand.pick(NAMES)} {rand.pick(PLACES)}."
    text = rand.pick(("Does the person wear glasses?", "Is the person wearing glasses?"))
    return Question(text, YES_NO[not facts["glasses"]], YES_NO, _caption(says))


def _hats(facts: Facts, rand: Rand) -> dict[str, str]:
    """Who wears which hat: one of the names the hat in the picture, the others different ones."""
    others = rand.sample([c for c in CLOTHES if c != facts["hat"]], len(NAMES) - 1)
    return dict(zip(rand.sample(NAMES, len(NAMES)), rand.sample([facts["hat"], *others], 4), strict=True))


def _list(hats: dict[str, str]) -> str:
    return ", ".join(f"{name} wears {colour}" for name, colour in hats.items())


def ask_who(facts: Facts, rand: Rand) -> Question:
    hats = _hats(facts, rand)
    answer = next(n for n, c in hats.items() if c == facts["hat"])
    text = rand.pick(("Going by the hat, who is in the picture?", "Going by the hat, who is this?"))
    return Question(text, answer, NAMES, _caption(_list(hats) + "."))


def ask_told_hat(facts: Facts, rand: Rand) -> Question:
    hats = _hats(facts, rand)
    name = next(n for n, c in hats.items() if c == facts["hat"])
    says = f"{_list(hats)}. This is {name}."
    return Question(_hat(rand), facts["hat"], CLOTHES, _caption(says))


def ask_same(facts: Facts, rand: Rand) -> Question:
    says = f"This is {rand.pick(NAMES)} {rand.pick(PLACES)}."
    yes = facts["hat"] == facts["shirt"]
    return Question("Do the hat and the shirt have the same colour?", YES_NO[not yes], YES_NO, _caption(says))


def ask_truths(facts: Facts, rand: Rand) -> Question:
    number = rand.below(3)
    right = [True, True] if number == 2 else [False, False] if number == 0 else rand.sample([True, False], 2)
    statements = [
        facts[what] if true else rand.pick([c for c in CLOTHES if c != facts[what]])
        for what, true in zip(("hat", "shirt"), right, strict=True)
    ]
    says = f"My hat is {statements[0]} and my shirt is {statements[1]}."
    text = "How many of the two things in the caption are true?"
    return Question(text, str(number), ("0", "1", "2"), _caption(says))


FAMILY = Family(
    "faces",
    "affective_computing",
    draw,
    (
        Skill("hat", "less", "yes", ask_hat),
        Skill("who", "less", "yes", ask_who, "synergy", "fusion"),
        Skill("said_hat", "less", "yes", ask_said_hat, "redundancy"),
        Skill("glasses", "less", "yes", ask_glasses),
        Skill("feeling", "less", "no", ask_feeling),
        Skill("plan", "less", "no", ask_plan, "synergy", "fusion"),
        Skill("said_feeling", "less", "no", ask_said_feeling, "redundancy"),
        Skill("same", "more", "yes", ask_same),
        Skill("truths", "more", "yes", ask_truths, "synergy", "fusion"),
        Skill("told_hat", "more", "yes", ask_told_hat, "redundancy"),
        Skill("fits", "more", "no", ask_fits, "synergy", "fusion"),
        Skill("event", "more", "no", ask_event, "redundancy", "querying", "yes"),
        Skill("mood", "more", "no", ask_mood),
    ),
)

TASK = task(
    FAMILY,
    "Probe: faces with captions",
    "Schematic faces; the caption repeats the answer, is silent about it, or is needed for it.",
)
