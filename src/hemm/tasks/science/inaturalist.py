"""iNaturalist 2021: which species does a photograph show? (Van Horn et al. 2021)"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Media, Sample, Task, dimension_labels, keyed_number
from hemm.data.readers.file_finder import by_folder
from hemm.data.readers.rows import json_items, objects, text_of, whole_of
from hemm.data.sources.kinds import File, Http, in_folders, reading
from hemm.metrics.domain.species import SpeciesName
from hemm.parsing.formats import OneOf

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
PARTS = 8
"""Parts of a folder's name: number, the ranks, epithet."""

CHOICES = 4
VAL = "val.json"


@dataclass(frozen=True)
class Species:
    """One of the 10,000: scientific and common name, and its place on the tree of life (rank -> name).

    ``kind`` is the data set's own coarse group (Birds).
    """

    name: str
    ranks: Mapping[str, str]
    common: str = ""
    kind: str = ""

    def completed(self, other: Species) -> Species:
        """The same species with the ranks that only ``other`` tells."""
        return replace(self, ranks={r: self.ranks[r] or other.ranks[r] for r in RANKS})


def of_folder(name: str, where: object) -> Species:
    """What a folder's name says: ``00042_Animalia_..._Lumbricus_terrestris``."""
    parts = name.split("_")
    if len(parts) != PARTS or not all(parts):
        raise BadData(f"{where}: {name!r} is no NUMBER_KINGDOM_PHYLUM_CLASS_ORDER_FAMILY_GENUS_EPITHET")
    ranks = dict(zip(RANKS, parts[1:-1], strict=True))
    return Species(f"{ranks['genus']} {parts[-1]}", ranks)


def of_category(fields: Mapping[str, Any], where: str) -> Species:
    """What ``val.json`` says of a category; ranks that it does not tell are empty."""
    name = text_of(fields, "name", where)
    ranks = {rank: text_of(fields, rank, where, "") for rank in RANKS}
    ranks["genus"] = ranks["genus"] or name.split()[0]
    common, kind = (text_of(fields, key, where, "") for key in ("common_name", "supercategory"))
    return Species(name, ranks, common, kind)


class Tree:
    """All species of a folder, by the groups that they belong to."""

    def __init__(self, species: Mapping[str, Species]) -> None:
        self._groups: dict[tuple[str, str], list[Species]] = {}
        self._genera: dict[str, list[str]] = {}
        for one in species.values():
            for rank in RANKS:
                self._groups.setdefault((rank, one.ranks[rank]), []).append(one)
            self._groups.setdefault(("", ""), []).append(one)
        for (rank, name), members in self._groups.items():
            if rank == "family":
                self._genera[name] = sorted({one.ranks["genus"] for one in members})

    def genera(self, family: str) -> list[str]:
        """The genera of a family, in the order of the alphabet."""
        return self._genera[family]

    def choices(self, one: Species, sample: str) -> tuple[str, ...]:
        """``one`` and three others, of its genus as far as there are some, else of its family, and so on up.

        Which and in which order depends on the sample's id alone (and on which species there are).
        """
        choices = [one.name]
        for rank in (*reversed(RANKS), ""):
            names = {s.name for s in self._groups[rank, one.ranks.get(rank, "")]} - set(choices)
            choices += sorted(names, key=lambda name: keyed_number("inaturalist", sample, name))
            if len(choices) >= CHOICES:
                break
        return tuple(sorted(choices[:CHOICES], key=lambda name: keyed_number("order", sample, name)))


Make = Callable[[str, Media, Species, Tree], Sample]


def read(folder: Path, top: str, make: Make) -> Iterator[Sample]:
    """The pictures that ``val.json`` lists, or without it all in the folders of their species."""
    if (folder / VAL).is_file():
        yield from _listed(folder, make)
        return
    species: dict[str, Species] = {}
    pictures: list[tuple[str, str]] = []
    for name, file in by_folder(folder / top):
        if name not in species:
            species[name] = of_folder(name, folder / top)
        pictures.append((name, file.name))
    tree = Tree(species)
    for name, file_name in pictures:
        yield make(_id(name, file_name), Media.at(folder / top / name / file_name), species[name], tree)


def _listed(folder: Path, make: Make) -> Iterator[Sample]:
    file = folder / VAL
    species = {}
    for where, fields in objects(json_items(file, "categories"), f"{file}, category"):
        species[text_of(fields, "id", where)] = of_category(fields, where)
    category = {}
    for where, fields in objects(json_items(file, "annotations"), f"{file}, annotation"):
        category[whole_of(fields, "image_id", where)] = text_of(fields, "category_id", where)
    lacking = {key for key, one in species.items() if not all(one.ranks.values())}
    for known, path in _pictures(file, category, species) if lacking else ():
        if known in lacking and len(path.parent.name.split("_")) == PARTS:
            species[known] = species[known].completed(of_folder(path.parent.name, file))
            lacking.discard(known)
    tree = Tree(species)
    for known, path in _pictures(file, category, species):
        yield make(_id(path.parent.name, path.name), Media.at(folder / path), species[known], tree)


def _pictures(file: Path, category: Mapping[int, str], known: Container[str]) -> Iterator[tuple[str, Path]]:
    for where, fields in objects(json_items(file, "images"), f"{file}, image"):
        category_name = category.get(whole_of(fields, "id", where), "")
        if category_name not in known:
            raise BadData(f"{where}: there is no {'category' if category_name else 'annotation'} for it")
        yield category_name, Path(text_of(fields, "file_name", where))


def _id(folder: str, file: str) -> str:
    """Number of the species and name of the file, which for some copies is unique in its folder alone."""
    number = folder.split("_")[0]
    return f"{number}-{Path(file).stem}" if number else Path(file).stem


def _open(name: str, picture: Media, species: Species, tree: Tree, *, common: bool = True) -> Sample:
    named = [species.name, species.common] if common else [species.name.lower()]
    family = species.ranks["family"]
    return Sample(
        id=name,
        media=(picture,),
        references=tuple(dict.fromkeys(n for n in named if n)),
        stratum=_stratum(species),
        metadata={**_known(species), **({"family_genera": tree.genera(family)} if family else {})},
    )


def _closed(name: str, picture: Media, species: Species, tree: Tree) -> Sample:
    choices = tree.choices(species, name)
    if len(choices) < 2:
        raise BadData("a choice among species wants pictures of two at least, and there is one")
    return Sample(
        id=name,
        media=(picture,),
        references=(species.name,),
        choices=choices,
        stratum=_stratum(species),
        metadata=_known(species),
    )


def _known(species: Species) -> dict[str, str]:
    return {rank: name for rank, name in species.ranks.items() if name}


def _stratum(species: Species) -> str:
    """Kingdom and class, so that a hundred samples come from all over the tree of life."""
    named = (species.ranks["kingdom"], species.ranks["class"])
    return "/".join(named) if all(named) else species.kind or "other"


CARD = Card(
    title="iNaturalist 2021",
    citation="Van Horn, Cole, Beery, Wilber, Belongie, Mac Aodha. Benchmarking Representation Learning for "
    "Natural World Image Collections. CVPR 2021.",
    homepage="https://github.com/visipedia/inat_comp/tree/master/2021",
    licence="mixed, mostly CC-BY-NC (each picture its own)",
    access="open",
    size="8.4 GB",
    splits={"val": 100_000},
    labels=dimension_labels(
        "science", "uniqueness", "querying", fine_grained="yes", external_knowledge="yes"
    ),
    notes="val, ten pictures of each of 10,000 species; the test split has no labels. The species is asked "
    "for openly; its scientific name counts, and its common name where val.json is there. A limit is spread "
    "over the classes of the tree of life. inaturalist:mc asks for one of four species, of the same genus "
    "where there are enough; inaturalist:hemm takes the scientific name alone, in lower case, as the paper "
    "did (the draw behind its 100 samples is not known).",
)
AWS = "https://ml-inat-competition-datasets.s3.amazonaws.com/2021"


FILES = (File(f"{AWS}/val.tar.gz", unpack="."), File(f"{AWS}/val.json.tar.gz", unpack="."))
SOURCES = in_folders(
    partial(Http, FILES, ids="file"), ("val", "2021_valid"), ("*_*_*_*_*_*_*_*",), partial(read, make=_open)
)

OPEN = "{{ image }}Which species does this photograph show? {{ instruction }}"
CLOSED = "{{ image }}Which of these species does this photograph show?\n{{ options }}\n{{ instruction }}"

TASK = (
    Task(
        name="inaturalist",
        card=CARD,
        sources=SOURCES,
        prompt=OPEN,
        answer=SpeciesName(),
        metrics=("species", "bartscore"),
        max_new_tokens=48,
    )
    .with_variant(
        "mc",
        sources=reading(SOURCES, make=_closed),
        prompt=CLOSED,
        answer=OneOf(),
        metrics=("accuracy", "bartscore"),
    )
    .with_variant("hemm", sources=reading(SOURCES, make=partial(_open, common=False)))
)
