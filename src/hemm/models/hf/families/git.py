"""GIT: one picture; the model continues the question."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families.one_picture import OnePicture


class Git(OnePicture):
    """The question after the start mark, without an end mark (arXiv 2205.14100, section 3.3)."""

    def encode(self, texts: list[str], pictures: list[Any]) -> Any:
        tokenizer = self.processor.tokenizer
        start = tokenizer.cls_token or tokenizer.bos_token or ""
        return self.processor(
            images=pictures,
            text=[start + text for text in texts],
            padding=True,
            add_special_tokens=False,
            return_tensors="pt",
        )
