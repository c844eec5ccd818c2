"""MM-IMDb, MagicBrush and Localized Narratives: what is particular to each, and runs that draw."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import hemm
from fake import Batched
from hemm.core import (
    BadData,
    BatchModel,
    Capabilities,
    Failure,
    HemmError,
    Identity,
    Media,
    Request,
    Response,
    Sample,
    digest,
)
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack
from hemm.engine.options import CellResult, RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.engine.score import score_cell
from hemm.results.read import cell
from hemm.tasks import resolve
from layouts import multimedia_pictures as layouts
from layouts import write_layout
from layouts.draw import picture


def packed(name: str, folder: Path) -> list[Sample]:
    return list(prepare(resolve(name), folder=folder).samples())


def edit(file: Path, change: Any) -> None:
    value = json.loads(file.read_text())
    file.write_text(json.dumps(change(value)))


# MM-IMDb


def test_films_have_the_genres_that_count_and_the_plot_of_their_form(cache: Path, tmp_path: Path) -> None:
    layouts.mm_imdb(tmp_path, 10)
    task = resolve("mm_imdb")
    pack = prepare(task, folder=tmp_path)
    films = {s.id: s for s in pack.samples()}
    assert sorted(films) == [f"{26000 + n:07d}" for n in range(10)]  # the one without a genre left is no film
    first = films["0026000"]  # Drama, Romance and News
    assert first.references == ("Drama; Romance",)
    assert first.fields["plot"] == "In 1900 somebody makes plan 0, and it fails."
    assert resolve("mm_imdb:hemm").name == "mm_imdb:hemm"
    assert {s.id: s.fields["plot"] for s in packed("mm_imdb:hemm", tmp_path)}["0026000"] == "Plot 0."
    assert len(first.choices) == 23
    read = task.answer.parse("Genres: sci-fi; ACTION", films["0026002"])
    assert read == {"Sci-Fi", "Action"}
    assert [s.id for s in pack.samples(split="shots")] == [f"{80000 + n:07d}" for n in range(6)]


def test_the_paper_s_copy_of_films_has_the_same_samples(cache: Path, tmp_path: Path) -> None:
    layouts.mm_imdb(tmp_path / "archive/mmimdb", 8)
    layouts.mm_imdb(tmp_path / "mirror", 8, ("annotations", "images"))
    edit(tmp_path / "mirror/split.json", lambda s: {"test": [int(i) for i in s["test"]]})
    archive = {s.id: s.sample_hash for s in packed("mm_imdb", tmp_path / "archive")}
    assert {s.id: s.sample_hash for s in packed("mm_imdb", tmp_path / "mirror")} == archive


def test_films_whose_files_are_missing_are_counted_and_named(cache: Path, tmp_path: Path) -> None:
    layouts.mm_imdb(tmp_path, 6, train=2)
    for name in ("0026001.jpeg", "0026002.json", "0080000.jpeg"):
        (tmp_path / "dataset" / name).unlink()
    pack = prepare(resolve("mm_imdb"), folder=tmp_path)
    assert pack.info["missing"]["count"] == 2
    assert sorted(pack.info["missing"]["names"]) == ["dataset/0026001.jpeg", "dataset/0026002.json"]
    assert (len(pack), pack.rows("shots")) == (4, 1)


def test_films_without_a_genre_that_counts_are_left_out_and_named(cache: Path, tmp_path: Path) -> None:
    layouts.mm_imdb(tmp_path, 6)  # and one with dropped genres alone
    edit(tmp_path / "dataset/0026001.json", lambda row: row | {"genres": ["News", "Adult"]})
    pack = prepare(resolve("mm_imdb"), folder=tmp_path)
    names = ("dataset/0026001.json", "dataset/0090001.json")
    rows = [{"where": name, "why": "field 'genres' names none of the 23 genres"} for name in names]
    assert (len(pack), pack.info["left_out"]) == (5, {"count": 2, "rows": rows})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"genres": ["Drama", "Cooking"]}, "0026000.json: field 'genres' names 'Cooking'"),
        ({"genres": None}, "0026000.json: field 'genres' is missing"),
        ({"plot": [" "]}, "0026000.json: field 'plot' is empty"),
    ],
)
def test_films_that_make_no_sense(change: dict[str, Any], said: str, cache: Path, tmp_path: Path) -> None:
    layouts.mm_imdb(tmp_path, 2)
    edit(tmp_path / "dataset/0026000.json", lambda row: row | change)
    with pytest.raises(BadData, match=said):
        prepare(resolve("mm_imdb"), folder=tmp_path)


# MagicBrush


def test_turns_are_asked_on_the_true_picture_or_one_after_the_other(cache: Path, tmp_path: Path) -> None:
    layouts.magic_brush(tmp_path / "test", 9)
    single = {s.id: s for s in packed("magic_brush", tmp_path)}
    multi = {s.id: s for s in packed("magic_brush:multi", tmp_path)}
    session = str(242679 + 22)  # the third session has three turns
    ids = [f"{session}-{n}" for n in (1, 2, 3)]
    assert [single[i].cluster for i in ids] == [multi[i].unit for i in ids] == [session] * 3
    assert len({single[i].unit for i in ids}) == 3
    assert [single[i].after for i in ids] == [None] * 3
    assert [multi[i].after for i in ids] == [None, *ids[:2]]
    for before, after in pairwise(ids):
        assert single[after].media == single[before].references  # by the bytes
    start = (tmp_path / "test/images" / session / f"{session}-input.png").read_bytes()
    assert all(multi[i].media[0].data == start for i in ids)
    facts = [single[i].metadata for i in ids]
    assert [f["answer_type"] for f in facts] == ["earlier_turn", "earlier_turn", "final_turn"]
    assert facts[1]["caption"] == "Dog 2 jumps 2 times."
    assert single[ids[0]].fields == {"edit": "let dog 2 jump 1"}


def test_the_paper_asked_the_first_hundred_turns(cache: Path, tmp_path: Path) -> None:
    layouts.magic_brush(tmp_path, 120)
    turns = [s.id for s in resolve("magic_brush").sources[1].layout.read(tmp_path)]
    assert [s.id for s in resolve("magic_brush:hemm").sources[1].layout.read(tmp_path)] == turns[:100]
    assert len(packed("magic_brush:hemm", tmp_path)) == 100


def dev_parquet(folder: Path, rows: Sequence[tuple[str, int]]) -> None:
    """The hub's dev split: pictures in the rows, turns numbered by whole numbers of 32 bits."""
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    fields = {"img_id": pa.string(), "turn_index": pa.int32(), "source_img": image, "mask_img": image}
    schema = pa.schema([*fields.items(), ("instruction", pa.string()), ("target_img", image)])
    values = [
        {
            "img_id": session,
            "turn_index": turn,
            "source_img": {"bytes": picture(10 * n), "path": "a.png"},
            "mask_img": {"bytes": picture(10 * n + 1), "path": "m.png"},
            "instruction": f"edit {n}",
            "target_img": {"bytes": picture(10 * n + 2), "path": "b.png"},
        }
        for n, (session, turn) in enumerate(rows)
    ]
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(values, schema), folder / "data/dev-00000-of-00001-abc.parquet")


def test_the_hub_s_dev_split(cache: Path, tmp_path: Path) -> None:
    dev_parquet(tmp_path / "a", [("7", 1), ("7", 2), ("9", 1), ("11", 1), ("11", 3)])
    turns = {s.id: s for s in packed("magic_brush", tmp_path / "a")}
    assert sorted(turns) == ["11-1", "11-3", "7-1", "7-2", "9-1"]
    assert [t for t, s in sorted(turns.items()) if s.metadata["answer_type"] == "final_turn"] == [
        "11-3",
        "7-2",
        "9-1",
    ]
    multi = {s.id: s for s in packed("magic_brush:multi", tmp_path / "a")}
    assert (multi["7-2"].after, multi["11-3"].after, multi["9-1"].after) == ("7-1", "11-1", None)
    assert multi["7-2"].media == turns["7-1"].media != turns["7-2"].media
    with pytest.raises(HemmError, match="not the files of magic_brush:hemm"):
        prepare(resolve("magic_brush:hemm"), folder=tmp_path / "a")
    dev_parquet(tmp_path / "b", [("7", 1), ("9", 1), ("7", 2)])
    with pytest.raises(
        BadData, match=r"dev-.*parquet, row 3: field 'img_id': session '7' has rows in several"
    ):
        prepare(resolve("magic_brush"), folder=tmp_path / "b")
    dev_parquet(tmp_path / "c", [("7", 2), ("7", 1)])
    with pytest.raises(BadData, match="row 2: field 'turn_index' is 1 after 2"):
        prepare(resolve("magic_brush"), folder=tmp_path / "c")


def test_a_target_that_is_missing_is_counted_and_broken_sessions_are_named(
    cache: Path, tmp_path: Path
) -> None:
    layouts.magic_brush(tmp_path, 6)
    (tmp_path / "global_descriptions.json").unlink()
    (tmp_path / "images/242679/242679-output1.png").unlink()
    (tmp_path / "images/242690/242690-output2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    pack = prepare(resolve("magic_brush"), folder=tmp_path)
    assert pack.info["missing"] == {"count": 1, "names": ["images/242679/242679-output1.png"]}
    assert [p["id"] for p in pack.info["problems"]["samples"]] == ["242690-2"]
    found = go("magic_brush", pack, Painter(), tmp_path / "out")
    assert [(name, "does not open" in why) for name, _, why in found.errors] == [("242690-2", True)]
    edit(tmp_path / "edit_sessions.json", lambda s: s | {"242690": [s["242690"][0] | {"instruction": " "}]})
    with pytest.raises(BadData, match="session '242690', turn 1: field 'instruction' is empty"):
        prepare(resolve("magic_brush"), folder=tmp_path)


# Localized Narratives


def test_narratives_share_their_photo_and_show_the_model_nothing_else(cache: Path, tmp_path: Path) -> None:
    layouts.ln_coco(tmp_path / "a", 8)
    found = {s.id: s for s in packed("ln_coco", tmp_path / "a")}
    one, other = found["139-93"], found["139-7"]
    assert one.cluster == other.cluster == "139"
    assert one.media == ()
    assert one.metadata["caption"] == one.fields["caption"] == "In this image there are 0 cows, says 93."
    photo = (tmp_path / "a/val2017/000000000139.jpg").read_bytes()
    assert [r.data for s in (one, other) for r in s.references if isinstance(r, Media)] == [photo, photo]
    assert "138576-93" in found  # six digits
    layouts.ln_coco(tmp_path / "b", 8, "coco_val_localized_narratives.jsonl")
    traced = {s.id: s.sample_hash for s in packed("ln_coco", tmp_path / "b")}
    assert traced == {name: s.sample_hash for name, s in found.items()}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"dataset_id": "mscoco_train2017"}, "line 3: field 'dataset_id' is 'mscoco_train2017'"),
        ({"caption": ""}, "line 3: field 'caption' is empty"),
        ({"image_id": "12a"}, "line 3: field 'image_id' is '12a', not a whole number"),
    ],
)
def test_narratives_that_make_no_sense(line: dict[str, str], said: str, cache: Path, tmp_path: Path) -> None:
    layouts.ln_coco(tmp_path, 3)
    file = tmp_path / "coco_val_captions.jsonl"
    lines = file.read_text().splitlines()
    lines[2] = json.dumps(json.loads(lines[2]) | line)
    file.write_text("\n".join(lines))
    with pytest.raises(BadData, match=said):
        prepare(resolve("ln_coco"), folder=tmp_path)


# runs that draw


def drawn(*parts: str) -> bytes:
    """What the fake model draws for these words and pictures."""
    colour = bytes.fromhex(digest(list(parts), 6))
    out = io.BytesIO()
    Image.new("RGB", (12, 8), (colour[0], colour[1], colour[2])).save(out, "PNG")
    return out.getvalue()


@dataclass
class Painter(BatchModel):
    """Draws a picture that depends on prompt and pictures; refuses or fails where the prompt has a text."""

    batch_size: int = 2
    refuses: str = ""
    fails: str = ""
    stop_after: int = 10**9
    spec: str = "fake/painter"
    identity: Identity = field(default_factory=lambda: Identity("fake-painter", "1"))
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(outputs=frozenset({"image"}), max_images=1)
    )
    asked: list[str] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        if len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        return [self._one(r) for r in requests]

    def _one(self, request: Request) -> Response:
        self.asked.append(request.sample_id)
        self.seen[request.sample_id] = [m.digest for m in request.media]
        if self.fails and self.fails in request.prompt:
            return Response(failure=Failure("http", "busy"))
        if self.refuses and self.refuses in request.prompt:
            return Response("I'm sorry, but I can't help with that.")
        return Response(media=(Media(drawn(request.prompt, *self.seen[request.sample_id])),))


def go(name: str, pack: Pack, model: Any, out: Path, **more: Any) -> CellResult:
    options = RunOptions(out=out, **more)
    return asyncio.run(run_cells(options, [model], [(resolve(name), pack)], Silent()))[0]


def chains(pack: Pack) -> dict[str, Sample]:
    return {s.id: s for s in pack.samples()}


def expected(samples: dict[str, Sample], refuses: str = "") -> dict[str, str]:
    """Which picture each turn has to be asked on: the last drawn of its session, else the first of all."""
    shown: dict[str, str] = {}
    for name in sorted(samples, key=lambda n: int(n.split("-")[1])):
        sample = samples[name]
        start: str | None = sample.after
        while start is not None and refuses and refuses in samples[start].fields["edit"]:
            start = samples[start].after
        if start is None:
            shown[name] = sample.media[0].digest
        else:
            prompt = f"<image>{samples[start].fields['edit']}"
            shown[name] = Media(drawn(prompt, shown[start])).digest
    return shown


@pytest.mark.parametrize("refuses", ["", "jump 2"])
def test_each_turn_goes_on_from_the_model_s_own_last_picture(
    refuses: str, cache: Path, tmp_path: Path
) -> None:
    layouts.magic_brush(tmp_path / "data", 12)
    pack = prepare(resolve("magic_brush:multi"), folder=tmp_path / "data")
    samples, model = chains(pack), Painter(refuses=refuses)
    result = go("magic_brush:multi", pack, model, tmp_path / "out")
    assert {name: seen for name, (seen,) in model.seen.items()} == expected(samples, refuses)
    for name, sample in samples.items():
        if sample.after:
            assert model.asked.index(sample.after) < model.asked.index(name)
    counts = cell(result.folder).run["outcomes"]
    refused = sum(refuses in s.fields["edit"] for s in samples.values()) if refuses else 0
    assert (counts["ok"], counts["refused"]) == (12 - refused, refused)


def test_a_chain_goes_on_after_a_stop_and_in_a_second_command(cache: Path, tmp_path: Path) -> None:
    layouts.magic_brush(tmp_path / "data", 12)
    pack = prepare(resolve("magic_brush:multi"), folder=tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        go("magic_brush:multi", pack, Painter(stop_after=8), tmp_path / "out")
    again = Painter()
    result = go("magic_brush:multi", pack, again, tmp_path / "out")
    shown = expected(chains(pack))
    assert 0 < len(again.asked) < 12
    assert {name: seen for name, (seen,) in again.seen.items()} == {n: shown[n] for n in again.asked}
    whole = go("magic_brush:multi", pack, Painter(), tmp_path / "other")
    rows = [sorted(map(str, cell(r.folder).answers(["id", "produced"]).to_pylist())) for r in (result, whole)]
    assert rows[0] == rows[1]


def test_a_turn_that_failed_is_asked_again_on_sealed_ones(cache: Path, tmp_path: Path) -> None:
    layouts.magic_brush(tmp_path / "data", 12)
    pack = prepare(resolve("magic_brush:multi"), folder=tmp_path / "data")
    shown = expected(chains(pack))
    failing = Painter(fails="jump 2")
    assert go("magic_brush:multi", pack, failing, tmp_path / "out").state == "sealed with 6 errors"
    model = Painter()
    assert go("magic_brush:multi", pack, model, tmp_path / "out").state == "sealed"
    assert sorted({n.split("-")[1] for n in model.asked}) == ["2", "3"]
    assert {name: seen for name, (seen,) in model.seen.items()} == {n: shown[n] for n in model.asked}
    # another first instruction: that session is asked anew, from its first turn on, and no other
    session = str(242679 + 22)
    edit(
        tmp_path / "data/edit_sessions.json",
        lambda s: s | {session: [s[session][0] | {"instruction": "let it sit"}, *s[session][1:]]},
    )
    other = prepare(resolve("magic_brush:multi"), folder=tmp_path / "data")
    model = Painter()
    go("magic_brush:multi", other, model, tmp_path / "out")
    assert sorted(model.asked) == [f"{session}-{n}" for n in (1, 2, 3)]
    shown = expected(chains(other))
    assert {name: seen for name, (seen,) in model.seen.items()} == {n: shown[n] for n in model.asked}


def test_models_that_draw_nothing_are_refused_before_anything_is_asked(cache: Path, tmp_path: Path) -> None:
    write_layout("ln_coco", tmp_path / "data", 4)
    pack = prepare(resolve("ln_coco"), folder=tmp_path / "data")
    talker = Batched()
    with pytest.raises(
        HemmError, match="ln_coco is answered with pictures, which model fake/batched does not"
    ):
        go("ln_coco", pack, talker, tmp_path / "out")
    assert talker.asked == []
    text_only = Capabilities(inputs=frozenset({"text"}), outputs=frozenset({"image"}), max_images=0)
    assert go("ln_coco", pack, Painter(capabilities=text_only), tmp_path / "out").state == "sealed"
    with pytest.raises(HemmError, match="the answers to ln_coco are pictures"):
        hemm.run("baseline/majority", "ln_coco", out=tmp_path / "out")


def test_scores_are_those_of_the_pictures_and_need_the_pack_alone(cache: Path, tmp_path: Path) -> None:
    write_layout("magic_brush", tmp_path / "data", 9)
    task, pack = resolve("magic_brush"), prepare(resolve("magic_brush"), folder=tmp_path / "data")
    oracle, chance = (
        next(iter(hemm.run(f"baseline/{b}", "magic_brush", out=tmp_path / b, metrics=["ssim"])))
        for b in ("oracle", "random")
    )

    def main(result: Any, metric: str) -> float:
        rows = cell(result.folder).aggregates()["metrics"][f"{metric}-v1"]["components"]
        assert {"", "earlier_turn", "final_turn"} == set(rows)
        return float(rows[""]["value"])

    names = ("l1", "mse", "psnr", "ssim")
    assert {m: main(oracle, m) for m in names} == {"l1": 0, "mse": 0, "psnr": 100, "ssim": 1}
    assert cell(oracle.folder).aggregates()["headline"] == "l1-v1"
    assert main(chance, "l1") > 0
    assert main(chance, "psnr") < 100
    stored = {m: main(chance, m) for m in names}
    assert cell(chance.folder).run["outcomes"]["ok"] == 9
    shutil.rmtree(cache / "packs")
    score_cell(chance.folder, task)  # nothing has changed: what is stored stays
    assert {m: main(chance, m) for m in names} == stored
    shutil.rmtree(chance.folder / "scores")
    with pytest.raises(HemmError, match="task magic_brush is not prepared: hemm prepare magic_brush"):
        score_cell(chance.folder, task, ["ssim"])
    shutil.rmtree(tmp_path / "data")
    layouts.magic_brush(tmp_path / "data", 2)
    prepare(task, folder=tmp_path / "data")
    with pytest.raises(HemmError, match=f"nor in the pack of magic_brush .*answered was {pack.hash[:12]}"):
        score_cell(chance.folder, task, ["ssim"])
