"""Readers of bytes from outside, what each is given at first, and how other inputs are made of that.

A reader gives values, HemmError with one line, or its own word for what it cannot read. Two engines look for
inputs that bring anything else: ``fuzz`` here, which knows nothing of the reader, and ``fuzz_guided.py``,
which keeps inputs that reach new lines of it.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import HemmError, Request
from hemm.data.checked import CHECKSUM, sealed

Target = Callable[[bytes, Path], Any]
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where the files of inputs lie: in memory they are written ten times as fast."""


def _chat(data: bytes, home: Path) -> None:
    from hemm.models.api.chat import read
    from hemm.models.retry import CallFailed

    for status in (200, 400, 429, 500):
        try:
            _storable(read(status, {"content-type": "application/json"}, data, ("yes", "no")))
        except CallFailed:
            pass


def _service(data: bytes, home: Path, name: str) -> None:
    from hemm.models.api import anthropic, google
    from hemm.models.api.chat import parsed
    from hemm.models.retry import CallFailed

    try:
        _storable({"anthropic": anthropic, "google": google}[name].read(parsed(data)))
    except CallFailed:
        pass


def _storable(response: Any) -> None:
    """Whatever is read passes the border, and can be journalled and sealed."""
    from fake import sample
    from hemm.core.outside import with_known_usage
    from hemm.models.batcher import answers
    from hemm.results.answer_record import Answer, Call, answer_batch, call_batch
    from hemm.results.journal import decode, encode

    assert answers(response)
    record = decode(
        encode(Answer(sample(1), {}, 0, "k", (), with_known_usage(response), Call(0, 0)).record())
    )
    assert record is not None
    answer_batch([record])
    call_batch([record])


def _models(data: bytes, home: Path) -> None:
    from hemm.models.api.openai import declared_inputs, rows_of

    for row in rows_of(data).values():
        declared_inputs(row)


def _worker(data: bytes, home: Path) -> None:
    from hemm.core import Generation
    from hemm.models.worker import process, wire

    message = process._message(data)
    if message is not None and message["type"] in ("answer", "error"):
        wire.indexed(message, 0, 4)
        _storable(wire.response(Request("s", 0, (), Generation(), "k"), message, home, ""))


def _journal(data: bytes, home: Path) -> None:
    from hemm.results.journal import OF_ANSWER, Journal, scan

    path = home / "journal.jsonl"
    path.write_bytes(data)
    list(scan(path, members=OF_ANSWER))
    journal = Journal(path)
    journal.append([{"id": "x", "repeat": 0, "call": []}])
    journal.close()
    assert [record["id"] for _, _, record in scan(path, members=OF_ANSWER)][-1] == "x"


def _json(data: bytes, home: Path, name: str) -> None:
    from hemm.data.pack.reader import open_pack
    from hemm.results.checked import read_aggregates, read_run

    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    {"run.json": read_run, "scores/aggregates.json": read_aggregates, "pack.json": open_pack}[name](home)


def _rows(data: bytes, home: Path, name: str) -> None:
    from hemm.data.readers import pickles, rows, xlsx

    path = home / name
    path.write_bytes(data)
    readers: dict[str, Callable[[Path], Any]] = {
        "a.jsonl": lambda p: list(rows.jsonl_rows(p)),
        "a.json": rows.json_rows,
        "a.xlsx": lambda p: list(xlsx.xlsx_rows(p)),
        "a.pkl": pickles.pickle_value,
    }
    readers[name](path)


def _yaml(data: bytes, home: Path) -> None:
    from hemm.core.user_files import read_toml, read_yaml

    path = home / "c.yaml"
    path.write_bytes(data)
    for read in (read_yaml, partial(read_yaml, as_text=True), read_toml):
        try:
            read(path)
        except HemmError:
            pass


def _xlsx() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        cell = '<c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1"><v>1.50</v></c>'
        sheet = f'<worksheet xmlns="{main}"><sheetData><row r="1">{cell}</row></sheetData></worksheet>'
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        sheets = '<sheets><sheet name="S" r:id="r1"/></sheets>'
        book = f'<workbook xmlns="{main}" xmlns:r="{kind}">{sheets}</workbook>'
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        related = f'<Relationships xmlns="{package}"><Relationship Id="r1" Target="worksheets/sheet1.xml"/>'
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("xl/workbook.xml", book)
            packed.writestr("xl/_rels/workbook.xml.rels", f"{related}</Relationships>")
            packed.writestr("xl/worksheets/sheet1.xml", sheet)
        return path.read_bytes()


STORED = Path(__file__).parent / "stored/v0_1_0"
CHAT = {
    "choices": [
        {
            "message": {"content": "yes", "reasoning_content": "so", "refusal": None},
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": [
                {"token": "yes", "logprob": -0.1}, {"token": "no", "logprob": -2.5}]}]},
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 1, "cost": 0.002},
    "model": "m",
}  # fmt: skip
ERROR = {"error": {"message": "no", "type": "invalid_request_error", "code": "content_filter"}, "status": 429}
CLAUDE = {
    "content": [{"type": "text", "text": "yes"}, {"type": "thinking", "thinking": "so"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 1},
    "model": "m",
}
GEMINI = {
    "candidates": [
        {"content": {"parts": [{"text": "yes"}, {"text": "so", "thought": True}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1},
    "modelVersion": "m",
}
MODELS = {"data": [{"id": "m", "pricing": {"prompt": "0.1"}, "architecture": {"input_modalities": ["text"]}}]}
ANSWER = {
    "type": "answer",
    "batch": 0,
    "index": 1,
    "text": "yes",
    "finish": "stop",
    "input_tokens": 3,
    "media": [],
}
LINE = b'{"crc":"9b5a7c5b","id":"s1","repeat":0,"call":[1,0.5,0.1,3,1,null]}\n'
YAML = b"limit: 5\ntask: [a, b]\nset: {temperature: 0.5}\nseed: 2024-01-01\n"


def _stored(name: str) -> list[bytes]:
    """As hemm 0.1.0 wrote them, and with the checksum that they have since."""
    found = [path.read_bytes() for path in sorted(STORED.rglob(name))[:3]]
    return [*found, *_seeds(*(sealed(json.loads(data)) for data in found))]


def _seeds(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


TARGETS: dict[str, tuple[Target, Callable[[], list[bytes]]]] = {
    "chat": (_chat, lambda: _seeds(CHAT, ERROR)),
    "anthropic": (partial(_service, name="anthropic"), lambda: _seeds(CLAUDE, ERROR)),
    "google": (partial(_service, name="google"), lambda: _seeds(GEMINI, ERROR)),
    "models": (_models, lambda: _seeds(MODELS)),
    "worker": (_worker, lambda: _seeds(ANSWER, {"type": "error", "message": "no", "index": 0})),
    "journal": (_journal, lambda: [LINE * 3]),
    "run.json": (partial(_json, name="run.json"), lambda: _stored("run.json")),
    "aggregates.json": (partial(_json, name="scores/aggregates.json"), lambda: _stored("aggregates.json")),
    "pack.json": (partial(_json, name="pack.json"), lambda: _stored("pack.json")),
    "json lines": (partial(_rows, name="a.jsonl"), lambda: [b'{"id": 1, "question": "?"}\n' * 3]),
    "json": (partial(_rows, name="a.json"), lambda: _seeds([{"id": 1, "q": ["a", None, 1.5]}])),
    "xlsx": (partial(_rows, name="a.xlsx"), lambda: [_xlsx()]),
    "pickle": (
        partial(_rows, name="a.pkl"),
        lambda: [__import__("pickle").dumps([{"a": (1, 2.5, b"x", None)}])],
    ),
    "yaml": (_yaml, lambda: [YAML, b"a: &a [1, *a]\n? [b]\n: c\n"]),
}

TOGETHER: dict[str, tuple[str, ...]] = {
    "chat": ("chat", "models"),
    "services": ("anthropic", "google"),
    "worker": ("worker",),
    "journal": ("journal",),
    "stored JSON": ("run.json", "aggregates.json", "pack.json"),
    "rows": ("json lines", "json"),
    "xlsx": ("xlsx",),
    "pickle": ("pickle",),
    "yaml": ("yaml",),
}
"""Readers that begin alike get the same inputs where there is time for few targets."""

PIECES = (
    b"NaN", b"1e400", b"-1", b"9223372036854775808", b"null", b"true", b'"\\ud83d"', b"\\u0000", b"\x00",
    b"\xff",
    b"[" * 3000, b'{"a":' * 1500, b"[]", b"{}", b'""', b"0x", b"1:30", b"!!python/name:os.system ", b"&a *a",
)  # fmt: skip


ODD = (
    None, True, 0, -1, 2**63, 2**70, 1.5, 1e308, float("nan"), float("inf"), "", "x", "\ud83d", "9" * 300,
    "../../x", "/etc/passwd", "2024-01-01", [], {}, [[]], {"a": {"b": 1}}, [None], ["x"] * 50,
)  # fmt: skip
"""Values that a member of a JSON object may not expect."""


def _member(data: bytes, chance: random.Random) -> bytes | None:
    """JSON with one member, however deep, replaced, removed, renamed or put twice; None where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    holder, at = [value], 0
    here: Any = value
    while isinstance(here, dict | list) and here and (here is value or chance.random() < 0.8):
        at = chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
        holder, here = here, here[at]
    kind = chance.randrange(6)
    if kind == 0:
        del holder[at]
    elif kind == 1 and isinstance(holder, dict):
        holder[chance.choice(("", "x", f"{at}s", "__class__"))] = holder.pop(at)
    elif kind == 2:
        holder[at] = [here, here]
    else:
        holder[at] = chance.choice(ODD)
    if isinstance(value, dict) and CHECKSUM in value and chance.random() < 0.5:
        with suppress(TypeError, ValueError, RecursionError, HemmError):
            value = sealed(value)  # somebody else's file, whole in itself
    with suppress(RecursionError):
        return json.dumps(value).encode()
    return None


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """Another input: some bytes, or a member of JSON, changed at random."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(8)
        if kind >= 5 and (made := _member(bytes(data), chance)) is not None:
            data = bytearray(made)
        elif kind == 0 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at : at + chance.randrange(1, 9)] = chance.choice(PIECES)
        elif kind == 2:
            del data[at : at + chance.randrange(1, 60)]
        elif kind == 3:
            other = chance.randrange(len(data) + 1)
            data[at:at] = data[other : other + chance.randrange(1, 60)]
        else:
            data[at:at] = chance.choice(PIECES)
    return bytes(data)


def seeds_of(name: str) -> list[bytes]:
    """What the readers of a target are given at first."""
    return [data for one in TOGETHER.get(name, (name,)) for data in TARGETS[one][1]()]


def given(name: str, data: bytes, home: Path) -> None:
    """Give the readers of a target an input. Raises AssertionError where anything but values or one line
    comes out."""
    for one in TOGETHER.get(name, (name,)):
        lines = 0
        try:
            TARGETS[one][0](data, home)
        except HemmError as error:
            lines = str(error).count("\n")
        except Exception as error:
            raise AssertionError(f"{one}: {type(error).__name__}: {error}: {data[:3000]!r}") from error
        assert not lines, (one, data)


def fuzz(name: str, seconds: float, seed: int) -> int:
    """Inputs made of the seeds for so long: how many. Raises AssertionError as ``given``."""
    chance, ends, count = random.Random(seed), time.monotonic() + seconds, 0
    first = seeds_of(name)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        while time.monotonic() < ends:
            given(name, mutated(chance.choice(first), chance), Path(folder))
            count += 1
    return count
