"""Control characters in names, questions, answers and errors are shown, never sent; texts are no formulas."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from commands import run_command
from hemm.report.tables.writer import to_csv

ATTACKS = {
    "clear": "\x1b[2J",
    "colour": "\x1b[41m",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;Y3VybCBldmlsfHNo\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b41m\x9d0;owned\x9c",
    "back": "\x08\x08\x08\x7f",
    "bidi": "\u202eevil\u2066",
    "over": "\rhemm: all is well",
}
HOSTILE = "".join(ATTACKS.values())
NAME = "evil"
RAW = (
    "\x1b[2J",
    "\x1b[41m",
    "\x1b]",
    "\x1b\\",
    "\x9b",
    "\x9c",
    "\x9d",
    "\x07",
    "\x08",
    "\x7f",
    "\u202e",
    "\u2066",
)
SENT = (*RAW, "\rhemm: all is well")


class Server(BaseHTTPRequestHandler):
    turn = 0

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send(200, {"data": [{"id": "m"}, {"id": f"m{HOSTILE}"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Server.turn += 1
        if Server.turn % 3 == 0:
            self._send(400, {"error": {"message": f"bad {HOSTILE} request", "code": HOSTILE}})
            return
        text = f"yes {HOSTILE}" if Server.turn % 2 else "no"
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        self._send(200, {"choices": [choice], "model": HOSTILE})

    def _send(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    data = home / "data"
    data.mkdir()
    name = "p\x1b[41m\x07.png"
    Image.new("RGB", (8, 8)).save(data / name)
    rows = [
        {"id": f"q{n}{HOSTILE}", "image": name, "question": f"Is it? {HOSTILE}", "choices": ["yes", "no"]}
        | {"answer": "yes", "labels": {"reasoning": "more"}, "source": HOSTILE, "cluster": f"c{HOSTILE}"}
        for n in range(12)
    ]
    rows.append(
        {"id": "gone", "image": f"gone{HOSTILE}.png", "question": "?", "choices": ["a"], "answer": "a"}
    )
    (data / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (data / "card.yaml").write_text(
        f"name: {json.dumps(NAME)}\ntitle: {json.dumps(HOSTILE)}\nlicence: {json.dumps(HOSTILE)}\n"
    )
    return home


def hemm(home: Path, *words: str, terminal: bool = False) -> str:
    """What the command sends to its pipes, or to a terminal."""
    env = {**os.environ, "HEMM_CACHE": str(home / "cache"), "COLUMNS": "120", "TERM": "xterm-256color"}
    if not terminal:
        done = run_command(*words, cwd=home, env=env)
        return done.stdout + done.stderr
    command = [sys.executable, "-m", "hemm.cli", *words]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=home, env=env, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    got = b""
    while True:
        try:
            piece = os.read(ours, 65536) if select.select([ours], [], [], 60)[0] else b""
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        got += piece
    os.close(ours)
    process.wait(60)
    return got.decode("utf-8", "replace").replace("\r\n", "\n")


def test_nothing_sends_a_control_character_of_somebody_else(home: Path, url: str) -> None:
    told: dict[tuple[str, ...], str] = {}
    run = ("run", f"{url}#m", "--task", "./data", "--out", "out", "--set", "max_retries=0")
    for words in (
        ("prepare", "./data"),
        ("tasks", "./data"),
        ("tasks", "./data", "--format", "json"),
        run,
        ("run", f"{url}#nobody", "--task", "./data", "--out", "out"),
        ("run", f"tiny{HOSTILE}", "--task", "./data"),
        ("score", "out"),
        ("profile", "out"),
        ("profile", "out", "--format", "json"),
        ("profile", "out", "--format", "csv"),
        ("compare", "out"),
    ):
        told[words] = hemm(home, *words)
    told["terminal", "run"] = hemm(home, *run, "--limit", "12", "--retry-errors", terminal=True)
    told["terminal", "score"] = hemm(home, "score", "out", terminal=True)
    told["terminal", "profile"] = hemm(home, "profile", "out", terminal=True)
    told["terminal", "tasks"] = hemm(home, "tasks", "./data", terminal=True)
    for words, text in told.items():
        assert "fault of hemm" not in text, words
        assert [a for a in SENT if a in text] == [], words
    everything = "".join(told.values())
    assert "\\x1b]52;c;" in everything  # it is shown
    assert "\\u202e" in everything
    for words in (("profile", "out"), ("terminal", "profile"), ("terminal", "run")):
        assert "accuracy" in told[words], told[words]
    assert "bad \\x1b[2J" in told[run]


def test_json_holds_the_same_values_in_escapes(home: Path) -> None:
    task, _ = json.JSONDecoder().raw_decode(hemm(home, "tasks", "./data", "--format", "json"))
    assert (task["name"], task["title"], task["licence"]) == (NAME, HOSTILE, HOSTILE)


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+SUM(1)", "'+SUM(1)"),
        ("-2+3+cmd|x", "'-2+3+cmd|x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\t=1+1"),
        ("\r=1", "\\x0d=1"),
        ("-3.5", "-3.5"),
        ("-", "'-"),
        (-3.5, "-3.5"),
        (-0.0001, "-0.0001"),
        (float("-inf"), "-inf"),
        ("a=b", "a=b"),
        ("mail@lab.org", "mail@lab.org"),
        (["=1", "x"], "'=1, x"),
        (None, ""),
        (True, "true"),
    ],
)
def test_no_text_is_a_formula_in_a_spreadsheet(cell: object, written: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv([{"a": cell, "=b": 1}], ["a", "=b"]))))
    assert rows[0] == ["a", "'=b"]
    assert rows[1] == [written, "1"]


def test_one_place_prints() -> None:
    """Texts of others come from everywhere: so all that prints goes through ``core.terminal``."""
    home = Path(__file__).resolve().parents[2] / "src/hemm"
    raw = re.compile(r"click\.s?echo\(|(?<![\w.])print\(|sys\.std(out|err)\.write\(")
    told = [
        f"{path.relative_to(home)}: {line.strip()}"
        for path in home.rglob("*.py")
        for line in path.read_text().splitlines()
        if raw.search(line) and not line.lstrip().startswith((">>>", "...", "#"))
    ]
    pipes = ("models/worker/", "metrics/text/math_child.py")  # processes that write JSON for hemm to read
    told = [line for line in told if not line.startswith(("core/terminal.py", *pipes))]
    assert told == []
