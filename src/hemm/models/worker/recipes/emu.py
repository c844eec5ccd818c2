# mypy: ignore-errors
# /// script
# requires-python = ">=3.9,<3.11"
# dependencies = [
#   "torch==2.0.1",
#   "torchvision==0.15.2",
#   "transformers==4.31.0",
#   "peft==0.4.0",
#   "timm",
#   "einops",
#   "sentencepiece",
#   "opencv-python-headless<4.10",
#   "numpy<2",
#   "pillow<11",
# ]
#
# [tool.hemm]
# name = "Emu-I"
# about = "not run by hemm's tests: Emu 1 (arXiv 2307.05222) from a clone of baaivision/Emu; text answers"
# system = false
# batch_size = 1
# weights = ["repository", "checkpoint"]
# required = ["repository", "checkpoint"]
#
# [tool.hemm.settings]
# repository = ""     # folder Emu1 of the clone
# checkpoint = ""     # file Emu-instruct.pt or Emu-pretrain.pt of the hub repository BAAI/Emu
# instruct = true     # false with Emu-pretrain.pt
# device = "cuda"
# ///
"""Emu 1. Needs: git clone https://github.com/baaivision/Emu and its weights (28 GB)."""

from hemm_worker import Answer, serve  # noqa: I001

import argparse
import os
import sys

PICTURE = "[IMG]" + "<image>" * 32 + "[/IMG]"
"""What stands for a picture in the text: 32 embeddings of it."""


class Emu:
    def load(self, settings):
        checkpoint = os.path.abspath(settings["checkpoint"])
        os.chdir(settings["repository"])  # its configs are read from models/
        sys.path.insert(0, os.getcwd())
        import torch
        from inference import prepare_model
        from utils import process_img

        self.instruct, self.pixels = settings["instruct"], process_img
        self.device = torch.device(settings["device"])
        options = argparse.Namespace(instruct=self.instruct, ckpt_path=checkpoint, device=self.device)
        self.model = prepare_model("Emu-14B", options).to(self.device).to(torch.bfloat16).eval()

    def answer_one(self, request):
        import torch

        wanted = request.generation
        pictures = [self.pixels(img_path=path, device=self.device) for path in request.images]
        text = request.text(PICTURE)
        drawn = {"num_beams": 1, "do_sample": False}
        if wanted.temperature > 0:
            torch.manual_seed(wanted.seed)
            drawn.update(do_sample=True, temperature=wanted.temperature, top_p=wanted.top_p)
        asked = {
            "image": torch.cat(pictures) if pictures else None,
            "prompt": "[USER]: " + text + " [ASSISTANT]:" if self.instruct else text,
        }
        said = self.model.generate(asked, max_new_tokens=wanted.max_new_tokens, **drawn)[0]
        count = len(self.model.decoder.tokenizer(said, add_special_tokens=False)["input_ids"])
        return Answer(said.strip(), finish="stop" if count < wanted.max_new_tokens - 1 else "length")


serve(Emu)
