"""Who may ask, what an answer allows a browser, and that nothing beside the results is read."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from explorer_client import Client

from conftest import serving
from hemm.web.app import make_app
from hemm.web.security import Access

DIGEST = "0" * 64


def test_only_its_own_names_are_answered(client: Client) -> None:
    """A name that somebody else lets point to this machine (DNS rebinding) is not this server's."""
    for host in ("127.0.0.1:8188", "localhost:8188", "[::1]:8188", "LOCALHOST"):
        assert client.get("/tasks", host=host).status_code == 200, host
    for host in (
        "evil.example",
        "evil.example:8188",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example:8188",
        "10.0.0.7",
    ):
        answer = client.get("/tasks", host=host)
        assert answer.status_code == 421, host
        assert "probe" not in answer.text


def test_pages_of_others_get_nothing(client: Client) -> None:
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ):
        assert client.get("/answers", **headers).status_code == 403, headers
    assert client.get("/answers", origin="http://127.0.0.1:8188").status_code == 200
    assert (
        client.get("/", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}).status_code == 200
    )


def test_nothing_can_be_changed(client: Client, results: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in sorted(results.rglob("*"))}
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.get("/answers", method=method).status_code == 405
    for address in ("/", "/answers", "/runs", "/live", "/download/answers.csv"):
        client.get(address)
    assert {p: p.stat().st_mtime_ns for p in sorted(results.rglob("*"))} == before


def test_every_answer_is_under_the_strict_policy(client: Client) -> None:
    for address in (
        "/",
        "/answers",
        "/nope",
        "/answers?x=1",
        "/static/explorer.js",
        f"/picture/{DIGEST}?cell=x",
        "/download/answers.csv",
    ):
        headers = client.get(address).headers
        policy = dict(p.strip().split(" ", 1) for p in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
    refused = client.get("/", host="evil.example").headers
    assert "content-security-policy" in refused


def test_beside_the_loopback_a_token_is_needed(results: Path) -> None:
    access = Access.of("0.0.0.0")
    assert len(access.token) >= 24
    assert access.token != Access.of("0.0.0.0").token
    client = Client(make_app(results, access), host="192.168.1.7:8188")
    assert client.get("/tasks").status_code == 401
    assert client.get("/tasks?token=wrong").status_code == 401
    assert client.get("/tasks", authorization=f"Bearer {access.token}x").status_code == 401
    assert client.get("/tasks", authorization=f"Bearer {access.token}").status_code == 200
    answer = client.get(f"/answers?task=probe_shapes&token={access.token}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/answers?task=probe_shapes")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert access.token not in cookie
    assert client.get("/tasks", cookie=cookie.split(";")[0]).status_code == 200
    assert client.get("/tasks", cookie=cookie.split(";")[0][:-1]).status_code == 401
    assert client.get("/tasks", host="evil.example:8188", cookie=cookie.split(";")[0]).status_code == 421
    double = client.get(f"//evil.example/x?token={access.token}")
    assert not double.headers.get("location", "/x").startswith("//")


def test_pictures_are_pictures_and_named_by_digest(
    client: Client, results: Path, ask: Any, tmp_path: Path
) -> None:
    page = client.get(
        html.unescape(re.search(r'data-row href="([^"]+)"', client.get("/answers").text)[1])
    ).text  # type: ignore[index]
    address = html.unescape(re.search(r'src="(/picture/[^"]+)"', page)[1])  # type: ignore[index]
    good = client.get(address)
    assert good.headers["content-type"] == "image/png"
    small = client.get(f"{address}&small=yes")
    assert small.content.startswith(b"\x89PNG")
    cell = address.partition("cell=")[2]
    for other in (
        f"/picture/{DIGEST}?cell={cell}",
        f"/picture/..%2f..%2frun.json?cell={cell}",
        f"/picture/%2fetc%2fpasswd?cell={cell}",
        f"/picture/{DIGEST}?cell=../..",
        f"/picture/{DIGEST.upper()}?cell={cell}",
        f"/picture/{DIGEST}?cell={cell}&of=../x",
    ):
        answer = client.get(other)
        assert answer.status_code in (400, 404), other
        assert answer.headers["content-type"].startswith("text/html")


def test_what_only_says_that_it_is_a_picture_is_not_served(results: Path, ask: Any, tmp_path: Path) -> None:
    """A model may draw markup, and a results folder may hold links: neither comes out as a picture."""
    import hashlib

    folder = Path(shutil.copytree(results, tmp_path / "copy"))
    cell_folder = next(folder.rglob("run.json")).parent
    secret = tmp_path / "secret.png"
    shutil.copy(next(Path(__file__).parent.glob("*.py")), secret)

    def put(data: bytes, link: Path | None = None) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = cell_folder / "media" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(link) if link else path.write_bytes(data)
        return digest

    svg = put(b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>")
    page = put(b"<html><script>x()</script></html>")
    linked = put(secret.read_bytes(), secret)
    client = ask(folder)
    key = next(c.found.key for c in client.app.state.explorer.catalog.cells if c.cell.folder == cell_folder)
    for digest in (svg, page, linked):
        answer = client.get(f"/picture/{digest}?cell={key}")
        assert answer.status_code == 400
        assert b"<svg" not in answer.content
        assert b"import" not in answer.content


def test_static_files_are_those_of_the_list_alone(client: Client) -> None:
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "explorer.css/../../app.py", "style.css"):
        assert client.get(f"/static/{name}").status_code == 404, name


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    for words, said in (
        ([str(tmp_path / "nothing")], "no folder of results"),
        ([str(tmp_path), "--token", "short"], "8 characters"),
        ([str(tmp_path), "--host", "203.0.113.77"], "cannot be listened on"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "hemm.cli", "serve", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_a_served_folder_is_reached_with_its_token_alone(results: Path) -> None:
    with serving(results, "--host", "127.0.0.1", "--token", "a-long-enough-token") as address:
        base = address.partition("/?")[0]
        assert address.endswith("/?token=a-long-enough-token")
        assert httpx.get(f"{base}/tasks", trust_env=False, timeout=60).status_code == 401
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
            page = browser.get(address)
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert browser.get(f"{base}/tasks").status_code == 200
            assert "server" not in page.headers
