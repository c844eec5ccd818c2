"""OK-VQA: questions about photographs that need knowledge from elsewhere. (Marino et al. 2019)"""

from __future__ import annotations

from hemm.core import Card, Task, dimension_labels
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.multimedia._vqa_json import IDS, Form, Part

BASE = "https://okvqa.allenai.org/static/data"


FORM = Form(test=Part.of_coco("val2014"), train=Part.of_coco("train2014"), stratum="question_type")

FILES = (
    File(f"{BASE}/OpenEnded_mscoco_val2014_questions.json.zip", unpack="."),
    File(f"{BASE}/mscoco_val2014_annotations.json.zip", unpack="."),
    File("http://images.cocodataset.org/zips/val2014.zip", unpack="."),
)

TASK = Task(
    name="ok_vqa",
    card=Card(
        title="OK-VQA",
        citation="Marino, Rastegari, Farhadi, Mottaghi. OK-VQA: A Visual Question Answering Benchmark "
        "Requiring External Knowledge. CVPR 2019.",
        homepage="https://okvqa.allenai.org/",
        licence="CC-BY-4.0 (questions and answers); terms of Flickr (pictures)",
        access="open",
        size="6.6 GB",
        splits={"val2014": 5046},
        labels=dimension_labels(
            "multimedia", "redundancy", "querying", fine_grained="yes", external_knowledge="yes"
        ),
        notes="val2014, the split that results are reported on. Ten references: five annotators, each "
        "counted twice. They are the stemmed answers (field answer: 'race'), as in the official "
        "evaluation, which does not stem what a model says; what was typed (raw_answer: 'racing') is in "
        "the metadata. An annotator whose answer is empty counts among the ten, as there. question_type "
        "names one of ten fields of knowledge or 'other', by which scores of a part are weighted. Shots come "
        "from train where a folder has it.",
    ),
    sources=(
        Hub(
            ("lmms-lab-encoder/OK-VQA", "lmms-lab/OK-VQA"),
            FORM.hub_layout("val2014"),
            split="val2014",
            ids=IDS,
        ),
        *(Http(FILES, layout, ids=IDS) for layout in FORM.layouts()),
    ),
    prompt="{{ image }}Answer from the picture and from what you know of the world.\n"
    "Question: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("vqa_accuracy", "exact_match", "token_f1", "bartscore"),
    max_new_tokens=24,
)
