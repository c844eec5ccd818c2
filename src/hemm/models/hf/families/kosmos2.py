"""Kosmos-2: one picture; answers may carry marks that ground phrases in the picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import wraps
from typing import Any

from hemm.core import Message
from hemm.models.hf.families.one_picture import OnePicture, question_and_answer

_OBJECTS = re.compile(r"<object>.*?(</object>|$)", re.DOTALL)
_MARKS = re.compile(r"</?(phrase|grounding|delimiter_of_multi_objects|image|chunk|line|doc|object)/?>")
_PATCHES = re.compile(r"<patch_index_\d+>")


class Kosmos2(OnePicture):
    """``Question: ... Answer:`` (arXiv 2306.14824, section 4.3)."""

    lead_in = " "

    def encode(self, texts: list[str], pictures: list[Any]) -> Any:
        return self.processor(
            images=pictures,
            text=texts,
            padding=True,
            return_tensors="pt",
            num_image_tokens=self.config.latent_query_num,
        )

    def prompt(self, messages: Sequence[Message]) -> str:
        return question_and_answer(messages)

    def generate(self, model: Any, **settings: Any) -> Any:
        """Generate with positions that do not count padding.

        The family's own positions count it from the second token of the answer on.
        """
        text, first = model.text_model, model.text_model.model.embed_positions.padding_idx
        prepare = text.prepare_inputs_for_generation

        @wraps(prepare)
        def placed(*args: Any, **kwargs: Any) -> Any:
            made = prepare(*args, **kwargs)
            places = kwargs["position_ids"]  # from 0, without padding
            return {**made, "position_ids": places[:, -made["input_ids"].shape[1] :] + first + 1}

        text.prepare_inputs_for_generation = placed
        try:
            return model.generate(**settings)
        finally:
            del text.prepare_inputs_for_generation

    def cleaned(self, text: str) -> str:
        """The text without boxes and phrase marks; if nothing else is in it, the whole text."""
        bare = _PATCHES.sub("", _MARKS.sub("", _OBJECTS.sub("", text)))
        return text if bare == text else re.sub(r" {2,}", " ", bare).strip()
