"""Runs with transformers models: pictures as answers, both readings of options, refusals before a sample."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemm.core import Capabilities, Generation, HemmError
from hemm.data.pack.prepare import prepare
from hemm.engine.options import CellResult, RunOptions, Silent
from hemm.engine.run import run_cells
from hemm.engine.setup import check_capabilities, protocol_spec
from hemm.metrics.learned import torchvision_check
from hemm.models import ModelOptions
from hemm.models import resolve as model_of
from hemm.results.read import cell
from hemm.tasks import resolve
from layouts import write_layout

torch = pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
torchvision_check.prepare()  # before transformers looks for torchvision

from tinymodels import asking  # noqa: E402
from tinymodels.asking import Checkpoint  # noqa: E402

checkpoint, started, one_thread = asking.checkpoint, asking.started, asking.one_thread

CPU = (("device", "cpu"),)


def packed(name: str, folder: Path) -> Any:
    """A few samples of a task's own layout, prepared."""
    write_layout(name, folder / name, 6)
    return prepare(resolve(name), folder=folder / name)


def answers(done: CellResult) -> list[dict[str, Any]]:
    return list(cell(Path(done.folder)).answers().to_pylist())


def go(folder: Path, task: str, pack: Any, out: Path, **more: Any) -> CellResult:
    options = RunOptions(out=out, settings=(*CPU, *more.pop("settings", ())), score=False, **more)
    model = model_of(f"hf/{folder}", ModelOptions(settings=CPU))
    return asyncio.run(run_cells(options, [model], [(resolve(task), pack)], Silent()))[0]


@pytest.mark.parametrize("name", ["janus", "emu3"])
def test_a_task_answered_with_pictures_is_drawn(
    checkpoint: Checkpoint, cache: Path, tmp_path: Path, name: str
) -> None:
    pack = packed("ln_coco", tmp_path)
    done = go(checkpoint(name), "ln_coco", pack, tmp_path / "out", limit=2, max_pixels=256)
    assert (done.state, done.errors, done.answers) == ("sealed", [], 2)
    assert all(len(row["produced"]) == 1 and not row["raw"] for row in answers(done))


def test_what_it_cannot_take_is_refused_before_anything_is_loaded(
    checkpoint: Checkpoint, cache: Path, tmp_path: Path
) -> None:
    def ask(family: str, task: str, **more: Any) -> None:
        model = model_of(f"hf/{checkpoint(family)}", ModelOptions(settings=CPU))
        pack = packs[task]
        check_capabilities(RunOptions(**more), resolve(task), pack, model, np.arange(pack.rows()))

    packs = {task: packed(task, tmp_path) for task in ("ln_coco", "magic_brush", "nlvr2", "vqa_rad")}
    ask("janus", "ln_coco")
    with pytest.raises(HemmError, match=r"magic_brush shows pictures, which model .* where it draws one"):
        ask("janus", "magic_brush")
    with pytest.raises(HemmError, match=r"ln_coco is answered with pictures, which model .* does not make"):
        ask("llava", "ln_coco")
    with pytest.raises(HemmError, match=r"up to 2 pictures in one prompt, model .* takes 1"):
        ask("blip2", "nlvr2")
    ask("idefics", "nlvr2")
    ask("blip2", "vqa_rad")
    with pytest.raises(HemmError, match="no prompt without a picture, --control grey keeps"):
        ask("blip2", "vqa_rad", control="none")


def test_the_answer_s_kind_belongs_to_the_protocol_of_pictures_alone() -> None:
    model = model_of("baseline/oracle")
    assert isinstance(model.capabilities, Capabilities)
    drawn = protocol_spec(RunOptions(), resolve("ln_coco"), model).generation
    assert (drawn.output, drawn.extra) == ("image", (("output", "image"),))
    told = protocol_spec(RunOptions(), resolve("vqa_rad"), model).generation
    assert (told.output, told.extra) == ("text", ())
    assert Generation().output == "text"


@pytest.mark.parametrize("name", ["blip2_t5", "idefics"])
def test_options_are_read_by_generation_and_by_likelihood(
    checkpoint: Checkpoint, cache: Path, tmp_path: Path, name: str
) -> None:
    """Two protocols, two cells; by likelihood every answer is one of the options."""
    pack, done = packed("nlvr", tmp_path), {}
    for scoring in ("generate", "likelihood"):
        more = {"settings": (("scoring", scoring),), "limit": 3}
        done[scoring] = go(checkpoint(name), "nlvr", pack, tmp_path / "out", **more)
        assert (done[scoring].state, done[scoring].errors) == ("sealed", [])
    assert done["generate"].protocol != done["likelihood"].protocol
    assert all(not row["options"] for row in answers(done["generate"]))
    for row in answers(done["likelihood"]):
        assert len(row["options"]) == 2
        assert max(row["options"]) < 0
        assert resolve("nlvr").answer.parse(row["raw"], pack.sample(0)) is not None


def test_devices_are_chosen_and_random_numbers_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.metrics.learned.torch_device import torch_device
    from hemm.models.hf.devices import empty_cache, seeded

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert torch_device("auto") == "mps"
    with pytest.raises(HemmError, match=r"^--set device=cuda:0: this machine has mps, cpu"):
        torch_device("cuda:0", "--set ")
    state: list[object] = []
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: "before")
    monkeypatch.setattr(torch.mps, "set_rng_state", state.append)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: state.append("emptied"))
    before = torch.get_rng_state()
    with seeded("mps:0", 5):
        first = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    with seeded("cpu", 5):
        assert torch.equal(first, torch.rand(3))
    assert state == ["before"]
    empty_cache("mps:0")
    assert state == ["before", "emptied"]


def test_a_device_of_apple_is_scored_in_float64_on_the_cpu(
    started: asking.Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mps has no float64: the logits leave it first. Its out of memory is a plain RuntimeError."""
    from dataclasses import replace

    from hemm.core import OutOfMemory

    model = started("idefics3")
    asked = asking.request("a", asking.picture(1), "Is it red?")
    expected = model.score(asked, ("yes", "no"))
    loaded = model._loaded
    monkeypatch.setattr(model, "_loaded", replace(loaded, device="mps:0"))
    monkeypatch.setattr(model, "_placed", lambda inputs: dict(inputs))
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: None)
    double = torch.Tensor.double
    left: list[bool] = []
    cpu = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: (left.append(True), cpu(self))[1])
    monkeypatch.setattr(torch.Tensor, "double", lambda self: double(self) if left else pytest.fail("float64"))
    assert model.score(asked, ("yes", "no")) == expected

    def full(**_: object) -> None:
        raise RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")

    monkeypatch.setattr(loaded.model, "generate", full)
    with pytest.raises(OutOfMemory):
        model.generate_batch([asked])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"device_map": "balanced"}, {"device_map": "balanced"}),
        ({"quantization": "4bit"}, {"device_map": "auto", "load_in_4bit": True}),
        ({"quantization": "8bit", "device": "cuda:1"}, {"device_map": {"": "cuda:1"}, "load_in_8bit": True}),
        ({"attn": "eager"}, {"attn_implementation": "eager"}),
    ],
)
def test_loading_options_reach_transformers(
    settings: dict[str, str], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hemm.core import Identity
    from hemm.models.hf import loading
    from hemm.models.hf.identity import Checkpoint

    given: dict[str, Any] = {}

    class BitsAndBytesConfig:
        def __init__(self, **options: Any) -> None:
            given.update(options)

    class Auto:
        @staticmethod
        def from_pretrained(source: str, **options: Any) -> None:
            given.update(options)

    monkeypatch.setattr("transformers.BitsAndBytesConfig", BitsAndBytesConfig)
    monkeypatch.setattr(loading, "find_spec", lambda name: True)
    at = Checkpoint("org/name", "a" * 40, Identity("org/name", "a" * 40))
    loading._model(Auto, at, {**loading.SETTINGS, **settings}, torch.bfloat16)
    assert given.items() >= {**expected, "dtype": torch.bfloat16, "revision": "a" * 40}.items()
    if settings.get("quantization") == "4bit":
        assert given["bnb_4bit_compute_dtype"] is torch.bfloat16


def test_quantisation_without_its_packages_is_one_line(checkpoint: Checkpoint) -> None:
    if find_spec("accelerate") and find_spec("bitsandbytes"):
        pytest.skip("accelerate and bitsandbytes are installed")
    model = model_of(f"hf/{checkpoint('llava')}", ModelOptions(settings=(("quantization", "4bit"),)))
    with pytest.raises(HemmError, match="need"):
        asyncio.run(model.start())
