# mypy: ignore-errors
# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "torch==2.1.2",
#   "torchvision==0.16.2",
#   "transformers==4.37.2",
#   "mmengine==0.10.4",
#   "xtuner==0.1.19",
#   "open-clip-torch==2.24.0",
#   "numpy<2",
#   "pillow<11",
# ]
#
# [tool.hemm]
# name = "MG-LLaVA"
# about = "not run by hemm's tests: MG-LLaVA (arXiv 2406.17770) from a clone, boxes from a file"
# max_images = 1
# system = false
# batch_size = 1
# weights = ["repository", "checkpoint", "llm", "clip", "convnext", "boxes"]
# required = ["repository", "checkpoint", "llm", "clip", "convnext", "boxes"]
#
# [tool.hemm.settings]
# repository = ""        # folder of the clone
# checkpoint = ""        # file of PhoenixZ/MG-LLaVA
# llm = ""               # folder or hub name of the language model, as lmsys/vicuna-7b-v1.5
# clip = ""              # of openai/clip-vit-large-patch14-336
# convnext = ""          # folder of the ConvNeXt weights that the clone names
# boxes = ""             # [{"id": sample, "boxes": [[left, top, right, bottom]], "labels", "scores"}]
# template = "vicuna"    # prompt template of xtuner: vicuna, phi3_chat, llama3_chat, yi
# ///
"""MG-LLaVA. Needs: git clone https://github.com/PhoenixZ810/MG-LLaVA, its weights, and boxes of objects.

The boxes are part of the model: its figures are with those of RAM and OWL-ViT 2, which
mg_llava/bbox_generation/image_offline_to_bbox.py writes. A sample without boxes in the file fails, since an
answer without them is another model's. Boxes are in pixels of the picture as it is sent: leave --max-pixels
alone. A 7B model needs about 24 GB.
"""

from hemm_worker import Answer, Failure, serve  # noqa: I001

import json
import os
import sys


class MGLLaVA:
    def load(self, settings):
        with open(settings["boxes"]) as file:
            self.boxes = {str(row["id"]): row for row in json.load(file)}
        paths = {name: self.path(settings[name]) for name in ("checkpoint", "llm", "clip", "convnext")}
        os.chdir(settings["repository"])
        sys.path.insert(0, os.getcwd())
        import torch
        from mg_llava.module import MultiFuseObjectLLaVAModel, OpenCLIPVisionTower
        from mmengine.config import Config
        from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPImageProcessor, CLIPVisionModel
        from xtuner.model.utils import guess_load_checkpoint
        from xtuner.registry import BUILDER
        from xtuner.utils import DEFAULT_IMAGE_TOKEN, PROMPT_TEMPLATE

        def made(kind, name, **more):
            return dict(type=kind.from_pretrained, pretrained_model_name_or_path=paths[name], **more)

        self.template, self.mark = PROMPT_TEMPLATE[settings["template"]], DEFAULT_IMAGE_TOKEN
        tower = (
            "model_zoo/OpenAI/openclip-convnext-large-d-320-laion2B-s29B-b131K-ft-soup"  # a name in its code
        )
        parts = Config(
            {
                "type": MultiFuseObjectLLaVAModel,
                "template": self.template,
                "tokenizer": made(AutoTokenizer, "llm", padding_side="right"),
                "image_processor": made(CLIPImageProcessor, "clip"),
                "llm": made(AutoModelForCausalLM, "llm"),
                "visual_encoder": made(CLIPVisionModel, "clip"),
                "visual_encoder_aux": {
                    "type": OpenCLIPVisionTower,
                    "vision_tower": tower,
                    "vision_tower_path": paths["convnext"],
                    "optimize_vision_tower_aux": False,
                    "use_last_feat": True,
                },
            }
        )
        self.model = BUILDER.build(parts).to(dtype=torch.bfloat16).cuda().eval()
        self.model.load_state_dict(guess_load_checkpoint(paths["checkpoint"]), strict=False)
        self.tokenizer = self.model.tokenizer

    @staticmethod
    def path(name):
        return os.path.abspath(name) if os.path.exists(name) else name  # else a name of the hub

    def answer_one(self, request):
        import torch
        from transformers import GenerationConfig
        from xtuner.tools.utils import get_stop_criteria

        if len(request.images) != 1:
            raise Failure("MG-LLaVA answers to exactly one picture", permanent=True)
        found = self.boxes.get(request.id)
        if found is None:
            raise Failure("the file of boxes has none for sample " + request.id, permanent=True)
        wanted = request.generation
        drawn = {"temperature": wanted.temperature, "top_p": wanted.top_p} if wanted.temperature > 0 else {}
        if drawn:
            torch.manual_seed(wanted.seed)
        end = self.tokenizer.eos_token_id
        how = GenerationConfig(
            max_new_tokens=wanted.max_new_tokens,
            do_sample=bool(drawn),
            eos_token_id=end,
            pad_token_id=end if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id,
            **drawn,
        )
        asked = self.template["INSTRUCTION"].format(input=self.mark + "\n" + request.text(""), round=1)
        stops = get_stop_criteria(self.tokenizer, stop_words=list(self.template.get("STOP_WORDS", [])))
        with torch.inference_mode():
            seen = self.model.chat_preprocess_multi_modal(request.images[0], found)
            _, tokens = self.model.chat(
                asked, request.images[0], seen, generation_cfg=how, stop_criteria=stops
            )
        text = self.tokenizer.decode(tokens[0], skip_special_tokens=True).strip()
        whole = len(tokens[0]) < wanted.max_new_tokens
        return Answer(text, finish="stop" if whole else "length", output_tokens=len(tokens[0]))


serve(MGLLaVA)
