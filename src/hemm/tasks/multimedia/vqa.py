"""VQA v1 on abstract scenes: questions about drawn scenes, ten answers each. (Antol et al. 2015)"""

from __future__ import annotations

from hemm.core import Card, Task, dimension_labels
from hemm.data.sources.kinds import File, Http
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.multimedia._vqa_json import IDS, Form, Part

BASE = "https://s3.amazonaws.com/cvmlp/vqa/abstract_v002"


def _part(split: str) -> Part:
    scenes = f"scene_img_abstract_v002_{split}"
    return Part(
        questions=f"OpenEnded_abstract_v002_{split}_questions.json",
        annotations=f"abstract_v002_{split}_annotations.json",
        pictures=("vqa_images", scenes, ".", f"vqa_images/{scenes}", f"{scenes}/{scenes}", "images"),
        prefix=f"abstract_v002_{split}_",
        suffixes=(".png", ".jpg", ".jpeg"),
    )


FORM = Form(test=_part("val2015"), train=_part("train2015"))

FILES = (
    File(f"{BASE}/vqa/Questions_Val_abstract_v002.zip", unpack="."),
    File(f"{BASE}/vqa/Annotations_Val_abstract_v002.zip", unpack="."),
    File(f"{BASE}/scene_img/scene_img_abstract_v002_val2015.zip", unpack="."),
)

TASK = Task(
    name="vqa",
    card=Card(
        title="VQA (abstract scenes)",
        citation="Antol, Agrawal, Lu, Mitchell, Batra, Zitnick, Parikh. VQA: Visual Question Answering. "
        "ICCV 2015.",
        homepage="https://visualqa.org/vqa_v1_download.html",
        licence="CC-BY-4.0",
        access="open",
        size="a few GB",
        splits={"val2015": 30000},
        labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
        notes="The open-ended questions of the validation split (three for each of 10,000 scenes); the "
        "test split has no public answers. This is the set as collected, not the balanced binary one, so "
        "that answering by the question alone goes far. References are the ten annotators' answers; the "
        "HEMM paper kept the most frequent one (multiple_choice_answer in the metadata). Photographs are "
        "in vqa_v2. Shots come from train where a folder has it.",
    ),
    sources=tuple(Http(FILES, layout, ids=IDS) for layout in FORM.layouts()),
    prompt="{{ image }}This is a drawn scene.\nQuestion: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("vqa_accuracy", "exact_match", "token_f1", "bartscore"),
    max_new_tokens=24,
)
