"""The command that a report shows leads to the same protocol, for every option, from Python too."""

from __future__ import annotations

import json
import random
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hemm
from hemm.cli import status
from hemm.engine.command_line import command_line
from hemm.engine.options import RunOptions
from hemm.models import MODELS, PROTOCOL_SETTINGS, ModelOptions
from hemm.report.page.method import Run, method
from hemm.results.read import Cell, cells

TASKS = ("probe_shapes", "probe_charts")
TEXTS = (
    "{{ image }}{{ question }}",
    "{{ question }}\n\n  {{ image }}'quoted' \"twice\" $HOME `date` \\n {{ instruction }} ",
    "Say yes.",
    "-- {{ image }}é 🙂 {% if labels %}{{ labels }}{% endif %}",
    "text:{{ image }}",
)
CHOICES: dict[str, Sequence[Any]] = {
    "control": ("none", "grey", "shuffle"),
    "perturb": ("noise:20", "blur:2", "rotate:90"),
    "shots": (1, 2),
    "prompt": TEXTS,
    "system": ("Be brief.", "-x --y", "two\nlines ", '"', "it's"),
    "max_pixels": (100, 900),
    "seed": (1, 7),
    "repeats": (2,),
    "revision": ("v2", "a b"),
    "batch_size": (1, 3),
    "metrics": (["exact_match"],),
    "retry_errors": (True,),
    "stop_after": (0, 3),
}
SETTINGS: dict[str, Sequence[Any]] = {
    "max_new_tokens": (1, 64, 300),
    "temperature": (0.7, 1e-05, 0),
    "top_p": (0.9, 0.123456789),
    "stop": ("###", [" a", "b "], "\n", "\t x", "é", ["=", "\\n"], " "),
    "thinking_budget": (64,),
    "scoring": ("likelihood", "generate"),
    "beams": (2, "many"),
    **dict.fromkeys(sorted(PROTOCOL_SETTINGS), ("other", "a b", " c")),
    "chat_template_kwargs": ('{"other": 1}', '{"a": "b c"}', ' {"d": "e \'f\'"}'),
}


@pytest.fixture(autouse=True)
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS._rows, "recording", "recording:Recording")


def drawn(number: int) -> dict[str, Any]:
    """A set of options of ``hemm.run``: each with a chance of one in four."""
    rng = random.Random(number)
    options = {name: rng.choice(values) for name, values in CHOICES.items() if rng.random() < 0.25}
    settings = {name: rng.choice(values) for name, values in SETTINGS.items() if rng.random() < 0.25}
    models = rng.choice((["recording"], ["baseline/random"], ["recording", "baseline/random"]))
    if models != ["recording"]:  # baselines know no settings of their own
        settings = {k: v for k, v in settings.items() if k not in PROTOCOL_SETTINGS | {"beams"}}
    tasks = rng.choice((TASKS, TASKS[:1]))
    return {"models": models, "tasks": list(tasks), "limit": 2, "settings": settings, **options}


def protocols(found: Sequence[Cell]) -> set[tuple[str, str, str]]:
    return {(c.model, c.task, c.protocol) for c in found}


def typed(monkeypatch: pytest.MonkeyPatch, words: Sequence[str], out: Path) -> set[tuple[str, str, str]]:
    """What ``words`` lead to when they are typed, with another folder for the results."""
    monkeypatch.setattr(sys, "argv", [*words, "--out", str(out)])
    assert status([*words[1:], "--out", str(out)]) == 0
    return protocols(cells(out))


def called(call: str, out: Path) -> set[tuple[str, str, str]]:
    def run(*arguments: Any, **options: Any) -> Any:
        return hemm.run(*arguments, **{**options, "out": out})

    return protocols(eval(call, {"hemm": SimpleNamespace(run=run)}).cells)


def shown(found: Sequence[Cell]) -> Run:
    (run,) = method(found).runs
    return run


@pytest.mark.parametrize("number", range(40))
def test_the_command_shown_leads_to_the_same_protocols(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = drawn(number)
    first = hemm.run(out=tmp_path / "first", **options)
    run = shown(first.cells)
    words = shlex.split(run.command)
    assert typed(monkeypatch, words, tmp_path / "typed") == protocols(first.cells)
    assert called(run.python, tmp_path / "called") == protocols(first.cells)
    # what is typed is shown as it was typed, and leads there again
    again = shown(cells(tmp_path / "typed"))
    assert shlex.split(again.command) == [*words, "--out", str(tmp_path / "typed")]
    assert again.python == ""


@pytest.mark.parametrize("number", range(10))
def test_calls_that_0_1_0_stored_have_a_command_too(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found in hemm.run(out=tmp_path / "first", **drawn(number)):
        run = {k: v for k, v in found.run.items() if k != "options"}
        run["commands"] = [{k: v for k, v in c.items() if k != "options"} for c in run["commands"]]
        old = Cell(found.folder, run)
        command = shown([old])
        if "revision" in drawn(number) and found.model == "recording":  # of a plug-in's model: not known
            continue
        out = tmp_path / found.model / found.task
        assert typed(monkeypatch, shlex.split(command.command), out) == protocols([old])
        assert called(command.python, out / "called") == protocols([old])


def test_an_object_is_shown_as_one(tmp_path: Path) -> None:
    from recording import Recording

    found = hemm.run(Recording("mine", ModelOptions()), "probe_shapes", limit=2, shots=1, out=tmp_path)
    run = shown(found.cells)
    assert run.command == ""
    assert run.python == f"hemm.run(<mine>, 'probe_shapes', limit=2, out={str(tmp_path)!r}, shots=1)"


def test_files_of_options_and_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.txt").write_text("{{ image }}{{ question }} Look.")
    Path("run.yaml").write_text(
        "models: [recording]\ntask: probe_shapes\nlimit: 2\nprompt: p.txt\nset: {top_p: 0.5, stop: ' x'}\n"
        "system: 'text'\nconcurrency: auto\n"
    )
    wanted = typed(monkeypatch, ["hemm", "run", "--config", "run.yaml"], tmp_path / "a")
    command = shlex.split(shown(cells(tmp_path / "a")).command)
    assert "--config" not in command
    assert command[command.index("--prompt") + 1] == "p.txt"
    assert typed(monkeypatch, command, tmp_path / "b") == wanted
    (cell,) = cells(tmp_path / "b")
    assert cell.run["protocol_spec"]["generation"]["stop"] == [" x"]


@pytest.mark.parametrize(
    "without",
    [
        ("until_ci", "serve", "conditions"),
        ("balanced", "shard", "serve", "conditions"),
        ("until_ci", "control", "ray", "replica_gpus", "replica_cpus", "mixed_hardware"),
    ],
)
def test_every_option_of_the_command_line_has_its_words(
    without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of one value for each option are read as that value again; of those that exclude each other,
    of one side at a time."""
    from hemm.cli import run as module

    values: dict[str, Any] = {
        "tasks": ["a", "b"], "suite": "hemm", "where": ["use_case=science"], "limit": 3, "until_ci": 2.5,
        "seed": 4, "out": "x y", "control": "grey", "perturb": "blur:2", "shots": 2, "repeats": 3,
        "prompt": "{{ a }}", "system": "s", "max_pixels": 9, "settings": [["top_p", "0.5"], ["stop", "\n"]],
        "concurrency": 2, "stop_after": 0, "max_cost": 1.5, "batch_size": 2, "serve": "vllm", "replicas": 0,
        "metrics": ["m", "n"], "revision": "r", "card": "c.yaml", "retry_errors": True, "dry_run": True,
        "ray": "auto",
        "replica_gpus": 2.0, "replica_cpus": 0.5,
        "mixed_hardware": True, "conditions": "vl,l=grey",
        "balanced": True, "shard": "2/3",
    }  # fmt: skip
    assert set(values) == set(RunOptions.table()), "a new option has a value here"
    values = {name: value for name, value in values.items() if name not in without}
    seen: list[RunOptions] = []
    monkeypatch.setattr("hemm.analysis.early_stopping.run", lambda options, *_: seen.append(options) or [])
    monkeypatch.setattr("hemm.models.cards.is_model_card", lambda path: path.name == "model.yaml")
    monkeypatch.setattr(module, "_report", lambda *_: 0)
    words = command_line({"models": ["hf/x/y"], "model_cards": ["model.yaml"], **values})
    assert status(words[1:]) == 0
    (options,) = seen
    for name, value in values.items():
        read = getattr(options, name)
        plain = str(read) if isinstance(read, Path) else json.loads(json.dumps(read))
        assert plain == ("\\n" if value == "\n" else value) or name == "settings", name
    assert options.models == ("hf/x/y",)
    assert options.model_cards == (Path("model.yaml"),)
    assert options.generation(8).stop == ("\n",)
    assert options.generation(8).top_p == 0.5
