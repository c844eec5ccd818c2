"""Draws docs/images/probes_v2.png, one sample of each family of the factorial probes, and prints their texts.

python tools/probe_pictures.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from hemm.core import Media, Sample
from hemm.tasks.probes.factorial.samples import generate
from hemm.tasks.probes.factorial.sweeps import sweep

FILE = Path(__file__).resolve().parent.parent / "docs/images/probes_v2.png"
GAP, EDGE = 12, (120, 120, 120)


def first(use_case: str, fits: Callable[[Sample], bool], drawing: bool = False) -> Sample:
    """The first sample of a use case that fits."""
    size = 192 if drawing else 288
    return next(s for s in generate(use_case, size=size, drawing=drawing) if fits(s))


def is_of(flow: str, starts: str, order: str, detail: str, known: str) -> Callable[[Sample], bool]:
    """Whether a sample is of these levels."""
    wanted = (flow, starts, order, detail, known)
    return lambda s: (
        (
            s.labels["information_flow"],
            s.metadata["starts"],
            s.metadata["order"],
            s.labels["fine_grained"],
            s.labels["external_knowledge"],
        )
        == wanted
    )


def main() -> None:
    """Write the picture and print the texts, in its order."""
    edited = first("hci", is_of("editing", "picture", "text", "no", "yes"), drawing=True)
    shown = [
        first("multimedia", is_of("querying", "picture", "picture", "yes", "yes")),
        first("affective_computing", is_of("fusion", "picture", "text", "yes", "no")),
        first("science", is_of("translation", "picture", "picture", "no", "yes")),
        first("healthcare", is_of("querying", "text", "picture", "yes", "yes")),
        next(s for s in sweep("multimedia", "clutter") if s.metadata["clutter"] == 100),
        edited,
    ]
    pictures = [s.media[0] for s in shown] + [r for r in edited.references if isinstance(r, Media)]
    tiles = [m.pixels().convert("RGB") for m in pictures]
    columns = 4
    side = tiles[0].width + GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * side + GAP, rows * side + GAP), EDGE)
    for i, one in enumerate(tiles):
        sheet.paste(one, (GAP + i % columns * side, GAP + i // columns * side))
    sheet.save(FILE, optimize=True)
    for number, s in enumerate(shown, 1):
        answer = s.references[0] if isinstance(s.references[0], str) else "picture 7"
        print(f"{number}. {s.id} {dict(s.labels)} {s.metadata['held']}")
        print(f"   {s.fields['context']}\n   {s.fields['question']}\n   {' / '.join(s.choices)} -> {answer}")


if __name__ == "__main__":
    main()
