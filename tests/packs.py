"""Pictures and tasks of a few lines, for tests that prepare packs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from hemm.core import Card, Layout, Sample, Task
from hemm.data.sources.kinds import Generated
from hemm.parsing.formats import ShortAnswer


def png(seed: int, size: int = 16, mode: str = "RGB") -> bytes:
    """A noisy PNG: its bytes cannot be compressed away."""
    shape = (size, size) if mode == "L" else (size, size, len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, mode=None).save(out, "PNG")
    return out.getvalue()


def task_of(read: Callable[[Path], Iterator[Sample]], name: str = "made", revision: str = "1") -> Task:
    """A task whose samples ``read`` draws."""
    card = Card(title="Made", licence="CC0-1.0", citation="nobody")
    return Task(
        name, card, (Generated(Layout((), read), revision),), "{{ image }}", ShortAnswer(), ("accuracy",)
    )
