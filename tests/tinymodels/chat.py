"""Builders of later families that are prompted by a chat template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinymodels.families import CHAT, SPACED, TEXT, ends, ids, qwen_ids, qwen_text, qwen_tokenizer, siglip
from tinymodels.tokenizer import tokenizer


def _clip() -> dict[str, Any]:
    return {**siglip(), "model_type": "clip_vision_model", "projection_dim": 32}


def _siglip_tower() -> dict[str, Any]:
    return {**siglip(), "model_type": "siglip_vision_model", "vision_use_head": False}


def _text(tok: Any, kind: str) -> dict[str, Any]:
    return {**TEXT, "model_type": kind, "vocab_size": len(tok), **ends(tok)}


def llava_next(folder: Path) -> Any:
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
    )

    tok = tokenizer(image_token="<image>")
    places = [[32, 64], [64, 32], [64, 64]]
    pictures = LlavaNextImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_grid_pinpoints=places
    )
    LlavaNextProcessor(
        pictures,
        tok,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT.replace("IMAGE", "<image>"),
    ).save_pretrained(folder)
    config = LlavaNextConfig(
        vision_config=_clip(),
        text_config=_text(tok, "llama"),
        image_token_index=tok.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=places,
        vision_feature_layer=-1,
    )
    return LlavaNextForConditionalGeneration(config)


def llava_onevision(folder: Path) -> Any:
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessorPil,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    tok = tokenizer(image_token="<image>", video_token="<video>")
    places, size = [[32, 32], [32, 64], [64, 32], [64, 64]], {"height": 32, "width": 32}
    LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessorPil(size=size, image_grid_pinpoints=places),
        tok,
        LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=CHAT.replace("IMAGE", "<image>"),
    ).save_pretrained(folder)
    config = LlavaOnevisionConfig(
        vision_config=_siglip_tower(),
        text_config=_text(tok, "qwen2"),
        image_token_index=tok.convert_tokens_to_ids("<image>"),
        video_token_index=tok.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=places,
    )
    return LlavaOnevisionForConditionalGeneration(config)


def vipllava(folder: Path) -> Any:
    from transformers import (
        CLIPImageProcessorPil,
        LlavaProcessor,
        VipLlavaConfig,
        VipLlavaForConditionalGeneration,
    )

    tok = tokenizer(image_token="<image>")
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        pictures,
        tok,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT.replace("IMAGE", "<image>"),
    ).save_pretrained(folder)
    config = VipLlavaConfig(
        vision_config=_clip(),
        text_config=_text(tok, "llama"),
        image_token_index=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layers=[-1, -2],
    )
    return VipLlavaForConditionalGeneration(config)


def idefics2(folder: Path) -> Any:
    from transformers import (
        Idefics2Config,
        Idefics2ForConditionalGeneration,
        Idefics2ImageProcessorPil,
        Idefics2Processor,
    )

    tok = tokenizer(image_token="<image>", image_boundary_token="<fake_token_around_image>")
    pictures = Idefics2ImageProcessorPil(
        size={"shortest_edge": 16, "longest_edge": 32}, do_image_splitting=False
    )
    Idefics2Processor(
        pictures, tok, image_seq_len=4, chat_template=SPACED.replace("IMAGE", "<image>")
    ).save_pretrained(folder)
    config = Idefics2Config(
        vision_config=siglip(),
        perceiver_config={
            "hidden_size": 32,
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 4,
            "resampler_head_dim": 8,
            "num_key_value_heads": 2,
        },
        text_config=_text(tok, "mistral"),
        image_token_id=tok.convert_tokens_to_ids("<image>"),
    )
    return Idefics2ForConditionalGeneration(config)


def smolvlm(folder: Path) -> Any:
    """Saved by the processor of Idefics3, which writes the same files: its own wants another package."""
    import json

    from transformers import (
        Idefics3Processor,
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessorPil,
    )

    from tinymodels.families import idefics3_config, idefics3_tokenizer

    tok = idefics3_tokenizer()
    pictures = SmolVLMImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    Idefics3Processor(
        pictures, tok, image_seq_len=4, chat_template=SPACED.replace("IMAGE", "<image>")
    ).save_pretrained(folder)
    written = folder / "processor_config.json"
    written.write_text(json.dumps({**json.loads(written.read_text()), "processor_class": "SmolVLMProcessor"}))
    return SmolVLMForConditionalGeneration(SmolVLMConfig(**idefics3_config(tok)))


def internvl(folder: Path) -> Any:
    from transformers import (
        GotOcr2ImageProcessorPil,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    tok = tokenizer(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    size = {"height": 32, "width": 32}
    InternVLProcessor(
        GotOcr2ImageProcessorPil(size=size, crop_to_patches=False),
        tok,
        InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=CHAT.replace("IMAGE", "<IMG_CONTEXT>"),
    ).save_pretrained(folder)
    config = InternVLConfig(
        vision_config={**siglip(), "image_size": [32, 32], "patch_size": [8, 8]},
        text_config=_text(tok, "qwen2"),
        image_token_id=tok.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    return InternVLForConditionalGeneration(config)


def qwen3_vl(folder: Path) -> Any:
    from transformers import (
        Qwen2VLImageProcessorPil,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tok = qwen_tokenizer()
    sizes = {"patch_size": 8, "size": {"shortest_edge": 256, "longest_edge": 1024}}
    Qwen3VLProcessor(
        Qwen2VLImageProcessorPil(**sizes),
        tok,
        Qwen3VLVideoProcessor(**sizes),
        chat_template=CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"),
    ).save_pretrained(folder)
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "out_hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 4,
        "patch_size": 8,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
    }
    text = {**qwen_text(tok), "head_dim": 8}
    text["rope_parameters"] = {**text["rope_parameters"], "mrope_interleaved": True}
    config = Qwen3VLConfig(vision_config=vision, text_config=text, **qwen_ids(tok))
    return Qwen3VLForConditionalGeneration(config)


def aya_vision(folder: Path) -> Any:
    from transformers import (
        AyaVisionConfig,
        AyaVisionForConditionalGeneration,
        AyaVisionProcessor,
        GotOcr2ImageProcessorPil,
    )

    marks = ("<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE_GLOBAL")
    tok = tokenizer(*marks, image_token="<image>")
    AyaVisionProcessor(
        GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}, crop_to_patches=False),
        tok,
        patch_size=8,
        img_size=32,
        downsample_factor=2,
        chat_template=CHAT.replace("IMAGE", "<image>"),
    ).save_pretrained(folder)
    config = AyaVisionConfig(
        vision_config=_siglip_tower(),
        text_config={**_text(tok, "cohere2"), "head_dim": 8},
        image_token_index=tok.convert_tokens_to_ids("<|IMG_PATCH|>"),
    )
    return AyaVisionForConditionalGeneration(config)


def mistral3(folder: Path) -> Any:
    from transformers import (
        Mistral3Config,
        Mistral3ForConditionalGeneration,
        PixtralImageProcessorPil,
        PixtralProcessor,
    )

    tok = tokenizer("[IMG_BREAK]", "[IMG_END]", image_token="[IMG]")
    pictures = PixtralImageProcessorPil(size={"longest_edge": 32}, patch_size=16)
    PixtralProcessor(
        pictures, tok, patch_size=8, spatial_merge_size=2, chat_template=CHAT.replace("IMAGE", "[IMG]")
    ).save_pretrained(folder)
    config = Mistral3Config(
        vision_config={**siglip(), "model_type": "pixtral", "head_dim": 8},
        text_config={**_text(tok, "mistral"), "head_dim": 8},
        **ids(tok, image_token_index="[IMG]"),
    )
    return Mistral3ForConditionalGeneration(config)


def deepseek_vl(folder: Path) -> Any:
    from transformers import (
        DeepseekVLConfig,
        DeepseekVLForConditionalGeneration,
        DeepseekVLImageProcessorPil,
        DeepseekVLProcessor,
    )

    tok = tokenizer(image_token="<image_placeholder>")
    pictures = DeepseekVLImageProcessorPil(size={"height": 32, "width": 32}, min_size=4)
    DeepseekVLProcessor(
        pictures, tok, num_image_tokens=16, chat_template=CHAT.replace("IMAGE", "<image_placeholder>")
    ).save_pretrained(folder)
    config = DeepseekVLConfig(
        vision_config=_siglip_tower(),
        text_config=_text(tok, "llama"),
        image_token_id=tok.convert_tokens_to_ids("<image_placeholder>"),
    )
    return DeepseekVLForConditionalGeneration(config)


def chameleon(folder: Path) -> Any:
    from transformers import (
        ChameleonConfig,
        ChameleonForConditionalGeneration,
        ChameleonImageProcessorPil,
        ChameleonProcessor,
    )

    digits = "ABCDEFGHIJ"
    visual = [f"IMGIMG{digits[n // 10]}{digits[n % 10]}Z" for n in range(16)]
    tok = tokenizer(*visual, "<racm3:break>", "<eoss>", "<reserved08706>", image_token="<image>")
    pictures = ChameleonImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    tok.chat_template = CHAT.replace("IMAGE", "<image>")
    ChameleonProcessor(pictures, tok, image_seq_length=16).save_pretrained(folder)
    codes = {
        "embed_dim": 8,
        "num_embeddings": len(visual),
        "latent_channels": 8,
        "resolution": 32,
        "base_channels": 32,
        "channel_multiplier": [1, 1, 1, 1],
        "num_res_blocks": 1,
    }
    config = ChameleonConfig(
        **{**TEXT, "num_key_value_heads": 4},
        vocab_size=len(tok),
        vq_config=codes,
        vocabulary_map=tok.get_vocab(),
        **ends(tok),
    )
    return ChameleonForConditionalGeneration(config)


def llama4(folder: Path) -> Any:
    from transformers import (
        Llama4Config,
        Llama4ForConditionalGeneration,
        Llama4ImageProcessor,
        Llama4Processor,
    )

    marks = ("<|image_start|>", "<|image_end|>", "<|patch|>", "<|tile_x_separator|>", "<|tile_y_separator|>")
    tok = tokenizer(*marks, image_token="<|image|>")
    pictures = Llama4ImageProcessor(size={"height": 32, "width": 32}, max_patches=2)
    Llama4Processor(
        pictures, tok, patch_size=8, pixel_shuffle_ratio=0.5, chat_template=CHAT.replace("IMAGE", "<|image|>")
    ).save_pretrained(folder)
    config = Llama4Config(
        vision_config={
            **siglip(),
            "intermediate_size": 128,
            "vision_output_dim": 32,
            "projector_input_dim": 32,
            "projector_output_dim": 32,
        },
        text_config={
            **TEXT,
            "intermediate_size_mlp": 48,
            "head_dim": 8,
            "num_local_experts": 2,
            "vocab_size": len(tok),
            **ends(tok),
        },
        **ids(
            tok,
            boi_token_index="<|image_start|>",
            eoi_token_index="<|image_end|>",
            image_token_index="<|patch|>",
        ),
    )
    return Llama4ForConditionalGeneration(config)


def gemma4(folder: Path) -> Any:
    from transformers import (
        Gemma4AudioFeatureExtractor,
        Gemma4Config,
        Gemma4ForConditionalGeneration,
        Gemma4ImageProcessorPil,
        Gemma4Processor,
        Gemma4VideoProcessor,
    )

    tok = tokenizer(
        "<|channel>",
        "<channel|>",
        image_token="<|image|>",
        boi_token="<|image>",
        eoi_token="<image|>",
        audio_token="<|audio|>",
        boa_token="<|audio>",
        eoa_token="<audio|>",
    )
    patches = {"patch_size": 4, "pooling_kernel_size": 3, "max_soft_tokens": 70}
    Gemma4Processor(
        Gemma4AudioFeatureExtractor(),
        Gemma4ImageProcessorPil(**patches),
        tok,
        Gemma4VideoProcessor(**patches),
        chat_template=CHAT.replace("IMAGE", "<|image|>"),
    ).save_pretrained(folder)
    text = _text(tok, "gemma4_text")
    config = Gemma4Config(
        text_config={
            **text,
            "vocab_size": len(tok) + 1,
            "vocab_size_per_layer_input": len(tok) + 1,
            "hidden_size_per_layer_input": 8,
            "head_dim": 8,
            "global_head_dim": 8,
            "num_kv_shared_layers": 0,
            "layer_types": ["sliding_attention", "full_attention"],
            "sliding_window": 512,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": 8,
            "patch_size": 4,
            "position_embedding_size": 1024,
        },
        audio_config=None,
        **ids(
            tok,
            image_token_id="<|image|>",
            boi_token_id="<|image>",
            eoi_token_id="<image|>",
            audio_token_id="<|audio|>",
            boa_token_id="<|audio>",
            eoa_token_index="<audio|>",
        ),
        video_token_id=len(tok),
    )
    return Gemma4ForConditionalGeneration(config)
