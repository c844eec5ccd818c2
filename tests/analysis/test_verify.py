"""hemm verify: published figures asked again, by toy references over the probes and the baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemm.analysis.verify import Figure, chosen, figures, judged
from hemm.cli import status
from hemm.core import HemmError, Message, UnknownName
from hemm.models.hf.families.one_picture import question_and_answer
from hemm.results.read import cells
from hemm.stats.intervals import Estimate, mean_interval
from hemm.tasks import TASKS

TOY = """
[[figures]]
models = ["baseline/*"]
task = "probe_shapes"
value = {value}
tolerance = {tolerance}
limit = 40
source = "A toy."
place = "Table 1"
{more}
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(value: float, tolerance: float = 0.0, more: str = "") -> list[str]:
        (tmp_path / "toy.toml").write_text(TOY.format(value=value, tolerance=tolerance, more=more))
        return ["--reference", "toy.toml", "--format", "json"]

    return write


def _verify(capsys, *words: str) -> tuple[int, list[dict]]:
    code = status(["verify", *words])
    return code, json.loads(capsys.readouterr().out)["figures"]


def test_an_oracle_agrees_with_a_perfect_score_and_random_answers_do_not(toy, capsys) -> None:
    words = toy(1.0, 0.2)
    code, (row,) = _verify(capsys, "baseline/oracle", *words)
    assert (code, row["verdict"], row["here"], row["metric"]) == (0, "agrees", 1.0, "accuracy")
    assert row["source"] == "A toy. Table 1"
    assert row["n"] == cells(Path("verify"))[0].answers().num_rows
    code, (row,) = _verify(capsys, "baseline/random", *words)
    assert (code, row["verdict"]) == (3, "differs")
    assert row["high"] < 1.0


@pytest.mark.parametrize("model", ["baseline/oracle", "baseline/random", "baseline/majority"])
def test_four_samples_tell_nothing_of_a_figure_in_the_middle(model: str, toy, capsys) -> None:
    """Whatever the model: half of the scale lies inside such an interval, or just outside."""
    for value in (0.3, 0.62, 0.9):
        _, (row,) = _verify(capsys, model, "--limit", "4", *toy(value, 0.015))
        assert row["verdict"] in ("cannot tell", "differs"), "agreement would be chance"
        if row["low"] - 0.015 <= value <= row["high"] + 0.015:
            assert row["verdict"] == "cannot tell"
            assert "the tolerance allows 0.03: about" in row["why"]


def test_the_verdict_goes_by_the_interval_and_what_the_tolerance_allows(toy, capsys) -> None:
    _, (row,) = _verify(capsys, "baseline/random", *toy(0.5))
    half, gap = (row["high"] - row["low"]) / 2, 0.02
    for value, apart in ((row["high"] + gap, True), (row["low"] - gap, True), (row["high"] - gap, False)):
        for tolerance, met in ((gap / 2, not apart), (gap * 1.01, True), (half * 1.01, True)):
            wanted = "differs" if not met else "agrees" if tolerance > half else "cannot tell"
            code, (row,) = _verify(capsys, "baseline/random", *toy(value, tolerance))
            assert (row["verdict"], code) == (wanted, 0 if wanted == "agrees" else 3)


def test_so_many_scores_as_are_named_do_tell() -> None:
    figure = Figure(("m",), "t", value=0.6, tolerance=0.03, source="")
    few = mean_interval(np.arange(50) % 5 < 3, np.arange(50), (0.0, 1.0))
    verdict, why = judged(figure, few)
    assert verdict == "cannot tell"
    needed = int(why.rpartition("about ")[2].split()[0].replace(",", ""))
    for count, told in ((int(needed * 1.1), "agrees"), (int(needed * 0.9), "cannot tell")):
        assert (
            judged(figure, mean_interval(np.arange(count) % 5 < 3, np.arange(count), (0.0, 1.0)))[0] == told
        )
    assert judged(figure, Estimate(0.6, None, None, 9, 9, "too few clusters"))[0] == "cannot tell"


def test_a_score_of_the_same_samples_is_pinned_without_an_interval(toy, capsys) -> None:
    _, (row,) = _verify(capsys, "baseline/random", *toy(0.5))
    pinned = "same_samples = true"
    code, (again,) = _verify(capsys, "baseline/random", *toy(row["here"], more=pinned))
    assert (code, again["verdict"]) == (0, "agrees")
    code, (again,) = _verify(capsys, "baseline/random", *toy(row["here"] + 0.025, 0.02, pinned))
    assert (code, again["verdict"]) == (3, "differs")
    assert "same_samples" in _verify(capsys, "baseline/random", *toy(row["here"]))[1][0]["why"]


def test_the_figures_protocol_is_what_is_asked(toy, capsys) -> None:
    more = 'prompt = "{{ image }}In brief: {{ question }}"\nsettings = { max_new_tokens = 7 }\n'
    code, (row,) = _verify(capsys, "baseline/oracle", *toy(1.0, 0.2, more + 'metric = "exact_match"'))
    assert (code, row["metric"]) == (0, "exact_match")
    (found,) = cells(Path("verify"))
    assert found.run["protocol_spec"]["generation"]["max_new_tokens"] == 7
    assert all("In brief: " in prompt for prompt in found.answers()["prompt"].to_pylist())
    assert found.run["selections"][-1]["limit"] == 40


def test_a_value_of_a_set_as_a_whole_is_compared_by_the_profiles_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    more = TOY.replace("probe_shapes", "probe_scenes").format(
        value=0.0, tolerance=0.0, more="metric = 'cider_d'"
    )
    Path("toy.toml").write_text(more)
    code, (row,) = _verify(capsys, "baseline/oracle", "--reference", "toy.toml", "--format", "json")
    assert (code, row["verdict"]) == (3, "differs")
    assert status(["profile", "verify", "--format", "json"]) == 0
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    (told,) = [v for v in task["metrics"] if v["metric"] == "cider_d"]
    assert [row[k] for k in ("here", "low", "high")] == [told[k] for k in ("value", "low", "high")]
    assert 0 < row["low"] < row["here"] < row["high"]


def test_what_cannot_be_asked_is_listed_with_the_reason(toy, capsys) -> None:
    words = toy(1.0, 0.2)
    with open("toy.toml", "a") as out:
        out.write('[[figures]]\nmodels = ["baseline/oracle"]\ntask = "gqa"\nvalue = 0.5\ntolerance = 0.1\n')
        out.write('source = "Another toy."\n')
    code, rows = _verify(capsys, "baseline/oracle", *words)
    assert code == 3
    assert [row["verdict"] for row in rows] == ["agrees", "not run"]
    assert "hemm prepare gqa" in rows[1]["why"]
    code, (row,) = _verify(capsys, "baseline/oracle", "--task", "probe_shapes", *words)
    assert (code, row["task"]) == (0, "probe_shapes")


def test_a_model_without_figures_is_one_line(toy, capsys) -> None:
    assert status(["verify", "tiny", *toy(1.0)]) == 2
    err = capsys.readouterr().err
    assert "no figure of tiny in toy.toml" in err
    assert status(["verify", "baseline/oracle"]) == 2
    assert "in hemm's list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("value = 'high'", "value is 'high'"),
        ("value = nan", "value is nan"),
        ("value = 1\ntolerance = -1", "tolerance is -1"),
        ("value = 1\nlimit = 0", "limit is 0"),
        ("value = 1\nprompt = 3", "prompt is 3"),
        ("value = 1\nchecked = true", "checked is True"),
        ("value = 1\nsame_samples = 'yes'", "same_samples is 'yes'; give true or false"),
        ("value = 1\nsettings = 3", "settings is 3; give keys with values"),
        ("value = 1\nmodels = []", "models is []; give a list of names"),
        ("value = 1\ntolerence = 3", "did you mean 'tolerance'"),
        ("", "no value"),
    ],
)
def test_a_wrong_reference_names_file_figure_and_key(tmp_path: Path, text: str, said: str) -> None:
    keys = {"models": "['a']", "task": "'t'", "tolerance": "0.1", "source": "'s'"}
    missing = [f"{k} = {v}" for k, v in keys.items() if f"{k} =" not in text]
    path = tmp_path / "r.toml"
    path.write_text("\n".join(["[[figures]]", *missing, text]))
    with pytest.raises((HemmError, UnknownName), match=r"r\.toml, figure 1") as caught:
        figures(path)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "figures = 3", "[[figures", "[other]\na = 1"])
def test_a_file_that_is_no_reference(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(HemmError, match=r"r\.toml"):
        figures(tmp_path / "r.toml")
    with pytest.raises(HemmError, match="cannot be read"):
        figures(tmp_path / "none.toml")


def test_the_list_names_tasks_and_metrics_that_there_are(capsys) -> None:
    found = figures()
    assert len(found) >= 12
    for figure in found:
        task = TASKS.get(figure.task)
        assert not figure.metric or figure.metric in task.metrics
        assert figure.place
        assert figure.checked
        assert figure.prompt
        assert int(figure.settings["max_new_tokens"]) > 0
        assert 0 < figure.tolerance < figure.value
    assert len({(f.models, f.task) for f in found}) == len(found)
    assert len({f.models for f in found}) >= 8
    assert len({f.task for f in found}) >= 5
    assert {f.task for f in chosen(found, "Salesforce/blip2-flan-t5-xl")} == {"ok_vqa", "gqa"}
    assert not chosen(found, "Salesforce/blip2-flan-t5-xl-coco")
    assert status(["verify", "--task", "nocaps", "--format", "json"]) == 0
    assert {row["task"] for row in json.loads(capsys.readouterr().out)} == {"nocaps"}


def test_prompts_of_blip_2_s_paper_are_not_put_into_its_form_a_second_time() -> None:
    found = [f.prompt for f in figures() if "/blip2-" in f.models[0]]
    assert found
    for prompt in found:
        said = prompt.replace("{{ image }}", "").replace("{{ question }}", "What is it?")
        if said.startswith("Question:"):
            assert question_and_answer([Message("user", (said,))]) == said
    assert question_and_answer([Message("user", ("Blue?",))]) == "Question: Blue? Answer:"
    half = "Question: Red?\nIn a word."
    assert question_and_answer([Message("user", (half,))]) == f"Question: {half} Answer:"


def test_settings_of_a_figure_are_written_as_toml_has_them(tmp_path: Path) -> None:
    """Processor options and variables of chat templates too."""
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[figures]]\nmodels = ["a/b"]\ntask = "gqa"\nvalue = 0.5\ntolerance = 0.1\nsource = "Me."\n'
        "settings = { max_pixels = 1003520, do_image_splitting = false, temperature = 0.5, "
        'dtype = "bfloat16", chat_template_kwargs = { enable_thinking = false } }\n'
    )
    (figure,) = figures(path)
    assert dict(figure.settings) == {
        "max_pixels": "1003520",
        "do_image_splitting": "false",
        "temperature": "0.5",
        "dtype": "bfloat16",
        "chat_template_kwargs": '{"enable_thinking":false}',
    }
