"""A checkpoint in this process: ``hemm`` beside the loop that one writes by hand over the same model.

    python benchmarks/local_model.py [--samples 128] [--rounds 3] [--threads 1] [--json]
    python benchmarks/local_model.py --gpu [--samples 2000]

The checkpoint has the architecture of Qwen2.5-VL and random weights. Pictures have many sizes and shapes (and
so many numbers of tokens), questions many lengths, and answers 1 to 48 tokens: each ends where its prompt
alone says, for both sides.

The loop opens pictures, calls the same processor and the same ``generate``, decodes, and writes a line for
each answer. It is tried over the first 32 questions with batches of 1, 2, 4, 8 and 16, in the order of the
data and sorted by size and length; the best takes turns with hemm, from its plan to the sealed result. The
model is in memory before, for both. The share is hemm's samples/s over the loop's; ``x one`` is hemm over the
loop without batches.

``--gpu`` runs hemm alone on the shape of Qwen2.5-VL-7B in bfloat16 and says how busy the GPU was while
answers came (nvidia-smi, five times a second). Where there is no GPU it says so. ``--gpu --dry`` does the
same steps with a tiny shape on the CPU, and says which share of the time ``generate`` was running.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

BATCHES = (1, 2, 4, 8, 16)
LIMIT, MEAN = 48, 14
"""Tokens of an answer: at most, and on average where nothing cuts it."""
WORDS = (
    *("what", "which", "how", "many", "red", "blue", "green", "square", "circle", "left", "right", "above"),
    *("below", "the", "a", "is", "of", "in", "picture"),
)
TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}"
    "{% endif %}{% endfor %}{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}"
    "{% endif %}"
)
MARKS = (
    *("<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"),
    *("<|vision_start|>", "<|vision_end|>"),
)


@dataclass(frozen=True)
class Shape:
    """Sizes of a checkpoint and of its pictures.

    text, vision  width, width between, layers, heads (text: and those of keys)
    whole         vision layers that look at the whole picture
    sides         least and most pixels of a side
    vocabulary    0: the tokenizer's
    """

    text: tuple[int, int, int, int, int]
    vision: tuple[int, int, int, int]
    whole: tuple[int, ...]
    sides: tuple[int, int]
    vocabulary: int = 0


SMALL = Shape((256, 768, 6, 4, 2), (128, 384, 3, 4), (1,), (84, 336), 4096)
TINY = Shape((64, 96, 2, 4, 2), (32, 48, 2, 4), (1,), (84, 280))
# as the config.json of Qwen2.5-VL-7B-Instruct
SEVEN = Shape((3584, 18944, 28, 28, 4), (1280, 3420, 32, 16), (7, 15, 23, 31), (336, 1120), 152064)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=0, help="128; with --gpu 2,000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, for both sides")
    parser.add_argument("--gpu", action="store_true", help="how busy hemm keeps a GPU")
    parser.add_argument("--dry", action="store_true", help="with --gpu: the same steps, tiny, on the CPU")
    parser.add_argument("--batch-size", type=int, default=0, help="hemm's; its default")
    parser.add_argument("--folder", type=Path, help="where the checkpoint is made (a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    given = parser.parse_args()
    given.samples = given.samples or (2000 if given.gpu and not given.dry else 128)
    if given.gpu and not given.dry and not has_gpu():
        print("no GPU of NVIDIA's is here (nvidia-smi shows none): not measured")
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        os.environ["HEMM_CACHE"] = str(Path(folder) / "cache")
        found = (on_gpu if given.gpu else beside_loops)(Path(folder), given)
    print(json.dumps(found, indent=2) if given.json else "\n".join(f"{k:44} {v}" for k, v in found.items()))


def has_gpu() -> bool:
    try:
        return "GPU " in subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    except OSError:
        return False


# the checkpoint and the questions


def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=[*MARKS, "<|image_pad|>", "<|video_pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([" ".join(WORDS)], trainer)
    named = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens=named,
    )


def build(folder: Path, shape: Shape, device: str) -> None:
    """Write a checkpoint with random weights into ``folder``."""
    import torch

    from hemm.metrics.learned import torchvision_check

    torchvision_check.prepare()
    import transformers

    transformers.logging.disable_progress_bar()
    tok = tokenizer()
    sizes = {"patch_size": 14, "size": {"shortest_edge": 56 * 56, "longest_edge": 1280 * 28 * 28}}
    transformers.Qwen2_5_VLProcessor(
        transformers.Qwen2VLImageProcessorPil(**sizes),
        tok,
        transformers.Qwen2VLVideoProcessor(**sizes),
        chat_template=TEMPLATE,
    ).save_pretrained(folder)
    number = tok.convert_tokens_to_ids
    width, between, layers, heads, keys = shape.text
    part = 3 * (width // heads // 2) // 8
    sections = [width // heads // 2 - 2 * part, part, part]
    ends = {
        "bos_token_id": tok.bos_token_id,
        "eos_token_id": tok.eos_token_id,
        "pad_token_id": tok.pad_token_id,
    }
    config = transformers.Qwen2_5_VLConfig(
        vision_config={
            **dict(
                zip(("hidden_size", "intermediate_size", "depth", "num_heads"), shape.vision, strict=True)
            ),
            "out_hidden_size": width,
            "patch_size": 14,
            "fullatt_block_indexes": list(shape.whole),
        },
        text_config={
            **ends,
            "hidden_size": width,
            "intermediate_size": between,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": keys,
            "max_position_embeddings": 32768,
            "vocab_size": max(len(tok), shape.vocabulary),
            "rope_parameters": {"rope_type": "default", "mrope_section": sections, "rope_theta": 1e6},
        },
        tie_word_embeddings=False,
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
    with torch.device(device):
        model = transformers.Qwen2_5_VLForConditionalGeneration(config).eval()
    torch.set_default_dtype(before)
    model.lm_head.weight.data[len(tok) :] = 0  # tokens that the tokenizer does not have are never said
    model.save_pretrained(folder)
    del model


class Ends:
    """Ends each answer after a number of tokens that its prompt alone decides, as a trained model would.

    For ``generate``: once it has come so far in a row, no other token than the end mark is left.
    """

    def __init__(self, tok: Any, inputs: dict[str, Any]) -> None:
        self._end, self._prompt = tok.eos_token_id, inputs["input_ids"].shape[1]
        sums = (inputs["input_ids"] * inputs["attention_mask"]).sum(dim=1).tolist()
        self._after = [1 + int(random.Random(number).expovariate(1 / MEAN)) for number in sums]

    def __call__(self, tokens: Any, scores: Any) -> Any:
        for row, after in enumerate(self._after):
            scores[row, self._end] = float("-inf")
            if tokens.shape[1] - self._prompt >= after:
                scores[row] = float("-inf")
                scores[row, self._end] = 0.0
        return scores


@dataclass(frozen=True)
class Row:
    id: str
    picture: Path
    question: str
    pixels: int


def questions(folder: Path, count: int, sides: tuple[int, int]) -> list[Row]:
    """Pictures of mixed sizes and shapes as JPEG, and questions of 5 to 60 words."""
    import numpy as np
    from PIL import Image

    folder.mkdir()
    rows = []
    for n in range(count):
        draw = np.random.default_rng(n)
        width, height = (int(side) for side in draw.integers(*sides, 2))
        coarse = Image.fromarray(draw.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        path = folder / f"{n}.jpg"
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(path, "JPEG", quality=90)
        words = " ".join(WORDS[i] for i in draw.integers(0, len(WORDS), int(draw.integers(5, 60))))
        rows.append(Row(f"q{n}", path, f"{n}: {words}?", width * height))
    return rows


def task_of(rows: Sequence[Row]) -> Any:
    from hemm.core import Card, Layout, Media, Sample, Task
    from hemm.data.sources.kinds import Generated
    from hemm.parsing.formats import FreeText

    def samples(_: Path) -> Iterator[Sample]:
        for row in rows:
            yield Sample(
                id=row.id,
                media=(Media(row.picture.read_bytes(), name=row.picture.name),),
                fields={"question": row.question},
                references=("red",),
            )

    return Task(
        name="local",
        card=Card("Local", labels={"use_case": "multimedia", "information_flow": "querying"}),
        sources=(Generated(Layout((), samples), revision=str(len(rows))),),
        prompt="{{ image }}{{ question }}",
        answer=FreeText(),
        metrics=("exact_match",),
        max_new_tokens=LIMIT,
    )


def started(folder: Path, device: str, dtype: str) -> Any:
    """hemm's model of the checkpoint, which stays in memory over several runs."""
    from hemm.models import ModelOptions, resolve

    settings = (("device", device), ("dtype", dtype))
    model: Any = resolve(f"hf/{folder}", ModelOptions(settings=settings))
    asyncio.run(model.start())
    net, tok = model._loaded.model, model._loaded.processor.tokenizer
    inner = net.generate
    net.generate = lambda **given: inner(**given, logits_processor=[Ends(tok, given)])

    async def nothing() -> None: ...

    model.start = model.close = nothing
    return model


# the two sides


def answers_in(cell: Path) -> dict[str, str]:
    """Sample -> answer of a sealed cell."""
    from hemm import load

    (found,) = load(cell.parents[2])
    answers = found.answers()
    return dict(zip(answers["id"].to_pylist(), answers["raw"].to_pylist(), strict=True))


def by_hemm(model: Any, task: Any, pack: Any, out: Path, batch: int) -> Path:
    """From the plan to the sealed result, whose folder is returned."""
    from hemm.engine.options import RunOptions, Silent
    from hemm.engine.run import run_cells

    before = model.batch_size
    model.batch_size = batch or before
    try:
        (result,) = asyncio.run(
            run_cells(RunOptions(out=out, score=False), [model], [(task, pack)], Silent())
        )
    finally:
        model.batch_size = before
    assert (result.state, result.errors) == ("sealed", []), result
    return result.folder


def by_hand(model: Any, rows: Sequence[Row], out: Path, batch: int, by_size: bool) -> dict[str, str]:
    """The same by a loop over batches of a fixed size."""
    import torch
    from PIL import Image

    net, processor = model._loaded.model, model._loaded.processor
    tok = processor.tokenizer
    answers: dict[str, str] = {}
    if by_size:
        rows = sorted(rows, key=lambda row: (row.pixels, len(row.question)))
    with open(out, "w") as lines:
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            chats = [
                [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "image": Image.open(row.picture).convert("RGB")},
                            {"type": "text", "text": row.question},
                        ],
                    }
                ]
                for row in part
            ]
            inputs = processor.apply_chat_template(
                chats,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            ).to(net.device, net.dtype)
            with torch.inference_mode():
                output = net.generate(
                    **inputs, max_new_tokens=LIMIT, do_sample=False, pad_token_id=tok.pad_token_id
                )
            texts = tok.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            for row, text in zip(part, texts, strict=True):
                answers[row.id] = text
                lines.write(json.dumps({"id": row.id, "answer": text}) + "\n")
    return answers


def timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, processor seconds and what ``call`` gives."""
    began, busy = time.perf_counter(), time.process_time()
    answers = call()
    return time.perf_counter() - began, time.process_time() - busy, answers


def beside_loops(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    import torch

    from hemm.data.pack.prepare import prepare

    torch.set_num_threads(given.threads)
    build(folder / "checkpoint", SMALL, "cpu")
    rows = questions(folder / "pictures", given.samples, SMALL.sides)
    task = task_of(rows)
    pack = prepare(task)
    model = started(folder / "checkpoint", "cpu", "float32")
    count = iter(range(10**6))

    def hemm() -> Path:
        return by_hemm(model, task, pack, folder / f"out-{next(count)}", given.batch_size)

    def hand(batch: int, by_size: bool) -> Callable[[], dict[str, str]]:
        return lambda: by_hand(model, rows, folder / "answers.jsonl", batch, by_size)

    by_hand(model, rows[:16], folder / "answers.jsonl", 16, False)  # both are warm
    hows = [(batch, by_size) for batch in BATCHES for by_size in (False, True) if batch > 1 or not by_size]
    few = rows[:32]  # tell which loop is the best
    first = {how: timed(partial(by_hand, model, few, folder / "answers.jsonl", *how)) for how in hows}
    ranked = sorted(first, key=lambda how: first[how][1])
    sides = {"hemm": hemm, "best": hand(*ranked[0])}
    took: dict[str, list[tuple[float, float, Any]]] = {name: [] for name in sides}
    for _ in range(given.rounds):
        for name, call in sides.items():
            took[name].append(timed(call))
    answers = answers_in(took["hemm"][0][2])
    lengths = sorted(map(len, answers.values()))
    one = first[1, False]
    alike = sum(answers[key] == text for key, text in one[2].items())
    return {
        "samples, threads of torch": f"{given.samples}, {given.threads}",
        "characters in answers": f"{lengths[0]} to {lengths[-1]}, quartiles "
        + ", ".join(f"{quarter:.0f}" for quarter in statistics.quantiles(lengths, n=4)),
        "answers as those without batches": f"{alike} of {len(few)}",
        **{
            f"loop, batches of {b}{', sorted' * s}": rate(len(few), *run[:2]) for (b, s), run in first.items()
        },
        "best loop": "batches of {}{}".format(ranked[0][0], ", sorted" * ranked[0][1]),
        **_ratios(took, [part / len(few) for part in one[:2]], given.samples),
    }


def rate(samples: int, seconds: float, busy: float) -> str:
    return f"{samples / seconds:.2f}/s, {1000 * busy / samples:.0f} ms of processor time each"


def _ratios(took: dict[str, Any], one: Sequence[float], samples: int) -> dict[str, str]:
    """``one``: seconds and processor seconds of a sample in the loop without batches."""
    middle = {
        name: [statistics.median(run[k] for run in runs) for k in (0, 1)] for name, runs in took.items()
    }
    pairs = list(zip(took["best"], took["hemm"], strict=True))
    share, of_cpu = (statistics.median(hand[k] / hemm[k] for hand, hemm in pairs) for k in (0, 1))
    times, times_cpu = (one[k] * samples / middle["hemm"][k] for k in (0, 1))
    return {
        "best loop, in turns with hemm": rate(samples, *middle["best"]),
        "hemm": rate(samples, *middle["hemm"]),
        "share of the best loop's samples/s (>= 1.0)": f"{share:.2f}, by processor time {of_cpu:.2f}",
        "x one at a time (>= 3)": f"{times:.2f}, by processor time {times_cpu:.2f}",
    }


# a GPU


@dataclass
class Busy:
    """How busy the GPU is, as nvidia-smi says it five times a second, and how long ``generate`` runs."""

    levels: list[int] = field(default_factory=list)
    generating: float = 0.0

    def __enter__(self) -> Busy:
        self._process: Any = None
        if shutil.which("nvidia-smi"):
            query = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200", "-i", "0"]
            self._process = subprocess.Popen(["nvidia-smi", *query], stdout=subprocess.PIPE, text=True)
            threading.Thread(target=self._read, daemon=True).start()
        return self

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.strip().isdigit():
                self.levels.append(int(line))

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def watch(self, net: Any) -> None:
        """Add up the time in ``net.generate``."""
        inner = net.generate

        def generate(**settings: Any) -> Any:
            began = time.perf_counter()
            try:
                return inner(**settings)
            finally:
                self.generating += time.perf_counter() - began

        net.generate = generate


def on_gpu(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from hemm.data.pack.prepare import prepare

    shape, device, dtype = (TINY, "cpu", "float32") if given.dry else (SEVEN, "cuda", "bfloat16")
    build(folder / "checkpoint", shape, device)
    rows = questions(folder / "pictures", given.samples, shape.sides)
    model = started(folder / "checkpoint", device, dtype)
    few = task_of(rows[:32])
    by_hemm(model, few, prepare(few), folder / "warm", given.batch_size)
    task = task_of(rows)
    pack = prepare(task)
    with Busy() as busy:
        busy.watch(model._loaded.model)
        took, _, _ = timed(lambda: by_hemm(model, task, pack, folder / "out", given.batch_size))
    levels = f"{statistics.mean(busy.levels):.0f} %" if busy.levels else "no nvidia-smi: not measured"
    return {
        "shape": "tiny, on the CPU" if given.dry else "Qwen2.5-VL-7B, bfloat16",
        "samples": given.samples,
        "samples/s": f"{given.samples / took:.2f}",
        "GPU busy (> 90 %)": levels,
        "share of the time in generate": f"{busy.generating / took:.2f}",
    }


if __name__ == "__main__":
    sys.exit(main())
