"""Results and packs looked at byte by byte: what is damaged, and what can be made whole again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from hemm.core import HemmError
from hemm.core.text import counted
from hemm.data.cache import PACK_FILE
from hemm.data.pack.reader import check_pack, open_pack
from hemm.results import layout
from hemm.results.checked import ASK_AGAIN, SCORE_AGAIN, broken, read_run, write_run
from hemm.results.journal import OF_ANSWER, OF_VERDICT, Journal, scan
from hemm.results.lock import Lock
from hemm.results.old_secrets import SET_AGAIN, as_it_was, holds_a_secret
from hemm.results.read import Cell, cell
from hemm.results.seal import Seal
from hemm.results.segments import segments
from hemm.results.stored_media import stored_bytes

SAME_COMMAND = "the same command asks for what is missing"


@dataclass(frozen=True)
class Damage:
    """A file that is not what was written.

    why   what is wrong with it
    cure  what makes it whole; where ``healed``: what was done
    """

    file: Path
    why: str
    cure: str
    healed: bool = False


def examine(folder: Path, *, repair: bool = False) -> tuple[int, int, list[Damage]]:
    """How many cells and packs are at or below ``folder``, and their damage. ``repair`` heals what can be.

    Raises HemmError where there are none, and CellLocked where another process writes to one.
    """
    cells = sorted(path.parent for path in folder.rglob(layout.RUN))
    packs = sorted(path.parent for path in folder.rglob(PACK_FILE))
    if not cells and not packs:
        raise HemmError(f"{folder} holds no results and no packs")
    found = [damage for each in cells for damage in _of_cell(each, repair)]
    for each in packs:
        why = broken(lambda each=each: check_pack(open_pack(each)))  # type: ignore[misc]
        if why:
            found.append(Damage(each, why, "hemm prepare makes the pack anew"))
    return len(cells), len(packs), found


def _of_cell(folder: Path, repair: bool) -> Iterator[Damage]:
    if why := broken(lambda: read_run(folder)):
        damage = _run_with_a_secret(folder, why, repair)
        yield damage
        if not damage.healed:
            return
    with Lock(folder / layout.LOCK) if repair else closing(_Nothing()):
        yield from _answers(folder, repair)
        yield from _journals(folder, repair)
    yield from _scores(cell(folder), repair)


def _run_with_a_secret(folder: Path, why: str, repair: bool) -> Damage:
    """Damage of run.json; healed where its checksum is of a text in which a secret was replaced since."""
    path = folder / layout.RUN
    damage, but = Damage(path, why, ASK_AGAIN), "whole but for a secret that was hidden in it"
    if not holds_a_secret(path):
        return damage
    run = as_it_was(path)
    if run is None:
        return replace(damage, cure=f"{SET_AGAIN}; else {ASK_AGAIN}")
    if not repair:
        return replace(damage, cure=f"{but}: --repair mends it")
    with Lock(folder / layout.LOCK):
        write_run(folder, run)
    if left := broken(lambda: read_run(folder)):
        return Damage(path, left, ASK_AGAIN)
    return replace(damage, cure=f"{but}: checksum made anew", healed=True)


class _Nothing:
    def close(self) -> None: ...


def _answers(folder: Path, repair: bool) -> Iterator[Damage]:
    """Parts, calls, lists and drawn pictures. Damaged parts and calls are set aside."""
    view = cell(folder)
    run = dict(view.run)
    damaged = [part for part in view.parts if not part.holds(folder)]
    for part in damaged:
        cure = f"set aside: {SAME_COMMAND}" if repair else SAME_COMMAND
        yield Damage(
            folder / part.file, f"its seal does not hold ({counted(part.rows, 'answer')})", cure, repair
        )
    if damaged:
        run |= {"state": "open", "parts": [p for p in view.run["parts"] if Seal(**p) not in damaged]}
    aside = [folder / part.file for part in damaged]
    if why := broken(view.calls):
        run["calls"] = None
        aside.append(folder / layout.CALLS)
        yield Damage(folder / layout.CALLS, why, "dropped: no answer is lost with it", repair)
    if repair and aside:
        write_run(folder, run)
        for path in aside:
            if path.exists():
                path.rename(path.with_suffix(".damaged"))
    for name, read in ((layout.UNSCORED, view.unscored), (layout.STRATA, view.strata)):
        if why := broken(read):
            yield Damage(folder / name, why, "the same command makes it anew")
    media = folder / layout.MEDIA
    for path in sorted(media.glob("*/*")):
        if why := broken(lambda path=path: stored_bytes(media, path.name)):  # type: ignore[misc]
            yield Damage(path, why, "no other file has it: put it back from a copy")


def _journals(folder: Path, repair: bool) -> Iterator[Damage]:
    """Torn and damaged lines, of answers and of verdicts. They are left out."""
    answers = dict.fromkeys(segments(folder).values(), OF_ANSWER)
    verdicts = dict.fromkeys(sorted((folder / layout.SCORES).glob("*.verdicts.jsonl")), OF_VERDICT)
    for path, members in {**answers, **verdicts}.items():
        dropped: list[int] = []
        places = [(offset, length) for offset, length, _ in scan(path, dropped, members=members)]
        if not dropped:
            continue
        if repair:
            with closing(Journal(path)) as journal:
                journal.keep(places)
        why = counted(len(dropped), "line is", "lines are") + " torn or damaged"
        yield Damage(path, why, "left out: what they held is asked again", repair)


def _scores(view: Cell, repair: bool) -> Iterator[Damage]:
    """Scores and aggregates. They are made anew, where the task and what its metrics need are here."""
    folder = view.folder / layout.SCORES
    wrong: dict[str, str] = {layout.AGGREGATES: broken(view.aggregates)}
    for key in () if wrong[layout.AGGREGATES] else view.aggregates().get("metrics", {}):
        wrong[f"{key}.parquet"] = _lacking(lambda key=key: view.scores(key))  # type: ignore[misc]
    found = [Damage(folder / name, why, SCORE_AGAIN) for name, why in wrong.items() if why]
    if found and repair:
        why = _lacking(lambda: _score(view))
        cure = f"not made anew: {why}" if why else "made anew"
        found = [replace(damage, cure=cure, healed=not why) for damage in found]
    yield from found


def _score(view: Cell) -> None:
    from hemm.engine.score import score_cell
    from hemm.engine.stored_task import task_of

    score_cell(view.folder, task_of(view, code=True))


def _lacking(act: Callable[[], object]) -> str:
    """Why ``act`` cannot be done, in words; empty where it was."""
    try:
        act()
    except HemmError as error:
        return str(error)
    return ""
