"""PathVQA: questions about pictures of pathology textbooks. (He et al. 2020)

The copies number nothing: ids are made of picture name, question and answer; the hub copy, which has no
picture names, gets them from the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, digest, dimension_labels
from hemm.core.text import counted
from hemm.data.readers.pickles import pickle_value
from hemm.data.readers.rows import Ids, json_rows, list_of, media_of, objects, row_id, text_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub
from hemm.parsing.formats import ShortAnswer

SHOTS = 300
YES_NO = ("yes", "no")


def read_original(folder: Path, top: str = "pvqa") -> Iterator[Sample]:
    """The pickled lists: the test split, and as shots some of train where its pictures are there."""
    root, ids = folder / top, Ids()
    for split, name in (("test", "test"), ("shots", "train")):
        file, place = _pickle(root, name), root / "images" / name
        if split == "shots" and not (file.is_file() and place.is_dir()):
            return
        rows = pickle_value(file)
        if not isinstance(rows, list):
            raise BadData(f"{file}: a list of questions is expected")
        for number, row in enumerate(rows[: SHOTS if split == "shots" else None], 1):
            where = f"{file}, entry {number}"
            if not isinstance(row, dict):
                raise BadData(f"{where}: a dict is expected")
            yield _named(_plain(row, where), place, where, ids, split)


def _pickle(root: Path, split: str) -> Path:
    """The list of a split; in the form for LXMERT where there is no other."""
    usual = root / "qas" / split / f"{split}_qa.pkl"
    return usual if usual.is_file() else root / "qas" / f"{split}_vqa.pkl"


def _plain(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """A row in the form for LXMERT with the usual names: ``label`` has the answer as its key."""
    if "sent" not in row:
        return row
    label = row.get("label")
    if not isinstance(label, dict) or len(label) != 1:
        raise BadData(f"{where}: field 'label' is missing, or does not have one answer")
    return {"image": row.get("img_id"), "question": row["sent"], "answer": next(iter(label))}


def read_lxmert(folder: Path) -> Iterator[Sample]:
    """``lxmert_pvqa_test.json``: an entry a picture, with its questions and its answers side by side."""
    file, ids = folder / "lxmert_pvqa_test.json", Ids()
    inner = folder / "pvqa/images/test"
    place = inner if inner.is_dir() else folder / "images/test"
    for where, entry in objects(enumerate(json_rows(file), 1), f"{file}, entry"):
        questions = list_of(_inner(entry, "sentf", where), "pvqa", where)
        labels = list_of(_inner(entry, "labelf", where), "pvqa", where)
        if len(questions) != len(labels):
            raise BadData(
                f"{where}: {counted(len(questions), 'question')} and {counted(len(labels), 'answer')}"
            )
        for question, label in zip(questions, labels, strict=True):
            row = _plain({"img_id": entry.get("img_id"), "sent": question, "label": label}, where)
            yield _named(row, place, where, ids)


def _inner(entry: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = entry.get(name)
    if not isinstance(value, dict):
        raise BadData(f"{where}: field {name!r} is missing")
    return value


def _named(row: Mapping[str, Any], place: Path, where: str, ids: Ids, split: str = "test") -> Sample:
    name = text_of(row, "image", where)
    picture = Media.at(place / (name if Path(name).suffix else f"{name}.jpg"))
    question, answer = text_of(row, "question", where), _answer(row, where)
    key = ids.of(f"{Path(name).stem}-{digest([question, answer], 10)}")
    return _sample(key, picture, question, answer, cluster=Path(name).stem, split=split)


def read_parquet(folder: Path) -> Iterator[Sample]:
    """The hub copy: questions that it found twice are left out."""
    ids = Ids()
    for split, where, row in hub_rows(folder, "test", shots="validation", shots_limit=SHOTS):
        picture, question = media_of(row, "image", where), text_of(row, "question", where)
        key = ids.of(row_id(question, [picture]))
        yield _sample(key, picture, question, _answer(row, where), picture.digest[:20], split)


def _answer(row: Mapping[str, Any], where: str) -> str:
    answer = text_of(row, "answer", where)
    return answer.lower() if answer.lower() in YES_NO else answer


def _sample(key: str, picture: Media, question: str, answer: str, cluster: str, split: str) -> Sample:
    closed = answer in YES_NO
    kind = "CLOSED" if closed else "OPEN"
    return Sample(
        id=key,
        media=(picture,),
        fields={"question": question},
        references=(answer,),
        choices=YES_NO if closed else (),
        cluster=cluster,
        stratum=kind,
        metadata={"answer_type": kind},
        split=split,
    )


def _by_hand(layout: Layout) -> ByHand:
    return ByHand(
        "https://drive.google.com/drive/folders/1G2C2_FUCyYQKCkSeCRRiTTsLDvOAjFj5",
        "get pvqa.zip there, unpack it, and give the folder with --from",
        layout,
        ids="picture-question-answer",
    )


TASK = Task(
    name="pathvqa",
    card=Card(
        title="PathVQA",
        citation="He, Zhang, Mou, Xing, Xie. PathVQA: 30000+ Questions for Medical Visual Question "
        "Answering. arXiv:2003.10286, 2020.",
        homepage="https://github.com/UCSD-AI4H/PathVQA",
        licence="MIT (questions); the pictures are from textbooks",
        access="open",
        size="0.8 GB",
        splits={"test": 6761, "validation": 6279, "train": 19_755},
        labels=dimension_labels(
            "healthcare", "redundancy", "querying", fine_grained="yes", external_knowledge="yes"
        ),
        notes="The test split, as the HEMM paper took it (the draw behind its 100 samples is not known). "
        "Half of the questions are answered by yes or no (closed), the others by a phrase (open): accuracy "
        "is told apart. The hub copy leaves out questions that occur twice. The original lists are pickles; "
        "they are read without running anything.",
    ),
    sources=(
        Hub(
            ("flaviagiammarino/path-vqa",),
            Layout(("**/test*.parquet",), read_parquet),
            split="test",
            shots="validation",
            ids="pixels-question",
        ),
        *(
            _by_hand(Layout((name,), partial(read_original, top=top)))
            for top, name in (
                ("pvqa", "pvqa/qas/test/test_qa.pkl"),
                (".", "qas/test/test_qa.pkl"),
                ("pvqa", "pvqa/qas/test_vqa.pkl"),
            )
        ),
        _by_hand(Layout(("lxmert_pvqa_test.json",), read_lxmert)),
    ),
    prompt="{{ image }}This is a picture from pathology.\nQuestion: {{ question }}\n{{ instruction }}",
    answer=ShortAnswer(),
    metrics=("accuracy", "exact_match", "token_f1", "bleu", "bartscore"),
    max_new_tokens=48,
)
