"""Visual Haystacks: a hundred pictures arrive in their order, the needle where the metadata say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hemm
from hemm.core import BadData
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from hemm.tasks.suites.visual_haystacks import read
from servers import ChatServer
from suites.needles import ALL, LARGE, PLACED, writes


def test_a_hundred_pictures_arrive_in_the_order_of_the_pack(cache: Path, tmp_path: Path) -> None:
    writes(ALL, 8)(tmp_path / "hub", 8)
    pack = prepare(resolve("visual_haystacks"), folder=tmp_path / "hub")
    samples = {f"These are {s.metadata['pictures']} pictures.": s for s in pack.samples()}
    assert sorted(s.metadata["pictures"] for s in samples.values()) == [1, 2, 3, 5, 10, 20, 50, 100]
    with ChatServer() as server:
        (cell,) = hemm.run(server.spec(), "visual_haystacks", out=tmp_path / "results")
    assert cell.state == "sealed"
    assert len(server.requests) == 8
    for received in server.requests:
        (sample,) = [s for line, s in samples.items() if line in received.text]
        assert received.pictures == [media.data for media in sample.media]
        row = json.loads(
            (tmp_path / "hub" / LARGE / f"visual_haystack_{sample.id.split('/')[1]}.json").read_text()
        )[0]
        needle = (tmp_path / "hub" / row["pos_image"][0]).read_bytes()
        if "needle" in sample.metadata:
            assert received.pictures[sample.metadata["needle"] - 1] == needle
        others = [(tmp_path / "hub" / name).read_bytes() for name in row["neg_image"]]
        assert [p for p in received.pictures if p != needle] == others


def test_places_go_from_the_first_to_the_last(tmp_path: Path) -> None:
    writes(PLACED, 24)(tmp_path, 24)
    files = [f"{kind}/visual_haystack_{size}.json" for kind, size, _ in PLACED]
    found = [s.metadata for s in read(tmp_path, files, everywhere=True)]
    assert [m["needle"] for m in found if m["pictures"] == 10] == list(range(1, 11))
    deep = [m["needle_depth"] for m in found if m["pictures"] == 50]
    assert (deep[0], deep[-1], len(deep)) == (0.0, 1.0, 10)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"conversations": [], "pos_image": ["a.jpg"], "neg_image": []}, "no question with its answer"),
        (
            {"conversations": [{"value": "q"}, {"value": "maybe"}], "pos_image": ["a"], "neg_image": []},
            "'maybe'",
        ),
        (
            {"conversations": [{"value": "q"}, {"value": "yes"}], "pos_image": [], "neg_image": ["b"]},
            "no picture",
        ),
    ],
)
def test_a_row_that_is_none_is_named(row: dict[str, object], why: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([row]))
    with pytest.raises(BadData, match=why) as caught:
        list(read(tmp_path, ["a.json"]))
    assert "a.json, entry 1" in str(caught.value)
