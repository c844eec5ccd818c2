"""Mock-ups of settings screens: what they show, what a tap does, how to reach a goal."""

from __future__ import annotations

from hemm.tasks.probes.base import Facts, Family, Picture, Question, Skill, task
from hemm.tasks.probes.draw import CELL, COLOURS, SIDE, Canvas, Rand
from hemm.tasks.probes.legend import numbers

APPS = ("Mail", "Music", "Maps", "Notes", "Clock", "Chat")
SETTINGS = ("Wifi", "Sound", "Alarm", "Light", "Sync", "Radio")
STYLES = ("switches", "boxes", "lamps")
THEMES = {"light": (245, 245, 245), "dark": (40, 40, 48)}
KEYS = ("F1", "F2", "F3", "F4")
ROWS = ("first", "second", "third")
STATES = ("off", "on")


def draw(rand: Rand) -> Picture:
    """A title bar with the app's name and three rows, each a setting with its control."""
    app, theme, style = rand.pick(APPS), rand.pick(tuple(THEMES)), rand.pick(STYLES)
    accent, names = rand.pick(tuple(COLOURS)), rand.sample(SETTINGS, 3)
    lit = rand.sample((0, 1, 2), rand.below(4))
    states = [int(row in lit) for row in range(3)]
    ink = (20, 20, 20) if theme == "light" else (235, 235, 235)
    canvas = Canvas(THEMES[theme])
    canvas.box(0, 0, SIDE, CELL - 4, COLOURS[accent])
    title = (255, 255, 255) if accent in ("red", "green", "blue", "purple") else (0, 0, 0)
    canvas.text(app, 10 + 2 * rand.below(5), 10, title, 4)
    for row, (name, state) in enumerate(zip(names, states, strict=True), 1):
        top = row * CELL
        canvas.text(name, 8 + 2 * rand.below(5), top + 14, ink, 3)
        canvas.box(8, top + CELL - 4, SIDE - 16, 2, (150, 150, 150))
        _control(canvas, style, SIDE - 52, top + 8, bool(state), ink)
    facts = {"app": app, "theme": theme, "style": style, "accent": accent, "names": names, "states": states}
    traits = {"app": app, "theme": theme, "style": style, "accent": accent}
    for row, (name, state) in enumerate(zip(names, states, strict=True)):
        traits[f"row {row}"], traits[f"state {row}"] = name, STATES[state]
    return Picture(canvas.pixels, facts, traits=traits)


def _control(canvas: Canvas, style: str, x: int, y: int, on: bool, ink: tuple[int, int, int]) -> None:
    """A switch, a box or a lamp of 44 x 28 pixels, on or off."""
    if style == "switches":
        back = (30, 160, 60) if on else (130, 130, 130)
        canvas.shape("disc", x, y, 28, back)
        canvas.shape("disc", x + 16, y, 28, back)
        canvas.box(x + 14, y, 16, 28, back)
        canvas.shape("disc", x + (18 if on else 2), y + 2, 24, (255, 255, 255))
    elif style == "boxes":
        canvas.frame(x + 8, y, 28, 28, ink, 4)
        if on:
            canvas.line(x + 14, y + 14, x + 20, y + 20, ink, 6)
            canvas.line(x + 20, y + 20, x + 30, y + 8, ink, 6)
    else:
        canvas.shape("disc", x + 8, y, 28, (130, 130, 130))
        canvas.shape("disc", x + 12, y + 4, 20, (60, 230, 60) if on else (80, 20, 20))


def ask_state(facts: Facts, rand: Rand) -> Question:
    i = rand.below(3)
    text = rand.pick(("Is {} on or off?", "What is the state of {}, on or off?")).format(facts["names"][i])
    return Question(text, STATES[facts["states"][i]], STATES)


def ask_row(facts: Facts, rand: Rand) -> Question:
    i = rand.below(3)
    text = rand.pick(("Which setting is in the {} row?", "What is the name of the {} setting?")).format(
        ROWS[i]
    )
    return Question(text, facts["names"][i], SETTINGS)


def ask_accent(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("What colour is the title bar?", "Which colour does the title bar have?"))
    return Question(text, facts["accent"], tuple(COLOURS))


def ask_app(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("Which app's screen is this?", "Which app does the screen belong to?"))
    return Question(text, facts["app"], APPS)


def ask_style(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("How does the screen show what is on?", "What kind of controls does the screen have?"))
    return Question(text, facts["style"], STYLES)


def ask_theme(facts: Facts, rand: Rand) -> Question:
    text = rand.pick(("Does the screen have a light or a dark theme?", "Is the theme light or dark?"))
    return Question(text, facts["theme"], tuple(THEMES))


def ask_help(facts: Facts, rand: Rand) -> Question:
    apps = [facts["app"], *rand.sample([a for a in APPS if a != facts["app"]], 3)]
    keys = dict(zip(rand.sample(apps, 4), rand.sample(KEYS, 4), strict=True))
    guide = "Guide: " + ", ".join(f"{key} in {app}" for app, key in keys.items()) + "."
    text = rand.pick(("Which key opens the help of this screen?", "Which key is the help key here?"))
    return Question(text, keys[facts["app"]], KEYS, guide)


def ask_tap(facts: Facts, rand: Rand) -> Question:
    i, taps = rand.below(3), rand.below(2)
    text = f"Is {facts['names'][i]} on or off after {('one tap', 'two taps')[taps]} on it?"
    return Question(text, STATES[facts["states"][i] ^ (1 - taps)], STATES)


def ask_next(facts: Facts, rand: Rand) -> Question:
    i = rand.below(2)
    a, b, word = (i, i + 1, "below") if rand.flip() else (i + 1, i, "above")
    text = rand.pick(("Which setting is directly {} {}?", "Which setting comes directly {} {}?"))
    others = tuple(s for s in SETTINGS if s != facts["names"][a])
    return Question(text.format(word, facts["names"][a]), facts["names"][b], others)


def _taps(facts: Facts, rows: list[int], rand: Rand) -> tuple[str, int]:
    """A goal for these rows and how many taps reach it; every number of taps is equally likely."""
    number = rand.below(len(rows) + 1)
    wrong = rand.sample(rows, number)
    goal = [f"{facts['names'][i]} {STATES[facts['states'][i] ^ (i in wrong)]}" for i in rows]
    return "Goal: " + ", ".join(goal) + ".", number


def ask_two_taps(facts: Facts, rand: Rand) -> Question:
    goal, number = _taps(facts, rand.sample((0, 1, 2), 2), rand)
    return Question("How many taps reach the goal?", str(number), numbers(0, 2), goal)


def ask_all_taps(facts: Facts, rand: Rand) -> Question:
    goal, number = _taps(facts, [0, 1, 2], rand)
    return Question("How many taps reach the goal?", str(number), numbers(0, 3), goal)


def ask_count(facts: Facts, rand: Rand) -> Question:
    state = rand.below(2)
    text = rand.pick(("How many settings are {}?", "How many of the settings are {}?")).format(STATES[state])
    return Question(text, str(facts["states"].count(state)), numbers(0, 3))


FAMILY = Family(
    "screens",
    "hci",
    draw,
    (
        Skill("state", "less", "yes", ask_state),
        Skill("row", "less", "yes", ask_row),
        Skill("accent", "less", "yes", ask_accent),
        Skill("app", "less", "no", ask_app),
        Skill("help", "less", "no", ask_help, "synergy", "fusion"),
        Skill("style", "less", "no", ask_style),
        Skill("theme", "less", "no", ask_theme),
        Skill("tap", "more", "yes", ask_tap),
        Skill("next", "more", "yes", ask_next),
        Skill("two_taps", "more", "yes", ask_two_taps, "synergy", "fusion"),
        Skill("count", "more", "no", ask_count),
        Skill("all_taps", "more", "no", ask_all_taps, "synergy", "fusion"),
    ),
)

TASK = task(
    FAMILY,
    "Probe: settings screens",
    "Mock-ups of user interfaces: what they show, what a tap does, how to reach a goal.",
)
