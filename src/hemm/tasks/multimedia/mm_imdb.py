"""MM-IMDb: the genres of a film from its poster and its plot. (Arevalo et al. 2017)

A film has several plot texts. The authors' code takes the longest, and so does ``mm_imdb``;
``mm_imdb:hemm`` takes the first, as the paper does. 23 genres count; the others that occur in the files
(news, adult, talk show, reality) are dropped, as the authors do, and a film with no other genre is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, LeftOut, Media, Sample, Task, dimension_labels
from hemm.data.readers.file_finder import FileFinder
from hemm.data.readers.rows import json_value, text_of, texts_of
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import ManyOf, join_labels

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


class Films:
    """The films of a copy by their ids, which have seven digits: a list of numbers loses the first ones."""

    def __init__(self, folder: Path, place: Place) -> None:
        self._texts = FileFinder(folder, (place.texts,), (".json",))
        self._posters = FileFinder(folder, (place.posters,), POSTERS)
        self._longest = place.longest

    def there(self, name: str) -> bool:
        """Whether text and poster of a film are there."""
        return self._texts.has(*_ids(name)) and self._posters.has(*_ids(name))

    def film(self, name: str, split: str) -> Sample | LeftOut:
        file, poster = self._texts.find(*_ids(name)), self._posters.at(*_ids(name))
        if not file.is_file():  # named as missing, not asked
            return Sample(id=file.stem, media=(Media.at(file), poster), split=split)
        return _film(file, poster, self._longest, split)


def _ids(name: str) -> tuple[str, str]:
    return name, f"{name:0>7}"


def read(folder: Path, place: Place) -> Iterator[Sample | LeftOut]:
    """The test split, and as shots the first films of train whose files are there."""
    file = folder / SPLIT
    splits = json_value(file)
    if not isinstance(splits, dict):
        raise BadData(f"{file}: an object with the ids of the splits is expected")
    films = Films(folder, place)
    for name in texts_of(splits, "test", str(file)):
        yield films.film(name, "test")
    train = texts_of(splits, "train", str(file)) if splits.get("train") else []
    shots = (films.film(name, "shots") for name in train if films.there(name))
    yield from islice((film for film in shots if isinstance(film, Sample)), SHOTS)


def _film(file: Path, poster: Media, longest: bool, split: str) -> Sample | LeftOut:
    row = json_value(file)
    if not isinstance(row, dict):
        raise BadData(f"{file}: an object is expected")
    genres = _genres(row, file)
    if not genres:
        return LeftOut(str(file), "field 'genres' names none of the 23 genres")
    return Sample(
        id=file.stem,
        media=(poster,),
        fields={"plot": _plot(row, file, longest), "title": text_of(row, "title", str(file), "")},
        references=(join_labels(genres),),
        choices=GENRES,
        stratum=genres[0],
        metadata={"genres": len(genres)},
        split=split,
    )


def _genres(row: Mapping[str, Any], file: Path) -> list[str]:
    genres = texts_of(row, "genres", str(file))
    strange = [genre for genre in genres if genre not in GENRES and genre not in DROPPED]
    if strange:
        raise BadData(f"{file}: field 'genres' names {strange[0]!r}, which is no genre of this data set")
    return [genre for genre in GENRES if genre in genres]


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


NOTES = (
    "23 genres; News, Adult, Talk-Show and Reality-TV are dropped, and films with no other genre are left "
    "out, as in the published splits. Figures of the literature: micro, macro, weighted and samples F1. The "
    "plot is the "
)

CARD = Card(
    title="MM-IMDb",
    citation="Arevalo, Solorio, Montes-y-Gómez, González. Gated Multimodal Units for Information "
    "Fusion. ICLR Workshop 2017.",
    homepage="http://lisi1.unal.edu.co/mmimdb/",
    licence="research only; posters and plots from IMDb",
    access="open",
    size="8.1 GB",
    splits={"test": 7799, "dev": 2608, "train": 15552},
    labels=dimension_labels("multimedia", "synergy", "fusion"),
    notes=NOTES + "longest of the film's texts, as in the authors' code.",
)

TASK = Task(
    name="mm_imdb",
    card=CARD,
    sources=_sources(True),
    prompt=(
        "{{ image }}This is the poster of a film, and this is its plot:\n{{ plot }}\n\n"
        "Which genres does the film have? {{ instruction }}"
    ),
    answer=ManyOf(),
    metrics=("multilabel_f1", "bartscore"),
    max_new_tokens=64,
).with_variant(
    "hemm",
    card=replace(
        CARD,
        notes=NOTES + "first of the film's texts, as in the paper. Which samples its tables of 100 samples "
        "were computed on is not known.",
    ),
    sources=_sources(False),
)
