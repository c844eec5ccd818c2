"""Affective and HCI data sets: what is particular to each, from original, other and damaged copies."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemm.cli import status
from hemm.core import BadData, Media, Response, Sample, Task
from hemm.data.pack.prepare import prepare
from hemm.data.readers.layouts import match
from hemm.data.readers.rows import table_rows
from hemm.parsing.outcome import judge
from hemm.tasks import resolve
from hemm.tasks.affective.new_yorker_cartoon import Rated, pairs_of
from hemm.tasks.prompt import render
from layouts import write_layout
from layouts.affective import captions, memotion_rows, write_csv
from layouts.draw import picture, put

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def original(name: str, folder: Path, n: int = 12) -> Path:
    write_layout(name, folder, n)
    return folder


def read(name: str, folder: Path) -> dict[str, Sample]:
    """The test split of a folder through a pack, by id."""
    return {s.id: s for s in prepare(resolve(name), folder=folder).samples()}


def prompt_of(task: Task, sample: Sample) -> str:
    return "".join(p for p in render(task, sample)[0].parts if isinstance(p, str))


def parquet(file: Path, columns: dict[str, Any], pictures: Sequence[bytes], features: Any = None) -> None:
    """A hub copy: encoded pictures without a path, the features in the table's metadata."""
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({**columns, "image": pa.array([{"bytes": p, "path": None} for p in pictures], PICTURE)})
    if features:
        head = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(head)
    pq.write_table(table, file)


# --- New Yorker caption contest


def test_cartoon_asks_as_many_funny_as_unfunny_captions(cache: Path, tmp_path: Path) -> None:
    samples = read("new_yorker_cartoon", original("new_yorker_cartoon", tmp_path, 30))
    by_contest: dict[str, list[Sample]] = defaultdict(list)
    for s in samples.values():
        by_contest[s.cluster].append(s)
        assert s.media[0].name == f"{s.metadata['contest']}.jpg"
    assert set(by_contest) == {"660", "661", "662"}
    for contest, asked in by_contest.items():
        texts = [" ".join(r["caption"].split()) for r in captions(int(contest), 12) if r["votes"] > 100]
        found: dict[str, set[str]] = {"yes": set(), "no": set()}
        for s in asked:
            found[str(s.references[0])].add(s.fields["caption"])
        assert found == {"yes": set(texts[:5]), "no": set(texts[-5:])}


def test_pairs_of_captions() -> None:
    def pairs(*rows: tuple[str, float, float | None]) -> list[tuple[str, str]]:
        return [(a.text, b.text) for a, b in pairs_of([Rated(*row) for row in rows])]

    # the best with the worst; an odd one is left over
    assert pairs(("a", 2.0, 50), ("b", 1.8, 50), ("c", 1.5, 50), ("d", 1.2, 50), ("e", 1.1, 50)) == [
        ("a", "e"),
        ("b", "d"),
    ]
    # few votes do not count, unless nobody has more; a table without votes counts whole
    assert pairs(("a", 3.0, 3), ("b", 1.8, 50), ("c", 1.2, 50)) == [("b", "c")]
    assert pairs(("a", 3.0, 3), ("b", 1.8, 4)) == [("a", "b")]
    assert pairs(("a", 2.0, None), ("b", 1.0, None)) == [("a", "b")]
    # of one caption sent in twice the one with more votes; ties by votes; equal means are no pair
    assert pairs(("A joke", 1.0, 20), ("a joke", 2.0, 500), ("b", 1.5, 50)) == [("a joke", "b")]
    assert pairs(("a", 2.0, 50), ("b", 2.0, 90), ("c", 1.0, 20), ("d", 1.0, 30)) == [("b", "d"), ("a", "c")]
    assert pairs(("a", 1.0, 50), ("b", 1.0, 50)) == []
    assert pairs(("a", 3.0, 50), ("b", 2.0, 50), ("c", 2.0, 50), ("d", 1.0, 50)) == [("a", "d")]
    assert pairs() == pairs(("a", 2.0, 50)) == []


def test_cartoon_pairs_ask_for_the_funnier_in_either_order(cache: Path, tmp_path: Path) -> None:
    task = resolve("new_yorker_cartoon:pairs")
    samples = read("new_yorker_cartoon:pairs", original("new_yorker_cartoon:pairs", tmp_path, 100))
    yes_no = {s.fields["caption"]: s.references for s in read("new_yorker_cartoon", tmp_path).values()}
    assert len(samples) == 100
    for s in samples.values():
        right, (wrong,) = s.references[0], [c for c in s.choices if c not in s.references]
        assert (yes_no[right], yes_no[wrong]) == (("yes",), ("no",))
        mark = s.stratum
        assert f"{mark}. {right}" in prompt_of(task, s)
        assert judge(s, 0, Response(text=f"({mark})"), task.answer).value == right
    assert 30 <= Counter(s.stratum for s in samples.values())["A"] <= 70


def test_cartoon_as_the_paper_asked_it(cache: Path, tmp_path: Path) -> None:
    samples = read("new_yorker_cartoon:hemm", original("new_yorker_cartoon:hemm", tmp_path, 10))
    assert Counter(s.references for s in samples.values()) == {("yes",): 2, ("no",): 8}
    for contest in ("660", "661"):
        texts = [" ".join(r["caption"].split()) for r in captions(int(contest), 12)]
        asked = [s for s in samples.values() if s.cluster == contest]
        assert Counter((s.fields["caption"], s.references[0]) for s in asked) == Counter(
            [(texts[0], "yes"), *((t, "no") for t in texts[-4:])]
        )


def test_cartoons_with_nothing_to_compare_are_left_out_and_named(cache: Path, tmp_path: Path) -> None:
    folder = original("new_yorker_cartoon", tmp_path)
    table = min((folder / "summaries").glob("*.csv"))
    table.write_text("caption,mean,votes\nonly one,1.5,100\n")
    left_out = prepare(resolve("new_yorker_cartoon"), folder=folder).info["left_out"]
    row = {"where": f"summaries/{table.name}", "why": "no two captions with different ratings"}
    assert left_out == {"count": 1, "rows": [row]}


def test_cartoons_tables_are_told_by_number_alone(cache: Path, tmp_path: Path) -> None:
    """Of several tables one is taken by a fixed order; a cartoon without one asks nothing."""

    def table(name: str, word: str) -> None:
        rows = [{"caption": f"{word} {n}", "mean": m, "votes": 99} for n, m in enumerate((2.0, 1.0))]
        write_csv(tmp_path / f"summaries/{name}.csv", rows)

    for number in (660, 661, 662, 663, 66):
        put(tmp_path / f"cartoons/{number}.jpg", number)
    table("660_lil-KLUCB", "other")
    table("660_LilUCB", "other")
    table("660", "plain")
    table("661_lil-KLUCB", "kl")
    table("661_RoundRobin", "other")
    table("662_Random", "random")
    table("664", "lost")  # no cartoon; 663 and 66 have no table
    pack = prepare(resolve("new_yorker_cartoon"), folder=tmp_path)
    found = {(s.cluster, s.fields["caption"].split()[0]) for s in pack.samples()}
    assert found == {("660", "plain"), ("661", "kl"), ("662", "random")}
    assert pack.info["missing"] == {"count": 2, "names": ["cartoons/664.jpg"]}


@pytest.mark.parametrize("header", ["api", "mean", "counts"])
def test_cartoon_from_the_api_repository(cache: Path, tmp_path: Path, header: str) -> None:
    """Its columns have other names; where a table has means beside its scores, the means are right."""
    rows = []
    for n, text in enumerate(("good", "bad", "never shown")):
        row = {
            "target_id": n,
            "rank": n + 1,
            "funny": (20.0, 5.0, 0.0)[n],
            "somewhat_funny": (5.0, 20.0, 0.0)[n],
            "unfunny": (5.0, 5.0, 0.0)[n],
            "count": (30.0, 30.0, 0.0)[n],
            "score": (2.5, 2.0, "")[n] if header == "api" else 1.0,
            "precision": 0.1,
            "contest": 600,
            "caption": text,
        }
        if header == "mean":
            row["mean"] = (4.5, 1.1, "")[n]
        elif header == "counts":
            row = {k: v for k, v in row.items() if k not in ("count", "score", "precision")}
        rows.append(row)
    write_csv(tmp_path / "contests/summaries/600_summary_KLUCB.csv", rows)
    put(tmp_path / "contests/info/600/600.jpg", 1)
    samples = read("new_yorker_cartoon", tmp_path).values()
    assert {s.fields["caption"]: s.references[0] for s in samples} == {"good": "yes", "bad": "no"}


def test_caption_benchmark_takes_the_letters_caption(cache: Path, tmp_path: Path) -> None:
    name = "new_yorker_cartoon:matching"
    pack = prepare(resolve(name), folder=original(name, tmp_path, 10))
    assert (len(pack), pack.rows("shots")) == (10, 4)
    for s in pack.samples():
        row = int(s.id.removeprefix("test"))
        assert s.references == (f"test {row} says {row % 5}",)
        assert len(s.choices) == 5


# --- Hateful Memes


def test_hateful_memes_from_all_its_copies(cache: Path, tmp_path: Path) -> None:
    first = original("hateful_memes", tmp_path / "kaggle")
    rows = [json.loads(line) for line in (first / "data/dev.jsonl").read_text().splitlines()]
    samples = read("hateful_memes", first)
    assert {s.id: s.references[0] for s in samples.values()} == {
        f"{int(r['id']):05d}": ("no", "yes")[r["label"]] for r in rows
    }
    assert all(s.fields["text"].strip() in prompt_of(resolve("hateful_memes"), s) for s in samples.values())
    copies = {"dev.jsonl": tmp_path / "form/dev.jsonl", "dev_seen.jsonl": tmp_path / "hub/dev_seen.jsonl"}
    for file in copies.values():
        shutil.copytree(first / "data/img", file.parent / "img")
        shutil.copy(first / "data/dev.jsonl", file)
        assert {i: s.sample_hash for i, s in read("hateful_memes", file.parent).items()} == {
            i: s.sample_hash for i, s in samples.items()
        }
    assert {s.ids for s in resolve("hateful_memes").sources} == {"id"}
    assert len(read("hateful_memes:test_seen", first)) == 12
    left_out = prepare(resolve("hateful_memes:test_seen"), folder=first).info[
        "left_out"
    ]  # a row without a label
    assert [(Path(r["where"]).name.partition(",")[0], r["why"]) for r in left_out["rows"]] == [
        ("test_seen.jsonl", "field 'label' is empty")
    ]


def test_hateful_memes_without_labels(cache: Path, tmp_path: Path) -> None:
    folder = original("hateful_memes", tmp_path)
    (folder / "data/test_seen.jsonl").write_text('{"id": 1, "img": "img/00001.png", "text": "x"}\n')
    with pytest.raises(BadData, match=r"test_seen\.jsonl: no row has a label"):
        prepare(resolve("hateful_memes:test_seen"), folder=folder)


# --- MemeCap


def test_memecap_keeps_all_interpretations(cache: Path, tmp_path: Path) -> None:
    folder = original("memecap", tmp_path)
    rows = {r["post_id"]: r for r in json.loads((folder / "memes-test.json").read_text())}
    task, pack = resolve("memecap"), prepare(resolve("memecap"), folder=folder)
    assert (len(pack), pack.rows("shots")) == (12, 3)
    for s in pack.samples():
        row = rows[s.id]
        assert s.references == tuple(c for c in row["meme_captions"] if c)
        assert s.media[0].name == row["img_fname"].strip()
        text = prompt_of(task, s)
        title = f"The title of its post: {row['title'].strip()}\n" if row["title"] else ""
        assert f"This is a meme.\n{title}What does" in text
        assert row["img_captions"][0].strip() not in text
    assert {len(s.references) for s in pack.samples()} == {1, 2, 3, 4}
    shown = resolve("memecap:hemm")
    for s in prepare(shown, folder=folder).samples():
        assert s.references == (rows[s.id]["meme_captions"][0],)
        assert f"\nThe picture shows: {rows[s.id]['img_captions'][0].strip()}\n" in prompt_of(shown, s)


@pytest.mark.parametrize("place", ["images", "data/memes", "."])
def test_memecap_finds_its_pictures_where_the_archive_has_them(
    cache: Path, tmp_path: Path, place: str
) -> None:
    folder = original("memecap", tmp_path)
    (folder / place).mkdir(parents=True, exist_ok=True)
    for file in (folder / "memes").iterdir():
        file.rename(folder / place / file.name)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "memes-test.json").rename(folder / "data/memes-test.json")
    assert prepare(resolve("memecap"), folder=folder).info["missing"]["count"] == 0


# --- Memotion


def workbook(path: Path, rows: list[list[str | int | None]], head: str = "") -> None:
    """An Excel file of one sheet: shared strings (one of them in two runs, with a phonetic hint), an inline
    string, numbers, an error value, cells that are left out, the sheet under another name than usual."""
    shared: list[str] = []
    lines = []
    for number, row in enumerate(rows, 1):
        cells = []
        for column, value in enumerate(row):
            place = f'r="{chr(65 + column)}{number}"'
            if value is None:
                cells += [f'<c {place} t="e"><v>#N/A</v></c>'] if number % 2 else []
            elif isinstance(value, int):
                cells.append(f"<c {place}><v>{value}</v></c>")
            elif (number + column) % 3 == 0:
                text = escape(value).replace("\r", "_x000D_")
                cells.append(f'<c {place} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')
            else:
                cells.append(f'<c {place} t="s"><v>{len(shared)}</v></c>')
                one, two = escape(value[:1]), escape(value[1:])
                shared.append(
                    f'<si><r><t>{one}</t></r><r><rPr><b/></rPr><t xml:space="preserve">{two}</t></r>'
                    '<rPh sb="0" eb="1"><t>hint</t></rPh></si>'
                )
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        '<sheet name="labels" sheetId="3" r:id="rId7"/><sheet name="x" sheetId="1" r:id="rId9"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships"><Relationship Id="rId7" Type="{relations}/worksheet" Target="worksheets/s4.xml"/>'
        f'<Relationship Id="rId8" Type="{relations}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
        "</Relationships>",
        "xl/worksheets/s4.xml": f'{head}<worksheet xmlns="{main}"><sheetData>{"".join(lines)}'
        "</sheetData></worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{"".join(shared)}</sst>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)


def memotion_workbook(folder: Path, n: int) -> None:
    """The archive with labels.xlsx alone."""
    original("memotion", folder, n)
    top = folder / "memotion_dataset_7k"
    (top / "labels.csv").unlink()
    rows = memotion_rows(n)
    cells = [list(rows[0]), *([None if v == "" else v for v in row.values()] for row in rows)]
    workbook(top / "labels.xlsx", cells)


@pytest.mark.parametrize("name", ["memotion", "memotion:offensive"])
def test_memotion_reads_the_workbook_as_the_table(cache: Path, tmp_path: Path, name: str) -> None:
    original("memotion", tmp_path / "csv", 24)
    memotion_workbook(tmp_path / "xlsx", 24)
    table, sheet = read(name, tmp_path / "csv"), read(name, tmp_path / "xlsx" / "memotion_dataset_7k")
    assert {i: s.sample_hash for i, s in sheet.items()} == {i: s.sample_hash for i, s in table.items()}
    assert len(sheet) == 24
    assert {s.ids for s in resolve(name).sources} == {"image_name"}


def test_memotion_text_is_corrected_raw_or_none(cache: Path, tmp_path: Path) -> None:
    task = resolve("memotion")
    samples = read("memotion", original("memotion", tmp_path, 12))
    for number, row in enumerate(memotion_rows(12)):
        s = samples[f"image_{number + 1}"]
        # every fourth row has a corrected text, every fourth " 2020 "; the others NaN in one of two spellings
        raw = row["text_ocr"] if row["text_ocr"] != "NaN" else ""
        expected = {0: row["text_corrected"], 3: "2020"}.get(number % 4, raw)
        assert s.fields["text"] == expected
        text = prompt_of(task, s)
        assert ("Its text:" in text) == bool(expected)
        assert "nan" not in text.lower()


@pytest.mark.parametrize("axis", ["", ":sarcasm", ":offensive", ":motivational", ":sentiment", ":polarity"])
def test_memotion_labels_map_back_exactly(axis: str) -> None:
    answer = resolve(f"memotion{axis}").answer
    labels: dict[str, str] = dict(answer.labels)  # type: ignore[attr-defined]
    for gold, shown in labels.items():
        sample = Sample("x", references=(gold,), choices=tuple(labels.values()))
        for said in (shown, f"{shown.capitalize()}.", f"**{shown}**", gold):
            assert judge(sample, 0, Response(text=said), answer).value == gold


def test_memotion_keeps_pictures_that_do_not_open_and_names_lost_ones(cache: Path, tmp_path: Path) -> None:
    folder = original("memotion", tmp_path, 12)
    images = folder / "memotion_dataset_7k/images"
    (images / "image_2.png").write_bytes((images / "image_2.png").read_bytes()[:40])
    (images / "image_5.png").unlink()
    pack = prepare(resolve("memotion"), folder=folder)
    assert len(pack) == 11
    assert [p["id"] for p in pack.info["problems"]["samples"]] == ["image_2"]
    assert pack.info["missing"] == {"count": 1, "names": ["memotion_dataset_7k/images/image_5.png"]}


def test_a_workbook_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "labels.xlsx"

    def message() -> str:
        with pytest.raises(BadData) as caught:
            list(table_rows(file, ("a",)))
        return str(caught.value)

    file.write_bytes(b"a,b\n1,2\n")
    assert "cannot be read as an Excel workbook" in message()
    workbook(file, [["a"], ["x"]], head='<!DOCTYPE d [<!ENTITY e "eeeeeeeeee">]>')
    assert "document type declaration" in message()
    workbook(file, [["b"], ["x"]])
    assert "no column 'a'; there are b" in message()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("word/document.xml", "<d/>")
    assert "damaged Excel workbook" in message()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("xl/_rels/workbook.xml.rels", "<open>")
    assert "cannot be read as an Excel workbook" in message()
    workbook(file, [["a", "b"], [5, None], [None, None], ["é", "x_x000D_y"]])
    assert [row for _, row in table_rows(file, ("a",))] == [{"a": "5", "b": ""}, {"a": "é", "b": "x\ry"}]


def test_numbers_of_a_workbook_keep_their_digits(tmp_path: Path) -> None:
    digits = ["1.50", "0.10000000000000001", "12345678901234567", "1E3", "43831"]
    file = tmp_path / "labels.xlsx"
    workbook(file, [["a"], *[[n] for n in range(len(digits))]])
    with zipfile.ZipFile(file) as packed:
        parts = {name: packed.read(name).decode() for name in packed.namelist()}
    for n, text in enumerate(digits):
        parts["xl/worksheets/s4.xml"] = parts["xl/worksheets/s4.xml"].replace(
            f'<c r="A{n + 2}"><v>{n}</v></c>', f'<c r="A{n + 2}"><v>{text}</v></c>'
        )
    with zipfile.ZipFile(file, "w") as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    assert [row["a"] for _, row in table_rows(file, ("a",))] == digits


# --- FER-2013


def test_fer2013_folders(cache: Path, tmp_path: Path) -> None:
    pack = prepare(resolve("fer2013"), folder=original("fer2013", tmp_path, 21))
    assert (len(pack), pack.rows("shots")) == (21, 7)
    for s in pack.samples():
        assert (tmp_path / "test" / str(s.references[0]) / s.media[0].name).is_file()
        assert s.media[0].name.startswith(s.metadata["usage"])
        assert s.media[0].pixels().mode == "L"
    # equal file names in two classes are two faces
    for label in ("sad", "fear"):
        put(tmp_path / "test" / label / "PublicTest_5.png", 99, "L", (48, 48))
    assert {"sad-PublicTest_5", "fear-PublicTest_5"} <= set(read("fer2013", tmp_path))


@pytest.mark.parametrize(("file", "names"), [("fer2013.csv", ""), ("icml_face_data.csv", " ")])
def test_fer2013_from_the_challenges_table(cache: Path, tmp_path: Path, file: str, names: str) -> None:
    faces = [bytes((n * 31 + k) % 256 for k in range(48 * 48)) for n in range(9)]
    rows = [
        {
            "emotion": n % 7,
            f"{names}Usage": ("Training", "PublicTest", "PrivateTest")[n % 3],
            f"{names}pixels": " ".join(map(str, face)),
        }
        for n, face in enumerate(faces)
    ]
    write_csv(tmp_path / file, rows)
    pack = prepare(resolve("fer2013"), folder=tmp_path)
    order = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    found = {(s.metadata["usage"], s.references[0], s.media[0].pixels().tobytes()) for s in pack.samples()}
    asked = [n for n in range(9) if n % 3]
    assert found == {(rows[n][f"{names}Usage"], order[n % 7], faces[n]) for n in asked}
    assert pack.rows("shots") == 3
    for change, message in (
        ({"emotion": 7}, "line 2: field 'emotion' is '7'"),
        ({f"{names}pixels": "1 2 3"}, "field 'pixels' has 3 values, not 2304"),
        ({f"{names}pixels": "256 " * 2304}, "no number from 0 to 255"),
        ({f"{names}Usage": "Test"}, "field 'Usage' is 'Test'"),
    ):
        write_csv(tmp_path / file, [{**rows[0], **change}])
        with pytest.raises(BadData, match=message):
            prepare(resolve("fer2013"), folder=tmp_path)


def test_fer2013_from_the_hub_copy(cache: Path, tmp_path: Path) -> None:
    faces = [picture(n // 2, "L", (48, 48), "JPEG") for n in range(8)]  # each face twice, as in the data set
    names = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
    parquet(
        tmp_path / "data/train-00000-of-00001-abc.parquet",
        {"label": [n % 7 for n in range(8)]},
        faces,
        features,
    )
    pack = prepare(resolve("fer2013"), folder=tmp_path)
    assert pack.info["ids"] == "pixels"
    assert Counter(s.references[0] for s in pack.samples()) == Counter(names[n % 7] for n in range(8))
    assert {s.ids for s in resolve("fer2013").sources} == {"pixels", "files", "rows"}


# --- Enrico


def test_enrico_part_of_the_paper(cache: Path, tmp_path: Path) -> None:
    """Python's own generator, seeded with 0, shuffles the lines of the table; the last tenth is kept."""
    folder = original("enrico", tmp_path, 95)
    lines = (folder / "design_topics.csv").read_text().split("\n")[1:-1]
    state = random.getstate()
    random.seed(0)
    random.shuffle(lines)
    random.setstate(state)
    expected = {line.split(",")[0]: line.split(",")[1].strip() for line in lines[-10:]}
    assert {i: s.references[0] for i, s in read("enrico:hemm", folder).items()} == expected
    assert len(read("enrico", folder)) == 95


def test_enrico_shows_the_tables_topics(cache: Path, tmp_path: Path) -> None:
    task = resolve("enrico")
    samples = read("enrico", original("enrico", tmp_path, 40))
    assert len({s.references for s in samples.values()}) == 20
    for s in samples.values():
        text = prompt_of(task, s)
        assert "calculator" in text
        assert "dialer" not in text.lower()
        assert (
            judge(s, 0, Response(text=task.answer.render(str(s.references[0]), s)), task.answer).value
            == (s.references[0])
        )
    player = next(s for s in samples.values() if s.references == ("mediaplayer",))
    for said in ("media player", "mediaplayer", "Media Player."):
        assert judge(player, 0, Response(text=said), task.answer).value == "mediaplayer"


# --- Screen2Words


def test_screen2words_keeps_five_summaries(cache: Path, tmp_path: Path) -> None:
    folder = original("screen2words", tmp_path)
    pack = prepare(resolve("screen2words"), folder=folder)
    assert (len(pack), pack.rows("shots")) == (12, 3)
    for s in pack.samples():
        assert s.references == tuple(f"page {k} of screen {s.id}, with a list" for k in range(5))
        assert s.media[0].name == f"{s.id}.jpg"
    for s in prepare(resolve("screen2words:hemm"), folder=folder).samples():
        assert s.references == (f"page 4 of screen {s.id}, with a list",)


def test_screen2words_hub_copy_has_equal_ids(cache: Path, tmp_path: Path) -> None:
    ours = read("screen2words", original("screen2words", tmp_path / "ours"))
    folder = tmp_path / "ours/unique_uis/combined"
    columns = {
        "screenId": pa.array([int(i) for i in ours], pa.int64()),
        "captions": [list(s.references) for s in ours.values()],
        "category": [None] * len(ours),
    }
    pictures = [(folder / f"{i}.jpg").read_bytes() for i in ours]
    parquet(tmp_path / "hub/data/test-00000-of-00002.parquet", columns, pictures)
    copy = read("screen2words", tmp_path / "hub")
    assert {i: s.sample_hash for i, s in copy.items()} == {i: s.sample_hash for i, s in ours.items()}
    assert {s.ids for s in resolve("screen2words").sources} == {"screenId"}


@pytest.mark.parametrize(
    ("table", "pictures"),
    [
        ("screen2words", "screen2wordsimages/unique_uis/combined"),
        (".", "combined"),
        (".", "."),
        ("screen2words", "screen2words/unique_uis/combined"),
    ],
)
def test_screen2words_where_copies_have_their_files(
    cache: Path, tmp_path: Path, table: str, pictures: str
) -> None:
    made = original("screen2words", tmp_path / "made")
    target = tmp_path / "target"
    shutil.copytree(made / "split", target / table / "split")
    shutil.copy(made / "screen_summaries.csv", target / table)
    shutil.copytree(made / "unique_uis/combined", target / pictures, dirs_exist_ok=True)
    pack = prepare(resolve("screen2words"), folder=target)
    assert (len(pack), pack.info["missing"]["count"]) == (12, 0)


# --- all


def lose(folder: Path, pattern: str) -> str:
    """Remove one picture; its path below the folder."""
    file = sorted(folder.glob(pattern))[0]
    file.unlink()
    return str(file.relative_to(folder))


@pytest.mark.parametrize(
    ("name", "pattern", "asked"),
    [
        ("new_yorker_cartoon", "cartoons/*.jpg", 10),
        ("hateful_memes", "data/img/*.png", 1),
        ("memecap", "memes/*.png", 1),
        ("enrico", "screenshots/*.jpg", 1),
        ("screen2words", "unique_uis/combined/*.jpg", 1),
    ],
)
def test_a_lost_picture_is_counted_and_named(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, pattern: str, asked: int
) -> None:
    folder = original(name, tmp_path, 30)
    whole = len(read(name, folder))
    lost = lose(folder, pattern)
    pack = prepare(resolve(name), folder=folder)
    assert pack.info["missing"] == {"count": asked, "names": [lost]}
    assert len(pack) == whole - asked
    assert status(["prepare", name, "--from", str(folder)]) == 3
    assert lost in capsys.readouterr().err


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        (
            "new_yorker_cartoon",
            "summaries/660.csv",
            replaced("mean,precision,votes,not_funny,somewhat_funny,funny", "a,b,c,d,e,f"),
            "no column 'mean', 'score' or 'funny'",
        ),
        (
            "new_yorker_cartoon",
            "summaries/660.csv",
            replaced("2.5,", "2;5,"),
            "line 4: field 'mean' is '2;5'",
        ),
        ("new_yorker_cartoon", "summaries/660.csv", replaced("caption,", "text,"), "no column 'caption'"),
        (
            "hateful_memes",
            "data/dev.jsonl",
            replaced('"label": 0', '"label": 2'),
            "line 1: field 'label' is 2",
        ),
        ("hateful_memes", "data/dev.jsonl", replaced('"img":', '"image":'), "line 1: field 'img' is missing"),
        ("memecap", "memes-test.json", lambda text: "{}", "a list is expected"),
        (
            "memecap",
            "memes-test.json",
            replaced('"img_fname"', '"name"'),
            "entry 1: field 'img_fname' is missing",
        ),
        (
            "memecap",
            "memes-test.json",
            replaced('"meme_captions"', '"c"'),
            "field 'meme_captions' is missing",
        ),
        (
            "memotion",
            "memotion_dataset_7k/labels.csv",
            replaced("not_funny", "dull"),
            "line 3: field 'humour' is 'dull', none of not_funny, funny, very_funny, hilarious",
        ),
        ("memotion", "memotion_dataset_7k/labels.csv", replaced("humour", "humor"), "no column 'humour'"),
        ("enrico", "design_topics.csv", replaced(",bare", ",dialer"), "line 2: field 'topic' is 'dialer'"),
        ("enrico", "design_topics.csv", replaced("1000,", "a1,"), "line 2: 'a1' is not a screen's number"),
        ("enrico", "design_topics.csv", replaced("topic", "label"), "no column 'topic'"),
        ("screen2words", "split/test_screens.txt", replaced("4", "44"), "line 2: screen 44 has no summary"),
        ("screen2words", "screen_summaries.csv", replaced("screenId", "id"), "no column 'screenId'"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    file: str,
    change: Callable[[str], str],
    message: str,
) -> None:
    folder = original(name, tmp_path)
    text = (folder / file).read_bytes().decode()
    assert change(text) != text
    (folder / file).write_bytes(change(text).encode())
    assert status(["prepare", name, "--from", str(folder)]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert Path(file).name in said
    assert len(said.splitlines()) == 1


def test_fer2013_with_a_class_that_is_none(cache: Path, tmp_path: Path) -> None:
    folder = original("fer2013", tmp_path, 14)
    put(folder / "test/bored/PublicTest_1.jpg", 1, "L")
    with pytest.raises(BadData, match="'bored' is none of the seven emotions"):
        prepare(resolve("fer2013"), folder=folder)


def test_pictures_are_read_late(tmp_path: Path) -> None:
    """Listing a data set opens no picture: readers give files that are not even there."""
    for name in ("memotion", "enrico", "memecap", "hateful_memes"):
        folder = original(name, tmp_path / name)
        for file in [*folder.rglob("*.jpg"), *folder.rglob("*.png"), *folder.rglob("*.jpeg")]:
            file.unlink()
        place, layout, _ = match(resolve(name), folder)
        samples = list(layout.read(place))
        assert len(samples) >= 12
        assert all(isinstance(m, Media) for s in samples for m in s.media)
