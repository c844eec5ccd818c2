"""Builders of families that are prompted without a chat template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinymodels.families import TEXT, ends, siglip
from tinymodels.tokenizer import tokenizer

QFORMER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "encoder_hidden_size": 32,
}


def t5(tok: Any) -> Any:
    from transformers import T5Config

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


def _llama(tok: Any) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(**TEXT, vocab_size=len(tok), **ends(tok))


def _instructblip(folder: Path, text: Any) -> Any:
    from transformers import (
        BlipImageProcessorPil,
        InstructBlipConfig,
        InstructBlipForConditionalGeneration,
        InstructBlipProcessor,
        InstructBlipQFormerConfig,
        InstructBlipVisionConfig,
    )

    tok, second = tokenizer("<image>"), tokenizer()
    pictures = BlipImageProcessorPil(size={"height": 32, "width": 32})
    InstructBlipProcessor(pictures, tok, second, num_query_tokens=4).save_pretrained(folder)
    config = InstructBlipConfig(
        vision_config=InstructBlipVisionConfig(**siglip()).to_dict(),
        qformer_config=InstructBlipQFormerConfig(**QFORMER, vocab_size=len(second)).to_dict(),
        text_config=text(tok).to_dict(),
        num_query_tokens=4,
        image_token_index=tok.convert_tokens_to_ids("<image>"),
    )
    return InstructBlipForConditionalGeneration(config)


def instructblip(folder: Path) -> Any:
    return _instructblip(folder, _llama)


def instructblip_t5(folder: Path) -> Any:
    return _instructblip(folder, t5)


def kosmos2(folder: Path) -> Any:
    from transformers import (
        CLIPImageProcessorPil,
        Kosmos2Config,
        Kosmos2ForConditionalGeneration,
        Kosmos2Processor,
    )

    tok = tokenizer(unknown=True)
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    Kosmos2Processor(pictures, tok, num_patch_index_tokens=16).save_pretrained(folder)
    text = {
        "vocab_size": len(tok),
        "embed_dim": 32,
        "layers": 2,
        "ffn_dim": 48,
        "attention_heads": 4,
        "max_position_embeddings": 512,
        **ends(tok),
    }
    config = Kosmos2Config(text_config=text, vision_config=siglip(), latent_query_num=4)
    return Kosmos2ForConditionalGeneration(config)


def fuyu(folder: Path) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import (
        FuyuConfig,
        FuyuForCausalLM,
        FuyuImageProcessorPil,
        FuyuProcessor,
        PreTrainedTokenizerFast,
    )

    marks = ["<unk>", "<s>", "</s>", "<pad>", "|SPEAKER|", "|NEWLINE|", "<0x04>", "▁"]
    letters = [chr(c) for c in range(33, 127)] + ["\n"]
    inner = Tokenizer(models.Unigram([(piece, -1.0) for piece in marks + letters], unk_id=0))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " ")])
    tok = PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    size, patch = {"height": 32, "width": 48}, {"height": 8, "width": 8}
    FuyuProcessor(FuyuImageProcessorPil(size=size, patch_size=patch), tok).save_pretrained(folder)
    text = {
        **TEXT,
        "model_type": "persimmon",
        "vocab_size": len(tok),
        "partial_rotary_factor": 0.5,
        **ends(tok),
    }
    text.pop("num_key_value_heads")
    ids = {"image_token_id": tok.convert_tokens_to_ids("|SPEAKER|")}
    config = FuyuConfig(text_config=text, patch_size=8, image_size=32, **ids, **ends(tok))
    return FuyuForCausalLM(config)


def idefics(folder: Path) -> Any:
    from transformers import (
        IdeficsConfig,
        IdeficsForVisionText2Text,
        IdeficsImageProcessorPil,
        IdeficsProcessor,
    )

    tok = tokenizer("<fake_token_around_image>", "<image>", "<end_of_utterance>")
    IdeficsProcessor(IdeficsImageProcessorPil(image_size=32), tok, image_size=32).save_pretrained(folder)
    vision = {**siglip(), "embed_dim": 32}
    vision.pop("hidden_size")
    config = IdeficsConfig(
        vocab_size=len(tok),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        alpha_initializer="ones",
        vision_config=vision,
        **ends(tok),
    )
    return IdeficsForVisionText2Text(config)


def git(folder: Path) -> Any:
    from transformers import CLIPImageProcessorPil, GitConfig, GitForCausalLM, GitProcessor

    tok = tokenizer()
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    GitProcessor(pictures, tok).save_pretrained(folder)
    config = GitConfig(
        vision_config=siglip(),
        vocab_size=len(tok),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        **ends(tok),
    )
    return GitForCausalLM(config)


def paligemma(folder: Path) -> Any:
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    tok = tokenizer(image_token="<image>")
    pictures = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    pictures.image_seq_length = 16
    PaliGemmaProcessor(pictures, tok).save_pretrained(folder)
    text = {**TEXT, "model_type": "gemma", "head_dim": 8, "vocab_size": len(tok), **ends(tok)}
    config = PaliGemmaConfig(
        vision_config={**siglip(), "model_type": "siglip_vision_model", "vision_use_head": False},
        text_config=text,
        image_token_index=tok.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        **ends(tok),
    )
    return PaliGemmaForConditionalGeneration(config)


def florence2(folder: Path) -> Any:
    from transformers import (
        BartConfig,
        CLIPImageProcessorPil,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
    )

    tok = tokenizer(image_token="<image>")
    pictures = CLIPImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    pictures.image_seq_length = 5
    Florence2Processor(pictures, tok).save_pretrained(folder)
    text = BartConfig(
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        vocab_size=len(tok),
        max_position_embeddings=512,
        decoder_start_token_id=tok.eos_token_id,
        forced_eos_token_id=None,
        **ends(tok),
    )
    vision = {
        "depths": (1, 1),
        "patch_size": (7, 3),
        "patch_stride": (4, 4),
        "patch_padding": (3, 1),
        "patch_prenorm": (False, True),
        "embed_dim": (16, 32),
        "num_heads": (2, 4),
        "num_groups": (2, 4),
        "window_size": 4,
        "projection_dim": 32,
    }
    config = Florence2Config(
        vision_config=vision, text_config=text.to_dict(), image_token_id=tok.convert_tokens_to_ids("<image>")
    )
    return Florence2ForConditionalGeneration(config)
