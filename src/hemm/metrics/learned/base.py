"""Base of metrics that compute their values with a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from hemm.core import HemmError, Judged, MissingExtra, Outcome, Response, Sample
from hemm.metrics.base import SampleMetric, one_of
from hemm.metrics.learned.torch_batches import DTYPES


@dataclass(frozen=True)
class LearnedMetric(SampleMetric):
    """A metric that needs weights: a checkpoint on the hub or in a folder.

    model       a name on the hub, or a folder (./x, /x, ~/x)
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most texts or pictures in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    model: str = ""
    revision: str = ""
    download: str = "no"
    dtype: str = "float32"
    batch_size: str = "auto"
    device: str = "auto"

    needs = frozenset({"weights"})

    def __post_init__(self) -> None:
        one_of("download", self.download, ("yes", "no"))
        one_of("dtype", self.dtype, DTYPES)
        size = self.batch_size
        if size != "auto" and not (size.isdecimal() and int(size) >= 1):
            raise HemmError(
                f"metric parameter batch_size={size!r} is neither auto nor a whole number above 0"
            )

    @property
    def settings(self) -> Mapping[str, str]:
        """What else than checkpoint and revision changes values; empty values are left out."""
        return {}

    @property
    def parameters(self) -> Mapping[str, str]:
        """Checkpoint and revision, once ``prepared`` has found it, and what else changes values."""
        values = {"model": self.model, "revision": self.revision, **self.settings}
        if self.dtype != "float32":
            values["dtype"] = self.dtype
        return {name: value for name, value in values.items() if value}

    def prepared(self) -> Self:
        """The same metric with the revision of the weights on this machine, or downloaded if so asked.

        Raises MissingExtra without torch and transformers, HemmError where there are no weights.
        """
        return replace(self, revision=self.resolved()[1])

    def resolved(self) -> tuple[Path, str]:
        """Folder and revision of the checkpoint. Raises as ``prepared``."""
        if any(find_spec(package) is None for package in ("torch", "transformers")):
            raise MissingExtra(f"metric {self.name}", "hf")
        from hemm.metrics.learned.weights import folder_weights, hub_weights, is_folder

        if is_folder(self.model):
            return folder_weights(self.name, Path(self.model).expanduser(), self.revision)
        return hub_weights(self.name, self.model, self.revision, download=self.download == "yes")

    def value(self, answer: Any, sample: Sample) -> float:
        """The main value of one answer; NaN where there is none."""
        judged = Judged(sample, 0, Response(text=str(answer)), Outcome.OK, answer)
        score = self.score([[judged]])[0][""]
        return math.nan if score is None else score

    def chance(self, group: Sequence[Sample]) -> float | None:
        """Not defined: guessing has no options here."""
        return None
