# mypy: ignore-errors
# /// script
# requires-python = ">=3.9,<3.11"
# dependencies = [
#   "torch==2.0.1",
#   "torchvision==0.15.2",
#   "transformers==4.30.2",
#   "peft==0.2.0",
#   "accelerate==0.20.3",
#   "bitsandbytes",
#   "timm==0.6.13",
#   "omegaconf",
#   "iopath",
#   "webdataset",
#   "decord",
#   "opencv-python-headless<4.10",
#   "scikit-image",
#   "visual-genome",
#   "sentencepiece",
#   "numpy<2",
#   "pillow<11",
# ]
#
# [tool.hemm]
# name = "MiniGPT-4"
# about = "not run by hemm's tests: MiniGPT-4 (arXiv 2304.10592) from a clone of Vision-CAIR/MiniGPT-4"
# max_images = 1
# system = false
# batch_size = 1
# weights = ["repository", "config"]
# required = ["repository", "config"]
#
# [tool.hemm.settings]
# repository = ""   # folder of the clone, which holds the package minigpt4
# config = ""       # its evaluation config (eval_configs/minigpt4_eval.yaml) with the paths of your weights
# device = "cuda:0"
# ///
"""MiniGPT-4. Needs: git clone https://github.com/Vision-CAIR/MiniGPT-4 and the weights that it names.

The identity covers clone and config file, not the weights that the config names: use --revision LABEL.
"""

from hemm_worker import Answer, Failure, serve  # noqa: I001

import argparse
import os
import sys


class MiniGPT4:
    def load(self, settings):
        config = os.path.abspath(settings["config"])
        os.chdir(settings["repository"])  # its configs name further files relative to the clone
        sys.path.insert(0, os.getcwd())
        import minigpt4.models
        import minigpt4.processors  # noqa: F401  both fill the registry
        from minigpt4.common.config import Config
        from minigpt4.common.registry import registry

        read = Config(argparse.Namespace(cfg_path=config, options=None))
        self.device = settings["device"]
        model = registry.get_model_class(read.model_cfg.arch).from_config(read.model_cfg)
        self.model = model.to(self.device).eval()
        pixels = read.datasets_cfg.cc_sbu_align.vis_processor.train
        self.pixels = registry.get_processor_class(pixels.name).from_config(pixels)
        self.chat = "[INST] {} [/INST]" if "llama2" in str(read.model_cfg.arch) + config else None

    def answer_one(self, request):
        import torch
        from PIL import Image

        if len(request.images) != 1:
            raise Failure("MiniGPT-4 answers to exactly one picture", permanent=True)
        wanted = request.generation
        picture = self.pixels(Image.open(request.images[0])).unsqueeze(0).to(self.device)
        asked = request.text("<Img><ImageHere></Img> ")
        text = self.chat.format(asked) if self.chat else "###Human: " + asked + "###Assistant: "
        drawn = {"do_sample": wanted.temperature > 0, "temperature": wanted.temperature or 1.0}
        if wanted.temperature > 0:
            torch.manual_seed(wanted.seed)
        said = self.model.generate(
            picture, [text], max_new_tokens=wanted.max_new_tokens, top_p=wanted.top_p, **drawn
        )[0]
        count = len(self.model.llama_tokenizer(said, add_special_tokens=False)["input_ids"])
        ended = "###" in said or count < wanted.max_new_tokens - 1
        return Answer(said.split("###")[0].strip(), finish="stop" if ended else "length")


serve(MiniGPT4)
