"""Written with the header of the recipe in front: a tiny random OpenFlamingo, made by its own libraries.

``python tiny_flamingo.py FOLDER`` writes a vision config, a language model with its tokenizer, a checkpoint.
"""

import json
import pathlib
import sys

import torch

folder = pathlib.Path(sys.argv[1])
recipe = (folder / "recipe.py").read_text()
parts: dict = {}
start = recipe.index("def repair_torchvision")
exec("import sys, torch\n" + recipe[start : recipe.index("class OpenFlamingo")], parts)
library = parts["repair_torchvision"]()

import open_clip  # noqa: E402
from open_flamingo import create_model_and_transforms  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast  # noqa: E402

torch.manual_seed(0)
tower = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
words = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
config = folder / "tiny-vision.json"
config.write_text(json.dumps({"embed_dim": 16, "vision_cfg": tower, "text_cfg": words}))
open_clip.add_model_config(config)
torch.save(open_clip.create_model("tiny-vision").state_dict(), folder / "vision.pt")

marks = ["<s>", "</s>"]
vocabulary = {c: i for i, c in enumerate(marks + sorted(pre_tokenizers.ByteLevel.alphabet()))}
inner = Tokenizer(models.BPE(vocabulary, []))
inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(False), decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
tokenizer.save_pretrained(folder / "language")
small = OPTConfig(
    vocab_size=len(tokenizer),
    hidden_size=32,
    word_embed_proj_dim=32,
    ffn_dim=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=4096,
    bos_token_id=0,
    eos_token_id=1,
)
OPTForCausalLM(small).save_pretrained(folder / "language")

model, _, _ = create_model_and_transforms(
    "tiny-vision", str(folder / "vision.pt"), str(folder / "language"), str(folder / "language")
)
for layer in model.lang_encoder.gated_cross_attn_layers:  # at 0, as they begin, no picture would matter
    torch.nn.init.constant_(layer.attn_gate, 2.0)
    torch.nn.init.constant_(layer.ff_gate, 2.0)
learned = {n: p for n, p in model.state_dict().items() if "vision_encoder" not in n}
torch.save(learned, folder / "checkpoint.pt")
