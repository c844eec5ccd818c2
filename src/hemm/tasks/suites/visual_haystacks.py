"""Visual Haystacks: one picture, or several, among up to a hundred that do not matter. (Wu et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from hemm.core import BadData, Card, Layout, Sample, Task, dimension_labels, keyed_number
from hemm.core.text import counted
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import json_rows, list_of, objects, text_of
from hemm.data.sources.kinds import File, Http
from hemm.parsing.formats import YesNo

SIZES = ("oracle", "2", "3", "5", "10", "20", "50", "100")
"""Names of the files of one needle, by how many pictures a question has; above a hundred no service
takes them."""
FEW = ("oracle", "2", "3", "5", "10")
POSITIONS = ("10", "50")
"""Sizes whose needle is put at ten places."""
PLACES = tuple(f"{top}{name}" for top in ("coco/", "") for name in ("val2017", "test2017", "train2017"))
HUB = "https://huggingface.co/datasets/tsunghanwu/visual_haystacks/resolve/main/"
COCO = ("http://images.cocodataset.org/zips/val2017.zip", "http://images.cocodataset.org/zips/test2017.zip")
YES_NO = ("yes", "no")


def _files(kind: str, sizes: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{kind}/visual_haystack_{size}.json" for size in sizes)


def read(folder: Path, files: Sequence[str], everywhere: bool = False) -> Iterator[Sample]:
    """Questions of these files; ``everywhere`` each with its needle at ten places, from first to last."""
    finder = FileFinder(folder, PLACES)
    for name in files:
        path = folder / name
        for where, row in objects(enumerate(json_rows(path), 1), f"{path}, entry"):
            needles, others = (_names(row, field, where) for field in ("pos_image", "neg_image"))
            if not needles:
                raise BadData(f"{where}: field 'pos_image' is empty: the question is about no picture")
            size = path.stem.removeprefix("visual_haystack_")
            key = f"{path.parent.name}/{size}/{where.rpartition(' ')[2]}"
            if everywhere:
                last = len(others)
                for place in sorted({round(k * last / 9) for k in range(10)}):
                    order = [*others[:place], *needles, *others[place:]]
                    yield _sample(f"{key}/{place + 1}", row, order, needles, finder, where)
            else:
                yield _sample(key, row, _order(key, needles, others), needles, finder, where)


def _names(row: Mapping[str, Any], field: str, where: str) -> list[str]:
    return [PurePosixPath(text_of({field: path}, field, where)).name for path in list_of(row, field, where)]


def _order(key: str, needles: Sequence[str], others: Sequence[str]) -> list[str]:
    """One needle among the others in their order, several in an order of their own: by keyed hash, the same
    on every machine."""
    if len(needles) == 1:
        place = keyed_number("visual_haystacks", key) % (len(others) + 1)
        return [*others[:place], *needles, *others[place:]]
    every = enumerate([*needles, *others])
    return [name for _, name in sorted(every, key=lambda e: keyed_number("visual_haystacks", key, *e))]


def _sample(
    key: str,
    row: Mapping[str, Any],
    order: Sequence[str],
    needles: Sequence[str],
    finder: FileFinder,
    where: str,
) -> Sample:
    turns = [turn for turn in list_of(row, "conversations", where) if isinstance(turn, dict)]
    if len(turns) < 2:
        raise BadData(f"{where}: field 'conversations' has no question with its answer")
    answer = text_of(turns[1], "value", where).lower()
    if answer not in YES_NO:
        raise BadData(f"{where}: the answer is {answer!r}, neither yes nor no")
    place = order.index(needles[0])
    about: dict[str, Any] = {"pictures": len(order), "needles": len(needles)}
    if len(needles) == 1 and len(order) > 1:
        about |= {"needle": place + 1, "needle_depth": round(place / (len(order) - 1), 3)}
    return Sample(
        id=key,
        media=tuple(finder.at(name) for name in order),
        fields={"question": text_of(turns[0], "value", where), "pictures": str(len(order))},
        references=(answer,),
        choices=YES_NO,
        cluster=f"needle {needles[0]}",
        stratum=counted(len(order), "picture"),
        metadata={"answer_type": counted(len(order), "picture"), **about},
    )


def _source(files: Sequence[str], ids: str, everywhere: bool = False) -> tuple[Http, ...]:
    wanted = [File(f"{HUB}{name}", name=name) for name in files]
    pictures = [File(url, unpack=".") for url in COCO]
    layout = Layout(tuple(files), partial(read, files=tuple(files), everywhere=everywhere))
    return (Http((*wanted, *pictures), layout, ids=ids),)


LARGE = "single_needle/VHs_large"
TASK = (
    Task(
        name="visual_haystacks",
        card=Card(
            title="Visual Haystacks",
            citation="Wu, Biamby, Quenum, Gupta, Gonzalez, Darrell, Chan. Visual Haystacks: A Vision-Centric "
            "Needle-In-A-Haystack Benchmark. ICLR 2025.",
            homepage="https://visual-haystacks.github.io/",
            licence="MIT; the pictures are COCO's",
            size="7.5 GB, of which the pictures of COCO 2017 (val, test) are 7.2 GB",
            splits={"1 to 100 pictures": 8000},
            labels=dimension_labels(
                "multimedia", "uniqueness", "querying", fine_grained="yes", reasoning="more"
            ),
            labels_by="hemm",
            notes="A thousand yes-no questions at each of eight sizes, 1 to 100 pictures: of the picture "
            "with one thing, whether it shows another. The score by size is a component and, in report "
            "and explorer, a curve over the metadata pictures; over needle_depth it is one by place "
            "(:position puts the needle at ten places). The authors draw the order of pictures without a "
            "seed; here it comes from a keyed hash and is that of the pack. They count an answer as right "
            "where the word stands in it, so that 'yes ... no' is right twice, and report compliance, the "
            "share that says either: here such an answer is unparsable, and compliance is 1 less the "
            "share of unparsable answers. Their intervals are bootstraps, here by needle. Guessing gives "
            "a half. 100 pictures are 3 to 30 MB a request: many services take fewer (:few has up to 10, "
            ":oracle 1).",
        ),
        sources=_source(_files(LARGE, SIZES), "large"),
        prompt="{{ image }}\nThese are {{ pictures }} pictures.\n{{ question }}\n{{ instruction }}",
        answer=YesNo(),
        metrics=("accuracy",),
    )
    .with_variant("oracle", splits={"1 picture": 1000}, sources=_source(_files(LARGE, ("oracle",)), "large"))
    .with_variant("few", splits={"1 to 10 pictures": 5000}, sources=_source(_files(LARGE, FEW), "large"))
    .with_variant(
        "position",
        splits={"10 and 50 pictures, ten places": 2000},
        sources=_source(_files("single_needle/VHs_small", POSITIONS), "position", everywhere=True),
    )
    .with_variant(
        "multi",
        splits={"2 and 3 needles among 5 to 100": 8000},
        sources=_source(
            [f for k in (2, 3) for f in _files(f"multi_needle/multi_needle_{k}", SIZES[3:])], "multi"
        ),
    )
)
