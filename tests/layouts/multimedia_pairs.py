"""Multimedia: nocaps, flickr30k, winoground, nlvr2, irfl."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .draw import put

Lines = list[dict[str, Any]]


def write_json(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))


def write_lines(file: Path, rows: Lines, end: str = "\n") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(json.dumps(row) + end for row in rows).encode())


def caption(number: int, person: int) -> str:
    who = ("A man", "Two dogs", "A child", "An old woman", "The players")[person % 5]
    return f"{who} in place {number} seen by person {person} of many ."


def nocaps(folder: Path, n: int) -> None:
    """COCO's form: annotations in an order of their own, ids as numbers and text, an empty caption, a picture
    without captions."""
    images, annotations = [], []
    for number in range(n + 1):
        name = f"{number:016x}"
        row = {
            "id": number,
            "open_images_id": name,
            "file_name": f"{name}.jpg",
            "coco_url": f"https://s3.amazonaws.com/nocaps/val/{name}.jpg",
            "width": 8,
            "height": 8,
            "license": 0,
            "date_captured": "2018-11-06 11:04:33",
            "domain": ("in-domain", "near-domain", "out-domain")[number % 3],
        }
        images.append(row)
        if number == n:
            break
        put(folder / f"images/{name}.jpg", number, ("RGB", "L")[number % 2])
        for person in range(10):
            of: int | str = str(number) if number % 7 == 1 else number
            annotations.append({"image_id": of, "caption": caption(number, person) + " " * (person % 2)})
    annotations.append({"image_id": 0, "caption": " "})
    annotations = [{"id": i, **a} for i, a in enumerate(annotations[::-1])]
    write_json(
        folder / "nocaps_val_4500_captions.json",
        {"info": {"version": "1.0"}, "licenses": [], "images": images, "annotations": annotations},
    )


def flickr30k(folder: Path, n: int) -> None:
    """The paper's list of the test split, beside the pictures as Kaggle's archive has them."""
    rows = []
    for number in range(n):
        rows.append(
            {
                "image": f"flickr30k-images/{1_007_129_816 + number}.jpg",
                "caption": [caption(number, person) for person in range(5)],
            }
        )
        put(folder / f"flickr30k_images/flickr30k_images/{1_007_129_816 + number}.jpg", number)
    write_json(folder / "flickr30k_test.json", rows)


def karpathy(folder: Path, n: int) -> None:
    """The file of splits: every second picture is in another split than test."""
    images = []
    for number in range(2 * n):
        name = f"{1_000_092_795 + number}.jpg"
        split = "test" if number % 2 == 0 else ("train", "val")[number // 2 % 2]
        sentences = [
            {"tokens": ["a"], "raw": caption(number, p), "imgid": number, "sentid": 5 * number + p}
            for p in range(5)
        ]
        images.append(
            {"sentids": [], "imgid": number, "sentences": sentences, "split": split, "filename": name}
        )
        put(folder / "flickr30k-images" / name, number)
    write_json(folder / "dataset_flickr30k.json", {"images": images, "dataset": "flickr30k"})


def kaggle_table(folder: Path, n: int) -> None:
    """Kaggle's table: bars and blanks, quotes, one row without its second bar."""
    lines = ["image_name| comment_number| comment"]
    for number in range(n):
        name = f"{2_199_200_615 + number}.jpg"
        for person in range(5):
            bar = "  " if (number, person) == (1, 4) else "|"
            said = f'"{caption(number, person)}' if number == 2 else caption(number, person)
            lines.append(f"{name}| {person}{bar} {said}")
        put(folder / f"flickr30k_images/flickr30k_images/{name}", number)
    (folder / "flickr30k_images/results.csv").write_text("\r\n".join(lines) + "\r\n", newline="")


def winoground(folder: Path, n: int) -> None:
    """The hub's JSON lines and unpacked pictures; names without suffix, an empty tag."""
    rows = []
    for number in range(-(-n // 4)):
        for k in (0, 1):
            mode = ("RGB", "RGBA", "P")[number % 3]
            put(folder / f"data/images/ex_{number}_img_{k}.png", 2 * number + k, mode)
        rows.append(
            {
                "caption_0": f"an old person kisses a young person in room {number}",
                "caption_1": f"a young person kisses an old person in room {number}",
                "collapsed_tag": ("Relation", "Object", "Both")[number % 3],
                "tag": "Adjective-Age",
                "secondary_tag": "" if number % 2 else "Symbolic",
                "num_main_preds": 1,
                "id": number,
                "image_0": f"ex_{number}_img_0",
                "image_1": f"ex_{number}_img_1",
            }
        )
    write_lines(folder / "data/examples.jsonl", rows)


def nlvr2_rows(n: int, split: str = "dev") -> Lines:
    """Sets of four pairs with two sentences; labels in both cases."""
    rows: Lines = []
    for number in range(n):
        group, pair, sentence = 850 + number // 8, number % 4, number // 4 % 2
        true = (pair + sentence + group) % 2
        rows.append(
            {
                "identifier": f"{split}-{group}-{pair}-{sentence}",
                "sentence": f"The right image shows {group} walkways, sentence {sentence}.",
                "left_url": "https://example.org/left.jpg",
                "right_url": "https://example.org/right.png",
                "label": (("False", "True"), ("false", "true"))[number % 5 == 4][true],
                "synset": ("beer bottle", "mitten", "golden retriever")[group % 3],
                "query": f"some beer bottles{group}",
                "writer": "61",
                "validation": {"61": "False"},
                "extra_validations": {"154": "False"},
            }
        )
    return rows


def nlvr2_pictures(folder: Path, rows: Lines, split: str) -> None:
    for pair in dict.fromkeys(row["identifier"].rpartition("-")[0] for row in rows):
        number = int(pair.split("-")[1]) * 8 + int(pair.split("-")[2]) * 2
        for side in (0, 1):
            name = f"{pair}-img{side}.png"
            put(folder / split / name, number + side - 6800, ("RGB", "RGBA")[side], (8 + 2 * side, 6))


def nlvr2(folder: Path, n: int, split: str = "dev", file: str = "dev.json") -> None:
    """The repository's annotations, and the archive of pictures unpacked beside them."""
    rows = nlvr2_rows(n, split)
    write_lines(folder / "nlvr2/data" / file, rows)
    nlvr2_pictures(folder, rows, split)


def nlvr2_test1(folder: Path, n: int) -> None:
    nlvr2(folder, n, "test1", "test1.json")


def nlvr2_balanced(folder: Path, n: int) -> None:
    nlvr2(folder, n, "dev", "balanced/balanced_dev.json")


HEADER = ("distractors", "answer", "images_metadata", "figurative_type", "type", "phrase")


def irfl_rows(n: int, kind: str, start: int = 0) -> list[dict[str, str]]:
    """Rows of one table: lists as JSON and as Python write them, names with and without suffix."""
    rows = []
    for number in range(start, start + n):
        names = [f"{(4 * number + k):08x}-ab12-4cd3-9e4f-{number:012x}" for k in range(4)]
        written = [f"{name}.jpeg" for name in names] if number % 3 == 0 else names
        dump = str if number % 2 else json.dumps
        phrase = {
            "idiom": f"a piece of cake {number}",
            "metaphor": f"a lion on the battlefield {number}",
        }.get(kind, f"The apple is as red as a cherry {number // 2}")
        facts = [{"uuid": name, "category": "literal"} for name in names]
        rows.append(
            {
                "distractors": dump(written[1:]),
                "answer": dump(written[:1]),
                "images_metadata": json.dumps(facts),
                "figurative_type": "simile" if "simile" in kind else kind,
                "type": "figurative",
                "phrase": phrase,
            }
        )
    return rows


def write_table(file: Path, rows: list[dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, HEADER)
        writer.writeheader()
        writer.writerows(rows)


def irfl_tables(kinds: tuple[str, ...]) -> Callable[[Path, int], None]:
    def write(folder: Path, n: int) -> None:
        each = -(-n // len(kinds))
        for place, kind in enumerate(kinds):
            start = place * each
            write_table(folder / f"{kind}_detection_task.csv", irfl_rows(each, kind, start))
            for number in range(start, start + each):
                for k in range(4):
                    name = f"{(4 * number + k):08x}-ab12-4cd3-9e4f-{number:012x}.jpeg"
                    put(folder / "images" / name, 4 * number + k)

    return write


irfl = irfl_tables(("idiom", "metaphor", "simile", "open_simile"))


def irfl_hemm(folder: Path, n: int) -> None:
    irfl_tables(("simile",))(folder, -(-n // 4))


LAYOUTS = {
    "nocaps": nocaps,
    "flickr30k": flickr30k,
    "flickr30k:all": kaggle_table,
    "winoground": winoground,
    "nlvr2": nlvr2,
    "nlvr2:test1": nlvr2_test1,
    "nlvr2:balanced": nlvr2_balanced,
    "irfl": irfl,
    "irfl:simile": irfl_tables(("simile",)),
    "irfl:hemm": irfl_hemm,
}
