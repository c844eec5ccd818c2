# /// script
# requires-python = ">=3.10"
# dependencies = ["torch==2.13.0", "transformers==4.57.6", "pillow"]
# [tool.hemm]
# name = "old-llava"
# max_images = 1
# ///
"""LLaVA with random weights in a transformers of another major version than hemm's."""

from hemm_worker import serve  # noqa: I001

import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}


class Old:
    def load(self, settings):
        marks = ["<s>", "</s>", "<pad>", "<image>"]
        vocabulary = {c: i for i, c in enumerate(marks + sorted(pre_tokenizers.ByteLevel.alphabet()))}
        inner = Tokenizer(models.BPE(vocabulary, []))
        inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(False), decoders.ByteLevel()
        inner.add_special_tokens(marks)
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=inner,
            bos_token="<s>",
            eos_token="</s>",
            pad_token="<pad>",
            extra_special_tokens={"image_token": "<image>"},
            model_input_names=["input_ids", "attention_mask"],
        )
        torch.manual_seed(0)
        self.model = LlavaForConditionalGeneration(
            LlavaConfig(
                vision_config=CLIPVisionConfig(
                    **SMALL, image_size=16, patch_size=8, projection_dim=16
                ).to_dict(),
                text_config=LlamaConfig(**SMALL, vocab_size=len(tokenizer)).to_dict(),
                initializer_range=0.5,  # enough for the picture to matter
                image_token_index=vocabulary["<image>"],
                vision_feature_layer=-1,
            )
        ).eval()
        self.processor = LlavaProcessor(
            CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
            tokenizer,
            patch_size=8,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
        )

    def fingerprint(self):
        return "transformers " + transformers.__version__

    def answer_one(self, request):
        pictures = [Image.open(path) for path in request.images]
        inputs = self.processor(images=pictures or None, text=request.text("<image>"), return_tensors="pt")
        with torch.inference_mode():
            out = self.model.generate(
                **inputs, max_new_tokens=request.generation.max_new_tokens, do_sample=False, pad_token_id=2
            )
        new = out[0, inputs["input_ids"].shape[1] :]
        return self.processor.tokenizer.decode(new, skip_special_tokens=True)


serve(Old)
