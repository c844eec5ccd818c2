"""The bundled checkpoint as GGUF, for llama.cpp.

``python tiny_gguf.py CHECKPOINT OUT`` writes OUT/text.gguf and OUT/eyes.gguf. It runs in an environment with
gguf and safetensors, and needs no torch.

Names and layouts are those of llama.cpp's own converter (conversion/llama.py, conversion/smolvlm.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import safe_open


def tensors(folder: Path) -> dict[str, Any]:
    with safe_open(folder / "model.safetensors", "np") as file:
        return {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118


def permuted(weight: Any, heads: int) -> Any:
    """Rows of queries and keys as llama.cpp rotates them: pairs beside one another."""
    rows = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, rows, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def write_text(folder: Path, out: Path, found: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())["text_config"]
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
    file = gguf.GGUFWriter(str(out), "llama")
    file.add_name("tiny")
    file.add_file_type(gguf.LlamaFileType.ALL_F32)
    file.add_vocab_size(config["vocab_size"])
    file.add_context_length(config["max_position_embeddings"])
    file.add_embedding_length(config["hidden_size"])
    file.add_block_count(config["num_hidden_layers"])
    file.add_feed_forward_length(config["intermediate_size"])
    file.add_head_count(heads)
    file.add_head_count_kv(groups)
    file.add_rope_dimension_count(config["head_dim"])
    file.add_rope_freq_base(config.get("rope_theta") or config["rope_parameters"]["rope_theta"])
    file.add_layer_norm_rms_eps(config["rms_norm_eps"])
    special = {token["id"] for token in tokenizer["added_tokens"]}
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda row: row[1])
    kinds = [gguf.TokenType.CONTROL if n in special else gguf.TokenType.NORMAL for _, n in vocabulary]
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    texts = [text for text, _ in vocabulary]
    texts[-1] = "\u010a\u010a"  # llama.cpp writes two line breaks, as one token, before a picture
    file.add_token_list(texts)
    file.add_token_types(kinds)
    merges = tokenizer["model"]["merges"]
    file.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in merges])
    file.add_eos_token_id(config["eos_token_id"])
    file.add_pad_token_id(config["pad_token_id"])
    file.add_add_bos_token(False)
    file.add_chat_template((folder / "chat_template.jinja").read_text())
    names = {
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "mlp.down_proj": "ffn_down",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
    }
    file.add_tensor("token_embd.weight", found["model.text_model.embed_tokens.weight"])
    file.add_tensor("output_norm.weight", found["model.text_model.norm.weight"])
    for layer in range(config["num_hidden_layers"]):
        for name, short in names.items():
            weight = found[f"model.text_model.layers.{layer}.{name}.weight"]
            if short in ("attn_q", "attn_k"):
                weight = permuted(weight, heads if short == "attn_q" else groups)
            file.add_tensor(f"blk.{layer}.{short}.weight", np.ascontiguousarray(weight))
    close(file)


def write_eyes(folder: Path, out: Path, found: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    eyes, pictures = (
        config["vision_config"],
        json.loads((folder / "processor_config.json").read_text())["image_processor"],
    )
    file = gguf.GGUFWriter(str(out), "clip")
    file.add_type(gguf.GGUFType.MMPROJ)
    file.add_file_type(gguf.LlamaFileType.ALL_F32)
    file.add_clip_has_vision_encoder(True)
    file.add_clip_projector_type(gguf.VisionProjectorType.IDEFICS3)
    file.add_vision_projection_dim(config["text_config"]["hidden_size"])
    file.add_vision_image_size(eyes["image_size"])
    file.add_vision_preproc_image_size(pictures["size"]["longest_edge"])
    file.add_vision_patch_size(eyes["patch_size"])
    file.add_vision_embedding_length(eyes["hidden_size"])
    file.add_vision_feed_forward_length(eyes["intermediate_size"])
    file.add_vision_block_count(eyes["num_hidden_layers"])
    file.add_vision_head_count(eyes["num_attention_heads"])
    file.add_vision_attention_layernorm_eps(eyes["layer_norm_eps"])
    file.add_vision_projector_scale_factor(config["scale_factor"])
    file.add_vision_use_gelu(True)
    file.add_vision_image_mean(pictures["image_mean"])
    file.add_vision_image_std(pictures["image_std"])
    names = {
        "layer_norm1": "ln1",
        "layer_norm2": "ln2",
        "mlp.fc1": "ffn_up",
        "mlp.fc2": "ffn_down",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.out_proj": "attn_out",
    }
    head = "model.vision_model."
    embed = f"{head}embeddings."
    file.add_tensor("mm.model.fc.weight", found["model.connector.modality_projection.proj.weight"])
    file.add_tensor("v.patch_embd.weight", found[f"{embed}patch_embedding.weight"])
    file.add_tensor("v.patch_embd.bias", found[f"{embed}patch_embedding.bias"])
    file.add_tensor("v.position_embd.weight", found[f"{embed}position_embedding.weight"])
    for part in ("weight", "bias"):
        file.add_tensor(f"v.post_ln.{part}", found[f"{head}post_layernorm.{part}"])
        for layer in range(eyes["num_hidden_layers"]):
            for name, short in names.items():
                weight = found[f"{head}encoder.layers.{layer}.{name}.{part}"]
                file.add_tensor(f"v.blk.{layer}.{short}.{part}", weight)
    close(file)


def close(file: Any) -> None:
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


if __name__ == "__main__":
    checkpoint, place = map(Path, sys.argv[1:])
    read = tensors(checkpoint)
    write_text(checkpoint, place / "text.gguf", read)
    write_eyes(checkpoint, place / "eyes.gguf", read)
