"""How fast metrics are beside what people use instead: the same texts, checkpoint and device, in one run.

    python benchmarks/metrics.py [--json] [--quick] [--threads N] [--only bartscore|bertscore|words|gpu]

bartscore  a random BART of bart-base's shape over predictions with five references each: ours, one
           prediction and one reference a call as HEMM's code does, and batches of 64 pairs sorted by length
bertscore  a random BERT of bert-base's shape up to layer 9: ours beside the package bert-score
words      CIDEr-D beside pycocoevalcap, ROUGE-L beside a loop over rouge-score
gpu        bart-large's shape in bfloat16 beside batches of 64, and the share of the card's matrix rate; where
           there is a GPU

What is slow is measured on fewer predictions, in turn with ours, so that a busy machine disturbs all alike;
rates are compared. On a machine that others use, --threads 1 is steadier: threads that wait for each other
wait longest in small batches. Nothing is written but a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCES, FIXED = 5, 64
MARKS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
Pairs = list[tuple[str, list[str]]]
WORDS = (
    "small large young old red blue white black brown green wooden tall",
    "man woman boy girl dog cat horse bird child player cow bear rider chef baby sheep couple",
    "stands sits runs walks plays looks rides jumps eats waits holds sleeps carries throws",
    "ball kite umbrella bench car bus table frisbee surfboard phone pizza laptop train boat",
    "street park beach field kitchen room road river station garden court hill snow water",
)


@dataclass(frozen=True)
class Size:
    """Numbers of predictions; ``rounds`` of ours and of the others follow one another."""

    bartscore: int = 1000
    alone: int = 60
    fixed: int = 200
    bertscore: int = 200
    words: int = 20_000
    gpu: int = 20_000
    rounds: int = 8


QUICK = Size(bartscore=40, alone=8, fixed=40, bertscore=40, words=2000, gpu=1000, rounds=2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="few predictions: a look, not a measurement")
    parser.add_argument("--threads", type=int, help="threads of torch (as torch chooses)")
    parser.add_argument("--only", choices=sorted(PARTS))
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logging.disable(logging.WARNING)
    _set_up(given.threads)
    size = QUICK if given.quick else Size()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, part in PARTS.items():
            if given.only in (None, name) and (found := part(Path(folder), size)):
                results[name] = found
                if not given.json:
                    print(_table({name: found}), flush=True)
    if given.json:
        print(json.dumps(results, indent=1))
    elif "gpu" not in results and given.only in (None, "gpu"):
        print("no GPU here: bart-large in bfloat16 is not measured")


def _set_up(threads: int | None) -> None:
    """transformers without progress bars, and without a torchvision that does not import."""
    from hemm.metrics.learned import torchvision_check

    torchvision_check.prepare()
    import torch
    import transformers

    if threads:
        torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()


# texts


def captions(count: int, seed: int = 0) -> Pairs:
    """Predictions with five references of the same scene: 6 to 16 words, most about ten; none is given
    twice."""
    draw = random.Random(seed)
    size, who, does, what, where = (words.split() for words in WORDS)

    def sentence(person: str, thing: str, place: str) -> str:
        words = ["a", draw.choice(size), person, draw.choice(does)]
        words += draw.choice((["with", "a"], ["next", "to", "the"], ["and", "a", draw.choice(size)]))
        words += [thing, "in" if draw.random() < 0.5 else "near", "the", place]
        for _ in range(draw.choice((0, 0, 0, 1, 2))):
            words += ["while", "a", draw.choice(who), draw.choice(does)]
        return " ".join(words[: draw.randint(7, 16)])

    out: dict[str, list[str]] = {}
    while len(out) < count:
        scene = draw.choice(who), draw.choice(what), draw.choice(where)
        out[f"{sentence(*scene)} {len(out)}"] = [sentence(*scene) for _ in range(REFERENCES)]
    return list(out.items())


def groups(rows: Pairs) -> Any:
    """The rows as a metric gets them."""
    from hemm.core import Judged, Outcome, Response, Sample

    return [
        [Judged(Sample(str(i), references=tuple(refs)), 0, Response(text=said), Outcome.OK, said)]
        for i, (said, refs) in enumerate(rows)
    ]


def save_tokenizer(folder: Path, size: int) -> None:
    """A word is a token; marks as BART and BERT have them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({w for said, refs in captions(500) for text in (said, *refs) for w in text.split()})
    numbers = [str(n) for n in range(size - len(words) - len(MARKS))]
    vocabulary = {t: i for i, t in enumerate(dict.fromkeys([*MARKS, *words, *numbers]))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=512,
    ).save_pretrained(folder)  # fmt: skip


def seconds(act: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time of ``act`` and what it gives."""
    began = time.perf_counter()
    given = act()
    return time.perf_counter() - began, given


# BARTScore


def save_bart(folder: Path, layers: int, width: int) -> Path:
    """A random BART: ``layers`` in encoder and decoder each, heads of 64, a vocabulary of 50,265."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    inner = {"ffn_dim": 4 * width, "layers": layers, "attention_heads": width // 64}
    config = BartConfig(
        vocab_size=50_265,
        d_model=width,
        **{f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in inner.items()},
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    save_tokenizer(folder, config.vocab_size)
    return folder


class Plain:
    """BARTScore as a few lines of transformers give it."""

    def __init__(self, folder: Path, device: str = "cpu", dtype: str = "float32") -> None:
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self.model = model.to(device).eval()

    def together(self, sources: Sequence[str], targets: Sequence[str]) -> list[float]:
        """Mean log-likelihoods of targets, one padded batch."""
        import torch

        def ready(texts: Sequence[str]) -> Any:
            return self.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(
                self.model.device
            )

        said, wanted = ready(sources), ready(targets)
        with torch.no_grad():
            logits = self.model(
                input_ids=said.input_ids, attention_mask=said.attention_mask, labels=wanted.input_ids
            ).logits
            each = torch.log_softmax(logits, -1).gather(-1, wanted.input_ids.unsqueeze(-1)).squeeze(-1)
            sums = (each * wanted.attention_mask).sum(1) / wanted.attention_mask.sum(1)
        return [float(v) for v in sums.tolist()]

    def alone(self, rows: Pairs) -> list[float]:
        """One prediction and one reference a call; the best over the references."""
        return [max(self.together([said], [r])[0] for r in refs) for said, refs in rows]

    def fixed(self, rows: Pairs) -> list[float]:
        """Batches of 64 pairs, sorted by length."""
        pairs = [(said, r) for said, refs in rows for r in refs]
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0].split()) + len(pairs[i][1].split()))
        values = [0.0] * len(pairs)
        for start in range(0, len(order), FIXED):
            part = order[start : start + FIXED]
            found = self.together([pairs[i][0] for i in part], [pairs[i][1] for i in part])
            for i, value in zip(part, found, strict=True):
                values[i] = value
        found_iter = iter(values)
        return [max(next(found_iter) for _ in refs) for _, refs in rows]


def _bartscore(folder: Path, size: Size) -> dict[str, Any]:
    from hemm.metrics import resolve

    checkpoint = save_bart(folder / "bart-base", 6, 768)
    rows = [(said.lower(), refs) for said, refs in captions(size.bartscore)]
    metric, plain = resolve(f"bartscore:model={checkpoint},device=cpu"), Plain(checkpoint)
    metric.score(groups(rows[:1]))
    plain.together(["a"], ["a"])
    return _compare(
        rows, metric, {"alone": (plain.alone, size.alone), "fixed": (plain.fixed, size.fixed)}, size
    )


def _compare(
    rows: Pairs, metric: Any, others: dict[str, tuple[Callable[[Pairs], list[float]], int]], size: Size
) -> dict[str, Any]:
    """Predictions a second of ours and of the others, each round over a part of the rows."""
    spent, done, apart = dict.fromkeys(["ours", *others], 0.0), dict.fromkeys(["ours", *others], 0), 0.0
    for number, part in enumerate(_parts(rows, size.rounds)):
        took, found = seconds(lambda part=part: metric.score(groups(part)))
        spent["ours"] += took
        done["ours"] += len(part)
        in_turn = list(others.items())
        for name, (act, count) in in_turn[:: 1 if number % 2 else -1]:
            some = part[: max(1, count // size.rounds)]
            took, values = seconds(lambda act=act, some=some: act(some))
            spent[name] += took
            done[name] += len(some)
            apart = max(apart, *(abs(v - f[""]) for v, f in zip(values, found, strict=False)))
    rates = {name: done[name] / spent[name] for name in spent}
    return {
        "predictions": done,
        "per_s": rates,
        "times": {name: rates["ours"] / rates[name] for name in others},
        "largest_difference": apart,
    }


def _parts(rows: Pairs, rounds: int) -> Iterator[Pairs]:
    step = -(-len(rows) // rounds)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


# BERTScore


def _bertscore(folder: Path, size: Size) -> dict[str, Any]:
    import torch
    from bert_score import BERTScorer
    from transformers import BertConfig, BertModel

    from hemm.metrics import resolve

    checkpoint, layer = folder / "bert-base", 9
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=30_522, pad_token_id=1)).save_pretrained(checkpoint)
    save_tokenizer(checkpoint, 30_522)
    package = BERTScorer(model_type=str(checkpoint), num_layers=layer, device="cpu", nthreads=0)

    def theirs(rows: Pairs) -> list[float]:
        found = package.score([said for said, _ in rows], [refs for _, refs in rows], batch_size=FIXED)
        return [float(v) for v in found[2].tolist()]

    rows = captions(size.bertscore)
    metric = resolve(f"bertscore:model={checkpoint},layer={layer},device=cpu")
    metric.score(groups(rows[:1]))
    theirs(rows[:1])
    return _compare(rows, metric, {"bert-score": (theirs, size.bertscore)}, size)


# words


def _words(folder: Path, size: Size) -> dict[str, Any]:
    from pycocoevalcap.cider.cider import Cider
    from rouge_score.rouge_scorer import RougeScorer

    from hemm.metrics import resolve

    rows = captions(size.words)

    def cider(rows: Pairs) -> list[float]:
        said = {i: [text] for i, (text, _) in enumerate(rows)}
        wanted = {i: refs for i, (_, refs) in enumerate(rows)}
        with contextlib.redirect_stdout(io.StringIO()):
            return [float(v) for v in Cider().compute_score(wanted, said)[1]]

    def rouge(rows: Pairs) -> list[float]:
        scorer = RougeScorer(["rougeL"])
        return [max(scorer.score(r, text)["rougeL"].fmeasure for r in refs) for text, refs in rows]

    out: dict[str, Any] = {}
    for name, spec, other in (("cider_d", "cider_d:tokens=blanks", cider), ("rouge_l", "rouge_l", rouge)):
        samples = groups(rows)
        metric = resolve(spec)
        bind = getattr(metric, "over", None)

        def ours(metric: Any = metric, bind: Any = bind, samples: Any = samples) -> Any:
            return (bind([g[0].sample for g in samples]) if bind else metric).score(samples)

        took, found = seconds(ours)
        theirs, values = seconds(lambda other=other: other(rows))
        apart = max(abs(f[""] - v) for f, v in zip(found, values, strict=True))
        out[name] = {
            "predictions": len(rows),
            "per_s": {"ours": len(rows) / took, "theirs": len(rows) / theirs},
            "times": theirs / took,
            "largest_difference": apart,
        }
    return out


# a GPU


def _gpu(folder: Path, size: Size) -> dict[str, Any]:
    import torch

    from hemm.metrics import resolve

    if not torch.cuda.is_available():
        return {}
    layers, width = 12, 1024
    checkpoint = save_bart(folder / "bart-large", layers, width)
    rows = [(said.lower(), refs) for said, refs in captions(size.gpu)]
    metric = resolve(f"bartscore:model={checkpoint},device=cuda,dtype=bfloat16")
    plain = Plain(checkpoint, "cuda", "bfloat16")
    metric.score(groups(rows[:200]))
    plain.fixed(rows[:20])
    fewer = max(FIXED, size.gpu // 10)
    found = _compare(rows, metric, {"fixed": (plain.fixed, fewer)}, size)
    rate = _matrix_rate()
    used = _operations(rows, layers, width) * found["per_s"]["ours"] / len(rows)
    return {
        **found,
        "device": torch.cuda.get_device_name(),
        "matrix_tflops": rate / 1e12,
        "used_tflops": used / 1e12,
        "share": used / rate,
    }


def _matrix_rate(side: int = 8192, times: int = 20) -> float:
    """Operations a second of a large product in bfloat16, measured on the card at hand."""
    import torch

    one = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    other = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)

    def products(count: int) -> None:
        for _ in range(count):
            one @ other
        torch.cuda.synchronize()

    products(3)
    took, _ = seconds(lambda: products(times))
    return 2 * side**3 * times / took


def _operations(rows: Pairs, layers: int, width: int) -> float:
    """Multiplications and additions in the matrices that no way of batching can spare: each prediction
    encoded once, each reference decoded, no padding; attention scores left out."""
    square, wide = width**2, 4 * width**2
    said = [len(text.split()) + 2 for text, _ in rows]
    wanted = [sum(len(r.split()) + 2 for r in refs) for _, refs in rows]
    encoder = sum(said) * layers * (4 * square + 2 * wide)
    keys = sum(said) * layers * 2 * square
    decoder = sum(wanted) * (layers * (6 * square + 2 * wide) + width * 50_265)
    return 2.0 * (encoder + keys + decoder)


PARTS: dict[str, Callable[[Path, Size], dict[str, Any]]] = {
    "bartscore": _bartscore,
    "bertscore": _bertscore,
    "words": _words,
    "gpu": _gpu,
}


def _table(results: dict[str, Any]) -> str:
    rows: list[tuple[str, str, str]] = []

    def compared(title: str, r: dict[str, Any], aims: dict[str, tuple[str, str]]) -> None:
        count = r["predictions"]
        rows.append((f"{title}, {count['ours']} predictions", f"{r['per_s']['ours']:.1f}/s", ""))
        for name, (what, aim) in aims.items():
            rows.append((f"  {what}, {count[name]} of them", f"{r['per_s'][name]:.1f}/s", ""))
            rows.append(("    ours is faster by", f"{r['times'][name]:.2f} x", aim))
        rows.append(("  largest difference of a value", f"{r['largest_difference']:.1e}", ""))

    if "bartscore" in results:
        alone, fixed = "one prediction and reference a call", f"sorted batches of {FIXED}"
        compared(
            "BARTScore, bart-base's shape",
            results["bartscore"],
            {"alone": (alone, ">= 3"), "fixed": (fixed, "")},
        )
    if "bertscore" in results:
        compared("BERTScore, bert-base's shape", results["bertscore"], {"bert-score": ("bert-score", ">= 1")})
    for name, title, what, aim in (
        ("cider_d", "CIDEr-D", "pycocoevalcap", ">= 10"),
        ("rouge_l", "ROUGE-L", "rouge-score in a loop", ">= 5"),
    ):
        if "words" in results:
            r = results["words"][name]
            rows.append((f"{title}, {r['predictions']} predictions", f"{r['per_s']['ours']:.0f}/s", ""))
            rows.append((f"  {what}", f"{r['per_s']['theirs']:.0f}/s", ""))
            rows.append(("    ours is faster by", f"{r['times']:.1f} x", aim))
            rows.append(("  largest difference of a value", f"{r['largest_difference']:.1e}", ""))
    if "gpu" in results:
        r = results["gpu"]
        compared(
            f"BARTScore, bart-large's shape in bfloat16 on {r['device']}",
            r,
            {"fixed": (f"sorted batches of {FIXED}", "")},
        )
        said = f"{r['used_tflops']:.0f} of {r['matrix_tflops']:.0f} TFLOP/s"
        rows.append(("  share of the card's matrix rate", f"{r['share']:.2f}", said))
    return "\n".join(f"{what:66} {value:>12}   {aim}".rstrip() for what, value, aim in rows)


if __name__ == "__main__":
    main()
