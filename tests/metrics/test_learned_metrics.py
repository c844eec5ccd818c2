"""BERTScore against bert-score, CLIPScore, CLIP-I and DINO against direct computations, on tiny weights."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hemm.core import Group, HemmError, Judged, Media, MissingExtra, Outcome, Response, Sample
from hemm.metrics import metric_key, resolve, spec_of
from hemm.metrics.learned import torchvision_check
from hemm.metrics.learned.bertscore import BASELINES

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
torchvision_check.prepare()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SENTENCE = "a man red car is in the street two dogs small boy reads newspaper on bench alone"
ROWS = (
    ("a red car", ("a red car in the street", "the car is red", "a car")),
    ("two dogs alone", ("a dog",)),
    ("a red car", ("two small dogs",)),
    ("the boy reads a newspaper on the bench in the street", ("a boy reads", "a man on a bench")),
    ("car " * 80, ("a small car",)),
    ("xyz", ("a man",)),
)


def judged(value: Any, sample: Sample) -> Group:
    text = value if isinstance(value, str) else ""
    media = () if isinstance(value, str) else (value,)
    return [Judged(sample, 0, Response(text=text, media=media), Outcome.OK, value)]


def groups(rows: Any = ROWS) -> list[Group]:
    return [judged(said, Sample(str(i), references=tuple(refs))) for i, (said, refs) in enumerate(rows)]


# BERTScore

ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.5,
}


def _bert(folder: Path) -> Any:
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [
        *marks,
        *SENTENCE.split(),
        *"bcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    vocabulary = {t: i for i, t in enumerate(dict.fromkeys(pieces))}
    transformers.BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
    config = transformers.BertConfig(**ENCODER, vocab_size=len(vocabulary), max_position_embeddings=64)
    return transformers.BertModel(config)


def _byte_vocabulary(*marks: str) -> dict[str, int]:
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return {t: i for i, t in enumerate([*marks, *alphabet])}


def _roberta(folder: Path) -> Any:
    vocabulary = _byte_vocabulary("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    transformers.RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=64).save_pretrained(folder)
    config = transformers.RobertaConfig(**ENCODER, vocab_size=len(vocabulary), max_position_embeddings=66)
    return transformers.RobertaModel(config)


def _deberta(folder: Path) -> Any:
    vocabulary = _byte_vocabulary("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")
    transformers.DebertaTokenizer(vocab=vocabulary, merges=[], model_max_length=64).save_pretrained(folder)
    config = transformers.DebertaConfig(
        **ENCODER, vocab_size=len(vocabulary), max_position_embeddings=64, relative_attention=True,
        max_relative_positions=-1, pos_att_type=["c2p", "p2c"], type_vocab_size=0,
        position_biased_input=False, pad_token_id=0,
    )  # fmt: skip
    return transformers.DebertaModel(config)


FAMILIES: dict[str, Callable[[Path], Any]] = {"bert": _bert, "roberta": _roberta, "deberta": _deberta}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for family, build in FAMILIES.items():
        torch.manual_seed(1)
        found[family] = tmp_path_factory.mktemp("encoder") / family
        build(found[family]).save_pretrained(found[family])
    return found


def theirs(folder: Path, layer: int, rows: Any, **more: Any) -> list[tuple[float, ...]]:
    """Precision, recall and F1 by the package."""
    bert_score = pytest.importorskip("bert_score")
    candidates, references = [said for said, _ in rows], [list(r) for _, r in rows]
    found = bert_score.score(
        candidates, references, model_type=str(folder), num_layers=layer, nthreads=0, device="cpu", **more
    )
    return list(zip(*(values.tolist() for values in found), strict=True))


def ours(spec: str, rows: Any = ROWS) -> list[tuple[Any, ...]]:
    return [tuple(v[n] for n in ("precision", "recall", "")) for v in resolve(spec).score(groups(rows))]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layer", [1, 3])
def test_bertscore_is_that_of_the_package(encoders: dict[str, Path], family: str, layer: int) -> None:
    folder = encoders[family]
    found, expected = ours(f"bertscore:model={folder},layer={layer}"), theirs(folder, layer, ROWS)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert len({round(f, 3) for *_, f in found}) >= 5


def test_bertscore_with_idf_is_that_of_the_package(encoders: dict[str, Path]) -> None:
    folder = encoders["bert"]
    expected = theirs(folder, 2, ROWS, idf=True)
    np.testing.assert_allclose(ours(f"bertscore:model={folder},layer=2,idf=yes"), expected, atol=2e-5)
    assert not np.allclose(expected, theirs(folder, 2, ROWS), atol=1e-3)


def test_idf_counts_the_references_of_the_set_that_is_scored(encoders: dict[str, Path]) -> None:
    spec = f"bertscore:model={encoders['bert']},layer=2,idf=yes"
    all_groups = groups()
    bound = resolve(spec).over([g[0].sample for g in all_groups])  # type: ignore[attr-defined]
    whole = [v[""] for v in bound.score(all_groups)]
    assert [bound.score([g])[0][""] for g in all_groups] == pytest.approx(whole, abs=1e-5)
    alone = resolve(spec).score(all_groups[:1])[0][""]
    assert alone != pytest.approx(whole[0], abs=1e-3)
    # one reference: each of its tokens is in every document and counts log(2 / 2)
    assert resolve(spec).score(groups([("a car", ("a red car",))])) == [
        {"": None, "precision": None, "recall": None}
    ]


def test_rescaling_takes_the_published_baseline(encoders: dict[str, Path], tmp_path: Path) -> None:
    folder, name = encoders["bert"], "microsoft/deberta-large-mnli"
    baseline = tmp_path / "baseline.tsv"
    header = "LAYER,P,R,F\n"
    values = ",".join(str(v) for v in BASELINES[name][1])
    baseline.write_text(header + "".join(f"{i},{values}\n" for i in range(4)))
    expected = theirs(folder, 2, ROWS, rescale_with_baseline=True, baseline_path=str(baseline), lang="en")
    with pytest.raises(HemmError, match=r"no baseline to rescale by is known for .* say rescale=no"):
        resolve(f"bertscore:model={folder},layer=2,rescale=yes")
    with pytest.raises(HemmError, match="no baseline"):  # published for layer 18 alone
        resolve(f"bertscore:model={folder},layer=2,rescale={name}")
    raw = np.array(ours(f"bertscore:model={folder},layer=2"))
    b = np.array(BASELINES[name][1])
    np.testing.assert_allclose((raw - b) / (1 - b), expected, atol=5e-5)
    metric = resolve("bertscore")
    assert dict(metric.parameters) == {"model": name, "layer": "18", "rescale": "yes"}
    assert metric.range == pytest.approx((-b[2] / (1 - b[2]), 1.0))
    stand_in = resolve(f"bertscore:model={folder},layer=18,rescale={name}")
    assert stand_in.range == metric.range
    with pytest.raises(HemmError, match="has 3 layers: there is no layer 18"):
        stand_in.score(groups())


def test_the_baselines_are_the_package_s() -> None:
    bert_score = pytest.importorskip("bert_score")
    for name, (layer, values) in BASELINES.items():
        lines = (Path(bert_score.__file__).parent / f"rescale_baseline/en/{name}.tsv").read_text().split("\n")
        assert lines[layer + 1] == ",".join(str(v) for v in (layer, *values))
        assert bert_score.utils.model2layers[name] == layer


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_text_scores_zero_before_rescaling(encoders: dict[str, Path], empty: str) -> None:
    spec = f"bertscore:model={encoders['bert']},layer=2"
    rows = ((empty, ("a car",)), ("a car", (empty,)), (empty, (empty,)), ("a car", (empty, "a car")))
    assert ours(spec, rows)[:3] == [(0.0, 0.0, 0.0)] * 3
    assert ours(spec, rows)[3] == pytest.approx((1.0, 1.0, 1.0), abs=1e-5)
    assert resolve(spec).score(groups([("a car", ())])) == [{"": None, "precision": None, "recall": None}]
    assert resolve(spec).score([]) == []


def test_bertscore_does_not_depend_on_the_batch(
    encoders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hemm.metrics.learned import bertscore

    spec = f"bertscore:model={encoders['deberta']},layer=3"
    whole = ours(spec)
    for size in ("1", "4"):
        np.testing.assert_allclose(ours(f"{spec},batch_size={size}"), whole, atol=1e-4)
    np.testing.assert_allclose(ours(spec, ROWS[::-1])[::-1], whole, atol=1e-4)
    monkeypatch.setattr(bertscore, "_BLOCK", 30)
    np.testing.assert_allclose(ours(spec), whole, atol=1e-4)


def test_equal_texts_are_encoded_once(encoders: dict[str, Path]) -> None:
    from hemm.metrics.learned.encoders import token_encoder

    model = token_encoder(str(encoders["bert"]), 2, "auto", "float32").model
    rows: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    try:
        ours(f"bertscore:model={encoders['bert']},layer=2")
    finally:
        hook.remove()
    assert sum(rows) == len({said.strip() for said, _ in ROWS} | {r for _, refs in ROWS for r in refs})


def test_lower_case_and_what_makes_another_metric(encoders: dict[str, Path]) -> None:
    folder = encoders["roberta"]
    shouted = [(said.upper(), tuple(r.title() for r in refs)) for said, refs in ROWS]
    plain = ours(f"bertscore:model={folder},layer=2")
    np.testing.assert_allclose(ours(f"bertscore:model={folder},layer=2,lower=yes", shouted), plain, atol=1e-5)
    metric = resolve(f"bertscore:model={folder},layer=2,lower=yes,idf=yes,batch_size=3,device=cpu").prepared()
    assert set(metric.parameters) == {"model", "revision", "layer", "rescale", "lower", "idf"}
    again = resolve(spec_of(metric))
    assert metric_key(again) == metric_key(metric)


# CLIP

SIDE = 32


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    alphabet = _byte_vocabulary()
    pieces = [*alphabet, *(f"{c}</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {t: i for i, t in enumerate(pieces)}
    tokenizer = transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=40)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(2)
    common = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={
            **common, "vocab_size": len(vocabulary), "max_position_embeddings": 40, "projection_dim": 16,
            "bos_token_id": vocabulary["<|startoftext|>"], "eos_token_id": vocabulary["<|endoftext|>"],
            "pad_token_id": vocabulary["<|endoftext|>"],
        },
        vision_config={**common, "image_size": SIDE, "patch_size": 8, "projection_dim": 16},
        projection_dim=16,
        initializer_factor=20.0,
    )  # fmt: skip
    model = transformers.CLIPModel(config)
    # towards each other: else most cosines of random weights are negative, and all values 0
    with torch.no_grad():
        model.visual_projection.weight.copy_(model.visual_projection.weight + 0.02)
    model.save_pretrained(folder)
    transformers.CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)
    return folder


def picture(number: int, size: tuple[int, int] = (48, 40), mode: str = "RGB") -> Media:
    pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode).save(out, "PNG")
    return Media(out.getvalue(), name=f"{number}.png")


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> tuple[Any, Any]:
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def _clip_vectors(folder: Path, texts: list[str], media: list[Media]) -> tuple[np.ndarray, np.ndarray]:
    """Each text and each picture alone, through the model's one forward; pictures prepared by hand."""
    model, tokenizer = _loaded(folder)
    said, shown = [], []
    first = _prepared(media[0], SIDE, SIDE)
    with torch.no_grad():
        for text in texts:
            ids = tokenizer([text], truncation=True, max_length=40, return_tensors="pt")
            out = model(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], pixel_values=first)
            said.append(out.text_embeds[0].numpy())
        ids = tokenizer(["a"], return_tensors="pt")
        for one in media:
            out = model(input_ids=ids["input_ids"], pixel_values=_prepared(one, SIDE, SIDE))
            shown.append(out.image_embeds[0].numpy())
    return np.array(said), np.array(shown)


def _prepared(media: Media, shorter: int, side: int, *, imagenet: bool = False) -> Any:
    """The shorter side to ``shorter`` (bicubic), the middle cut out, CLIP's or ImageNet's normalisation."""
    shown = Image.open(io.BytesIO(media.data)).convert("RGB")
    scale = shorter / min(shown.size)
    size = tuple(max(shorter, int(s * scale)) for s in shown.size)
    shown = shown.resize(size, Image.Resampling.BICUBIC)
    left, top = ((s - side) // 2 for s in shown.size)
    values = np.asarray(shown.crop((left, top, left + side, top + side)), dtype=np.float32) / 255
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    if imagenet:
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return torch.tensor((values - np.float32(mean)) / np.float32(deviation)).permute(2, 0, 1)[None]


CAPTIONS = ("A red car", "two dogs", "a red car", "Boy", "x " * 60)
REFERENCES = (("the red car", "car"), ("dogs",), ("two dogs", "a car"), ("a boy reads",), ("x",))


def _captioned() -> list[Group]:
    """Captions of pictures; the third shares caption and picture with others."""
    shown = [picture(0), picture(1), picture(1), picture(3, (33, 70)), picture(4, mode="L")]
    return [
        judged(c, Sample(str(i), media=(m,), references=r))
        for i, (c, m, r) in enumerate(zip(CAPTIONS, shown, REFERENCES, strict=True))
    ]


def _expected(folder: Path, caption: Callable[[str], str]) -> tuple[list[float], list[float]]:
    """CLIPScore and RefCLIPScore by their formulas."""
    clip_s, ref_s = [], []
    for group in _captioned():
        sample, said = group[0].sample, group[0].value
        texts = [caption(t) for t in (said, *sample.references)]
        text, shown = _clip_vectors(folder, texts, list(sample.media))
        fit = 2.5 * max(0.0, float(text[0] @ shown[0]))
        near = max(0.0, *(float(text[0] @ r) for r in text[1:]))
        clip_s.append(fit)
        ref_s.append(2 * fit * near / (fit + near) if fit + near else 0.0)
    return clip_s, ref_s


def _main(metric: Any, all_groups: list[Group]) -> list[float | None]:
    return [v[""] for v in metric.score(all_groups)]


@pytest.mark.parametrize("variant", ["published", "hemm"])
def test_clipscore_and_refclipscore_by_their_formulas(clip: Path, variant: str) -> None:
    def caption(text: str) -> str:
        return text.strip().lower() if variant == "hemm" else f"A photo depicts {text}"

    fit, with_references = _expected(clip, caption)
    tail = f"model={clip},variant={variant}"
    assert _main(resolve(f"clipscore:{tail}"), _captioned()) == pytest.approx(fit, abs=1e-5)
    found = _main(resolve(f"refclipscore:{tail}"), _captioned())
    assert found == pytest.approx(with_references, abs=1e-5)
    assert sum(v > 0.01 for v in fit) >= 3
    assert len({round(v, 3) for v in with_references}) >= 3


def test_captions_longer_than_clip_reads_are_counted(clip: Path) -> None:
    values = resolve(f"clipscore:model={clip},variant=hemm").score(_captioned())
    assert [v["cut"] for v in values] == [0, 0, 0, 0, 1]
    metric = resolve("clipscore")
    assert metric.components([]) == ("", "cut")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["clipscore", "refclipscore"])
def test_clipscore_does_not_depend_on_the_batch(clip: Path, name: str) -> None:
    spec = f"{name}:model={clip}"
    whole = _main(resolve(spec), _captioned())
    assert _main(resolve(f"{spec},batch_size=1"), _captioned()) == pytest.approx(whole, abs=1e-4)
    assert _main(resolve(spec), _captioned()[::-1])[::-1] == pytest.approx(whole, abs=1e-4)


def test_each_text_and_each_picture_is_encoded_once(clip: Path) -> None:
    from hemm.metrics.learned.encoders import clip_encoder

    model = clip_encoder(str(clip), "auto", "float32").model
    rows: dict[str, int] = {"text": 0, "vision": 0}

    def count(which: str, argument: str) -> Callable[..., None]:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            rows[which] += len(kwargs[argument])

        return hook

    hooks = [
        model.text_model.register_forward_pre_hook(count("text", "input_ids"), with_kwargs=True),
        model.vision_model.register_forward_pre_hook(count("vision", "pixel_values"), with_kwargs=True),
    ]
    try:
        _main(resolve(f"refclipscore:model={clip}"), _captioned())
    finally:
        for hook in hooks:
            hook.remove()
    assert rows == {"text": len({*CAPTIONS, *(r for rs in REFERENCES for r in rs)}), "vision": 4}


def test_a_drawn_picture_is_judged_against_its_caption(clip: Path) -> None:
    drawn, shown = picture(7), picture(8)
    sample = Sample("1", media=(shown,), references=(picture(9),), metadata={"caption": "a red car"})
    text, pictures = _clip_vectors(clip, ["A photo depicts a red car"], [drawn])
    expected = 2.5 * max(0.0, float(text[0] @ pictures[0]))
    metric = resolve(f"clipscore:model={clip}")
    assert _main(metric, [judged(drawn, sample)]) == pytest.approx([expected], abs=1e-5)
    several = Sample("2", metadata={"caption": ["a red car", "dogs", "boy"]})
    assert _main(metric, [judged(drawn, several)])[0] >= expected - 1e-5  # type: ignore[operator]
    without = Sample("3", references=(picture(9),))
    assert metric.score([judged(drawn, without)]) == [{"": None, "cut": None}]
    assert _main(resolve(f"clipscore:model={clip},of=answer"), [judged(drawn, sample)]) == [None]
    assert _main(resolve(f"clipscore:model={clip},of=picture"), [judged("a text", sample)]) == [None]
    assert _main(resolve(f"refclipscore:model={clip}"), [judged(drawn, sample)]) == [None]


def test_captions_without_a_picture_that_opens_have_no_value(clip: Path) -> None:
    damaged = Media(b"\x89PNG\r\n\x1a\n no picture", name="damaged.png")
    for media in ((), (damaged,)):
        sample = Sample("1", media=media, references=("a car",))
        for name in ("clipscore", "refclipscore"):
            found = resolve(f"{name}:model={clip}").score([judged("a car", sample)])
            assert found == [{"": None, "cut": None}]
    two = Sample("2", media=(damaged, picture(1)))
    one = Sample("3", media=(picture(1),))
    fine = _main(resolve(f"clipscore:model={clip}"), [judged("dogs", s) for s in (two, one)])
    assert fine[0] == pytest.approx(fine[1], abs=1e-6)


# pictures and pictures


@pytest.fixture(scope="module", params=["vit", "dinov2"])
def dino(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DINO is a ViT whose processor squashes; DINOv2 has one that cuts out the middle."""
    folder = tmp_path_factory.mktemp("dino") / request.param
    torch.manual_seed(3)
    common = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}
    normal = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    if request.param == "vit":
        config = transformers.ViTConfig(
            **common, image_size=SIDE, intermediate_size=48, initializer_range=0.5
        )
        model = transformers.ViTModel(config)
        processor = transformers.ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}, **normal)
    else:
        config = transformers.Dinov2Config(**common, image_size=2 * SIDE, mlp_ratio=2, initializer_range=0.5)
        model = transformers.Dinov2Model(config)
        processor = transformers.BitImageProcessorPil(
            size={"shortest_edge": 37}, crop_size={"height": SIDE, "width": SIDE}, **normal
        )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _edits() -> list[Group]:
    """Drawn pictures with one or several references; one that is its reference; two that are the same."""
    a, b, c = picture(0), picture(1, (60, 33)), picture(2)
    rows: list[tuple[Media, tuple[Any, ...]]] = [(a, (b,)), (a, (a,)), (b, (c, a)), (c, ("a text", b))]
    return [judged(drawn, Sample(str(i), references=refs)) for i, (drawn, refs) in enumerate(rows)]


def _likeness(vectors: Callable[[Media], np.ndarray]) -> list[float]:
    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / math.sqrt(float(x @ x) * float(y @ y)))

    return [
        max(cosine(vectors(g[0].value), vectors(r)) for r in g[0].sample.references if isinstance(r, Media))
        for g in _edits()
    ]


def test_clip_i_is_the_cosine_of_both_pictures(clip: Path) -> None:
    expected = _likeness(lambda media: _clip_vectors(clip, ["a"], [media])[1][0])
    found = _main(resolve(f"clip_i:model={clip}"), _edits())
    assert found == pytest.approx(expected, abs=1e-5)
    assert found[1] == pytest.approx(1.0)


def test_dino_is_the_cosine_of_the_class_tokens(dino: Path) -> None:
    model = transformers.AutoModel.from_pretrained(dino).eval()

    def vector(media: Media) -> np.ndarray:
        with torch.no_grad():
            shown = _prepared(media, 37, SIDE, imagenet=True)  # 37 = 32 * 256 / 224
            return model(pixel_values=shown).last_hidden_state[0, 0].numpy()

    found = _main(resolve(f"dino:model={dino}"), _edits())
    assert found == pytest.approx(_likeness(vector), abs=1e-5)
    assert _main(resolve(f"dino:model={dino},batch_size=1"), _edits()) == pytest.approx(found, abs=1e-4)
    assert len({round(v, 3) for v in found if v is not None}) >= 3


def test_likeness_needs_a_reference_that_opens(clip: Path) -> None:
    damaged = Media(b"GIF89a no picture")
    samples = [Sample("1", references=("a text",)), Sample("2", references=(damaged,)), Sample("3")]
    metric = resolve(f"clip_i:model={clip}")
    assert _main(metric, [judged(picture(0), s) for s in samples]) == [None] * 3
    typed = Sample("4", references=(picture(0),), metadata={"answer_type": "single turn"})
    found = metric.score([judged(picture(0), typed)])
    assert found == [{"": pytest.approx(1.0), "single turn": pytest.approx(1.0)}]


# all of them


@pytest.mark.parametrize("name", ["bertscore", "clipscore", "refclipscore", "clip_i", "dino"])
def test_weights_are_neither_downloaded_nor_missed_in_silence(
    name: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    def asked(*args: object, **more: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", asked)
    with pytest.raises(HemmError, match=rf"metric {name}: the weights of .* are not on this machine"):
        resolve(name).prepared()
    with pytest.raises(HemmError, match="holds no checkpoint"):
        resolve(
            f"{name}:model={tmp_path},layer=1" if name == "bertscore" else f"{name}:model={tmp_path}"
        ).prepared()
    with pytest.raises(HemmError, match="metric parameter dtype='int8' is none of float32"):
        resolve(f"{name}:dtype=int8")
    monkeypatch.setattr("hemm.metrics.learned.base.find_spec", lambda package: None)
    with pytest.raises(MissingExtra, match=rf"metric {name} .*pip install 'hemm\[hf\]'"):
        resolve(name).prepared()


def test_a_checkpoint_of_another_kind_is_one_line(clip: Path, encoders: dict[str, Path]) -> None:
    with pytest.raises(HemmError, match="holds a checkpoint of type bert, not a CLIP") as caught:
        _main(resolve(f"clipscore:model={encoders['bert']}"), _captioned())
    assert "\n" not in str(caught.value)
    with pytest.raises(HemmError, match="does not load") as caught:
        _main(resolve(f"dino:model={encoders['bert']}"), _edits())
    assert "\n" not in str(caught.value)
    for spec in ("clipscore:of=both", "clipscore:variant=x", "refclipscore:of=picture", "bertscore:idf=1"):
        with pytest.raises(HemmError, match="metric "):
            resolve(spec)
    with pytest.raises(HemmError, match="say which layer of roberta-base to take: layer=K"):
        resolve("bertscore:model=roberta-base")


def test_values_that_are_no_numbers_are_an_error_not_a_score(
    clip: Path, encoders: dict[str, Path], tmp_path: Path
) -> None:
    for folder, make, judge in (
        (clip, transformers.CLIPModel, lambda f: resolve(f"clipscore:model={f}").score(_captioned())),
        (encoders["bert"], transformers.BertModel, lambda f: ours(f"bertscore:model={f},layer=2")),
    ):
        broken = tmp_path / make.__name__
        shutil.copytree(folder, broken)
        model = make.from_pretrained(folder)
        with torch.no_grad():
            for weights in model.parameters():
                weights.fill_(math.nan)
        model.save_pretrained(broken)
        with pytest.raises(HemmError, match="no finite numbers"):
            judge(broken)


def test_half_precision_is_another_metric_with_nearly_the_same_values(clip: Path) -> None:
    metric = resolve(f"clipscore:model={clip},dtype=bfloat16")
    assert metric.parameters["dtype"] == "bfloat16"
    assert metric_key(metric) != metric_key(resolve(f"clipscore:model={clip}"))
    full = _main(resolve(f"clipscore:model={clip}"), _captioned())
    assert _main(metric, _captioned()) == pytest.approx(full, abs=0.2)


def test_listing_shows_what_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    from hemm.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["metrics", "refclipscore", "--format", "json"])
    assert not ended.value.code
    (row,) = json.loads(capsys.readouterr().out)
    assert row["needs"] == ["media", "weights"]
    assert "harmonic mean" in row["definition"]
