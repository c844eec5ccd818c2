"""What was wrong in files of the thirty data sets, in the forms that their files have."""

from __future__ import annotations

import base64
import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import hemm
from hemm.cli import status
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from hemm.tasks.multimedia.vcr import sentence
from layouts import write_layout
from packs import png


def said(tokens: list[object], *objects: str) -> str:
    names = [f"{name}{number}" for number, name in enumerate(objects or ("person", "person", "person"))]
    return sentence({"question": tokens}, "question", names, "here")


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        # as the files of VCR have them
        (
            [[0], "'", "s", "expression", "is", "twisted", "in", "disgust", "."],
            "person0's expression is twisted in disgust.",
        ),
        ([[2, 1, 0], "are", "seated", "."], "person2, person1 and person0 are seated."),
        (["That", "is", [0, 1], "'", "s", "car", "."], "That is person0 and person1's car."),
        (["He", "isn", "'", "t", "happy", ",", "I", "'", "m", "sure", "."], "He isn't happy, I'm sure."),
        (["They", "'", "ve", "said", "they", "'", "ll", "come", "."], "They've said they'll come."),
        (["He", "did", "n't", "go", "."], "He didn't go."),
        (["It", "is", "five", "o", "'", "clock", "."], "It is five o'clock."),
        ([[1], "says", '"', "stop", "!", '"', "to", [0], "."], 'person1 says "stop!" to person0.'),
        (["a", "sign", "reads", '"', "Bar", '"', "and", '"', "Grill", '"'], 'a sign reads "Bar" and "Grill"'),
        (["The", "guards", "'", "dogs", "bark", "."], "The guards' dogs bark."),
        (["the", "word", "'", "exit", "'", "is", "there"], "the word 'exit' is there"),
        (["she", "'", "s", "at", "'", "Joe", "'", "s", "'"], "she's at 'Joe's'"),
        (["``", "Yes", "''", "he", "says"], '"Yes" he says'),
        (['"', [0], "'", "s", '"'], '"person0\'s"'),
    ],
)
def test_vcr_reads_as_people_write(tokens: list[object], text: str) -> None:
    assert said(tokens) == text


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(png(seed, 32))).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_irfl_pictures_inline_or_by_uuid(cache: Path, tmp_path: Path) -> None:
    """As 97 idioms of the published table: base64 in place of an address, whose uuid the metadata tell."""
    rows, known = [], {}
    for n in range(4):
        pictures = [jpeg(10 * n + k) for k in range(4)]
        uuids = [str(10**60 + 10 * n + k) for k in range(4)]
        names = [f"https://a.example/{n}/{k}.jpg?w=8" for k in range(4)]
        inline = {0: (), 1: (0,), 2: (1, 3), 3: (0, 1, 2, 3)}[n]
        for k in inline:
            names[k] = base64.b64encode(pictures[k]).decode()
        known[f"phrase {n}"] = pictures
        for k in range(4):
            if k not in inline or (n, k) == (2, 3):  # pictures of the table lie under their uuid, or do not
                (tmp_path / f"images/{uuids[k]}.jpeg").parent.mkdir(exist_ok=True)
                (tmp_path / f"images/{uuids[k]}.jpeg").write_bytes(pictures[k])
        metadata = [
            {"img": name, "uuid": uuid, "query": "q"} for name, uuid in zip(names, uuids, strict=True)
        ]
        rows.append(
            {
                "query": "q",
                "distractors": json.dumps(names[1:]),
                "answer": json.dumps(names[:1]),
                "figurative_type": "idiom",
                "images_metadata": json.dumps(metadata),
                "type": "figurative",
                "definition": "d",
                "phrase": f"phrase {n}",
            }
        )
    with (tmp_path / "idiom_understanding_task.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    pack = prepare(resolve("irfl"), folder=tmp_path)
    assert (len(pack), pack.info["missing"]["count"], pack.info["problems"]["count"]) == (4, 0, 0)
    for sample in pack.samples():
        pictures = known[sample.fields["phrase"]]
        assert sorted(m.data for m in sample.media) == sorted(pictures)
        assert sample.media[sample.choices.index(str(sample.references[0]))].data == pictures[0]


def test_two_contests_with_one_cartoon_are_one_cluster_and_are_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_layout("new_yorker_cartoon", tmp_path, 24)
    cartoons = sorted((tmp_path / "cartoons").glob("*.jpg"))
    shutil.copy(cartoons[0], cartoons[1])
    pack = prepare(resolve("new_yorker_cartoon"), folder=tmp_path)
    one, other = cartoons[0].stem, cartoons[1].stem
    assert {s.cluster for s in pack.samples() if s.metadata["contest"] in (one, other)} == {min(one, other)}
    assert status(["prepare", "new_yorker_cartoon", "--from", str(tmp_path)]) == 0
    assert f"clusters that show the same pictures are one: {one} and {other}" in capsys.readouterr().err


def test_memotion_in_the_three_classes_of_the_challenge(cache: Path, tmp_path: Path) -> None:
    write_layout("memotion:sentiment", tmp_path, 24)
    five = {s.id: s for s in prepare(resolve("memotion:sentiment"), folder=tmp_path).samples()}
    three = {s.id: s for s in prepare(resolve("memotion:polarity"), folder=tmp_path).samples()}
    assert five.keys() == three.keys()
    assert {s.references[0] for s in five.values()} > {"very_positive", "very_negative"}
    for name, sample in three.items():
        assert sample.references[0] == str(five[name].references[0]).removeprefix("very_") == sample.stratum
        assert sample.choices == ("negative", "neutral", "positive")
    assert "three" in resolve("memotion").card.notes
    cells = hemm.run("baseline/oracle", "memotion:polarity", out=tmp_path / "r")
    assert cells.profile().tasks[0].headline.estimate.value == 1.0


def test_of_several_copies_the_one_that_is_read_is_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("b_copy", "a_copy"):
        write_layout("hateful_memes", tmp_path / place, 12)
    assert status(["prepare", "hateful_memes", "--from", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert f"hateful_memes: of several copies below {tmp_path}, " in err
    told = err.partition("of several copies below ")[2].splitlines()[0]
    assert told.index("a_copy") < told.index(" is read, not ") < told.index("b_copy")


def test_one_copy_is_no_several(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("nlvr", "vqa_rad", "vcr", "irfl", "uc_merced", "slake"):
        write_layout(name, tmp_path / name, 12)
        status(["prepare", name, "--from", str(tmp_path / name)])
        assert "several copies" not in capsys.readouterr().err


def test_a_mend_of_what_is_not_sent_asks_nothing_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell stored before two contests became one cluster: no request, and the answers have the cluster."""
    from hemm.data.pack.clusters import JOINED, Clusters
    from servers import ChatServer

    write_layout("new_yorker_cartoon", tmp_path / "f", 24)
    cartoons = sorted((tmp_path / "f/cartoons").glob("*.jpg"))
    shutil.copy(cartoons[0], cartoons[1])
    task = resolve("new_yorker_cartoon")
    with ChatServer() as server:
        with pytest.MonkeyPatch.context() as before:
            before.setattr(Clusters, "names", lambda self: {})
            prepare(task, folder=tmp_path / "f")
            hemm.run(server.spec(), task.name, out=tmp_path / "r")
        (index,) = cache.rglob("current.json")
        index.write_text(json.dumps({k: v for k, v in json.loads(index.read_text()).items() if k != JOINED}))
        asked = server.asked
        prepare(task, folder=tmp_path / "f")
        (cell,) = hemm.run(server.spec(), task.name, out=tmp_path / "r")
        assert server.asked == asked > 0
    contests = dict(
        zip(
            *(cell.answers(["metadata", "cluster"])[n].to_pylist() for n in ("metadata", "cluster")),
            strict=True,
        )
    )
    both = {
        cluster
        for metadata, cluster in contests.items()
        if json.loads(metadata)["contest"] in {c.stem for c in cartoons[:2]}
    }
    assert both == {min(c.stem for c in cartoons[:2])}
