"""Pictures of one class each: their lists, copies without file names, and their samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hemm.core import Media, Sample
from hemm.data.readers.rows import Ids, media_of, row_id, text_of


def by_list(listing: Path, top: Path, class_of: Callable[[str], str]) -> Iterator[tuple[str, Path]]:
    """(class, picture) of each line of a list of file names, also of missing files.

    ``class_of`` gives the class of a file name without its ending.
    """
    for line in listing.read_text("utf-8-sig").splitlines():
        if name := Path(line.strip()).name:
            label = class_of(Path(name).stem)
            yield label, top / label / name


def nameless(
    rows: Iterable[tuple[str, str, Mapping[str, Any]]], label: str = "label"
) -> Iterator[tuple[str, str, str, Media, str]]:
    """(id, split, where, picture, label) of the rows of a copy that has no file names.

    Ids are digests of the pixels; repeated ones are numbered. ``label`` is the column of the label.
    """
    ids = Ids()
    for split, where, row in rows:
        picture = media_of(row, "image", where)
        yield ids.of(row_id("", [picture])), split, where, picture, text_of(row, label, where)


def class_sample(
    name: str, picture: Media, label: str, labels: Mapping[str, str], split: str = "test", **more: Any
) -> Sample:
    """The sample of a picture of class ``label``, balanced over the classes; ``labels`` are all of them."""
    return Sample(
        id=name,
        media=(picture,),
        references=(label,),
        choices=tuple(labels.values()),
        stratum=label,
        split=split,
        **more,
    )
