"""MM-IMDb: the genres of a film from its poster and its plot. (Arevalo et al. 2017)

A film has several plot texts. The authors' code takes the longest, and so does ``mm_imdb``;
``mm_imdb:hemm`` takes the first, as the paper does. 23 genres count; the others that occur in the files
(news, adult, talk show, reality) are dropped, as the authors do, and a film with no other genre is no sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task
from hemm.data.rows import json_value, text_of, texts_of
from hemm.data.sources import File, Http, Hub
from hemm.metrics.formats import ManyOf, join_labels

SPLIT = "split.json"
GENRES = (
    *("Drama", "Comedy", "Romance", "Thriller", "Crime", "Action", "Adventure", "Horror", "Documentary"),
    *("Mystery", "Sci-Fi", "Fantasy", "Family", "Biography", "War", "History", "Music", "Animation"),
    *("Musical", "Western", "Sport", "Short", "Film-Noir"),
)
DROPPED = ("News", "Adult", "Talk-Show", "Reality-TV")
SHOTS = 200
POSTERS = (".jpeg", ".jpg", ".png")


@dataclass(frozen=True)
class Place:
    """Where a copy has its files (folders of the films' JSON and of pictures), and which plot is taken."""

    texts: str
    posters: str
    longest: bool


def read(folder: Path, place: Place) -> Iterator[Sample]:
    """The test split, and as shots the first films of train whose files are there."""
    file = folder / SPLIT
    splits = json_value(file)
    if not isinstance(splits, dict):
        raise BadData(f"{file}: an object with the ids of the splits is expected")
    for name in texts_of(splits, "test", str(file)):
        yield from _film(folder, name, place, "test")
    train = texts_of(splits, "train", str(file)) if splits.get("train") else []
    here = (n for n in train if _text(folder, n, place).is_file() and _poster(folder, n, place).is_file())
    yield from islice((sample for n in here for sample in _film(folder, n, place, "shots")), SHOTS)


def _text(folder: Path, name: str, place: Place) -> Path:
    """The film's JSON file. Ids have seven digits, of which a list of numbers loses the first ones."""
    plain = folder / place.texts / f"{name}.json"
    padded = plain.with_name(f"{name:0>7}.json")
    return padded if len(name) < 7 and padded.is_file() else plain


def _poster(folder: Path, name: str, place: Place) -> Path:
    """The film's poster, beside or as its text is called; copies differ in the ending."""
    base = folder / place.posters / _text(folder, name, place).stem
    found = (base.with_suffix(ending) for ending in POSTERS)
    return next((path for path in found if path.is_file()), base.with_suffix(POSTERS[0]))


def _film(folder: Path, name: str, place: Place, split: str) -> Iterator[Sample]:
    """The sample of one film; none where no genre of it counts."""
    file, poster = _text(folder, name, place), Media.at(_poster(folder, name, place))
    if not file.is_file():
        yield Sample(id=file.stem, media=(Media.at(file), poster), split=split)  # named as missing, not asked
        return
    row = json_value(file)
    if not isinstance(row, dict):
        raise BadData(f"{file}: an object is expected")
    genres = _genres(row, file)
    if genres:
        yield Sample(
            id=file.stem,
            media=(poster,),
            fields={
                "plot": _plot(row, file, place.longest),
                "title": text_of(row, "title", str(file), ""),
            },
            references=(join_labels(genres),),
            choices=GENRES,
            stratum=genres[0],
            metadata={"genres": len(genres)},
            split=split,
        )


def _genres(row: Mapping[str, Any], file: Path) -> list[str]:
    said = texts_of(row, "genres", str(file))
    strange = [genre for genre in said if genre not in GENRES and genre not in DROPPED]
    if strange:
        raise BadData(f"{file}: field 'genres' names {strange[0]!r}, which is no genre of this data set")
    return [genre for genre in GENRES if genre in said]


def _plot(row: Mapping[str, Any], file: Path, longest: bool) -> str:
    """The first plot text, or the longest one. Some copies have one text in place of the list."""
    if isinstance(row.get("plot"), str):
        return text_of(row, "plot", str(file))
    plots = texts_of(row, "plot", str(file))
    if not plots:
        raise BadData(f"{file}: field 'plot' is empty")
    return max(plots, key=len) if longest else plots[0]


def _sources(longest: bool) -> tuple[Http | Hub, ...]:
    original = partial(read, place=Place("dataset", "dataset", longest))
    mirror = partial(read, place=Place("annotations", "images", longest))
    archives = (
        "https://archive.org/download/mmimdb/mmimdb.tar.gz",
        "http://lisi1.unal.edu.co/mmimdb/mmimdb.tar.gz",
    )
    return (
        *(
            Http((File(url, unpack="."),), Layout((SPLIT, "dataset"), original), ids="imdb")
            for url in archives
        ),
        Hub(
            ("akshayg08/mmimdb_test",),
            Layout((SPLIT, "annotations", "images"), mirror),
            files=(SPLIT, "annotations/*", "images/*"),
            ids="imdb",
        ),
    )


def _task(name: str, notes: str, *, longest: bool, variants: tuple[Task, ...] = ()) -> Task:
    return Task(
        name=name,
        card=Card(
            title="MM-IMDb",
            citation="Arevalo, Solorio, Montes-y-Gómez, González. Gated Multimodal Units for Information "
            "Fusion. ICLR Workshop 2017.",
            homepage="http://lisi1.unal.edu.co/mmimdb/",
            licence="research only (posters and plots of IMDb)",
            access="open",
            size="8.1 GB",
            splits={"test": 7799, "dev": 2608, "train": 15552},
            labels={
                "use_case": "multimedia",
                "fine_grained": "no",
                "reasoning": "less",
                "external_knowledge": "no",
                "interaction": "synergy",
                "information_flow": "fusion",
            },
            notes=notes,
        ),
        sources=_sources(longest),
        prompt=(
            "{{ image }}This is the poster of a film, and this is its plot:\n{{ plot }}\n\n"
            "Which genres does the film have? {{ instruction }}"
        ),
        answer=ManyOf(),
        metrics=("multilabel_f1", "bartscore"),
        max_new_tokens=64,
        variants={task.name.partition(":")[2]: task for task in variants},
    )


NOTES = (
    "23 genres; News, Adult, Talk-Show and Reality-TV are dropped, and films with no other genre are left "
    "out, as in the published splits. Figures of the literature: micro, macro, weighted and samples F1. The "
    "plot is the "
)

TASK = _task(
    "mm_imdb",
    NOTES + "longest of the film's texts, as in the authors' code.",
    longest=True,
    variants=(
        _task(
            "mm_imdb:hemm",
            NOTES
            + "first of the film's texts, as in the paper. Which samples its tables of 100 samples were "
            "computed on is not known.",
            longest=False,
        ),
    ),
)
