"""Packs: what goes in comes out, each picture once, readable by others, bounded in memory."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hemm.core import BadData, HemmError, Media, Sample, digest_bytes
from hemm.data.pack.prepare import prepare
from hemm.data.pack.reader import Pack, find_pack, open_pack
from hemm.data.pack.schema import COLUMNS
from packs import png, task_of

_made = iter(range(10**9))


def pack_of(*samples: Sample, name: str = "") -> Pack:
    """A pack of these samples (always prepared anew)."""
    number = next(_made)
    return prepare(task_of(lambda folder: iter(samples), name or f"made-{number}", str(number)))


def full_sample() -> Sample:
    return Sample(
        id="s1",
        media=(Media(png(1), name="a.png"), Media(png(2, mode="RGBA"), name="b.png")),
        fields={"question": "Whät?", "hint": "\ud800 lone"},
        references=("yes", Media(png(3), name="target.png"), "no"),
        choices=("yes", "no"),
        unit="u",
        cluster="c",
        labels={"reasoning": "more"},
        stratum="x",
        metadata={"n": 1, "list": [1, None, {"a": 2.5}], "text": "t"},
    )


def test_everything_of_a_sample_comes_back(cache: Path) -> None:
    pack = pack_of(full_sample(), Sample(id="s2", fields={"question": "no picture"}, split="shots"))
    (got,) = pack.samples()
    want = full_sample()
    assert got.id == want.id
    assert [m.data for m in got.media] == [m.data for m in want.media]
    assert [(m.name, m.mime, m.digest) for m in got.media] == [
        (m.name, "image/png", digest_bytes(m.data)) for m in want.media
    ]
    assert got.fields == {"question": "Whät?", "hint": "\\ud800 lone"}
    assert got.references == want.references
    assert (got.choices, got.unit, got.cluster, got.labels) == (
        ("yes", "no"),
        "u",
        "c",
        {"reasoning": "more"},
    )
    assert (got.stratum, got.metadata, got.split, got.after) == ("x", dict(want.metadata), "test", None)
    (shot,) = pack.samples(split="shots")
    assert (shot.id, shot.media, shot.split) == ("s2", (), "shots")
    assert (len(pack), pack.rows("shots")) == (1, 1)


def test_every_part_of_a_sample_has_its_column() -> None:
    made_of_media = {"media", "split"}  # the media columns and the file's name hold these
    restored = [column.field for column in COLUMNS if column.field]
    assert sorted(restored) == sorted({part.name for part in fields(Sample)} - made_of_media)


def test_the_stored_hash_is_the_hash_of_what_is_read(cache: Path) -> None:
    for got in pack_of(full_sample(), Sample(id="s2", fields={"q": "x"}, choices=("a",))).samples():
        assert got.stored_hash
        assert got.with_media(got.media).sample_hash == got.stored_hash


def test_a_picture_with_twenty_questions_is_stored_and_read_once(cache: Path) -> None:
    pictures = [png(i, 100) for i in range(30)]
    pack = pack_of(
        *(
            Sample(id=f"{q}-{p}", media=(Media(pictures[p]),), fields={"q": str(q)})
            for q in range(20)
            for p in range(30)
        )
    )
    once = sum(map(len, pictures))
    stored = sum(f.stat().st_size for f in (pack.path / "data").iterdir())
    assert once < stored < 1.1 * once
    assert pack.info["media"] == {"count": 30, "bytes": once}
    samples = list(pack.samples())
    # rows of one picture lie together, in the order of first appearance, and share one bytes object
    assert [s.id for s in samples] == [f"{q}-{p}" for p in range(30) for q in range(20)]
    assert len({id(s.media[0].data) for s in samples}) == 30


def test_row_groups_are_bounded_by_bytes_and_rows(cache: Path) -> None:
    big = [Media(bytes([i]) * 1_500_000) for i in range(7)]
    pack = pack_of(*(Sample(id=f"b{i}", media=(m,)) for i, m in enumerate(big)))
    sizes = _group_rows(pack)
    assert sizes == [2, 2, 2, 1]
    many = pack_of(*(Sample(id=str(i), fields={"q": str(i)}) for i in range(2500)))
    assert _group_rows(many) == [1024, 1024, 452]


def _group_rows(pack: Pack) -> list[int]:
    found = []
    for name in sorted(pack.info["files"]):
        meta = pq.ParquetFile(pack.path / "data" / name).metadata
        found += [meta.row_group(g).num_rows for g in range(meta.num_row_groups)]
    return found


def test_files_are_split_by_size(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.data.pack import writer

    monkeypatch.setattr(writer, "Shape", lambda: _SMALL)
    pack = pack_of(*(Sample(id=f"s{i:02}", media=(Media(png(i, 40)),)) for i in range(12)))
    assert len(pack.info["files"]) > 2
    assert sorted(pack.info["files"])[0] == f"test-00000-of-{len(pack.info['files']):05d}.parquet"
    assert [s.id for s in pack.samples()] == [f"s{i:02}" for i in range(12)]
    assert [pack.sample(i).id for i in (11, 0, 5)] == ["s11", "s00", "s05"]
    assert pack.index().ids == [f"s{i:02}" for i in range(12)]


def _small_shape() -> Any:
    from hemm.data.pack.writer import Shape

    return Shape(group_bytes=8_000, group_rows=3, file_bytes=20_000)


_SMALL = _small_shape()


def test_chosen_rows_and_random_access(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.data.pack import writer

    monkeypatch.setattr(writer, "Shape", lambda: _SMALL)
    pack = pack_of(*(Sample(id=f"s{i:02}", media=(Media(png(i % 5, 20)),)) for i in range(20)))
    everything = list(pack.samples())
    rows = np.array([0, 3, 4, 11, 19])
    assert list(pack.samples(rows)) == [everything[i] for i in rows]
    assert list(pack.samples([])) == []
    assert [pack.sample(i) for i in range(20)] == everything
    for bad in ([3, 1], [1, 1], [-1], [20]):
        with pytest.raises(HemmError, match="row numbers must ascend within"):
            list(pack.samples(bad))
    with pytest.raises(HemmError, match="row 20 is out of range"):
        pack.sample(20)


def test_the_index_reads_no_pictures(cache: Path) -> None:
    pack = pack_of(full_sample(), Sample(id="s2", stratum="y", after="s1", cluster="k"))
    index = pack.index()
    assert len(index) == 2
    assert (index.ids, index.units, index.clusters) == (["s1", "s2"], ["u", "s2"], ["c", "k"])
    assert (index.strata, index.after) == (["x", "y"], [None, "s1"])
    assert index.hashes == [s.sample_hash for s in pack.samples()]
    assert index.media[0] == tuple(digest_bytes(png(i, mode="RGBA" if i == 2 else "RGB")) for i in (1, 2, 3))
    assert index.media[1] == ()
    assert len(pack.index("shots")) == 0
    assert pack.index("shots").ids == []


def test_the_hash_is_of_content_not_of_order_or_names(cache: Path) -> None:
    a = Sample(id="a", media=(Media(png(1), name="x"),), fields={"q": "1"})
    b = Sample(id="b", media=(Media(png(2), name="y"),), fields={"q": "2"})
    renamed = Sample(id="b", media=(Media(png(2), name="elsewhere"),), fields={"q": "2"})
    one, other = pack_of(a, b), pack_of(renamed, a)
    assert (one.hash, one.questions_hash) == (other.hash, other.questions_hash)
    assert len(one.hash) == len(one.questions_hash) == 32
    new_picture = pack_of(a, Sample(id="b", media=(Media(png(3)),), fields={"q": "2"}))
    assert new_picture.hash != one.hash
    assert new_picture.questions_hash == one.questions_hash
    new_text = pack_of(a, Sample(id="b", media=(Media(png(2)),), fields={"q": "3"}))
    assert new_text.hash != one.hash
    assert new_text.questions_hash != one.questions_hash
    moved = pack_of(a, Sample(id="b", media=(Media(png(2)),), fields={"q": "2"}, split="shots"))
    assert moved.hash != one.hash


def test_the_real_datasets_library_loads_it_and_decodes(cache: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    pack = pack_of(
        full_sample(),
        Sample(id="s2", media=(Media(png(1), name="a.png"),), fields={"question": "again"}),
        Sample(id="t", fields={"question": "shot"}, split="shots"),
    )
    files = {"test": str(pack.path / "data" / "test-*.parquet")}
    for loaded in (
        datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "1")),
        datasets.load_dataset(str(pack.path), cache_dir=str(tmp_path / "2")),
    ):
        first, second = loaded["test"]
        assert np.array_equal(np.asarray(first["images"][0]), np.asarray(Image.open(io.BytesIO(png(1)))))
        assert first["images"][1].mode == "RGBA"
        assert np.array_equal(
            np.asarray(first["reference_images"][0]), np.asarray(Image.open(io.BytesIO(png(3))))
        )
        assert (first["id"], first["choices"], first["references"]) == (
            "s1",
            ["yes", "no"],
            ["yes", None, "no"],
        )
        assert json.loads(second["fields"]) == {"question": "again"}
        assert second["images"][0].size == (16, 16)
    assert loaded["shots"]["id"] == ["t"]
    undecoded = loaded["test"].cast_column("images", datasets.List(datasets.Image(decode=False)))
    assert undecoded[0]["images"][0]["bytes"] == png(1)


def test_other_tools_read_it(cache: Path) -> None:
    import duckdb

    pack = pack_of(full_sample())
    columns = "id, images[1].bytes, fields->>'question', \"references\"[1]"
    rows = duckdb.sql(f"select {columns} from '{pack.path}/data/*.parquet'").fetchall()
    assert rows == [("s1", png(1), "Whät?", "yes")]


def test_sound_and_video_have_their_own_columns(cache: Path) -> None:
    wav = b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)
    clip = b"\0\0\0\x18ftypmp42" + bytes(20)
    sample = Sample(id="s", media=(Media(wav, name="s.wav"), Media(png(1)), Media(clip, name="v.mp4")))
    pack = pack_of(sample)
    (got,) = pack.samples()
    assert [m.kind for m in got.media] == ["audio", "image", "video"]
    assert [m.data for m in got.media] == [wav, png(1), clip]
    assert pack.info["media_columns"] == ["images", "audio", "video"]


def test_what_does_not_open_is_kept_with_its_problem(cache: Path) -> None:
    cut = png(1, 64)[:-3000]
    pack = pack_of(
        Sample(id="cut", media=(Media(cut, name="cut.png"),)),
        Sample(id="text", media=(Media(b"hello", name="t.png"),)),
        Sample(id="empty", media=(Media(b"", name="e.png"),)),
        Sample(id="good", media=(Media(png(2)),)),
    )
    got = {s.id: s for s in pack.samples()}
    assert "does not open" in got["cut"].problem
    assert got["cut"].media[0].data == cut
    assert got["text"].problem == "does not open: is no picture that can be read"
    assert got["empty"].problem == "is empty"
    assert got["good"].problem == ""
    assert pack.info["problems"]["count"] == 3
    assert [p["id"] for p in pack.info["problems"]["samples"]] == ["cut", "text", "empty"]


def test_a_medium_that_cannot_be_read_is_a_problem_too(cache: Path) -> None:
    def refuse() -> bytes:
        raise PermissionError(13, "Permission denied", "/secret/place")

    pack = pack_of(Sample(id="a", media=(Media(load=refuse, name="a.png"),)), Sample(id="b"))
    got = {s.id: s for s in pack.samples()}
    assert "cannot be read" in got["a"].problem
    assert got["a"].media[0].data == b""


def test_chains_lie_in_turn(cache: Path) -> None:
    def turn(name: str, after: str | None, picture: int) -> Sample:
        return Sample(id=name, after=after, media=(Media(png(picture)),))

    pack = pack_of(
        turn("b2", "b1", 1),
        turn("a1", None, 1),
        turn("a2", "a1", 9),
        turn("b1", None, 2),
        turn("a3", "a2", 1),
    )
    assert [s.id for s in pack.samples()] == ["a1", "a2", "a3", "b1", "b2"]
    with pytest.raises(BadData, match="continues 'x', which is no sample"):
        pack_of(turn("a", "x", 1))
    with pytest.raises(BadData, match="two samples continue the same one"):
        pack_of(turn("a", None, 1), turn("b", "a", 1), turn("c", "a", 1))
    with pytest.raises(BadData, match="in a circle"):
        pack_of(turn("a", "b", 1), turn("b", "a", 1))


def test_what_a_reader_may_not_give(cache: Path) -> None:
    with pytest.raises(BadData, match=r"the id 'a' is used twice \(rows 1 and 3\)"):
        pack_of(Sample(id="a"), Sample(id="b"), Sample(id="a"))
    with pytest.raises(BadData, match="sample 'a': field 'n' is int"):
        pack_of(Sample(id="a", fields={"n": 3}))  # type: ignore[dict-item]
    with pytest.raises(BadData, match="metadata holds a set"):
        pack_of(Sample(id="a", metadata={"x": {1}}))
    with pytest.raises(BadData, match="has split 'dev'"):
        pack_of(Sample(id="a", split="dev"))
    with pytest.raises(HemmError, match=r"unknown dimension in .*'reasonin'; did you mean 'reasoning'"):
        pack_of(Sample(id="a", labels={"reasonin": "more"}))
    with pytest.raises(BadData, match="no sample was found"):
        pack_of(Sample(id="a", split="shots"))
    # one id in both splits is fine: they never meet
    assert len(pack_of(Sample(id="a"), Sample(id="a", split="shots"))) == 1


def test_damaged_packs_are_named(cache: Path, tmp_path: Path) -> None:
    pack = pack_of(full_sample())
    with pytest.raises(HemmError, match="is no pack"):
        open_pack(tmp_path)
    (file,) = (pack.path / "data").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    with pytest.raises(
        BadData, match=r"is damaged: .*parquet is missing or has not .* bytes; hemm prepare made"
    ):
        open_pack(pack.path)
    file.write_bytes(bytes(len(whole)))
    with pytest.raises(BadData, match="parquet is damaged"):
        list(open_pack(pack.path).samples())
    info = json.loads((pack.path / "pack.json").read_text())
    (pack.path / "pack.json").write_text(json.dumps({**info, "task": "other"}))
    with pytest.raises(BadData, match="its checksum does not hold"):
        open_pack(pack.path)
    del info["sha256"]
    for text, message in (
        (json.dumps({**info, "schema_version": 99}), "written by a newer hemm"),
        ("{", "is damaged"),
        ("[1]", "is damaged"),
        ("{}", "no description of a pack"),
    ):
        (pack.path / "pack.json").write_text(text)
        with pytest.raises(BadData, match=message):
            open_pack(pack.path)


def test_find_pack(cache: Path) -> None:
    with pytest.raises(HemmError, match="task found is not prepared: hemm prepare found"):
        find_pack("found")
    pack = pack_of(full_sample(), name="found")
    assert find_pack("found").hash == pack.hash
    assert pickle.loads(pickle.dumps(pack)).hash == pack.hash


def test_two_readers_at_once_do_not_disturb_each_other(cache: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    pack = pack_of(*(Sample(id=str(i), media=(Media(png(i % 50)),)) for i in range(1500)))
    want = [s.id for s in pack.samples()]
    with ThreadPoolExecutor(4) as pool:
        streams = [pool.submit(lambda: [s.id for s in pack.samples()]) for _ in range(3)]
        single = pool.submit(lambda: [pack.sample(i).id for i in range(0, 1500, 7)])
        assert all(s.result() == want for s in streams)
        assert single.result() == want[::7]


text = st.text(max_size=12)
medium = st.builds(
    Media,
    st.one_of(st.sampled_from([png(i, 4) for i in range(3)]), st.binary(max_size=30)),
    name=st.text("ab.", max_size=5),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
bodies = st.builds(
    dict,
    media=st.lists(medium, max_size=3).map(tuple),
    fields=st.dictionaries(text, text, max_size=3),
    references=st.lists(text | medium, max_size=3).map(tuple),
    choices=st.lists(text, max_size=3).map(tuple),
    unit=text,
    cluster=text,
    labels=st.sampled_from([{}, {"reasoning": "more"}, {"fine_grained": "yes", "reasoning": "less"}]),
    stratum=text,
    metadata=st.dictionaries(text, json_values, max_size=3),
    split=st.sampled_from(["test", "shots"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.text(min_size=1, max_size=6), bodies, min_size=1, max_size=8))
def test_any_samples_come_back_as_they_were(cache: Path, made: dict[str, dict[str, Any]]) -> None:
    samples = [Sample(id="first"), *(Sample(id=f"x{k}", **body) for k, body in made.items())]
    pack = pack_of(*samples)
    got = {s.id: s for split in ("test", "shots") for s in pack.samples(split=split)}
    assert len(got) == len(samples)
    for given_ in samples:
        read = got[given_.id]
        # clusters that show the same pictures are one
        want = replace(given_, cluster=read.cluster) if "notices" in pack.info else given_
        assert (read.media, read.references, read.choices) == (want.media, want.references, want.choices)
        assert (read.fields, read.labels, read.metadata) == (want.fields, want.labels, want.metadata)
        assert (read.unit, read.cluster, read.stratum, read.split) == (
            want.unit,
            want.cluster,
            want.stratum,
            want.split,
        )
        assert [m.name for m in read.media] == [m.name for m in want.media]
        assert read.sample_hash == want.sample_hash
