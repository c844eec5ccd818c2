"""Janus: understands pictures by its chat template, and draws one from a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hemm.core import Generation, Message
from hemm.models.hf.families import Family


class Janus(Family):
    """Draws pictures token by token with guidance (arXiv 2410.13848; the checkpoint's scale, else 5)."""

    def generate(self, model: Any, **settings: Any) -> Any:
        """Generate text without the family's ``generate``, which drops logits processors."""
        return super(type(model), model).generate(guidance_scale=None, **settings)

    def drawing_inputs(self, conversations: Sequence[Sequence[Message]], generation: Generation) -> Any:
        texts = [self._render(self._chat(c), add_generation_prompt=True) for c in conversations]
        return self.processor(text=texts, generation_mode="image", padding=True, return_tensors="pt")

    def draw(self, model: Any, inputs: dict[str, Any], **sampling: Any) -> list[Any]:
        import PIL.Image
        import torch

        start = self.processor.tokenizer.convert_tokens_to_ids(self.processor.image_start_token)
        # transformers 5 reads the scale here, but does not load it from generation_config.json
        model.generation_config.generation_kwargs = {"boi_token_id": start}
        tokens = model.generate(**inputs, generation_mode="image", **sampling)
        # one by one: in a batch the last bit of a pixel depends on the other pictures
        pixels = torch.cat([model.decode_image_tokens(one[None]).float().cpu() for one in tokens])
        how = self.processor.image_processor
        # the processor's own conversion mistakes height for channels with Pillow's transforms
        values = (pixels * pixels.new_tensor(how.image_std) + pixels.new_tensor(how.image_mean)) * 255
        return [PIL.Image.fromarray(picture) for picture in values.clip(0, 255).byte().numpy()]
