"""The profile as table, JSON, CSV and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.analysis.study.anytime_interval import EXPLAINED, MARK, NOTHING
from hemm.analysis.study.failure_policy import DESCRIPTIONS
from hemm.analysis.study.normalise import MEANINGS, slice_order
from hemm.core import CONTROLS, DIMENSIONS, UnknownName
from hemm.core.terminal import printable
from hemm.report.tables.layout import Line, Row, table_lines, wrap
from hemm.report.tables.overlay_columns import extra_columns, with_overlay
from hemm.report.tables.perceptual import HEAD as PERCEPTUAL_HEAD
from hemm.report.tables.perceptual import ORDER_HEAD, order_lines, perceptual_lines
from hemm.report.tables.selection_words import selections
from hemm.report.tables.writer import is_numeric, print_lines, to_csv, width
from hemm.stats.between_tasks import LEAST
from hemm.stats.intervals import LEVEL, Estimate

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import BesideRow, CategoryRow, ControlRow, Profile, SuiteRow, TaskRow
    from hemm.analysis.study import Subject
    from hemm.analysis.study.failure_policy import PolicyScores
    from hemm.stats.between_tasks import TasksLike

FORMATS = ("table", "json", "csv", "markdown")
FAILURES = ("unparsable", "refused", "truncated", "error")


def render(profile: Profile, format_: str = "table", wide: int | None = None) -> str:
    """The profile as text. Raises UnknownName for a format that does not exist."""
    if format_ == "json":
        import orjson

        return orjson.dumps(profile.to_json(), option=orjson.OPT_INDENT_2).decode()
    if format_ == "csv":
        # this file has True and False, other tables yes and no: changing it would break its readers
        rows = [{k: str(v) if isinstance(v, bool) else v for k, v in r.items()} for r in flat(profile)]
        return to_csv(rows, (*COLUMNS, *extra_columns(profile)))
    if format_ == "markdown":
        return _markdown(profile)
    if format_ == "table":
        return "\n".join(line.text for line in _lines(profile, wide or width())) + "\n"
    raise UnknownName("format", format_, FORMATS)


def show(profile: Profile) -> None:
    """Print the tables on the terminal."""
    print_lines(_lines(profile, width()))


_COLUMNS = (
    "kind subject dimension category task metric component value low high normalised n units clusters tasks "
    "ok unparsable refused truncated error cut note normaliser failures bootstrap_low bootstrap_high anytime "
    "like_low like_high like_note"
)
COLUMNS = tuple(_COLUMNS.split())
"""Columns of the CSV."""


def flat(profile: Profile) -> list[dict[str, Any]]:
    """One row for each value, with the keys of ``COLUMNS``; kinds are ``category``, ``proposed``
    (categories of tasks whose labels are proposals), ``suite``, ``task``, ``control``."""
    rows: list[dict[str, Any]] = []
    rows += [
        _flat("suite", r.subject, r.estimate, {"category": r.suite, "normalised": True})
        for r in profile.suites
    ]
    kinds = [("category", c) for c in profile.categories] + [("proposed", c) for c in profile.proposed]
    for kind, c in kinds:
        columns = {"dimension": c.dimension, "category": c.category, "tasks": len(c.tasks), "units": c.units}
        columns |= {"normalised": True, **c.outcomes, "cut": c.cut, **_like(c.like)}
        rows.append(_flat(kind, c.subject, c.estimate, columns))
    for t in profile.tasks:
        for number, v in enumerate(t.values):
            columns = {"task": t.task, "metric": v.metric, "component": v.component, "normalised": False}
            columns |= {"units": t.units, **t.outcomes, "cut": t.cut} if not number else {}
            if t.bootstrap is not None and not number:
                columns |= {"bootstrap_low": t.bootstrap.low, "bootstrap_high": t.bootstrap.high}
            rows.append(_flat("task", t.subject, v.estimate, columns))
        if t.normalised is not None:
            columns = {"task": t.task, "metric": t.headline.metric, "component": "", "normalised": True}
            rows.append(_flat("task", t.subject, t.normalised, columns))
    for d in profile.controls:
        columns = {"task": d.task, "category": d.control, "normalised": not d.task, **_like(d.like)}
        rows.append(_flat("control", d.subject, d.difference, columns))
    rows = [row | {"normaliser": profile.normaliser, "failures": profile.failures} for row in rows]
    return with_overlay(profile, rows)


def _like(like: TasksLike | None) -> dict[str, Any]:
    """The interval for tasks like these."""
    if like is None:
        return {}
    e = like.estimate
    return {"like_low": e.low, "like_high": e.high, "like_note": e.note}


def _flat(kind: str, subject: Subject, estimate: Estimate, columns: Mapping[str, Any]) -> dict[str, Any]:
    values = {"kind": kind, "subject": printable(subject.label), **estimate.to_json(), **columns}
    return {column: values.get(column) for column in COLUMNS}


# as text


def number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 2) + 0.0:.2f}"  # no "-0.00"


def interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "-"
    mark = f" {MARK}" if estimate.anytime else ""
    return f"{number(estimate.low)} to {number(estimate.high)}{mark}"


def failures(outcomes: Mapping[str, int], cut: int = 0) -> str:
    """``3 unparsable, 1 error (2 cut)``, where cut answers were parsed; ``none`` without failures."""
    kinds = [f"{outcomes[o]} {o}" for o in FAILURES if outcomes.get(o)]
    if cut:
        kinds.append(f"({cut} cut)")
    return ", ".join(kinds) or "none"


def title(dimension: str, category: str) -> str:
    return "Overall" if not category else category.replace("_", " ")


Cells = tuple[str, list[str]]
"""A row of a table: ``head`` (of a dimension) or ``row``, and its cells."""

CATEGORY_HEAD = ["", "score", "these tasks", "like these", "tasks", "units", "failed"]
TASK_HEAD = [
    "task",
    "metric",
    "score",
    f"{LEVEL:.0%} interval",
    "norm.",
    "n",
    "failed",
]
CONTROL_HEAD = [
    "task",
    "compared with",
    "difference",
    f"{LEVEL:.0%} interval",
    "anchored",
    f"{LEVEL:.0%} interval",
    "n",
]
"""The difference is on the metric's own scale; then it is on the scale that the mean over tasks is on."""


def category_lines(rows: Sequence[CategoryRow]) -> Iterator[Cells]:
    """The categories of one subject by dimension."""
    last = ""
    for row in rows:
        if row.category and row.dimension != last:
            yield "head", [DIMENSIONS[row.dimension].title]
        last = row.dimension
        yield (
            "row",
            [
                ("  " if row.category else "") + title(row.dimension, row.category),
                number(row.estimate.value),
                interval(row.estimate),
                interval(row.like.estimate),
                str(len(row.tasks)),
                str(row.units),
                str(sum(row.outcomes.get(o, 0) for o in FAILURES)),
            ],
        )


NONE = ["-", "", "0"]
PROPOSED_HEAD = ["", "score", "these tasks", "tasks", "proposed", "these tasks", "tasks"]


def proposed_lines(rows: Sequence[CategoryRow], proposed: Sequence[CategoryRow]) -> Iterator[Cells]:
    """The categories of one subject, and beside each that of the tasks whose labels are proposals."""
    both = [{(r.dimension, r.category): r for r in side} for side in (rows, proposed)]
    last = ""
    for place in sorted({**both[0], **both[1]}, key=lambda p: slice_order(*p)):
        if place[1] and place[0] != last:
            yield "head", [title_of(place[0])]
        last = place[0]
        cells = [("  " if place[1] else "") + title(*place)]
        for row in (side.get(place) for side in both):
            if row is None or not row.tasks:
                cells += NONE
            else:
                cells += [number(row.estimate.value), interval(row.estimate), str(len(row.tasks))]
        yield "row", cells


SUITE_HEAD = ["suite", "score", "these tasks", "tasks", "without a score"]


def suite_lines(rows: Sequence[SuiteRow]) -> Iterator[Cells]:
    """The mean of a suite, by its weights."""
    for row in rows:
        weights = ", ".join(f"{t} {w:g}" for t, w in row.weights.items())
        equal = len({*row.weights.values()}) < 2
        told = str(len(row.weights)) if equal else weights
        lacking = ", ".join(row.lacking)
        yield "row", [row.suite, number(row.estimate.value), interval(row.estimate), told, lacking]


def task_lines(rows: Sequence[TaskRow]) -> Iterator[Cells]:
    """The tasks of one subject: the headline, then other metrics and components."""
    for row in rows:
        for index, value in enumerate(row.values):
            name = f"  {value.component}" if value.component else value.metric
            first = index == 0
            yield (
                "row",
                [
                    row.task if first else "",
                    name,
                    number(value.estimate.value),
                    interval(value.estimate),
                    number(row.normalised.value if row.normalised else None) if first else "",
                    str(value.estimate.n),
                    failures(row.outcomes, row.cut) if first else "",
                ],
            )


POLICY_HEAD = ["failures read as", "worst score", "left out", "worst case", "best case", "without value"]
BOOTSTRAP_HEAD = ["task", "score", "95% interval", "by bootstrap"]


def policy_lines(rows: Sequence[CategoryRow]) -> Iterator[Cells]:
    """Categories with answers without a value, under every failure policy."""
    for row in rows:
        if row.by_policy is not None and row.by_policy.left_out:
            label = f"{row.dimension}: {row.category}".replace("_", " ") if row.category else "Overall"
            yield "row", [label, *policy_cells(row.by_policy)]


def policy_cells(scores: PolicyScores) -> list[str]:
    values = (scores.as_worst, scores.exclude, scores.worst, scores.best)
    return [*(number(v) for v in values), str(scores.left_out)]


def bootstrap_lines(rows: Sequence[TaskRow]) -> Iterator[Cells]:
    for row in rows:
        if row.bootstrap is not None:
            e = row.headline.estimate
            yield "row", [row.task, number(e.value), interval(e), interval(row.bootstrap)]


def control_lines(rows: Sequence[ControlRow]) -> Iterator[Cells]:
    """With the right picture less with what the control shows in its place."""
    for row in rows:
        own = [number(row.difference.value), interval(row.difference)] if row.task else ["", ""]
        scaled = row.normalised
        anchored = ["-", "-"] if scaled is None else [number(scaled.value), interval(scaled)]
        cells = [row.task or "mean over tasks", CONTROLS[row.control].full, *own, *anchored]
        yield "row", [*cells, str(row.difference.n)]
        if row.like is not None:
            cells = ["  for tasks like these", "", "", "", "", interval(row.like.estimate)]
            yield "row", [*cells, ""]


BESIDE_HEAD = ["", "without", "with", "difference", "changed", "n", "n with"]


def beside_lines(rows: Sequence[BesideRow]) -> Iterator[Cells]:
    """The values of one subject without the overlay and with it: categories, then tasks."""
    last = ""
    for row in rows:
        head = "Tasks, on their own scale" if row.task else title_of(row.dimension)
        if (row.task or row.category) and head != last:
            yield "head", [head]
            last = head
        name = row.task or title(row.dimension, row.category)
        gap = row.difference
        cells = [number(row.without), number(row.with_), "-" if gap is None else f"{gap + 0.0:+.3f}"]
        indent = "  " if row.task or row.category else ""
        yield "row", [indent + name, *cells, *map(str, (row.changed, row.n, row.n_with))]


def title_of(dimension: str) -> str:
    return DIMENSIONS[dimension].title if dimension in DIMENSIONS else dimension


def _sections(profile: Profile) -> Iterator[tuple[str, list[str], list[Cells]]]:
    """(heading, header, lines) of every table."""
    for subject in profile.subjects:
        categories = [r for r in profile.categories if r.subject == subject]
        tasks = [r for r in profile.tasks if r.subject == subject]
        if not subject.control:
            yield f"{subject.label}: scores by category", CATEGORY_HEAD, list(category_lines(categories))
        if suites := [r for r in profile.suites if r.subject == subject]:
            yield f"{subject.label}: the suite", SUITE_HEAD, list(suite_lines(suites))
        if proposed := [r for r in profile.proposed if r.subject == subject]:
            heading = f"{subject.label}: beside them, tasks whose labels are hemm's proposals"
            yield heading, PROPOSED_HEAD, list(proposed_lines(categories, proposed))
        yield f"{subject.label}: tasks", TASK_HEAD, list(task_lines(tasks))
        policies = list(policy_lines(categories))
        if policies and not subject.control:
            yield f"{subject.label}: what failures do to the scores", POLICY_HEAD, policies
        resampled = list(bootstrap_lines(tasks))
        if resampled:
            yield f"{subject.label}: intervals by bootstrap over clusters", BOOTSTRAP_HEAD, resampled
        controls = [r for r in profile.controls if r.subject == subject]
        if controls:
            heading = f"{subject.label}: does the picture matter? The right one less what it is compared with"
            yield heading, CONTROL_HEAD, list(control_lines(controls))
        shares = [r for r in profile.perceptual if r.subject == subject]
        if shares:
            heading = f"{subject.label}: the share of scores that is owed to the picture"
            yield heading, PERCEPTUAL_HEAD, list(perceptual_lines(shares))
        if orders := [r for r in profile.option_orders if r.subject.key == subject.key]:
            heading = f"{subject.label}: the options in their published order less in drawn ones"
            yield heading, ORDER_HEAD, list(order_lines(orders))
        both = [r for r in profile.beside if r.subject == subject.key]
        if both:
            yield f"{subject.label}: without and with the overlay", BESIDE_HEAD, list(beside_lines(both))


BELOW = "Below 0 is worse than guessing, as guesses at few samples can be. "
INTERVALS = (
    f"{LEVEL:.0%} intervals: for other samples of these tasks; for other tasks like these, of which "
    f"fewer than {LEAST} tell nothing."
)


def legend(profile: Profile) -> str:
    words = DESCRIPTIONS[profile.failures]
    negative = any(r.normalised is not None and (r.normalised.value or 0) < 0 for r in profile.tasks)
    return (
        f"Category scores and norm. are normalised ({profile.normaliser}: {MEANINGS[profile.normaliser]}), "
        f"a mean over tasks. {BELOW if negative else ''}{words[0].upper()}{words[1:]}. {INTERVALS}"
    )


def stopped(profile: Profile) -> list[str]:
    """Notes on intervals of runs that stopped early; empty if none did."""
    estimates = [v.estimate for t in profile.tasks for v in t.values]
    out = [f"{EXPLAINED}."] if any(e.anytime for e in estimates) else []
    estimates += [c.estimate for c in (*profile.categories, *profile.proposed)] + [
        c.difference for c in profile.controls
    ]
    if any(NOTHING in e.note for e in estimates):
        out.append(
            "What else these runs have (further metrics, other readings of failures, differences to a "
            "control) has no interval: none holds after such a stop."
        )
    return out


def _lines(profile: Profile, wide: int | None) -> Iterator[Line]:
    for heading, header, lines in _sections(profile):
        yield from (Line(text, bold=True) for text in wrap(printable(heading), wide))
        yield from _table(header, lines, wide)
        yield Line("")
    for line in (legend(profile), *stopped(profile), *selections(profile)):
        yield from map(Line, wrap(printable(line), wide))
    for note in profile.notes:
        yield from map(Line, wrap(f"Note: {printable(note)}", wide, indent=2))


def _table(header: Sequence[str], lines: Sequence[Cells], wide: int | None) -> list[Line]:
    rows = [Row([*map(printable, cells)], head=kind == "head") for kind, cells in lines]
    full = [[*row.cells, *[""] * (len(header) - len(row.cells))] for row in rows if not row.head]
    right = [is_numeric([cells[n] for cells in full]) for n in range(len(header))]
    return table_lines([*map(printable, header)], rows, right, wide)


def _markdown(profile: Profile) -> str:
    out: list[str] = []
    for heading, header, lines in _sections(profile):
        out += [f"## {markdown_cell(heading)}", "", _bar(header), _bar(["---"] * len(header))]
        for kind, cells in lines:
            row = [*cells, *[""] * (len(header) - len(cells))]
            cells = [markdown_cell(c.strip()) for c in row]
            if kind == "head":
                cells[0] = f"**{cells[0]}**"
            out.append(_bar(cells))
        out.append("")
    out += [markdown_cell(line) for line in (legend(profile), *stopped(profile), *selections(profile))]
    out += [f"\n- {markdown_cell(note)}" for note in profile.notes]
    return "\n".join(out)


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markdown_cell(text: str) -> str:
    """A text on one line, without a meaning in Markdown."""
    line = " ".join(printable(text).split())
    for mark in "\\|*_<>[]`":
        line = line.replace(mark, f"\\{mark}")
    return line
