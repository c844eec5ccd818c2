"""Emu3: understands pictures by its chat template, and draws one from a text, as tokens of one vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hemm.core import Generation, HemmError, Message
from hemm.models.hf.families import Family
from hemm.models.hf.families.one_picture import text_of

AREA = 720 * 720
"""Pixels of a drawn picture, as in the paper (arXiv 2409.18869, section 3)."""


class Emu3(Family):
    """Draws pictures row by row: visual tokens, a mark after each row, and three marks at the end.

    ``max_pixels`` of the request bounds their size. Guidance, if the checkpoint has a scale for it, is
    against the empty text.
    """

    needs_template = False

    def inputs(self, conversations: Sequence[Sequence[Message]]) -> Any:
        """Raises HemmError for a checkpoint that only draws: it has no chat template."""
        if self.processor.chat_template is None:
            raise HemmError("this checkpoint has no chat template: it draws pictures and does no more")
        return super().inputs(conversations)

    def generate(self, model: Any, **settings: Any) -> Any:
        """Generate text. Pictures are encoded one by one, since padding to the largest changes their
        tokens."""
        import torch

        prompt, pictures = settings["input_ids"], settings.pop("pixel_values", None)
        sizes = settings.pop("image_sizes", None)
        if pictures is None:
            return model.generate(**settings)
        tokens = [
            model.model.get_image_tokens(picture[None, :, : size[0], : size[1]], size[None])
            for picture, size in zip(pictures, sizes, strict=True)
        ]
        marks = prompt == self.processor.image_token_id
        settings["input_ids"] = prompt.masked_scatter(marks, torch.cat(tokens).to(prompt))
        output = model.generate(**settings)
        if not settings.get("return_dict_in_generate"):
            output[:, : prompt.shape[1]] = prompt
        return output

    def drawing_inputs(self, conversations: Sequence[Sequence[Message]], generation: Generation) -> Any:
        area = min(AREA, generation.max_pixels or AREA)
        texts = ["\n".join(text_of(m) for m in messages) for messages in conversations]
        empty = self._encoded([""] * len(texts), area)
        return self._encoded(texts, area) | {f"negative_{name}": value for name, value in empty.items()}

    def _encoded(self, texts: list[str], area: int) -> dict[str, Any]:
        import torch

        batch = self.processor(
            text=texts,
            return_for_image_generation=True,
            ratio="1:1",
            image_area=area,
            padding=True,
            return_tensors="pt",
        )
        return {name: torch.as_tensor(value) for name, value in batch.items()}

    def draw(self, model: Any, inputs: dict[str, Any], **sampling: Any) -> list[Any]:
        height, width = (int(n) for n in inputs["image_sizes"][0])
        length = inputs["input_ids"].shape[1]
        guided = (model.generation_config.guidance_scale or 1) > 1
        if guided:
            sampling["negative_prompt_ids"] = inputs["negative_input_ids"]
            sampling["negative_prompt_attention_mask"] = inputs["negative_attention_mask"]
        tokens = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=height * (width + 1) + 3,
            prefix_allowed_tokens_fn=self._allowed(model, length, height, width),
            **sampling,
        )
        # one by one: in a batch the last bit of a pixel depends on the other pictures
        pixels = [
            model.model.decode_image_tokens(one[None, length:], height=height, width=width)[0].float().cpu()
            for one in tokens
        ]
        batch = self.processor.postprocess(pixels, return_tensors="PIL.Image.Image")
        return list(batch["pixel_values"])

    def _allowed(self, model: Any, start: int, height: int, width: int) -> Callable[[int, Any], list[int]]:
        """The tokens allowed at each position of a picture of ``height`` x ``width`` tokens."""
        tokenizer, words = self.processor.tokenizer, model.model.vocabulary_mapping
        names = (self.processor.eof_token, self.processor.image_end_token, tokenizer.eos_token)
        after = [tokenizer.convert_tokens_to_ids(name) for name in names]
        drawn, row_end = list(words.image_tokens), [words.eol_token_id]

        def allowed(_: int, ids: Any) -> list[int]:
            rows, column = divmod(int(ids.shape[-1]) - start, width + 1)
            if rows >= height:
                return [after[min(column, 2)]]
            return row_end if column == width else drawn

        return allowed
