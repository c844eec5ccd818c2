"""Llama 4: prompted by its chat template; one version of transformers needs help."""

from __future__ import annotations

from typing import Any

from hemm.models.hf.families import Family


class Llama4(Family):
    """The generic family, with a repair of ``generate``."""

    def generate(self, model: Any, **settings: Any) -> Any:
        """Generate after adding a field that transformers 5.24.0 expects in the language model's output."""
        from transformers.modeling_outputs import MoeCausalLMOutputWithPast

        if not hasattr(MoeCausalLMOutputWithPast, "image_outputs"):
            MoeCausalLMOutputWithPast.image_outputs = None
        return model.generate(**settings)
