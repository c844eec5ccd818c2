"""Draws docs/images/perturbations.png: a probe's picture as it is, and under each corruption and change.

    python tools/perturbed_pictures.py [LEVEL]

LEVEL is that of the fifteen corruptions (3). Other changes are shown at the third level of the suite.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw

from hemm.core import Media, Sample
from hemm.data.pack.prepare import ensure
from hemm.data.pixels import rgb
from hemm.parsing import OneOf
from hemm.tasks import select
from hemm.tasks.perturbations.named import KINDS, Perturb, is_text, named
from hemm.tasks.perturbations.texts import Shown

ROOT = Path(__file__).resolve().parent.parent
SIDE, GAP, TITLE, COLUMNS = 168, 6, 16, 6


def main(level: int) -> None:
    [task] = select(["probe_scenes"])
    sample = next(s for s in ensure(task).samples() if s.media and len(s.media) == 1)
    sample = replace(sample, choices=("a red bus", "a blue van"), references=("a blue van",))
    others = [f"{n}:{k.levels[2]}" for n, k in KINDS.items() if k.levels and "/" not in n]
    names = [*named(f"c/*:{level}"), *(name for name in others if not is_text(name))]
    tiles = [("as it is", rgb(sample.media[0]))]
    tiles += [(name, rgb(_changed(sample, name))) for name in names]
    rows = -(-len(tiles) // COLUMNS)
    size = (COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + TITLE + GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    for number, (name, picture) in enumerate(tiles):
        left = GAP + number % COLUMNS * (SIDE + GAP)
        top = GAP + number // COLUMNS * (SIDE + TITLE + GAP)
        ImageDraw.Draw(sheet).text((left, top), name, fill=(40, 40, 40), font_size=11)
        scale = min(SIDE / max(tiles[0][1].size), SIDE / max(picture.size))
        shown = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        sheet.paste(shown, (left, top + TITLE))
    sheet.quantize(192, dither=Image.Dither.NONE).save(ROOT / "docs/images/perturbations.png", optimize=True)


def _changed(sample: Sample, name: str) -> Media:
    return Perturb.parse(name, 0, Shown(answer=OneOf()))(sample).media[0]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
