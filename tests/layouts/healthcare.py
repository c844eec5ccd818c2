"""Healthcare: open_path, pathvqa, slake, vqa_rad."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

from hemm.tasks.healthcare import open_path as kather

from .draw import put


def vqa_rad(folder: Path, n: int) -> None:
    """The published JSON: ids as text and numbers, ``CLOSED`` with a blank, an answer that is a number."""
    rows = []
    for number in range(n + 4):
        closed = number % 2 == 0
        answer: object = ("Yes", "no ", "No")[number // 2 % 3] if closed else f"lesion {number % 40}"
        rows.append(
            {
                "qid": number if number % 5 == 0 else str(number),
                "phrase_type": ("test_freeform", "test_para")[number % 2] if number < n else "freeform",
                "qid_linked_id": f"03f4-{number}",
                "image_case_url": "https://medpix.example/case",
                "image_name": f"synpic{number // 2}.jpg",
                "image_organ": ("HEAD", "CHEST", "ABD")[number % 3],
                "evaluation": "not evaluated",
                "question": f"Is there an infarct in region {number}?" if closed else f"What is at {number}?",
                "question_rephrase": "NULL",
                "question_relation": "NULL",
                "question_frame": "NULL",
                "question_type": "PRES",
                "answer": 42 if number == 3 else answer,
                "answer_type": ("CLOSED", "CLOSED ")[number // 2 % 2] if closed else "OPEN",
            }
        )
        put(folder / f"VQA_RAD Image Folder/synpic{number // 2}.jpg", number // 2)
    (folder / "VQA_RAD Dataset Public.json").write_text(json.dumps(rows))


def pathvqa(folder: Path, n: int) -> None:
    """pvqa.zip, unpacked: pickled lists by split; the same question twice for one picture now and then."""
    for split, count in (("test", n), ("train", 6), ("val", 0)):
        rows = []
        for number in range(count):
            image = f"{split}_{number // 3:04d}"
            closed = number % 2 == 0
            asked = number - 3 if number % 40 == 35 else number
            question = f"is region {asked} shown?" if closed else f"what is shown in region {asked}?"
            answer = ("yes", "no", "Yes")[number // 2 % 3] if closed else f"nests of cells {asked % 30}"
            rows.append({"image": image, "question": question, "answer": answer})
            put(folder / f"pvqa/images/{split}/{image}.jpg", number // 3 + (5000 if split == "train" else 0))
        file = folder / f"pvqa/qas/{split}/{split}_qa.pkl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(rows, protocol=4))


def open_path(folder: Path, n: int) -> None:
    """The HEMM mirror: a table, and a folder for each class beside the table's; TIFF files."""
    lines = [",image,label,caption"]
    for number in range(n):
        code = list(kather.LABELS)[number % 9]
        name = f"{code}-TCGA-{number:05d}AAIC.tif"
        caption = f"An H&E image patch of {kather.LABELS[code]}."
        lines.append(f"{number},{name},{code}," + (f'"Colon, {caption}"' if number % 5 == 0 else caption))
        put(folder / code / name, number)
    (folder / "Kather_test").mkdir(parents=True)
    (folder / "Kather_test/Kather_test.csv").write_text("\r\n".join(lines) + "\r\n")


ENGLISH = {
    "yes": ("Does the picture contain lung {}?", ("Yes", "No", "Yes ")),
    "which": ("Which is bigger in image {}, lung or heart?", ("Lung", "Heart")),
    "open": ("What is the main organ in image {}?", ("Lung, Spinal Cord", "Liver", "Brain", "Chest")),
}
CHINESE = {
    "yes": (
        "图像{}中有肺吗？",
        ("是的", "不是", "没有", "有", "是", "否", "包含", "不包含", "存在", "不存在", "可以", "不可以"),
    ),
    "which": ("图像{}中肺和心脏哪个更大？", ("肺", "心脏")),
    "open": ("图像{}是哪种模态？", ("CT", "磁共振", "X光")),
}
CONTENT = ("Organ", "Size", "Modality", "Position", "Abnormality")


def slake(folder: Path, n: int) -> None:
    """Slake1.0, unpacked: English and Chinese in one list, JSON with escapes; a mask beside each picture."""
    for split, count in (("test", 4 * n), ("train", 8)):
        rows = []
        for number in range(count):
            language = ("en", "zh")[number % 2]
            form = ("yes", "open", "yes", "which")[number // 2 % 4]
            question, answers = (ENGLISH if language == "en" else CHINESE)[form]
            case = number // 8 + (5000 if split == "train" else 0)
            rows.append(
                {
                    "img_id": case,
                    "img_name": f"xmlab{case}/source.jpg",
                    "question": question.format(number),
                    "answer": answers[number // 8 % len(answers)],
                    "q_lang": language,
                    "location": ("Lung", "Brain_Tissue", "Abdomen")[number % 3],
                    "modality": ("CT", "MRI", "X-Ray")[number % 3],
                    "answer_type": "OPEN" if form == "open" else "CLOSED",
                    "base_type": "vqa",
                    "content_type": CONTENT[number // 2 % 5],
                    "triple": ["vhead", "_", "_"],
                    "qid": 11934 + number if split == "test" else str(number),
                }
            )
            put(folder / f"Slake1.0/imgs/xmlab{case}/source.jpg", case)
        (folder / f"Slake1.0/{split}.json").write_text(json.dumps(rows))
    put(folder / "Slake1.0/imgs/xmlab0/mask.png", 0)


LAYOUTS = {"open_path": open_path, "pathvqa": pathvqa, "slake": slake, "vqa_rad": vqa_rad}
