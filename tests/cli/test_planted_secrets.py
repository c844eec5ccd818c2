"""Thirty secrets are planted where people have them, servers echo them in every way: nothing that is written
holds one, or what a cut left of one."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from commands import run_command
from hemm.models.process.child import LINE, ChildProcess

ENV = {
    "HEMM_API_KEY": "hk/9fQ2+mXw81LpVtyR7c5NbE0a==",
    "OPENAI_API_KEY": "sk-proj-Zk3A9fQ2mXw81LpVtTyR7c5NbE0aHgD4uJiKoS6T",
    "AZURE_OPENAI_API_KEY": "4f0c9b8d7a653f9a1c77de0b4582a6e1",
    "ANTHROPIC_API_KEY": "sk-ant-api03-Qm3_8fQ2mXw81LpVt-yR7c5NbE0aHgD4uJ",
    "GEMINI_API_KEY": "AIzaSyB-9fQ2mXw81LpVtyR7c5NbE0aHgD4",
    "MY_SERVICE_TOKEN": "correct horse battery 7 staple",
    "DB_PASSWORD": 'Tr0ub4dor&3<"quoted">',
    "LAB_SECRET": "ünïcode-geheim-42",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE",
    "HF_TOKEN": "hf_qWeRtYuIoPaSdFgHjKlZxCvBnM123456",
    "WANDB_API_KEY": "0123abcd4567ef890123abcd4567ef890123abcd",
    "GITHUB_PAT": "github_pat_11ABCDEFG0abcdefghij_klmnopqrst",
    "CI_JOB_TOKEN": "glcbt-64_bAcKsLaSh\\in-1t",
    "MISTRAL_API_KEY": "0dGx7LmQz9PrVn2Yt4Wk",
    "SLACK_BOT_TOKEN": "xoxb-17653285714-21763228571-Zk39fQ2mXw81",
    "REPLICATE_API_TOKEN": "r8_Hw9LmQz9PrVn2Yt4WkZk3A9fQ2mXw81Lp",
    "ALL_PROXY_OF_LAB": "http://proxyuser:pr0xy-P4ss@proxy.lab.org:3128",
}
PROXY = "pr0xy-P4ss"
USER, PASSWORD = "ada@lab.org", "p@ss:W0rd!x#9"
"""The user has an ``@``, and the password what would end a host."""
QUERY = {
    "key": "q-key-81LpVtyR7c5N",
    "code": "fnC0de_Zk39fQ2mXw81LpVtyR==",
    "sig": "c2lnbmVkMTIz/NDU2Nzg5MA==",
    "subscription-key": "0c9b8d7a653f4f9a1c77de0b45",
    "access_token": "ya29.query-token-5T",
    "api_key": "qk-7731-zzz-0042",
}
NETRC = "netrc-P4ssw0rd-77"
KAGGLE = "7d3f0c9b8d7a653f4f9a1c77de0b45aa"
HUB = "hf_FiLeToKeNabcdefghijklmnop987654"
OPTION = "option-v4lue-Zk39fQ2m"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
NETRC_PAIR = base64.b64encode(f"carol:{NETRC}".encode()).decode()
SECRETS = [
    *(value for name, value in ENV.items() if name != "ALL_PROXY_OF_LAB"),
    *(PROXY, PASSWORD, PAIR, *QUERY.values(), NETRC, NETRC_PAIR, KAGGLE, HUB, OPTION),
]
ECHOED = [secret for secret in SECRETS if secret != OPTION]


def _spelled(value: str) -> list[str]:
    return [value, quote(value, safe=""), json.dumps(value)[1:-1], value[:20] if len(value) > 28 else value]


class Echo(BaseHTTPRequestHandler):
    """A server that says what it should not: in each way by turns, ``SECRETS`` by turns."""

    seen: ClassVar[list[str]] = []
    turn = 0
    always = 0

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        Echo.seen.append(self.path)
        names = [{"id": f"model-{secret}"} for secret in ECHOED]
        self._send(200, {"data": [*names, {"id": "m"}]})

    def do_POST(self) -> None:
        Echo.seen += [self.path, str(self.headers)]
        self.rfile.read(int(self.headers["Content-Length"]))
        way, secret = Echo.always or Echo.turn % 8, ECHOED[Echo.turn // 8 % len(ECHOED)]
        Echo.turn += 1
        message = {"content": "yes"}
        answer: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "stop"}], "model": "m"}
        head = f"{self.path} {self.headers['Authorization']} {secret}"
        if way == 0:
            message["content"] = f"yes: your key is {secret}, is it not?"
        elif way == 1:
            message["reasoning_content"] = f"they sent {head}; {quote(secret, safe='')}"
        elif way == 2:
            message["refusal"] = f"I refuse to repeat {secret}"
        elif way == 3:
            answer["model"] = answer["system_fingerprint"] = f"fp-{secret}"
        elif way == 4:
            self._send(400, {"error": {"message": f"no picture {secret} in {head}"}})
            return
        elif way == 5:  # cut in the middle: where hemm cuts, and where the server did
            self._send(
                400, {"error": {"message": "x" * (470 - len(secret) // 2) + f" {secret} " + "y" * 900}}
            )
            return
        elif way == 6:
            self._send(400, {"error": {"message": f"bad: {secret[: len(secret) * 2 // 3]}... and {head}"}})
            return
        elif way == 7:
            self._send(200, f"{'z' * (110 - len(secret) // 2)}{secret} is no JSON".encode())
            return
        elif way == 8:  # it ends a run
            self._send(302, b"", Location=f"http://elsewhere.org/v1?api_key={secret}&n=1")
            return
        else:
            self._send(400, {"error": {"message": f"<b>{secret}</b> " + repr({"x-api-key": secret})}})
            return
        self._send(200, answer)

    def _send(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value.encode().decode("latin-1"))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / ".netrc").write_text(f"machine hub.lab.org login carol password {NETRC}\n")
    (home / ".netrc").chmod(0o600)
    (home / ".kaggle").mkdir()
    (home / ".kaggle/kaggle.json").write_text(json.dumps({"username": "carol", "key": KAGGLE}))
    (home / "hub").mkdir()
    (home / "hub/token").write_text(HUB + "\n")
    rows = [{"question": f"Is {n} even?", "choices": ["yes", "no"], "answer": "yes"} for n in range(350)]
    (home / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home


def hemm(home: Path, *words: str) -> str:
    """What the command prints, on both streams."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HEMM_"))}
    env |= ENV | {"HOME": str(home), "HEMM_CACHE": str(home / "cache"), "HF_HOME": str(home / "hub")}
    done = run_command(*words, cwd=home, env=env, timeout=300)
    assert "fault of hemm" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def written(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file that hemm wrote, as text: Parquet as its rows."""
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            yield path, json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False)
        elif path.is_file():
            yield path, path.read_text("utf-8", "replace")


def test_no_planted_secret_is_written_anywhere(home: Path, port: int) -> None:
    assert len(set(SECRETS)) == 30
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in QUERY.items())
    base = f"http://{quote(USER)}:{quote(PASSWORD, safe='@:')}@127.0.0.1:{port}/v1?{query}"
    run = ("run", f"{base}#m", "--task", "./rows.jsonl", "--out", "out", "--concurrency", "8")
    settings = ("--set", f"base_url={base}", "--set", "max_retries=0")
    shown = [hemm(home, *run, *settings)]
    assert Echo.turn > 200, shown[0]
    sent = "".join(Echo.seen)
    assert ENV["HEMM_API_KEY"] in sent  # they were sent as they are
    assert quote(QUERY["sig"]) in sent
    for Echo.always in (8, 9):
        shown.append(hemm(home, *run, *settings, "--retry-errors"))
    Echo.always = 0
    shown += [
        hemm(home, "run", f"{base}#nobody", "--task", "./rows.jsonl", "--out", "out"),
        hemm(home, "run", f"http://{USER}:{PASSWORD}@127.0.0.1:1/v1#m", "--task", "./rows.jsonl"),
        hemm(home, "run", f"{base}#m", "--task", "./rows.jsonl", "--set", f"api_key={OPTION}"),
        hemm(home, "models", f"{base}#m"),
        hemm(home, "report", "out", "-o", "out/report.html"),
        *(hemm(home, "profile", "out", "--format", kind) for kind in ("json", "csv")),
        hemm(home, "doctor"),
    ]
    places = [*written(home / "out"), *written(home / "cache"), *((Path("terminal"), s) for s in shown)]
    found = [
        (str(path), spelled)
        for secret in SECRETS
        for spelled in _spelled(secret)
        for path, text in places
        if spelled in text
    ]
    assert not found, found[:10]
    answers = [text for path, text in places if path.name == "journal.jsonl" or path.parent.name == "answers"]
    assert sum(text.count("[secret]") for text in answers) > 100


@pytest.mark.parametrize("log", [False, True])
def test_what_workers_and_servers_print_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: bool
) -> None:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "server.log"
    program = f"""if True:
        import os, sys
        for name in {list(ENV)!r}:
            value = os.environ[name]
            for text in (value, repr(value), "x" * ({LINE} - len(value.encode()) // 2) + value + "y" * 30):
                print(text, file=sys.{"stdout" if log else "stderr"}, flush=True)"""
    child = ChildProcess([sys.executable, "-S", "-c", program], "child", log=file if log else None)
    child.wait(60)
    printed = "\n".join(child.last_lines(10)) + (file.read_text() if log else "")
    child.kill()
    assert "[secret]" in printed
    values = [v for name, v in ENV.items() if name != "ALL_PROXY_OF_LAB"] + [PROXY]
    assert [v for v in values if any(s in printed for s in _spelled(v))] == []
