"""VQA v2: questions about photographs, balanced by pairs of pictures; ten answers each. (Goyal et al.)"""

from __future__ import annotations

from hemm.core import Card, Task, dimension_labels
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import ShortAnswer
from hemm.tasks.multimedia._vqa_json import IDS, Form, Part

BASE = "https://s3.amazonaws.com/cvmlp/vqa/mscoco/vqa"


FORM = Form(test=Part.of_coco("val2014", "v2_"), train=Part.of_coco("train2014", "v2_"))

FILES = (
    File(f"{BASE}/v2_Questions_Val_mscoco.zip", unpack="."),
    File(f"{BASE}/v2_Annotations_Val_mscoco.zip", unpack="."),
    File("http://images.cocodataset.org/zips/val2014.zip", unpack="."),
)

TASK = Task(
    name="vqa_v2",
    card=Card(
        title="VQA v2",
        citation="Goyal, Khot, Summers-Stay, Batra, Parikh. Making the V in VQA Matter: Elevating the Role "
        "of Image Understanding in Visual Question Answering. CVPR 2017.",
        homepage="https://visualqa.org/download.html",
        licence="CC-BY-4.0 (questions and answers); terms of Flickr (pictures)",
        access="open",
        size="6.7 GB",
        splits={"val2014": 214354},
        labels=dimension_labels("multimedia", "redundancy", "querying", fine_grained="yes"),
        notes="The validation split: test-dev and test-standard have no public answers. Each question is "
        "asked of two similar pictures with different answers. Not among the HEMM paper's data sets, which "
        "has the abstract scenes of VQA v1 (task vqa); the labels are ours, as for that one. Shots come "
        "from train where a folder has it.",
    ),
    sources=(
        *(Http(FILES, layout, ids=IDS) for layout in FORM.layouts()),
        Hub(
            ("lmms-lab-encoder/VQAv2", "lmms-lab/VQAv2"),
            FORM.hub_layout("validation"),
            split="validation",
            ids=IDS,
        ),
    ),
    prompt="{{ image }}Question: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("vqa_accuracy", "exact_match", "token_f1", "bartscore"),
    max_new_tokens=24,
)
