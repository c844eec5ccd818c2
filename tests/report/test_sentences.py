"""What sentences say of numbers: of which tasks, in which words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from hemm.analysis.compare import Choice, Comparison, compare
from hemm.analysis.compare.conclusions import conclusions
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.report.page.findings import findings
from hemm.report.page.overview import main_subjects
from hemm.report.tables.comparison import tables
from stored_cells import Stored, question


def asked(right: int, of: int = 40) -> list[dict[str, Any]]:
    return [question(i, i < right) for i in range(of)]


def pair(*scores: tuple[int, int], names: str = "ab") -> Comparison:
    """Two models, a task for each pair of scores out of 40."""
    cells = [
        Stored(asked(right), task=f"t{t}", model=m)
        for t, of_task in enumerate(scores)
        for m, right in zip(names, of_task, strict=True)
    ]
    return compare(Study.of(cells), Choice(resamples=0))


def test_figures_have_the_models_of_highest_score_where_they_cannot_have_all() -> None:
    def order(*right: int) -> list[str]:
        cells = [Stored(asked(n), task="t", model=m) for m, n in zip("abcdefgh", right, strict=False)]
        return [s.model for s in main_subjects(profile(Study.of(cells)))]

    assert order(5, 30, 20) == ["a", "b", "c"]
    assert order(5, 30, 20, 8, 40, 10, 25, 39) == ["e", "h", "b", "g", "c", "f", "d", "a"]


def test_with_too_few_tasks_sentences_are_on_these_alone() -> None:
    one, two = conclusions(pair((38, 10))), conclusions(pair((38, 10), (39, 12)))
    assert one[0].startswith("On t0 a scores higher than b by 0.")
    assert two[0].startswith("On these 2 tasks a scores higher than b by 0.")
    for said in (one, two):
        assert "Of other tasks like these nothing is known: that takes 3 tasks." in said
        assert not any("tasks like these a" in line for line in said)


def test_what_these_tasks_show_and_others_may_not() -> None:
    """Much better on two tasks, as much worse on none: clear for these samples, open for other tasks."""
    said = conclusions(pair((39, 5), (38, 8), (20, 20), (21, 20)))
    assert re.match(r"On these 4 tasks a scores higher than b by 0\.\d+ \(p < 0\.001\)\. For other", said[0])
    assert "no difference is shown" in said[0]
    steady = conclusions(pair((35, 15), (30, 12), (38, 16), (36, 17)))
    assert steady[0].startswith("On tasks like these a scores higher than b, over 4 tasks by 0.")
    assert any("On tasks like these a is better than every other model here" in line for line in steady)


def findings_of(cells: list[Stored]) -> list[str]:
    found = profile(Study.of(cells))
    return findings(found, main_subjects(found))


def test_the_report_says_where_nothing_is_known_of_other_tasks() -> None:
    said = findings_of([Stored(asked(30), task=t) for t in "xy"])
    assert "over 2 tasks and 80 units; of other tasks like these nothing is known." in said[0]
    assert "No category has 3 tasks: how others like them go is not known." in said
    said = findings_of([Stored(asked(30 + n), task=t) for n, t in enumerate("xyz")])
    assert re.search(r"over 3 tasks and 120 units; on tasks like these 0\.\d\d to \d\.\d\d\.", said[0])


def test_the_picture_matters_on_these_tasks_or_on_others() -> None:
    def of(tasks: int) -> str:
        cells = [
            Stored(asked(right), task=f"t{t}", control=control, protocol=control)
            for t in range(tasks)
            for control, right in (("", 36 - t), ("none", 12 + t))
        ]
        return next(line for line in findings_of(cells) if "picture" in line)

    assert of(1).startswith("m: the picture matters on t0.")
    assert of(2).startswith("m: the picture matters on these tasks.")
    assert of(4).startswith("m: the picture matters on tasks like these.")
    mixed = [
        Stored(asked(right), task=f"t{t}", control=control, protocol=control)
        for t, (plain, without) in enumerate([(39, 5), (38, 8), (20, 20), (21, 20)])
        for control, right in (("", plain), ("none", without))
    ]
    said = next(line for line in findings_of(mixed) if "picture" in line)
    assert said.startswith("m: the picture matters on these tasks; on others like them that is open.")


@pytest.mark.parametrize("value", [0.0004, -0.0001, 0.0])
def test_a_difference_that_rounds_to_nothing_has_words(value: float) -> None:
    found = pair((20, 20), (21, 20), (22, 22))
    assert found.overall is not None
    for p in (0.5, 0.001):
        like = replace(found.overall.like, p=None)
        row = replace(
            found.overall, difference=replace(found.overall.difference, value=value), p=p, like=like
        )
        [first, *_] = conclusions(replace(found, overall=row, ranks=None, ranks_like=None))
        assert not re.search(r"by 0\.000|[+-]0\.000", first)
        assert "less than 0.001" in first or "their means are the same" in first or "no difference" in first


def test_columns_are_called_like_no_model() -> None:
    """Models called ``a`` and ``b``, compared in the other order."""
    shown = list(tables(pair((30, 10), names="ba")))
    assert shown[0][0].startswith("b less a")
    columns = {column for _, _, names in shown for column in names}
    assert not columns & {"a", "b", "a - b"}
    assert {"first", "second", "difference"} <= columns


def test_a_small_p_that_is_not_enough_for_a_sentence_is_said() -> None:
    """The table of ranks parts models at 5 %; sentences share the 5 %, and say what they need."""
    rows = {
        name: [question(i, i in right, labels={"reasoning": "more" if i % 2 else "less"}) for i in range(60)]
        for name, right in (("a", range(25)), ("b", range(18, 32)))
    }
    found = compare(Study.of([Stored(r, model=m, task="t") for m, r in rows.items()]), Choice(resamples=0))
    assert found.overall is not None
    assert found.overall.p is not None
    text = " ".join(conclusions(found))
    assert 0.025 < found.overall.p < 0.05
    assert "no difference between a and b is shown (p 0.0" in text
    assert text.count("where 0.025 is needed") == 2


def test_what_labels_explain_is_said_of_effects_that_are_shown_alone() -> None:
    """Answers that have nothing to do with labels: no sentence may speak of their effects."""
    labels = [
        {"reasoning": ("less", "more")[i % 2], "external_knowledge": ("no", "yes")[i // 2 % 2]}
        for i in range(80)
    ]

    def said(*right: range | set[int]) -> list[str]:
        rows = [[question(i, i in r, labels=labels[i]) for i in range(80)] for r in right]
        cells = [Stored(r, model=m, task="t") for m, r in zip("ab", rows, strict=True)]
        return [s for s in conclusions(compare(Study.of(cells), Choice(resamples=0))) if "label" in s]

    nothing = said(range(30, 70), range(28, 66))
    assert nothing[-1] == "Within these tasks no label is shown to have an effect of its own."
    shown = said(set(range(1, 80, 2)) - {3}, set(range(1, 80, 2)) | {4})
    assert any(line.startswith("reasoning:") for line in shown)
    assert "no other label here explains the effects with the other labels equal" in shown[-1]


def test_a_sentence_on_tasks_says_the_p_that_it_goes_by() -> None:
    """Holm's p of t1 is below 5 %, and above what a sentence needs: not "does not stand after correction"."""
    found = pair((38, 10), (30, 18), (20, 20))
    holm = next(r.p_holm for r in found.tasks if r.task == "t1")
    assert holm is not None
    error = holm / 2
    said = " ".join(conclusions(found, error=error))
    assert f"a is better on t0, corrected for 3 tests (p below {error:.2g})." in said
    assert f"On t1 p is below 0.05, but not enough when corrected (least p {holm:.2g}, " in said
    assert f"where {error:.2g} is needed)" in said
