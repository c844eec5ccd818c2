"""Affective computing: new_yorker_cartoon, hateful_memes, memecap, memotion, fer2013."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

from hemm.tasks.affective import fer2013 as fer
from hemm.tasks.affective.memotion import HUMOUR, VARIANTS

from .draw import picture, put


def write_csv(path: Path, rows: list[dict[str, Any]], end: str = "\n") -> None:
    """A table with a header, as pandas writes it: an empty cell for what is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)


def captions(contest: int, count: int) -> list[dict[str, Any]]:
    """One contest's table, the best caption first: a comma, quotes and a line break in captions, the best one
    a second time with few votes, and spam that hardly anybody saw at both ends."""
    texts = [f'Caption {n}, of "{contest}"' if n % 3 else f"Caption {n}\nof {contest}" for n in range(count)]
    rows = [
        {
            "caption": text,
            "mean": 2.5 - 1.4 * n / count,
            "precision": 0.02,
            "votes": 2000 - n,
            "not_funny": 900 + n,
            "somewhat_funny": 600 - n,
            "funny": 500 - n,
        }
        for n, text in enumerate(texts)
    ]
    again = {**rows[0], "mean": 1.05, "votes": 20}
    spam = {**rows[0], "precision": 0.9, "votes": 2, "somewhat_funny": 0}
    first = {**spam, "caption": "BUY NOW", "mean": 3.0, "not_funny": 0, "funny": 2}
    last = {**spam, "caption": "asdf", "mean": 1.0, "not_funny": 2, "funny": 0}
    return [first, *rows, again, last]


def new_yorker_cartoon(folder: Path, n: int, each: int = 10) -> None:
    """The repository: a table a contest under three names, some with a rank or an unnamed index."""
    for number in range(-(-n // each)):
        contest = 660 + number
        rows = captions(contest, 12)
        name = (f"{contest}", f"{contest}_LilUCB", f"{contest}_lil-KLUCB")[number % 3]
        lead = (None, "rank", "")[number % 3]
        if lead is not None:
            rows = [{lead: rank, **row} for rank, row in enumerate(rows)]
        write_csv(folder / f"summaries/{name}.csv", rows, "\r\n" if number % 2 else "\n")
        put(folder / f"cartoons/{contest}.jpg", number, "L")


def caption_choices(folder: Path, n: int, config: str, options: int) -> None:
    """The benchmark's Parquet files: captions and the letter of the right one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for split, count in (("test", n), ("train", 4)):
        rows = range(count)
        table = pa.table(
            {
                "image": pa.array(
                    [{"bytes": picture(r % 40, form="JPEG"), "path": f"{r % 40}.jpg"} for r in rows], image
                ),
                "contest_number": pa.array([r % 40 for r in rows], pa.int32()),
                "caption_choices": [[f"{split} {r} says {o}" for o in range(options)] for r in rows],
                "label": ["ABCDE"[r % options] for r in rows],
                "n_tokens_label": pa.array([1] * count, pa.int32()),
                "instance_id": [f"{split}{r:04d}" for r in rows],
            }
        )
        (folder / config).mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / config / f"{split}-00000-of-00001.parquet")


def hateful_memes(folder: Path, n: int) -> None:
    """The Kaggle archive: ids as numbers and texts, RGBA and palette pictures, a row without a label."""
    splits = (("dev", 0, n), ("test_seen", n, 12), ("test_unseen", n + 12, 12), ("train", n + 24, 3))
    for file, first, count in splits:
        lines = []
        for number in range(first, first + count):
            row: dict[str, Any] = {
                "id": 8000 + number if number % 2 else f"{8000 + number:05d}",
                "img": f"img/{8000 + number:05d}.png",
                "label": number // 2 % 2,
                "text": " its their character not their colour ☺ " if number % 3 else f"line\u2028{number}",
            }
            lines.append(row)
            put(folder / f"data/img/{8000 + number:05d}.png", number, ("RGB", "RGBA", "P")[number % 3])
        if file == "test_seen":
            lines.append({"id": 9, "img": "img/00009.png", "text": "without a label"})
        text = "".join(json.dumps(line) + "\r\n" for line in lines)
        (folder / f"data/{file}.jsonl").write_text(text, newline="")


def memecap(folder: Path, n: int) -> None:
    """The repository's JSON beside the unpacked pictures: one to four captions, titles that are missing."""
    for file, start, count in (("memes-test.json", "d", n), ("memes-trainval.json", "e", 3)):
        rows = []
        for number in range(count):
            post = f"{start}{number:05x}"
            meanings = [f"The poster says {number} is wrong in way {k}." for k in range(number % 4 + 1)]
            row: dict[str, Any] = {
                "category": "memes",
                "img_captions": [f"A person holds object {number}. ", "Somebody is there."],
                "meme_captions": [*meanings, ""] if number % 5 == 0 else meanings,
                "title": (f"Title {number}", None, "")[number % 3],
                "url": "https://i.example/x.jpg",
                "img_fname": f"memes_{post}.png" + (" " if number % 7 == 0 else ""),
                "metaphors": [{"metaphor": "A person", "meaning": "the poster"}],
                "post_id": post,
            }
            rows.append({k: v for k, v in row.items() if number % 6 or k != "metaphors"})
            put(folder / f"memes/memes_{post}.png", number, ("RGB", "RGBA", "P")[number % 3])
        (folder / file).write_text(json.dumps(rows, indent=4))


def memotion_rows(n: int) -> list[dict[str, Any]]:
    """Rows of labels.csv: all labels of all axes, texts that are missing (NaN) or hold line breaks."""
    rows = []
    for number in range(n):
        row: dict[str, Any] = {
            "": number,
            "image_name": f"image_{number + 1}{('.jpg', '.png', '.jpeg')[number % 3]}",
            "text_ocr": (f"OCR TEXT, {number}", "NaN", "")[number % 3],
            "text_corrected": (f'corrected "text"\n{number}', "", "nan", " 2020 ")[number % 4],
        }
        for shift, axis in enumerate((HUMOUR, *VARIANTS.values())):
            labels = list(axis.labels)
            row[axis.column] = labels[(number + shift) % len(labels)]
        rows.append(row)
    return rows


def memotion(folder: Path, n: int) -> None:
    """The Kaggle archive with labels.csv."""
    top = folder / "memotion_dataset_7k"
    rows = memotion_rows(n)
    write_csv(top / "labels.csv", rows)
    for number, row in enumerate(rows):
        put(top / "images" / row["image_name"], number)


def fer2013(folder: Path, n: int) -> None:
    """The Kaggle copy: grey JPEG files by class, few of them in train."""
    classes = sorted(fer.LABELS)
    for number in range(n):
        name = f"{('PrivateTest', 'PublicTest')[number % 2]}_{number * 7919 % 99991}.jpg"
        put(folder / "test" / classes[number % 7] / name, number, "L", (48, 48))
    for number, label in enumerate(classes):
        put(folder / "train" / label / f"Training_{number}.jpg", number, "L", (48, 48))


LAYOUTS = {
    "new_yorker_cartoon": new_yorker_cartoon,
    "new_yorker_cartoon:pairs": partial(new_yorker_cartoon, each=5),
    "new_yorker_cartoon:hemm": partial(new_yorker_cartoon, each=5),
    "new_yorker_cartoon:matching": partial(caption_choices, config="matching_from_pixels", options=5),
    "new_yorker_cartoon:ranking": partial(caption_choices, config="ranking_from_pixels", options=2),
    "hateful_memes": hateful_memes,
    "memecap": memecap,
    "memotion": memotion,
    "fer2013": fer2013,
}
