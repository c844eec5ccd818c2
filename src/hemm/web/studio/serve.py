"""Runs the studio, and says under which addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

from hemm.core import HemmError
from hemm.web.explorer import Explorer
from hemm.web.security import Access, is_loopback
from hemm.web.serve import base_of, listen, run_app
from hemm.web.studio.app import make_studio
from hemm.web.studio.draws import Gold
from hemm.web.studio.people import Keys, checked_name
from hemm.web.studio.plan import Plan
from hemm.web.studio.study import Study


@dataclass(frozen=True)
class Place:
    """Where the studio listens, for whom, and what the organiser adds.

    people        annotators with personal addresses; none: everyone writes a name
    instructions  a text before those of the studio
    """

    host: str = "127.0.0.1"
    port: int = 0
    people: Sequence[str] = ()
    gold: Sequence[Gold] = ()
    instructions: str = ""


class StudioServer:
    """A server of the studio that listens already.

    addresses  (who, address): of annotators, by name or all together, and of the organiser
    Raises HemmError where others could reach it and no annotators are named, and where there is nothing to
    ask.
    """

    def __init__(
        self, folder: Path, plan: Plan, place: Place, told: Callable[[str], None] = lambda line: None
    ) -> None:
        host = place.host
        names = list(dict.fromkeys(map(checked_name, place.people)))
        if not is_loopback(host) and not names:
            raise HemmError(
                f"others can reach {host}: name each annotator (--annotator ann --annotator ben), "
                "and each gets a personal address"
            )
        self._socket = listen(host, place.port)
        explorer = Explorer(folder)
        explorer.index.refresh(told)
        study = Study(explorer, plan, place.gold, version=version("hemm"))
        keys = Keys.of(explorer.folder.root)
        check(study)
        for line in pictures_lacking(study):
            told(line)
        access = Access.of(host, "" if is_loopback(host) else keys.organiser)
        self._app = make_studio(
            study, keys, access, people=names, named=bool(names), instructions=place.instructions
        )
        base = base_of(host, self._socket)
        own = [(name, f"{base}/annotate?{urlencode({'token': keys.token(name)})}") for name in names]
        self.addresses = [
            *(own or [("annotators", f"{base}/annotate")]),
            ("organiser", f"{base}/organise?{urlencode({'key': keys.organiser})}"),
        ]

    def run(self) -> None:
        run_app(self._app, self._socket)


def pictures_lacking(study: Study) -> Iterator[str]:
    """A line for each task whose pictures cannot be shown, as its first sample has it."""
    for task, samples in study.pool.by_task.items():
        asked = samples[0]
        try:
            if study.sources.form(asked, [], study.blind, True).pictures:
                study.sources.picture(asked, [], "s0")
        except HemmError as error:
            yield f"{task}: annotators see no pictures ({study.explorer.folder.words(error)})"


def check(study: Study) -> None:
    """Raises HemmError where there is nothing to ask, or a gold question is about no pair that is here."""
    pool = study.pool
    if "vote" in study.plan.queues and not pool.pairs:
        raise HemmError(
            f"{study.explorer.folder.root}: no sample was answered by two models: hemm run A B asks two"
        )
    if not pool.by_key:
        raise HemmError(f"{study.explorer.folder.root} has no answers to ask about")
    for one in study.gold:
        a, b = sorted((one.a, one.b))
        if all(s.id != one.sample for s in pool.pairs.get((one.task, a, b), ())):
            raise HemmError(
                f"gold question {one.task}/{one.sample}: {a} and {b} have no answers to it here "
                "(write models as hemm profile prints them)"
            )
