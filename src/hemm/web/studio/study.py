"""A study that goes on: what is drawn, said and taken back, each in one transaction."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hemm.core import HemmError, UnknownName, canonical
from hemm.results.annotations import (
    CHOICES,
    CURRENT_LABELS,
    CURRENT_VOTES,
    KINDS,
    Annotations,
    Write,
    now,
)
from hemm.web.explorer import Explorer
from hemm.web.studio.blind import Blind
from hemm.web.studio.draws import Cast, Draw, Gold, labels_left, next_labelled, next_pair, pairs_left
from hemm.web.studio.plan import Plan, checked_labels, short
from hemm.web.studio.pool import Asked, Item, Pool, make_pool
from hemm.web.studio.shown import Form, Sources

_CAST = {"content": "sample_hash", "left": "left_model", "right": "right_model"}
"""Members of a cast that the table ``votes`` names otherwise."""
_OPEN = """select d.* from drawn d where d.annotator = ? and d.kind = ?
and not exists (select 1 from votes v where v.form = d.form)
and not exists (select 1 from labels l where l.form = d.form)
and not exists (select 1 from undone u where u.form = d.form) order by d.n desc limit 1"""
_OPEN_PAIRS = """select d.form, d.annotator, d.purpose, d.of, d.item from drawn d where d.kind = 'vote'
and not exists (select 1 from votes v where v.form = d.form)
and not exists (select 1 from undone u where u.form = d.form) order by d.n"""


@dataclass(frozen=True)
class Drawn:
    """A form that was handed out: its token, what it is about, and for what purpose."""

    form: str
    annotator: str
    kind: str
    purpose: str
    of: str
    item: Item
    why: Mapping[str, Any]

    @property
    def models(self) -> list[str]:
        """The models whose answers it shows: left and right, one, or none."""
        if "left" in self.item:
            return [self.item["left"], self.item["right"]]
        return [self.item["model"]] if "model" in self.item else []


class Study:
    """The studio over results: one store, one plan. All its methods may be called from several threads."""

    def __init__(
        self, explorer: Explorer, plan: Plan, gold: Sequence[Gold] = (), *, version: str = ""
    ) -> None:
        self.explorer, self.plan, self.gold, self.version = explorer, plan, tuple(gold), version
        self.store = Annotations(explorer.folder.root)
        self.sources = Sources(explorer)
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._known: dict[tuple[Any, ...], bool] = {}
        self._pool: tuple[int, Pool] = (0, Pool({}, {}, {}, ()))
        self.settings = self._log_settings()

    def _log_settings(self) -> int:
        """The number of the plan in the store, added where it differs from the last."""
        value = canonical({**self.plan.to_json(), "gold": len(self.gold)}).decode()
        with self.store.writing() as write:
            last = self.store.rows("select n, value, version from settings order by n desc limit 1")
            if not last or (last[0]["value"], last[0]["version"]) != (value, self.version):
                write("settings", {"time": now(), "version": self.version, "value": value})
                last = self.store.rows("select n from settings order by n desc limit 1")
        return int(last[0]["n"])

    @property
    def pool(self) -> Pool:
        with self._lock:
            generation = self.explorer.catalog.generation
            if self._pool[0] != generation:
                self._pool = generation, make_pool(self.explorer, self.plan)
            return self._pool[1]

    @property
    def blind(self) -> Blind:
        names = [name for c in self.explorer.catalog.cells for name in (c.label, c.cell.model)]
        return Blind(dict.fromkeys(names))

    # what is open and what was said

    def open(self, annotator: str, queue: str) -> Drawn | None:
        """The form that an annotator has before them; None where none is drawn."""
        for row in self.store.rows(_OPEN, [annotator, queue]):
            return _drawn(row)
        return None

    def form(self, annotator: str, token: str) -> Drawn:
        """A form by its token. Raises HemmError where it is not this annotator's."""
        rows = self.store.rows("select * from drawn where form = ? and annotator = ?", [token, annotator])
        if not rows:
            raise HemmError("this form is not yours: open the page again")
        return _drawn(rows[0])

    def asked(self, drawn: Drawn) -> Asked:
        """The sample of a form. Raises HemmError where the results changed since."""
        item = drawn.item
        asked = self.pool.by_key.get((item["task"], item["sample"], item["content"]))
        if asked is None or any(model not in asked.answers for model in drawn.models):
            raise HemmError("the results changed since this was drawn")
        return asked

    def read(self, drawn: Drawn) -> tuple[Asked, list[dict[str, Any]]]:
        """The sample of a form and its models' answers (of one about a sample alone, the first model's).
        Raises HemmError where they are not those that it was drawn with: a vote is on what was read."""
        asked = self.asked(drawn)
        rows = self.sources.read(asked, drawn.models or self.sources.first(asked))
        digests = [self.sources.digest(row) for row in rows]
        if drawn.models and drawn.why.get("answers", digests) != digests:
            raise HemmError("the answers changed since this was drawn: open the page again")
        return asked, rows

    def shown(self, drawn: Drawn) -> Form:
        asked, _ = self.read(drawn)
        return self.sources.form(asked, drawn.models, self.blind, self.plan.masked)

    def casts(self) -> list[Cast]:
        """All votes that hold and all open forms, in the order in which they came."""
        said = [
            Cast(**{n: row[_CAST.get(n, n)] for n in Cast.__slots__})
            for row in self.store.rows(CURRENT_VOTES)
        ]
        for row in self.store.rows(_OPEN_PAIRS):
            facts = {**row, **orjson.loads(row["item"]), "choice": ""}
            said.append(Cast(**{n: facts[n] for n in Cast.__slots__}))
        return said

    def count(self, annotator: str, queue: str) -> int:
        """How many forms of a queue an annotator answered (skipped ones do not count)."""
        if queue == "vote":
            rows = self.store.rows(
                f"""select count(*) as n from ({CURRENT_VOTES}) where annotator = ? and choice <> 'skip'
                and purpose <> 'imported'""",
                [annotator],
            )
        else:
            rows = self.store.rows(
                f"""select count(distinct form) as n from ({CURRENT_LABELS}) where annotator = ?
                and kind = ? and field <> 'skip'""",
                [annotator, queue],
            )
        return int(rows[0]["n"])

    def last(self, annotator: str, queue: str) -> str:
        """The form that would be taken back; empty for none."""
        table, only = (
            (CURRENT_VOTES, "purpose <> 'imported'") if queue == "vote" else (CURRENT_LABELS, "kind = ?")
        )
        values = [annotator] if queue == "vote" else [annotator, queue]
        rows = self.store.rows(
            f"select form from ({table}) where annotator = ? and {only} order by n desc limit 1", values
        )
        return str(rows[0]["form"]) if rows else ""

    def counts(self, annotator: str, queue: str) -> tuple[int, int]:
        """How many forms of a queue an annotator answered, and how many these will be in the end: fewer than
        the plan's where less is there. Repetitions and gold questions count once they are drawn."""
        done, most = self.count(annotator, queue), self.plan.votes
        if queue == "vote":
            left = int(self.open(annotator, queue) is not None)
            wanted, casts = max(0, most - done - left), self.casts()
            left += pairs_left(self.pool, self.plan, casts, annotator, self.gold, self._was_usable, wanted)
        else:
            left = labels_left(self.pool, queue, self._labelled(annotator, queue))
        return done, max(done, min(most, done + left))

    def settled(self, annotator: str, queue: str) -> bool:
        """Whether an annotator did all of a queue, or nothing is left of it."""
        if self.open(annotator, queue) is not None:
            return False
        return self.count(annotator, queue) >= self.plan.votes or self._draw(annotator, queue) is None

    def annotators(self) -> list[str]:
        rows = self.store.rows(
            "select annotator, min(time) as first from drawn group by annotator order by first"
        )
        return [row["annotator"] for row in rows]

    # what changes the store

    def start(self, annotator: str, queue: str) -> None:
        """Draw a form, unless one is open or nothing is left."""
        with self.store.writing() as write:
            self._next(write, annotator, queue)

    def _next(self, write: Write, annotator: str, queue: str) -> None:
        found = self.open(annotator, queue)
        if found is not None:
            try:
                self.read(found)
                return
            except HemmError:  # of answers that are not there any more
                write("undone", {"form": found.form, "time": now(), "annotator": annotator})
        if self.count(annotator, queue) >= self.plan.votes:
            return
        draw = self._draw(annotator, queue)
        if draw is not None:
            self._hand_out(write, annotator, queue, draw)

    def _draw(self, annotator: str, queue: str) -> Draw | None:
        if queue == "vote":
            return next_pair(self.pool, self.plan, self.casts(), annotator, self.gold, self._usable)
        return next_labelled(self.pool, self.plan, queue, self._labelled(annotator, queue))

    def _labelled(self, annotator: str, queue: str) -> set[tuple[str, ...]]:
        """What an annotator labelled, or skipped."""
        rows = self.store.rows(
            f"select distinct task, sample, sample_hash, model from ({CURRENT_LABELS}) "
            "where annotator = ? and kind = ?",
            [annotator, queue],
        )
        names = ("task", "sample", "sample_hash") + (("model",) if queue in ("error", "score") else ())
        return {tuple(str(row[n]) for n in names) for row in rows}

    def _was_usable(self, asked: Asked, a: str, b: str) -> bool:
        """``_usable`` as it was found first: for counts, which every page has."""
        key = (self._pool[0], *asked.key, a, b)
        if key not in self._known:
            self._known[key] = self._usable(asked, a, b)
        return self._known[key]

    def _usable(self, asked: Asked, a: str, b: str) -> bool:
        try:
            return self.sources.usable(asked, a, b, self.plan.same)
        except HemmError as error:  # one answer that cannot be read is no end of a study
            line = f"{asked.task} {asked.id}: not asked about ({error})"
            if line not in self._told:
                self._told.add(line)
                logging.getLogger("hemm.web").warning("%s", line)
            return False

    def _hand_out(self, write: Write, annotator: str, queue: str, draw: Draw) -> None:
        form = secrets.token_urlsafe(12)
        why = {name: value for name, value in draw.why.items() if name != "answers"}
        drawn = Drawn(form, annotator, queue, draw.purpose, draw.of, draw.item, why)
        try:
            if drawn.models:
                why["answers"] = [self.sources.digest(row) for row in self.read(drawn)[1]]
        except HemmError:  # its page says that they are gone, and the next is drawn
            why["answers"] = []
        row = {
            "form": form,
            "time": now(),
            "annotator": annotator,
            "kind": queue,
            "purpose": draw.purpose,
            "of": draw.of,
            "item": canonical(draw.item).decode(),
            "why": canonical(why).decode(),
            "settings": self.settings,
        }
        write("drawn", row)

    def vote(self, annotator: str, token: str, choice: str, reason: str = "", note: str = "") -> bool:
        """Add a vote, and draw what comes next: False where the form was answered before, which changes
        nothing. Raises HemmError where it cannot be a vote."""
        if choice not in CHOICES:
            raise UnknownName("vote", choice, CHOICES)
        with self.store.writing() as write:
            drawn = self.form(annotator, token)
            if drawn.kind != "vote":
                raise HemmError("this form is not for a vote: open the page again")
            if self._was_undone(token):
                return False
            added = write("votes", self._vote_row(drawn, choice, short(reason), short(note)))
            self._next(write, annotator, "vote")
            return added

    def _vote_row(self, drawn: Drawn, choice: str, reason: str, note: str) -> dict[str, Any]:
        asked, rows = self.read(drawn)
        left, right = (self.sources.digest(row) for row in rows)
        protocols = [self.sources.cell(asked.answers[m]).cell.protocol for m in drawn.models]
        return {
            "form": drawn.form,
            "time": now(),
            "annotator": drawn.annotator,
            "purpose": drawn.purpose,
            "of": drawn.of,
            "task": asked.task,
            "sample": asked.id,
            "sample_hash": asked.content,
            "repeat": int(rows[0]["repeat"]),
            "left_model": drawn.models[0],
            "right_model": drawn.models[1],
            "left_protocol": protocols[0],
            "right_protocol": protocols[1],
            "left_answer": left,
            "right_answer": right,
            "choice": choice,
            "reason": reason,
            "note": note,
            "expected": str(drawn.why.get("expected", "")),
            "version": self.version,
        }

    def label(self, annotator: str, token: str, values: Mapping[str, Sequence[str]], note: str = "") -> bool:
        """Add the labels of a form (field -> what was chosen), and draw what comes next: False where it was
        answered before. Raises HemmError for a field or value that it does not have."""
        with self.store.writing() as write:
            drawn = self.form(annotator, token)
            if drawn.kind not in KINDS:
                raise HemmError("this form is for a vote: open the page again")
            known = self.store.rows("select 1 from labels where form = ? limit 1", [token])
            if known or self._was_undone(token):
                return False
            for row in self._label_rows(drawn, values, short(note)):
                write("labels", row)
            self._next(write, annotator, drawn.kind)
            return True

    def _label_rows(
        self, drawn: Drawn, values: Mapping[str, Sequence[str]], note: str
    ) -> list[dict[str, Any]]:
        said = checked_labels(drawn.kind, values, self.plan.scale)
        if not said:
            raise HemmError("nothing is chosen: choose something, or skip")
        asked, rows = self.read(drawn)
        choices = [str(choice).strip() for choice in rows[0]["choices"] or ()]
        for field, value in said:
            if field == "answer" and choices and value not in choices:
                raise UnknownName("choice", value, choices)
        about = bool(drawn.models)
        cell = self.sources.cell(asked.answers[(drawn.models or self.sources.first(asked))[0]]).cell
        base = {
            "form": drawn.form,
            "time": now(),
            "annotator": drawn.annotator,
            "kind": drawn.kind,
            "model": drawn.models[0] if about else "",
            "protocol": cell.protocol if about else "",
            "task": asked.task,
            "sample": asked.id,
            "sample_hash": asked.content,
            "repeat": int(rows[0]["repeat"]) if about else 0,
            "answer": self.sources.digest(rows[0]) if about else "",
            "note": note,
            "version": self.version,
        }
        return [{**base, "field": field, "value": value} for field, value in said]

    def undo(self, annotator: str, token: str) -> bool:
        """Take a form back, and hand the same out anew: False where that was done before. Raises HemmError
        where names were to be seen already."""
        with self.store.writing() as write:
            drawn = self.form(annotator, token)
            if self.plan.reveal and self.settled(annotator, drawn.kind):
                raise HemmError(
                    "you are done, and may have seen whose answers they were: nothing is taken back now"
                )
            if not write("undone", {"form": token, "time": now(), "annotator": annotator}):
                return False
            again = Draw(drawn.item, drawn.purpose, drawn.of, {**drawn.why, "again": token})
            self._hand_out(write, annotator, drawn.kind, again)
            return True

    def _was_undone(self, token: str) -> bool:
        return bool(self.store.rows("select 1 from undone where form = ?", [token]))


def _drawn(row: Mapping[str, Any]) -> Drawn:
    item, why = orjson.loads(row["item"]), orjson.loads(row["why"])
    return Drawn(row["form"], row["annotator"], row["kind"], row["purpose"], row["of"], item, why)
