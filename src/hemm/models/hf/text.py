"""``text/ORG/NAME`` and ``text/FOLDER``: any causal language model of transformers, without pictures.

What language alone gets of a task that shows pictures: the floor under a vision-language model.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hemm.core import Capabilities
from hemm.models.hf.adapter import HFModel, checkpoint_of
from hemm.models.hf.families import Family
from hemm.models.hf.families.text import PlainText
from hemm.models.hf.loading import SETTINGS as HF_SETTINGS
from hemm.models.hf.loading import Loaded, check, load_text, require_packages
from hemm.models.hf.prompt_options import PICTURE_OPTIONS
from hemm.models.options import ModelOptions

SETTINGS = {name: value for name, value in HF_SETTINGS.items() if name not in PICTURE_OPTIONS}
"""Settings (``--set``): those of ``hf/`` but for pictures."""


def open_text(spec: str, options: ModelOptions) -> TextModel:
    """A language model of the Hugging Face hub, or in a folder of this machine."""
    require_packages(spec)
    settings = {**HF_SETTINGS, **options.read("text", SETTINGS)}
    check(settings)
    return TextModel(spec, checkpoint_of(spec.removeprefix("text/"), options.revision), settings, options, 16)


class TextModel(HFModel):
    """A causal language model behind the shared batcher: prompts by its chat template, else as plain text."""

    @cached_property
    def capabilities(self) -> Capabilities:
        """Text alone: a task that shows pictures is refused unless it is asked without them."""
        return Capabilities(inputs=frozenset({"text"}), max_images=0, likelihood=True)

    @property
    def protocol_extra(self) -> tuple[tuple[str, str], ...]:
        """That the checkpoint answers as a language model, which it may be beside a vision-language one; and
        what it adds to greedy decoding."""
        return (("loaded_as", "language model"), *super().protocol_extra)

    def _load(self) -> Loaded:
        return load_text(self.spec, self._checkpoint, self._settings)

    def _family_of(self, processor: Any, config: Any) -> Family:
        return (Family if processor.chat_template else PlainText)(processor, config)
