"""New Yorker caption contest: did readers find a caption to a cartoon funny? (Jain et al. 2020)

Readers rated the captions sent in for a cartoon as not funny (1), somewhat funny (2) or funny (3); the
tables give each caption's mean and its votes. Adaptive sampling gave the captions that nobody liked few
votes, and captions come twice: ``pairs_of`` says which of them are asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, digest, keyed_number
from hemm.data.hub import hub_rows
from hemm.data.rows import Ids, media_of, row_id, text_of, texts_of
from hemm.data.sources import File, Http, Hub
from hemm.metrics.choices import letters
from hemm.metrics.formats import OneOf, YesNo
from hemm.tasks.affective._tables import first_there, table_rows

PAIRS = 5
"""Captions of each kind that are asked of one cartoon, at most."""
MIN_VOTES = 10
"""Captions with fewer votes are not asked: most of them are spam that adaptive sampling gave up early."""
HEMM_LOWEST = 4
POINTS = {"funny": 3, "somewhat_funny": 2, "unfunny": 1, "not_funny": 1}
SHOTS = 50


@dataclass(frozen=True, slots=True)
class Rated:
    """A caption with its mean rating and votes (None where the table does not tell)."""

    text: str
    mean: float
    votes: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a copy keeps tables and cartoons, and which of several tables of one contest is taken: the first
    of ``order`` (what follows the number in the file's name), else the first by name."""

    tables: str
    cartoon: str
    order: tuple[str, ...]


PLACES = {
    "data": Place("summaries", "cartoons/{0}", ("", "_LilUCB", "_lil-KLUCB")),
    "api": Place("contests/summaries", "contests/info/{0}/{0}", ("_summary_LilUCB", "_summary_KLUCB")),
}


def contests(folder: Path, copy: str) -> Iterator[tuple[str, Media, list[Rated]]]:
    """(number, cartoon, its captions from the best to the lowest mean) of each contest that has a table.

    The cartoon of a table is looked for by its number only; one that is not there is counted as missing.
    """
    place = PLACES[copy]
    tables: dict[str, list[Path]] = {}
    for file in sorted((folder / place.tables).glob("*.csv")):
        if found := re.match(r"\d+", file.name):
            tables.setdefault(found[0], []).append(file)
    for number, files in sorted(tables.items(), key=lambda item: int(item[0])):
        ranks = {f"{number}{end}": rank for rank, end in enumerate(place.order)}
        table = min(files, key=lambda f: (ranks.get(f.stem, len(ranks)), f.name))
        stem = place.cartoon.format(number)
        picture = first_there(*(folder / f"{stem}.{kind}" for kind in ("jpg", "jpeg", "png")))
        yield number, Media.at(picture), rated(table)


def rated(table: Path) -> list[Rated]:
    """The captions of one table that have a rating, the best first, ties in the table's order.

    The mean is column ``mean``, else ``score``; votes are ``votes`` or ``count``. Both come from the counts
    of each answer where the table has these alone.
    """
    found = []
    for where, row in table_rows(table, ("caption",)):
        text = " ".join(row["caption"].split())
        counts = {name: _number(row, name, where) or 0.0 for name in POINTS if name in row}
        total = math.fsum(counts.values()) if counts else None
        votes = next((_number(row, name, where) for name in ("votes", "count") if name in row), total)
        given = next((name for name in ("mean", "score") if name in row), None)
        if given is None and "funny" not in counts:
            raise BadData(f"{table}: no column 'mean', 'score' or 'funny'")
        if given:
            mean = _number(row, given, where)
        else:
            mean = math.fsum(POINTS[n] * c for n, c in counts.items()) / total if total else None
        if text and mean is not None:
            found.append(Rated(text, mean, votes))
    return sorted(found, key=lambda caption: -caption.mean)


def _number(row: Mapping[str, str], name: str, where: str) -> float | None:
    """A number of one row, None where it is empty or NaN."""
    text = row[name].strip()
    try:
        value = float(text or "nan")
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise BadData(f"{where}: field {name!r} is {text!r}, not a number")
    return None if math.isnan(value) else value


def pairs_of(captions: list[Rated]) -> list[tuple[Rated, Rated]]:
    """(funny, not funny): the captions with the highest means, each with one of the lowest, the extremes
    first.

    Of equal captions the one with most votes counts. Captions with fewer than MIN_VOTES votes are left out,
    unless fewer than two have as many. Of equal means the one with more votes comes first; no caption is in
    two pairs, and the two of a pair never have the same mean.
    """
    known: dict[str, Rated] = {}
    for caption in captions:
        key = caption.text.casefold()
        if key not in known or (caption.votes or 0) > (known[key].votes or 0):
            known[key] = caption
    enough = [c for c in known.values() if c.votes is None or c.votes >= MIN_VOTES]
    usable = enough if len(enough) > 1 else list(known.values())
    count = min(PAIRS, len(usable) // 2)
    best = sorted(usable, key=lambda c: (-c.mean, -(c.votes or 0)))[:count]
    worst = sorted(usable, key=lambda c: (c.mean, -(c.votes or 0)))[:count]
    return [(a, b) for a, b in zip(best, worst, strict=True) if a.mean > b.mean]


def ask_each(number: str, cartoon: Media, captions: list[Rated]) -> Iterator[Sample]:
    """Yes or no about both captions of each pair: as many funny as unfunny ones."""
    for funny, unfunny in pairs_of(captions):
        for caption, answer in ((funny, "yes"), (unfunny, "no")):
            yield _yes_no(f"{number}-{digest(caption.text, 10)}", number, cartoon, caption, answer)


def ask_pairs(number: str, cartoon: Media, captions: list[Rated]) -> Iterator[Sample]:
    """Which of two captions is funnier; their order is drawn by a keyed hash."""
    for funny, unfunny in pairs_of(captions):
        texts = (funny.text, unfunny.text)
        if keyed_number("new_yorker_cartoon", number, *texts) % 2:
            texts = (unfunny.text, funny.text)
        yield Sample(
            id=f"{number}-{digest([funny.text, unfunny.text], 10)}",
            media=(cartoon,),
            references=(funny.text,),
            choices=texts,
            cluster=number,
            stratum=letters(texts)[texts.index(funny.text)],
            metadata={"contest": number, "means": [funny.mean, unfunny.mean]},
        )


def ask_hemm(number: str, cartoon: Media, captions: list[Rated]) -> Iterator[Sample]:
    """As the HEMM paper: the first caption (yes) and the four last ones (no), whatever their votes."""
    ids = Ids()
    chosen = [(captions[0], "yes")] if captions else []
    chosen += [(caption, "no") for caption in captions[1:][: -HEMM_LOWEST - 1 : -1]]
    for caption, answer in chosen:
        yield _yes_no(ids.of(f"{number}-{digest(caption.text, 10)}"), number, cartoon, caption, answer)


def _yes_no(name: str, number: str, cartoon: Media, caption: Rated, answer: str) -> Sample:
    return Sample(
        id=name,
        media=(cartoon,),
        fields={"caption": caption.text},
        references=(answer,),
        choices=("yes", "no"),
        cluster=number,
        stratum=answer,
        metadata={"contest": number, "mean": caption.mean, "votes": caption.votes},
    )


Ask = Callable[[str, Media, list[Rated]], Iterator[Sample]]
ASK: dict[str, Ask] = {"each": ask_each, "pairs": ask_pairs, "hemm": ask_hemm}


def read(folder: Path, copy: str, form: str) -> Iterator[Sample]:
    """The samples of all contests of a copy (a key of PLACES), in one form (a key of ASK)."""
    for number, cartoon, captions in contests(folder, copy):
        yield from ASK[form](number, cartoon, captions)


def read_hub(folder: Path, config: str) -> Iterator[Sample]:
    """A task of Hessel et al. 2023: captions to choose from, the right one's letter; shots from train."""
    ids = Ids()
    for split, where, row in hub_rows(folder, "test", shots="train", config=config, shots_limit=SHOTS):
        picture, choices = media_of(row, "image", where), tuple(texts_of(row, "caption_choices", where))
        label = text_of(row, "label", where)
        position = "ABCDEFGH".find(label)
        if len(label) != 1 or not 0 <= position < len(choices):
            raise BadData(
                f"{where}: field 'label' is {label!r}, the letter of none of {len(choices)} captions"
            )
        contest = text_of(row, "contest_number", where, "")
        name = text_of(row, "instance_id", where, "") or row_id("\n".join(choices), [picture])
        yield Sample(
            id=ids.of(name),
            media=(picture,),
            references=(choices[position],),
            choices=choices,
            cluster=contest or picture.digest[:20],
            stratum=label,
            metadata={"contest": contest},
            split=split,
        )


def _card(splits: dict[str, int], **more: Any) -> Card:
    return Card(
        title="New Yorker caption contest",
        homepage="https://nextml.github.io/caption-contest-data/",
        access="open",
        splits=splits,
        labels={
            "use_case": "affective_computing",
            "fine_grained": "no",
            "reasoning": "more",
            "external_knowledge": "yes",
            "interaction": "synergy",
            "information_flow": "fusion",
        },
        **more,
    )


RATINGS = _card(
    {"contests": 397},
    citation="Jain, Jamieson, Mankoff, Nowak, Sievert. The New Yorker Cartoon Caption Contest Dataset. 2020.",
    licence="CC-BY-4.0 (ratings); the cartoons belong to The New Yorker",
    size="0.6 GB",
    notes="new_yorker_cartoon asks of each cartoon whether its five captions with the highest mean rating "
    "(yes) and its five with the lowest (no) were found funny: balanced, captions with fewer than 10 votes "
    "left out, of equal captions the one with most votes. new_yorker_cartoon:pairs asks which of such two "
    "is funnier. new_yorker_cartoon:hemm is the HEMM paper's form: the highest (yes) and the four lowest "
    "(no) of each table, so that 'no' is right four times in five. Of several tables of a contest, "
    "NUMBER.csv is read, else _LilUCB, else _lil-KLUCB, else the first by name. The repository grows, and "
    "has tables without a cartoon (most before 660): their samples are counted as missing; a cartoon "
    "without a table has nothing to ask. :matching and :ranking are the tasks of Hessel et al. (ACL 2023). "
    "The draw behind the paper's 100 samples is not known.",
)
HESSEL = (
    "Hessel, Marasović, Hwang, Lee, Da, Zellers, Mankoff, Choi. Do Androids Laugh at Electric Sheep? Humor "
    "Understanding Benchmarks from The New Yorker Caption Contest. ACL 2023."
)
INTRO = "{{ image }}This is a cartoon from The New Yorker's caption contest.\n"


def _sources(form: str) -> tuple[Http, ...]:
    def at(repository: str, copy: str) -> Http:
        place = PLACES[copy]
        return Http(
            (
                File(
                    f"https://github.com/nextml/{repository}/archive/HEAD.zip", name=f"{copy}.zip", unpack="."
                ),
            ),
            Layout(
                (place.cartoon.partition("/{")[0], f"{place.tables}/*.csv"),
                partial(read, copy=copy, form=form),
            ),
            ids=repository,
        )

    return at("caption-contest-data", "data"), at("caption-contest-data-api", "api")


def _yes_no_task(name: str, form: str, metrics: tuple[str, ...], variants: dict[str, Task]) -> Task:
    return Task(
        name=name,
        card=RATINGS,
        sources=_sources(form),
        prompt=f"{INTRO}Caption: {{{{ caption }}}}\nDid readers find this caption funny? {{{{ instruction "
        f"}}}}",
        answer=YesNo(),
        metrics=metrics,
        max_new_tokens=8,
        variants=variants,
    )


def _choice_task(name: str, card: Card, sources: tuple[Http | Hub, ...], question: str) -> Task:
    return Task(
        name=name,
        card=card,
        sources=sources,
        prompt=f"{INTRO}{question}\n{{{{ options }}}}\n{{{{ instruction }}}}",
        answer=OneOf(),
        metrics=("accuracy", "bartscore"),
        max_new_tokens=8,
    )


def _hub_task(variant: str, question: str, size: str, splits: dict[str, int]) -> Task:
    config = f"{variant}_from_pixels"
    layout = Layout((f"{config}/test*.parquet",), partial(read_hub, config=config))
    card = _card(splits, citation=HESSEL, licence="CC-BY-4.0", size=size, notes=RATINGS.notes)
    source = Hub(
        ("jmhessel/newyorker_caption_contest",),
        layout,
        config=config,
        split="test",
        shots="train",
        ids="instance_id",
    )
    return _choice_task(f"new_yorker_cartoon:{variant}", card, (source,), question)


TASK = _yes_no_task(
    "new_yorker_cartoon",
    "each",
    ("accuracy", "auroc", "macro_f1", "bartscore"),
    {
        "pairs": _choice_task(
            "new_yorker_cartoon:pairs",
            RATINGS,
            _sources("pairs"),
            "Which of these two captions did readers find funnier?",
        ),
        "hemm": _yes_no_task(
            "new_yorker_cartoon:hemm",
            "hemm",
            ("balanced_accuracy", "accuracy", "auroc", "macro_f1", "bartscore"),
            {},
        ),
        "matching": _hub_task(
            "matching", "Which of these captions was written for it?", "0.14 GB", {"test": 528, "train": 1632}
        ),
        "ranking": _hub_task(
            "ranking",
            "Both captions were sent in for it. Which was judged the funnier one?",
            "0.14 GB",
            {"test": 513, "validation": 506, "train": 1596},
        ),
    },
)
