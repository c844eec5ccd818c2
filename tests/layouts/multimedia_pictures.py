"""Multimedia: mm_imdb, magic_brush, ln_coco."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import put

PAIRS = (("Drama", "Romance"), ("Comedy",), ("Sci-Fi", "Action"), ("Film-Noir", "Crime", "Drama"), ("Short",))


def film(folder: Path, name: str, number: int, genres: tuple[str, ...], parts: tuple[str, str]) -> None:
    """One film's JSON file and poster."""
    row: dict[str, Any] = {
        "genres": list(genres),
        "title": f"Film {number}",
        "plot": [
            f"Plot {number}.\r\n ",
            f"In {1900 + number % 100} somebody makes plan {number}, and it fails.",
        ],
        "year": 1900 + number % 100,
        "plot outline": None,
        "cast": [{"name": "Somebody"}],
        "rating": float("nan") if number % 7 == 0 else 6.5,
    }
    (folder / parts[0]).mkdir(parents=True, exist_ok=True)
    # the archive's own files are plain JSON: NaN is written as null
    text = json.dumps({k: None if v != v else v for k, v in row.items()})
    (folder / parts[0] / f"{name}.json").write_text(text)
    put(folder / parts[1] / f"{name}.jpeg", number, "L" if number % 5 == 0 else "RGB")


def mm_imdb(folder: Path, n: int, parts: tuple[str, str] = ("dataset", "dataset"), train: int = 6) -> None:
    """The archive: one folder of JSON files and posters, and the splits; one film has no genre left."""
    test = [f"{26000 + number:07d}" for number in range(n)]
    for number, name in enumerate(test):
        film(
            folder,
            name,
            number,
            (*PAIRS[number % len(PAIRS)], *(("News",) if number % 4 == 0 else ())),
            parts,
        )
    film(folder, "0090001", n, ("Adult", "Reality-TV"), parts)
    others = [f"{80000 + number:07d}" for number in range(train)]
    for number, name in enumerate(others):
        film(folder, name, n + 1 + number, PAIRS[number % len(PAIRS)], parts)
    splits = {"train": others, "dev": ["0000001"], "test": [*test, "0090001"]}
    (folder / "split.json").write_text(json.dumps(splits))


def magic_brush(folder: Path, n: int) -> None:
    """The test zip's JSON file and pictures: sessions of one to three turns, RGBA pictures among them."""
    sessions: dict[str, list[dict[str, str]]] = {}
    texts: dict[str, dict[str, str]] = {}
    done = 0
    while done < n:
        number = len(sessions)
        session = str(242679 + 11 * number)
        turns = min(number % 3 + 1, n - done)
        before = f"{session}-input.png"
        put(folder / "images" / session / before, 4 * number, size=(24, 16))
        sessions[session], texts[session] = [], {}
        for turn in range(1, turns + 1):
            after, mask = f"{session}-output{turn}.png", f"{session}-mask{turn}.png"
            put(
                folder / "images" / session / after,
                4 * number + turn,
                "RGBA" if turn == 2 else "RGB",
                (24, 16),
            )
            put(folder / "images" / session / mask, 4 * number + turn, "RGBA", (24, 16))
            row = {
                "input": before,
                "mask": mask,
                "output": after,
                "instruction": f"let dog {number} jump {turn}\r\n",
            }
            sessions[session].append(row)
            texts[session][after] = f"Dog {number} jumps {turn} times."
            before = after
        done += turns
    (folder / "edit_sessions.json").write_text(json.dumps(sessions))
    (folder / "global_descriptions.json").write_text(json.dumps(texts))


def ln_coco(folder: Path, n: int, name: str = "coco_val_captions.jsonl") -> None:
    """JSON lines, two narratives for every third photo; ids are texts of any number of digits."""
    lines = []
    photo = 0
    while len(lines) < n:
        number = (139, 137576, 581781)[photo % 3] + 1000 * photo
        put(folder / "val2017" / f"{number:012d}.jpg", photo, "L" if photo % 5 == 4 else "RGB", (24, 16))
        for annotator in (93, 7) if photo % 3 == 0 else (93,):
            lines.append(
                {
                    "dataset_id": "mscoco_val2017",
                    "image_id": str(number),
                    "annotator_id": annotator,
                    "caption": f"In this image there are {photo} cows, says {annotator}. ",
                }
            )
            if name != "coco_val_captions.jsonl":
                lines[-1] |= {"timed_caption": [], "traces": [[{"x": 0.1, "y": 0.2, "t": 0.0}]]}
                lines[-1] |= {"voice_recording": f"{number}.ogg"}
        photo += 1
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines[:n]))


LAYOUTS = {"mm_imdb": mm_imdb, "magic_brush": magic_brush, "ln_coco": ln_coco}
