"""New Yorker caption contest: did readers find a caption to a cartoon funny? (Jain et al. 2020)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import (
    BadData,
    Card,
    Layout,
    LeftOut,
    Media,
    Sample,
    Task,
    digest,
    dimension_labels,
    keyed_number,
)
from hemm.data.readers.rows import Ids, media_of, row_id, text_of, texts_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import File, Http, Hub
from hemm.parsing.formats import OneOf, YesNo
from hemm.parsing.options import letters
from hemm.tasks.affective._captions import COPIES, Rated, contests, pairs_of

HEMM_LOWEST = 4
SHOTS = 50


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


def read(folder: Path, copy: str, form: str) -> Iterator[Sample | LeftOut]:
    """The samples of all contests of a copy (a key of COPIES), in one form (a key of ASK)."""
    for number, table, cartoon, captions in contests(folder, copy):
        any_question = False
        for sample in ASK[form](number, cartoon, captions):
            any_question = True
            yield sample
        if not any_question:
            yield LeftOut(str(table), "no two captions with different ratings")


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
        labels=dimension_labels(
            "affective_computing", "synergy", "fusion", reasoning="more", external_knowledge="yes"
        ),
        **more,
    )


RATINGS = _card(
    {"all": 2030},
    citation="Jain, Jamieson, Mankoff, Nowak, Sievert. The New Yorker Cartoon Caption Contest Dataset. 2020.",
    licence="CC-BY-4.0 (ratings); the cartoons belong to The New Yorker",
    size="0.6 GB",
    notes="new_yorker_cartoon asks of each cartoon whether its five captions with the highest mean rating "
    "(yes) and its five with the lowest (no) were found funny: balanced, captions with fewer than 10 votes "
    "left out, of equal captions the one with most votes. new_yorker_cartoon:pairs asks which of such two "
    "is funnier. new_yorker_cartoon:hemm is the HEMM paper's form: the highest (yes) and the four lowest "
    "(no) of each table, so that 'no' is right four times in five. Of several tables of a contest, "
    "NUMBER.csv is read, else _LilUCB, else _lil-KLUCB, else the first by name. The repository grows (the "
    "number of samples is that of 203 cartoons), and has tables without a cartoon (most before 660): their "
    "samples are counted as missing; a cartoon without a table has nothing to ask. :matching and :ranking "
    "are the tasks of Hessel et al. (ACL 2023). The draw behind the paper's 100 samples is not known.",
)
HALF = {"all": 1015}
"""Of the forms that ask five questions about a cartoon."""
HESSEL = (
    "Hessel, Marasović, Hwang, Lee, Da, Zellers, Mankoff, Choi. Do Androids Laugh at Electric Sheep? Humor "
    "Understanding Benchmarks from The New Yorker Caption Contest. ACL 2023."
)
INTRO = "{{ image }}This is a cartoon from The New Yorker's caption contest.\n"


def _sources(form: str) -> tuple[Http, ...]:
    def at(repository: str, copy: str) -> Http:
        place = COPIES[copy]
        return Http(
            (
                File(
                    f"https://github.com/nextml/{repository}/archive/HEAD.zip", name=f"{copy}.zip", unpack="."
                ),
            ),
            Layout(
                (place.cartoons, f"{place.tables}/*.csv"),
                partial(read, copy=copy, form=form),
            ),
            ids=repository,
        )

    return at("caption-contest-data", "data"), at("caption-contest-data-api", "api")


def _hub(config: str) -> tuple[Hub, ...]:
    return (
        Hub(
            ("jmhessel/newyorker_caption_contest",),
            Layout((f"{config}/test*.parquet",), partial(read_hub, config=config)),
            config=config,
            split="test",
            shots="train",
            ids="instance_id",
        ),
    )


def _choice(question: str) -> dict[str, Any]:
    """What a variant that asks for one of several captions changes."""
    return {
        "prompt": f"{INTRO}{question}\n{{{{ options }}}}\n{{{{ instruction }}}}",
        "answer": OneOf(),
        "metrics": ("accuracy", "bartscore"),
    }


HESSELS = _card({}, citation=HESSEL, licence="CC-BY-4.0", size="0.1 GB", notes=RATINGS.notes)

TASK = (
    Task(
        name="new_yorker_cartoon",
        card=RATINGS,
        sources=_sources("each"),
        prompt=INTRO + "Caption: {{ caption }}\nDid readers find this caption funny? {{ instruction }}",
        answer=YesNo(),
        metrics=("accuracy", "auroc", "macro_f1", "bartscore"),
        max_new_tokens=8,
    )
    .with_variant(
        "pairs",
        sources=_sources("pairs"),
        splits=HALF,
        **_choice("Which of these two captions did readers find funnier?"),
    )
    .with_variant(
        "hemm",
        sources=_sources("hemm"),
        splits=HALF,
        metrics=("balanced_accuracy", "accuracy", "auroc", "macro_f1", "bartscore"),
    )
    .with_variant(
        "matching",
        card=HESSELS,
        sources=_hub("matching_from_pixels"),
        splits={"test": 528, "train": 1632},
        **_choice("Which of these captions was written for it?"),
    )
    .with_variant(
        "ranking",
        card=HESSELS,
        sources=_hub("ranking_from_pixels"),
        splits={"test": 513, "validation": 506, "train": 1596},
        **_choice("Both captions were sent in for it. Which was judged the funnier one?"),
    )
)
