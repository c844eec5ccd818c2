"""A run from plan to sealed cell: what is asked, in which order, and what the next command asks."""

from __future__ import annotations

import asyncio
import operator
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fake import Batched, FakePack, Served, changed, go, picture, sample, task
from hemm.core import Capabilities, Failure, HemmError, Media, Request, Response, Sample, UnknownName
from hemm.engine.config import read_config
from hemm.engine.options import RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.results import layout
from hemm.results.read import cell

PACK = FakePack([sample(i) for i in range(40)])


@pytest.fixture(params=[Batched, Served])
def model(request: pytest.FixtureRequest):
    return request.param()


def _ids(folder: Path) -> list[str]:
    return cell(folder).answers(["id"])["id"].to_pylist()


def test_every_sample_is_asked_once_and_sealed_in_pack_order(tmp_path: Path, model) -> None:
    result = go(tmp_path, model, PACK)
    assert (result.state, result.asked, result.answers, result.errors) == ("sealed", 40, 40, [])
    assert sorted(model.asked) == sorted(s.id for s in PACK.samples())
    assert _ids(result.folder) == PACK.index().ids
    found = cell(result.folder)
    assert found.run["outcomes"] == {
        "ok": 40, "unparsable": 0, "refused": 0, "truncated": 0, "error": 0, "cut": 0,
    }  # fmt: skip
    assert found.run["tokens"] == {"input": 400, "output": 40}
    assert found.aggregates()["metrics"]["accuracy-v2"]["components"][""]["value"] == 1.0


def test_the_same_command_again_asks_nothing_and_renders_nothing(
    tmp_path: Path, model, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = go(tmp_path, model, PACK).folder
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    class NotAgain(type(model)):  # type: ignore[misc]
        async def start(self) -> None:
            raise AssertionError("started")

    monkeypatch.setattr(PACK, "samples", None)
    assert go(tmp_path, NotAgain(), PACK).asked == 0
    assert before == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_larger_limit_asks_the_difference_alone(tmp_path: Path, model) -> None:
    assert go(tmp_path, model, PACK, limit=10).asked == 10
    result = go(tmp_path, model, PACK, limit=25)
    assert (result.asked, result.answers) == (15, 25)
    assert len(set(model.asked)) == len(model.asked) == 25
    assert go(tmp_path, model, PACK, limit=10).asked == 0
    assert [s["limit"] for s in cell(result.folder).run["selections"]] == [10, 25]


def test_a_changed_sample_is_asked_anew_alone(tmp_path: Path, model) -> None:
    go(tmp_path, model, PACK)
    rows = list(PACK.samples())
    rows[7] = changed(rows[7], "Is 8 even?")
    result = go(tmp_path, model, FakePack([*rows[:30], *rows[31:]]))
    assert result.asked == 1
    answers = cell(result.folder).answers(["id", "raw", "sample_hash"]).to_pylist()
    assert {a["id"]: a for a in answers}["s00007"] == {
        "id": "s00007", "raw": "yes", "sample_hash": rows[7].sample_hash,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "{{ image }}Say: {{ question }}"}, {"system": "Be brief."}, {"control": "grey"},
        {"max_pixels": 4}, {"settings": (("temperature", "0.5"),)}, {"perturb": "noise:3"},
    ],
)  # fmt: skip
def test_another_question_is_another_cell(tmp_path: Path, change) -> None:
    one = go(tmp_path, Batched(), PACK, limit=4)
    two = go(tmp_path, Batched(), PACK, limit=4, **change)
    assert two.asked == 4
    assert one.folder != two.folder


@pytest.mark.parametrize("same", [{"concurrency": 3}, {"batch_size": 2}, {"metrics": ("exact_match",)}])
def test_what_changes_no_answer_stays_in_the_cell(tmp_path: Path, same) -> None:
    one = go(tmp_path, Batched(), PACK, limit=4)
    two = go(tmp_path, Batched(), PACK, limit=4, **same)
    assert (two.asked, one.folder) == (0, two.folder)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"settings": (("temperature", "0"),)}, {"settings": (("temperature", "-0.0"),)}),
        ({"settings": (("stop", "a"),)}, {"settings": (("stop", "a"), ("stop", "a"))}),
        ({"perturb": "noise:20"}, {"perturb": "noise:20.0"}),
        ({}, {"settings": (("reasoning_effort", ""),)}),
    ],
)
def test_one_value_written_in_two_ways_is_one_cell(tmp_path: Path, one, other) -> None:
    first = go(tmp_path, Batched(), PACK, limit=4, **one)
    second = go(tmp_path, Batched(), PACK, limit=4, **other)
    assert (second.asked, first.folder) == (0, second.folder)


class Breaks(Served):
    """Ends the run at its sixth request."""

    async def generate(self, request):
        if len(self.asked) >= 5:
            raise HemmError("broken")
        return await super().generate(request)


def test_a_dry_run_counts_what_the_journal_has(tmp_path: Path) -> None:
    with pytest.raises(HemmError, match="broken"):
        go(tmp_path, Breaks(concurrency=1), PACK, limit=12)
    planned = go(tmp_path, Served(), PACK, limit=12, dry_run=True)
    model = Served()
    done = go(tmp_path, model, PACK, limit=12)
    assert planned.asked == len(model.asked) == done.asked < 12
    assert planned.forecast is not None
    assert planned.forecast.requests == done.asked


def test_a_metric_asked_for_later_is_added_without_asking(tmp_path: Path) -> None:
    go(tmp_path, Batched(), PACK)
    result = go(tmp_path, Batched(), PACK, metrics=("exact_match",))
    assert result.asked == 0
    assert set(cell(result.folder).aggregates()["metrics"]) == {"accuracy-v2", "exact_match-v2"}


def test_transient_errors_are_asked_again_and_permanent_ones_when_told(tmp_path: Path) -> None:
    failing = {"s00003": Failure("server", "503"), "s00005": Failure("request", "400", permanent=True)}
    first = go(tmp_path, Served(failing=failing), PACK)
    assert first.state == "sealed with 2 errors"
    assert first.errors == [("s00003", 0, "server: 503"), ("s00005", 0, "request: 400")]
    second = Served(failing={"s00005": failing["s00005"]})
    assert go(tmp_path, second, PACK).state == "sealed with 1 error"
    assert second.asked == ["s00003"]
    third = Served()
    assert go(tmp_path, third, PACK).asked == 0
    assert go(tmp_path, third, PACK, retry_errors=True).state == "sealed"
    assert third.asked == ["s00005"]
    found = cell(first.folder)
    assert found.answers().num_rows == 40
    assert found.run["outcomes"]["error"] == 0


def test_a_picture_that_does_not_open_is_a_permanent_error_that_nobody_asks(tmp_path: Path, model) -> None:
    bad = Media(b"broken", mime="image/png", name="b.png", problem="b.png does not open: truncated")
    pack = FakePack([sample(0), sample(1, media=(bad,)), sample(2)])
    result = go(tmp_path, model, pack)
    assert sorted(model.asked) == ["s00000", "s00002"]
    assert result.errors == [("s00001", 0, "media: b.png does not open: truncated")]
    assert go(tmp_path, model, pack).asked == 0
    assert go(tmp_path / "bare", model, pack, control="none").errors == []


def test_repeats_are_asked_apart_and_extended(tmp_path: Path, model) -> None:
    assert go(tmp_path, model, PACK, limit=5, repeats=2).asked == 10
    result = go(tmp_path, model, PACK, limit=5, repeats=4)
    assert result.asked == 10
    table = cell(result.folder).answers(["id", "repeat", "request_key"]).to_pylist()
    assert len({(r["id"], r["repeat"]) for r in table}) == len({r["request_key"] for r in table}) == 20
    components = cell(result.folder).aggregates()["metrics"]["accuracy-v2"]["components"]
    assert {"mean@4", "pass@4", "maj@4"} <= set(components)


def test_parts_and_batches_keep_their_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 15)
    model = Batched(batch_size=4)
    result = go(tmp_path, model, PACK)
    assert [p["rows"] for p in cell(result.folder).run["parts"]] == [15, 15, 10]
    number = {name: row for row, name in enumerate(PACK.index().ids)}
    assert all(len({number[i] // 15 for i in batch}) == 1 for batch in model.batches)


class Prepares(Batched):
    """Answers a batch when the next one was shown to it, which it fails to prepare."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.shown: list[list[Request]] = []
        self.came, self.left = threading.Semaphore(0), batches

    def look_ahead(self, requests: Sequence[Request]) -> None:
        self.shown.append(list(requests))
        self.came.release()
        raise ValueError("a picture that does not open")

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        if not self.batches:
            assert self.came.acquire(timeout=60)  # the first batch itself
        self.left -= 1
        if self.left:
            assert self.came.acquire(timeout=60), "the next batch was not shown"
        assert all(map(operator.is_, requests, self.shown[len(self.batches)]))
        return super().generate_batch(requests)


def test_a_model_prepares_the_next_batch_while_it_answers_one(tmp_path: Path) -> None:
    model = Prepares(batches=10)
    result = go(tmp_path, model, PACK)
    assert (result.state, result.answers, model.left) == ("sealed", 40, 0)


def test_bytes_are_equal_at_any_concurrency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PART_ROWS", 15)
    parts = []
    for concurrency in (1, 3, 40):
        model = Served(concurrency=concurrency)
        folder = go(tmp_path / str(concurrency), model, PACK).folder
        assert model.most <= concurrency
        parts.append([p.read_bytes() for p in sorted(folder.glob("answers/*"))])
    assert parts[0] == parts[1] == parts[2]


def test_an_interrupted_run_keeps_what_was_answered(tmp_path: Path) -> None:
    class Stops(Served):
        async def generate(self, request):
            if len(self.asked) == 25:
                raise HemmError("the server is gone")
            return await super().generate(request)

    first = Stops(concurrency=4)
    with pytest.raises(HemmError, match="the server is gone"):
        go(tmp_path, first, PACK)
    (folder,) = (p.parent for p in tmp_path.rglob(layout.RUN))
    assert cell(folder).state == "open"
    kept = set(_ids(folder))
    assert len(kept) >= 25 - 4
    second = Served()
    assert go(tmp_path, second, PACK).state == "sealed"
    assert set(second.asked) == set(PACK.index().ids) - kept
    assert _ids(folder) == PACK.index().ids


def test_answers_of_another_selection_in_the_journal_are_kept(tmp_path: Path) -> None:
    class Stops(Served):
        async def generate(self, request):
            if len(self.asked) == 30:
                raise HemmError("stop")
            return await super().generate(request)

    with pytest.raises(HemmError):
        go(tmp_path, Stops(concurrency=1), PACK)
    folder = go(tmp_path, Served(), PACK, limit=3).folder
    assert len(_ids(folder)) >= 30
    assert not (folder / layout.JOURNAL).exists()
    model = Served()
    go(tmp_path, model, PACK)
    assert len(model.asked) <= 10


def test_controls_change_what_is_shown_and_nothing_else(tmp_path: Path) -> None:
    shown = {}
    for control in ("", "none", "grey", "shuffle"):
        model = Batched()
        go(tmp_path, model, PACK, limit=12, control=control)
        shown[control] = {r.sample_id: r.media for r in model.requests}
        assert {r.prompt.split("Is")[1] for r in model.requests}
    assert shown["none"] == dict.fromkeys(shown[""], ())
    assert len({m.digest for media in shown["grey"].values() for m in media}) == 1
    assert all(shown["shuffle"][k] != shown[""][k] for k in shown[""])
    assert all(len(shown["shuffle"][k]) == 1 for k in shown[""])


def test_a_donor_that_changes_makes_its_sample_asked_again(tmp_path: Path) -> None:
    model = Batched()
    go(tmp_path, model, PACK, control="shuffle")
    donors = {r.sample_id: r.media[0].digest for r in model.requests}
    gone = "s00009"
    lost = picture(9).digest
    fewer = FakePack([s for s in PACK.samples() if s.id != gone])
    again = Batched()
    go(tmp_path, again, fewer, control="shuffle")
    assert set(again.asked) == {k for k, d in donors.items() if d == lost and k != gone}


def test_max_pixels_shrinks_and_leaves_smaller_ones_alone(tmp_path: Path) -> None:
    pack = FakePack([sample(0, media=(picture(0, (40, 10)),)), sample(1)])
    model = Batched()
    go(tmp_path, model, pack, max_pixels=100)
    large, small = (r.media[0] for r in sorted(model.requests, key=lambda r: r.sample_id))
    assert large.pixels().size == (20, 5)
    assert large.mime == "image/png"
    assert small.data == picture(1).data


def test_shots_are_seeded_of_other_clusters_and_carry_pictures(tmp_path: Path) -> None:
    shots = [sample(100 + i, cluster=f"c{i % 3}", split="shots") for i in range(9)]
    pack = FakePack([sample(i, cluster=f"c{i % 3}") for i in range(12)], shots)
    chosen = []
    for seed in (0, 0, 1):
        model = Batched()
        go(tmp_path / str(len(chosen)), model, pack, shots=2, seed=seed)
        chosen.append({r.sample_id: r.media for r in model.requests})
        for request in model.requests:
            assert [m.role for m in request.messages] == ["user", "assistant"] * 2 + ["user"]
            own = int(request.sample_id[1:]) % 3
            used = [s for s in shots if s.media[0] in request.media]
            assert len(used) == 2
            assert all(s.cluster != f"c{own}" for s in used)
    assert chosen[0] == chosen[1] != chosen[2]


def test_shots_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(HemmError, match="--shots 2: task even has no samples to serve as shots"):
        go(tmp_path, Batched(), PACK, shots=2)


def _chain(**more) -> list[Sample]:
    rows = [sample(i, unit="chain", cluster="chain", **more) for i in range(3)]
    rows = [rows[0], replace(rows[1], after="s00000"), replace(rows[2], after="s00001")]
    return [rows[2], rows[0], sample(8), rows[1]]


def test_chains_are_asked_in_order_with_the_earlier_turns(tmp_path: Path, model) -> None:
    go(tmp_path, model, FakePack(_chain()))
    order = [i for i in model.asked if i != "s00008"]
    assert order == ["s00000", "s00001", "s00002"]
    last = next(r for r in model.requests if r.sample_id == "s00002")
    assert [m.role for m in last.messages] == ["user", "assistant"] * 2 + ["user"]
    assert [m.parts[-1] for m in last.messages if m.role == "assistant"] == ["yes", "no"]
    assert last.media == (picture(0), picture(1), picture(2))


def test_a_chain_of_pictures_goes_on_from_the_one_produced(tmp_path: Path) -> None:
    class Edits(Batched):
        def generate_batch(self, requests):
            super().generate_batch(requests)
            return [Response("done", media=(picture(int(r.sample_id[1:]) + 50),)) for r in requests]

    model = Edits()
    folder = go(tmp_path, model, FakePack(_chain())).folder
    media = {r.sample_id: r.media for r in model.requests}
    assert media["s00001"] == (picture(50),)
    assert media["s00002"] == (picture(51),)
    assert len(list((folder / layout.MEDIA).rglob("*/*"))) == 4


def test_a_chain_whose_turn_failed_goes_on_when_it_is_mended(tmp_path: Path) -> None:
    result = go(tmp_path, Served(failing={"s00001": Failure("server", "503")}), FakePack(_chain()))
    assert [e[0] for e in result.errors] == ["s00002", "s00001"]
    model = Served()
    assert go(tmp_path, model, FakePack(_chain())).state == "sealed"
    assert model.asked == ["s00001", "s00002"]


def test_what_a_model_cannot_take_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    blind = Batched(capabilities=Capabilities(inputs=frozenset({"text"})))
    with pytest.raises(HemmError, match=r"shows pictures, which model fake/batched does not take"):
        go(tmp_path, blind, PACK)
    assert go(tmp_path, blind, PACK, control="none").asked == 40
    two = FakePack([sample(0), sample(1, media=(picture(1), picture(2)))])
    single = Batched(capabilities=Capabilities(max_images=1))
    with pytest.raises(HemmError, match="up to 2 pictures in one prompt, model fake/batched takes 1"):
        go(tmp_path, single, two)
    with pytest.raises(HemmError, match="no log-probabilities"):
        go(tmp_path, Batched(), PACK, settings=(("scoring", "likelihood"),))
    assert single.asked == []


def test_a_model_that_breaks_its_contract_fails_the_sample_not_the_run(tmp_path: Path) -> None:
    class Raises(Served):
        async def generate(self, request):
            if request.sample_id == "s00002":
                raise ValueError("oh")
            return await super().generate(request)

    result = go(tmp_path, Raises(), PACK)
    assert result.errors == [("s00002", 0, "model: ValueError: oh")]


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    secret = "sk-abcdefghijklmnop123456"
    model = Served(failing={"s00001": Failure("auth", f"bad key {secret}")})
    folder = go(tmp_path, model, PACK, command=("hemm", "run", f"http://u:{secret}@h/v1")).folder
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
    assert secret not in str(cell(folder).answers(["failure_message"]).to_pylist())


def test_a_setting_that_holds_a_key_reaches_no_file(tmp_path: Path) -> None:
    secret = "open-sesame-friend"
    model = Served(failing={"s00001": Failure("auth", f"{secret} is no key")})
    options = {
        "settings": (("hub_token", secret),),
        "command": ("hemm", "run", "x", "--set", f"hub_token={secret}"),
    }
    folder = go(tmp_path, model, PACK, **options).folder
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes()
    assert secret not in str(cell(folder).answers(["failure_message"]).to_pylist())


def test_several_models_one_after_the_other(tmp_path: Path) -> None:
    models = [Batched(), Served()]
    options = RunOptions(out=tmp_path)
    results = asyncio.run(run_cells(options, models, [(task(), PACK), (task(name="two"), PACK)], Silent()))
    assert [(r.model, r.task) for r in results] == [
        ("fake/batched", "even"), ("fake/batched", "two"), ("fake/served", "even"), ("fake/served", "two"),
    ]  # fmt: skip


def test_options_that_make_no_sense() -> None:
    with pytest.raises(UnknownName, match="did you mean 'grey'"):
        RunOptions(control="gray")
    for bad in ({"limit": 0}, {"repeats": 0}, {"shots": -1}):
        with pytest.raises(HemmError, match="give"):
            RunOptions(**bad)
    for setting in (("max_new_tokens", "x"), ("temperature", "-1"), ("top_p", "0"), ("scoring", "magic")):
        with pytest.raises(HemmError):
            RunOptions(settings=(setting,)).generation(8)


def test_a_config_names_file_and_nearest_option(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("models: [tiny]\nlimit: 5\nset: {temperature: 0.5}\nretry_errors: true\n")
    known = ["model", "limit", "set", "retry-errors", "task"]
    assert read_config(path, known) == {
        "model": ["tiny"], "limit": ["5"], "set": ["temperature=0.5"], "retry-errors": True,
    }  # fmt: skip
    path.write_text("limt: 5\n")
    with pytest.raises(UnknownName, match=r"run\.yaml.*'limt'; did you mean 'limit'"):
        read_config(path, known)
    path.write_text("a: [1\n")
    with pytest.raises(HemmError, match=r"run\.yaml, line 2"):
        read_config(path, known)
