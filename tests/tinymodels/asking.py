"""What tests of transformers models share: built and started checkpoints, pictures, requests."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hemm.core import Generation, Media, Message, Request
from hemm.models import ModelOptions, resolve
from tinymodels import FAMILIES, build

Checkpoint = Callable[[str], Path]
Started = Callable[[str], Any]
_STARTED: dict[str, Any] = {}

OPTIONS = ("yes", "no", "maybe a green dog", "maybe a green", "")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, far slower where the cores are busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The folder of a family's tiny checkpoint, built once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "checkpoints"
    shared.mkdir(exist_ok=True)

    def get(name: str) -> Path:
        if FAMILIES[name].torchvision and find_spec("torchvision") is None:
            pytest.skip(f"{name} needs torchvision: pip install -c constraints.txt torchvision")
        if not (shared / name).is_dir():
            made = build(name, tmp_path_factory.mktemp("building"))
            try:
                made.rename(shared / name)
            except OSError:  # another process was faster
                assert (shared / name).is_dir()
        return shared / name

    return get


@pytest.fixture(scope="session")
def started(checkpoint: Checkpoint) -> Started:
    """A started model of a family, loaded once."""

    def get(name: str) -> Any:
        folder = checkpoint(name)
        if name not in _STARTED:
            _STARTED[name] = resolve(f"hf/{folder}", ModelOptions(settings=(("device", "cpu"),)))
            asyncio.run(_STARTED[name].start())
        return _STARTED[name]

    return get


def picture(seed: int, size: tuple[int, int] = (40, 30)) -> Media:
    """Two halves of strong colours, so that pictures differ for any encoder."""
    colours = [((seed * k) % 256, (seed * 5 + 40 * k) % 256, (200 + 90 * seed * k) % 256) for k in (1, 3)]
    drawn = Image.new("RGB", size, colours[0])
    drawn.paste(colours[1], (0, 0, size[0] // 2, size[1] * (1 + seed % 3) // 3))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return Media(out.getvalue())


def request(id: object, *parts: str | Media, options: tuple[str, ...] = (), **generation: Any) -> Request:
    g = Generation(**{"max_new_tokens": 10, **generation})
    return Request(str(id), 0, (Message("user", parts),), g, str(id), options)
