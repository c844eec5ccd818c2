"""A subject is a protocol: what was asked in another way has a row and a label of its own."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import hemm
from hemm.analysis.compare import compare
from hemm.analysis.diff import flips
from hemm.analysis.preferences.validity import metric_scores
from hemm.analysis.profile import Profile, profile
from hemm.analysis.study import Study
from hemm.cli import status
from hemm.core import HemmError, UnknownName
from hemm.engine.options import GENERATION_KEYS, RunOptions
from hemm.models import MODELS, PROTOCOL_SETTINGS
from hemm.results.read import Cell, cells
from stored_cells import Stored, questions

TASKS = ["probe_shapes", "probe_charts"]
OPTIONS: dict[str, Any] = {
    "control": "grey",
    "perturb": "noise:20",
    "shots": 1,
    "prompt": "{{ image }}Look. {{ question }}",
    "system": "Be brief.",
    "max_pixels": 900,
    "revision": "v2",
}
"""Options of a run that make another protocol, with a value each."""
ALIKE = {
    "tasks", "suite", "where", "limit", "until_ci", "seed", "out", "repeats", "settings", "concurrency",
    "stop_after", "max_cost", "batch_size", "serve", "replicas", "metrics", "card", "retry_errors", "dry_run",
    "balanced", "shard", "ray", "replica_gpus", "replica_cpus", "mixed_hardware",
    "conditions",
}  # fmt: skip
"""Options that make none for this model: the seed where something is drawn, the server for checkpoints;
``conditions`` is several runs, each with its ``control``."""
SETTINGS = {
    "max_new_tokens": "7",
    "temperature": "0.7",
    "top_p": "0.9",
    "stop": "###",
    "thinking_budget": "64",
    "scoring": "likelihood",
    "beams": "4",
    **dict.fromkeys(sorted(PROTOCOL_SETTINGS), "other"),
    "chat_template_kwargs": '{"other":1}',
}
WAYS: dict[str, dict[str, Any]] = {
    **{name: {name: value} for name, value in OPTIONS.items()},
    **{f"--set {name}": {"settings": {name: value}} for name, value in SETTINGS.items()},
}


@pytest.fixture(autouse=True)
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS._rows, "recording", "recording:Recording")


def ask(out: Path, model: str = "recording", tasks: list[str] = TASKS, **options: Any) -> list[Cell]:
    return list(hemm.run(model, tasks, out=out, limit=4, **options))


def labels(found: Profile | Study) -> list[str]:
    subjects = found.subjects if isinstance(found, Profile) else tuple(found.subjects.values())
    return [s.label for s in subjects]


def without_options(cell: Cell) -> Cell:
    """The cell as version 0.1.0 wrote it."""
    run = {k: v for k, v in cell.run.items() if k != "options"}
    run["commands"] = [{k: v for k, v in c.items() if k != "options"} for c in run["commands"]]
    return Cell(cell.folder, run)


def test_every_option_is_known_to_make_another_protocol_or_not() -> None:
    """A new option is added to ``OPTIONS``, or to ``ALIKE`` with the reason; a setting to ``SETTINGS``."""
    assert set(RunOptions.table()) == set(OPTIONS) | ALIKE
    assert {name for name, about in RunOptions.table().items() if about.protocol} <= set(OPTIONS)
    assert set(GENERATION_KEYS) | PROTOCOL_SETTINGS <= set(SETTINGS)


@pytest.mark.parametrize("name", WAYS)
def test_two_protocols_are_two_rows_and_never_one_mean(name: str, tmp_path: Path) -> None:
    plain, other = ask(tmp_path), ask(tmp_path, **WAYS[name])
    assert not {c.protocol for c in plain} & {c.protocol for c in other}
    found = profile(Study.of([*plain, *other]))
    assert len(found.subjects) == len(set(labels(found))) == 2
    assert sorted((r.subject.label, r.task) for r in found.tasks) == sorted(
        (label, task) for label in labels(found) for task in TASKS
    )
    # nor where each was asked of one task alone
    apart = profile(Study.of([plain[0], other[1]]))
    assert len(set(labels(apart))) == 2
    assert {len(r.tasks) for r in apart.categories if r.dimension == "overall"} == {1}
    # nor where version 0.1.0 ran it
    old = Study.of(map(without_options, [*plain, *other]))
    assert labels(old) == labels(found)


def test_all_labels_say_what_differs(tmp_path: Path) -> None:
    every = ask(tmp_path, tasks=TASKS[:1])
    for options in WAYS.values():
        every += ask(tmp_path, tasks=TASKS[:1], **options)
    study = Study.of(every)
    assert len(study.subjects) == len(WAYS) + 1 == len(set(labels(study)))
    assert set(labels(study)) == {
        "recording", "recording (picture grey)", "recording · noise:20", "recording · 1 shot",
        'recording · prompt "{{ image }}Look. {{ questio…"', 'recording · system "Be brief."',
        "recording · 900 pixels", "recording@v2", "recording · max_new_tokens 7",
        "recording · temperature 0.7", "recording · top_p 0.9", 'recording · stop "###"',
        "recording · thinking_budget 64", "recording · likelihood", "recording · beams 4",
        *(f"recording · {name} {SETTINGS[name]}" for name in PROTOCOL_SETTINGS),
    }  # fmt: skip


def test_two_seeds_are_two_subjects_where_something_is_drawn(tmp_path: Path) -> None:
    """The seed counts where requests depend on it, and is not named where it is the usual one."""
    drawn = [*ask(tmp_path, "baseline/random"), *ask(tmp_path, "baseline/random", seed=3)]
    assert labels(Study.of(drawn)) == ["baseline/random", "baseline/random · seed 3"]
    same = [*ask(tmp_path / "same"), *ask(tmp_path / "same", seed=3)]
    assert labels(Study.of({c.folder: c for c in same}.values())) == ["recording"]
    warm = {"settings": {"temperature": 1.0}}
    sampled = [*ask(tmp_path / "warm", **warm), *ask(tmp_path / "warm", seed=3, **warm)]
    assert labels(Study.of(sampled)) == ["recording · temperature 1", "recording · temperature 1 · seed 3"]


def test_prompts_are_told_apart_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, text in (("a", "{{ image }}One. {{ question }}"), ("b", "{{ image }}Two. {{ question }}")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "short.txt").write_text(text)
        (tmp_path / folder / "copy.txt").write_text(text)
    for name in ("a/short.txt", "b/short.txt"):
        words = ["recording", "--task", TASKS[0], "--limit", "4", "--out", str(tmp_path / "results")]
        assert status(["run", *words, "--prompt", str(tmp_path / name)]) == 0
    study = hemm.load(tmp_path / "results").study
    first, second = labels(study)
    assert first != second
    assert all(label.startswith("recording · prompt short.txt [") for label in (first, second))
    # an equal text in another file is the same protocol
    words = ["recording", "--task", TASKS[1], "--limit", "4", "--out", str(tmp_path / "results")]
    assert status(["run", *words, "--prompt", str(tmp_path / "a/copy.txt")]) == 0
    assert len(hemm.load(tmp_path / "results").study.subjects) == 2
    long = [ask(tmp_path / "system", tasks=TASKS[:1], system="Be very brief, and say no more than " + end)
            for end in ("a word", "a letter")]  # fmt: skip
    assert len(set(labels(Study.of([c for each in long for c in each])))) == 2


def test_a_setting_that_some_tasks_have_anyway_splits_no_model() -> None:
    def stored(task: str, tokens: int, usual: int, given: bool) -> Any:
        options = {"max_new_tokens": {"value": tokens, "default": usual}} if given else {}
        return Stored(
            questions(3, 1), task=task, tokens=tokens, options=options, protocol=f"{task}{tokens}{'0' * 12}"
        )

    set_, plain = [stored("a", 64, 16, True), stored("b", 64, 64, True)], stored("a", 16, 16, False)
    (only,) = profile(Study.of(set_)).subjects
    assert only.label == "m · max_new_tokens 64"
    found = profile(Study.of([*set_, plain]))
    rows = sorted((r.subject.label, r.task) for r in found.tasks)
    # what "m" would be asked of task b is there
    wanted = [("m", "a"), ("m", "b"), ("m · max_new_tokens 64", "a"), ("m · max_new_tokens 64", "b")]
    assert rows == wanted
    both = profile(Study.of([set_[0], stored("b", 64, 64, False), plain]))
    rows = sorted((r.subject.label, r.task) for r in both.tasks)
    assert rows == wanted
    control = Stored(questions(1, 3), task="b", tokens=64, control="grey", protocol="c" * 12,
                     options={"max_new_tokens": {"value": 64, "default": 64}})  # fmt: skip
    assert [r.task for r in profile(Study.of([*set_, control])).controls] == ["b"]


def test_a_control_keeps_its_options_apart_from_its_role(tmp_path: Path) -> None:
    warm = {"settings": {"temperature": 0.5}}
    found = profile(
        Study.of([*ask(tmp_path, **warm), *ask(tmp_path, control="grey", **warm), *ask(tmp_path)])
    )
    assert labels(found) == [
        "recording", "recording · temperature 0.5", "recording · temperature 0.5 (picture grey)"
    ]  # fmt: skip
    assert {r.subject.label for r in found.controls} == {"recording · temperature 0.5"}


def test_commands_name_a_subject_by_its_label_or_the_beginning(tmp_path: Path) -> None:
    plain, warm = ask(tmp_path), ask(tmp_path, settings={"temperature": 0.7})
    study = Study.of([*plain, *warm, *ask(tmp_path, control="grey")])
    for spec, label in (
        ("recording", "recording"),
        ("recording · temperature 0.7", "recording · temperature 0.7"),
        ("recording · t", "recording · temperature 0.7"),
        ("recording (", "recording (picture grey)"),
        (warm[0].protocol[:8], "recording · temperature 0.7"),
    ):
        assert study.named(spec)[0].label == label
    with pytest.raises(UnknownName, match=r"temperature 0\.7"):
        study.named("recordng")
    with pytest.raises(HemmError, match="asked in several ways"):
        Study.of([*warm, *ask(tmp_path, settings={"temperature": 1.0})]).named("recording")
    assert flips(study, "recording", "recording · t").labels == ("recording", "recording · temperature 0.7")
    assert set(compare(study).labels.values()) == {"recording", "recording · temperature 0.7"}


def test_votes_are_matched_with_the_subject_that_they_name(tmp_path: Path) -> None:
    right = {"prompt": "{{ image }}Another. {{ question }}"}
    every = [*ask(tmp_path, "baseline/oracle"), *ask(tmp_path, "baseline/oracle", **right), *ask(tmp_path)]
    study = Study.of(every)
    label = next(s.label for s in study.subjects.values() if s.options)
    scores = metric_scores(study, ["baseline/oracle", label, "recording", "nobody"])
    assert {model for model, _, _ in scores["accuracy", ""]} == {"baseline/oracle", label, "recording"}
    with pytest.raises(HemmError, match="asked in several ways"):
        metric_scores(Study.of([every[2], *ask(tmp_path, "baseline/oracle", shots=1)]), ["baseline/oracle"])


def test_labels_are_unique_whatever_the_names(tmp_path: Path) -> None:
    """A model may be called as another one's label is."""
    cells_ = [
        Stored(questions(2, 2), options={"shots": {"value": 2, "default": 0}}),
        Stored(questions(2, 2), model="m · 2 shots"),
        Stored(questions(2, 2), model="m", revision="abcdefgh1"),
        Stored(questions(2, 2), model="m", revision="abcdefgh2"),
        *(Stored(questions(2, 2), model="p", protocol="abcdef" + end, template=end) for end in "123"),
    ]
    study = Study.of(cells_)
    assert len(study.subjects) == len(set(labels(study))) == len(cells_)
    assert {"m@abcdefgh1", "m@abcdefgh2"} <= set(labels(study))


def test_run_json_says_what_differs_from_the_default(tmp_path: Path) -> None:
    (cell,) = ask(tmp_path, tasks=TASKS[:1], system="Be brief.", settings={"stop": ["a", "b"], "beams": 2})
    run = json.loads((cell.folder / "run.json").read_text())
    assert run["options"] == {
        "system": {"value": "Be brief.", "default": ""},
        "stop": {"value": ["a", "b"], "default": []},
        "beams": {"value": "2", "default": None},
    }
    assert run["commands"][0]["options"] == {
        "models": ["recording"], "tasks": TASKS[:1], "limit": 4, "out": str(tmp_path), "system": "Be brief.",
        "settings": [["stop", "a"], ["stop", "b"], ["beams", "2"]],
    }  # fmt: skip
    (plain,) = ask(tmp_path, tasks=TASKS[:1])
    assert plain.run["options"] == {}
    assert {f.name for f in fields(RunOptions)} >= set(run["commands"][0]["options"])
    assert len(cells(tmp_path)) == 2
