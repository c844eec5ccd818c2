"""BARTScore against a direct computation, one pair at a time, on a tiny BART with random weights."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from hemm.analysis.study import Study
from hemm.core import Group, HemmError, Judged, MissingExtra, Outcome, Response, Sample
from hemm.metrics import metric_key, resolve, spec_of
from hemm.metrics.learned import torchvision_check
from hemm.metrics.learned.bartscore import DEFAULT, BartScore

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


ROWS = (
    ("A Red Car", ("a red car.", "The Car is red", "red")),
    ("two dogs", ("2 dogs in the street",)),
    ("a red car", ("a red car.",)),
    ("Zürich", ("zurich", "ZÜRICH")),
    ("", ("nothing", "")),
    ("many words " * 30, ("a man who reads a newspaper on a bench, alone", "x")),
    ("东京塔 \ud800", ("tokyo tower \ud800",)),
)


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BART of two layers and 64 positions, byte-level tokens and BART's marks."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("bart")
    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {t: i for i, t in enumerate([*marks, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BartConfig(
        vocab_size=len(vocabulary), d_model=16, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        max_position_embeddings=64, init_std=0.5,
    )  # fmt: skip
    transformers.BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


def _groups(rows: tuple[tuple[str, tuple[str, ...]], ...] = ROWS) -> list[Group]:
    return [
        [Judged(Sample(id=str(i), references=references), 0, Response(text=said), Outcome.OK, said)]
        for i, (said, references) in enumerate(rows)
    ]


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> tuple[Any, Any]:
    model = transformers.BartForConditionalGeneration.from_pretrained(folder).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def _direct(folder: Path, said: str, reference: str) -> float:
    """The definition: minus the cross-entropy of the reference's tokens, one pair alone."""
    model, tokenizer = _loaded(folder)

    def ids(text: str) -> Any:
        text = text.replace("\ud800", "\\ud800")
        return tokenizer(text, return_tensors="pt", truncation=True, max_length=64).input_ids

    with torch.no_grad():
        return -float(model(input_ids=ids(said), labels=ids(reference)).loss)


def _values(metric: Any, groups: list[Group]) -> list[float]:
    return [v[""] for v in metric.score(groups)]


@pytest.mark.parametrize("lower", ["no", "yes"])
def test_values_are_those_of_each_pair_alone(bart: Path, lower: str) -> None:
    metric = resolve(f"bartscore:model={bart},lower_references={lower}").prepared()
    expected = [
        max(_direct(bart, said.lower(), r.lower() if lower == "yes" else r) for r in references)
        for said, references in ROWS
    ]
    assert _values(metric, _groups()) == pytest.approx(expected, abs=1e-5)
    assert len({round(v, 3) for v in expected}) >= 6


def test_values_do_not_depend_on_the_batch(bart: Path) -> None:
    groups = _groups()
    whole = _values(BartScore(str(bart)), groups)
    for size in ("1", "2", "5", "auto"):
        assert _values(BartScore(str(bart), batch_size=size), groups) == pytest.approx(whole, abs=1e-4)
    backwards = _values(BartScore(str(bart)), groups[::-1])[::-1]
    assert backwards == pytest.approx(whole, abs=1e-4)
    assert [_values(BartScore(str(bart)), [g])[0] for g in groups] == pytest.approx(whole, abs=1e-4)
    assert whole[0] == pytest.approx(max(_direct(bart, "a red car", r) for r in ROWS[0][1]), abs=1e-5)


@pytest.mark.parametrize("lower", ["no", "yes"])
def test_the_other_directions(bart: Path, lower: str) -> None:
    tail = f"model={bart},lower_references={lower}"
    backward, both = (
        resolve(f"bartscore:{tail},direction=ref_to_pred"),
        resolve(f"bartscore:{tail},direction=f"),
    )
    expected: list[tuple[float, float, float]] = []
    for said, references in ROWS:
        wanted = [r.lower() if lower == "yes" else r for r in references]
        there = [_direct(bart, said.lower(), r) for r in wanted]
        back = [_direct(bart, r, said.lower()) for r in wanted]
        means = [(t + b) / 2 for t, b in zip(there, back, strict=True)]
        expected.append((max(means), max(there), max(back)))
    assert _values(backward, _groups()) == pytest.approx([b for _, _, b in expected], abs=1e-5)
    rows = [tuple(v[c] for c in both.components(())) for v in both.score(_groups())]  # type: ignore[attr-defined]
    assert both.components(()) == ("", "pred_to_ref", "ref_to_pred")  # type: ignore[attr-defined]
    assert rows == [pytest.approx(row, abs=1e-5) for row in expected]
    assert metric_key(both) != metric_key(backward) != metric_key(resolve(f"bartscore:{tail}"))
    sample = _groups()[0][0].sample
    ways = [(r.lower(), r.lower() if lower == "yes" else r) for r in sample.references if isinstance(r, str)]
    top = max((_direct(bart, low, r) + _direct(bart, r, low)) / 2 for low, r in ways)
    assert both.ceiling([sample]) == pytest.approx(top, abs=1e-5)
    with pytest.raises(HemmError, match="direction='up' is none of pred_to_ref, ref_to_pred, f"):
        resolve("bartscore:direction=up")


def test_long_targets_share_no_more_than_the_positions_allowed(
    bart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hemm.metrics.learned import torch_batches as running

    groups = _groups()
    whole = _values(BartScore(str(bart)), groups)
    monkeypatch.setattr(running, "_TOKENS", {"cpu": 40})
    assert _values(BartScore(str(bart)), groups) == pytest.approx(whole, abs=1e-4)


def test_batches_that_do_not_fit_into_memory_are_halved(bart: Path) -> None:
    from hemm.metrics.learned.seq2seq import scorer

    whole = _values(BartScore(str(bart)), _groups())
    model, most = scorer(str(bart), "auto", "float32").model, 2

    def small(module: Any, args: Any, kwargs: Any) -> None:
        if len(kwargs["decoder_input_ids"]) > most:
            raise torch.OutOfMemoryError("no")

    hook = model.register_forward_pre_hook(small, with_kwargs=True)
    try:
        assert _values(BartScore(str(bart)), _groups()) == pytest.approx(whole, abs=1e-4)
        most = 0
        with pytest.raises(HemmError, match="not enough memory for a single text"):
            _values(BartScore(str(bart)), _groups())
    finally:
        hook.remove()


def test_equal_answers_are_encoded_once(bart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.metrics.learned.seq2seq import scorer

    encoder = scorer(str(bart), "auto", "float32").model.get_encoder()
    rows: list[int] = []
    hook = encoder.register_forward_pre_hook(
        lambda module, args, kwargs: rows.append(kwargs["input_ids"].shape[0]), with_kwargs=True
    )
    try:
        _values(BartScore(str(bart)), _groups())
    finally:
        hook.remove()
    assert sum(rows) == len({said.lower() for said, _ in ROWS})


def test_the_ceiling_is_the_best_reference_given_itself(bart: Path) -> None:
    samples = [g[0].sample for g in _groups()]
    expected = [max(_direct(bart, r.lower(), r) for r in s.references) for s in samples]
    bound = BartScore(str(bart)).over(samples)
    assert [bound.ceiling([s]) for s in samples] == pytest.approx(expected, abs=1e-5)
    assert BartScore(str(bart)).ceiling(samples[:1]) == pytest.approx(expected[0], abs=1e-5)
    assert bound.chance(samples[:1]) is None


def test_a_sample_without_text_references_has_no_value(bart: Path) -> None:
    assert BartScore(str(bart)).score(_groups((("x", ()),))) == [{"": None}]
    assert BartScore(str(bart)).score([]) == []


def test_the_digest_of_the_weights_is_part_of_the_key(bart: Path, tmp_path: Path) -> None:
    plain = resolve(f"bartscore:model={bart}")
    metric = plain.prepared()
    assert metric.parameters["model"] == str(bart)
    assert len(metric.parameters["revision"]) == 32
    assert resolve(spec_of(metric)).prepared() == metric
    shutil.copytree(bart, tmp_path / "other")
    other = resolve(f"bartscore:model={tmp_path}/other").prepared()
    assert other.parameters["revision"] == metric.parameters["revision"]
    (tmp_path / "other/config.json").write_text((bart / "config.json").read_text() + "\n")
    changed = resolve(f"bartscore:model={tmp_path}/other").prepared()
    assert metric_key(changed) != metric_key(other)
    with pytest.raises(HemmError, match="holds other weights than those named"):
        resolve(spec_of(other)).prepared()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def _cache(hub: Path, bart: Path, name: str, commit: str) -> None:
    repository = hub / ("models--" + name.replace("/", "--"))
    shutil.copytree(bart, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)


def test_weights_in_the_cache_of_the_hub_are_used_and_named_by_commit(hub: Path, bart: Path) -> None:
    _cache(hub, bart, DEFAULT, "a" * 40)
    metric = resolve("bartscore").prepared()
    assert dict(metric.parameters) == {"model": DEFAULT, "revision": "a" * 40}
    assert _values(metric, _groups()) == pytest.approx(_values(BartScore(str(bart)), _groups()), abs=1e-6)


def test_nothing_is_downloaded_unless_asked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def asked(*args: object, **more: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", asked)
    for act in (
        lambda m: m.prepared(),
        lambda m: m.score(_groups()),
        lambda m: m.ceiling([Sample("1", references=("a",))]),
    ):
        with pytest.raises(HemmError, match=r"not on this machine: allow the download with .*download=yes"):
            act(resolve("bartscore"))
    with pytest.raises(HemmError, match="HF_HUB_OFFLINE forbids"):
        resolve("bartscore:download=yes").prepared()


def test_a_config_without_weights_is_no_checkpoint(hub: Path, bart: Path, tmp_path: Path) -> None:
    _cache(hub, bart, DEFAULT, "a" * 40)
    (next((hub).rglob("model.safetensors"))).unlink()
    with pytest.raises(HemmError, match="not on this machine"):
        resolve("bartscore").prepared()
    (tmp_path / "half").mkdir()
    with pytest.raises(HemmError, match="holds no checkpoint"):
        resolve(f"bartscore:model={tmp_path}/half").prepared()
    shutil.copy(bart / "config.json", tmp_path / "half")
    with pytest.raises(HemmError, match="holds no weights"):
        resolve(f"bartscore:model={tmp_path}/half").prepared()
    (tmp_path / "half/model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(HemmError, match="does not load") as caught:
        resolve(f"bartscore:model={tmp_path}/half").score(_groups())
    assert "\n" not in str(caught.value)


def test_a_download_that_was_asked_for(hub: Path, bart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    asked: list[Any] = []

    def fetch(name: str, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        _cache(hub, bart, name, revision)
        return str(hub / "models--x--y/snapshots" / revision)

    class Info:
        sha = "b" * 40
        siblings = (type("S", (), {"rfilename": "model.safetensors"}), type("S", (), {"rfilename": "tf.h5"}))

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *a, **k: Info())
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    metric = resolve("bartscore:model=x/y,download=yes").prepared()
    assert metric.parameters == {"model": "x/y", "revision": "b" * 40}
    assert asked == [("x/y", "b" * 40, ["*.safetensors", "*.json", "*.txt", "*.model"])]
    resolve("bartscore:model=x/y,download=yes").prepared()
    assert len(asked) == 1  # it is there now


def test_without_torch_it_says_what_to_install(bart: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemm.metrics.learned.base.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"metric bartscore .* pip install 'hemm\[hf\]'"):
        resolve(f"bartscore:model={bart}").prepared()


def test_wrong_settings_are_one_line() -> None:
    for spec in (
        "bartscore:download=1",
        "bartscore:lower_references=maybe",
        "bartscore:batch_size=0",
        "bartscore:dtype=int8",
    ):
        with pytest.raises(HemmError, match="metric parameter"):
            resolve(spec)
    with pytest.raises(HemmError, match="no name of a hub repository"):
        resolve("bartscore:model=a/b/c").prepared()


def test_it_has_no_worst_score_so_failures_are_left_out() -> None:
    from hemm.metrics.scoring import worst
    from hemm.results.counted import reading

    assert worst(resolve("bartscore")) == -math.inf
    assert reading(None, "unparsable", -math.inf) is None


def test_scores_are_stored_and_kept_where_the_weights_are_not(
    bart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a run to aggregates.json; then on a machine that has the results alone."""
    import pyarrow.parquet as pq

    from fake import Batched, FakePack, go, sample, task
    from hemm.engine.score import score_cell
    from hemm.results.read import cell

    shutil.copytree(bart, tmp_path / "weights")
    spec = f"bartscore:model={tmp_path}/weights"
    folder = go(tmp_path / "out", Batched(), FakePack([sample(i) for i in range(6)]), metrics=(spec,)).folder
    stored = cell(folder).aggregates()["metrics"]
    key = next(k for k, row in stored.items() if row["metric"] == "bartscore")
    row = stored[key]
    assert row["parameters"]["revision"] == resolve(spec).prepared().parameters["revision"]
    expected = sum(_direct(bart, w, w) for w in ("yes", "no")) / 2
    assert row["components"][""]["value"] == pytest.approx(expected, abs=1e-5)
    assert row["components"][""]["n"] == 6
    table = pq.read_table(folder / "scores" / f"{key}.parquet")
    assert table.column("ceiling").to_pylist() == pytest.approx(table.column("value").to_pylist(), abs=1e-5)

    shutil.rmtree(tmp_path / "weights")
    score_cell(folder, task(), ["exact_match"])
    again = cell(folder).aggregates()["metrics"]
    assert again[key] == row
    assert "exact_match-v2" in again
    from hemm.analysis.profile import profile
    from hemm.results.read import cells

    told = profile(Study.of(cells(tmp_path / "out")))
    assert "bartscore" in repr(told)


def test_missing_weights_are_said_before_anything_is_asked(hub: Path, tmp_path: Path, capsys) -> None:
    from hemm.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["run", "tiny", "--task", "probe_shapes", "--metric", "bartscore", "--out", str(tmp_path / "o")])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip()
    assert "download=yes" in said
    assert "\n" not in said
    assert not (tmp_path / "o").exists()
