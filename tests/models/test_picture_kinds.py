"""One rule for what goes out: any kind of picture is equal upright 8-bit RGB for servers and local models."""

from __future__ import annotations

import hashlib
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemm.cli import status
from hemm.results.read import cells
from picture_kinds import HEIGHT, WIDTH, Kind, encoded, exif, kinds, tiff
from servers import ChatServer, Received

Pixels = np.ndarray[Any, Any]


def folder_of(folder: Path, pictures: list[tuple[str, bytes]]) -> Path:
    """A task folder that asks one question on each picture."""
    (folder / "data").mkdir(parents=True)
    rows = []
    for number, (ending, data) in enumerate(pictures):
        (folder / f"data/{number:03}.{ending}").write_bytes(data)
        question = {"id": f"s{number:03}", "question": f"Picture {number}.", "answer": "yes"}
        rows.append({**question, "image": f"{number:03}.{ending}", "choices": ["yes", "no"]})
    (folder / "data/rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "data"


def number_of(text: str) -> int:
    found = re.search(r"Picture (\d+)\.", text)
    assert found is not None
    return int(found[1])


def invoke(*words: object, exit_code: int = 0) -> str:
    """All that the command said."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        found = status([str(word) for word in words])
    assert found == exit_code, said.getvalue()
    return said.getvalue()


def asked(server: ChatServer, task: Path, out: Path, *options: str, exit_code: int = 0) -> dict[int, bytes]:
    """The bytes that arrived for each picture."""
    server.requests.clear()
    invoke("run", server.spec(), "--task", task, "--out", out, *options, exit_code=exit_code)
    return {number_of(r.text): r.pictures[0] for r in server.requests}


def opened(data: bytes) -> Pixels:
    """As a server decodes it."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture(scope="module")
def matrix() -> list[Kind]:
    made = kinds()
    assert len(made) >= 60
    return made


@pytest.fixture
def server() -> Any:
    with ChatServer(answer=lambda received: "yes") as server:
        yield server


def test_every_kind_arrives_as_people_see_it(
    matrix: list[Kind], server: ChatServer, cache: Path, tmp_path: Path
) -> None:
    task = folder_of(tmp_path, [(kind.ending, kind.data) for kind in matrix])
    arrived = asked(server, task, tmp_path / "out")
    assert len(arrived) == len(matrix)
    for number, kind in enumerate(matrix):
        pixels = opened(arrived[number])
        assert pixels.shape == (HEIGHT, WIDTH, 3), kind.name
        off = np.abs(pixels.astype(int) - kind.seen.astype(int)).max()
        assert off <= kind.off, f"{kind.name}: a pixel differs by {off}"
        sent = Image.open(io.BytesIO(arrived[number]))
        if kind.plain:
            assert arrived[number] == kind.data, f"{kind.name} goes byte for byte"
            continue
        assert sent.format == "PNG", kind.name
        assert sent.mode in ("RGB", "L", "P", "1"), kind.name
        assert "transparency" not in sent.info, kind.name
        assert sent.getexif().get(0x0112, 1) == 1, kind.name
        profile = sent.info.get("icc_profile")
        assert profile is None or profile[16:20] == {"RGB": b"RGB ", "L": b"GRAY"}[sent.mode], kind.name
    (cell,) = cells(tmp_path / "out")
    for row in cell.answers().to_pylist():
        number = int(row["id"][1:])
        assert row["media"] == [hashlib.sha256(arrived[number]).hexdigest()]
        original = hashlib.sha256(matrix[number].data).hexdigest()
        assert row["originals"] == (None if row["media"] == [original] else [original])


def test_a_local_model_gets_the_pixels_that_a_server_gets(
    matrix: list[Kind],
    server: ChatServer,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
    from hemm.metrics.learned import torchvision_check

    torchvision_check.prepare()  # before transformers looks for torchvision
    from transformers import ProcessorMixin

    task = folder_of(tmp_path, [(kind.ending, kind.data) for kind in matrix])
    arrived = asked(server, task, tmp_path / "out")
    local: dict[int, Pixels] = {}
    apply = ProcessorMixin.apply_chat_template

    def record(self: Any, chats: Any, *rest: Any, **more: Any) -> Any:
        for chat in chats if isinstance(chats[0], list) else [chats]:
            parts = [part for turn in chat for part in turn["content"]]
            text = "".join(part.get("text", "") for part in parts)
            for part in parts:
                if part["type"] == "image":
                    assert part["image"].mode == "RGB"
                    local[number_of(text)] = np.asarray(part["image"])
        return apply(self, chats, *rest, **more)

    monkeypatch.setattr(ProcessorMixin, "apply_chat_template", record)
    invoke("run", "tiny", "--task", task, "--out", tmp_path / "local", "--set", "device=cpu")
    assert len(local) == len(matrix)
    for number, kind in enumerate(matrix):
        assert np.array_equal(local[number], opened(arrived[number])), kind.name


@pytest.mark.parametrize("options", [("--max-pixels", "200"), ("--perturb", "brightness:1.001")])
def test_made_smaller_or_perturbed_it_is_upright_and_opaque_too(
    options: tuple[str, str], matrix: list[Kind], server: ChatServer, cache: Path, tmp_path: Path
) -> None:
    task = folder_of(tmp_path, [(kind.ending, kind.data) for kind in matrix])
    arrived = asked(server, task, tmp_path / "out", *options)
    for number, kind in enumerate(matrix):
        pixels = opened(arrived[number])
        height, width, _ = pixels.shape
        assert width > height, kind.name
        same = np.asarray(Image.fromarray(kind.seen).resize((width, height), Image.Resampling.LANCZOS))
        near = np.abs(pixels.astype(int) - same.astype(int))
        assert near.mean() < 12, kind.name  # palettes and bilevel pictures lie a little off
        assert np.median(near) <= 2, kind.name


def test_grey_has_the_size_of_what_is_shown(
    matrix: list[Kind], server: ChatServer, cache: Path, tmp_path: Path
) -> None:
    task = folder_of(tmp_path, [(kind.ending, kind.data) for kind in matrix])
    arrived = asked(server, task, tmp_path / "out", "--control", "grey")
    assert {opened(data).shape for data in arrived.values()} == {(HEIGHT, WIDTH, 3)}


def test_numbers_without_a_white_point_are_no_picture(
    server: ChatServer, cache: Path, tmp_path: Path
) -> None:
    """A guess (each picture's own range) would show two pictures of one data set differently."""
    whole = np.arange(HEIGHT * WIDTH, dtype="<i4").reshape(HEIGHT, WIDTH)
    pictures = [
        ("tif", tiff(whole.tobytes(), 32, {339: 2})),
        ("tif", tiff((whole / 2).astype("<f4").tobytes(), 32, {339: 3})),
        ("png", encoded(Image.new("RGB", (8, 8), "red"), "PNG")),
    ]
    task = folder_of(tmp_path, pictures)
    arrived = asked(server, task, tmp_path / "out", exit_code=3)
    assert sorted(arrived) == [2]
    (cell,) = cells(tmp_path / "out")
    failures = {row["id"]: row["failure_message"] for row in cell.answers().to_pylist()}
    for name in ("s000", "s001"):
        assert "white" in failures[name]
        assert re.search(r"8 bits|SMaxSampleValue", failures[name])


# what was asked before


def test_only_samples_that_are_concerned_are_asked_again(
    server: ChatServer, cache: Path, tmp_path: Path
) -> None:
    """A cell of rules 1, in which all pictures went out as they were."""
    from hemm.engine import requests

    by_name = {kind.name: kind.data for kind in kinds()}
    pictures = [("png", by_name[name]) for name in ("PNG RGB", "PNG 6", "PNG 16")]
    task = folder_of(tmp_path, pictures)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests, "REQUEST_RULES", 1)
        patch.setattr(requests, "fit", lambda media, *_: media)
        assert len(asked(server, task, tmp_path / "out")) == 3
    before = {row["id"]: row for row in cells(tmp_path / "out")[0].answers().to_pylist()}
    again = invoke("run", server.spec(), "--task", task, "--out", tmp_path / "out", "--dry-run")
    assert "2 answers are to another request" in again
    server.requests.clear()
    said = invoke("run", server.spec(), "--task", task, "--out", tmp_path / "out")
    assert sorted(number_of(r.text) for r in server.requests) == [1, 2]
    assert "2 answers are to another request than today's (request rules" in said
    after = {row["id"]: row for row in cells(tmp_path / "out")[0].answers().to_pylist()}
    assert after["s000"]["request_key"] == before["s000"]["request_key"]
    assert [after[i]["sample_hash"] for i in after] == [before[i]["sample_hash"] for i in after]
    server.requests.clear()
    invoke("run", server.spec(), "--task", task, "--out", tmp_path / "out")
    assert server.requests == []


# services' limits, and Pillow's


def noisy(side: int) -> bytes:
    """An upside-down JPEG whose PNG is several times as large."""
    pixels = np.random.default_rng(3).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "JPEG", quality=60, exif=exif(3))


def test_a_png_beyond_a_service_s_limit_is_counted_before_and_named(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anthropic = pytest.importorskip("anthropic", reason="needs pip install 'hemm[anthropic]'")
    assert anthropic
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    data = noisy(1200)
    assert len(data) < 2_000_000
    task = folder_of(tmp_path, [("jpg", data), ("png", kinds()[0].data)])
    with ChatServer(answer=lambda received: "yes") as server:
        words = ["run", "anthropic/m", "--task", task, "--set", f"base_url={server.base}"]
        forecast = invoke(*words, "--out", tmp_path / "out", "--dry-run")
        assert re.search(r"1 picture is larger than the service takes.*--max-pixels", forecast)
        invoke(*words, "--out", tmp_path / "out", exit_code=3)
        assert len(server.requests) == 1
        (cell,) = cells(tmp_path / "out")
        failed = {row["id"]: row["failure_message"] for row in cell.answers().to_pylist()}
        assert "--max-pixels makes it smaller" in failed["s000"]
        assert failed["s001"] is None
        smaller = ("--max-pixels", "200000")
        assert "larger than" not in invoke(*words, "--out", tmp_path / "out", "--dry-run", *smaller)
        invoke(*words, "--out", tmp_path / "small", *smaller)


def test_pictures_beyond_the_pixel_limit(
    server: ChatServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000)
    big = np.zeros((100, 200, 3), np.uint8)
    big[:, 100:] = 255
    small = encoded(Image.new("RGB", (30, 30), "red"), "PNG")
    pictures = [("png", encoded(Image.fromarray(big), "PNG")), ("png", small)]
    task = folder_of(tmp_path, pictures)
    monkeypatch.setenv("HEMM_PICTURE_LIMIT", "10000")
    assert sorted(asked(server, task, tmp_path / "out", exit_code=3)) == [1]
    (cell,) = cells(tmp_path / "out")
    said = next(r["failure_message"] for r in cell.answers().to_pylist() if r["failure"])
    assert "200 x 100" in said
    assert "--max-pixels" in said
    assert "HEMM_PICTURE_LIMIT" in said
    smaller = asked(server, task, tmp_path / "out", "--max-pixels", "800")
    assert sorted(smaller) == [0, 1]
    assert opened(smaller[0]).shape == (20, 40, 3)
    assert opened(smaller[0])[10, 30].tolist() == [255, 255, 255]
    monkeypatch.setenv("HEMM_PICTURE_LIMIT", "20000")
    assert sorted(asked(server, task, tmp_path / "other")) == [0, 1]
    monkeypatch.setenv("HEMM_PICTURE_LIMIT", "many")
    assert "HEMM_PICTURE_LIMIT" in invoke(
        "run", server.spec(), "--task", task, "--out", tmp_path / "third", exit_code=2
    )


# sound, video, and what looks like it


def mp4(brand: bytes, *compatible: bytes, handler: bytes = b"") -> bytes:
    """The beginning of an ISO base media file, with one track's handler."""
    inner = brand + b"\0\0\0\0" + b"".join(compatible)
    box = (len(inner) + 8).to_bytes(4, "big") + b"ftyp" + inner
    return box + (b"\0\0\0\x20hdlr" + b"\0" * 8 + handler + b"\0" * 12 if handler else b"")


def test_grey_and_noise_are_for_pictures_alone(server: ChatServer, cache: Path, tmp_path: Path) -> None:
    task = folder_of(tmp_path, [("mp4", mp4(b"isom", handler=b"vide"))])
    rows = (task / "rows.jsonl").read_text().replace('"image"', '"video"')
    (task / "rows.jsonl").write_text(rows)
    for options in (("--control", "grey"), ("--perturb", "noise:20")):
        said = invoke("run", server.spec(), "--task", task, "--out", tmp_path / "o", *options, exit_code=2)
        assert "video" in said
        assert options[0] in said
    assert server.requests == []


def test_heic_needs_its_package_and_says_so(server: ChatServer, cache: Path, tmp_path: Path) -> None:
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pytest.skip(f"pillow-heif {pillow_heif.__version__} is installed")
    plain = encoded(Image.new("RGB", (8, 8), "red"), "PNG")
    task = folder_of(tmp_path, [("heic", mp4(b"heic", b"mif1", b"heic")), ("png", plain)])
    said = invoke("prepare", task, exit_code=3)
    assert "pip install 'hemm[heic]'" in said
    assert sorted(asked(server, task, tmp_path / "out", exit_code=3)) == [1]


def test_heic_is_opened_by_its_package(server: ChatServer, cache: Path, tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs pip install 'hemm[heic]'")
    drawn = kinds()[0].seen
    made = pillow_heif.from_pillow(Image.fromarray(drawn))
    out = io.BytesIO()
    made.save(out, quality=100)
    arrived = asked(server, folder_of(tmp_path, [("heic", out.getvalue())]), tmp_path / "out")
    assert np.abs(opened(arrived[0]).astype(int) - drawn.astype(int)).mean() < 20


def test_a_sound_in_mp4_is_a_sound(cache: Path, tmp_path: Path) -> None:
    seen: list[Received] = []

    def answer(received: Received) -> str:
        seen.append(received)
        return "yes"

    with ChatServer(answer=answer) as server:
        sounds = [mp4(b"M4A ", b"isom"), mp4(b"mp42", b"isom", handler=b"soun"), mp4(b"mp42", b"M4A ")]
        task = folder_of(tmp_path, [("m4a", data) for data in sounds])
        rows = (task / "rows.jsonl").read_text().replace('"image"', '"audio"')
        (task / "rows.jsonl").write_text(rows)
        invoke("run", server.spec(), "--task", task, "--out", tmp_path / "out")
    parts = [part for r in seen for m in r.body["messages"] for part in m["content"]]
    kinds_sent = {part["type"] for part in parts} - {"text"}
    assert kinds_sent == {"input_audio"}
    assert {p["input_audio"]["format"] for p in parts if p["type"] == "input_audio"} == {"m4a"}
