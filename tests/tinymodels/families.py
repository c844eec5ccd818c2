"""One builder a family: processor saved, model returned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinymodels.tokenizer import tokenizer

CHAT = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""A chat template as most have it; IMAGE stands for the family's own mark."""

SPACED = (
    "{% for m in messages %}{{ m['role'] | capitalize }}:{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ ' ' + c['text'] }}{% endif %}{% endfor %}"
    "{{ '<|end|>' }}\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""A chat template that writes a blank before each text, answers too (as Idefics does)."""

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}


def ids(tok: Any, **names: str) -> dict[str, int]:
    return {key: tok.convert_tokens_to_ids(token) for key, token in names.items()}


def ends(tok: Any) -> dict[str, int]:
    return {
        "bos_token_id": tok.bos_token_id,
        "eos_token_id": tok.eos_token_id,
        "pad_token_id": tok.pad_token_id,
    }


def siglip() -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
    }


def llava(folder: Path) -> Any:
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
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
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**siglip(), projection_dim=32).to_dict(),
        text_config=LlamaConfig(**TEXT, vocab_size=len(tok), **ends(tok)).to_dict(),
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    return LlavaForConditionalGeneration(config)


def idefics3_tokenizer() -> Any:
    return tokenizer(
        image_token="<image>",
        fake_image_token="<fake_token_around_image>",
        global_image_token="<global-img>",
        end_of_utterance_token="<end_of_utterance>",
        image_boundary_token="<image_boundary>",
    )


def idefics3_config(tok: Any) -> dict[str, Any]:
    from transformers import LlamaConfig

    return {
        "vision_config": siglip(),
        "text_config": LlamaConfig(**TEXT, vocab_size=len(tok), **ends(tok)).to_dict(),
        "image_token_id": tok.convert_tokens_to_ids("<image>"),
        "scale_factor": 2,
        "pad_token_id": tok.pad_token_id,
    }


def idefics3(folder: Path) -> Any:
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
    )

    tok = idefics3_tokenizer()
    pictures = Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    Idefics3Processor(
        pictures, tok, image_seq_len=4, chat_template=SPACED.replace("IMAGE", "<image>")
    ).save_pretrained(folder)
    return Idefics3ForConditionalGeneration(Idefics3Config(**idefics3_config(tok)))


def gemma3(folder: Path) -> Any:
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    tok = tokenizer(
        image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>"
    )
    pictures = Gemma3ImageProcessorPil(size={"height": 32, "width": 32}, do_pan_and_scan=False)
    Gemma3Processor(
        pictures, tok, image_seq_length=4, chat_template=CHAT.replace("IMAGE", "<start_of_image>")
    ).save_pretrained(folder)
    marks = ids(
        tok,
        image_token_index="<image_soft_token>",
        boi_token_index="<start_of_image>",
        eoi_token_index="<end_of_image>",
    )
    text = {**TEXT, "head_dim": 8, "vocab_size": len(tok), "sliding_window": 16, **ends(tok)}
    config = Gemma3Config(
        text_config=text,
        vision_config=siglip(),
        mm_tokens_per_image=4,
        **marks,
        eos_token_id=tok.eos_token_id,
    )
    return Gemma3ForConditionalGeneration(config)


def mllama(folder: Path) -> Any:
    from transformers import (
        MllamaConfig,
        MllamaForConditionalGeneration,
        MllamaImageProcessorPil,
        MllamaProcessor,
    )
    from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

    tok = tokenizer(image_token="<|image|>")
    pictures = MllamaImageProcessorPil(size={"height": 32, "width": 32}, max_image_tiles=2)
    MllamaProcessor(pictures, tok, chat_template=CHAT.replace("IMAGE", "<|image|>")).save_pretrained(folder)
    vision = MllamaVisionConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_global_layers=1,
        attention_heads=4,
        image_size=32,
        patch_size=8,
        max_num_tiles=2,
        vision_output_dim=64,
        intermediate_layers_indices=[1],
        supported_aspect_ratios=[[1, 1], [1, 2], [2, 1]],
    )
    text = MllamaTextConfig(
        **{**TEXT, "num_hidden_layers": 4}, vocab_size=len(tok), cross_attention_layers=[1, 3], **ends(tok)
    )
    config = MllamaConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_index=tok.convert_tokens_to_ids("<|image|>"),
    )
    return MllamaForConditionalGeneration(config)


def _blip2(folder: Path, text: Any) -> Any:
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        BlipImageProcessorPil,
    )

    tok = tokenizer("<image>")
    pictures = BlipImageProcessorPil(size={"height": 32, "width": 32})
    Blip2Processor(pictures, tok, num_query_tokens=4).save_pretrained(folder)
    qformer = Blip2QFormerConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        encoder_hidden_size=32,
        vocab_size=32,
    )
    config = Blip2Config(
        vision_config=Blip2VisionConfig(**siglip()).to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=text(tok).to_dict(),
        num_query_tokens=4,
        image_token_index=tok.convert_tokens_to_ids("<image>"),
    )
    return Blip2ForConditionalGeneration(config)


def blip2(folder: Path) -> Any:
    from transformers import OPTConfig

    def text(tok: Any) -> Any:
        return OPTConfig(
            hidden_size=32,
            ffn_dim=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=512,
            word_embed_proj_dim=32,
            vocab_size=len(tok),
            **ends(tok),
        )

    return _blip2(folder, text)


def blip2_t5(folder: Path) -> Any:
    from transformers import T5Config

    def text(tok: Any) -> Any:
        return T5Config(
            d_model=32,
            d_ff=48,
            d_kv=8,
            num_layers=2,
            num_heads=4,
            vocab_size=len(tok),
            decoder_start_token_id=tok.pad_token_id,
            eos_token_id=tok.eos_token_id,
            pad_token_id=tok.pad_token_id,
            feed_forward_proj="gated-gelu",
        )

    return _blip2(folder, text)


def qwen_tokenizer() -> Any:
    return tokenizer(
        "<|vision_start|>", "<|vision_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>"
    )


def qwen_processor(folder: Path, tok: Any, kind: Any) -> None:
    from transformers import Qwen2VLImageProcessorPil, Qwen2VLVideoProcessor

    sizes = {"patch_size": 8, "size": {"shortest_edge": 256, "longest_edge": 1024}}
    template = CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    kind(
        Qwen2VLImageProcessorPil(**sizes), tok, Qwen2VLVideoProcessor(**sizes), chat_template=template
    ).save_pretrained(folder)


def qwen_ids(tok: Any) -> dict[str, int]:
    return ids(
        tok,
        image_token_id="<|image_pad|>",
        video_token_id="<|video_pad|>",
        vision_start_token_id="<|vision_start|>",
        vision_end_token_id="<|vision_end|>",
    )


def qwen_text(tok: Any) -> dict[str, Any]:
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    return {**TEXT, "vocab_size": len(tok), "rope_parameters": rope, **ends(tok)}


def qwen2_vl(folder: Path) -> Any:
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor

    tok = qwen_tokenizer()
    qwen_processor(folder, tok, Qwen2VLProcessor)
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 8}
    config = Qwen2VLConfig(vision_config=vision, text_config=qwen_text(tok), **qwen_ids(tok))
    return Qwen2VLForConditionalGeneration(config)


def qwen2_5_vl(folder: Path) -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

    tok = qwen_tokenizer()
    qwen_processor(folder, tok, Qwen2_5_VLProcessor)
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "out_hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 4,
        "patch_size": 8,
        "window_size": 32,
        "fullatt_block_indexes": [1],
    }
    config = Qwen2_5_VLConfig(vision_config=vision, text_config=qwen_text(tok), **qwen_ids(tok))
    return Qwen2_5_VLForConditionalGeneration(config)
