"""Problems of a data set's files: pack.json has their number, and the names of the first of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import LeftOut, Sample

_NAMED = 1000
"""How many of each kind pack.json names."""


@dataclass
class QualityReport:
    """Files that are missing (their samples are left out), media that do not open (their samples are kept),
    and rows that the reader left out."""

    folder: Path
    missing: list[str] = field(default_factory=list)
    missing_rows: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    problem_count: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)
    left_out_count: int = 0

    def add_missing(self, path: str) -> None:
        """Count a sample with a missing file."""
        self.missing_rows += 1
        name = self._relative(path)
        if len(self.missing) < _NAMED and name not in self.missing[-64:]:
            self.missing.append(name)

    def add_problem(self, sample: Sample) -> None:
        """Count a sample with a medium that cannot be used."""
        self.problem_count += 1
        if len(self.problems) < _NAMED:
            self.problems.append({"id": sample.id, "problem": sample.problem})

    def add_left_out(self, row: LeftOut) -> None:
        """Count a row that is no usable question."""
        self.left_out_count += 1
        if len(self.left_out) < _NAMED:
            self.left_out.append({"where": self._relative(row.where), "why": row.why})

    def restart(self) -> None:
        """Forget the rows left out, since the reader starts again and reports them again."""
        self.left_out.clear()
        self.left_out_count = 0

    def explanation(self) -> str:
        """A possible reason why there is no sample at all; else empty."""
        text = ""
        if self.missing:
            text += f"; {self.missing_rows} samples name files that are not there"
            text += f", the first: {self.missing[0]}"
        if self.left_out:
            text += f"; {self.left_out_count} rows cannot be asked"
            text += ", the first: {where}: {why}".format(**self.left_out[0])
        return text

    def to_json(self) -> dict[str, Any]:
        """The entry in pack.json."""
        return {
            "missing": {"count": self.missing_rows, "names": self.missing},
            "problems": {"count": self.problem_count, "samples": self.problems},
            "left_out": {"count": self.left_out_count, "rows": self.left_out},
        }

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}/")
