"""A secret may stand in a prompt, a card or a path: it is hidden, and nothing is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemm.cli import status
from hemm.data.checked import sealed
from hemm.results.checked import read_aggregates, read_run, write_checked

SECRET = "abc12345xyz"
ROWS = "id\tquestion\tanswer\n" + "".join(
    f"{i}\tIs {i} even?\t{'no' if i % 2 else 'yes'}\n" for i in range(9)
)
CARD = """name: my_birds
title: pictures of {title}
file: rows.tsv
labels:
  {{use_case: multimedia, interaction: uniqueness, external_knowledge: "no", information_flow: querying}}
"""


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "even.tsv").write_text(ROWS)
    for folder, title in ((SECRET, "birds"), ("titled", SECRET)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.tsv").write_text(ROWS)
        (tmp_path / folder / "card.yaml").write_text(CARD.format(title=title))
    return tmp_path


PLACES = {
    "prompt": ["--task", "./even.tsv", "--prompt", f"text:{SECRET} {{{{question}}}} {{{{instruction}}}}"],
    "path": ["--task", f"./{SECRET}"],
    "card": ["--task", "./titled"],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("set_from", [0, 1])
def test_a_cell_with_a_secret_in_its_content_opens_and_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, set_from: int
) -> None:
    words = ["run", "baseline/oracle", *PLACES[place], "--out", "r"]
    for number, more in enumerate((["--limit", "3"], [], [])):
        if number == set_from:
            monkeypatch.setenv("MY_TOKEN", SECRET)
        assert status([*words, *more]) == 0, capsys.readouterr().err
        said = capsys.readouterr().err
    assert "to ask" not in said, "a third run, of the same, asks nothing"
    assert "took over" not in said
    (cell,) = home.glob("r/*/*/*")
    for name in ("run.json", "scores/aggregates.json"):
        assert SECRET not in (cell / name).read_text()
    run = read_run(cell)
    assert run is not None
    assert [c["asked"] for c in run["commands"]] == [3, 6]
    assert len(run["parts"]) == 2
    for words in (["score", "r", *PLACES[place][:2]], ["doctor", "r"], ["profile", "r"]):
        assert status(words) == 0, capsys.readouterr().err


def test_a_key_that_is_the_name_of_the_model_damages_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEMM_API_KEY", "my-model-7b")
    words = ["run", "baseline/oracle", "--task", "./even.tsv", "--out", "r", "--system", "my-model-7b"]
    for more in (["--limit", "3"], []):
        assert status([*words, *more]) == 0, capsys.readouterr().err
    assert status(["profile", "r"]) == 0


@pytest.mark.parametrize(
    "secret", ["1234567890", 'a"},{"b": 1', "ünïcode-geheim-42", "schema_version_1", "0.25000001"]
)
def test_a_checksum_is_of_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Numbers and the signs of JSON may be in a secret, too."""
    monkeypatch.setenv("MY_TOKEN", secret)
    value = {
        "schema_version": 1, "basis": f"x {secret} y", "headline": None, "outcomes": {"ok": 1234567890},
        "parser": {secret: 1}, "metrics": {},
    }  # fmt: skip
    (tmp_path / "scores").mkdir()
    write_checked(tmp_path / "scores/aggregates.json", value)
    text = (tmp_path / "scores/aggregates.json").read_text()
    assert secret not in [json.loads(text)["basis"], *json.loads(text)["parser"]]
    found = read_aggregates(tmp_path)
    assert found["basis"] == "x [secret] y"
    assert found["outcomes"] == {"ok": 1234567890}


NAMES = {
    "file": ["--task", f"./{SECRET}.tsv"],
    "card": ["--task", "./named"],
    "model": ["--task", "./even.tsv", f"http://127.0.0.1:9/v1#{SECRET}-7b"],
    "metric": ["--task", "./even.tsv", "--metric", f"consistency:by={SECRET}"],
}


@pytest.mark.parametrize("place", NAMES)
def test_a_name_with_a_secret_is_refused_before_a_file_has_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (home / f"{SECRET}.tsv").write_text(ROWS)
    (home / "named").mkdir()
    (home / "named/rows.tsv").write_text(ROWS)
    (home / "named/card.yaml").write_text(CARD.format(title="x").replace("my_birds", f"birds-{SECRET}"))
    before = set(home.rglob("*"))
    monkeypatch.setenv("MY_TOKEN", SECRET)
    assert status(["run", "baseline/oracle", *NAMES[place], "--out", "r"]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "holds the value of MY_TOKEN, and files would be named by it" in told
    assert SECRET not in told
    assert not [path for path in set(home.rglob("*")) - before if SECRET in path.name]


@pytest.mark.parametrize("value", ["oracle", "exact_match", "even-even-even", "sk-lab-1a2b3c4d5e6f"])
def test_ordinary_names_are_not_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    """Also where somebody's password is a word that is in one."""
    monkeypatch.setenv("MY_TOKEN", value)
    (home / "even-even-even.tsv").write_text(ROWS)
    assert status(["run", "baseline/oracle", "--task", "./even-even-even.tsv", "--out", "r"]) == 0


def damaged_by_an_earlier_version(cell: Path) -> str:
    """run.json as earlier versions left it: its checksum is of the text with the secret."""
    path = cell / "run.json"
    run = json.loads(path.read_text().replace("Birds", SECRET))
    path.write_text(json.dumps(sealed(run)).replace(SECRET, "[secret]"))
    return path.read_text()


def test_run_json_that_lost_a_secret_is_mended_once_the_secret_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = "text:Birds. {{ question }} {{ instruction }} api_key='not-the-one'"
    words = ["run", "baseline/oracle", "--task", "./even.tsv", "--out", "r", "--prompt", prompt]
    assert status(words) == 0
    (cell,) = home.glob("r/*/*/*")
    before = damaged_by_an_earlier_version(cell)
    assert before.count("[secret]") > 1
    assert status(["profile", "r"]) == 2
    capsys.readouterr()
    for more in ([], ["--repair"]):
        assert status(["doctor", "r", "--format", "json", *more]) == 3
        told = capsys.readouterr().out
        assert "set it again, and hemm doctor --repair makes the checksum anew" in told
    assert (cell / "run.json").read_text() == before
    monkeypatch.setenv("MY_TOKEN", SECRET)
    monkeypatch.setenv("OTHER_TOKEN", "nothing-1234-of-it")
    assert status(["doctor", "r", "--format", "json"]) == 3
    assert "--repair mends it" in capsys.readouterr().out
    assert status(["doctor", "r", "--repair"]) == 0
    assert SECRET not in (cell / "run.json").read_text() + "".join(capsys.readouterr())
    for after in (["doctor", "r"], ["profile", "r"], ["score", "r", "--task", "./even.tsv", "--again"]):
        assert status(after) == 0, capsys.readouterr().err


def test_other_damage_of_a_text_with_a_hidden_secret_is_not_mended(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "baseline/oracle", "--task", "./even.tsv", "--out", "r", "--system", "Birds"]
    assert status(words) == 0
    (cell,) = home.glob("r/*/*/*")
    before = damaged_by_an_earlier_version(cell).replace("exact_match", "exact_watch")
    (cell / "run.json").write_text(before)
    monkeypatch.setenv("MY_TOKEN", SECRET)
    assert status(["doctor", "r", "--repair"]) == 3
    assert (cell / "run.json").read_text() == before
