# mypy: ignore-errors
# /// script
# requires-python = ">=3.9,<3.11"
# dependencies = [
#   "torch==2.0.1",
#   "torchvision==0.15.2",
#   "transformers==4.28.1",
#   "einops",
#   "icecream",
#   "sentencepiece",
#   "peft<0.5",
#   "protobuf<4",
#   "numpy<2",
#   "pillow<11",
# ]
#
# [tool.hemm]
# name = "mPLUG-Owl"
# about = "not run by hemm's tests: mPLUG-Owl (arXiv 2304.14178) from a clone of X-PLUG/mPLUG-Owl"
# system = false
# batch_size = 1
# weights = ["repository", "checkpoint"]
# required = ["repository"]
#
# [tool.hemm.settings]
# repository = ""                              # folder of the clone that holds the package mplug_owl
# checkpoint = "MAGAer13/mplug-owl-llama-7b"   # hub name, or a folder
# device = "cuda"
# ///
"""mPLUG-Owl 1. Needs: git clone https://github.com/X-PLUG/mPLUG-Owl, --set repository=mPLUG-Owl/mPLUG-Owl."""

from hemm_worker import Answer, serve  # noqa: I001

import os
import sys

CONTEXT = (
    "The following is a conversation between a curious human and AI assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
"""The words the model was trained with: its interface, not a prompt of ours."""


class MplugOwl:
    def load(self, settings):
        sys.path.insert(0, os.path.abspath(settings["repository"]))
        import torch
        from mplug_owl.modeling_mplug_owl import MplugOwlForConditionalGeneration
        from mplug_owl.processing_mplug_owl import MplugOwlImageProcessor, MplugOwlProcessor
        from transformers import AutoTokenizer

        source, self.device = settings["checkpoint"], settings["device"]
        model = MplugOwlForConditionalGeneration.from_pretrained(source, torch_dtype=torch.bfloat16)
        self.model = model.to(self.device).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(source)
        self.processor = MplugOwlProcessor(MplugOwlImageProcessor.from_pretrained(source), self.tokenizer)

    def answer_one(self, request):
        import torch
        from PIL import Image

        wanted = request.generation
        pictures = [Image.open(path) for path in request.images]
        inputs = self.processor(text=[prompt(request)], images=pictures or None, return_tensors="pt")
        inputs = {
            name: value.to(self.device, torch.bfloat16 if value.is_floating_point() else value.dtype)
            for name, value in inputs.items()
            if value is not None
        }
        drawn = {"do_sample": False, "num_beams": 1}
        if wanted.temperature > 0:
            torch.manual_seed(wanted.seed)
            drawn = {"do_sample": True, "temperature": wanted.temperature, "top_p": wanted.top_p, "top_k": 0}
        with torch.inference_mode():
            said = self.model.generate(**inputs, max_new_tokens=wanted.max_new_tokens, **drawn)[0]
        text = self.tokenizer.decode(said.tolist(), skip_special_tokens=True).strip()
        return Answer(text, finish="length" if len(said) >= wanted.max_new_tokens else "stop")


def prompt(request):
    lines = [CONTEXT]
    for role, parts in request.messages:
        lines += ["Human: <image>" for p in parts if not isinstance(p, str)]
        name = "AI" if role == "assistant" else "Human"
        lines.append(name + ": " + "".join(p for p in parts if isinstance(p, str)).strip())
    return "\n".join(lines) + "\nAI: "


serve(MplugOwl)
