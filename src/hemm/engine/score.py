"""Scores of one cell's stored answers, computed again when answers, parser or metrics change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import BadData, HemmError, Metric, Task, completed, digest, digest_file
from hemm.data.files import replacing
from hemm.results import layout
from hemm.results.checked import broken, write_checked
from hemm.results.files import refuse_links
from hemm.results.lock import Lock
from hemm.results.read import Cell, cell
from hemm.results.segments import journal_size
from hemm.results.stored_media import stored_bytes

if TYPE_CHECKING:
    from hemm.results.stored_media import StoredMedia


def metrics_for(task: Task, extra: Sequence[str | Metric] = ()) -> dict[str, Metric]:
    """Metric key -> metric: the task's metrics that need neither weights nor a judge, then ``extra``.

    Raises UnknownName or HemmError for a spec that names none, where packages or weights are missing, and
    where two metrics of a user's own have one name, version and parameters.
    """
    from hemm.engine.judges import identified
    from hemm.metrics import metric_key, own_facts, resolve

    defaults = [m for m in map(resolve, task.metrics) if not {"weights", "judge"} & m.needs]
    made = [_prepared(metric) for metric in (*defaults, *map(resolve, extra))]
    found: dict[str, Metric] = {}
    for metric in map(identified, made):
        known = found.setdefault(metric_key(metric), metric)
        if own_facts(known) != own_facts(metric):
            raise HemmError(f"two metrics are called {metric.name!r}: give one another name or version")
        found[metric_key(metric)] = metric
    return found


def _prepared(metric: Metric) -> Metric:
    from hemm.metrics.own import fault

    try:
        found = metric.prepared()
    except Exception as error:
        told = fault(metric, error)
        raise told from told.__cause__
    ready: Metric = completed(found, Metric, f"what prepared of metric {metric.name!r} gives")
    return ready


def check_scored(task: Task, extra: Sequence[str | Metric] = (), later: bool = False) -> None:
    """Raise HemmError where no metric would score the answers to ``task``, unless they are scored ``later``.

    Raises as ``metrics_for``, too.
    """
    if metrics_for(task, extra) or later:
        return
    names = [metric if isinstance(metric, str) else metric.name for metric in task.metrics]
    need = "needs" if len(names) == 1 else "need"
    raise HemmError(
        f"task {task.name} has no metric that runs unasked: {', '.join(names)} {need} weights or a judge; "
        f"name what is to score it, as in --metric {names[0]}"
    )


def stored_media(stored: Cell) -> StoredMedia:
    """The pictures of a cell's answers, from its media folder or its task's pack."""
    from hemm.results.stored_media import StoredMedia

    drawn = partial(stored_bytes, stored.folder / layout.MEDIA)
    answered, origin = str(stored.run.get("pack", {}).get("hash", "")), stored.run.get("origin") or {}
    return StoredMedia(stored.task, stored.folder, drawn, answered, origin)


def _basis(stored: Cell, task: Task) -> str:
    from hemm.metrics.scoring import parser_versions

    return basis(stored, parser_versions(task.answer))


def basis(stored: Cell, parser: Mapping[str, Any]) -> str:
    """Digest of what scores depend on beside the metric: answers and parser (``parser_versions``)."""
    facts: list[Any] = [[p.to_json() for p in stored.parts], journal_size(stored.folder), dict(parser)]
    unscored = stored.unscored()
    return digest([*facts, unscored.to_pylist()] if unscored.num_rows else facts, 32)


def _headline(task: Task, metrics: Mapping[str, Metric]) -> str | None:
    """The key of the task's first metric that is among these, else the first of these."""
    from hemm.metrics import resolve

    place_of = {resolve(spec).name: place for place, spec in reversed(list(enumerate(task.metrics)))}
    return min(metrics, key=lambda key: place_of.get(metrics[key].name, len(place_of)), default=None)


def is_scored(folder: Path, task: Task, extra: Sequence[str | Metric] = ()) -> bool:
    """Whether the stored scores are of the current answers, parser and metrics."""
    stored = cell(folder)
    aggregates = _aggregates(stored)
    if aggregates.get("basis") != _basis(stored, task) or aggregates.get("pending"):
        return False
    rows = aggregates["metrics"]
    wanted = metrics_for(task, extra)
    return all(key in rows and _is_current(stored, key, rows[key], m) for key, m in wanted.items())


def _aggregates(stored: Cell) -> dict[str, Any]:
    """aggregates.json; empty where it is damaged: it is made anew, of the metrics that are named now."""
    try:
        return stored.aggregates()
    except BadData:
        return {}


def _is_current(stored: Cell, key: str, row: Mapping[str, Any], metric: Metric) -> bool:
    """Whether a metric's stored scores can be kept while the answers are the same: its code, where it is one
    of a user's own, has not changed."""
    from hemm.engine.judges import is_complete
    from hemm.metrics import own_facts

    if row.get("own", {}).get("code") != own_facts(metric).get("own", {}).get("code"):
        return False
    path = stored.scores_folder / f"{key}.parquet"
    if not path.exists() or broken(lambda: stored.scores(key)):
        return False
    return is_complete(row, stored)


def score_cell(
    folder: Path,
    task: Task,
    extra: Sequence[str | Metric] = (),
    *,
    again: bool = False,
    told: Callable[[str], None] = lambda line: None,
    opened: Callable[[Path], Cell] = cell,
) -> dict[str, int]:
    """Score one cell with the task's metrics, those in ``extra``, and those that scored it before.

    Scores of the same answers by the same metric (name, version, parameters) and parser are kept unless
    ``again``. Each metric's scores are written when they are complete, so that a stopped command resumes
    there.

    Writes scores/<metric-key>.parquet and aggregates.json, and returns the counts of outcomes. Metrics of the
    task that need weights or a judge run only if ``extra`` names them; an earlier judge gets no requests
    unless it is named. Raises UnknownName or HemmError for a metric spec, and HemmError where a metric needs
    pictures that are neither in the cell nor in the pack.

    One process scores a cell at a time: another one waits until it is done (``told`` gets a line that says
    for whom), and then goes on from what it wrote. ``opened`` gives the cell, which an overlay may lie over.
    """
    wanted = metrics_for(task, extra)
    work = _Scoring.of(opened(folder), task, wanted, again)
    if work.up_to_date:  # nothing is written, so that results that cannot be written to can be read
        return work.outcomes
    refuse_links(folder)
    waiting = f"{folder} is being scored by {{}}: waiting for it"
    with Lock(folder / layout.SCORES_LOCK).wait(lambda who: told(waiting.format(who))):
        work = _Scoring.of(opened(folder), task, wanted, again)
        return work.outcomes if work.up_to_date else work.run()


def _earlier(view: Cell, stored: Mapping[str, Any]) -> dict[str, Metric]:
    """Metric key -> metric that scored the cell before, or was to."""
    from hemm.metrics import again, metric_key, pending

    results = view.folder.parents[2] if len(view.folder.parents) > 2 else view.folder
    rows = [*stored.get("metrics", {}).values(), *stored.get("left_out", {}).values()]
    found = [*(again(row, results) for row in rows), *pending(stored.get("pending", ()), results)]
    return {metric_key(metric): metric for metric in found}


def _own_row(metric: Metric) -> dict[str, Any]:
    """What is kept of a metric of a user's own that is left out, so that it is found again."""
    from hemm.metrics import own_facts
    from hemm.metrics.scoring import described

    own = own_facts(metric)
    return {**own, **described(metric)} if own else {}


class _Scoring:
    """Scoring of one cell.

    metrics   metric key -> metric: those named now, and those that scored the cell before
    rows      rows of aggregates.json that are kept, by metric key
    optional  keys that nobody named now
    """

    def __init__(
        self, stored: Cell, task: Task, metrics: dict[str, Metric], rows: dict[str, Any], optional: set[str]
    ) -> None:
        self._cell, self._task, self._metrics, self._rows = stored, task, metrics, rows
        self._optional = optional
        self._left_out: dict[str, Any] = {}
        self.outcomes: dict[str, int] = dict(_aggregates(stored).get("outcomes", {}))
        self._basis = _basis(stored, task)
        self._unscored = dict(sorted(Counter(stored.unscored()["why"].to_pylist()).items()))

    @classmethod
    def of(cls, view: Cell, task: Task, wanted: dict[str, Metric], again: bool) -> _Scoring:
        """What is to be scored: by the metrics in ``wanted``, and by those that scored the cell before."""
        stored = _aggregates(view)
        same = stored.get("basis") == _basis(view, task) and not again
        before: dict[str, Any] = stored.get("metrics", {})
        earlier = _earlier(view, stored)
        metrics = {**wanted, **{key: m for key, m in earlier.items() if key not in wanted}}
        kept = [key for key in metrics if same and key in before]
        rows = {key: before[key] for key in kept if _is_current(view, key, before[key], metrics[key])}
        return cls(view, task, metrics, rows, set(earlier) - set(wanted))

    @property
    def up_to_date(self) -> bool:
        """Whether every metric has its row, and aggregates.json says what it would say now."""
        return len(self._rows) == len(self._metrics) and self.to_json() == _aggregates(self._cell)

    def run(self) -> dict[str, int]:
        """Score with the metrics that have no row yet, write after each, and count the outcomes."""
        from hemm.metrics import own_facts, spec_of
        from hemm.metrics.scoring import outcome_counts

        media, in_turn = stored_media(self._cell), self._in_turn()
        if in_turn:
            self._score_in_turn(in_turn, media)
        missing = [key for key in self._metrics if key not in self._rows]
        answers = self._cell.answers() if missing or not in_turn else None
        if answers is not None and not in_turn:
            self.outcomes = outcome_counts(answers, self._task, media)
        for key in missing:
            metric = self._metrics[key]
            try:
                self._rows[key] = self._score(key, metric, answers, media)
            except HemmError as error:
                if ("judge" not in metric.needs and not own_facts(metric)) or key not in self._optional:
                    raise
                # not named now: a judge whose rubric or rival is gone, or a metric whose file is
                self._left_out[key] = {"spec": spec_of(metric), "why": str(error), **_own_row(metric)}
                continue
            self._write()
        self._write()
        return self.outcomes

    def _score(self, key: str, metric: Metric, answers: Any, media: StoredMedia) -> dict[str, Any]:
        import pyarrow.parquet as pq

        from hemm.engine.judges import with_judge
        from hemm.metrics import own_facts, spec_of
        from hemm.metrics.learned import torchvision_check
        from hemm.metrics.scoring import aggregate, score_answers

        if "weights" in metric.needs:
            torchvision_check.prepare()  # a torchvision that does not import would end transformers' imports
        metric = with_judge(metric, key, self._cell, self._task)
        scores = score_answers(answers, self._task, metric, media)
        found = aggregate(scores, metric, answers, self._task, media)
        with replacing(self._cell.scores_folder / f"{key}.parquet") as path:
            pq.write_table(scores, path, compression="zstd")
            sha256 = digest_file(path)
        return {"spec": spec_of(metric), **own_facts(metric), **found, "sha256": sha256}

    def _in_turn(self) -> dict[str, Metric]:
        """Of many answers, each asked once: the metrics that take a few thousand at a time, without a row."""
        from hemm.metrics.scoring_in_turn import counts_alone

        rows = sum(part.rows for part in self._cell.parts)
        once = all(record.get("repeats", 1) == 1 for record in self._cell.run["selections"])
        if rows <= layout.PART_ROWS or not once or self._cell.state == "open":
            return {}
        return {k: m for k, m in self._metrics.items() if k not in self._rows and counts_alone(m)}

    def _score_in_turn(self, metrics: Mapping[str, Metric], media: StoredMedia) -> None:
        from hemm.metrics import own_facts, spec_of
        from hemm.metrics.scoring_in_turn import score_in_turn
        from hemm.results.files import growing_table

        folder, tables = self._cell.scores_folder, self._cell.answers_in_turn
        with ExitStack() as files:
            writers = {
                key: files.enter_context(growing_table(folder / f"{key}.parquet", layout.SCORE_SCHEMA))
                for key in metrics
            }
            self.outcomes, found = score_in_turn(tables, self._task, metrics, media, writers)
        for key, metric in metrics.items():
            row = {"spec": spec_of(metric), **own_facts(metric), **found[key]}
            self._rows[key] = {**row, "sha256": digest_file(folder / f"{key}.parquet")}
        self._write()

    def to_json(self) -> dict[str, Any]:
        """The contents of aggregates.json. ``pending``: metrics that a stopped command did not reach."""
        from hemm.metrics import again_spec
        from hemm.metrics.scoring import parser_versions

        rows = {key: self._rows[key] for key in self._metrics if key in self._rows}
        missing = [m for key, m in self._metrics.items() if key not in rows and key not in self._left_out]
        pending = [spec for spec in map(again_spec, missing) if spec]
        return {
            "schema_version": layout.SCHEMA_VERSION,
            "basis": self._basis,
            "parser": dict(parser_versions(self._task.answer)),
            "headline": _headline(self._task, {key: self._metrics[key] for key in rows}),
            "outcomes": self.outcomes,
            "metrics": rows,
            **({"pending": pending} if pending else {}),
            **({"unscored": self._unscored} if self._unscored else {}),
            **({"left_out": self._left_out} if self._left_out else {}),
        }

    def _write(self) -> None:
        write_checked(self._cell.scores_folder / layout.AGGREGATES, self.to_json())
