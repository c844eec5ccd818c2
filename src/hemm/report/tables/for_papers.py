"""Tables of a profile for papers and pages: by dimension and by task, as LaTeX (booktabs) and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemm.core import DIMENSIONS
from hemm.core.terminal import printable
from hemm.report.tables.profile import (
    INTERVALS,
    failures,
    interval,
    legend,
    markdown_cell,
    number,
    stopped,
)
from hemm.report.tables.selection_words import selections

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import Profile
    from hemm.analysis.study import Subject


@dataclass(frozen=True)
class PaperTable:
    """A table: a caption, a label for references, a header, and lines of cells; a line of one cell is a
    heading."""

    label: str
    caption: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def paper_tables(profile: Profile) -> list[PaperTable]:
    """By dimension: overall and every category; by task: the headline. Each with score, intervals and n."""
    subjects = [s for s in profile.subjects if not s.control] or list(profile.subjects)
    several = len(subjects) > 1
    over = f" With {profile.overlay.words}." if profile.overlay is not None else ""
    head = ("", *(("Model",) if several else ()), "Score", "95 %, these tasks", "95 %, tasks like these",
            "Tasks", "n")  # fmt: skip
    tables = []
    if lines := _by_dimension(profile, subjects):
        caption = f"Scores by dimension, normalised ({profile.normaliser}). {INTERVALS}{over}"
        tables.append(PaperTable("tab:dimensions", caption, head, tuple(lines)))
    head = ("Task", *(("Model",) if several else ()), "Metric", "Score", "95 % interval", "Normalised", "n",
            "Failed")  # fmt: skip
    caption = f"Scores by task, on the metric's own scale, with 95 % intervals.{over}"
    tables.append(PaperTable("tab:tasks", caption, head, tuple(_by_task(profile, subjects))))
    return tables


def _by_dimension(profile: Profile, subjects: Sequence[Subject]) -> list[tuple[str, ...]]:
    rows = {(r.dimension, r.category, r.subject.key): r for r in profile.categories}
    places = [("overall", ""), *((d, c) for d, about in DIMENSIONS.items() for c in about.categories)]
    lines: list[tuple[str, ...]] = []
    last = "overall"
    for dimension, category in places:
        own = [
            (s, rows[dimension, category, s.key]) for s in subjects if (dimension, category, s.key) in rows
        ]
        if own and dimension != last:
            lines.append((DIMENSIONS[dimension].title,))
            last = dimension
        for at, (subject, r) in enumerate(own):
            name = category.replace("_", " ") if category else "Overall"
            who = (subject.label,) if len(subjects) > 1 else ()
            e = r.estimate
            values = (
                number(e.value),
                interval(e),
                interval(r.like.estimate),
                str(len(r.tasks)),
                str(r.units),
            )
            lines.append(("" if at else name, *who, *values))
    return lines


def _by_task(profile: Profile, subjects: Sequence[Subject]) -> list[tuple[str, ...]]:
    keys = {s.key: n for n, s in enumerate(subjects)}
    rows = sorted(
        (r for r in profile.tasks if r.subject.key in keys), key=lambda r: (r.task, keys[r.subject.key])
    )
    lines: list[tuple[str, ...]] = []
    before = ""
    for r in rows:
        e = r.headline.estimate
        who = (r.subject.label,) if len(subjects) > 1 else ()
        metric = f"{r.headline.metric} {r.headline.component}".strip()
        scaled = number(r.normalised.value if r.normalised else None)
        values = (metric, number(e.value), interval(e), scaled, str(e.n), failures(r.outcomes, r.cut))
        lines.append((r.task if r.task != before else "", *who, *values))
        before = r.task
    return lines


def notes(profile: Profile) -> list[str]:
    """What is to be read with the tables."""
    return [legend(profile), *stopped(profile), *selections(profile), *profile.notes]


def to_markdown(profile: Profile) -> str:
    """The tables as Markdown, each under its caption; notes below."""
    out = []
    for table in paper_tables(profile):
        lines = [table.header, tuple("---" if side == "l" else "---:" for side in _sides(table))]
        for cells in table.lines:
            shown = [markdown_cell(c) for c in cells]
            lines.append(
                tuple(shown) if len(cells) > 1 else (f"**{shown[0]}**", *[""] * (len(table.header) - 1))
            )
        out += [markdown_cell(table.caption), "", *("| " + " | ".join(line) + " |" for line in lines), ""]
    return "\n".join([*out, *(f"- {markdown_cell(note)}" for note in notes(profile))]) + "\n"


def to_latex(profile: Profile) -> str:
    r"""The tables as LaTeX, for a document with ``\usepackage{booktabs}``; notes are comments below."""
    out = ["% needs \\usepackage{booktabs}, and \\usepackage[T1]{fontenc} where names have other letters"]
    for table in paper_tables(profile):
        out += [
            "",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{latex(table.caption)}}}",
            f"\\label{{{table.label}}}",
            f"\\begin{{tabular}}{{{_sides(table)}}}",
            "\\toprule",
            _row(table.header, latex),
            "\\midrule",
            *_latex_lines(table),
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
        ]
    return "\n".join([*out, "", *(f"% {_one_line(note)}" for note in notes(profile))]) + "\n"


def _sides(table: PaperTable) -> str:
    """On which side each column is set flush: words left, numbers right."""
    return "".join("l" if name in ("", "Task", "Model", "Metric", "Failed") else "r" for name in table.header)


def _signs(numbers: str) -> str:
    """A cell of numbers with signs of minus: in LaTeX a hyphen would be printed as one.

    >>> _signs("-0.97 to 0.27")
    '−0.97 to 0.27'
    """
    return re.sub(r"(?<!\S)-(?=[\d.])", "\u2212", numbers)


def _latex_lines(table: PaperTable) -> list[str]:
    out = []
    sides = _sides(table)
    for at, cells in enumerate(table.lines):
        if len(cells) > 1:
            out.append(
                _row([_signs(c) if side == "r" else c for c, side in zip(cells, sides, strict=True)], latex)
            )
            continue
        out += ["\\addlinespace"] if at else []
        out.append(f"\\multicolumn{{{len(table.header)}}}{{l}}{{\\textit{{{latex(cells[0])}}}}} \\\\")
    return out


def _row(cells: Sequence[str], escaped: Callable[[str], str]) -> str:
    return " & ".join(map(escaped, cells)) + " \\\\"


_LATEX = {
    "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "$": "\\$", "&": "\\&", "#": "\\#", "_": "\\_",
    "%": "\\%", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", '"': "\\textquotedbl{}", "`": "\\textasciigrave{}",
    "'": "{'}", "[": "{[}", "]": "{]}", "*": "{*}", "\u2212": "$-$", "\u2020": "\\textdagger{}",
    "\u00b7": "\\textperiodcentered{}", "\u2026": "\\dots{}",
}  # fmt: skip


def latex(text: str) -> str:
    r"""Any text as LaTeX that prints it, on one line; letters stay as they are.

    A bracket after ``\\`` would be read as its argument, as a star would, and two hyphens as a dash.

    >>> print(latex(r"a_b & 50 % of \x{}"))
    a\_b \& 50 \% of \textbackslash{}x\{\}
    """
    line = _one_line(text)
    return re.sub("-(?=-)", "-{}", "".join(_LATEX.get(letter, letter) for letter in line))


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
