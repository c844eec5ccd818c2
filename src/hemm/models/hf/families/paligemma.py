"""PaliGemma: pictures, then the prompt and a line break; no chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import BadData, Media, Message
from hemm.models.hf.families import Family, decoded
from hemm.models.hf.families.one_picture import text_of


class PaliGemma(Family):
    """The question after all pictures (arXiv 2407.07726, section 3). A chat template takes precedence."""

    needs_template = False
    templated = False

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """Raises BadData where a request has no picture."""
        texts, pictures = [], []
        for messages in conversations:
            shots = [decoded(p) for m in messages for p in m.parts if isinstance(p, Media)]
            if not shots:
                raise BadData("models of the family paligemma take at least one picture in a request")
            pictures.append(shots)
            texts.append(self.processor.image_token * len(shots) + "\n".join(text_of(m) for m in messages))
        inputs = self.processor(images=pictures, text=texts, padding=True, return_tensors="pt")
        inputs.pop("labels", None)
        return inputs

    def lead(self) -> str:
        """Nothing: the processor ends the prompt with a line break."""
        return ""

    def takes_system(self) -> bool:
        """A system prompt is written before the question."""
        return True
