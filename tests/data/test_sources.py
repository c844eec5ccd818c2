"""Sources: downloads that resume and check, archives that stay inside, the hub, Kaggle."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_web import BODY, COMMIT, FakeHub, Web
from hemm.core import BadData, HemmError, Layout
from hemm.data.readers import json_stream as stream
from hemm.data.readers.rows import csv_rows, json_items, json_rows, jsonl_rows, parquet_rows
from hemm.data.sources.extraction import Limits, extract
from hemm.data.sources.http import File, Retry, download
from hemm.data.sources.hub import split_files
from hemm.data.sources.hub_files import files_of
from hemm.data.sources.kinds import Http, Hub, Kaggle

SHA = hashlib.sha256(BODY).hexdigest()
QUICK = Retry(attempts=3, base=0.0, timeout=5.0)
NOTHING = Layout((), lambda folder: iter(()))


# --- downloads


def test_a_file_is_had_once(web: Web, tmp_path: Path) -> None:
    file = File(f"{web.url}/a/file.bin", sha256=SHA, size=len(BODY))
    seen: list[tuple[int, int | None, str]] = []
    assert download(file, tmp_path / "f", lambda *a: seen.append(a), retry=QUICK) == SHA
    assert (tmp_path / "f").read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY), "bytes")
    assert download(file, tmp_path / "f", retry=QUICK) == SHA
    assert len(web.requests) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"f", ".f.sha256"}


def test_a_broken_connection_is_taken_up_where_it_ended(web: Web, tmp_path: Path) -> None:
    web.faults = ["cut", "cut", "503"]
    file = File(f"{web.url}/a/file.bin", sha256=SHA)
    download(file, tmp_path / "f", retry=QUICK)
    assert (tmp_path / "f").read_bytes() == BODY
    half = len(BODY) // 2
    assert web.asked[0] == "-"
    assert web.asked[1] == f"bytes={half}-"
    assert all(a.startswith("bytes=") for a in web.asked[1:])


def test_a_killed_download_is_taken_up_by_the_next_process(web: Web, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(BODY[:1000])
    (tmp_path / "f.part.version").write_text(web.etag)
    assert download(File(f"{web.url}/a/file.bin"), tmp_path / "f", retry=QUICK) == SHA
    assert web.asked == ["bytes=1000-"]


def test_another_file_is_not_glued_to_an_old_part(web: Web, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"old" * 100)
    (tmp_path / "f.part.version").write_text('"zero"')
    assert download(File(f"{web.url}/a/file.bin"), tmp_path / "f", retry=QUICK) == SHA
    (tmp_path / "g.part").write_bytes(bytes(len(BODY) + 5))  # longer than what is there
    assert download(File(f"{web.url}/a/file.bin"), tmp_path / "g", retry=QUICK) == SHA
    (tmp_path / "h.part").write_bytes(BODY)  # complete, but not named yet
    assert download(File(f"{web.url}/a/file.bin"), tmp_path / "h", retry=QUICK) == SHA


def test_servers_without_ranges(web: Web, tmp_path: Path) -> None:
    web.ranges, web.faults = False, ["cut"]
    download(File(f"{web.url}/a/file.bin", sha256=SHA), tmp_path / "f", retry=QUICK)
    assert (tmp_path / "f").read_bytes() == BODY


def test_wrong_hash_or_size_is_not_kept(web: Web, tmp_path: Path) -> None:
    for file, message in (
        (File(f"{web.url}/a/file.bin", sha256="0" * 64), "has another SHA-256"),
        (File(f"{web.url}/a/file.bin", size=5), "5 were expected"),
    ):
        with pytest.raises(BadData, match=message):
            download(file, tmp_path / "f", retry=QUICK)
        assert [p.name for p in tmp_path.iterdir()] == []


def test_what_cannot_be_had_is_one_line(web: Web, tmp_path: Path) -> None:
    with pytest.raises(HemmError, match="has no such file"):
        download(File(f"{web.url}/a/other"), tmp_path / "f", retry=QUICK)
    web.faults = ["500"] * 9
    with pytest.raises(HemmError, match=r"cannot be had from 127.0.0.1.*answers 500") as error:
        download(File(f"{web.url}/a/file.bin"), tmp_path / "f", retry=QUICK)
    assert "\n" not in str(error.value)
    with pytest.raises(HemmError, match=r"x.zip cannot be had from 127.0.0.1:1: "):
        download(File("http://127.0.0.1:1/x.zip"), tmp_path / "f", retry=QUICK)


# --- archives


def zipped(entries: dict[str, bytes | tuple[int, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if isinstance(content, tuple):
                info.external_attr, content = content[0] << 16, content[1]
            archive.writestr(info, content)
    return out.getvalue()


def tarred(*members: tuple[str, bytes, bytes, str], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content, kind, link in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, link
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def plain(name: str, content: bytes = b"x") -> tuple[str, bytes, bytes, str]:
    return name, content, tarfile.REGTYPE, ""


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives(tmp_path: Path, mode: str) -> None:
    (tmp_path / "a").write_bytes(tarred(plain("top/one.txt", b"1"), plain("top/two/2.txt", b"2"), mode=mode))
    into = extract(tmp_path / "a", tmp_path / "out")
    assert (into / "top/one.txt").read_bytes() == b"1"
    assert (into / "top/two/2.txt").read_bytes() == b"2"


def test_zip_archives(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"d/": b"", "d/x": b"1", "win\\y": b"2"}))
    into = extract(tmp_path / "a.zip", tmp_path / "out")
    assert (into / "d/x").read_bytes() == b"1"
    assert (into / "win/y").read_bytes() == b"2"
    assert extract(tmp_path / "gone.zip", into) == into  # done already


LINK = stat.S_IFLNK | 0o777
EVIL: dict[str, bytes] = {
    "up.zip": zipped({"ok": b"1", "../evil": b"2"}),
    "deep.zip": zipped({"a/../../evil": b"2"}),
    "absolute.zip": zipped({"/tmp/evil": b"2"}),
    "drive.zip": zipped({"C:/evil": b"2"}),
    "backslash.zip": zipped({"..\\evil": b"2"}),
    "link.zip": zipped({"l": (LINK, b"/etc"), "l/evil": b"2"}),
    "up.tar": tarred(plain("ok"), plain("../evil")),
    "absolute.tar": tarred(plain("/tmp/evil")),
    "link.tar": tarred(("l", b"", tarfile.SYMTYPE, "/etc"), plain("l/evil")),
    "hard.tar": tarred(("l", b"", tarfile.LNKTYPE, "../../evil")),
    "device.tar": tarred(("l", b"", tarfile.CHRTYPE, "")),
    "cut.zip": zipped({"a": bytes(5000)})[:-30],
    "cut.tar": tarred(plain("a", bytes(range(256)) * 90))[:-60],
    "text.zip": b"this is no archive",
    "empty.zip": b"",
    "file-and-folder.zip": zipped({"a": b"1", "a/b": b"2"}),
}


@pytest.mark.parametrize("name", EVIL)
def test_bad_archives_leave_nothing_behind(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_bytes(EVIL[name])
    with pytest.raises(BadData) as error:
        extract(home / name, home / "out" / "here")
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [name]
    assert not Path("/tmp/evil").exists()
    assert list((home / "out").iterdir()) == []


def test_archive_bombs(tmp_path: Path) -> None:
    (tmp_path / "bomb.zip").write_bytes(zipped({"a": bytes(5_000_000)}))
    (tmp_path / "bomb.tar").write_bytes(tarred(plain("a", bytes(5_000_000))))
    for name in ("bomb.zip", "bomb.tar"):
        for limits, message in (
            (Limits(max_bytes=1_000_000), "more than 1000000 bytes"),
            (Limits(free_bytes=1_000_000), "more than 250 times its size"),
            (Limits(max_files=0), "more than 0 files"),
        ):
            with pytest.raises(BadData, match=message):
                extract(tmp_path / name, tmp_path / "out", limits)
            assert not (tmp_path / "out").exists()
        extract(tmp_path / name, tmp_path / f"fine-{name}", Limits())


def test_headers_that_lie_about_the_size_do_not_help(tmp_path: Path) -> None:
    data = zipped({"a": bytes(3_000_000)})
    small = (1000).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(data.replace((3_000_000).to_bytes(4, "little"), small))
    with pytest.raises(BadData):
        extract(tmp_path / "a.zip", tmp_path / "out", Limits(max_bytes=10_000))
    assert not (tmp_path / "out").exists()


# --- web archives, Kaggle


def test_an_archive_of_the_web_is_fetched_unpacked_and_named(web: Web, tmp_path: Path) -> None:
    web.files["/set.zip"] = zipped({"top/list.txt": b"1"})
    source = Http((File(f"{web.url}/set.zip?x=1", unpack="."),), NOTHING, retry=QUICK)
    assert source.name == f"{web.url}/set.zip"
    folder, revision = source.fetch(tmp_path)
    assert (folder / "top/list.txt").read_bytes() == b"1"
    assert source.fetch(tmp_path) == (folder, revision)
    assert len(web.requests) == 1
    with pytest.raises(BadData, match="leads out of the download folder"):
        Http((File(f"{web.url}/set.zip", name="../x"),), NOTHING).fetch(tmp_path)


def test_kaggle(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "login"))
    web.files["/api/v1/datasets/download/who/what"] = zipped({"x.csv": b"1"})
    source = Kaggle("who/what", NOTHING, host=web.url, retry=QUICK)
    with pytest.raises(HemmError, match="no Kaggle login is set"):
        source.fetch(tmp_path / "1")
    (tmp_path / "login").mkdir()
    (tmp_path / "login" / "kaggle.json").write_text("{}")
    with pytest.raises(BadData, match="needs username and key"):
        source.fetch(tmp_path / "1")
    (tmp_path / "login" / "kaggle.json").write_text(json.dumps({"username": "me", "key": "topsecret123"}))
    folder, _ = source.fetch(tmp_path / "1")
    assert (folder / "x.csv").read_bytes() == b"1"
    assert web.requests[-1][2]["authorization"].startswith("Basic ")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "tokentoken1234")
    source.fetch(tmp_path / "2")
    assert web.requests[-1][2]["authorization"] == "Bearer tokentoken1234"
    web.faults = ["401"]
    with pytest.raises(HemmError, match="wants a login") as error:
        source.fetch(tmp_path / "3")
    assert "tokentoken" not in str(error.value)


# --- the hub


def table(*ids: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": list(ids)}), out)
    return out.getvalue()


def test_the_hub_gives_the_needed_files_of_a_commit(online: Web, tmp_path: Path) -> None:
    files = {"data/test-0.parquet": table("a"), "data/train-0.parquet": table("b"), "big.zip": b"x" * 999}
    FakeHub(online, {"new/set": {"main": files}})
    source = Hub(("new/set",), NOTHING, files=("*test*.parquet",))
    seen: list[tuple[int, int | None, str]] = []
    folder, revision = source.fetch(tmp_path / "x", lambda *a: seen.append(a))
    assert revision == f"new/set@{COMMIT}"
    assert [p.name for p in folder.rglob("*.parquet")] == ["test-0.parquet"]
    assert [r["id"] for r in parquet_rows(folder.rglob("*.parquet"))] == ["a"]
    assert seen[-1][0] == seen[-1][1] == len(table("a"))
    assert not any("big.zip" in path for _, path, _ in online.requests)


def test_moved_repositories_are_tried_in_order(online: Web, tmp_path: Path) -> None:
    FakeHub(online, {"old/set": {"main": {"test.parquet": table("a")}}})
    source = Hub(("new/set", "gated/set", "old/set"), NOTHING, files=("*.parquet",))
    assert source.name == "hub:new/set"
    assert source.fetch(tmp_path / "x")[1].startswith("old/set@")
    with pytest.raises(HemmError) as error:
        Hub(("new/set", "gated/set"), NOTHING, files=("*.parquet",)).fetch(tmp_path / "y")
    assert "new/set does not exist, or needs a login" in str(error.value)
    assert "gated/set is gated: accept its terms at" in str(error.value)
    with pytest.raises(HemmError, match=r"old/set has no files like \*.zip"):
        Hub(("old/set",), NOTHING, files=("*.zip",)).fetch(tmp_path / "z")


README = """---
configs:
- config_name: default
  data_files:
  - split: test
    path: parts/t-*
  - split: dev
    path: [parts/d-0.parquet, parts/d-1.parquet]
---
# A set
"""


def test_splits_are_found_by_readme_by_path_or_on_the_parquet_branch(online: Web, tmp_path: Path) -> None:
    described = {"README.md": README.encode()}
    described |= {f"parts/{n}.parquet": table(n) for n in ("t-0", "d-0", "d-1", "x")}
    plain_files = {"data/test-00000-of-00001.parquet": table("p"), "data/train-0.parquet": table("q")}
    branch = {"main": {"data.csv": b"1"}, "refs/convert/parquet": {"en/test/0000.parquet": table("c")}}
    FakeHub(online, {"a/described": {"main": described}, "a/plain": {"main": plain_files}, "a/csv": branch})

    def rows(source: Hub) -> dict[str, list[str]]:
        folder, _ = source.fetch(tmp_path / source.repos[0])
        found = split_files(folder, source.config, source.split, source.shots)
        return {k: [r["id"] for r in parquet_rows(v)] for k, v in found.items() if v}

    assert rows(Hub(("a/described",), NOTHING, split="test", shots="dev")) == {
        "test": ["t-0"],
        "shots": ["d-0", "d-1"],
    }
    assert rows(Hub(("a/plain",), NOTHING, split="test", shots="train")) == {"test": ["p"], "shots": ["q"]}
    assert rows(Hub(("a/csv",), NOTHING, split="test", config="en")) == {"test": ["c"]}
    with pytest.raises(HemmError, match="a/plain has no split 'tets'"):
        rows(Hub(("a/plain",), NOTHING, split="tets"))


def test_archives_of_the_hub_are_unpacked_beside_the_other_files(online: Web, tmp_path: Path) -> None:
    files = {"Set.zip": zipped({"Set/1.txt": b"1"}), "test.txt": b"1.txt"}
    FakeHub(online, {"a/zip": {"main": files}})
    source = Hub(("a/zip",), NOTHING, files=("*.zip", "*.txt"), unpack=("*.zip",))
    for _ in range(2):
        folder, _ = source.fetch(tmp_path / "x")
        assert (folder / "Set/1.txt").read_bytes() == b"1"
        assert (folder / "test.txt").read_bytes() == b"1.txt"


def test_an_unreachable_hub_is_one_line(online: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(HemmError, match="hub data set a/b cannot be had") as error:
        Hub(("a/b",), NOTHING, files=("*",)).fetch(tmp_path)
    assert "\n" not in str(error.value)


def test_split_names_in_paths() -> None:
    names = ["data/test-00000-of-00001.parquet", "en/test/0000.parquet", "test.parquet", "de/test-0.parquet"]
    other = ["data/train-0.parquet", "data/testing-0.parquet", "data/mytest.parquet"]
    for config, name in zip(("default", "en", "default", "de"), names, strict=True):
        assert files_of([name, *other, "fr/test/0.parquet"], config, "test") == [name]


# --- rows


def test_broken_tables_are_named_by_file_and_line(tmp_path: Path) -> None:
    def file(text: str | bytes) -> Path:
        path = tmp_path / "t"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def read(rows: Callable[[Path], Any], text: str | bytes) -> Any:
        return list(rows(file(text)))

    assert read(jsonl_rows, b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}') == [(1, {"a": 1}), (3, {"a": 2})]
    for text, message in (
        ('{"a": 1}\n{"a": \n', "t, line 2: no valid JSON"),
        ("[1]", "line 1: a JSON object is expected, not a list"),
    ):
        with pytest.raises(BadData, match=message):
            read(jsonl_rows, text)
    with pytest.raises(BadData, match="a list is expected, not a object"):
        read(json_rows, "{}")
    with pytest.raises(BadData, match="t, line 2: no valid JSON"):
        read(json_rows, "[1,\n}")
    assert read(csv_rows, b'\xef\xbb\xbfa,b\r\n"x\ny",2\r\n') == [(3, {"a": "x\ny", "b": "2"})]
    for text, message in (
        ("", "t is empty"),
        ("a,a\n1,2", "two columns are called 'a'"),
        ("a,b\n1\n", "t, line 2: 1 cell where the header has 2"),
        ('a,b\n"1,2\n', "t, line 2: "),
        (b"a,b\n\xff,2\n", "is not UTF-8"),
    ):
        with pytest.raises(BadData, match=message):
            read(csv_rows, text)
    with pytest.raises(BadData, match="no column 'z'; there are a, b"):
        list(csv_rows(file("a,b\n1,2"), required=("a", "z")))
    with pytest.raises(BadData, match="cannot be read as Parquet"):
        list(parquet_rows([file("nothing")]))
    (tmp_path / "p").write_bytes(table("x"))
    with pytest.raises(BadData, match="has no column 'picture'; it has id"):
        list(parquet_rows([tmp_path / "p"], ("picture",)))


@pytest.mark.parametrize("chunk", [1, 13, 1 << 20])
def test_json_is_read_an_entry_at_a_time(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_CHUNK", chunk)
    path = tmp_path / "t.json"
    entries = [{"a": [1, -2.5e-7, 'x]\\"}', None]}, "\u00e9\U0001f600", 1234567.5, True, [], {}]
    for whole in (json.dumps(entries), json.dumps(entries, indent=2, ensure_ascii=False)):
        path.write_text(f"\ufeff{whole}\r\n", "utf-8")
        assert list(json_items(path)) == list(enumerate(entries, 1))
        path.write_text(f'{{"info": [{{}}], "rows": {whole}, "more": 1}}', "utf-8")
        assert [value for _, value in json_items(path, "rows")] == entries
        assert dict(json_items(path)) == {"info": [{}], "rows": entries, "more": 1}
        text = path.read_text("utf-8")
        for cut in range(len(text)):
            path.write_text(text[:cut], "utf-8")
            with pytest.raises(BadData, match=r"no valid JSON|field 'rows' is missing"):
                list(json_items(path, "rows"))
    for text, member, message in (
        ("[1,\n 2 3]", "", "t.json, line 2: no valid JSON .* at column 4"),
        ("[1,\n]", "", "line 2: no valid JSON"),
        ("[] 1", "", "nothing more is expected at column 4"),
        ("12", "", "a list or an object is expected"),
        ("[]", "rows", "line 1: no valid JSON .'{' is expected"),
        ('{"a": 1}', "rows", "t.json: field 'rows' is missing"),
        ("[" * 100_000, "", "nested too deeply"),
    ):
        path.write_text(text)
        with pytest.raises(BadData, match=message):
            list(json_items(path, member))
    path.write_bytes(b'["\xff"]')
    with pytest.raises(BadData, match="is not UTF-8"):
        list(json_items(path))


@given(
    entries=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=15,
    ).map(lambda value: [value, {"a": value}]),
    chunk=st.integers(1, 40),
    escaped=st.booleans(),
)
def test_entries_are_what_json_reads(
    entries: list[Any], chunk: int, escaped: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "entries.json"
    path.write_text(json.dumps(entries, ensure_ascii=escaped), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_CHUNK", chunk)
        assert repr([value for _, value in json_items(path)]) == repr(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        "[NaN, -Infinity, 1e400]",
        '["\\ud800"]',
        "[12345678901234567890123]",
        '[{"a": 1, "a": 2}]',
        "[1.50, -0]",
    ],
)
def test_what_published_files_hold_is_read_as_json_reads_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(f"\ufeff{text}", "utf-8")
    assert repr([value for _, value in json_items(path)]) == repr(json.loads(text))


def test_the_entries_before_a_fault_are_had(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"a": 1}, {"a": 2}, {"a": [3')
    items = json_items(tmp_path / "t.json")
    assert [next(items), next(items)] == [(1, {"a": 1}), (2, {"a": 2})]
    with pytest.raises(BadData, match="where the file ends"):
        next(items)
