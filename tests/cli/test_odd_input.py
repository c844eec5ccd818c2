"""Odd input, one line: numbers beyond all limits, names that are no paths, YAML that means another thing,
templates without end."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemm.cli import status

HUGE = "9" * 30
RUN = ("run", "baseline/oracle", "--task", "even.tsv")


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "even.tsv").write_text("id\tquestion\tanswer\n1\tIs 1 even?\tno\n2\tIs 2 even?\tyes\n")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a command that ends in bad input."""
    capsys.readouterr()
    code = status(list(words))
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("hemm: ")]
    assert code == 2, (words, code, lines)
    assert len(lines) == 1, lines
    assert "a fault of hemm" not in lines[0], lines
    return lines[0]


NUMBERS = [
    *[("--" + name, HUGE) for name in ("limit", "repeats", "shots", "seed", "max-pixels", "stop-after")],
    *[("--" + name, HUGE) for name in ("concurrency", "batch-size", "replicas")],
    *[("--" + name, f"-{HUGE}") for name in ("limit", "seed", "stop-after")],
    *[("--" + name, "9" * 5000) for name in ("limit", "seed")],
    *[
        ("--" + name, text)
        for name in ("limit", "seed")
        for text in ("nan", "1e3", "2024-01-01", "1:30", "١٢x")
    ],
    *[("--max-cost", text) for text in ("nan", "-1", "inf")],
    *[("--until-ci", text) for text in ("nan", "inf", "-3", "1e400", "0")],
    *[
        ("--set", f"{key}={text}")
        for key in ("temperature", "top_p")
        for text in ("nan", "inf", "-1", "1e400")
    ],
    *[("--set", f"max_new_tokens={text}") for text in (HUGE, "0", "-1", "nan", "1.5")],
    ("--set", "stop="),
    ("--set", f"thinking_budget={HUGE}"),
    ("--perturb", "noise:nan"),
    ("--perturb", "noise:inf"),
]


@pytest.mark.parametrize(("option", "value"), NUMBERS, ids=lambda v: str(v)[:24])
def test_numbers_beyond_limits(
    home: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    line = told(capsys, *RUN, option, value)
    assert len(line) < 400
    assert not list((home).rglob("run.json"))


NAMES = ("~~", "~nobody-of-this-name/x", "a\x00b", "\x00", "x" * 5000, "a/" * 3000)


@pytest.mark.parametrize("name", NAMES, ids=lambda v: repr(v)[:16])
def test_names_that_are_no_paths(home: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    for words in (
        ("run", "tiny", "--task", name),
        ("run", "tiny", "--task", f"./{name}"),
        ("run", f"hf/{name}"),
        ("run", f"./{name}"),
        ("run", f"./{name}.py:Model"),
        ("run", name),
        (*RUN, "--prompt", name),
        (*RUN, "--card", name),
        (*RUN, "--config", name),
        (*RUN, "--metric", name),
        (*RUN, "--metric", f"./{name}.py:M"),
        (*RUN, "--set", f"prices={name}"),
        ("prepare", name),
        ("prepare", "vqa_rad", "--from", name),
        ("score", name),
        ("profile", name),
        ("report", name),
        ("doctor", name),
        ("compare", name),
        ("diff", name, "a", "b"),
    ):
        told(capsys, *words)


@pytest.mark.parametrize(
    "text",
    [
        "limit: 1:30",  # YAML 1.1 reads 90
        "seed: 2024-01-01",
        "seed: 12:30:45",
        "limit: {a: {b: 1}}",
        "limit: [[1]]",
        f"limit: {HUGE}",
        "limit: .nan",
        "max_cost: .nan",
        "limit: ~",
        "seed: 0x",
        "task: 2024-01-01",
        "task: [1, [2]]",
        "set: 5",
        "set: {temperature: .inf}",
        "set: {temperature: [0, [1]]}",
        "where: [a]",
        "1: 2",
        "? [a, b]\n: c",
        "- a\n- b",
        "'a': !!python/object/apply:os.system ['true']",
        "out: 3.5\nlimit: yes",
        "limit: 010x",
        "a: &a [*a]",
        "limit: " + "[" * 3000,
        "\x00",
    ],
    ids=lambda v: repr(v)[:28],
)
def test_yaml_that_means_another_thing(home: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (home / "c.yaml").write_text(text)
    line = told(capsys, *RUN, "--config", "c.yaml")
    assert any(name in line for name in ("c.yaml", "--max-cost", "--set", "--limit")), line


def test_sexagesimal_numbers_are_not_read_in_silence(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """YAML 1.1 reads 1:30 as 90, and 010 as 8: what is meant is not known."""
    for text in ("limit: 1:30", "seed: 1:00:00", "limit: 010", "set: {max_new_tokens: 1:30}"):
        (home / "c.yaml").write_text(text)
        line = told(capsys, *RUN, "--config", "c.yaml")
        assert "c.yaml" in line
        assert "number" in line


TEMPLATES = [
    "{{ 1 / 0 }}",
    "{{ question * 10 ** 12 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{% for i in range(10**12) %}x{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ question.__class__.__mro__ }}",
    "{{ ('a' * 99999) * 99999 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ question | center(10**11) }}",
    "{{ question | indent(10**11) }}",
    "{{ lipsum(n=10**9) }}",
    "{{ question | nope }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "{{ question | int(default=nothing) + [] }}",
    "{% include 'x' %}",
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda v: v[:30])
def test_templates_that_fail_or_never_end(
    home: Path, capsys: pytest.CaptureFixture[str], template: str
) -> None:
    line = told(capsys, *RUN, "--prompt", f"text:{template}")
    assert "prompt" in line
    assert len(line) < 600
