"""Answers and references for tests of agreement: drawn at random, and made to be awkward."""

from __future__ import annotations

import random

from hemm.core import Group, Judged, Outcome, Response, Sample

_COMMON = (
    "a an the man dog red car on of street in with two people riding bike's isn't t-shirt , . 3 1,000 Café"
)
_RARE = (
    'Zürich naïve 东京 塔 дом привет مرحبا 😀 e\u0301 ﬁn ß İstanbul -- ... "quoted" (so) 50% $5 u.s. cannot'
)
WORDS = f"{_COMMON} {_RARE}".split()
ODD = (
    "", " ", "\n", ".", "...", "!?", "-", "''", "a", "é", "😀", "👩‍👩‍👧", "\u200b", "\ufeff", "\u202eabc",
    "東京タワー", "ﷺ", "\x00", "a\tb", "a\u00a0b", "a\u2028b", "1e999", "-0", "½", "١٢٣", "<unk>", "&amp;",
    "{}", "a" * 60,
)  # fmt: skip

Pair = tuple[str, list[str]]


def random_pairs(seed: int, count: int = 1000) -> list[Pair]:
    """Answers with one to five references each; two in three answers are near one of theirs."""
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 14)))

    rows = []
    for _ in range(count):
        references = [text() for _ in range(rng.randint(1, 5))]
        near = rng.choice(references).split()
        for _ in range(rng.randint(0, 3)):
            near[rng.randrange(len(near))] = rng.choice(WORDS)
        rows.append((rng.choice([text(), " ".join(near), references[-1]]), references))
    return rows


def adversarial_pairs(seed: int, count: int = 1000) -> list[Pair]:
    """Empty, blank, very long, repeated, punctuation only, other scripts, joined and mixed, on both sides."""
    rng = random.Random(seed)

    def text() -> str:
        kind = rng.randrange(7)
        if kind < 2:
            return rng.choice(ODD)
        if kind == 2:
            return rng.choice(["", " "]).join(rng.choices(ODD, k=rng.randint(1, 6)))
        if kind == 3:
            return " ".join([rng.choice(WORDS)] * rng.randint(2, 30))
        if kind == 4:
            return "".join(rng.choices(".,;:!?'\"()[]-_/\\ ", k=rng.randint(1, 12)))
        if kind == 5:
            return " ".join(rng.choices(WORDS, k=rng.choice([1, 2, 3, 5, 8, 120])))
        return "".join(
            chr(rng.choice((rng.randrange(32, 0x250), rng.randrange(0x4E00, 0x4F00)))) for _ in range(9)
        )

    rows = []
    for _ in range(count):
        references = [text() for _ in range(rng.randint(1, 4))]
        rows.append((rng.choice([text(), references[0], references[0].upper()]), references))
    return rows


def group(number: int, said: str | None, references: list[str]) -> Group:
    """One answer as a metric gets it; None is an answer that failed."""
    sample = Sample(id=str(number), references=tuple(references))
    outcome = Outcome.UNPARSABLE if said is None else Outcome.OK
    return [Judged(sample, 0, Response(text=said or ""), outcome, said)]


def groups(rows: list[Pair]) -> list[Group]:
    """All of them."""
    return [group(i, said, references) for i, (said, references) in enumerate(rows)]
