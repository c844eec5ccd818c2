"""Whether an answer and a reference are the same as mathematics, by math-verify."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hemm.core import HemmError, MissingExtra, Sample
from hemm.metrics.base import SampleMetric, matching, texts, written
from hemm.metrics.text.answers import by_answer_type
from hemm.metrics.text.math_child import near
from hemm.parsing.numbers import read_number

SECONDS = 5.0
"""Processor time for one comparison."""
_PATIENCE = 12
"""After so many times that time by the clock the process is ended from outside."""
_LONGEST = 2_000
_CHILD = Path(__file__).with_name("math_child.py")
_ROOT = re.compile(r"√\s*(?:\(([^()]*)\)|(\d+(?:\.\d+)?|[A-Za-z]))")
_WORDS = re.compile(r"[A-Za-z][A-Za-z\s'-]+")
_PLAIN_NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class MathEqual(SampleMetric):
    r"""1 where the answer equals a reference as mathematics, by the package math-verify (``hemm[math]``).

    ``\frac{3}{4}`` is 0.75 and ``3/4``, ``2\sqrt{2}`` is ``\sqrt{8}``, ``x = 3`` is 3, ``12\text{ cm}`` is
    12, 50% is 0.5 and 50, {1, 2} is {2, 1} and (1, 2) is not (2, 1). Decimals are compared to six places.

    An answer that names a choice is that choice and no other. A text of letters alone is a word, compared as
    ``accuracy`` compares it. Two numbers may differ where the sample's metadata say to how many places it is
    asked (``precision``), or ``decimals`` does for all: then both are rounded to it; or by ``within``.

    A comparison has five seconds of processor time, in a process of its own. One that takes longer, and an
    answer that is no expression, are not equal, and counted in aggregates.json (``math``).

    Components: one more for each ``answer_type`` in the metadata.

    decimals  places to which numbers are compared where the sample says none; empty: exactly
    within    how far numbers may differ, as 0.001; empty: not at all
    """

    decimals: str = ""
    within: str = ""
    _undecided: dict[str, set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    name = "math_equal"
    title = "share of answers that equal a reference as mathematics"

    def __post_init__(self) -> None:
        if self.decimals and not (self.decimals.isdecimal() and int(self.decimals) <= 12):
            raise HemmError(f"metric parameter decimals={self.decimals!r} is no whole number from 0 to 12")
        try:
            fits = not self.within or 0.0 < float(self.within) < 1e6
        except ValueError:
            fits = False
        if not fits:
            raise HemmError(f"metric parameter within={self.within!r} is no number above 0")

    @property
    def parameters(self) -> Mapping[str, str]:
        return {name: value for name in ("decimals", "within") if (value := getattr(self, name))}

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return by_answer_type(group)

    def prepared(self) -> MathEqual:
        """Itself. Raises MissingExtra where math-verify is not installed."""
        if find_spec("math_verify") is None:
            raise MissingExtra("metric math_equal", "math")
        return self

    def value(self, answer: Any, sample: Sample) -> float:
        if matching(answer, sample):
            return 1.0
        if isinstance(answer, str) and answer in sample.choices:
            return 0.0
        places = self._places(sample)
        return float(any(self._equal(written(answer), reference, places) for reference in texts(sample)))

    def _places(self, sample: Sample) -> int | None:
        said = sample.metadata.get("precision")
        if isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= 12:
            return int(said)
        return int(self.decimals) if self.decimals else None

    @property
    def _within(self) -> float:
        return float(self.within or 0.0)

    def _equal(self, answer: str, reference: str, places: int | None) -> bool:
        numbers = [read_number(text) for text in (answer, reference)]
        if None not in numbers:
            left, right = (float(n) for n in numbers if n is not None)
            if near(left, right, places, self._within):
                return True
            if all(map(_PLAIN_NUMBER.fullmatch, (answer, reference))):
                return False
        if _WORDS.fullmatch(reference.strip()) or _WORDS.fullmatch(answer.strip()):
            return False
        found = compared(reference, answer, places, self._within)
        if found not in ("equal", "unequal"):
            self._undecided.setdefault(found, set()).add(answer[:200])
        return found == "equal"

    def record(self) -> dict[str, Any]:
        """How many different answers were not decided, by why, with the first of them."""
        counts = {
            why: {"answers": len(said), "as": min(said)} for why, said in sorted(self._undecided.items())
        }
        return {"math": {"seconds": SECONDS, "undecided": counts}}


@lru_cache(maxsize=65_536)
def compared(wanted: str, given: str, decimals: int | None = None, within: float = 0.0) -> str:
    """What math-verify says of two expressions: ``equal``, ``unequal``; or why it says nothing: ``unread``
    (``given`` is no expression), ``no expression`` (``wanted`` is none), ``out of time``, ``too long``,
    ``failed: ERROR``.

    Raises MissingExtra where it is not installed.
    """
    if max(len(wanted), len(given)) > _LONGEST:
        return "too long"
    pair = {"wanted": _tidy(wanted), "given": _tidy(given)}
    return _COMPARER.ask({**pair, "decimals": decimals, "within": within})


def _tidy(text: str) -> str:
    r"""What math-verify reads otherwise than people do: ``√3``, a blank before a percent sign, ``−``."""
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m[1] if m[1] is not None else m[2]}}}", text.replace("$", ""))
    return re.sub(r"\s+(?=\\?%)", "", text.replace("−", "-").replace("∞", r"\infty").replace("\n", " "))


class _Comparer:
    """The process that compares: started with the first question, and again after one that ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, question: Mapping[str, Any]) -> str:
        with self._lock:
            process = self._started()
            guard = threading.Timer(_PATIENCE * SECONDS, process.kill)
            guard.daemon = True
            guard.start()
            try:
                reply = self._exchange(process, json.dumps({**question, "seconds": SECONDS}))
            finally:
                guard.cancel()
            if not reply:
                self._end()
                return "out of time"
            return str(json.loads(reply))

    def _exchange(self, process: subprocess.Popen[str], line: str) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except OSError:
            return ""

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            if find_spec("math_verify") is None:
                raise MissingExtra("metric math_equal", "math")
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                [sys.executable, str(_CHILD)],
                stdin=pipe,
                stdout=pipe,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
            assert self._process.stdout is not None
            if not self._process.stdout.readline():
                self._end()
                raise HemmError(
                    "metric math_equal: math-verify does not load: python -c 'import math_verify' says why"
                )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()


_COMPARER = _Comparer()
atexit.register(_COMPARER.close)
