"""Pictures that rows name by their address: fetched by prepare alone, checked, and from public addresses."""

from __future__ import annotations

import contextlib
import io
import json
import socket
from pathlib import Path

import httpx
import pytest

import hemm
from fake_web import Web
from hemm.cli import status
from hemm.core import HemmError
from hemm.data.pack.prepare import ensure, prepare
from hemm.data.sources import public_only, web_pictures
from hemm.data.sources.http import Retry
from hemm.data.sources.public_only import is_public, public_address
from hemm.data.sources.web_pictures import fetching
from hemm.tasks import resolve
from packs import png


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Retry, "wait", lambda self, attempt, after: 0.0)


@pytest.fixture
def rows(web: Web, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three rows whose pictures a server of this machine has; two of them are one picture."""
    monkeypatch.chdir(tmp_path)
    web.files = {f"/p/{n}.png": png(n, 200) for n in range(3)}
    lines = [
        {"id": f"q{n}", "image": f"{web.url}/p/{n % 2}.png?size=large", "question": "?", "answer": "x"}
        for n in range(3)
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    return file


def gets(web: Web) -> list[str]:
    return [path for method, path, _ in web.requests if method == "GET"]


def prepared(file: Path, *options: str) -> tuple[int, str]:
    """Exit status of ``hemm prepare``, and what it says."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = status(["prepare", str(file), *options])
    return code, said.getvalue()


def test_prepare_fetches_and_run_does_not(rows: Path, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["run", "baseline/oracle", "--task", str(rows), "--out", "r"]) == 2
    said = capsys.readouterr().err
    assert "is not fetched: hemm prepare fetches the pictures of its task first" in said
    assert said.count("\n") == 1
    assert status(["tasks", str(rows)]) == 2
    assert web.requests == []
    code, said = prepared(rows, "--private-addresses")
    assert code == 0
    assert "2 pictures are from 127.0.0.1" in said
    assert len(gets(web)) == 2
    pack = ensure(resolve(str(rows)))
    assert {s.id: s.media[0].data for s in pack.samples()} == {f"q{n}": png(n % 2, 200) for n in range(3)}
    assert len(set(pack.index().clusters)) == 2
    assert status(["run", "baseline/oracle", "--task", str(rows), "--out", "r"]) == 0
    rows.write_text(rows.read_text() + '\n{"id": "new", "question": "And?", "answer": "y"}')
    assert status(["run", "baseline/oracle", "--task", str(rows), "--out", "r"]) == 0  # all are in the cache
    assert len(gets(web)) == 2


def test_what_does_not_come_is_missing_and_asked_for_again(rows: Path, web: Web) -> None:
    one = web.files.pop("/p/1.png")
    web.files["/p/0.png"] = b"<!DOCTYPE html><title>Log in</title>"
    code, said = prepared(rows, "--private-addresses")
    assert code == 2
    assert "3 samples name files that are not there" in said
    web.files["/p/0.png"] = png(0, 200)
    code, said = prepared(rows, "--private-addresses")
    assert code == 3
    assert f"{web.url}/p/1.png?size=large: the server has no such file: missing" in said
    web.files["/p/1.png"] = one
    assert prepared(rows, "--private-addresses")[0] == 0
    notes = hemm.run("baseline/oracle", str(rows), out="r").profile().notes
    assert not any("missing" in note for note in notes)


def test_a_download_that_breaks_off_goes_on(rows: Path, web: Web) -> None:
    web.faults = ["cut"]
    assert prepared(rows, "--private-addresses")[0] == 0
    assert sum(a.startswith("bytes=") for a in web.asked) == 1


def test_too_large_a_picture_is_not_taken(rows: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_pictures, "LARGEST", 1000)
    code, said = prepared(rows, "--private-addresses")
    assert (code, "has more than 1000 bytes; not kept" in said) == (2, True)
    assert not [p for p in web_pictures.cache.download_folder("pictures").rglob("*") if p.suffix == ".part"]


def test_a_page_that_is_no_picture_is_named(rows: Path, web: Web) -> None:
    web.files["/p/1.png"] = b"\x89PNG\r\n\x1a\nbroken"
    code, said = prepared(rows, "--private-addresses")
    assert code == 3
    assert "q1: does not open" in said


def test_no_private_address_is_asked_unless_it_is_allowed(rows: Path, web: Web) -> None:
    code, said = prepared(rows)
    assert code == 2
    assert "127.0.0.1, which is not public; hemm prepare --private-addresses fetches from it too" in said
    assert web.requests == []


def test_a_redirect_does_not_lead_into_the_private_network(
    rows: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_only, "is_public", lambda address: address == "127.0.0.1")

    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        if path.startswith("/p/0"):
            return 302, {"Location": web.url.replace("127.0.0.1", "127.0.0.2") + "/secret.png"}, b""
        return (302, {"Location": "/other/1.png"}, b"") if path.startswith("/p/1") else None

    web.extra = answer
    web.files |= {"/secret.png": png(7), "/other/1.png": png(1, 200)}
    code, said = prepared(rows)
    assert code == 3
    assert "127.0.0.2, which is not public" in said
    assert "/secret.png" not in gets(web)
    pack = ensure(resolve(str(rows)))
    assert [s.media[0].data for s in pack.samples()] == [png(1, 200)]


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_looked_at(
    rows: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look at the name gives a public address, later ones a private one."""
    looked: list[str] = []

    def getaddrinfo(host: str, port: int | None, *more: object, **named: object) -> list[object]:
        if host[0].isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        looked.append(host)
        address = "127.0.0.1" if len(looked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(public_only, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(public_only.socket, "getaddrinfo", getaddrinfo)
    web_url = web.url.replace("127.0.0.1", "pictures.example")
    row = {"id": "q", "image": f"{web_url}/p/0.png", "question": "?", "answer": "x"}
    rows.write_text(json.dumps(row))
    with fetching():
        pack = prepare(resolve(str(rows)))
    assert [s.media[0].data for s in pack.samples()] == [png(0, 200)]
    (headers,) = [h for m, _, h in web.requests if m == "GET"]
    assert headers["host"].startswith("pictures.example:")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "2002:a00:1::", "ff02::1"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "[::1]"])
def test_other_spellings_of_this_machine_are_seen_through(host: str) -> None:
    """Where the system does not read a spelling, nothing is connected to."""
    with pytest.raises((HemmError, httpx.ConnectError), match=r"not public|has no address"):
        public_address(host.strip("[]"))


def test_addresses_that_hemm_does_not_read(cache: Path, tmp_path: Path) -> None:
    for place in ("s3://bucket/1.png", "gs://b/1.png", "ftp://a.example/1.png", "file://server/share/1.png"):
        file = tmp_path / "rows.jsonl"
        file.write_text(json.dumps({"image": place, "question": "?", "answer": "x"}))
        with pytest.raises(HemmError, match="line 1: field 'image' is an address that hemm does not read"):
            ensure(resolve(str(file)))
