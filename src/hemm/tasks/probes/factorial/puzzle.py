"""The puzzle behind every factorial probe: two starts, an order that says what comes next, and two ends.

The order is a permutation of six names with one that comes after itself and a cycle of the other five. So,
for one to four steps, an end is uniform over all six where only its start is known, and uniform where only
the order is known: whoever lacks one of the two knows nothing of what is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemm.tasks.probes.draw import Rand

SIDES = ("left", "right")
WORDS = ("no steps", "one step", "two steps", "three steps", "four steps")


RULE = "A step leads to what comes next, by an arrow of the picture or a sentence of the note. "
"""What a step is: the beginning of every question."""


@dataclass(frozen=True)
class Puzzle:
    """Two starts and an order over the six names of a set of signs, by their numbers.

    after  number of each name -> number of the name that comes next
    pairs  the numbers 0 to 5 in the order in which picture and text tell what comes after each
    """

    starts: tuple[int, int]
    after: tuple[int, ...]
    pairs: tuple[int, ...]

    def end(self, side: int, steps: int) -> int:
        """What is reached from the start of a side."""
        at = self.starts[side]
        for _ in range(steps):
            at = self.after[at]
        return at


def puzzle(rand: Rand) -> Puzzle:
    """A puzzle, drawn evenly from all of them."""
    names = rand.sample(tuple(range(6)), 6)
    after = [0] * 6
    after[names[0]] = names[0]
    for i in range(1, 6):
        after[names[i]] = names[i % 5 + 1]
    first, second = rand.sample(tuple(range(6)), 2)
    return Puzzle((first, second), tuple(after), tuple(rand.sample(tuple(range(6)), 6)))


@dataclass(frozen=True)
class Asked:
    """A question with its four options, of which ``answer`` is right."""

    text: str
    options: tuple[str, ...]
    answer: str


def ask(puzzle: Puzzle, flow: str, steps: int, side: int, names: tuple[str, ...], noun: str,
        rand: Rand) -> Asked:  # fmt: skip
    """The question of a flow that is answered in words. Its text tells nothing of the puzzle."""
    if flow == "querying":
        return _query(puzzle, steps, side, names, noun, rand)
    if flow == "translation":
        return _translate(puzzle, steps, names, rand)
    return _fuse(puzzle, steps, names, rand)


def _query(puzzle: Puzzle, steps: int, side: int, names: tuple[str, ...], noun: str, rand: Rand) -> Asked:
    end = puzzle.end(side, steps)
    others = rand.sample([i for i in range(6) if i != end], 3)
    begin = f"Begin with what the {SIDES[side]} side shows and go {WORDS[steps]} on."
    return Asked(
        f"{RULE}{begin} Which {noun} do you reach?",
        _mixed([names[i] for i in (end, *others)], rand),
        names[end],
    )


def _translate(puzzle: Puzzle, steps: int, names: tuple[str, ...], rand: Rand) -> Asked:
    first, second = puzzle.end(0, steps), puzzle.end(1, steps)
    other, another = rand.sample([i for i in range(6) if i not in (first, second)], 2)
    options = [
        f"{names[a]} on the left, {names[b]} on the right" for a in (first, other) for b in (second, another)
    ]
    text = f"Each side goes {WORDS[steps]} on. Which sentence puts into words what the sides become?"
    return Asked(RULE + text, _mixed(options, rand), options[0])


def _fuse(puzzle: Puzzle, steps: int, names: tuple[str, ...], rand: Rand) -> Asked:
    """Which of two names are reached: both, one, the other, none, each in a quarter of the questions."""
    ends = (puzzle.end(0, steps), puzzle.end(1, steps))
    others = [i for i in range(6) if i not in ends]
    case = rand.below(4)
    one, two = rand.sample(ends, 2), rand.sample(others, 2)
    first = one[0] if case in (0, 1) else two[0]
    second = one[1] if case in (0, 2) else two[1]
    a, b = names[first], names[second]
    options = (
        f"both {a} and {b} are reached",
        f"{a} is reached, {b} is not",
        f"{b} is reached, {a} is not",
        f"neither {a} nor {b} is reached",
    )
    text = f"Each side goes {WORDS[steps]} on. Taking picture and note together, which statement holds?"
    return Asked(RULE + text, _mixed(list(options), rand), options[case])


def _mixed(options: list[str], rand: Rand) -> tuple[str, ...]:
    return tuple(rand.sample(options, len(options)))
