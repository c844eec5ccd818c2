"""Clusters of samples that show pictures with equal bytes are one, in every task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hemm
from hemm.cli import status
from hemm.core import Media, Sample
from hemm.data.cache import INDEX
from hemm.data.pack.clusters import JOINED, Clusters
from hemm.data.pack.prepare import ensure
from hemm.data.pack.reader import Pack
from packs import png, task_of

LOST = png(99)


def pack(*rows: tuple[str, str, Sequence[bytes]], placeholders: tuple[str, ...] = (), **more: str) -> Pack:
    """A pack of samples: (id, cluster, pictures)."""

    def read(folder: Path) -> Iterator[Sample]:
        for name, cluster, pictures in rows:
            media = tuple(Media(p, name=f"{name}.png") for p in pictures)
            yield Sample(name, media, {"question": "?"}, ("a",), cluster=cluster)

    task = task_of(read, **more)
    return ensure(replace(task, card=replace(task.card, placeholders=placeholders)))


def clusters(made: Pack) -> dict[str, str]:
    index = made.index()
    return dict(zip(index.ids, index.clusters, strict=True))


def test_two_names_of_one_picture_are_one_cluster(cache: Path) -> None:
    made = pack(
        ("a", "533", [png(1)]), ("b", "534", [png(1)]), ("c", "535", [png(2)]), ("d", "534", [png(3)])
    )
    assert clusters(made) == {"a": "533", "b": "533", "c": "535", "d": "533"}
    (notice,) = made.info["notices"]
    assert notice["text"] == "clusters that show the same pictures are one: 533 and 534"
    for sample in made.samples():  # the hash is that of the sample as it is
        assert replace(sample, stored_hash="").sample_hash == sample.sample_hash


def test_the_order_of_rows_does_not_matter(cache: Path) -> None:
    rows = [("a", "z", [png(1)]), ("b", "y", [png(1)]), ("c", "y", [png(2)]), ("d", "x", [png(2)])]
    hashes = {pack(*order, name=f"t{n}").hash for n, order in enumerate(permutations(rows))}
    assert len(hashes) == 1


def test_several_pictures_are_equal_where_all_are(cache: Path) -> None:
    one, two, three = (png(n) for n in range(3))
    made = pack(("a", "p", [one, two]), ("b", "q", [two, one]), ("c", "r", [one, three]), ("d", "s", [one]))
    assert clusters(made) == {"a": "p", "b": "p", "c": "r", "d": "s"}


def test_pictures_that_do_not_open_and_placeholders_join_nothing(cache: Path) -> None:
    rows = [("a", "p", [b"broken"]), ("b", "q", [b"broken"]), ("c", "r", [LOST]), ("d", "s", [LOST])]
    assert clusters(pack(*rows))["d"] == "r"
    named = (hashlib.sha256(LOST).hexdigest(),)
    assert clusters(pack(*rows, placeholders=named, name="named")) == {"a": "p", "b": "q", "c": "r", "d": "s"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_joined_are_just_those_that_are_connected(rows: list[tuple[int, int]]) -> None:
    """Against the connected components of a graph, found by repeated union of sets."""
    found = Clusters()
    for picture, cluster in rows:
        found.add(
            Sample("s", (Media(b"x", digest=f"{picture}", mime="image/png"),), cluster=str(cluster)),
            [picture],
        )
    groups: list[set[str]] = [{f"p{p}", str(c)} for p, c in rows]
    merged = True
    while merged:
        merged = False
        for one in groups:
            for other in groups:
                if one is not other and one & other:
                    one |= other
                    groups.remove(other)
                    merged = True
                    break
            if merged:
                break
    names = found.names()
    for group in groups:
        members = sorted(name for name in group if not name.startswith("p"))
        assert {names.get(name, name) for name in members} == {members[0]}


def test_what_became_one_is_told(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(png(1))
    (folder / "rows.jsonl").write_text(
        '{"id": "1", "image": "a.png", "question": "?", "answer": "x"}\n'
        '{"id": "2", "image": "b.png", "question": "?", "answer": "x"}\n'
    )
    assert status(["prepare", str(folder)]) == 0
    assert "mine: clusters that show the same pictures are one: a.png and b.png" in capsys.readouterr().err


def test_a_pack_of_before_is_made_anew_and_asks_nothing_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell whose samples had two clusters keeps its answers, which take the one cluster over."""
    from servers import ChatServer

    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (folder / name).write_bytes(png(name == "c.png"))
    rows = [{"id": n, "image": f"{n}.png", "question": f"What, {n}?", "answer": "yes"} for n in "abc"]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with ChatServer() as server:
        with pytest.MonkeyPatch.context() as before:
            before.setattr(Clusters, "names", lambda self: {})
            hemm.run(server.spec(), str(folder), out=tmp_path / "r")
        (index,) = cache.rglob(INDEX)
        entry = json.loads(index.read_text())
        assert entry.pop(JOINED)
        index.write_text(json.dumps(entry))
        asked = server.asked
        (cell,) = hemm.run(server.spec(), str(folder), out=tmp_path / "r")
        assert server.asked == asked == 3
    assert dict(
        zip(*(cell.answers(["id", "cluster"])[n].to_pylist() for n in ("id", "cluster")), strict=True)
    ) == {
        "a": "a.png",
        "b": "a.png",
        "c": "c.png",
    }
