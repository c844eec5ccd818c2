"""Text metrics against second implementations, on a thousand random and a thousand awkward pairs each."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from hemm.core import CorpusMetric, HemmError, Judged, Outcome, Response, Sample
from hemm.metrics import METRICS, resolve, spec_of
from hemm.metrics.classes.ranking import average_precision, roc_auc
from hemm.metrics.text.captions import CiderD, caption_tokens
from hemm.metrics.text.strings import edit_distance
from hemm.parsing.formats import join_labels
from pairs import Pair, adversarial_pairs, group, groups, random_pairs

SETS = {"random": random_pairs(11), "adversarial": adversarial_pairs(12)}
both = pytest.mark.parametrize("kind", SETS)


def found(spec: str, rows: list[Pair]) -> list[float]:
    values = [v[""] for v in resolve(spec).score(groups(rows))]
    assert all(v is not None for v in values)
    return [v for v in values if v is not None]


def streams(rows: list[Pair]) -> list[list[str | None]]:
    most = max(len(references) for _, references in rows)
    return [[r[k] if k < len(r) else None for _, r in rows] for k in range(most)]


# captions


@both
def test_bleu(kind: str) -> None:
    rows = SETS[kind]
    each = [sacrebleu.sentence_bleu(said, references).score / 100 for said, references in rows]
    assert found("bleu", rows) == pytest.approx(each, abs=1e-9)
    whole = sacrebleu.corpus_bleu([said for said, _ in rows], streams(rows), force=True).score / 100
    assert corpus("bleu", groups(rows))[""] == pytest.approx(whole, abs=1e-9)


@both
@pytest.mark.parametrize(("spec", "options"), [("chrf", {}), ("chrf:words=2,lower=yes", {"word_order": 2})])
def test_chrf(kind: str, spec: str, options: dict[str, Any]) -> None:
    rows = SETS[kind][: 200 if options else None]
    by = sacrebleu.CHRF(**options, lowercase=bool(options))
    each = [by.sentence_score(said, references).score / 100 for said, references in rows]
    assert found(spec, rows) == pytest.approx(each, abs=1e-9)
    whole = by.corpus_score([said for said, _ in rows], streams(rows)).score / 100
    assert corpus(spec, groups(rows))[""] == pytest.approx(whole, abs=1e-9)
    assert 0.05 < whole < 0.95


@both
def test_rouge_l(kind: str) -> None:
    rows = SETS[kind]
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    each = [scorer.score_multi(references, said)["rougeL"].fmeasure for said, references in rows]
    assert found("rouge_l", rows) == pytest.approx(each, abs=1e-9)


@both
def test_cider_d(kind: str) -> None:
    """On text that is tokenised already, and on our tokens."""
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    rows = SETS[kind]
    # coco-caption's tokens stand between single blanks; it splits as Python does
    cut = [(" ".join(caption_tokens(s)), [" ".join(caption_tokens(r)) for r in rs]) for s, rs in rows]
    for spec, given_rows, told in (("cider_d:tokens=blanks", rows, rows), ("cider_d", rows, cut)):
        truth = {str(i): references for i, (_, references) in enumerate(told)}
        _, each = cider.compute_score(truth, {str(i): [said] for i, (said, _) in enumerate(told)})
        assert found(spec, given_rows) == pytest.approx(np.minimum(each, 10.0).tolist(), abs=1e-6)


@given(
    st.lists(st.sampled_from([*"ab3é .,'-&\n", "n't", "cannot", "t-shirt", "u.s."]), max_size=12).map("".join)
)
def test_the_short_way_to_tokens_is_the_long_one(text: str) -> None:
    # a sign at the end takes the long way
    assert (*caption_tokens(text), "&") == caption_tokens(f"{text} &")


def test_similarities_do_not_depend_on_the_batch_to_the_last_bit() -> None:
    rows = SETS["random"][:300]
    bound = CiderD().over([g[0].sample for g in groups(rows)])
    whole = bound.score(groups(rows))
    assert [bound.score([g])[0] for g in groups(rows)[:50]] == whole[:50]
    assert bound.score(groups(rows)[::-1]) == whole[::-1]
    strange = Sample(id="new", references=("a dog with wings", "a flying dog"))  # not among the documents
    alone = bound.value("a dog with wings", strange)
    assert alone == bound._values([("a dog", ("a dog",)), ("a dog with wings", strange.references)])[1]  # type: ignore[arg-type]
    assert alone > 2


# VQA accuracy, from the description of its evaluator

_CONTRACTIONS = {
    "dont": "don't",
    "isnt": "isn't",
    "wasnt": "wasn't",
    "couldntve": "couldn't've",
    "thats": "that's",
}
NUMBERS = "zero one two three four five six seven eight nine ten"
_DIGITS = {w: str(i) for i, w in enumerate(NUMBERS.split())}


def _processed(text: str) -> str:
    """The evaluator's steps in its order, with as many contractions as the test below uses."""
    text = text.replace("\n", " ").replace("\t", " ").strip()
    out = text
    for mark in ';/[]"{}()=+\\_-><@`,?!':
        spaced = mark + " " in text or " " + mark in text
        out = out.replace(mark, "" if spaced or re.search(r"\d,\d", text) else " ")
    out = re.sub(r"(?!<=\d)(\.)(?!\d)", "", out)
    words = []
    for word in out.lower().split():
        word = {"none": "0", **_DIGITS}.get(word, word)
        if word not in ("a", "an", "the"):
            words.append(word)
    return " ".join(_CONTRACTIONS.get(word, word) for word in words)


def official_vqa(answer: str, ten: Sequence[str]) -> float:
    """For each annotator: min(1, equal answers among the other nine / 3); the mean over the ten. Answers are
    processed only where the ten differ."""
    ten = [" ".join(t.lower().split()) for t in ten]
    answer = " ".join(answer.lower().split())
    if len(set(ten)) > 1:
        ten, answer = [_processed(t) for t in ten], _processed(answer)
    each = []
    for left_out in range(len(ten)):
        others = ten[:left_out] + ten[left_out + 1 :]
        each.append(min(1.0, sum(other == answer for other in others) / 3))
    return sum(each) / len(each)


VQA = [
    "yes", "no", "2", "two", "none", "0", "a dog", "dog", "the dog.", "dont know", "don't know", "red,blue",
    "red, blue", "1,000", "1000", "t-shirt", "t shirt", "3.5", "", "!", "yes!", "Yes", "東京", "a/b",
    "isnt",
]  # fmt: skip


@pytest.mark.parametrize("most", [3, 12, len(VQA)])
def test_vqa_accuracy(most: int) -> None:
    rng = np.random.default_rng(most)
    rows = []
    for _ in range(1000):
        pool = rng.choice(VQA, rng.integers(1, 5)).tolist()
        ten = rng.choice(pool, 10).tolist()
        rows.append((str(rng.choice([*pool, *VQA[:most]])), ten))
    assert found("vqa_accuracy", rows) == pytest.approx([official_vqa(a, ten) for a, ten in rows], abs=1e-12)


# strings


def levenshtein(one: Sequence[str], other: Sequence[str]) -> int:
    """The textbook's table, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


short = st.lists(st.sampled_from("abc😀"), max_size=14)


@given(short, short)
def test_the_edit_distance(one: list[str], other: list[str]) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == levenshtein(one, other)


@cache
def _far(one: str, other: str) -> int:
    return levenshtein(one, other)


def short_rows(kind: str) -> list[Pair]:
    """Those that the textbook's table is done with in time."""
    return [(s[:40], [r[:40] for r in rs]) for s, rs in SETS[kind]]


@both
def test_anls(kind: str) -> None:
    def similarity(said: str, wanted: str) -> float:
        said, wanted = (" ".join(t.lower().split()) for t in (said, wanted))
        longer = max(len(said), len(wanted))
        distance = _far(said, wanted) / longer if longer else 0.0
        return 1 - distance if distance < 0.5 else 0.0

    rows = short_rows(kind)
    each = [max(similarity(said, r) for r in references) for said, references in rows]
    assert found("anls", rows) == pytest.approx(each, abs=1e-12)
    assert 0.0 < np.mean(each) < 1.0


def test_anls_is_nothing_from_half_the_length_on() -> None:
    assert found("anls", [("ab", ["ax"]), ("abcd", ["abcx"]), ("", [""]), ("", ["a"])]) == [0, 0.75, 1, 0]
    assert found("anls:threshold=0.6", [("ab", ["ax"])]) == [0.5]


UNITS: dict[str, Callable[[str], Sequence[str]]] = {"wer": str.split, "cer": lambda t: " ".join(t.split())}


@both
@pytest.mark.parametrize("name", UNITS)
def test_error_rates(kind: str, name: str) -> None:
    rows, cut = short_rows(kind), UNITS[name]
    counts = []
    for said, references in rows:
        wanted = [cut(r) for r in references]
        options = [(levenshtein(cut(said), w), len(w)) for w in wanted]
        counts.append(min(options, key=lambda o: (o[0] / max(1, o[1]), o[0])))
    assert found(name, rows) == pytest.approx([edits / max(1, n) for edits, n in counts])
    whole = sum(e for e, _ in counts) / sum(n for _, n in counts)
    assert corpus(name, groups(rows))[""] == pytest.approx(whole)


@both
@pytest.mark.parametrize("name", UNITS)
def test_error_rates_agree_with_jiwer(kind: str, name: str) -> None:
    """One reference each, of at least one word; jiwer takes blanks as they are in characters."""
    rows = [(said, [r for r in references if r.split()][:1]) for said, references in short_rows(kind)]
    rows = [(" ".join(said.split()), [" ".join(refs[0].split())]) for said, refs in rows if refs]
    rate = {"wer": jiwer.wer, "cer": jiwer.cer}[name]
    assert found(name, rows) == pytest.approx([rate(refs[0], said) for said, refs in rows])
    said, references = zip(*((said, refs[0]) for said, refs in rows), strict=True)
    assert corpus(name, groups(rows))[""] == pytest.approx(rate(list(references), list(said)))


def test_a_failed_answer_misses_every_word() -> None:
    rows: list[Any] = [("a b", ["a b"]), (None, ["c d"])]
    assert corpus("wer", groups(rows)) == {"": 0.5}
    assert corpus("cer", groups(rows)) == {"": 0.5}
    assert found("wer:lower=yes", [("A B", ["a b"])]) == [0.0]
    assert found("wer", [("a b c d", ["x"])]) == [4.0]  # no worst


@pytest.mark.parametrize(
    ("said", "reference", "right"),
    [
        ("105", "100", 1), ("105.1", "100", 0), ("95", "100", 1), ("94.9", "100", 0), ("1.05", "1", 1),
        ("-105", "-100", 1), ("105", "-100", 0), ("0", "0", 1), ("0.01", "0", 0), ("1,050", "1000", 1),
        ("25%", "25", 1), ("26%", "25%", 1), ("27%", "25%", 0), ("three", "3", 1), ("Blue", "blue", 1),
        ("blue", "blues", 0), ("100", "one hundred people", 0), ("2019", "2009", 1), ("1e2", "100", 1),
    ],
)  # fmt: skip
def test_relaxed_accuracy(said: str, reference: str, right: int) -> None:
    assert found("relaxed_accuracy", [(said, [reference])]) == [right]


def test_relaxed_accuracy_of_a_parsed_number() -> None:
    sample = Sample(id="1", references=("100",))
    values = [
        resolve("relaxed_accuracy").score([[Judged(sample, 0, Response(), Outcome.OK, v)]])
        for v in (104.0, 106.0)
    ]
    assert values == [[{"": 1.0}], [{"": 0.0}]]


# F1s


def squad_f1(said: str, wanted: str) -> float:
    def bag(text: str) -> list[str]:
        kept = "".join(c for c in text.lower() if c not in string.punctuation)
        return [t for t in kept.split() if t not in ("a", "an", "the")]

    left, right = bag(said), bag(wanted)
    if not left or not right:
        return float(left == right)
    shared = sum(min(left.count(t), right.count(t)) for t in set(left))
    return 2 * shared / (len(left) + len(right))


@both
def test_token_f1(kind: str) -> None:
    rows = SETS[kind]
    each = [max(squad_f1(said, r) for r in references) for said, references in rows]
    assert found("token_f1", rows) == pytest.approx(each, abs=1e-12)


def corpus(spec: str, all_groups: list[Any]) -> dict[str, float]:
    metric = resolve(spec)
    bound = metric.over([j.sample for g in all_groups for j in g]) if hasattr(metric, "over") else metric
    assert isinstance(bound, CorpusMetric)
    return dict(bound.aggregate(all_groups))


def classes(kind: str) -> tuple[list[str], list[str | None]]:
    """A thousand samples of classes that are words, or anything; one answer in twelve failed."""
    rng = np.random.default_rng(3)
    names = (
        ["cat", "dog", "owl", "fox"] if kind == "random" else ["", ".", "é", "東京", "a b", "😀", "1", "no"]
    )
    truth = rng.choice(names, 1000, p=np.arange(1, len(names) + 1) / sum(range(1, len(names) + 1)))
    said = np.where(rng.random(1000) < 0.6, truth, rng.choice([*names[1:], "newt"], 1000))
    return truth.tolist(), [
        None if r < 1 / 12 else s for s, r in zip(said.tolist(), rng.random(1000), strict=True)
    ]


@both
def test_class_metrics(kind: str) -> None:
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    truth, said = classes(kind)
    rows = [group(i, s, [t]) for i, (t, s) in enumerate(zip(truth, said, strict=True))]
    told, names = ["failed" if s is None else s for s in said], sorted(set(truth))
    for average in ("weighted", "micro", "macro"):
        wanted = f1_score(truth, told, labels=names, average=average, zero_division=0)
        assert corpus(f"{average}_f1", rows)[""] == pytest.approx(wanted)
    report = corpus("class_report", rows)
    each = precision_recall_fscore_support(truth, told, labels=names, zero_division=0)
    for name, *values in zip(names, *each, strict=True):
        assert [report[f"{name} {what}"] for what in ("precision", "recall", "f1", "n")] == pytest.approx(
            values
        )
    mean = precision_recall_fscore_support(truth, told, labels=names, zero_division=0, average="macro")
    assert [report[k] for k in ("precision", "recall", "")] == pytest.approx(mean[:3])


@both
def test_multilabel_f1s(kind: str) -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(5)
    names = np.array(
        ["drama", "comedy", "war"] if kind == "random" else ["é", "東京", "a, b", "x and y", "😀"]
    )
    truth, said = (rng.random((1000, len(names))) < p for p in (0.4, 0.3))
    rows = [
        [Judged(Sample(id=str(i), references=(join_labels(map(str, names[t])),)), 0, Response(), Outcome.OK,
                frozenset(map(str, names[s])))]
        for i, (t, s) in enumerate(zip(truth, said, strict=True))
    ]  # fmt: skip
    values = corpus("multilabel_f1", rows)
    for average in ("micro", "macro", "weighted"):
        assert values[average] == pytest.approx(f1_score(truth, said, average=average, zero_division=0))
    assert values[""] == pytest.approx(f1_score(truth, said, average="samples", zero_division=1))


# ranking


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("size", [2, 30, 1000])
def test_areas_are_scikit_learns(levels: int, size: int) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth = rng.random(size) < rng.choice([0.1, 0.5, 0.9])
        truth[:2] = [True, False]
        grades = np.round(rng.random(size) + 0.3 * truth, 9 if levels == 1000 else 0) * levels
        assert roc_auc(truth, grades) == pytest.approx(roc_auc_score(truth, grades), abs=1e-12)
        assert average_precision(truth, grades) == pytest.approx(
            average_precision_score(truth, grades), abs=1e-12
        )


def yes_no(truth: Sequence[bool], answers: Sequence[tuple[object, Response]]) -> list[Any]:
    return [
        [Judged(Sample(id=str(i), references=("yes" if t else "no",), choices=("yes", "no")), 0, r,
                Outcome.UNPARSABLE if v is None else Outcome.OK, v)]
        for i, (t, (v, r)) in enumerate(zip(truth, answers, strict=True))
    ]  # fmt: skip


def test_the_grade_is_the_log_odds_of_the_positive_option() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(1)
    truth, odds = rng.random(1000) < 0.3, rng.normal(size=1000)
    odds += truth
    shift = rng.normal(size=1000)  # log-probabilities need not add up to one
    answers = [
        ("yes" if o > 0 else "no", Response(options=(float(o + s), float(s))))
        for o, s in zip(odds, shift, strict=True)
    ]
    rows = yes_no(truth.tolist(), answers)
    scores = corpus("auroc", rows)
    assert scores[""] == pytest.approx(roc_auc_score(truth, odds))
    assert (scores["hard"], scores["failed"], scores["positives"]) == (0, 0, truth.sum())
    assert corpus("average_precision", rows)[""] == pytest.approx(average_precision_score(truth, odds))
    assert corpus("auroc:positive=no", rows)[""] == pytest.approx(roc_auc_score(~truth, -odds))


def test_grades_from_first_tokens_numbers_and_plain_answers() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    truth = rng.random(200) < 0.5
    said = np.where(rng.random(200) < 0.7, truth, ~truth)
    sure = rng.uniform(0.5, 1, 200)
    words = ["yes" if s else "no" for s in said]
    token = [
        (w, Response(f"{w.title()}.", logprobs=(math.log(p), -0.1))) for w, p in zip(words, sure, strict=True)
    ]
    wanted = roc_auc_score(truth, np.where(said, sure, -sure))
    found_ = corpus("auroc", yes_no(truth.tolist(), token))
    assert (found_[""], found_["hard"]) == (pytest.approx(wanted), 0)

    plain: list[tuple[object, Response]] = [(w, Response(w)) for w in words]
    found_ = corpus("auroc", yes_no(truth.tolist(), plain))
    assert (found_[""], found_["hard"]) == (pytest.approx(roc_auc_score(truth, said)), 200)

    numbers: list[tuple[object, Response]] = [
        (float(p), Response(str(p))) for p in np.where(said, sure, 1 - sure)
    ]
    found_ = corpus("auroc", yes_no(truth.tolist(), numbers))
    assert (found_[""], found_["hard"]) == (
        pytest.approx(roc_auc_score(truth, np.where(said, sure, 1 - sure))),
        0,
    )


def test_failed_answers_rank_worst_and_one_class_has_no_area() -> None:
    said = ["yes", "no", None, None]
    rows = yes_no([True, False, True, False], [(s, Response(s or "?")) for s in said])
    found_ = corpus("auroc", rows)
    assert (found_[""], found_["failed"]) == (0.25, 2)  # of four pairs, yes before no alone
    assert math.isnan(corpus("auroc", rows[:1])[""])


def test_the_value_of_one_answer_is_accuracy() -> None:
    metric = resolve("auroc:cut=50")
    rows = yes_no(
        [True, False, True], [("yes", Response("yes")), ("yes", Response("yes")), (70.0, Response("70"))]
    )
    assert [v[""] for v in metric.score(rows)] == [1.0, 0.0, 1.0]
    assert metric.chance([rows[0][0].sample]) == 0.5


# specs, and what the tables say


@pytest.mark.parametrize(
    "spec",
    ["chrf:lower=yes,words=2", "anls:threshold=0.6", "relaxed_accuracy:tolerance=0.1", "wer:lower=yes",
     "auroc:positive=no", "average_precision:cut=2", "weighted_f1", "class_report"],
)  # fmt: skip
def test_specs(spec: str) -> None:
    assert spec_of(resolve(spec)) == spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("chrf:words=3", "none of 0, 1, 2"),
        ("anls:threshold=2", "no number from 0 to 1"),
        ("relaxed_accuracy:tolerance=-1", "no number from 0"),
        ("wer:lower=x", "none of yes, no"),
        ("auroc:cut=x", "no number"),
    ],
)
def test_wrong_specs(spec: str, says: str) -> None:
    with pytest.raises(HemmError, match=says):
        resolve(spec)


def test_values_of_a_set_say_on_which_set() -> None:
    from types import SimpleNamespace

    from hemm.metrics.scoring import aggregate, score_answers
    from hemm.parsing.formats import Caption, YesNo
    from stored_cells import answer, table

    rows = [answer("a", "a man", "a man on a bike"), answer("b", "", "two dogs"), answer("c", None, "a car")]
    task, told = SimpleNamespace(answer=Caption()), []
    for picked in (rows, rows[::-1], rows[:2], rows[1:]):
        metric = resolve("cider_d")
        answers = table(*picked)
        told.append(aggregate(score_answers(answers, task, metric), metric, answers, task)["over"])
    assert told[0] == told[1] == told[2]  # errors are no part of it, nor is the order
    assert (told[0]["groups"], told[0]["samples"]) == (2, 2)
    assert told[3]["ids"] != told[0]["ids"]
    assert "over" not in aggregate(
        score_answers(table(*rows), task, resolve("rouge_l")), resolve("rouge_l"), table(*rows), task
    )
    rows = [answer("a", "yes", "yes", options=[-1.0, -2.0]), answer("b", "no", "no", options=[-3.0, -0.5])]
    task, metric = SimpleNamespace(answer=YesNo()), resolve("auroc")
    parts = aggregate(score_answers(table(*rows), task, metric), metric, table(*rows), task)["components"]
    assert (parts[""]["value"], parts["hard"]["value"]) == (1.0, 0.0)
    chance = score_answers(table(*rows), task, resolve("average_precision")).column("chance").to_pylist()
    assert chance == [0.5, 0.5]


def test_the_majority_answer_is_judged_within_the_set() -> None:
    """Many references that occur once take no time that grows with their square."""
    from types import SimpleNamespace

    from hemm.metrics.scoring import score_answers
    from hemm.parsing.formats import Caption
    from stored_cells import answer, table

    rows = [answer(str(i), "a man", f"a man number {i}") for i in range(6000)]
    rows += [answer(f"x{i}", "a man", "a red bus") for i in range(2)]
    scores = score_answers(table(*rows), SimpleNamespace(answer=Caption()), resolve("rouge_l"))
    most = scores.column("majority").to_pylist()
    assert most[0] == pytest.approx(2 * 1 / 7)  # a red bus, against a man number 0
    assert most[-1] == 1.0


PAGES = Path(__file__).resolve().parents[2] / "docs/metrics"


@pytest.mark.parametrize("name", METRICS.names())
def test_every_metric_is_documented(name: str) -> None:
    """Range, direction, source, and what it is not for."""
    pages = "\n".join(page.read_text("utf-8") for page in PAGES.glob("*.md"))
    section = re.search(rf"^## `{name}`\n(.*?)(?=^## |\Z)", pages, re.MULTILINE | re.DOTALL)
    assert section is not None
    direction = "higher" if resolve(name).higher_is_better else "lower"
    for said in ("*Range*", f"{direction} is better", "*Source*", "*Not\\s+for*"):
        assert re.search(said.replace("*", r"\*"), section[1]), said


# scoring what is stored, again


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the metrics that score from here on; ``stop`` in the list stops the next ROUGE-L."""
    from hemm.metrics import scoring

    found: list[str] = []
    real = scoring.score_answers

    def scored(answers: Any, task: Any, metric: Any, media: Any) -> Any:
        if metric.name == "rouge_l" and "stop" in found:
            raise KeyboardInterrupt
        found.append(metric.name)
        return real(answers, task, metric, media)

    monkeypatch.setattr(scoring, "score_answers", scored)
    return found


def test_finished_scores_are_not_made_again(tmp_path: Path, scorings: list[str]) -> None:
    from fake import Batched, FakePack, go, sample, task
    from hemm.engine.score import is_scored, score_cell
    from hemm.results.read import cell

    def answered(limit: int) -> Path:
        return go(
            tmp_path, Batched(), FakePack([sample(i) for i in range(20)]), limit=limit, score=False
        ).folder

    folder, names = answered(8), ["exact_match", "rouge_l", "token_f1"]
    scorings.append("stop")
    with pytest.raises(KeyboardInterrupt):
        score_cell(folder, task(), names)
    assert scorings == ["stop", "accuracy", "exact_match"]
    assert list(cell(folder).aggregates()["metrics"]) == ["accuracy-v2", "exact_match-v2"]
    assert not is_scored(folder, task())
    scorings.clear()
    score_cell(folder, task())  # what was asked for before is still wanted
    assert scorings == ["rouge_l", "token_f1"]
    assert is_scored(folder, task(), names)
    scorings.clear()
    score_cell(folder, task(), names)
    assert scorings == []
    (folder / "scores/token_f1-v2.parquet").unlink()
    score_cell(folder, task())
    assert scorings == ["token_f1"]
    score_cell(folder, task(), again=True)
    assert len(scorings) == 5
    answered(12)
    scorings.clear()
    score_cell(folder, task())
    assert sorted(scorings) == ["accuracy", "exact_match", "rouge_l", "token_f1"]
