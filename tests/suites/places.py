"""RefCOCO and ScreenSpot-Pro: overlap and points in boxes, reckoned in pixels."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from hemm.core import Sample

from . import Answers, Held, put_parquet, rows_of

SIZES = ((640, 480), (480, 640), (500, 375))
Spoken = Callable[[list[float], tuple[int, int]], list[float]]


def thousandths(numbers: list[float], size: tuple[int, int]) -> list[float]:
    return [round(value * 1000 / size[n % 2]) for n, value in enumerate(numbers)]


def pixels(numbers: list[float], size: tuple[int, int]) -> list[float]:
    return [round(value) for value in numbers]


def upright_first(numbers: list[float], size: tuple[int, int]) -> list[float]:
    said = thousandths(numbers, size)
    return [said[n ^ 1] for n in range(len(said))]


def fractions(numbers: list[float], size: tuple[int, int]) -> list[float]:
    return [round(value / size[n % 2], 4) for n, value in enumerate(numbers)]


SPOKEN: dict[str, Spoken] = {
    "": thousandths,
    ":pixels": pixels,
    ":yx": upright_first,
    ":fractions": fractions,
}


def _picture(number: int, size: tuple[int, int]) -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", size, (number * 7 % 256, number * 31 % 256, 90)).save(out, "PNG")
    return {"bytes": out.getvalue(), "path": f"{number}.png"}


def refcoco(split: str) -> Callable[[Path, int], None]:
    def write(folder: Path, n: int) -> None:
        """``data/SPLIT-00000-of-00005.parquet``: left, top, width, height; one thing, one phrase or
        several."""
        rows = []
        for i in range(n // 2):
            wide, high = SIZES[i % 3]
            rows.append(
                {
                    "question_id": str(1000 + i),
                    "image": _picture(i // 2, SIZES[i % 3]),
                    "question": "Please carefully observe the area circled in the image.",
                    "answer": [f"the owl {i}", f"bird {i} on the left"],
                    "segmentation": [1.0, 2.0, 3.0, 4.0],
                    "bbox": [0.05 * wide + i, 0.1 * high, 0.4 * wide, 0.25 * high + i],
                    "iscrowd": 0,
                    "file_name": f"COCO_train2014_{i // 2:012d}_{i % 3}.jpg",
                }
            )
        floats = pa.list_(pa.float32())
        types: dict[str, Any] = dict.fromkeys(("question_id", "question", "file_name"), "str")
        types |= {
            "image": "image",
            "answer": "strs",
            "segmentation": floats,
            "bbox": floats,
            "iscrowd": "int",
        }
        put_parquet(folder / f"data/{split}-00000-of-00005.parquet", rows, types)

    return write


def _corners(sample: Sample) -> tuple[list[float], tuple[int, int]]:
    size = (int(sample.metadata["width"]), int(sample.metadata["height"]))
    reference = [float(x) * size[n % 2] for n, x in enumerate(str(sample.references[0]).split())]
    return reference, size


def boxes_said(spoken: Spoken) -> Callable[[Sample, int], str]:
    def says(sample: Sample, number: int) -> str:
        """Boxes that fit, that are a little or far off, and none; in the forms that models have."""
        (left, top, right, bottom), size = _corners(sample)
        shift = (right - left) * (0.0, 0.1, 0.3, 0.6)[number % 4]
        said = spoken([left + shift, top, right + shift, bottom], size)
        forms = (
            "{}",
            '```json\n[{{"bbox_2d": {}, "label": "it"}}]\n```',
            "<ref>it</ref><box>[{}]</box>",
            "I see no such thing.",
        )
        return forms[number % 5 % 4].format(said)

    return says


def overlap(folder: Path, said: Answers, split: str, spoken: str) -> dict[str, float]:
    """Intersection over union in pixels, and whether it is a half."""
    values = []
    for row in rows_of(folder):
        with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
            size = picture.size
        x, y, w, h = row["bbox"]
        for k in range(1, len(row["answer"]) + 1):
            numbers = re.findall(r"\d+(?:\.\d+)?", said[f"{row['question_id']}-{k}"].replace("bbox_2d", ""))
            if len(numbers) != 4:
                values.append(0.0)
                continue
            a, b, c, d = map(float, numbers)
            if spoken == ":yx":
                a, b, c, d = b, a, d, c
            scale = {":pixels": (1.0, 1.0), ":fractions": size}.get(spoken, (size[0] / 1000, size[1] / 1000))
            a, b, c, d = a * scale[0], b * scale[1], c * scale[0], d * scale[1]
            across, down = min(c, x + w) - max(a, x), min(d, y + h) - max(b, y)
            both = max(0.0, across) * max(0.0, down)
            values.append(both / ((c - a) * (d - b) + w * h - both))
    return {"iou": sum(values) / len(values), "iou:at=0.5": sum(v >= 0.5 for v in values) / len(values)}


def screens(folder: Path, n: int) -> None:
    """``data/test-00000-of-00001.parquet``: corners in pixels; sizes and boxes as lists."""
    rows = []
    for i in range(n):
        wide, high = SIZES[i % 3]
        rows.append(
            {
                "id": f"photoshop_windows_{i}",
                "image": _picture(i, SIZES[i % 3]),
                "img_filename": f"photoshop_windows/screenshot_{i}.png",
                "bbox": [0.5 * wide, 0.25 * high, 0.55 * wide, 0.3 * high],
                "instruction": f"select tool {i}",
                "instruction_cn": "",
                "application": "photoshop",
                "platform": "windows",
                "img_size": [wide, high],
                "ui_type": ("icon", "text")[i % 2],
                "group": "Creative",
            }
        )
    types: dict[str, Any] = dict.fromkeys(rows[0], "str") | {
        "image": "image",
        "img_size": pa.list_(pa.int64()),
    }
    put_parquet(folder / "data/test-00000-of-00001.parquet", rows, types | {"bbox": pa.list_(pa.float64())})


def points_said(spoken: Spoken) -> Callable[[Sample, int], str]:
    def says(sample: Sample, number: int) -> str:
        (left, top, right, bottom), size = _corners(sample)
        middle = [(left + right) / 2 + (0, 0, 2, 0.9)[number % 4] * (right - left), (top + bottom) / 2]
        said = spoken(middle, size)
        if number % 5 == 4:
            return str(spoken([left, top, right, bottom], size))  # the middle of a box counts
        return ("{}", "click({0})", '{{"point_2d": {}}}', "there is no such tool")[number % 6 % 4].format(
            said if number % 6 % 4 != 1 else f"{said[0]}, {said[1]}"
        )

    return says


def clicked(folder: Path, said: Answers, spoken: str) -> dict[str, float]:
    """``eval_sample_positive_gt``: a point in the box, or on its edge; by the kind of element."""
    found: dict[str, list[bool]] = {}
    for row in rows_of(folder):
        numbers = list(map(float, re.findall(r"\d+(?:\.\d+)?", said[row["id"]].replace("point_2d", ""))))
        ok = False
        if numbers:
            if spoken == ":yx":
                numbers = [numbers[n ^ 1] for n in range(len(numbers))]
            x, y = (
                numbers
                if len(numbers) == 2
                else [(numbers[0] + numbers[2]) / 2, (numbers[1] + numbers[3]) / 2]
            )
            wide, high = row["img_size"]
            scale = {":pixels": (1.0, 1.0), ":fractions": (wide, high)}.get(
                spoken, (wide / 1000, high / 1000)
            )
            left, top, right, bottom = row["bbox"]
            ok = left <= x * scale[0] <= right and top <= y * scale[1] <= bottom
        found.setdefault(row["ui_type"], []).append(ok)
    every = [ok for each in found.values() for ok in each]
    return {
        "point_in_box": sum(every) / len(every),
        **{f"point_in_box/{kind}": sum(v) / len(v) for kind, v in found.items()},
    }


def _boxes(split: str, spoken: str) -> Held:
    return Held(
        refcoco(split),
        boxes_said(SPOKEN[spoken]),
        lambda folder, said: overlap(folder, said, split, spoken),
    )


def _points(spoken: str) -> Held:
    return Held(screens, points_said(SPOKEN[spoken]), lambda folder, said: clicked(folder, said, spoken))


HELD = {
    **{f"refcoco{spoken}": _boxes("val", spoken) for spoken in SPOKEN},
    "refcoco:test_a": _boxes("testA", ""),
    "refcoco:test_b": _boxes("testB", ""),
    **{f"screenspot_pro{spoken}": _points(spoken) for spoken in SPOKEN},
}
