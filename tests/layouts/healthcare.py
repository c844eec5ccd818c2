"""Healthcare: vqa_rad."""

from __future__ import annotations

import json
from pathlib import Path

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


LAYOUTS = {"vqa_rad": vqa_rad}
