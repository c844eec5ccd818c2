"""Multimedia: nlvr."""

from __future__ import annotations

import json
from pathlib import Path

from .draw import put


def nlvr(folder: Path, n: int) -> None:
    """The repository's dev split: JSON lines, RGBA pictures, two examples a presentation."""
    lines = []
    for number in range(-(-n // 6)):
        identifier, directory = f"{1000 + number // 2}-{number % 2}", str(number % 4)
        lines.append(
            {
                "sentence": f"There are {number // 2} yellow circles.",
                "label": "true" if number % 3 else "false",
                "identifier": identifier,
                "directory": directory,
                "evals": {"r1": "true"},
                "structured_rep": [[], [], []],
            }
        )
        for k in range(6):
            put(
                folder / f"nlvr/dev/images/{directory}/dev-{identifier}-{k}.png",
                number * 6 + k,
                "RGBA",
                (40, 10),
            )
    file = folder / "nlvr/dev/dev.json"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


LAYOUTS = {"nlvr": nlvr}
