"""The bundled checkpoint: small, plain to load, and it looks at the picture."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hemm.core import Generation, Media, Message, Registry, Request, Response, Sample, Task
from hemm.metrics import resolve as resolve_metric
from hemm.models import ModelOptions, resolve
from hemm.parsing.outcome import judge
from hemm.tasks.probes import PROBES
from hemm.tasks.probes.base import png
from hemm.tasks.prompt import render
from hemm.tasks.transforms import Shuffle

pytest.importorskip("torch")
pytest.importorskip("transformers")

FOLDER = Path(__file__).resolve().parents[2] / "src/hemm/models/tiny"
TASKS: Registry[Task] = Registry("probe", "none.such", PROBES)
EASY = {
    "probe_shapes": ("background", "colour", "shape"),
    "probe_faces": ("hat", "feeling"),
    "probe_screens": ("accent", "app", "row"),
    "probe_charts": ("kind", "paper", "trend"),
}


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    found: Any = resolve("tiny", ModelOptions())
    asyncio.run(found.start())
    yield found
    asyncio.run(found.close())


def requests(task: Task, samples: list[Sample]) -> list[Request]:
    generation = Generation(max_new_tokens=task.max_new_tokens)
    return [Request(s.id, 0, render(task, s), generation, key="") for s in samples]


def picked(name: str) -> tuple[Task, list[Sample], list[Sample]]:
    """A task, all its test samples, and up to 16 of the types that the checkpoint knows."""
    task = TASKS.get(name)
    samples = [s for s in task.sources[0].layout.read(Path()) if s.split == "test"]
    return task, samples, list(islice((s for s in samples if s.stratum in EASY[name]), 16))


def right(task: Task, samples: list[Sample], answers: list[Response]) -> int:
    metric = resolve_metric("accuracy")
    judged = [judge(s, 0, a, task.answer) for s, a in zip(samples, answers, strict=True)]
    return sum(int(metric.score([[j]])[0][""] or 0) for j in judged if j.value is not None)


def test_the_folder_is_small_and_documented() -> None:
    files = [f for f in FOLDER.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 15_000_000
    card = (FOLDER / "README.md").read_text()
    for name in PROBES:
        assert f"`{name}`" in card
    assert "python tools/measure_tiny.py" in card
    assert "Apache-2.0" in card


def test_it_loads_without_torchvision_and_answers_a_chat() -> None:
    code = f"""
import sys
sys.modules["torchvision"] = None
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor
processor = AutoProcessor.from_pretrained({str(FOLDER)!r})
model = AutoModelForImageTextToText.from_pretrained({str(FOLDER)!r})
chat = [{{"role": "user", "content": [
    {{"type": "image", "image": Image.new("RGB", (200, 130), (255, 255, 255))}},
    {{"type": "text", "text": "What colour is the background?"}}]}}]
inputs = processor.apply_chat_template(
    [chat], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")
out = model.generate(**inputs, max_new_tokens=5, do_sample=False)
print(processor.batch_decode(out[:, inputs["input_ids"].shape[1]:], skip_special_tokens=True)[0].strip())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "white"


def test_batched_answers_equal_single_ones(model: Any) -> None:
    mixed: list[Request] = []
    for name in EASY:
        task, _, samples = picked(name)
        mixed += requests(task, samples[:6])
    together = [a.text for a in model.generate_batch(mixed)]
    alone = [model.generate_batch([r])[0].text for r in mixed]
    assert together == alone


def test_the_picture_matters(model: Any) -> None:
    seen, shuffled, asked = 0, 0, 0
    for name in EASY:
        task, samples, some = picked(name)
        swap = Shuffle(
            [s.cluster for s in samples],
            [tuple(m.digest for m in s.media) for s in samples],
            samples.__getitem__,
            seed=0,
        )
        seen += right(task, some, model.generate_batch(requests(task, some)))
        shuffled += right(task, some, model.generate_batch(requests(task, [swap(s) for s in some])))
        asked += len(some)
    assert asked >= 40
    assert seen / asked > 0.6
    assert (seen - shuffled) / asked > 0.3


def test_pictures_of_any_size_and_text_alone_are_answered(model: Any) -> None:
    import numpy as np

    generation = Generation(max_new_tokens=8)
    found = []
    for height, width in ((1, 1), (31, 700), (640, 480)):
        media = Media(png(np.full((height, width, 3), 128, dtype=np.uint8)))
        message = Message("user", (media, "What colour is the background?"))
        found.append(Request(f"{height}", 0, (message,), generation, key=""))
    found.append(Request("text", 0, (Message("user", ("Who are you?",)),), generation, key=""))
    answers = model.generate_batch(found)
    assert all(a.failure is None for a in answers)


def test_the_tokenizer_gives_every_text_back(model: Any) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    for text in ("What colour is the ring?", "żółw 漢字 🙂\n\t\x00", " two  blanks "):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
