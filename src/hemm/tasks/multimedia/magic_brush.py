"""MagicBrush: change a photo as an instruction says. (Zhang et al. 2023)

A session is one photo and up to three turns; each turn has an instruction, the picture before it and the one
after it, made by people with an image editor. Three forms:

``magic_brush``        every turn on the true picture before it
``magic_brush:multi``  turn after turn on what the model itself drew last
``magic_brush:hemm``   the first 100 turns in the file's order, as ``magic_brush``

The masks, which some editing models take, are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import BadData, Card, Layout, Media, Sample, Task, dimension_labels
from hemm.data.readers.rows import Ids, json_value, list_of, media_of, objects, text_of, whole_of
from hemm.data.sources.hub import hub_rows
from hemm.data.sources.kinds import ByHand, Hub
from hemm.parsing.picture_format import Picture

SESSIONS = "edit_sessions.json"
PICTURES = "images"
TEXTS = "global_descriptions.json"
HEMM_TURNS = 100
COLUMNS = ("img_id", "turn_index", "source_img", "instruction", "target_img")


@dataclass(frozen=True)
class Turn:
    """One turn as published; ``caption`` describes the picture after it where the copy has that text."""

    session: str
    number: int
    instruction: str
    before: Media
    after: Media
    final: bool = False
    caption: str = ""


def read_sessions(folder: Path, multi: bool, turns: int | None, top: str = "") -> Iterator[Sample]:
    """The original layout: sessions in one JSON file, a folder of pictures for each; ``top`` holds both."""
    return _samples(islice(_published(folder / top), turns), multi)


def read_parquet(folder: Path, multi: bool, turns: int | None) -> Iterator[Sample]:
    """The hub's form: a row for each turn, the turns of a session side by side."""
    return _samples(islice(_with_final(_rows(folder)), turns), multi)


def _samples(turns: Iterator[Turn], multi: bool) -> Iterator[Sample]:
    ids, first, earlier = Ids(), None, None
    for turn in turns:
        key = ids.of(f"{turn.session}-{turn.number}")
        if first is None or first.session != turn.session:
            first, earlier = turn, None
        facts: dict[str, Any] = {
            "turn": turn.number,
            "answer_type": "final_turn" if turn.final else "earlier_turn",
        }
        if turn.caption:
            facts["caption"] = turn.caption
        yield Sample(
            id=key,
            # several turns start from the same photo, and go on from what the model drew
            media=(first.before if multi else turn.before,),
            fields={"edit": turn.instruction},
            references=(turn.after,),
            unit=turn.session if multi else key,
            cluster=turn.session,
            after=earlier if multi else None,
            metadata=facts,
        )
        earlier = key


def _published(folder: Path) -> Iterator[Turn]:
    file = folder / SESSIONS
    sessions = json_value(file)
    if not isinstance(sessions, dict):
        raise BadData(f"{file}: an object of sessions by picture id is expected")
    texts = json_value(folder / TEXTS) if (folder / TEXTS).is_file() else {}
    for session in sessions:
        rows = list_of(sessions, session, str(file))
        known = texts.get(session) if isinstance(texts, dict) else None
        turns = objects(enumerate(rows, 1), f"{file}, session {session!r}, turn")
        for number, (where, row) in enumerate(turns, 1):
            before, after = text_of(row, "input", where), text_of(row, "output", where)
            yield Turn(
                session=session,
                number=number,
                instruction=text_of(row, "instruction", where),
                before=Media.at(folder / PICTURES / session / before),
                after=Media.at(folder / PICTURES / session / after),
                final=number == len(rows),
                caption=text_of(known, after, f"{folder / TEXTS}, session {session!r}", "")
                if isinstance(known, dict)
                else "",
            )


def _rows(folder: Path) -> Iterator[Turn]:
    seen: set[str] = set()
    last: Turn | None = None
    for _, where, row in hub_rows(folder, "dev", columns=COLUMNS):
        session, number = text_of(row, "img_id", where), whole_of(row, "turn_index", where)
        if last is None or last.session != session:
            if session in seen:
                raise BadData(f"{where}: field 'img_id': session {session!r} has rows in several places")
            seen.add(session)
        elif number <= last.number:
            raise BadData(f"{where}: field 'turn_index' is {number} after {last.number}")
        last = Turn(
            session=session,
            number=number,
            instruction=text_of(row, "instruction", where),
            before=media_of(row, "source_img", where),
            after=media_of(row, "target_img", where),
        )
        yield last


def _with_final(turns: Iterator[Turn]) -> Iterator[Turn]:
    """Turns that know whether they end their session: the next row tells."""
    waiting = next(turns, None)
    while waiting is not None:
        following = next(turns, None)
        yield replace(waiting, final=following is None or following.session != waiting.session)
        waiting = following


def _sources(multi: bool, turns: int | None) -> tuple[ByHand | Hub, ...]:
    how: dict[str, Any] = {"multi": multi, "turns": turns}
    zipped = Layout((f"test/{SESSIONS}", f"test/{PICTURES}"), partial(read_sessions, **how, top="test"))
    flat = Layout((SESSIONS, PICTURES), partial(read_sessions, **how))
    dev = Layout(("**/dev*.parquet",), partial(read_parquet, **how))
    test = (
        ByHand(
            "https://github.com/OSU-NLP-Group/MagicBrush",
            "its test split is a zip with a password",
            zipped,
            ids="test",
        ),
        Hub(("akshayg08/MagicBrushTest",), flat, files=(SESSIONS, f"{PICTURES}/*"), ids="test"),
    )
    return test if turns else (*test, Hub(("osunlp/MagicBrush",), dev, split="dev", ids="dev"))


NOTES = (
    "Single-turn: every turn starts from the true picture before it. The variant multi continues the model's "
    "own last picture; where a turn gave none, the next starts from the last there is. Component final_turn "
    "is what the authors report for it. The prompt is the instruction and nothing else (--prompt FILE asks "
    "in other words); masks are not shown. The authors give out the test split as a zip with a password, and "
    "ask not to put its files on the web: get it from them and use --from. Where no test split can be had, "
    "the dev split of the hub is taken. The paper has no row for this data set in its table of dimensions: "
    "the labels are ours."
)


CARD = Card(
    title="MagicBrush",
    citation="Zhang, Mo, Chen, Sun, Su. MagicBrush: A Manually Annotated Dataset for "
    "Instruction-Guided Image Editing. NeurIPS Datasets and Benchmarks 2023.",
    homepage="https://osu-nlp-group.github.io/MagicBrush/",
    licence="CC-BY-4.0",
    access="form",
    size="2.4 GB",
    splits={"test": 1053, "dev": 528},
    labels=dimension_labels("multimedia", "synergy", "editing", fine_grained="yes"),
    notes=NOTES,
)

TASK = (
    Task(
        name="magic_brush",
        card=CARD,
        sources=_sources(False, None),
        prompt="{{ image }}{{ edit }}",
        answer=Picture(),
        metrics=("l1", "mse", "clip_i", "dino", "clipscore", "psnr"),
    )
    .with_variant("multi", sources=_sources(True, None))
    .with_variant(
        "hemm",
        card=replace(
            CARD,
            notes="The paper's choice: the first 100 turns of the test file. Which samples its tables of 100 "
            "samples were computed on is not known. " + NOTES,
        ),
        sources=_sources(False, HEMM_TURNS),
        splits={"part": HEMM_TURNS},
    )
)
