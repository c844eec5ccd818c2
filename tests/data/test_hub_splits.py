"""Splits and configs of hub data sets are exact, by README and by paths, on the hub and in copies."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fake_web import FakeHub, Web
from hemm.core import HemmError, Layout, Sample
from hemm.data.pack.prepare import prepare
from hemm.data.readers.rows import parquet_rows
from hemm.data.sources.hub import part_files
from hemm.data.sources.hub_files import files_of
from hemm.data.sources.kinds import Hub
from hemm.tasks import resolve
from packs import png

NOTHING = Layout((), lambda folder: iter(()))


def table(*ids: str) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": list(ids), "question": ["?"] * len(ids), "answer": ["a"] * len(ids)}), out)
    return out.getvalue().to_pybytes()


def local(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


# forms of names in real repositories: the hub's own shards (with and without the hash of old ones), its
# Parquet branch (whole, and "partial-" of large sets), one file a split, a folder a split, a folder a config
@pytest.mark.parametrize(
    ("names", "config", "split", "found"),
    [
        (["data/test-00000-of-00001.parquet", "data/test_seen-00000-of-00001.parquet"], "", "test", [0]),
        (
            ["data/test_augmented-00000-of-00001.parquet", "data/test_human-00000-of-00001.parquet"],
            "",
            "test_human",
            [1],
        ),
        (["test.parquet", "test1.parquet", "test2.parquet"], "", "test", [0]),
        (["test.parquet", "test1.parquet", "test2.parquet"], "", "test1", [1]),
        (["data/test-00000-of-00002-ab34cd56ef789012.parquet", "data/train-0.parquet"], "", "test", [0]),
        (["default/test/0000.parquet", "default/partial-test/0000.parquet"], "", "test", [0]),
        (
            ["Art/validation-00000-of-00001.parquet", "Art_Theory/validation-0.parquet"],
            "Art",
            "validation",
            [0],
        ),
        (["data/en/test-0.parquet", "data/en-US/test-0.parquet"], "en", "test", [0]),
        (["test/en.parquet", "test/en-US.parquet"], "en", "test", [0]),
        (["vqa/val/part-00000.parquet", "vqa/val/part-00001.parquet"], "vqa", "val", [0, 1]),
        (
            ["validation_00.parquet", "validation_01.parquet", "validation_2015.parquet"],
            "",
            "validation",
            [0, 1],
        ),
        (["a/val2014-00000-of-00001.parquet", "a/val-0.parquet"], "", "val2014", [0]),
        (
            ["MMMU_Pro/standard (10 options)/test-0.parquet", "MMMU_Pro/standard (4 options)/test-0.parquet"],
            "standard (4 options)",
            "test",
            [1],
        ),
        (["data/test-0.parquet", "en/test-0.parquet"], "default", "test", [0]),
    ],
)
def test_a_name_means_one_split_of_one_config(
    names: Sequence[str], config: str, split: str, found: Sequence[int]
) -> None:
    assert files_of(names, config, split) == [names[n] for n in found]


def test_configs_are_never_merged() -> None:
    names = ["en/test-0.parquet", "de/test-0.parquet", "en/dev-0.parquet"]
    with pytest.raises(HemmError, match="several configs: set config to one of de, en"):
        files_of(names, "", "test")
    assert files_of(names, "", "dev") == ["en/dev-0.parquet"]  # one config alone has it


@pytest.mark.parametrize(
    ("config", "split", "said"),
    [
        ("", "tests", "no split 'tests'; it has dev, test"),
        ("fr", "test", "no config 'fr'; it has de, en"),
        ("en", "val", "no split 'val' of config 'en'; it has dev, test"),
    ],
)
def test_what_there_is_not_lists_what_there_is(
    cache: Path, tmp_path: Path, online: Web, config: str, split: str, said: str
) -> None:
    files = {f"{c}/{s}-00000-of-00001.parquet": table(c + s) for c in ("en", "de") for s in ("dev", "test")}
    FakeHub(online, {"a/set": {"main": files}})
    with pytest.raises(HemmError) as error:
        Hub(("a/set",), NOTHING, config=config, split=split).fetch(tmp_path / "x")
    assert said in str(error.value)
    card = tmp_path / "card.yaml"
    card.write_text(f"config: {config}\nsplit: {split}\n")
    with pytest.raises(HemmError) as error:
        prepare(resolve("hub:a/set", card), folder=local(tmp_path / "copy", files))
    assert said in str(error.value)


README = """---
configs:
- config_name: plain
  data_files: "parts/p.parquet"
- config_name: main
  default: true
  data_files:
  - split: test
    path: parts/t-*
  - split: test_seen
    path: [parts/s-0.parquet]
---
# A set
"""


def test_the_readme_decides(cache: Path, online: Web, tmp_path: Path) -> None:
    files = {f"parts/{n}.parquet": table(n) for n in ("p", "t-0", "t-1", "s-0")}
    files["README.md"] = README.encode()
    FakeHub(online, {"a/set": {"main": files}})

    def ids(folder: Path, config: str, split: str) -> list[str]:
        (part,) = part_files(folder, config, split, "")
        return [row["id"] for row in parquet_rows(part.files)]

    wanted = {("", "test"): ["t-0", "t-1"], ("main", "test_seen"): ["s-0"], ("plain", "train"): ["p"]}
    copy = local(tmp_path / "copy", files)
    for (config, split), expected in wanted.items():
        folder, _ = Hub(("a/set",), NOTHING, config=config, split=split).fetch(tmp_path / "x")
        assert ids(folder, config, split) == expected
        assert ids(copy, config, split) == expected
    for config, split, said in [
        ("", "dev", "no split 'dev' of config 'main'; it has test, test_seen"),
        ("mian", "test", "no config 'mian'; it has main, plain"),
    ]:
        with pytest.raises(HemmError) as error:
            Hub(("a/set",), NOTHING, config=config, split=split).fetch(tmp_path / "x")
        assert said in str(error.value)


MMMU = ("Art", "Art_Theory", "Biology")


@pytest.mark.parametrize("source", ["hub", "copy"])
def test_several_configs_are_one_task(cache: Path, tmp_path: Path, online: Web, source: str) -> None:
    """As MMMU and BLINK are: a config a subject, whose rows have ids of their own or of the config's."""
    files = {
        f"{subject}/{split}-00000-of-00001.parquet": table(*(f"{n}" for n in range(2)))
        for subject in MMMU
        for split in ("dev", "validation")
    }
    FakeHub(online, {"MMMU/MMMU": {"main": files}})
    card = tmp_path / "card.yaml"
    card.write_text(
        "name: two_subjects\nconfig: [Art, Biology]\nsplit: validation\nshots: dev\nanswer: short_answer\n"
    )
    folder = local(tmp_path / "copy", files) if source == "copy" else None
    pack = prepare(resolve("hub:MMMU/MMMU", card), folder=folder)
    got = {s.id: s for s in pack.samples()}
    assert sorted(got) == ["Art/0", "Art/1", "Biology/0", "Biology/1"]
    assert {s.id: s.stratum for s in got.values()} == {i: i.partition("/")[0] for i in got}
    assert {s.metadata["config"] for s in got.values()} == {"Art", "Biology"}
    assert got["Art/0"].unit == "Art/0"
    assert sorted(s.id for s in pack.samples(split="shots")) == ["Art/0", "Art/1", "Biology/0", "Biology/1"]


def test_several_splits_are_one_task(cache: Path, tmp_path: Path) -> None:
    """As DynaMath is: ten splits with the variants of equal questions, which a unit holds together."""
    splits = [f"sample_variant{n}" for n in (1, 2, 10)]
    copy = local(tmp_path / "copy", {f"data/{s}-00000-of-00001.parquet": table("1", "2") for s in splits})
    card = tmp_path / "card.yaml"
    card.write_text("split: [sample_variant1, sample_variant10]\nanswer: short_answer\n")
    task = resolve("hub:DynaMath/DynaMath_Sample", card)
    pack = prepare(task, folder=copy)
    got: dict[str, Sample] = {s.id: s for s in pack.samples()}
    assert sorted(got) == [
        "sample_variant1/1",
        "sample_variant1/2",
        "sample_variant10/1",
        "sample_variant10/2",
    ]
    assert (
        got["sample_variant10/2"].metadata["split"] == got["sample_variant10/2"].stratum == "sample_variant10"
    )
    one = tmp_path / "one.yaml"
    one.write_text("split: [sample_variant1]\nanswer: short_answer\n")
    assert sorted(
        s.id for s in prepare(resolve("hub:DynaMath/DynaMath_Sample", one), folder=copy).samples()
    ) == [
        "1",
        "2",
    ]
    assert resolve("hub:DynaMath/DynaMath_Sample", one).origin["split"] == "sample_variant1"


def test_lists_of_configs_and_splits_name_their_parts_by_both(cache: Path, tmp_path: Path) -> None:
    files = {f"{c}/{s}-0.parquet": table("1") for c in ("en", "de") for s in ("a", "b")}
    card = tmp_path / "card.yaml"
    card.write_text("config: [en, de]\nsplit: [a, b]\nanswer: short_answer\n")
    pack = prepare(resolve("hub:x/y", card), folder=local(tmp_path / "copy", files))
    assert sorted(s.id for s in pack.samples()) == ["de/a/1", "de/b/1", "en/a/1", "en/b/1"]


def test_several_splits_of_a_file_are_one_task(cache: Path, tmp_path: Path) -> None:
    """The rows of JSON lines say their split themselves."""
    folder = tmp_path / "mine"
    folder.mkdir()
    rows = [f'{{"id": "{s}", "question": "?", "answer": "x", "split": "{s}"}}' for s in ("a", "b", "ab", "c")]
    (folder / "rows.jsonl").write_text("\n".join(rows))
    (folder / "card.yaml").write_text("split: [a, b]\n")
    got = {s.id: s for s in prepare(resolve(str(folder))).samples()}
    assert sorted(got) == ["a", "b"]
    assert [got[i].stratum for i in "ab"] == [got[i].metadata["split"] for i in "ab"] == ["a", "b"]
    for wrong in ("[a, d]", "d"):
        (folder / "card.yaml").write_text(f"split: {wrong}\n")
        with pytest.raises(HemmError, match="no row has split 'd'; there are a, ab, b, c"):
            prepare(resolve(str(folder)))


def test_pictures_that_a_column_names_by_path_are_fetched_where_the_card_says_so(
    cache: Path, tmp_path: Path, online: Web
) -> None:
    """Beside the Parquet file lie a folder of pictures and an archive of more."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("more/2.png", png(2))
    rows = pa.BufferOutputStream()
    names = ["images/1.png", "more/2.png"]
    columns = {"id": ["1", "2"], "image": names, "question": ["?"] * 2, "answer": ["a"] * 2}
    pq.write_table(pa.table(columns), rows)
    files = {"data/test-0.parquet": rows.getvalue().to_pybytes(), "images/1.png": png(1), "big.bin": b"x"}
    FakeHub(online, {"a/set": {"main": {**files, "more.zip": packed.getvalue()}}})
    card = tmp_path / "card.yaml"
    card.write_text("answer: short_answer\n")
    with pytest.raises(HemmError, match="2 samples name files that are not there"):
        prepare(resolve("hub:a/set", card))
    card.write_text("answer: short_answer\nimages: ['images/*', more.zip]\n")
    pack = prepare(resolve("hub:a/set", card))
    assert {s.id: s.media[0].data for s in pack.samples()} == {"1": png(1), "2": png(2)}
    assert not any("big.bin" in path for _, path, _ in online.requests)
    card.write_text("answer: short_answer\nimages: pictures/*\n")
    with pytest.raises(HemmError, match=r"a/set has no files like pictures/\*"):
        prepare(resolve("hub:a/set", card))
