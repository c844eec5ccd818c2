"""What every family of transformers does through the one adapter, on tiny random checkpoints.

The results are the rows of docs/compatibility.md (``python tools/compatibility.py``): each test records its
family, the column and what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hemm.core import Media, Request
from hemm.metrics.learned import torchvision_check
from hemm.models.batcher import run_batch
from hemm.models.hf.families import KNOWN, encodes

torch = pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
torchvision_check.prepare()  # before transformers looks for torchvision

from tinymodels import FAMILIES, asking  # noqa: E402
from tinymodels.asking import OPTIONS, Started, picture, request  # noqa: E402

checkpoint, started, one_thread = asking.checkpoint, asking.started, asking.one_thread

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
COLUMNS = ("single image", "several images", "batch equals single", "image out", "log-probabilities")
every_family = pytest.mark.parametrize("name", sorted(FAMILIES), scope="module")
Record = Callable[[str, object], None]


def found(record: Record, name: str, column: str, value: str) -> None:
    """One cell of the page."""
    assert column in COLUMNS
    record("cell", f"{name}|{column}|{value}")


def short(id: str, *parts: str | Media) -> Request:
    return request(id, *parts, max_new_tokens=6)


def ragged(model: Any) -> list[Request]:
    """Texts of very different lengths, pictures of different sizes; several or none where the family can."""
    asked = [
        request("a", picture(1), "Is it red?", max_new_tokens=6),
        request(
            "b", picture(2, (64, 20)), "How many circles are in the picture? One number.", max_new_tokens=6
        ),
        request("c", picture(3, (9, 50)), "x", max_new_tokens=6),
    ]
    if model.capabilities.max_images is None:
        parts = (picture(4), "and ", picture(5, (50, 50)), " which is the larger?")
        asked.append(short("d", *parts))
    if not model.capabilities.min_images:
        asked += [
            request("e", "no picture, what now?", max_new_tokens=6),
            request("f", "?", max_new_tokens=6),
        ]
    return asked


@every_family
def test_one_picture(started: Started, name: str, record_property: Record) -> None:
    """It is answered, the picture matters, and the family is the one that the table says."""
    model = started(name)
    assert model._loaded.model.config.model_type == FAMILIES[name].model_type
    (answer,) = run_batch(model, [request("a", picture(1), "Is it red?", max_new_tokens=6)])
    assert answer.failure is None
    assert answer.usage.input_tokens
    one, same, other = (model.score(request("a", picture(n), "Is it red?"), OPTIONS[:2]) for n in (1, 1, 2))
    assert one == same
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 1e-3
    found(record_property, name, "single image", "yes")


@every_family
def test_several_pictures(started: Started, name: str, record_property: Record) -> None:
    """They are told apart by their order, or refused: known before loading, and by each request."""
    model, a, b = started(name), picture(1), picture(2)
    if model.capabilities.max_images is None:
        there = model.score(request("x", a, b, "Which is larger?"), ("yes",))
        back = model.score(request("x", b, a, "Which is larger?"), ("yes",))
        assert abs(there[0] - back[0]) > 1e-5
        found(record_property, name, "several images", "yes")
        return
    assert (model.capabilities.min_images, model.capabilities.max_images) == (1, 1)
    good, two, none = run_batch(model, [request(0, a, "q"), request(1, a, b, "q"), request(2, "q")])
    assert good.failure is None
    for answer in (two, none):
        assert answer.failure is not None
        assert "exactly one picture" in answer.failure.message
        assert answer.failure.permanent
    found(record_property, name, "several images", "no: one picture")


@every_family
def test_a_batch_answers_as_its_requests_alone_do(
    started: Started, name: str, record_property: Record
) -> None:
    """Greedy texts, how they end and what they count are equal; option scores within 1e-4."""
    model = started(name)
    asked = ragged(model)
    together, alone = run_batch(model, asked), [run_batch(model, [r])[0] for r in asked]
    assert [a.failure for a in together] == [None] * len(asked)
    assert [(a.text, a.finish, a.usage) for a in together] == [(a.text, a.finish, a.usage) for a in alone]
    assert any(a.text for a in together)
    scored = [
        replace(r, options=OPTIONS[:4], generation=replace(r.generation, scoring="likelihood")) for r in asked
    ]
    for one, answer in zip(scored, run_batch(model, scored), strict=True):
        assert answer.options == pytest.approx(model.score(one, one.options), abs=1e-4)
        assert answer.text == one.options[answer.options.index(max(answer.options))]
    found(record_property, name, "batch equals single", "yes")


@every_family
def test_pictures_drawn(started: Started, name: str, record_property: Record) -> None:
    """PNG pictures that follow the text, the same in a batch as alone and for the same seed."""
    model = started(name)
    if "image" not in model.capabilities.outputs:
        found(record_property, name, "image out", "no")
        return
    assert model.capabilities.drawn_from == {"text"}
    how = {"max_pixels": 256, "extra": (("output", "image"),)}
    asked = [request(i, text, **how) for i, text in enumerate(("a dog", "a cat on the roof of a red house"))]
    together, alone = run_batch(model, asked), [run_batch(model, [r])[0] for r in asked]
    assert [a.failure for a in together] == [None, None]
    drawn = [a.media[0] for a in together]
    assert [m.mime for m in drawn] == ["image/png"] * 2
    assert drawn == [a.media[0] for a in alone]
    assert drawn[0] != drawn[1]
    assert all(not a.text and max(m.pixels().size) <= 16 for a, m in zip(together, drawn, strict=True))
    sampled = [replace(r, generation=replace(r.generation, temperature=1.0)) for r in asked]
    once, again = run_batch(model, sampled), run_batch(model, sampled)
    assert [a.media for a in once] == [a.media for a in again]
    assert once[0].media[0] != drawn[0]
    found(record_property, name, "image out", "yes")


FURTHER = {
    "attention_mask": None,
    "cross_attention_mask": None,
    "image_attention_mask": None,
    "image_embeds_position_mask": 0,
    "mm_token_type_ids": 0,
    "token_type_ids": 0,
}
"""Inputs that go along with the tokens, and how they go on after the prompt (None: as at its end)."""


def directly(model: Any, asked: Request, continuation: str) -> float:
    """Log-probability by one plain forward pass over prompt and continuation, without hemm's scoring."""
    network, tokenizer = model._loaded.model, model._loaded.processor.tokenizer
    inputs = dict(model._inputs([list(asked.messages)]))
    more = tokenizer(continuation, add_special_tokens=False, return_tensors="pt")["input_ids"]
    if encodes(network.config):
        text = network.config.text_config
        decoder = torch.cat([torch.tensor([[text.decoder_start_token_id]]), more], dim=1)
        logits = network(**inputs, decoder_input_ids=decoder[:, :-1]).logits
    else:
        inputs["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
        suffix = {"token_type_ids": int(network.config.model_type == "paligemma")}  # its answers are a kind
        for key, after in (FURTHER | suffix).items():
            if key in inputs:
                last = inputs[key][:, -1:]
                tail = last if after is None else torch.full_like(last, after)
                inputs[key] = torch.cat([inputs[key], *[tail] * more.shape[1]], dim=1)
        logits = network(**inputs).logits[:, -more.shape[1] - 1 : -1]
    logs = torch.log_softmax(logits.double(), dim=-1)
    return float(logs.gather(2, more[:, :, None]).sum().detach())


@every_family
def test_option_scores_equal_a_direct_computation(
    started: Started, name: str, record_property: Record
) -> None:
    model, lead = started(name), FAMILIES[name].lead
    for asked in ragged(model)[:2]:
        scores = model.score(asked, OPTIONS)
        with torch.inference_mode():
            expected = [directly(model, asked, lead + o) for o in OPTIONS[:4]]
            nothing = directly(model, asked, lead) if lead else 0.0
        assert scores == pytest.approx([*expected, nothing], abs=2e-4)
    found(record_property, name, "log-probabilities", "yes")


# what is particular


def test_instructblip_s_two_tokenizers_pad_on_their_own_sides(started: Started) -> None:
    """The Q-Former's positions are absolute: padding on its left would shift them."""
    family = started("instructblip")._family
    one, other = (
        [list(request("a", picture(1), text).messages)] for text in ("x", "How many circles are there?")
    )
    alone, both = family.inputs(one), family.inputs([*one, *other])
    width = alone["qformer_input_ids"].shape[1]
    assert both["qformer_input_ids"][0, :width].tolist() == alone["qformer_input_ids"][0].tolist()
    assert both["qformer_attention_mask"][0].tolist() == [1] * width + [0] * (
        both["qformer_input_ids"].shape[1] - width
    )
    assert both["attention_mask"][0, -1] == 1
    assert 0 in both["attention_mask"][0]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("two dogs", "two dogs"),
        ("a  b < c", "a  b < c"),
        (
            "<grounding> An image of<phrase> a snowman</phrase><object><patch_index_0044><patch_index_0863>"
            "</object> by<phrase> a fire</phrase><object><patch_index_0005><patch_index_0911></object>.",
            "An image of a snowman by a fire.",
        ),
        ("<phrase>it</phrase><object><patch_index_0001></delimiter_of_multi_objects/><patch_", "it"),
    ],
)
def test_kosmos2_s_grounding_marks_are_no_part_of_the_answer(said: str, kept: str, started: Started) -> None:
    assert started("kosmos2")._family.cleaned(said) == kept


def test_idefics_sees_pictures_where_they_stand(started: Started) -> None:
    family = started("idefics")._family
    seen: list[Any] = []

    class Spy:
        tokenizer = family.processor.tokenizer

        def __call__(self, **given: Any) -> None:
            seen.extend(given["text"])

    processor, family.processor = family.processor, Spy()
    try:
        family.inputs([list(request("a", "left ", picture(1), "right ", picture(2), "which?").messages)])
    finally:
        family.processor = processor
    kinds = ["picture" if not isinstance(part, str) else part for part in seen[0]]
    end = "<end_of_utterance>\n"
    assert kinds == ["User:", "left ", "picture", "right ", "picture", "which?", end, "Assistant:"]


def test_fuyu_cuts_the_patches_that_its_other_backend_cuts(started: Started) -> None:
    """Of a picture of 2 x 3 patches: row by row, each patch as height x width x channels."""
    from hemm.models.hf.families.fuyu import patches

    class Size:
        height, width = 4, 2

    pixels = torch.arange(3 * 8 * 6).reshape(3, 8, 6)
    cut = patches(pixels, Size)
    assert cut.shape == (1, 6, 24)
    expected = pixels[:, 4:8, 2:4].permute(1, 2, 0).reshape(-1)
    assert torch.equal(cut[0, 4], expected)


def test_a_family_without_template_or_prompt_is_refused_when_it_starts(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    import asyncio
    import shutil

    from hemm.core import HemmError
    from hemm.models import resolve

    folder = tmp_path / "model"
    shutil.copytree(checkpoint("llava"), folder)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(HemmError, match="no chat template, and hemm knows no prompt for llava"):
        asyncio.run(resolve(f"hf/{folder}").start())


# the page


def rows() -> dict[str, list[str]]:
    """The table of the page: title and model_type -> cells."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text("utf-8").splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line] for line in lines]
    head = next(i for i, row in enumerate(cells) if row[0] == "family")
    assert tuple(cells[head][2:]) == COLUMNS
    return {" ".join(row[:2]): row[2:] for row in cells[head + 2 :]}


def test_the_page_has_a_row_for_each_family_tested() -> None:
    table = rows()
    assert sorted(table) == sorted(f"{f.title} `{f.model_type}`" for f in FAMILIES.values())
    for name, family in FAMILIES.items():
        row = KNOWN.get(family.model_type)
        cells = dict(zip(COLUMNS, table[f"{family.title} `{family.model_type}`"], strict=True))
        assert cells["image out"] == ("yes" if row and row.draws else "no"), name
        assert cells["several images"] == ("no: one picture" if row and row.most == 1 else "yes"), name


def test_every_family_with_a_peculiarity_is_tested() -> None:
    assert set(KNOWN) <= {family.model_type for family in FAMILIES.values()}


def test_media_are_what_is_drawn(started: Started) -> None:
    """A request for text is answered with text by a model that can draw."""
    (answer,) = run_batch(started("janus"), [request("a", picture(1), "q", max_new_tokens=4)])
    assert (answer.media, bool(answer.text)) == ((), True)
    assert isinstance(picture(1), Media)
