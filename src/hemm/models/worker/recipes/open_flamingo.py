# mypy: ignore-errors
# /// script
# requires-python = ">=3.10,<3.12"
# dependencies = [
#   "open_flamingo==2.0.1",
#   "open_clip_torch==2.24.0",
#   "transformers==4.33.3",
#   "torch==2.13.0",
#   "torchvision==0.28.0",
#   "sentencepiece>=0.1.99",
#   "numpy<2",
#   "pillow",
# ]
#
# [tool.uv]
# # the package asks for torch 2.0.1, which has no wheel for current hardware; it runs with this one
# override-dependencies = ["torch==2.13.0", "torchvision==0.28.0", "sentencepiece>=0.1.99"]
#
# [tool.hemm]
# name = "OpenFlamingo"
# about = "OpenFlamingo (arXiv 2308.01390) from its own package; several pictures, interleaved"
# likelihood = true
# system = false
# batch_size = 8
# weights = ["checkpoint", "language", "tokenizer", "vision_config", "vision_pretrained"]
#
# [tool.hemm.settings]
# checkpoint = "openflamingo/OpenFlamingo-3B-vitl-mpt1b"  # hub name, or a file checkpoint.pt
# language = "anas-awadalla/mpt-1b-redpajama-200b"        # hub name, or a folder
# tokenizer = ""                                          # that of the language model
# vision = "ViT-L-14"                                     # as open_clip calls it
# vision_pretrained = "openai"                            # as open_clip calls it, a file, or nothing
# vision_config = ""                                      # a config file of open_clip for another vision
# every = 1                                               # a cross-attention layer every so many layers
# device = "auto"
# ///
"""OpenFlamingo as its authors released it.

The other sizes: ``--set every=2`` with OpenFlamingo-4B-vitl-rpj3b and the language model
togethercomputer/RedPajama-INCITE-Base-3B-v1, ``--set every=4`` with OpenFlamingo-9B-vitl-mpt7b and
anas-awadalla/mpt-7b. The MPT language models have code in their hub repositories, which the package runs.
"""

from hemm_worker import Answer, Failure, serve  # noqa: I001

import os
import sys

import torch
from PIL import Image


def repair_torchvision():
    """A torchvision that was built for CUDA does not import beside a torch for CPUs; its transforms work."""
    try:
        import torchvision
    except RuntimeError:
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401

        return library  # the operators live as long as it does
    return None


class OpenFlamingo:
    def load(self, settings):
        self.library = repair_torchvision()
        import open_clip
        from open_flamingo import create_model_and_transforms

        if settings["vision_config"]:
            open_clip.add_model_config(settings["vision_config"])
        self.model, self.pixels, self.tokenizer = create_model_and_transforms(
            clip_vision_encoder_path=settings["vision"],
            clip_vision_encoder_pretrained=settings["vision_pretrained"] or None,
            lang_encoder_path=settings["language"],
            tokenizer_path=settings["tokenizer"] or settings["language"],
            cross_attn_every_n_layers=settings["every"],
        )
        weights = torch.load(self.file(settings["checkpoint"]), map_location="cpu", weights_only=True)
        weights = {name[7:] if name.startswith("module.") else name: w for name, w in weights.items()}
        unknown = self.model.load_state_dict(weights, strict=False).unexpected_keys
        if unknown:
            raise ValueError("the checkpoint does not belong to this model: it has " + unknown[0])
        device = settings["device"]
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.model.to(self.device).eval()
        self.tokenizer.padding_side = "left"

    def file(self, checkpoint):
        if os.path.exists(checkpoint):
            return checkpoint
        from huggingface_hub import hf_hub_download

        return hf_hub_download(checkpoint, "checkpoint.pt")

    def fingerprint(self):
        import transformers

        return f"open_flamingo 2.0.1, transformers {transformers.__version__}, torch {torch.__version__}"

    def answer(self, requests):
        for alike in groups(requests):
            if alike[0].wants_likelihood:
                for request in alike:
                    yield self.score(request)
            else:
                yield from self.generate(alike)

    def generate(self, requests):
        """Answers to requests with equal settings and numbers of pictures, in order."""
        wanted = requests[0].generation
        asked = self.tokenizer([prompt(r) for r in requests], return_tensors="pt", padding=True).to(
            self.device
        )
        drawn = {"do_sample": False}
        if wanted.temperature > 0:
            torch.manual_seed(wanted.seed)
            drawn = {"do_sample": True, "temperature": wanted.temperature, "top_p": wanted.top_p, "top_k": 0}
        with torch.inference_mode():
            out = self.model.generate(
                vision_x=torch.stack([self.pictures(r) for r in requests]).to(self.device),
                lang_x=asked["input_ids"],
                attention_mask=asked["attention_mask"],
                max_new_tokens=wanted.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                **drawn,
            )
        new = out[:, asked["input_ids"].shape[1] :].tolist()
        for row, count in zip(new, asked["attention_mask"].sum(dim=1).tolist()):  # noqa: B905 (Python 3.10)
            ends = [i for i, token in enumerate(row) if token in self.ends()]
            said = row[: ends[0]] if ends else row
            text = self.tokenizer.decode(said, skip_special_tokens=True)
            stops = [text.find(s) for s in wanted.stop if s in text]
            finish = "stop" if ends or stops or len(said) < wanted.max_new_tokens else "length"
            yield Answer(
                text[: min(stops)].strip() if stops else text.strip(),
                finish=finish,
                input_tokens=int(count),
                output_tokens=len(said),
            )

    def ends(self):
        return {self.model.eoc_token_id, self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}

    def score(self, request):
        """The sum of the log-probabilities of each option's tokens after the prompt."""
        vision = self.pictures(request).unsqueeze(0).to(self.device)
        before = self.tokenizer(prompt(request))["input_ids"]
        sums = []
        for option in request.options:
            tokens = self.tokenizer(" " + option, add_special_tokens=False)["input_ids"]
            whole = torch.tensor([before + tokens], device=self.device)
            with torch.inference_mode():
                logits = self.model(
                    vision_x=vision, lang_x=whole, attention_mask=torch.ones_like(whole)
                ).logits
            chances = torch.log_softmax(logits[0, len(before) - 1 : -1].double(), dim=-1)
            sums.append(float(sum(chances[i, token] for i, token in enumerate(tokens))))
        return Answer(options=sums)

    def pictures(self, request):
        """The pictures of a request as pictures x frames (1) x channels x height x width.

        A model that is shown none still wants one; without a mark in the text no word attends to it.
        """
        shown = [self.pixels(Image.open(path).convert("RGB")) for path in request.images]
        if not shown:
            shown = [torch.zeros_like(self.pixels(Image.new("RGB", (8, 8))))]
        return torch.stack(shown).unsqueeze(1)


def prompt(request):
    """Questions and answers as the model knows them: ``<image>Question: ... Answer: ...<|endofchunk|>``."""
    said = ""
    for role, parts in request.messages:
        if any(not isinstance(p, str) and p.kind != "image" for p in parts):
            raise Failure("OpenFlamingo takes text and pictures only", permanent=True)
        pictures = "<image>" * sum(not isinstance(p, str) for p in parts)
        text = "".join(p for p in parts if isinstance(p, str)).strip()
        said += (
            " " + text + "<|endofchunk|>"
            if role == "assistant"
            else pictures + "Question: " + text + " Answer:"
        )
    return said


def groups(requests):
    """Runs of neighbours that can be generated together: equal settings, equal numbers of pictures."""
    found = []
    for request in requests:
        key = (
            request.generation.key(),
            len(request.images),
            request.generation.temperature > 0 and len(found),
        )
        if found and found[-1][0] == key:
            found[-1][1].append(request)
        else:
            found.append((key, [request]))
    return [members for _, members in found]


serve(OpenFlamingo)
