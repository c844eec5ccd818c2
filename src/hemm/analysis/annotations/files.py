"""Votes from elsewhere into the store of a results folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hemm.analysis.preferences.vote_files import single_votes
from hemm.analysis.preferences.votes import Vote
from hemm.analysis.study.subjects import members_of
from hemm.core import HemmError, digest
from hemm.core.text import counted
from hemm.results.annotations import Annotations, now
from hemm.results.read import cells


def import_votes(folder: Path, file: Path) -> str:
    """Add the votes of a file (any form of docs/preferences.md) to a folder's store, all or none, and say in
    a line how many, and which models and tasks have no results there. A file that was added before adds
    nothing. Raises BadData that names every row that
    cannot be."""
    found, notes = single_votes(file, _no_place)
    store, seen, added = Annotations(folder), Counter[str](), 0
    try:
        with store.writing() as write:
            for _, vote in found:
                facts = [vote.task, vote.sample, vote.a, vote.b, vote.winner, vote.annotator]
                seen[digest(facts)] += 1
                form = f"import-{digest([*facts, seen[digest(facts)]], 24)}"
                added += write("votes", _row(vote, form, version("hemm")))
    finally:
        store.close()
    again = len(found) - added
    more = f", {again} were there already" if again else ""
    strange = _strange(folder, [vote for _, vote in found])
    return "; ".join([f"{store.path}: {counted(added, 'vote')} added{more}", *strange, *notes])


def _strange(folder: Path, votes: Sequence[Vote]) -> list[str]:
    """Models and tasks of votes that the folder has no results of, which may be typing errors; nothing where
    it has no results at all."""
    try:
        stored = cells(folder)
    except HemmError:
        return []
    subjects = [member.subject for member in members_of(stored)[0]]
    models = {name for s in subjects for name in (s.label, s.model, f"{s.model}@{s.revision}")}
    lacking = {
        "models": sorted({name for vote in votes for name in (vote.a, vote.b)} - models),
        "tasks": sorted({vote.task for vote in votes} - {cell.task for cell in stored}),
    }
    return [f"{what} without results here: {', '.join(names)}" for what, names in lacking.items() if names]


def _no_place(vote: Vote) -> str:
    """Why a vote has no place in a store; empty where it has."""
    if vote.turn:
        return f"a vote on turn {vote.turn} has no place in the store: use preferences/"
    return "" if vote.task else "a vote in the store names its task"


def _row(vote: Vote, form: str, own: str) -> dict[str, Any]:
    choice = "both_bad" if vote.bad else {1.0: "left", 0.0: "right"}.get(vote.outcome, "tie")
    empty = dict.fromkeys(
        ("of", "sample_hash", "left_protocol", "right_protocol", "left_answer", "right_answer", "reason"), ""
    )
    return {
        **empty,
        "form": form,
        "time": now(),
        "annotator": vote.annotator,
        "purpose": "imported",
        "task": vote.task,
        "sample": vote.sample,
        "repeat": 0,
        "left_model": vote.a,
        "right_model": vote.b,
        "choice": choice,
        "note": "",
        "expected": "",
        "version": own,
    }
