"""Makes the table of docs/annotate.md: the votes with which adaptive draws are as good as 300 balanced ones.

python tools/adaptive_draws.py
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from simulated_votes import Field, errors, in_order

FIELDS = ((4, 1.0), (6, 1.0), (8, 1.5), (11, 1.5), (11, 2.5))
STUDIES, BALANCED, MOST = 240, 300, 400
MARKS = tuple(range(20, MOST + 1, 20))


def needed(found: Mapping[int, float], wanted: float, rising: bool) -> int:
    """The votes at which ``found`` first reaches ``wanted``, between marks by a straight line."""
    sign = 1 if rising else -1
    before = MARKS[0]
    for votes in MARKS:
        if sign * found[votes] >= sign * wanted:
            step = found[votes] - found[before]
            return round(before + (votes - before) * ((wanted - found[before]) / step if step else 1))
        before = votes
    return MOST


def main() -> None:
    print("| models, standard deviation | pairs in the right order | by order | by error of the strengths |")
    print("|---|---|---|---|")
    for models, spread in FIELDS:
        field = Field(models, spread, STUDIES, MOST)
        order = {draw: in_order(draw, field, MARKS) for draw in ("balanced", "adaptive")}
        error = {draw: errors(draw, field, MARKS) for draw in ("balanced", "adaptive")}
        share = order["balanced"][BALANCED]
        by_order = needed(order["adaptive"], share, True)
        by_error = needed(error["adaptive"], error["balanced"][BALANCED], False)
        print(f"| {models}, {spread} | {100 * share:.0f} % | {by_order} | {by_error} |", flush=True)


if __name__ == "__main__":
    main()
