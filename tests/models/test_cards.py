"""Model cards: the paper's labels, finding by name, cards of the user's own, and means by model dimension."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemm.analysis.profile.build import model_dimensions_of, profile
from hemm.analysis.profile.model_dimensions import model_dimensions
from hemm.analysis.study import Study
from hemm.cli import status
from hemm.core import BadData, HemmError, UnknownName
from hemm.models import cards
from hemm.published import MODEL_DIMENSIONS, rows
from hemm.results.read import cells


def test_the_papers_models_are_labelled_as_published() -> None:
    known = {card.id: card for card in cards.cards()}
    assert tuple(cards.DIMENSIONS) == MODEL_DIMENSIONS
    for row in rows("models"):
        card = known[row["model"]].of("")
        assert card.title == row["title"]
        assert card.params_b == float(row["total_params_b"])
        assert card.labels == {d: row[d] for d in MODEL_DIMENSIONS if row[d]}
        assert card.checked


def test_sizes_fall_into_categories_as_the_papers_models_do() -> None:
    for row in rows("models"):
        low, high = cards.SPANS[row["total_params"]]
        assert low <= float(row["total_params_b"]) <= high


def test_every_card_says_where_its_labels_are_from_and_none_claims_anothers_names() -> None:
    names = [pattern.casefold() for card in cards.cards() for pattern in card.names]
    assert len(names) == len(set(names))
    assert len({card.id for card in cards.cards()}) == len(cards.cards())
    for card in cards.cards():
        assert card.names
        assert card.citation
        assert card.homepage.startswith("https://")
        assert card.checked == card.checked.strip()
        for pattern in card.sizes:
            assert card.params_b is None, f"{card.id} has one size and several: {pattern}"


@pytest.mark.parametrize(
    ("name", "card", "params", "size"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_5_vl", 7, "medium"),
        ("qwen/qwen2.5-vl-3b-instruct", "qwen2_5_vl", 3, "small"),
        ("Qwen/Qwen2.5-VL-72B-Instruct", "qwen2_5_vl", 72, None),  # between the paper's spans
        ("Salesforce/blip2-flan-t5-xxl", "blip2", 12.1, "medium"),
        ("Salesforce/blip2-flan-t5-xl", "blip2_t5_xl", 4.1, None),
        ("Salesforce/instructblip-vicuna-7b", "instructblip_more", None, None),
        ("gpt-4o-2024-08-06", "gpt_4o", None, None),
        ("gpt-4o-mini-2024-07-18", "gpt_4o_mini", None, None),
        ("gpt-5-mini", "gpt_5", None, None),
        ("mistralai/Pixtral-12B-2409", "pixtral", 12.4, "medium"),
        ("gpt-4.1-mini", "gpt_4_1", None, None),
        ("claude-3-5-sonnet-20241022", "claude_3_5", None, None),
        ("gemini-2.5-pro", "gemini_2_5", None, None),
    ],
)
def test_a_card_is_found_by_the_whole_name(name: str, card: str, params: float | None, size: str) -> None:
    found = cards.find(name)
    assert found is not None
    assert (found.id, found.params_b, found.labels.get("total_params")) == (card, params, size)


@pytest.mark.parametrize(
    "name",
    [
        *("tiny", "baseline/oracle", "my-org/Qwen2.5-VL-7B-Instruct-tuned", "my-gpt-4o", "o11", ""),
        *("mistralai/Pixtral-12B-Base-2409", "gpt-5.6-sol"),  # others of the family, made otherwise
    ],
)
def test_a_name_that_only_contains_anothers_has_no_card(name: str) -> None:
    assert cards.find(name) is None


def _card(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


CARD = (
    "model:\n  title: Mine\n  names: ['gpt-4*']\n  params_b: 8\n  labels:\n"
    "    training_type: modular_fine_tune\n"
)


def test_a_card_of_ones_own_goes_first(tmp_path: Path) -> None:
    own = cards.read(_card(tmp_path, CARD))
    found = cards.find("gpt-4o", [own])
    assert found is not None
    assert found.title == "Mine"
    assert found.labels == {"training_type": "modular_fine_tune", "total_params": "medium"}
    assert cards.find("tiny", [own]) is None
    anyone = cards.read(_card(tmp_path, "model: {title: Any}"))
    assert getattr(cards.find("tiny", [own, anyone]), "title", "") == "Any"
    with pytest.raises(HemmError, match="both describe every model"):
        cards.find("tiny", [anyone, anyone])
    with pytest.raises(HemmError, match="both describe gpt-4"):
        cards.find("gpt-4o", [own, own])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {titel: x}", "did you mean 'title'"),
        ("model: {labels: {tunning: supervised_fine_tuning}}", "did you mean 'tuning'"),
        ("model: {labels: {tuning: instruct}}", "category of tuning"),
        ("model: {params_b: many}", "billions of parameters"),
        ("model: {params_b: .nan}", "billions of parameters"),
        ("model: {sizes: {x: 0}}", "sizes.x is 0; give billions"),
        ("model: {names: [1]}", "names is [1]; give a list of names"),
        ("model: {title: [a]}", "give a text"),
        ("model: text", "one key, model"),
        ("model: {}\nprompt: x", "one key, model"),
        ("model: [", "no valid YAML"),
        ("- a", "key: value"),
    ],
)
def test_a_wrong_card_is_one_line_before_anything_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = _card(tmp_path, text)
    words = ["run", "baseline/oracle", "--task", "probe_shapes", "--limit", "2", "--out", str(tmp_path / "r")]
    assert status([*words, "--card", str(path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert said in err
    assert not (tmp_path / "r").exists()
    with pytest.raises((BadData, UnknownName)):
        cards.read(path)


def test_a_run_keeps_the_card_of_its_model_and_of_its_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "data.jsonl").write_text('{"id": "1", "question": "Red?", "answer": "yes"}\n')
    own = _card(tmp_path, CARD.replace("gpt-4*", "baseline/oracle"))
    about_data = _card(tmp_path, "title: Colours\nanswer: yes_no\n", "data.yaml")
    words = ["run", "baseline/oracle", "baseline/random", "--task", str(data), "--out", str(tmp_path / "r")]
    assert status([*words, "--card", str(own), "--card", str(about_data)]) == 0
    kept = {cell.model: cell.run for cell in cells(tmp_path / "r")}
    assert kept["baseline/oracle"]["model_card"]["title"] == "Mine"
    assert kept["baseline/oracle"]["model_card"]["source"] == str(own)
    assert kept["baseline/random"]["model_card"] is None
    assert {run["card"]["title"] for run in kept.values()} == {"Colours"}
    assert status([*words, "--card", str(about_data), "--card", str(about_data)]) == 2


def test_hemm_models_shows_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["models", "openai/gpt-4o", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["card"] == "GPT-4o"
    assert shown["labels"]["modality_processing"] == "interleaved"
    assert status(["models", "baseline/oracle", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {}


# means by model dimension


def test_means_are_over_models_on_the_tasks_that_all_have() -> None:
    scores = {
        "a": {"x": 0.2, "y": 0.4, "only": 1.0},
        "b": {"x": 0.4, "y": 0.8},
        "c": {"x": 0.9, "y": 0.9},
        "d": {"x": 0.0, "y": 0.2},
    }
    labels = {
        "a": {"tuning": "instruction_tuning", "total_params": "small"},
        "b": {"tuning": "instruction_tuning"},
        "c": {"tuning": "supervised_fine_tuning"},
        "d": None,
    }
    found = model_dimensions(scores, labels)
    assert found.tasks == ("x", "y")
    rows = {(r.dimension, r.category): r for r in found.rows}
    assert set(rows) == {
        ("tuning", "instruction_tuning"),
        ("tuning", "supervised_fine_tuning"),
        ("total_params", "small"),
    }
    tuned = rows["tuning", "instruction_tuning"]
    assert tuned.models == ("a", "b")
    assert tuned.estimate.value == pytest.approx((0.3 + 0.6) / 2)
    # t with one degree of freedom, half the distance of two values as standard error
    reach = 12.7062 * 0.15
    assert tuned.estimate.high == pytest.approx(0.45 + reach, abs=1e-4)
    alone = rows["tuning", "supervised_fine_tuning"].estimate
    assert (alone.value, alone.low) == (pytest.approx(0.9), None)
    assert found.unlabelled["tuning"] == ("d",)
    assert found.unlabelled["total_params"] == ("b", "c", "d")
    assert found.without == ("d",)
    assert "d: no model card" in found.notes()[0]
    assert json.dumps(found.to_json())


def test_nothing_labelled_is_no_table_and_no_note() -> None:
    found = model_dimensions({"a": {"x": 1.0}}, {})
    assert (found.rows, found.notes()) == ((), [])
    assert model_dimensions({}, {}).tasks == ()


def test_the_profile_is_split_by_the_cards_that_runs_kept(tmp_path: Path) -> None:
    own = _card(tmp_path, CARD.replace("gpt-4*", "baseline/oracle"))
    words = ["run", "baseline/oracle", "baseline/majority", "--task", "probe_shapes", "--limit", "20"]
    assert status([*words, "--out", str(tmp_path / "r"), "--card", str(own)]) == 0
    there = cells(tmp_path / "r")
    tasks = profile(Study.of(there)).tasks
    found = model_dimensions_of(tasks, {str(cell.folder): cell.run for cell in there})
    assert found.tasks == ("probe_shapes",)
    by_category = {(r.dimension, r.category): r for r in found.rows}
    assert by_category["training_type", "modular_fine_tune"].models == ("baseline/oracle",)
    assert by_category["training_type", "modular_fine_tune"].estimate.value == pytest.approx(1.0)
    assert found.without == ("baseline/majority",)
