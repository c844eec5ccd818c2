"""Builders of families that draw pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinymodels.families import CHAT, TEXT, ends
from tinymodels.tokenizer import tokenizer

CODES = 16
"""Visual tokens."""


def emu3(folder: Path) -> Any:
    from transformers import Emu3Config, Emu3ForConditionalGeneration, Emu3ImageProcessor, Emu3Processor

    visual = [f"<|visual token {n:06d}|>" for n in range(CODES)]
    tok = tokenizer(
        "<|extra_200|>",
        *visual,
        image_token="<image>",
        boi_token="<|image start|>",
        eoi_token="<|image end|>",
        image_wrapper_token="<|image token|>",
        eof_token="<|extra_201|>",
    )
    pictures = Emu3ImageProcessor(min_pixels=16 * 16, max_pixels=32 * 32)
    Emu3Processor(pictures, tok, chat_template=CHAT.replace("IMAGE", "<image>")).save_pretrained(folder)
    codes = {
        "codebook_size": CODES,
        "embed_dim": 4,
        "latent_channels": 4,
        "base_channels": 32,
        "channel_multiplier": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "attn_resolutions": [],
        "hidden_size": 32,
        "temporal_downsample_factor": 1,
    }
    vocabulary = tok.get_vocab()
    names = [*visual, "<|extra_200|>", "<image>"]
    config = Emu3Config(
        vq_config=codes,
        text_config={**TEXT, "vocab_size": len(tok), **ends(tok)},
        vocabulary_map={name: vocabulary[name] for name in names},
    )
    model = Emu3ForConditionalGeneration(config)
    model.generation_config.guidance_scale = 3.0
    return model


def janus(folder: Path) -> Any:
    from transformers import (
        JanusConfig,
        JanusForConditionalGeneration,
        JanusImageProcessorPil,
        JanusProcessor,
        LlamaConfig,
    )

    tok = tokenizer(
        image_token="<image_placeholder>", boi_token="<begin_of_image>", eoi_token="<end_of_image>"
    )
    pictures = JanusImageProcessorPil(size={"height": 32, "width": 32}, min_size=4)
    JanusProcessor(
        pictures, tok, num_image_tokens=16, chat_template=CHAT.replace("IMAGE", "<image_placeholder>")
    ).save_pretrained(folder)
    config = JanusConfig(
        text_config=LlamaConfig(**TEXT, vocab_size=len(tok), **ends(tok)).to_dict(),
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
            "mlp_ratio": 2,
            "projection_dim": 32,
            "num_image_tokens": 16,
        },
        vq_config={
            "embed_dim": 8,
            "num_embeddings": CODES,
            "latent_channels": 32,
            "base_channels": 32,
            "channel_multiplier": [1, 1],
            "num_res_blocks": 1,
            "projection_dim": 32,
            "image_token_embed_dim": 32,
        },
        image_token_id=tok.convert_tokens_to_ids("<image_placeholder>"),
    )
    return JanusForConditionalGeneration(config)
