"""Questions about pictures: vqa, vqa_v2, ok_vqa, visual_genome, gqa, vcr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import put

SAID = ("kite", "2", "yes", "no", "red", "a dog", "left", "on the table")


def _annotation(number: int, question: object, image: object) -> dict[str, Any]:
    """Ten annotators: all agree, some agree, one left it empty; blanks and capitals."""
    right, other = SAID[number % len(SAID)], SAID[(number + 3) % len(SAID)]
    said = [right] * (10 if number % 3 == 0 else 6) + [other] * 3 + [f"{right} "]
    kind = {"yes": "yes/no", "no": "yes/no", "2": "number"}.get(right, "other")
    return {
        "question_type": ("what is the", "is there", "how many")[number % 3],
        "multiple_choice_answer": right,
        "answers": [
            {"answer": a, "answer_confidence": "maybe" if n % 4 else "yes", "answer_id": n}
            for n, a in enumerate(said[:10], 1)
        ],
        "image_id": image,
        "answer_type": kind,
        "question_id": question,
    }


def _family(questions: Path, annotations: Path, pictures: str, n: int, raw: bool = False) -> None:
    """The two JSON files of the VQA family and their pictures (``%d`` in ``pictures`` is the image id).

    Ids are numbers or texts; annotations are in another order; image ids have one to six digits.
    """
    asked, answered = [], []
    for number in range(n):
        image = 9 + number // 3 * 577
        question = image * 1000 + number % 3
        asked.append(
            {
                "image_id": image,
                "question": f"What is at place {number}? ",
                "question_id": str(question) if number % 5 == 0 else question,
            }
        )
        answered.append(_annotation(number, question, image))
        if raw:
            answered[-1]["question_type"] = ("one", "two", "other")[number % 3]
            for answer in answered[-1]["answers"]:
                answer["raw_answer"] = f"{answer['answer'].strip()}s"
        put(Path(pictures % image), number // 3, "RGBA" if pictures.endswith("png") else "RGB")
    head = {"info": {"version": "1.0"}, "license": {}, "data_type": "mscoco", "data_subtype": "val"}
    for file, field, rows in (
        (questions, "questions", asked),
        (annotations, "annotations", answered[::-1]),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**head, field: rows, "task_type": "Open-Ended"}))


def vqa(folder: Path, n: int) -> None:
    """As the HEMM paper laid out the abstract scenes."""
    _family(
        folder / "vqa_questions/OpenEnded_abstract_v002_val2015_questions.json",
        folder / "vqa_annotations/abstract_v002_val2015_annotations.json",
        str(folder / "vqa_images/abstract_v002_val2015_%012d.png"),
        n,
    )


def vqa_v2(folder: Path, n: int) -> None:
    """The official archives, unpacked."""
    _family(
        folder / "v2_OpenEnded_mscoco_val2014_questions.json",
        folder / "v2_mscoco_val2014_annotations.json",
        str(folder / "val2014/COCO_val2014_%012d.jpg"),
        n,
    )


def ok_vqa(folder: Path, n: int) -> None:
    """The official archives, unpacked: stemmed answers beside what was typed."""
    _family(
        folder / "OpenEnded_mscoco_val2014_questions.json",
        folder / "mscoco_val2014_annotations.json",
        str(folder / "val2014/COCO_val2014_%012d.jpg"),
        n,
        raw=True,
    )


def visual_genome(folder: Path, n: int) -> None:
    """Answers with a full stop; pictures in two folders, as their addresses say; one without questions."""
    entries, data = [], []
    for image in range(1, -(-n // 4) + 1):
        home = "VG_100K" if image % 3 else "VG_100K_2"
        qas = [
            {
                "qa_id": 986768 + image * 4 + k,
                "image_id": image,
                "question": f"{('What', 'Where', 'How many', 'Is')[k]} things are at {image}?",
                "answer": ("Green.", "On the table.", f"{k + image}.", "the dog")[(image + k) % 4],
                "a_objects": [],
                "q_objects": [],
            }
            for k in range(4)
        ]
        entries.append({"id": image, "qas": qas[: max(0, n - (image - 1) * 4)]})
        url = f"https://cs.stanford.edu/people/rak248/{home}/{image}.jpg"
        data.append({"image_id": image, "url": url, "width": 8, "height": 8, "coco_id": None})
        put(folder / home / f"{image}.jpg", image)
    entries.append({"id": 2417997, "qas": []})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "question_answers.json").write_text(json.dumps(entries))
    (folder / "image_data.json").write_text(json.dumps(data))


def gqa_row(number: int) -> dict[str, Any]:
    kind = ("verify", "query", "logical", "choose", "compare")[number % 5]
    closed = kind in ("verify", "logical")
    answer = ("yes", "no")[number // 5 % 2] if closed else ("table", "man", "T-shirt")[number % 3]
    return {
        "semantic": [{"operation": "select", "dependencies": [], "argument": "scene"}],
        "entailed": [f"2013{number + 1:05d}"] if number % 4 == 0 else [],
        "equivalent": [f"2013{number:05d}"],
        "question": f"Is thing {number} at the left?" if closed else f"What is thing {number}?",
        "imageId": f"n{161313 + number // 4}",
        "isBalanced": number % 2 == 0,
        "groups": {"global": None, "local": "01-weather_overcast"},
        "answer": answer,
        "semanticStr": "select: scene",
        "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
        "types": {"structural": kind, "semantic": "global", "detailed": f"{kind}C"},
        "fullAnswer": f"It is {answer}.",
    }


def gqa(folder: Path, n: int) -> None:
    """The archives, unpacked: an object of question id to question."""
    (folder / "questions1.2").mkdir(parents=True, exist_ok=True)
    rows = {f"2013{number:05d}": gqa_row(number) for number in range(n)}
    for split, part in (("testdev_balanced", rows), ("testdev_all", dict(list(rows.items())[: n // 2]))):
        (folder / f"questions1.2/{split}_questions.json").write_text(json.dumps(part))
    for number in range(0, n, 4):
        put(folder / f"images/{gqa_row(number)['imageId']}.jpg", number // 4)


def _vcr_row(number: int, image: str) -> dict[str, Any]:
    def choices(kind: str) -> list[list[object]]:
        return [
            [[0], "does", "n't", kind, "thing", str(number * 4 + k), ",", "for", [1, 2], "'s", "cup", "."]
            for k in range(4)
        ]

    return {
        "movie": f"{3005 + number % 3}_FILM",
        "objects": ["person", "person", "cup"],
        "interesting_scores": [0, -1],
        "answer_likelihood": "likely",
        "img_fn": f"{image}.jpg",
        "metadata_fn": f"{image}.json",
        "question": ["Why", "is", [1], "pointing", "at", [0], "?"],
        "answer_choices": choices("see"),
        "answer_label": number % 4,
        "rationale_choices": choices("like"),
        "rationale_label": number // 4 % 4,
        "img_id": f"val-{number // 2}",
        "question_number": number % 2,
        "annot_id": f"val-{number}",
        "match_fold": "val-0",
    }


def vcr(folder: Path, n: int) -> None:
    """The archives, unpacked: two questions a picture, boxes and names beside it; Windows line ends."""
    lines = []
    for number in range(-(-n // 2)):
        image = f"lsmdc_3005/3005_x_{number // 2:04d}@0"
        lines.append(json.dumps(_vcr_row(number, image)))
        put(folder / f"vcr1images/{image}.jpg", number // 2, size=(48, 32))
        boxes = [[1.2, 2.0, 20.7, 30.1, 0.99], [22.0, 3.0, 47.9, 31.0, 0.98], [10.0, 20.0, 18.0, 28.0, 0.7]]
        facts = {
            "boxes": boxes,
            "segms": [[[[1, 2], [20, 2], [20, 30]]], [], []],
            "names": ["person", "person", "cup"],
            "width": 48,
            "height": 32,
        }
        (folder / f"vcr1images/{image}.json").write_text(json.dumps(facts))
    (folder / "vcr_annotations").mkdir(parents=True, exist_ok=True)
    (folder / "vcr_annotations/val.jsonl").write_bytes("\r\n".join(lines).encode())


LAYOUTS = {
    "vqa": vqa,
    "vqa_v2": vqa_v2,
    "ok_vqa": ok_vqa,
    "visual_genome": visual_genome,
    "gqa": gqa,
    "vcr": vcr,
}
