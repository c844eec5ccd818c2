"""What ``hemm.run`` and ``hemm.load`` give, and how a notebook and a terminal show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.analysis.compare import Comparison
from hemm.analysis.interactions import Interactions
from hemm.analysis.judge_check import JudgeCheck
from hemm.analysis.profile import Profile
from hemm.analysis.variance import Variance
from hemm.core import HemmError, MissingExtra, UnknownName
from hemm.core.user_files import shown

if TYPE_CHECKING:
    import duckdb
    import pandas
    import pyarrow as pa

    from hemm.analysis.study import Study
    from hemm.engine.options import CellResult
    from hemm.results.read import Cell


def _frame(table: pa.Table) -> pandas.DataFrame:
    if find_spec("pandas") is None:
        raise MissingExtra("to_pandas()", "notebook")
    frame: pandas.DataFrame = table.to_pandas()
    return frame


class ShownProfile(Profile):
    """A profile that shows itself: its tables in a terminal, a table and the radar in a notebook."""

    def __repr__(self) -> str:
        from hemm.report.tables.profile import render

        return render(self).rstrip("\n")

    def _repr_html_(self) -> str:
        from hemm.report.notebook import profile_html

        return profile_html(self)

    def to_arrow(self) -> pa.Table:
        """A row for each value, with the columns of ``hemm profile --format csv``."""
        import pyarrow as pa

        from hemm.report.tables.profile import flat

        return pa.Table.from_pylist(flat(self))

    def to_pandas(self) -> pandas.DataFrame:
        """``to_arrow()`` as a data frame. Raises MissingExtra without pandas."""
        return _frame(self.to_arrow())


class ShownComparison(Comparison):
    """A comparison that shows itself: conclusions and tables, as ``hemm compare`` prints them."""

    def __repr__(self) -> str:
        from hemm.report.tables.comparison import conclusions, lines
        from hemm.report.tables.comparison_brief import brief_tables
        from hemm.report.tables.writer import tables_text

        return tables_text(brief_tables(self), lines(self), conclusions(self))

    def _repr_html_(self) -> str:
        from hemm.report.notebook import comparison_html

        return comparison_html(self)


class ShownVariance(Variance):
    """Variance components that show themselves, as ``hemm variance`` prints them."""

    def __repr__(self) -> str:
        from hemm.report.tables.variance import lines, tables
        from hemm.report.tables.writer import tables_text

        return tables_text(tables(self), lines(self))

    def to_arrow(self) -> pa.Table:
        """A row for each component and change, with the columns of ``hemm variance --format csv``."""
        import pyarrow as pa

        from hemm.report.tables.variance import flat

        return pa.Table.from_pylist(flat(self))

    def to_pandas(self) -> pandas.DataFrame:
        """``to_arrow()`` as a data frame. Raises MissingExtra without pandas."""
        return _frame(self.to_arrow())


class ShownInteractions(Interactions):
    """Interactions that show themselves, as ``hemm interactions`` prints them."""

    def __repr__(self) -> str:
        from hemm.report.tables.interactions import lines, tables
        from hemm.report.tables.writer import tables_text

        return tables_text(tables(self), lines(self))

    def to_arrow(self) -> pa.Table:
        """A row for each value, with the columns of ``hemm interactions --format csv``."""
        import pyarrow as pa

        from hemm.report.tables.interactions import flat

        return pa.Table.from_pylist(flat(self))

    def to_pandas(self) -> pandas.DataFrame:
        """``to_arrow()`` as a data frame. Raises MissingExtra without pandas."""
        return _frame(self.to_arrow())


class ShownJudgeCheck(JudgeCheck):
    """A judge against people, as ``hemm judge-check`` prints it."""

    def __repr__(self) -> str:
        from hemm.report.tables.judge_check import lines, tables
        from hemm.report.tables.writer import tables_text

        return tables_text(tables(self), lines(self))


@dataclass(frozen=True, repr=False)
class Results:
    """The cells of a run, or of a results folder: one for each model, task and protocol.

    folder  where they lie
    cells   ``for cell in results`` goes over them: ``cell.model``, ``.task``, ``.run`` (run.json),
            ``.answers()``, ``.calls()``, ``.scores(KEY)`` and ``.aggregates()``
    runs    what ``hemm.run`` did for each cell: ``asked``, ``answers``, ``errors``, ``stopped``, and the
            ``forecast`` of a dry run; empty for ``hemm.load``
    not_prepared  tasks of the suite or labels that were not asked, since ``hemm prepare`` has not had them
    cannot_take   a sentence on those that a model was not asked, since it does not take their media

    Scores are read when they are first needed, and once: ``hemm.load`` again shows what came later.

    >>> import hemm
    >>> results = hemm.run("baseline/oracle", "probe_shapes", limit=4)
    >>> table = results.to_arrow()
    >>> table.select(["model", "task", "control", "metric", "value"]).to_pylist()[0]
    {'model': 'baseline/oracle', 'task': 'probe_shapes', 'control': '', 'metric': 'accuracy', 'value': 1.0}
    """

    folder: Path
    cells: Sequence[Cell]
    runs: Sequence[CellResult] = ()
    not_prepared: Sequence[str] = ()
    cannot_take: str = ""

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        from hemm.report.notebook import results_text

        lines = [results_text(self.folder, self.cells, self.runs)]
        if self.not_prepared:
            lines.append(f"not prepared, so not asked: {', '.join(self.not_prepared)}")
        if self.cannot_take:
            lines.append(f"not asked: {self.cannot_take}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from hemm.report.notebook import profile_html, text_html

        try:
            return profile_html(self.profile())
        except HemmError as error:
            return text_html(f"{self!r}\n{error}")

    @cached_property
    def study(self) -> Study:
        """The scores of all cells, loaded once. Raises HemmError where none can be read."""
        from hemm.analysis.study import Study

        return Study.of(self.cells)

    def profile(self, **options: Any) -> ShownProfile:
        """Scores by every dimension; ``options`` are those of ``hemm.analysis.profile.profile``: normalise
        (``anchored``, ``paper``, ``rank``), common, failures. Raises UnknownName for others."""
        from hemm.analysis.profile import profile

        _check(options, ("normalise", "common", "failures", "extras"), "profile")
        if type(options.get("common", True)).__name__ not in ("bool", "bool_"):
            raise HemmError(f"common is {shown(options['common'])}; give True or False")
        return ShownProfile(**_values(profile(self.study, **options)))

    def compare(self, *models: str, **options: Any) -> ShownComparison:
        """The models against each other: two of them sample by sample, all of them by rank.

        models   two names to compare; without them the only two
        options  normalise, failures, resamples, seed, and published (``100`` or ``full``): see
                 ``hemm.analysis.compare.Choice``
        """
        from hemm.analysis.compare import Choice, compare

        known = [f.name for f in fields(Choice)]
        _check(options, known, "compare")
        named = options.pop("models", ())
        if not isinstance(named, str | list | tuple):
            raise HemmError(f"models is {shown(named)}; give the names of two models")
        names = models or ((named,) if isinstance(named, str) else tuple(named))
        return ShownComparison(**_values(compare(self.study, Choice(names, **options))))

    def variance(self) -> ShownVariance:
        """The variance of every model's score by what was varied, and what more of each unit would buy: see
        ``hemm.analysis.variance.variance``."""
        from hemm.analysis.variance import variance

        return ShownVariance(**_values(variance(self.study)))

    def interactions(self) -> ShownInteractions:
        """What picture and text do together and alone, where ``conditions`` were asked: see
        ``hemm.analysis.interactions.interactions``."""
        from hemm.analysis.interactions import interactions

        return ShownInteractions(**_values(interactions(self.study)))

    def judge_check(self, human: str | Path, metric: str = "") -> ShownJudgeCheck:
        """The judge (or another ``metric``) against the labels by people in the file ``human``: see
        ``hemm.analysis.judge_check.judge_check``."""
        from hemm.analysis.judge_check import judge_check

        return ShownJudgeCheck(**_values(judge_check(self.cells, Path(human), metric)))

    @cached_property
    def _subjects(self) -> Mapping[Path, str]:
        """Folder of each cell -> label of the subject that it is, as the profile has it."""
        from hemm.analysis.study.subjects import members_of

        members, _ = members_of(self.cells)
        return {self.cells[m.number].folder: m.subject.label for m in reversed(members)}

    def to_arrow(self) -> pa.Table:
        """The scores by sample: see ``hemm.results.flat.score_table`` for the columns."""
        from hemm.results.flat import score_table

        return score_table(self.folder, self.cells, self._subjects)

    def to_pandas(self) -> pandas.DataFrame:
        """``to_arrow()`` as a data frame. Raises MissingExtra without pandas."""
        return _frame(self.to_arrow())

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the views ``answers``, ``scores``, ``calls`` and ``cells``.

        Their rows are read into memory now. Answers that are kept and not scored are left out. Raises
        MissingExtra without DuckDB.

        >>> import hemm
        >>> database = hemm.run("baseline/oracle", "probe_shapes", limit=4).duckdb()
        >>> database.sql("select model, task, avg(value) from scores where headline group by all").fetchall()
        [('baseline/oracle', 'probe_shapes', 1.0)]
        """
        if find_spec("duckdb") is None:
            raise MissingExtra("duckdb()", "notebook")
        import duckdb

        from hemm.results import flat

        connection = duckdb.connect()
        views = {
            "answers": flat.answer_table,
            "scores": flat.score_table,
            "calls": flat.call_table,
            "cells": flat.cell_table,
        }
        for name, table in views.items():
            connection.register(name, table(self.folder, self.cells, self._subjects))
        return connection


def _values(thing: Any) -> dict[str, Any]:
    return {f.name: getattr(thing, f.name) for f in fields(thing)}


def _check(options: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    for name in options:
        if name not in known:
            raise UnknownName(f"option of {what}", name, known)
