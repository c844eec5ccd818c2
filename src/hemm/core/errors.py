"""Errors a user can cause. The command line prints their text on one line and exits with 2."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path


class HemmError(Exception):
    """What is wrong, where (file, row, field), and what to do, in one line."""


class UnknownName(HemmError):
    """A task, model, metric or option that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(set(known))
        close = nearest(name, names)
        parts = [f"unknown {kind} {name!r}"]
        if close:
            parts.append(f"did you mean {close!r}?")
        parts.append(
            hint or (f"known: {', '.join(names)}" if len(names) <= 12 else f"{len(names)} are known")
        )
        super().__init__("; ".join(parts))


class NotPrepared(HemmError):
    """Tasks that have no pack yet.

    tasks  name -> what ``hemm prepare`` takes for it; empty for a task that only a program has
    card   the card that was given, or whether one of them may want ``--card``
    other  whether each has a pack, which was made with another card

    >>> print(NotPrepared({"gqa": "gqa", "nlvr": "nlvr"}))
    the tasks gqa, nlvr are not prepared: hemm prepare gqa nlvr
    """

    def __init__(self, tasks: Mapping[str, str], card: bool | Path = False, other: bool = False) -> None:
        self.tasks, self.card, self.other = dict(tasks), card, other
        specs = [spec for spec in self.tasks.values() if spec]
        named = f" --card {'FILE' if card is True else shlex.quote(str(card))}" if card else ""
        words = [f"hemm prepare {' '.join(map(shlex.quote, specs))}{named}"] if specs else []
        if objects := [name for name, spec in self.tasks.items() if not spec]:
            words.append(f"put {', '.join(objects)} into a file as TASK: hemm prepare ./FILE.py")
        several = len(self.tasks) > 1
        which = f"the tasks {', '.join(self.tasks)} are" if several else f"task {next(iter(self.tasks))} is"
        state = "not prepared"
        if other:
            state += " as its card, or none, reads the rows now; give the card that it was prepared with, or"
        super().__init__(f"{which} {state}{' ' if other else ': '}{'; '.join(words)}")

    @classmethod
    def all_of(cls, errors: Iterable[NotPrepared], card: Path | None = None) -> NotPrepared:
        """One error for several; ``card`` is the one that was given."""
        found = list(errors)
        tasks = {name: spec for error in found for name, spec in error.tasks.items()}
        other = all(error.other for error in found)
        return cls(tasks, any(error.card for error in found) and (card or True), other)


class CannotTake(HemmError):
    """A model that cannot be asked tasks, since it does not take what they show or how they are answered.

    why    words, with ``{task}`` where names of tasks stand -> these names
    of     words -> what stands in place of ``{of}`` in them: what they are said of, such as perturbations
    tasks  all names of tasks

    >>> print(CannotTake({"task {task} shows pictures, which model m does not take": ["gqa", "nlvr"]}))
    task gqa (also nlvr) shows pictures, which model m does not take
    """

    def __init__(
        self, why: Mapping[str, Iterable[str]], of: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self.why = {words: tuple(dict.fromkeys(tasks)) for words, tasks in why.items()}
        self.of = {words: tuple(dict.fromkeys(names)) for words, names in (of or {}).items()}
        self.tasks = tuple(dict.fromkeys(task for tasks in self.why.values() for task in tasks))
        said = (
            words.replace("{task}", _named(t)).replace("{of}", _some(self.of.get(words, ())))
            for words, t in self.why.items()
        )
        super().__init__("; ".join(said))

    @classmethod
    def all_of(cls, errors: Iterable[CannotTake]) -> CannotTake:
        """One error for several."""
        why: dict[str, list[str]] = {}
        of: dict[str, list[str]] = {}
        for error in errors:
            for words, tasks in error.why.items():
                why.setdefault(words, []).extend(tasks)
            for words, names in error.of.items():
                of.setdefault(words, []).extend(names)
        return cls(why, of)


def _named(tasks: tuple[str, ...]) -> str:
    return tasks[0] + (f" (also {', '.join(tasks[1:])})" if len(tasks) > 1 else "")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


class MissingExtra(HemmError):
    """An optional package is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: pip install 'hemm[{extra}]'")


class BadData(HemmError):
    """A damaged or malformed input file."""


class CellLocked(HemmError):
    """Another process is writing to the same result folder.

    ``who``: that process and its host, where it is alive for certain.
    """

    def __init__(self, message: str = "", who: str = "") -> None:
        super().__init__(message)
        self.who = who


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name`` (whose case does not count), or None where none is close.

    >>> nearest("ExactMatch", ["accuracy", "exact_match", "token_f1"])
    'exact_match'
    """
    matches = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None
