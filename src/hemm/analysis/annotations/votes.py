"""Votes in the store of a results folder: as votes between models, and what they say of those who voted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from hemm.core.text import counted
from hemm.results.annotations import CURRENT_VOTES, Annotations
from hemm.stats.intervals import Estimate, mean_interval

Row = Mapping[str, Any]
WINNERS = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
"""Choice in the store -> ``winner`` of a row of votes, the left answer being ``model_a``."""
COUNTED = ("new", "shared", "imported")
"""Purposes of votes that say which model is stronger; repetitions and gold questions are about the voter."""
TIMED = """select v.form, v.time as said, d.time as drawn from votes v join drawn d using (form)"""


def stored_votes(store: Annotations) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """(where, row) of each vote that says which model is stronger, as ``analysis.preferences.votes`` takes
    them, and notes on what is not among them."""
    rows = store.rows(CURRENT_VOTES)
    found = [
        (f"{store.path}, vote {row['n']}", vote_row(row))
        for row in rows
        if row["purpose"] in COUNTED and row["choice"] != "skip"
    ]
    skipped = sum(row["choice"] == "skip" for row in rows)
    again = sum(row["purpose"] == "repeat" and row["choice"] != "skip" for row in rows)
    gold = sum(row["purpose"] == "gold" and row["choice"] != "skip" for row in rows)
    taken = store.rows("select count(*) as n from votes join undone using (form)")[0]["n"]
    told = [
        (skipped, counted(skipped, "pair was", "pairs were") + " skipped"),
        (taken, counted(taken, "vote was", "votes were") + " taken back"),
        (
            again,
            counted(again, "repetition") + " of an annotator's own pair: no further votes",
        ),
        (gold, counted(gold, "answer", "answers") + " to gold questions: no votes between models"),
        (
            other := _asked_again(rows),
            counted(other, "answer was another", "answers were others")
            + " in some votes than in others, since samples were asked again: all these votes are counted",
        ),
    ]
    return found, [line for n, line in told if n]


def answers_of(row: Row) -> dict[str, str]:
    """Model -> digest of the answer that was voted on."""
    return {row["left_model"]: row["left_answer"], row["right_model"]: row["right_answer"]}


def _asked_again(rows: Iterable[Row]) -> int:
    """Answers of a model to a sample that are not the same in all votes on it."""
    said: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        for model, answer in answers_of(row).items():
            if answer and row["choice"] != "skip":
                said.setdefault((row["task"], row["sample"], model), set()).add(answer)
    return sum(len(digests) > 1 for digests in said.values())


def vote_row(row: Row) -> dict[str, Any]:
    """A vote of the store in the form of docs/preferences.md."""
    return {
        "task": row["task"],
        "sample": row["sample"],
        "model_a": row["left_model"],
        "model_b": row["right_model"],
        "winner": WINNERS[row["choice"]],
        "annotator": row["annotator"],
    }


@dataclass(frozen=True)
class Voter:
    """One annotator.

    seconds   median time of a vote; None where nothing was timed
    left      share of left among votes for one side, with its interval
    repeats   pairs of the same answers voted on twice with sides swapped; ``same``: got the same vote
    gold      gold questions answered; ``right``: as they are known
    """

    name: str
    votes: int
    skipped: int
    ties: int
    both_bad: int
    seconds: float | None
    left: Estimate
    repeats: int
    same: int
    gold: int
    right: int


def voters(store: Annotations) -> list[Voter]:
    """All who voted, and, where they are several, all together last, under an empty name."""
    rows = [row for row in store.rows(CURRENT_VOTES) if row["purpose"] != "imported"]
    seconds = {row["form"]: _seconds(row["drawn"], row["said"]) for row in store.rows(TIMED)}
    by_form = {row["form"]: row for row in rows}
    names = list(dict.fromkeys(row["annotator"] for row in rows))
    out = [_voter(name, [r for r in rows if r["annotator"] == name], by_form, seconds) for name in names]
    return [*out, _voter("", rows, by_form, seconds)] if len(names) > 1 else out


def _seconds(drawn: str, said: str) -> float:
    first, last = (datetime.fromisoformat(t) for t in (drawn, said))
    return max(0.0, (last - first).total_seconds())


def _voter(name: str, rows: Sequence[Row], by_form: Mapping[str, Row], seconds: Mapping[str, float]) -> Voter:
    said = [row for row in rows if row["choice"] != "skip"]
    again = [(by_form[row["of"]], row) for row in said if row["purpose"] == "repeat" and row["of"] in by_form]
    pairs = [both for both in again if answers_of(both[0]) == answers_of(both[1])]
    gold = [row for row in said if row["purpose"] == "gold"]
    times = [seconds[row["form"]] for row in said if row["form"] in seconds]
    return Voter(
        name,
        len(said),
        len(rows) - len(said),
        sum(row["choice"] == "tie" for row in said),
        sum(row["choice"] == "both_bad" for row in said),
        median(times) if times else None,
        left_share(said),
        len(pairs),
        sum(chosen(first) == chosen(second) for first, second in pairs),
        len(gold),
        sum(chosen(row) == row["expected"] for row in gold),
    )


def chosen(row: Row) -> str:
    """The model that a vote is for, ``tie`` or ``both_bad``."""
    sides = {"left": row["left_model"], "right": row["right_model"]}
    return str(sides.get(row["choice"], row["choice"]))


def left_share(rows: Iterable[Row]) -> Estimate:
    """How often the left answer won, of votes for one side, by questions: sides are drawn by chance, so 0.5
    but for a habit."""
    decided = [row for row in rows if row["choice"] in ("left", "right")]
    if not decided:
        return Estimate(None, None, None, 0, 0, "no vote was for one side")
    values = [float(row["choice"] == "left") for row in decided]
    return mean_interval(values, [f"{row['task']}\0{row['sample']}" for row in decided], (0.0, 1.0))


def notes_on_voters(found: Sequence[Voter]) -> Iterator[str]:
    """What of those who voted bears on their votes, in lines."""
    for one in found:
        who = one.name or "all annotators together"
        if one.repeats:
            again = counted(one.repeats, "pair")
            yield f"{who} said the same of {one.same} of {again} seen again with sides swapped"
        if one.gold:
            yield f"{who} answered {one.right} of {counted(one.gold, 'gold question')} as known"
        low, high = one.left.low, one.left.high
        if low is not None and high is not None and not low <= 0.5 <= high:
            share = f"{one.left.value:.2f} (95 % {low:.2f} to {high:.2f})"
            yield f"{who} chose the left answer in {share} of votes for one side: a habit, not the answers"
