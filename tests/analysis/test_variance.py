"""What scores vary by: predicted errors against drawn and resampled ones; the command."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import hemm
from hemm import cli
from hemm.analysis.variance import variance
from hemm.analysis.variance.build import _changes
from hemm.analysis.variance.design import TaskDesign, designs_of
from hemm.analysis.variance.pool import Pool, TaskParts, components_of
from hemm.report import write

NOISY = '''
import random
from hemm.core import BatchModel, Capabilities, Identity, Response


class Noisy(BatchModel):
    """Right by a chance that depends on picture, sample, prompt and seed."""

    spec, identity, capabilities, batch_size = "noisy", Identity("noisy", "1"), Capabilities(), 64

    def generate_batch(self, requests):
        return [Response(self.answer(r)) for r in requests]

    def answer(self, request):
        prompt, _, question = request.prompt.partition("Picture ")
        number, _, rest = question.partition(" sample ")
        sample = rest.split(".")[0]
        chance = 0.6 + self.effect(0.15, number) + self.effect(0.2, number, sample)
        chance += self.effect(0.15, prompt) + self.effect(0.1, request.generation.seed)
        right = random.Random(request.key).random() < chance
        return "yes" if right == (int(sample) % 2 == 0) else "no"

    def effect(self, spread, *key):
        return random.Random(repr(key)).gauss(0, spread)
'''


def task_file(folder: Path, name: str = "own", pictures: int = 24) -> Path:
    """Questions about pictures (1 to 5 each), half of them to be answered with yes."""
    folder = folder / name
    (folder / "pictures").mkdir(parents=True)
    rows = []
    from PIL import Image

    for p in range(pictures):
        Image.new("RGB", (4, 4), (p, 7 * p % 256, len(name))).save(folder / "pictures" / f"{p}.png")
        for s in range(2 * (p % 5) + 1):
            question = f"Picture {p} sample {s}. Is it?"
            rows.append(
                {"image": f"pictures/{p}.png", "question": question, "answer": "no" if s % 2 else "yes"}
            )
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def command(*words: str | Path) -> str:
    result = CliRunner().invoke(cli.group, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model asked with three prompts, two seeds and three repeats."""
    folder = tmp_path_factory.mktemp("variance")
    (folder / "noisy.py").write_text(NOISY)
    own = task_file(folder)
    for prompt in (
        "{{ question }} {{ instruction }}",
        "Look! {{ question }} {{ instruction }}",
        "Hm: {{ question }}",
    ):
        for seed in (0, 1):
            words = (
                "--prompt",
                f"text:{prompt}",
                "--repeats",
                "3",
                "--set",
                "temperature=1",
                "--seed",
                str(seed),
            )
            command("run", f"{folder / 'noisy.py'}:Noisy", "--task", own, *words, "--out", folder / "results")
    return folder / "results"


def test_the_command_gives_a_row_for_what_was_varied_and_says_what_was_not(results: Path) -> None:
    found = json.loads(command("variance", results, "--format", "json"))
    (model,) = found["models"]
    rows = {row["name"]: row for row in model["components"]}
    assert set(rows) == {
        "cluster",
        "sample",
        "prompt",
        "prompt by sample",
        "seed",
        "seed by sample",
        "repeat",
    }
    (task,) = model["tasks"]
    assert (task["prompts"], task["seeds"], task["repeats"], task["samples"]) == (
        3,
        2,
        3.0,
        rows["sample"]["levels"],
    )
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    assert sum(row["error"] for row in rows.values()) == pytest.approx(model["error"] ** 2)
    assert set(model["not_varied"]) == {"task"}  # said, not shown as 0
    assert model["error_tasks"] is None
    scores = [row.normalised.value for row in hemm.load(results).profile(common=False).tasks]
    assert model["score"] == pytest.approx(np.mean(scores), abs=0.02)

    text = command("variance", results)
    assert "not known, task: 1 of at least 3 tasks" in text
    assert "prompt: known from 3 levels" in text
    rows_csv = list(csv.DictReader(io.StringIO(command("variance", results, "--format", "csv"))))
    assert {row["name"] for row in rows_csv if row["kind"] == "component"} == set(rows)
    (repeat,) = [row for row in rows_csv if row["name"] == "one more repeat"]
    assert float(repeat["answers"]) == pytest.approx(4 / 3)
    assert "one more prompt" in command("variance", results, "--format", "markdown")
    loaded = hemm.load(results).variance()
    assert repr(loaded).split() == text.split()
    page = write(results, results / "page.html").read_text()
    assert 'id="variance"' in page
    assert "one more seed" in page


def test_prompts_that_tasks_share_are_no_more_prompts(tmp_path: Path) -> None:
    """Two prompts on three tasks are two prompts: one degree of freedom, a range of 0.4 to 31.9 times."""
    tasks = [w for name in ("faces", "shapes", "legend") for w in ("--task", f"probe_{name}")]
    for prompt in ("{{ question }} {{ instruction }}", "Look! {{ question }} {{ instruction }}"):
        words = ("--prompt", f"text:{prompt}", "--limit", "12", "--out", tmp_path)
        command("run", "tiny", *tasks, *words)
    text = " ".join(command("variance", tmp_path).split())
    assert "prompt: known from 2 levels; the true spread may be 0.4 to 31.9 times that" in text
    assert "wider where few levels tell" in text


def test_what_was_asked_once_is_named_and_not_zero(results: Path, tmp_path: Path) -> None:
    own = task_file(tmp_path, pictures=12)
    model = f"{results.parent / 'noisy.py'}:Noisy"
    (model_found,) = hemm.run(model, own, out=tmp_path / "once").variance().models
    assert [row.name for row in model_found.rows] == ["cluster", "sample + repeat"]
    assert set(model_found.not_varied) == {"task", "prompt", "seed", "repeat"}
    assert {change.what for change in model_found.changes} == {
        "twice the samples",
        "twice the samples of each cluster",
    }


def test_a_model_whose_answers_all_score_the_same_has_no_certainty(tmp_path: Path) -> None:
    results = hemm.run("baseline/oracle", task_file(tmp_path, pictures=6), out=tmp_path / "r")
    with pytest.raises(hemm.HemmError, match="baseline/oracle is left out: all its answers to a task score"):
        results.variance()


def test_predicted_errors_are_those_of_resampled_answers(results: Path, tmp_path: Path) -> None:
    """Some pictures and two of three repeats of a stored cell, again and again: the scores spread as each
    draw alone predicts, for itself and for draws of twice as many pictures."""
    own, model = task_file(tmp_path, pictures=160), f"{results.parent / 'noisy.py'}:Noisy"
    study = hemm.run(model, own, repeats=3, settings={"temperature": 1}, out=tmp_path / "r").study
    (task,) = designs_of(study)[0][0].tasks
    rows = rows_by_picture(task)
    rng = np.random.default_rng(4)
    scores: dict[int, list[float]] = {10: [], 20: []}
    now, twice = [], []
    for _ in range(300):
        for count in scores:
            part = drawn_part(task, [rows[i] for i in rng.integers(0, len(rows), count)], rng)
            scores[count].append(part.mean)
            if count == 10:
                pool = Pool([TaskParts(part, components_of(part))])
                now.append(pool.tasks[0].error)
                twice.append(next(c.error**2 for c in _changes(pool) if c.what == "twice the samples"))
    spread = {count: np.std(found, ddof=1) for count, found in scores.items()}
    assert np.sqrt(np.mean(now)) == pytest.approx(spread[10], rel=0.15)
    assert np.sqrt(np.mean(twice)) == pytest.approx(spread[20], rel=0.15)


def rows_by_picture(task: TaskDesign) -> list[list[list[int]]]:
    """For each picture, for each of its samples, the numbers of its answers."""
    found: dict[str, dict[str, list[int]]] = {}
    for row, (picture, sample) in enumerate(zip(task.cluster, task.sample, strict=True)):
        found.setdefault(picture, {}).setdefault(sample, []).append(row)
    return [list(samples.values()) for samples in found.values()]


def drawn_part(task: TaskDesign, pictures: list[list[list[int]]], rng: np.random.Generator) -> TaskDesign:
    """The samples of these pictures, each with two of its repeats; a picture drawn twice is two."""
    chosen = [
        (row, f"{number}", f"{number} {sample}")
        for number, samples in enumerate(pictures)
        for sample, repeats in enumerate(samples)
        for row in rng.permutation(repeats)[:2].tolist()
    ]
    rows, cluster, sample = (list(column) for column in zip(*chosen, strict=True))
    one, weights = ["p"] * len(rows), np.full(len(rows), 1 / len(rows))
    values = task.values[rows]
    return replace(task, values=values, cluster=cluster, sample=sample, prompt=one, seed=one, weights=weights)


def planted(
    rng: np.random.Generator, tasks: int, samples: int, prompts: int, repeats: int
) -> list[TaskDesign]:
    """Tasks of unequal sizes; a prompt has an effect in each task, and one in all of them."""
    alike = rng.normal(0, 0.08, prompts)
    found = []
    for t in range(tasks):
        count = samples * (1 + t % 3)
        s, p, _ = (a.ravel() for a in np.indices((count, prompts, repeats)))
        c = s // 2
        y = 0.5 + rng.normal(0, 0.1) + alike[p] + rng.normal(0, 0.06, prompts)[p]
        y += rng.normal(0, 0.15, count)[c] + rng.normal(0, 0.2, count)[s]
        y += rng.normal(0, 0.1, (count, prompts))[s, p] + rng.normal(0, 0.3, len(s))
        means = {str(k).encode(): float(y[p == k].mean()) for k in range(prompts)}
        weights, one = np.full(len(y), 1 / len(y)), ["0"] * len(y)
        texts = [[str(v) for v in column] for column in (c, s, p)]
        found.append(TaskDesign(str(t), "m", prompts, y, *texts, one, weights, means, 0))
    return found


@pytest.mark.parametrize(
    ("what", "larger"),
    [
        ("", (4, 10, 3, 2)),
        ("twice the samples", (4, 20, 3, 2)),
        ("one more repeat", (4, 10, 3, 3)),
        ("one more prompt", (4, 10, 4, 2)),
    ],
)
def test_predicted_errors_are_those_of_designs_drawn_anew(
    what: str, larger: tuple[int, int, int, int]
) -> None:
    """The mean prediction from small designs against the spread of the scores of the larger one: for these
    tasks without what tasks differ by, and for tasks like these."""
    rng = np.random.default_rng(3)
    predicted = []
    for _ in range(60):
        pool = Pool([TaskParts(t, components_of(t)) for t in planted(rng, 4, 10, 3, 2)])
        squared = sum(pool.by_name().values())
        if what:
            squared = next(c.error**2 for c in _changes(pool) if c.what == what)
        predicted.append(squared + pool.between / 4)
    scores = [np.mean([t.mean for t in planted(rng, *larger)]) for _ in range(1500)]
    assert np.sqrt(np.mean(predicted)) == pytest.approx(np.std(scores), rel=0.12)


def test_a_results_folder_without_any_scale_is_refused_in_one_line(tmp_path: Path) -> None:
    own = tmp_path / "same"
    own.mkdir()
    rows = [{"question": f"Is {n} a number?", "answer": "yes"} for n in range(4)]
    (own / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    study = hemm.run("baseline/oracle", own, out=tmp_path / "r").study
    with pytest.raises(hemm.HemmError, match=r"no score whose variance could be told: .* is left out: "):
        variance(study)
