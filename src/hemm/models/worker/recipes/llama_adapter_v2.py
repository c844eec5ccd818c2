# mypy: ignore-errors
# /// script
# requires-python = ">=3.9,<3.11"
# dependencies = [
#   "torch==2.0.1",
#   "torchvision==0.15.2",
#   "timm==0.6.13",
#   "fairscale",
#   "sentencepiece",
#   "openai-clip",
#   "setuptools<70",
#   "numpy<2",
#   "pillow<11",
# ]
#
# [tool.hemm]
# name = "LLaMA-Adapter-V2"
# about = "not run by hemm's tests: LLaMA-Adapter V2 (arXiv 2304.15010), a clone of OpenGVLab/LLaMA-Adapter"
# max_images = 1
# system = false
# batch_size = 4
# weights = ["repository", "llama", "checkpoint"]
# required = ["repository", "llama"]
#
# [tool.hemm.settings]
# repository = ""           # folder llama_adapter_v2_multimodal7b of the clone
# llama = ""                # folder of the original LLaMA weights: 7B/ and tokenizer.model
# checkpoint = "BIAS-7B"    # a name that the repository downloads, or a file
# device = "cuda"
# ///
"""LLaMA-Adapter V2. Needs: git clone https://github.com/OpenGVLab/LLaMA-Adapter and LLaMA's weights.

Its package is called ``llama`` and lies in the clone; the adapter's weights are fetched by their name.
"""

from hemm_worker import Answer, Failure, serve  # noqa: I001

import os
import sys


class LlamaAdapter:
    def load(self, settings):
        sys.path.insert(0, os.path.abspath(settings["repository"]))
        import llama

        self.device, self.format = settings["device"], llama.format_prompt
        self.model, self.pixels = llama.load(
            settings["checkpoint"], settings["llama"], llama_type="7B", device=self.device
        )
        self.model.eval()

    def answer(self, requests):
        import torch
        from PIL import Image

        for request in requests:
            if len(request.images) != 1:
                yield Failure("LLaMA-Adapter V2 answers to exactly one picture", permanent=True)
                continue
            wanted = request.generation
            picture = self.pixels(Image.open(request.images[0])).unsqueeze(0).to(self.device)
            torch.manual_seed(wanted.seed)
            said = self.model.generate(
                picture,
                [self.format(request.text())],
                max_gen_len=wanted.max_new_tokens,
                temperature=wanted.temperature,
                top_p=wanted.top_p,
            )[0]
            count = len(self.model.tokenizer.encode(said, bos=False, eos=False))
            yield Answer(said.strip(), finish="stop" if count < wanted.max_new_tokens - 1 else "length")


serve(LlamaAdapter)
