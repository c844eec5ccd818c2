"""Judging stored answers: scores of one cell, made anew when answers, parser or metrics change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import HemmError, Metric, Task, digest
from hemm.data.files import replacing
from hemm.results import layout
from hemm.results.files import write_json
from hemm.results.read import Cell, cell
from hemm.results.stored_media import media_path

if TYPE_CHECKING:
    from hemm.results.stored_media import StoredMedia


def metrics_for(task: Task, extra: Sequence[str] = ()) -> dict[str, Metric]:
    """Metric key -> metric: the task's own that need neither weights nor a judge, and those asked for.

    Raises UnknownName or HemmError for a spec that means none, and where packages or weights are missing.
    """
    from hemm.engine.judges import identified
    from hemm.metrics import metric_key, resolve

    own = [m for m in map(resolve, task.metrics) if not {"weights", "judge"} & m.needs]
    return {metric_key(m): m for m in (identified(m.prepared()) for m in [*own, *map(resolve, extra)])}


def stored_media(found: Cell) -> StoredMedia:
    """Where scoring finds the pictures of a cell's answers: its media folder, then its task's pack."""
    from hemm.results.stored_media import StoredMedia

    answered = str(found.run.get("pack", {}).get("hash", ""))
    return StoredMedia(found.task, found.folder, partial(media_path, found.folder / layout.MEDIA), answered)


def _basis(found: Cell, task: Task) -> str:
    """What scores depend on beside the metric: the answers and the parser."""
    from hemm.metrics.scoring import parser_versions

    lines = found.folder / layout.JOURNAL
    journal = lines.stat().st_size if lines.exists() else 0
    return digest([[p.plain() for p in found.parts], journal, dict(parser_versions(task.answer))], 32)


def _headline(task: Task, metrics: Mapping[str, Metric]) -> str | None:
    """The key of the task's first metric that is among these, else the first of these."""
    from hemm.metrics import resolve

    own = {resolve(spec).name: place for place, spec in reversed(list(enumerate(task.metrics)))}
    return min(metrics, key=lambda key: own.get(metrics[key].name, len(own)), default=None)


def is_scored(folder: Path, task: Task, extra: Sequence[str] = ()) -> bool:
    """Whether the scores on disk are those of today's answers, parser and metrics."""
    found = cell(folder)
    there = found.aggregates()
    if there.get("basis") != _basis(found, task) or there.get("pending"):
        return False
    rows = there["metrics"]
    return all(key in rows and _stands(found, key, rows[key]) for key in metrics_for(task, extra))


def _stands(found: Cell, key: str, row: Mapping[str, Any]) -> bool:
    """Whether a metric's scores of the same answers need not be made anew."""
    from hemm.engine.judges import is_complete

    return (found.folder / layout.SCORES / f"{key}.parquet").exists() and is_complete(row, found)


def score_cell(folder: Path, task: Task, extra: Sequence[str] = (), *, again: bool = False) -> dict[str, int]:
    """Score one cell with the task's metrics, those in ``extra``, and those that scored it before.

    Scores of the same answers by the same metric (name, version, parameters) and parser are kept; ``again``
    makes all anew. Each metric's are written when it is done, so that a command that was stopped goes on
    from there.

    Writes scores/<metric-key>.parquet and aggregates.json; the counts of outcomes are returned. Metrics of
    the task that need weights or a judge run only where ``extra`` names them; a judge that scored before is
    not asked unless it is named. Raises UnknownName or HemmError for a metric spec, and HemmError where a
    metric needs pictures that are neither in the cell nor in the pack.
    """
    from hemm.metrics import metric_key, resolve

    found, asked = cell(folder), metrics_for(task, extra)
    stored = found.aggregates()
    same = stored.get("basis") == _basis(found, task) and not again
    before: dict[str, Any] = stored.get("metrics", {})
    left = [row["spec"] for row in stored.get("left_out", {}).values()]
    specs = [*(row["spec"] for row in before.values()), *stored.get("pending", ()), *left]
    earlier = {metric_key(m): m for m in map(resolve, specs)}
    metrics = {**asked, **{key: m for key, m in earlier.items() if key not in asked}}
    rows = {
        key: before[key] for key in metrics if same and key in before and _stands(found, key, before[key])
    }
    work = _Scoring(found, task, metrics, rows)
    if len(rows) == len(metrics) and work.to_json() == stored:
        return dict(stored["outcomes"])
    return work.run(optional=set(earlier) - set(asked))


class _Scoring:
    """Scoring of one cell: ``rows`` of aggregates.json that stand, and those still to be made."""

    def __init__(self, found: Cell, task: Task, metrics: dict[str, Metric], rows: dict[str, Any]) -> None:
        self._found, self._task, self._metrics, self._rows = found, task, metrics, rows
        self._left_out: dict[str, Any] = {}
        self._outcomes: dict[str, int] = found.aggregates().get("outcomes", {})
        self._basis = _basis(found, task)

    def run(self, optional: set[str]) -> dict[str, int]:
        """Make what is missing, and write it metric by metric: the counts of outcomes."""
        from hemm.metrics import spec_of
        from hemm.metrics.scoring import outcome_counts

        answers, media = self._found.answers(), stored_media(self._found)
        self._outcomes = outcome_counts(answers, self._task, media)
        for key, metric in self._metrics.items():
            if key in self._rows:
                continue
            try:
                self._rows[key] = self._score(key, metric, answers, media)
            except HemmError as error:
                if "judge" not in metric.needs or key not in optional:
                    raise
                # nobody asked for it now, and what it was told or compared with is gone
                self._left_out[key] = {"spec": spec_of(metric), "why": str(error)}
                continue
            self._write()
        self._write()
        return self._outcomes

    def _score(self, key: str, metric: Metric, answers: Any, media: StoredMedia) -> dict[str, Any]:
        import pyarrow.parquet as pq

        from hemm.engine.judges import at_work
        from hemm.metrics import spec_of
        from hemm.metrics.learned import torchvision_check
        from hemm.metrics.scoring import aggregate, score_answers

        if "weights" in metric.needs:
            torchvision_check.prepare()  # a torchvision that does not import would end transformers' imports
        metric = at_work(metric, key, self._found, self._task)
        scores = score_answers(answers, self._task, metric, media)
        with replacing(self._found.folder / layout.SCORES / f"{key}.parquet") as path:
            pq.write_table(scores, path, compression="zstd")
        return {"spec": spec_of(metric), **aggregate(scores, metric, answers, self._task, media)}

    def to_json(self) -> dict[str, Any]:
        """aggregates.json as it stands. ``pending``: what is still to be scored, in a stopped command."""
        from hemm.metrics import spec_of
        from hemm.metrics.scoring import parser_versions

        there = {key: self._rows[key] for key in self._metrics if key in self._rows}
        pending = [
            spec_of(m) for key, m in self._metrics.items() if key not in there and key not in self._left_out
        ]
        return {
            "schema_version": layout.SCHEMA_VERSION,
            "basis": self._basis,
            "parser": dict(parser_versions(self._task.answer)),
            "headline": _headline(self._task, {key: self._metrics[key] for key in there}),
            "outcomes": self._outcomes,
            "metrics": there,
            **({"pending": pending} if pending else {}),
            **({"left_out": self._left_out} if self._left_out else {}),
        }

    def _write(self) -> None:
        write_json(self._found.folder / layout.SCORES / layout.AGGREGATES, self.to_json())
