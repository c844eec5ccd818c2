"""``hemm doctor`` tells what is set, and never what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hemm.cli import status

SECRET = "sk-doctor-0123456789abcdef"


def told(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, str], str]:
    assert status(["doctor", "--format", "json"]) == 0
    text = capsys.readouterr().out
    assert status(["doctor"]) == 0
    return {row["what"]: row["state"] for row in json.loads(text)}, text + capsys.readouterr().out


def test_credentials_are_told_and_not_shown(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    state, _ = told(capsys)
    assert state["Kaggle login"] == state["OPENAI_API_KEY"] == "not set"
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "KAGGLE_API_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    state, text = told(capsys)
    assert state["Kaggle login"] == state["OPENAI_API_KEY"] == "set"
    assert state["Hugging Face hub token"].startswith("set")
    assert SECRET not in text
    assert SECRET[-6:] not in text


def test_a_broken_kaggle_login_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kaggle.json").write_text('{"username": "u", "kee": "' + SECRET + '"}')
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    state, text = told(capsys)
    assert state["Kaggle login"].startswith("not usable: ")
    assert SECRET not in text


def test_what_is_whole_is_counted_and_makes_no_table(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "baseline/oracle", "--task", "probe_shapes", "--limit", "2", "--out", str(tmp_path / "r")]
    assert status(words) == 0
    capsys.readouterr()
    assert status(["doctor", str(tmp_path / "r")]) == 0
    assert capsys.readouterr() == ("", "1 cell looked at: nothing is damaged\n")
    (part,) = tmp_path.glob("r/*/*/*/answers/*.parquet")
    part.write_bytes(part.read_bytes()[:-9])
    assert status(["doctor", str(tmp_path / "r")]) == 3
    assert capsys.readouterr().err == "1 cell looked at: 1 damaged file, 1 to be mended\n"
