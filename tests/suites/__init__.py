"""How each data set of today's suites is held: its hub files in small, and its official score by other code.

A module here has ``HELD``: task (or ``task:variant``) -> ``Held``. ``tests/tasks/test_suites.py`` holds each:
the conformance kit, no row lost, the oracle at every metric's ceiling, random answers at chance, and the
values of ``official``, for answers as models write them, equal to hemm's. A task without an entry is not
listed: the same test says so.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemm.core import Sample

Answers = Mapping[str, str]
"""Sample id -> what a model said."""


@dataclass(frozen=True)
class Held:
    """One task and how its score is held.

    write     writes about ``n`` rows below ``folder`` as the hub has them: its file names, columns and Arrow
              types, with what is dirty in them; the same bytes each time
    says      what a model says to a sample (``number`` counts samples): right, wrong, wordy, nothing
    official  what the official scorer gives for these files and answers, written from its public description
              without hemm: ``metric`` or ``metric/component`` -> value. It reads the files itself
    samples   how many samples come of 24 rows, where it is another number
    loose     metrics whose ceiling the oracle does not reach
    """

    write: Callable[[Path, int], None]
    says: Callable[[Sample, int], str]
    official: Callable[[Path, Answers], Mapping[str, float]]
    samples: int = 24
    loose: tuple[str, ...] = ()


def held() -> dict[str, Held]:
    """All of them."""
    found: dict[str, Held] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= getattr(importlib.import_module(f"{__name__}.{module.name}"), "HELD", {})
    return found


IMAGE = "struct<bytes: binary, path: string>"


def picture(number: int, name: str = "") -> dict[str, Any]:
    """A picture as the hub stores it."""
    from layouts.draw import picture as drawn

    return {"bytes": drawn(number), "path": name or None}


def put_parquet(path: Path, rows: list[dict[str, Any]], types: Mapping[str, Any]) -> None:
    """Write rows with these Arrow types, in which ``IMAGE`` and ``[IMAGE]`` stand for pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    known = {"image": image, "images": pa.list_(image), "str": pa.string(), "int": pa.int64(),
             "strs": pa.list_(pa.string()), "float": pa.float64(), "int32": pa.int32()}  # fmt: skip
    schema = pa.schema(
        [(name, known.get(kind, kind) if isinstance(kind, str) else kind) for name, kind in types.items()]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def rows_of(folder: Path, pattern: str = "**/*.parquet") -> list[dict[str, Any]]:
    """The rows of the files as they were written, in the order of the files' names."""
    import pyarrow.parquet as pq

    return [row for path in sorted(folder.glob(pattern)) for row in pq.read_table(path).to_pylist()]


def lettered(sample: Sample, number: int) -> str:
    """What models say to a question with letters: right three times in four, in several forms, and now and
    then nothing of use."""
    choices = sample.choices
    right = choices.index(str(sample.references[0]))
    letter = chr(65 + (right if number % 4 else (right + 1) % len(choices)))
    forms = (
        "{0}",
        "({0})",
        "{0}.",
        "The answer is {0}.",
        "Answer: {0}",
        "I would say **{0}**.",
        "I cannot tell.",
    )
    return forms[number % len(forms)].format(letter)


def letter_in(text: str) -> str:
    """The letter that an answer of ``lettered`` names; empty where it names none."""
    import re

    found = re.findall(
        r"(?<![A-Za-z])([A-Z])(?![A-Za-z'])", text.replace("I would", "").replace("I cannot", "")
    )
    return found[-1] if found else ""
