"""``text/``: language models without pictures, beside what transformers computes of the same prompt."""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hemm.core import Card, HemmError, Layout, Media, Message, Sample, Task, UnknownName
from hemm.data import Local
from hemm.metrics.learned import torchvision_check
from hemm.models import ModelOptions, describe, resolve
from hemm.parsing import OneOf
from hemm.testing import check_model

torch = pytest.importorskip("torch", reason="language models need pip install 'hemm[hf]'")
torchvision_check.prepare()  # before transformers looks for torchvision

from tinymodels.asking import one_thread, request  # noqa: E402
from tinymodels.tokenizer import tokenizer  # noqa: E402

__all__ = ["one_thread"]  # a fixture

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
Made = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A tiny random checkpoint: a transformer (``llama``) or a state-space model (``mamba``)."""

    def make(kind: str, template: bool = False) -> Path:
        from transformers import LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

        folder = tmp_path_factory.getbasetemp() / f"{kind}-{template}"
        if folder.is_dir():
            return folder
        tok = tokenizer()
        if template:
            tok.chat_template = TEMPLATE
        ids = {"vocab_size": len(tok), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        with torch.random.fork_rng():
            torch.manual_seed(5)
            model: Any
            if kind == "mamba":
                model = MambaForCausalLM(
                    MambaConfig(hidden_size=32, state_size=8, num_hidden_layers=2, **ids)
                )
            else:
                sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
                heads = {"num_attention_heads": 4, "num_key_value_heads": 4}
                model = LlamaForCausalLM(LlamaConfig(**sizes, **heads, **ids))
            for p in model.parameters():
                p.data.add_(torch.randn_like(p) * 0.2)
        model.save_pretrained(folder)
        tok.save_pretrained(folder)
        return folder

    return make


def started(folder: Path, **settings: str) -> Any:
    model = resolve(f"text/{folder}", ModelOptions(settings=(("device", "cpu"), *settings.items())))
    asyncio.run(model.start())
    return model


QUESTION = "Is the square red?\nA. yes\nB. certainly not today\n"


@pytest.mark.parametrize("kind", ["llama", "mamba"])
@pytest.mark.parametrize("template", [False, True])
def test_options_have_the_probabilities_that_transformers_gives_them(
    made: Made, kind: str, template: bool
) -> None:
    """The definition: log p of the option's tokens after the prompt, of one forward pass without padding."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = made(kind, template)
    tok, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = f"<|user|>{QUESTION}<|end|><|assistant|>" if template else f"{QUESTION.strip()}\nAnswer:"
    wanted = []
    for option in ("A", "B", "certainly not today"):
        head = tok(prompt, add_special_tokens=False)["input_ids"]
        tail = tok(option if template else f" {option}", add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
        wanted.append(sum(float(logits[len(head) - 1 + i, t]) for i, t in enumerate(tail)))
    hemm_model = started(folder)
    found = hemm_model.score(request("1", QUESTION), ("A", "B", "certainly not today"))
    assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_a_batch_answers_as_its_requests_do_alone(made: Made, kind: str) -> None:
    model = started(made(kind))
    asked = [request(n, "Is it red? " + "What colour? " * n, max_new_tokens=6) for n in range(4)]
    together = model.generate_batch(asked)
    alone = [model.generate_batch([r])[0] for r in asked]
    assert [a.text for a in together] == [a.text for a in alone]
    options = [
        request(n, "Is it red? " * (n + 1), options=("yes", "no"), scoring="likelihood") for n in range(3)
    ]
    for one, other in zip(
        model.generate_batch(options), [model.generate_batch([r])[0] for r in options], strict=True
    ):
        assert one.options == pytest.approx(other.options, abs=1e-3)


def test_shots_are_a_text_that_goes_on(made: Made) -> None:
    model = started(made("llama"))
    family = model._started()
    chat = [Message("user", ("1 + 1?",)), Message("assistant", ("2",)), Message("user", ("2 + 2?",))]
    assert family.prompt(chat) == "1 + 1?\nAnswer: 2\n\n2 + 2?\nAnswer:"


def a_task(tmp_path: Path, shown: bool) -> Task:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    media = (Media(out.getvalue()),) if shown else ()
    samples = [
        Sample(
            str(n),
            media=media,
            fields={"question": f"Is it {n}?"},
            references=("yes",),
            choices=("yes", "no"),
        )
        for n in range(4)
    ]
    return Task(
        "pictures" if shown else "texts",
        Card("A task"),
        (Local(tmp_path, Layout((), lambda folder: iter(samples)), revision="1"),),
        "{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}",
        OneOf(),
        ("accuracy",),
    )


def test_pictures_are_refused_in_one_line_and_texts_are_asked(
    made: Made, tmp_path: Path, cache: Path
) -> None:
    import hemm

    spec, out = f"text/{made('llama')}", tmp_path / "results"
    with pytest.raises(
        HemmError, match=r"shows pictures, which model text/.* does not take; --control none asks"
    ):
        hemm.run(spec, tasks=[a_task(tmp_path, shown=True)], out=out)
    (blind,) = hemm.run(
        spec,
        tasks=[a_task(tmp_path, shown=True)],
        out=out,
        control="none",
        settings={"scoring": "likelihood"},
    )
    assert blind.state == "sealed"
    (texts,) = hemm.run(spec, tasks=[a_task(tmp_path, shown=False)], out=out)
    assert texts.state == "sealed"
    assert "language model" in str(texts.run)  # another cell than that of the same checkpoint with pictures


def test_what_is_no_language_model_is_one_line(made: Made, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}')
    with pytest.raises(HemmError, match="does not load") as caught:
        started(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnknownName, match="max_pixels"):
        started(made("llama"), max_pixels="1000")
    assert "max_pixels" in describe.row("hf")["settings"]
    assert "max_pixels" not in describe.row("text")["settings"]
    with pytest.raises(HemmError, match=r"text/ORG/NAME"):
        resolve("text")
    with pytest.raises(HemmError, match=r"no picture processor.*text/"):
        asyncio.run(resolve(f"hf/{made('llama')}").start())


def test_the_conformance_kit_passes(made: Made) -> None:
    check_model(resolve(f"text/{made('llama', True)}", ModelOptions(settings=(("device", "cpu"),))))
    assert math.isfinite(started(made("mamba")).score(request("1", "q"), ("yes",))[0])
