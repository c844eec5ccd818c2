"""Trains the checkpoint ``tiny`` from scratch on probe pictures from training seeds (CPU is enough).

    python tools/train_tiny.py --minutes 60 --out /tmp/tiny

First the picture encoder alone learns what lies in each cell (labels that the drawing gives; the heads are
thrown away), then all learns to answer, several questions sharing one picture.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import tiny_factorial
from hemm.metrics.learned import torchvision_check
from tiny_data import (
    ASSISTANT,
    END,
    FAKE,
    GLOBAL,
    IMAGE,
    IMAGE_TOKENS,
    LENGTH,
    PAD,
    PICTURE,
    SYSTEM,
    TRAITS_WIDTH,
    USER,
    Maker,
    Row,
    Weights,
    corpus,
    families,
)

TRAIN_SEED, EVAL_SEED = 1_000_001, 1_000_000
SLOW = 0.3
"""The picture encoder's learning rate in joint training, as a share: its features stay readable."""
MUON = 1.5
"""The learning rate of the language model's matrices, as a multiple."""
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}{{ ' ' }}{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<end_of_utterance>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


Counts = dict[tuple[str, str], tuple[int, int]]
"""(family, skill) -> right answers, questions"""


@dataclass(frozen=True)
class Plan:
    """Settings of one training run; minutes are wall clock.

    factorial  the share of rows from the probes of version 2
    """

    minutes: float
    vision_minutes: float
    batch: int
    rate: float
    out: Path
    seed: int
    factorial: float = 0.0


def make_tokenizer(factorial: bool = False) -> Any:
    """A byte-level BPE tokenizer: every byte has a token, every word of the probes one."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, END, USER, ASSISTANT, SYSTEM, FAKE, IMAGE, GLOBAL]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1400,
        min_frequency=5,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(s, special=True, normalized=False) for s in special],
        show_progress=False,
    )
    raw.train_from_iterator([*corpus(), *(tiny_factorial.corpus() if factorial else ())], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        model_max_length=2048,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM, FAKE, IMAGE, GLOBAL],
    )


def make_processor(tokenizer: Any) -> Any:
    """Pictures of any size become 96 x 96: one tile, 16 tokens."""
    from transformers import Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    pictures = Idefics3ImageProcessorPil(
        do_image_splitting=False,
        size={"longest_edge": PICTURE},
        max_image_size={"longest_edge": PICTURE},
        resample=4,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return Idefics3Processor(pictures, tokenizer, image_seq_len=IMAGE_TOKENS, chat_template=TEMPLATE)


def make_model(tokenizer: Any) -> Any:
    """A ViT of 4 layers over 8 x 8 patches, and a language model of 5 layers; both 192 wide."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    one = tokenizer.convert_tokens_to_ids
    config = Idefics3Config(
        vision_config={
            "hidden_size": 192,
            "intermediate_size": 576,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "image_size": PICTURE,
            "patch_size": 12,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 5,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            "pad_token_id": one(PAD),
            "bos_token_id": None,
            "eos_token_id": one(END),
        },
        scale_factor=2,
        image_token_id=one(IMAGE),
        pad_token_id=one(PAD),
        tie_word_embeddings=True,
    )
    model = Idefics3ForConditionalGeneration(config)
    model.generation_config.eos_token_id = one(END)
    model.generation_config.pad_token_id = one(PAD)
    model.generation_config.bos_token_id = None
    return model


def mean_loss(guessed: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Cross entropy over the rows that have a class (-100: none); 0 where none has, as in a batch without
    grids, of which the mean would be no number."""
    total = F.cross_entropy(guessed, wanted, ignore_index=-100, reduction="sum")
    return total / (wanted != -100).sum().clamp(min=1)


class Heads(nn.Module):
    """Cell contents, cell numbers and traits of the picture, from its 16 tokens; thrown away later."""

    def __init__(self, maker: Maker, width: int = 192) -> None:
        super().__init__()
        self.slots = len(maker.traits)
        self.kind = nn.Linear(width, len(maker.kinds))
        self.colour = nn.Linear(width, len(maker.colours))
        self.place = nn.Linear(width, IMAGE_TOKENS)
        self.trait = nn.Linear(width * IMAGE_TOKENS, self.slots * TRAITS_WIDTH)

    def forward(
        self, tokens: torch.Tensor, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, list[float]]:
        """Loss, and the accuracies of kinds in cells that are not empty, their colours, and traits."""
        kind, colour = self.kind(tokens).float(), self.colour(tokens).float()
        trait = self.trait(tokens.flatten(1)).view(-1, self.slots, TRAITS_WIDTH).float()
        place = self.place(tokens).float().transpose(1, 2)
        here = torch.arange(IMAGE_TOKENS).expand(len(tokens), -1)
        grid = batch["has_grid"]
        wanted = [batch["kinds"][grid].flatten(), batch["colours"][grid].flatten(), batch["traits"].flatten()]
        guessed = [kind[grid].flatten(0, 1), colour[grid].flatten(0, 1), trait.flatten(0, 1)]
        loss = sum(
            (mean_loss(g, w) for g, w in zip(guessed, wanted, strict=True)),
            start=F.cross_entropy(place, here),
        )
        seen = [(w > 0, g.argmax(-1) == w) for g, w in zip(guessed[:2], wanted[:2], strict=True)]
        seen.append((wanted[2] >= 0, guessed[2].argmax(-1) == wanted[2]))
        return loss, [float(right[mask].float().mean()) if mask.any() else 0.0 for mask, right in seen]


def collate(rows: list[Row], vision_only: bool = False) -> dict[str, Any]:
    """Rows as tensors; questions of one row see the picture and themselves, not each other."""
    pixels = torch.from_numpy(np.stack([r.pixels for r in rows])).float().div_(127.5).sub_(1.0)
    out: dict[str, Any] = {
        "pixels": pixels,
        "kinds": torch.from_numpy(np.stack([r.kinds for r in rows])),
        "colours": torch.from_numpy(np.stack([r.colours for r in rows])),
        "traits": torch.from_numpy(np.stack([r.traits for r in rows])),
    }
    out["has_grid"] = (out["kinds"] > 0).any(1)
    if vision_only:
        return out
    length = max(len(r.ids) for r in rows)
    prefix = IMAGE_TOKENS + 4
    ids = np.zeros((len(rows), length), dtype=np.int64)
    group = np.full((len(rows), length), -1, dtype=np.int64)
    position = np.zeros((len(rows), length), dtype=np.int64)
    sees = np.zeros((len(rows), length), dtype=bool)  # prefix tokens that questions may look at
    answers: list[tuple[int, int, int, float]] = []
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = row.ids
        group[i, :prefix], position[i, :prefix] = 0, np.arange(prefix)
        sees[i, : 1 if row.blind else prefix] = True
        first = 1 if row.blind else prefix
        for n, (start, answer, stop) in enumerate(row.spans, 1):
            group[i, start:stop] = n
            position[i, start:stop] = first + np.arange(stop - start)
            answers += [(i, t - 1, t, (stop - answer) ** -0.75) for t in range(answer, stop)]
    g = torch.from_numpy(group)
    mask = (g[:, :, None] == g[:, None, :]) | torch.from_numpy(sees)[:, None, :]
    mask &= torch.ones(length, length, dtype=torch.bool).tril()
    out |= {"ids": torch.from_numpy(ids), "position": torch.from_numpy(position), "mask": mask[:, None]}
    table = np.array([a[:3] for a in answers], dtype=np.int64)
    out["row"], out["at"], out["target_at"] = (torch.from_numpy(table[:, k].copy()) for k in range(3))
    out["weight"] = torch.tensor([a[3] for a in answers])
    return out


def see(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """The 16 picture tokens of each picture."""
    inner = model.model
    side = PICTURE // 12
    mask = torch.ones(len(pixels), side, side, dtype=torch.bool)
    hidden = inner.vision_model(pixel_values=pixels, patch_attention_mask=mask).last_hidden_state
    return inner.connector(hidden)


def answer_logits(model: Any, batch: dict[str, Any], tokens: torch.Tensor) -> torch.Tensor:
    """Logits before each answer token, in the order of ``batch["at"]``."""
    embedded = model.get_input_embeddings()(batch["ids"])
    embedded = torch.cat([embedded[:, :3], tokens.to(embedded.dtype), embedded[:, 3 + IMAGE_TOKENS :]], dim=1)
    hidden = model.model.text_model(
        inputs_embeds=embedded,
        attention_mask=batch["mask"],
        position_ids=batch["position"],
        use_cache=False,
    ).last_hidden_state
    return model.lm_head(hidden[batch["row"], batch["at"]]).float()


@torch.no_grad()
def evaluate(model: Any, rows: list[Row], batch_size: int = 32) -> Counts:
    """(family, skill) -> right, asked: whole answers, each token the likeliest after the right ones."""
    model.eval()
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for i in range(0, len(rows), batch_size):
        part = rows[i : i + batch_size]
        batch = collate(part)
        with torch.autocast("cpu", torch.bfloat16):
            logits = answer_logits(model, batch, see(model, batch["pixels"]))
        target = batch["ids"][batch["row"], batch["target_at"]]
        right = (logits.argmax(-1) == target).tolist()
        at = 0
        for row in part:
            for (_, answer, stop), (family, skill, _) in zip(row.spans, row.asked, strict=True):
                n = stop - answer
                found[family, skill][0] += all(right[at : at + n])
                found[family, skill][1] += 1
                at += n
    model.train()
    return {k: (v[0], v[1]) for k, v in found.items()}


def reweigh(weights: Weights, found: Counts, chance: dict[tuple[str, str], float], done: float) -> None:
    """More of what is not learned, by the distance to perfect; one-step skills first."""
    reasoning = {(f.name, s.name): s.reasoning for f in families() for s in f.skills}
    gaps: dict[str, list[float]] = defaultdict(list)
    for key, (right, asked) in found.items():
        gap = min(1.0, (1 - right / asked) / (1 - chance[key]))
        first = 1.0 if reasoning.get(key, key[1].rpartition("/")[2]) == "less" else 0.25 + 0.75 * done
        weights.skill[key] = (0.2 + gap) * first
        gaps[key[0]].append(gap)
    for family, values in gaps.items():
        weights.family[family] = 0.35 + sum(values) / len(values)


def report(found: Counts) -> str:
    """Accuracy by family and skill, as text."""
    lines, total = [], [0, 0]
    for family in dict.fromkeys(k[0] for k in found):
        own = {k[1]: v for k, v in found.items() if k[0] == family}
        right, asked = (sum(v[i] for v in own.values()) for i in (0, 1))
        total = [total[0] + right, total[1] + asked]
        skills = " ".join(f"{s} {r / n:.2f}" for s, (r, n) in sorted(own.items()))
        lines.append(f"  {family:8s} {right / asked:.3f}  {skills}")
    return f"ALL {total[0] / total[1]:.3f}\n" + "\n".join(lines)


def save(model: Any, processor: Any, heads: Heads, folder: Path) -> None:
    """The checkpoint in the transformers format, weights in half precision, and the heads beside it."""
    import copy

    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    half = copy.deepcopy(model).half()
    half.save_pretrained(folder)
    processor.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    for part in (config, config.get("text_config", {}), config.get("vision_config", {})):
        part["dtype"] = "float32"  # stored in half precision, computed in single
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    weights = load_file(folder / "model.safetensors")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    torch.save(heads.state_dict(), folder.parent / f"{folder.name}-heads.pt")


def ahead(make: Callable[[], Any]) -> Generator[Any, None, None]:
    """What ``make`` gives, again and again, made by a thread while the last one is used."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=3)
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            made = make()
            while not over.is_set():
                with contextlib.suppress(queue.Full):
                    ready.put(made, timeout=0.5)
                    break

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            yield ready.get()
    finally:
        over.set()
        thread.join()


class Run:
    """One training run: model, data, and the two phases."""

    def __init__(self, plan: Plan, init: Path | None) -> None:
        self.plan = plan
        if init is None:
            self.tokenizer = make_tokenizer(plan.factorial > 0)
            self.model = make_model(self.tokenizer)
        else:
            from transformers import AutoTokenizer, Idefics3ForConditionalGeneration

            self.tokenizer = AutoTokenizer.from_pretrained(init)
            self.model = Idefics3ForConditionalGeneration.from_pretrained(init, dtype=torch.float32)
        self.processor = make_processor(self.tokenizer)
        self.weights = Weights()
        self.maker = Maker(self.tokenizer, plan.seed, self.weights, factorial=plan.factorial)
        self.heads = Heads(self.maker)
        if init is not None:
            self.heads.load_state_dict(torch.load(init.parent / f"{init.name}-heads.pt"), strict=False)
        self.rows = self.maker.rows()
        held_out = Maker(self.tokenizer, EVAL_SEED, blind=0.0, factorial=plan.factorial)
        self.held_out = list(islice(held_out.rows(), 280 if plan.factorial == 0 else 700))
        self.chance = {
            (family, skill): 1 / options if options else 0.0
            for row in self.held_out
            for family, skill, options in row.asked
        }
        inner = self.model.model
        self.eyes = [*inner.vision_model.parameters(), *inner.connector.parameters()]
        if init is not None:
            reweigh(self.weights, evaluate(self.model, self.held_out), self.chance, 0.0)
        self.start = time.time()
        self.model.train()

    def log(self, text: str) -> None:
        print(f"[{(time.time() - self.start) / 60:5.1f} min] {text}", flush=True)

    def optimizers(
        self, rate: float, parameters: list[nn.Parameter], vision_only: bool
    ) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of the language model's layers, AdamW for the rest; the encoder slowly."""
        eyes = set() if vision_only else {id(p) for p in self.eyes}
        layers = [] if vision_only else [*self.model.model.text_model.layers.parameters()]
        matrices = [p for p in layers if p.ndim == 2]
        taken = eyes | {id(p) for p in matrices}
        groups = [
            {"params": [p for p in parameters if id(p) not in taken], "peak": rate},
            {"params": [p for p in parameters if id(p) in eyes], "peak": rate * SLOW},
        ]
        adam = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.98), weight_decay=0.05
        )
        if not matrices:
            return [adam]
        muon = torch.optim.Muon(
            [{"params": matrices, "peak": rate * MUON}],
            lr=rate,
            weight_decay=0.05,
            adjust_lr_fn="match_rms_adamw",
        )
        return [adam, muon]

    def loop(self, minutes: float, rate: float, parameters: list[nn.Parameter], vision_only: bool) -> None:
        """Train until the minutes are over; the rate warms up, then falls along a cosine of the clock."""
        optimizers = self.optimizers(rate, parameters, vision_only)
        begin, step, evaluated, losses = time.time(), 0, time.time(), []
        batches = ahead(lambda: collate(list(islice(self.rows, self.plan.batch)), vision_only))
        while (done := (time.time() - begin) / (60 * minutes)) < 1:
            self.maker.terse = 0.9 if done < 0.7 else 0.3
            self.maker.short = min(0.75, max(0.1, 2.1 * (1 - done) - 0.1))
            factor = min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
            for group in (g for o in optimizers for g in o.param_groups):
                group["lr"] = group["peak"] * factor
            batch = next(batches)
            with torch.autocast("cpu", torch.bfloat16):
                tokens = see(self.model, batch["pixels"])
                auxiliary, seen = self.heads(tokens, batch)
                loss = auxiliary
                if not vision_only:
                    logits = answer_logits(self.model, batch, tokens)
                    each = F.cross_entropy(
                        logits, batch["ids"][batch["row"], batch["target_at"]], reduction="none"
                    )
                    answer_loss = (each * batch["weight"]).sum() / batch["weight"].sum()
                    loss = answer_loss + 0.3 * auxiliary
                    losses.append(answer_loss.item())
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimizer in optimizers:
                optimizer.step()
            step += 1
            if step % 50 == 0:
                recent = sum(losses[-50:]) / max(1, len(losses[-50:]))
                speed = step * self.plan.batch / (time.time() - begin)
                self.log(
                    f"step {step} loss {recent:.3f} aux {auxiliary.item():.3f} kind/colour/trait "
                    + "/".join(f"{s:.2f}" for s in seen)
                    + f" {speed:.1f} pictures/s"
                )
            if not vision_only and time.time() - evaluated > 300:
                self.check(done)
                evaluated = time.time()
        batches.close()
        if not vision_only:
            self.check()

    def check(self, done: float = 1.0) -> None:
        """Evaluate on held-out training seeds, draw more of what is weak, save."""
        found = evaluate(self.model, self.held_out)
        reweigh(self.weights, found, self.chance, done)
        self.log(report(found))
        save(self.model, self.processor, self.heads, self.plan.out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60, help="joint training, wall clock")
    parser.add_argument("--vision-minutes", type=float, default=4, help="picture encoder alone, before")
    parser.add_argument("--batch", type=int, default=24, help="pictures a step")
    parser.add_argument("--rate", type=float, default=1.3e-3, help="highest learning rate")
    parser.add_argument(
        "--seed", type=int, default=TRAIN_SEED, help="a training seed (another one to continue)"
    )
    parser.add_argument("--init", type=Path, help="go on from this checkpoint folder")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder")
    parser.add_argument(
        "--factorial", type=float, default=0.0, metavar="SHARE", help="share of rows from version 2 (0 to 1)"
    )
    args = parser.parse_args()
    torchvision_check.prepare()
    torch.manual_seed(args.seed)
    plan = Plan(args.minutes, args.vision_minutes, args.batch, args.rate, args.out, args.seed, args.factorial)
    run = Run(plan, args.init)
    count = sum(p.numel() for p in run.model.parameters())
    run.log(f"{count / 1e6:.2f} M parameters, {len(run.tokenizer)} tokens, rows of at most {LENGTH}")
    if args.vision_minutes > 0:
        run.loop(args.vision_minutes, args.rate, [*run.eyes, *run.heads.parameters()], vision_only=True)
    run.loop(args.minutes, args.rate, [*run.model.parameters(), *run.heads.parameters()], vision_only=False)


if __name__ == "__main__":
    main()
