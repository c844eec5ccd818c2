"""Visual Haystacks: accuracy as its scorer counts words, by size; pictures from COCO's folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hemm.core import Sample

from . import Answers, Held

LARGE, SMALL = "single_needle/VHs_large", "single_needle/VHs_small"
SIZES = ("oracle", "2", "3", "5", "10", "20", "50", "100")
POOL = 130


def _pictures(folder: Path) -> list[str]:
    from layouts.draw import picture as drawn

    names = []
    for number in range(POOL):
        part = "val2017" if number % 2 else "test2017"
        path = folder / "coco" / part / f"{number:012d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn(number))
        names.append(f"coco/{part}/{path.name}")
    return names


def writes(files: Sequence[tuple[str, str, int]], share: int) -> Callable[[Path, int], None]:
    """``KIND/visual_haystack_SIZE.json``, arrays of rows; (kind, size, needles) of each, n / share rows
    in it."""

    def write(folder: Path, n: int) -> None:
        names = _pictures(folder)
        for kind, size, needles in files:
            rows = []
            for i in range(max(1, n // share)):
                count = 1 if size == "oracle" else int(size)
                start = (7 * i + count) % POOL
                chosen = [names[(start + k) % POOL] for k in range(count)]
                question = f"For the image with a dog{i}, is there a truck?"
                turns = [{"from": "human", "value": question}, {"from": "gpt", "value": ("yes", "no")[i % 2]}]
                rows.append(
                    {"conversations": turns, "pos_image": chosen[:needles], "neg_image": chosen[needles:]}
                )
            path = folder / kind / f"visual_haystack_{size}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(rows))

    return write


FORMS = ("{}", "{}.", "{}, there is a sign of it.", "The answer is {}.", "I cannot see that.")


def says(sample: Sample, number: int) -> str:
    right = str(sample.references[0])
    wrong = "no" if right == "yes" else "yes"
    return FORMS[number % len(FORMS)].format((right if number % 3 else wrong).capitalize())


def official(
    files: Sequence[tuple[str, str, int]], places: int = 0
) -> Callable[[Path, Answers], dict[str, float]]:
    def scorer(folder: Path, said: Answers) -> dict[str, float]:
        """``run_eval``: the right word is among the words of the answer in lower case."""
        found: dict[str, list[bool]] = {}
        for kind, size, _ in files:
            for i, row in enumerate(
                json.loads((folder / kind / f"visual_haystack_{size}.json").read_text()), 1
            ):
                gold = row["conversations"][1]["value"]
                count = len(row["pos_image"]) + len(row["neg_image"])
                key = f"{Path(kind).name}/{size}/{i}"
                texts = [text for name, text in said.items() if name == key or name.startswith(f"{key}/")]
                assert len(texts) == (places or 1), key
                kinds = found.setdefault(f"{count} picture{'s' * (count > 1)}", [])
                kinds += [gold in re.findall(r"[a-z]+", text.lower()) for text in texts]
        every = [right for each in found.values() for right in each]
        return {
            "accuracy": sum(every) / len(every),
            **{f"accuracy/{size}": sum(v) / len(v) for size, v in found.items()},
        }

    return scorer


ALL = [(LARGE, size, 1) for size in SIZES]
PLACED = [(SMALL, size, 1) for size in ("10", "50")]
SEVERAL = [(f"multi_needle/multi_needle_{k}", size, k) for k in (2, 3) for size in SIZES[3:]]
HELD = {
    "visual_haystacks": Held(writes(ALL, 8), says, official(ALL)),
    "visual_haystacks:oracle": Held(writes(ALL[:1], 1), says, official(ALL[:1])),
    "visual_haystacks:few": Held(writes(ALL[:5], 5), says, official(ALL[:5]), samples=20),
    "visual_haystacks:position": Held(writes(PLACED, 24), says, official(PLACED, places=10), samples=20),
    "visual_haystacks:multi": Held(writes(SEVERAL, 20), says, official(SEVERAL), samples=10),
}
