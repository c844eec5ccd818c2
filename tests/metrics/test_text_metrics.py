"""ROUGE-L, BLEU and CIDEr-D against the implementations that everybody reports, and against definitions."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from hemm.core import Group, HemmError, Judged, MissingExtra, Outcome, Response, Sample
from hemm.metrics import resolve, spec_of
from hemm.metrics.text.captions import Bleu, CiderD, RougeL, caption_tokens, common_bits, places_of

WORDS = "a the man dog red car on of street in with two people riding bike's isn't t-shirt , . 3 1,000 Café"


def _pairs(seed: int, count: int = 150) -> list[tuple[str, list[str]]]:
    """Answers and one to five references each; some answers are nearly a reference."""
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choices(WORDS.split(), k=rng.randint(1, 14)))

    rows = []
    for _ in range(count):
        references = [text() for _ in range(rng.randint(1, 5))]
        near = rng.choice(references).split()[: rng.randint(1, 12)] + rng.choices(["red", "dog"], k=1)
        rows.append((rng.choice([text(), " ".join(near), references[-1]]), references))
    return rows


def _group(number: int, said: str | None, references: list[str]) -> Group:
    sample = Sample(id=str(number), references=tuple(references))
    outcome = Outcome.UNPARSABLE if said is None else Outcome.OK
    return [Judged(sample, 0, Response(text=said or ""), outcome, said)]


def _groups(rows: list[tuple[str, list[str]]]) -> list[Group]:
    return [_group(i, said, references) for i, (said, references) in enumerate(rows)]


@pytest.mark.parametrize("seed", range(3))
def test_rouge_l_is_rouge_scores(seed: int) -> None:
    rows = _pairs(seed)
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    expected = [scorer.score_multi(references, said)["rougeL"].fmeasure for said, references in rows]
    found = [v[""] for v in RougeL().score(_groups(rows))]
    assert found == pytest.approx(expected, abs=1e-12)
    assert len(set(found)) > 20


@given(st.text(max_size=40), st.text(max_size=40))
@settings(deadline=None)
def test_rouge_l_of_any_text_is_rouge_scores(said: str, reference: str) -> None:
    expected = RougeScorer(["rougeL"]).score(reference, said)["rougeL"].fmeasure
    assert RougeL().score([_group(0, said, [reference])])[0][""] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_the_longest_common_subsequence(one: list[str], other: list[str]) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    assert common_bits(places_of(one), len(one), other) == table[-1][-1]


def test_rouge_l_of_a_script_without_tokens_has_a_ceiling_of_zero() -> None:
    assert RougeL().ceiling([Sample(id="1", references=("东京塔",))]) == 0.0
    assert RougeL().ceiling([Sample(id="1", references=("东京塔", "tower"))]) == 1.0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("spec", "options"), [("bleu", {}), ("bleu:lower=yes,tokens=intl", {"l": 1})])
def test_bleu_of_a_set_is_sacrebleus(seed: int, spec: str, options: dict[str, int]) -> None:
    rows = _pairs(seed)
    most = max(len(references) for _, references in rows)
    streams = [[r[k] if k < len(r) else None for _, r in rows] for k in range(most)]
    how = {"lowercase": True, "tokenize": "intl"} if options else {"tokenize": "13a"}
    expected = sacrebleu.corpus_bleu([said for said, _ in rows], streams, **how).score
    metric = resolve(spec)
    assert metric.aggregate(_groups(rows))[""] * 100 == pytest.approx(expected, abs=1e-9)  # type: ignore[attr-defined]
    assert 1 < expected < 99


def test_bleu_of_an_answer_is_sacrebleus_sentence_bleu() -> None:
    rows = _pairs(4)
    expected = [sacrebleu.sentence_bleu(said, references).score / 100 for said, references in rows]
    assert [v[""] for v in Bleu().score(_groups(rows))] == pytest.approx(expected, abs=1e-12)


def test_a_failed_answer_is_an_empty_text_to_bleu() -> None:
    rows = _pairs(5, 20)
    groups = [*_groups(rows), _group(99, None, ["a man on a red bike in the street"])]
    empty = [*_groups(rows), _group(99, "", ["a man on a red bike in the street"])]
    assert Bleu().aggregate(groups) == Bleu().aggregate(empty) != Bleu().aggregate(_groups(rows))


def test_bleu_without_sacrebleu_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.metrics.text import captions

    captions._sacrebleu.cache_clear()
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(MissingExtra, match=r"metric bleu needs .* pip install 'hemm\[metrics\]'"):
        resolve("bleu").prepared()
    captions._sacrebleu.cache_clear()


@pytest.mark.parametrize("seed", range(3))
def test_cider_d_is_coco_captions(seed: int) -> None:
    cider = pytest.importorskip("pycocoevalcap.cider.cider").Cider()
    rows = _pairs(seed)
    truth = {str(i): references for i, (_, references) in enumerate(rows)}
    mean, each = cider.compute_score(truth, {str(i): [said] for i, (said, _) in enumerate(rows)})
    metric = CiderD(tokens="blanks")
    groups = _groups(rows)
    assert [v[""] for v in metric.score(groups)] == pytest.approx(list(each), abs=1e-9)
    assert metric.aggregate(groups)[""] == pytest.approx(mean, abs=1e-9)
    assert mean > 0.5


def test_cider_d_is_its_definition() -> None:
    """Vedantam et al. 2015, equations 1 to 6 with the clipping and length penalty of CIDEr-D."""
    rows = _pairs(7, 40)
    texts = [tuple(said.split()) for said, _ in rows]
    references = [[tuple(r.split()) for r in rs] for _, rs in rows]

    def grams(words: tuple[str, ...], n: int) -> Counter[tuple[str, ...]]:
        return Counter(words[i : i + n] for i in range(len(words) - n + 1))

    def one(words: tuple[str, ...], wanted: tuple[str, ...], n: int) -> float:
        def idf(gram: tuple[str, ...]) -> float:
            return math.log(
                len(rows) / max(1, sum(any(gram in grams(r, n) for r in rs) for rs in references))
            )

        a, b = grams(words, n), grams(wanted, n)
        norm = math.prod(math.sqrt(sum((c * idf(g)) ** 2 for g, c in x.items())) for x in (a, b))
        top = sum(min(a[g], b[g]) * b[g] * idf(g) ** 2 for g in a)
        gap = max(len(words) - 1, 0) - max(len(wanted) - 1, 0)  # coco-caption counts bigrams
        return math.exp(-(gap**2) / 72) * top / norm if norm else 0.0

    expected = [
        10 * sum(sum(one(t, r, n) for r in rs) / len(rs) for n in (1, 2, 3, 4)) / 4
        for t, rs in zip(texts[:10], references, strict=False)
    ]
    found = CiderD(tokens="blanks").score(_groups(rows))
    assert [v[""] for v in found[:10]] == pytest.approx(expected, abs=1e-9)


def test_cider_d_belongs_to_the_set_it_is_bound_to() -> None:
    groups = _groups(_pairs(8, 30))
    samples = [g[0].sample for g in groups]
    bound = CiderD().over(samples)
    whole = CiderD().score(groups)
    assert [bound.score([g])[0] for g in groups] == whole
    assert CiderD().over([*samples, *samples]).score(groups) == whole  # repeats are no more documents
    assert CiderD().over(samples[:10]).score(groups[:10]) != whole[:10]
    best = [max(bound.value(r, s) for r in s.references) for s in samples if s.references]
    assert [bound.ceiling([s]) for s in samples] == best


def test_a_failed_answer_counts_as_zero_and_its_references_as_documents() -> None:
    groups = [*_groups(_pairs(9, 20)), _group(99, None, ["a man on a red bike in the street"])]
    bound = CiderD().over([g[0].sample for g in groups])
    values = [v[""] or 0.0 for v in bound.score(groups[:-1])]
    assert CiderD().aggregate(groups)[""] == pytest.approx(sum(values) / 21)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # as the Stanford tokeniser with coco-caption's list of punctuation gives them
        ("A man riding a wave on top of a surfboard.", "a man riding a wave on top of a surfboard"),
        ("The dog's t-shirt isn't red; it cannot cost $1,000.50 -- it's 3D.",
         "the dog 's t-shirt is n't red it can not cost $ 1,000.50 it 's 3d"),
        ("A black-and-white photo of the U.S. flag.", "a black-and-white photo of the u.s. flag"),
        ("two people, one on a bike & one w/ a dog", "two people one on a bike & one w / a dog"),
        ("A sign that reads STOP 24/7 at 5:30pm", "a sign that reads stop 24/7 at 5:30 pm"),
        ("The man's hat... and the kids' toys", "the man 's hat and the kids toys"),
        ("“It’s 50% off!” (a café)", "it 's 50 % off a café"),
    ],
)  # fmt: skip
def test_caption_tokens(text: str, tokens: str) -> None:
    assert " ".join(caption_tokens(text)) == tokens


@given(st.text(max_size=60))
def test_caption_tokens_have_no_blanks_and_are_never_empty(text: str) -> None:
    assert all(t and not any(c.isspace() for c in t) for t in caption_tokens(text))


def test_specs() -> None:
    for spec in ("bleu:lower=yes,tokens=zh", "cider_d:tokens=blanks", "rouge_l", "bleu", "cider_d"):
        assert spec_of(resolve(spec)) == spec
    with pytest.raises(HemmError, match="tokens='mecab' is none of 13a, intl"):
        resolve("bleu:tokens=mecab")
    with pytest.raises(HemmError, match="lower='si' is none of yes, no"):
        resolve("bleu:lower=si")
    with pytest.raises(HemmError, match="tokens='x' is none of ptb, blanks"):
        resolve("cider_d:tokens=x")


def test_stored_answers_are_scored_over_the_samples_without_an_error() -> None:
    """Document frequencies and corpus values leave errors out and keep failures, from the stored table."""
    from types import SimpleNamespace

    from hemm.metrics.scoring import aggregate, score_answers
    from hemm.parsing.formats import Caption
    from stored_cells import answer, table, values

    rows = [
        answer("a", "a man on a bike", "a man rides a bike", "a man on a red bike"),
        answer("b", "two dogs run on grass", "two dogs run on the grass"),
        answer("c", "", "a plate of food on a table"),
        answer("d", None, "a man on a bike in the rain"),
    ]
    task, metric = SimpleNamespace(answer=Caption()), CiderD()
    scores = score_answers(table(*rows), task, metric)
    samples = [Sample(id=r["id"], references=tuple(r["references"])) for r in rows]
    bound = metric.over(samples[:3])
    expected = [bound.value(r["raw"], s) for r, s in zip(rows[:2], samples, strict=False)]
    assert values(scores) == {"a": expected[0], "b": expected[1], "c": None, "d": None}
    assert scores.column("ceiling").to_pylist() == [bound.ceiling([s]) for s in samples]
    found = aggregate(scores, metric, table(*rows), task)["components"][""]
    assert (found["n"], found["corpus"]) == (3, True)
    assert found["value"] == pytest.approx(sum(expected) / 3)
    found = aggregate(score_answers(table(*rows), task, Bleu()), Bleu(), table(*rows), task)
    streams = [["a man rides a bike", "two dogs run on the grass", "a plate of food on a table"]]
    streams.append(["a man on a red bike", None, None])  # type: ignore[list-item]
    said = ["a man on a bike", "two dogs run on grass", ""]
    assert found["components"][""]["value"] * 100 == pytest.approx(sacrebleu.corpus_bleu(said, streams).score)
