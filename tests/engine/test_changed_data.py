"""A user's data change between two runs: what is asked again, what the score is over, and what is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

import hemm
from fake import FakePack, Served, go, sample
from hemm.cli import group
from hemm.core import HemmError, Request, Response
from hemm.results.read import cell as read_cell
from hemm.results.read import cells
from servers import ChatServer, Received

Rows = list[dict[str, Any]]
WORDS = ("one", "two", "three", "four", "five", "six")


def answer(received: Received) -> str:
    """The word of the question: ``Say two.`` -> two."""
    found = re.search(r"[Ss]ay (\w+)", received.text)
    assert found is not None
    return found[1]


@dataclass
class Bench:
    """Data of one's own, a server that records, and a folder of results."""

    folder: Path
    server: ChatServer

    def write(self, rows: Rows) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        for row in rows:
            colour = row.pop("colour", (40 * int(row["id"][1:]), 0, 0))
            Image.new("RGB", (8, 8), colour).save(self.folder / f"data/{row['id']}.png")
        lines = [json.dumps({**row, "image": f"{row['id']}.png"}) for row in rows]
        (self.folder / "data/rows.jsonl").write_text("\n".join(lines))
        ours = ", ".join(f"{name}: {name}" for name in ("unit", "cluster", "labels", "metadata"))
        (self.folder / "data/card.yaml").write_text(f"columns: {{{ours}}}\n")

    def run(self, *options: str, exit_code: int = 0) -> tuple[list[str], str]:
        """The questions that arrived, and all that was said."""
        self.server.requests.clear()
        words = ["run", self.server.spec(), "--task", "./data", "--out", "results", *options]
        done = CliRunner().invoke(group, words, catch_exceptions=False)
        assert done.exit_code == exit_code, done.output
        return sorted(answer(r) for r in self.server.requests), done.output

    def score(self) -> tuple[float, int]:
        """Accuracy and the number of samples that it is over."""
        (cell,) = cells(self.folder / "results")
        main = cell.aggregates()["metrics"]["accuracy-v2"]["components"][""]
        return round(main["value"], 4), main["n"]

    def answers(self) -> dict[str, dict[str, Any]]:
        (cell,) = cells(self.folder / "results")
        return {row["id"]: row for row in cell.answers().to_pylist()}


def samples(count: int = 4) -> Rows:
    """The last of them has a wrong reference."""
    rows = [
        {
            "id": f"s{n}",
            "question": f"Say {word}.",
            "answer": word if n < count - 1 else "one",
            "choices": list(WORDS),
            "cluster": f"c{n}",
            "metadata": {"note": "first"},
        }
        for n, word in enumerate(WORDS[:count])
    ]
    return [dict(row) for row in rows]


@pytest.fixture
def bench(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    with ChatServer(answer=answer) as server:
        bench = Bench(tmp_path, server)
        bench.write(samples())
        asked, _ = bench.run()
        assert len(asked) == 4
        assert bench.score() == (0.75, 4)
        yield bench


def changed(number: int, **values: Any) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        rows[number].update(values)
        return rows

    return change


def more(rows: Rows) -> Rows:
    return [*rows, {**rows[0], "id": "s4", "question": "Say five.", "answer": "five", "cluster": "c4"}]


CHANGES: dict[str, tuple[Callable[[Rows], Rows], list[str], tuple[float, int], str]] = {
    "nothing": (lambda rows: rows, [], (0.75, 4), ""),
    "reference": (changed(3, answer="four"), [], (1.0, 4), "1 answer took over"),
    "cluster": (changed(0, cluster="c1"), [], (0.75, 4), "1 answer took over"),
    "unit": (changed(0, unit="u1"), [], (0.75, 4), "1 answer took over"),
    "labels": (changed(1, labels={"reasoning": "more"}), [], (0.75, 4), "1 answer took over"),
    "stratum": (changed(1, stratum="b"), [], (0.75, 4), "1 answer took over"),
    "metadata": (changed(2, metadata={"note": "second"}), [], (0.75, 4), "1 answer took over"),
    "two references": (lambda r: changed(3, answer="four")(changed(0, answer="six")(r)), [], (0.75, 4), "2 "),
    "question": (changed(0, question="Now say one."), ["one"], (0.75, 4), "1 answer is to another request"),
    "choices": (changed(0, choices=list(WORDS[:5])), ["one"], (0.75, 4), "1 answer is to another request"),
    "picture": (changed(0, colour=(9, 9, 9)), ["one"], (0.75, 4), "1 answer is to another request"),
    "removed": (lambda rows: rows[:3], [], (1.0, 3), "1 answer is to a sample that the data no longer have"),
    "added": (more, ["five"], (0.8, 5), ""),
    "order": (lambda rows: rows[::-1], [], (0.75, 4), ""),
    "removed and added": (lambda rows: more(rows)[1:], ["five"], (0.75, 4), "1 answer is to a sample"),
}
"""Change of the data -> questions asked again, score and what it is over, what is said."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_data(name: str, bench: Bench) -> None:
    change, asked, score, said = CHANGES[name]
    bench.write(change(samples()))
    forecast = bench.run("--dry-run")[1]
    assert bench.score() == (0.75, 4), "a dry run changes nothing"
    assert f": {len(asked)} of " in forecast
    assert said.replace("took", "would take") in forecast
    was_asked, output = bench.run()
    assert was_asked == asked
    assert bench.score() == score
    assert said in output
    assert bench.run()[0] == []
    assert bench.score() == score


def test_the_judging_side_is_the_packs(bench: Bench) -> None:
    rows = changed(1, answer="six", cluster="far", metadata={"note": "new"}, labels={"reasoning": "more"})
    before = bench.answers()["s1"]
    bench.write(rows(samples()))
    bench.run()
    after = bench.answers()["s1"]
    assert after["references"] == ["six"]
    assert after["cluster"] == "far"
    assert json.loads(after["metadata"])["note"] == "new"
    assert dict(after["labels"])["reasoning"] == "more"
    for column in ("raw", "prompt", "media", "request_key", "model", "finish"):
        assert after[column] == before[column]
    calls = pq.read_table(next(bench.folder.rglob("calls.parquet")))
    assert calls.num_rows == 4, "nothing was called for it"


def test_what_was_removed_is_kept_named_and_comes_back(bench: Bench) -> None:
    bench.write(samples()[1:])
    bench.run()
    (cell,) = cells(bench.folder / "results")
    assert cell.unscored().to_pylist() == [
        {"id": "s0", "repeat": 0, "request_key": cell.unscored()["request_key"][0].as_py(), "why": "removed"}
    ]
    assert set(bench.answers()) == {"s1", "s2", "s3"}
    assert bench.score() == (round(2 / 3, 4), 3)
    done = CliRunner().invoke(
        group, ["score", "results", "--task", "./data", "--again"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert bench.score() == (round(2 / 3, 4), 3), "no pack is needed to score"
    assert "kept and not scored: 1 removed" in done.output
    assert "kept and not scored: 1 removed" in hemm.load("results").study.notes[0]
    bench.write(samples())
    assert bench.run()[0] == []
    assert bench.score() == (0.75, 4)


def test_a_request_that_comes_back_is_not_asked_again(bench: Bench) -> None:
    bench.write(changed(0, question="Now say one.")(samples()))
    assert bench.run()[0] == ["one"]
    bench.write(changed(0, answer="two")(samples()))
    assert bench.run()[0] == [], "the first answer to this very request is there"
    assert bench.answers()["s0"]["references"] == ["two"]
    assert "Now" not in bench.answers()["s0"]["prompt"]
    assert bench.score() == (0.5, 4)


@pytest.mark.parametrize(("limit", "asked"), [("2", 0), ("4", 0), ("6", 2)])
def test_a_limit_after_another(limit: str, asked: int, tmp_path: Path, bench: Bench) -> None:
    bench.write(samples(6))
    bench.run("--limit", "4", "--out", "limited")
    folder = tmp_path / "limited"

    def n() -> int:
        (cell,) = cells(folder)
        return int(cell.aggregates()["metrics"]["accuracy-v2"]["components"][""]["n"])

    assert n() == 4
    assert len(bench.run("--limit", limit, "--out", "limited")[0]) == asked
    assert n() == 4 + asked


def test_a_smaller_limit_neither_scores_nor_asks_what_changed_beyond_it(bench: Bench) -> None:
    bench.write([{**row, "question": f"Now {row['question']}"} for row in samples()])
    asked, output = bench.run("--limit", "2")
    assert len(asked) == 2
    assert bench.score()[1] == 2, "the other two wait to be asked again"
    assert "4 answers are to another request" in output
    assert len(bench.run()[0]) == 2
    assert bench.score() == (0.75, 4)
    (cell,) = cells(bench.folder / "results")
    assert not cell.unscored().num_rows, "what was asked again waits no longer"
    assert "unscored" not in cell.aggregates()


def test_another_prompt_or_setting_is_a_cell_of_its_own(bench: Bench) -> None:
    for options in (("--prompt", "p.txt"), ("--set", "temperature=0.5"), ("--system", "Be brief.")):
        (bench.folder / "p.txt").write_text("{{ image }} {{ question }} {{ instruction }}")
        assert len(bench.run(*options)[0]) == 4
    assert len(cells(bench.folder / "results")) == 4


def test_another_metric_asks_nothing(bench: Bench) -> None:
    assert bench.run("--metric", "exact_match")[0] == []
    assert bench.score() == (0.75, 4)


def test_another_hemm_asks_nothing_and_raised_rules_ask_what_differs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hemm.engine import requests
    from hemm.tasks.prompt import Renderer

    run = next(bench.folder.rglob("run.json"))
    stored = json.loads(run.read_text())
    del stored["sha256"]  # its own checksum, which no file of 0.1.0 has
    stored["versions"]["hemm"] = "0.0.1"
    run.write_text(json.dumps(stored))
    assert bench.run()[0] == []

    render = Renderer.messages

    def other(self: Any, sample: Any, *rest: Any) -> Any:
        """As if the rules now rendered this kind of question otherwise."""
        if sample.id == "s2":
            sample = replace(sample, fields={"question": "Please say three."})
        return render(self, sample, *rest)

    monkeypatch.setattr(Renderer, "messages", other)
    assert bench.run()[0] == [], "keys are not computed anew while the rules have the version they had"
    monkeypatch.setattr(requests, "REQUEST_RULES", requests.REQUEST_RULES + 1)
    asked, output = bench.run()
    assert asked == ["three"]
    assert "1 answer is to another request" in output
    assert f"request rules {requests.REQUEST_RULES}" in output
    assert bench.score() == (0.75, 4)
    assert bench.run()[0] == []


@pytest.mark.parametrize("limit", [None, 2])
def test_a_baseline_answers_from_the_data_of_now(limit: int | None, bench: Bench) -> None:
    folder = bench.folder / "baselines"
    for reference, most in (("one", None), ("six", limit)):
        bench.write(changed(3, answer=reference)(samples()))
        (cell,) = hemm.run("baseline/oracle", "./data", out=folder, limit=most)
        main = cell.aggregates()["metrics"]["accuracy-v2"]["components"][""]
        assert (main["value"], main["n"]) == (1.0, 4)
    assert [command["asked"] for command in cell.run["commands"]] == [4, 4]


def test_a_journaled_answer_takes_over_a_changed_reference(tmp_path: Path) -> None:
    class Stops(Served):
        async def generate(self, request: Request) -> Response:
            if len(self.asked) == 25:
                raise HemmError("the server is gone")
            return await super().generate(request)

    rows = [sample(i) for i in range(40)]
    with pytest.raises(HemmError, match="the server is gone"):
        go(tmp_path, Stops(concurrency=1), FakePack(rows))
    rows[3] = replace(rows[3], references=("maybe",), labels={"reasoning": "more"})
    model = Served()
    result = go(tmp_path, model, FakePack(rows))
    assert len(model.asked) == 40 - 25
    stored = {row["id"]: row for row in read_cell(result.folder).answers().to_pylist()}
    assert stored[rows[3].id]["references"] == ["maybe"]
    assert dict(stored[rows[3].id]["labels"])["reasoning"] == "more"
    assert len(stored) == 40


def test_a_score_of_0_1_0_with_removed_samples_is_mended(bench: Bench) -> None:
    """Cells of 0.1.0 that went on after samples had been removed hold no word of it."""
    bench.write(samples()[:3])
    bench.run()
    run = next(bench.folder.rglob("run.json"))
    stored = json.loads(run.read_text())
    for later in ("request_rules", "sha256", "files"):
        del stored[later]
    run.write_text(json.dumps(stored))
    (run.parent / "unscored.parquet").unlink()
    bench.run()
    assert bench.score() == (1.0, 3)
