"""The transformers adapter on tiny random checkpoints of real families."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hemm.core import (
    Generation,
    HemmError,
    Media,
    Message,
    MissingExtra,
    OutOfMemory,
    Request,
    UnknownName,
)
from hemm.models import ModelOptions, resolve
from hemm.models.batcher import run_batch, size_for
from hemm.models.hf import vision
from hemm.models.hf.families import Opened
from hemm.models.hf.scoring import rows_for, sums

torch = pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
vision.prepare()  # before transformers looks for torchvision

from tinymodels import BUILDERS, NEEDS_TORCHVISION, ONE_PICTURE, build  # noqa: E402

FAMILIES = sorted(BUILDERS)
Started = Callable[[str], Any]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small are slower on several threads, far slower where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny checkpoint, built once."""
    root, made = tmp_path_factory.mktemp("checkpoints"), {}

    def get(name: str) -> Path:
        if name in NEEDS_TORCHVISION and find_spec("torchvision") is None:
            pytest.skip(f"{name} needs torchvision: pip install -c constraints.txt torchvision")
        if name not in made:
            made[name] = build(name, root)
        return made[name]

    return get


@pytest.fixture(scope="session")
def started(checkpoint: Callable[[str], Path]) -> Iterator[Started]:
    """A started model of a family, loaded once."""
    models: dict[str, Any] = {}

    def get(name: str) -> Any:
        folder = checkpoint(name)
        if name not in models:
            models[name] = resolve(f"hf/{folder}", ModelOptions(settings=(("device", "cpu"),)))
            asyncio.run(models[name].start())
        return models[name]

    yield get
    for model in models.values():
        asyncio.run(model.close())


def picture(seed: int, size: tuple[int, int] = (40, 30)) -> Media:
    """Two halves of strong colours, so that pictures differ for any encoder."""
    colours = [((seed * k) % 256, (seed * 5 + 40 * k) % 256, (200 + 90 * seed * k) % 256) for k in (1, 3)]
    drawn = Image.new("RGB", size, colours[0])
    drawn.paste(colours[1], (0, 0, size[0] // 2, size[1] * (1 + seed % 3) // 3))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return Media(out.getvalue())


def request(id: object, *parts: str | Media, options: tuple[str, ...] = (), **generation: Any) -> Request:
    g = Generation(**{"max_new_tokens": 10, **generation})
    return Request(str(id), 0, (Message("user", parts),), g, str(id), options)


def ragged(name: str) -> list[Request]:
    """Texts of very different lengths, pictures of different sizes; several or none where the family can."""
    asked = [
        request("a", picture(1), "Is it red?"),
        request("b", picture(2, (64, 20)), "How many circles are in the picture? Say one number, please."),
        request("c", picture(3, (9, 50)), "x"),
    ]
    if name not in ONE_PICTURE:
        asked += [
            request("d", picture(4), "and ", picture(5, (50, 50)), " which is the larger?"),
            request("e", "no picture at all, what now?"),
            request("f", "?"),
        ]
    return asked


OPTIONS = ("yes", "no", "maybe a green dog", "maybe a green", "")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_batch_answers_as_its_requests_alone_do(started: Started, name: str) -> None:
    model, asked = started(name), ragged(name)
    together = run_batch(model, asked)
    alone = [run_batch(model, [r])[0] for r in asked]
    assert [a.failure for a in together] == [None] * len(asked)
    assert [(a.text, a.finish, a.usage) for a in together] == [(a.text, a.finish, a.usage) for a in alone]
    assert any(a.text for a in together)


@pytest.mark.parametrize("name", FAMILIES)
def test_option_scores_of_a_batch_are_those_of_each_request(started: Started, name: str) -> None:
    model = started(name)
    asked = [request(r.sample_id, *r.messages[0].parts, options=OPTIONS[:4]) for r in ragged(name)]
    asked = [Request(r.sample_id, 0, r.messages, _likelihood(), r.key, r.options) for r in asked]
    for one, answer in zip(asked, run_batch(model, asked), strict=True):
        assert answer.options == pytest.approx(model.score(one, one.options), abs=1e-4)
        assert answer.text == one.options[answer.options.index(max(answer.options))]


def _likelihood() -> Generation:
    return Generation(max_new_tokens=10, scoring="likelihood")


def directly(model: Any, asked: Request, continuation: str) -> float:
    """Log-probability by one plain forward pass over prompt and continuation, without hemm's scoring."""
    network, tokenizer = model._loaded.model, model._loaded.processor.tokenizer
    inputs = dict(model._family.inputs([list(asked.messages)]))
    more = tokenizer(continuation, add_special_tokens=False, return_tensors="pt")["input_ids"]
    if network.config.is_encoder_decoder:
        start = torch.tensor([[network.config.text_config.decoder_start_token_id]])
        decoder = torch.cat([start, more], dim=1)
        logits = network(**inputs, decoder_input_ids=decoder[:, :-1]).logits
    else:
        inputs["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
        for key in ("attention_mask", "token_type_ids", "mm_token_type_ids", "cross_attention_mask"):
            if key in inputs:
                tail = inputs[key][:, -1:] if key.endswith("mask") else torch.zeros_like(inputs[key][:, -1:])
                inputs[key] = torch.cat([inputs[key], *[tail] * more.shape[1]], dim=1)
        logits = network(**inputs).logits[:, -more.shape[1] - 1 : -1]
    logs = torch.log_softmax(logits.double(), dim=-1)
    return float(logs.gather(2, more[:, :, None]).sum().detach())


@pytest.mark.parametrize("name", FAMILIES)
def test_option_scores_equal_a_direct_computation(started: Started, name: str) -> None:
    model = started(name)
    lead = " " if name in ("idefics3", "blip2", "blip2_t5") else ""
    for asked in ragged(name)[:2]:
        found = model.score(asked, OPTIONS)
        with torch.inference_mode():
            expected = [directly(model, asked, lead + o) for o in OPTIONS[:4]]
        assert found[:4] == pytest.approx(expected, abs=2e-4)
        assert found[4] == pytest.approx(directly(model, asked, lead) if lead else 0.0, abs=2e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_another_picture_changes_the_answer_s_probabilities(started: Started, name: str) -> None:
    model = started(name)
    first = model.score(request("a", picture(1), "Is it red?"), OPTIONS[:2])
    again = model.score(request("a", picture(1), "Is it red?"), OPTIONS[:2])
    other = model.score(request("a", picture(2), "Is it red?"), OPTIONS[:2])
    assert first == again
    assert max(abs(a - b) for a, b in zip(first, other, strict=True)) > 1e-3


@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in ONE_PICTURE])
def test_the_order_of_pictures_matters(started: Started, name: str) -> None:
    model, a, b = started(name), picture(1), picture(2)
    there = model.score(request("x", a, b, "Which is larger?"), ("yes",))
    back = model.score(request("x", b, a, "Which is larger?"), ("yes",))
    assert abs(there[0] - back[0]) > 1e-5


@pytest.mark.parametrize("name", sorted(ONE_PICTURE))
def test_a_family_of_one_picture_says_so(started: Started, name: str) -> None:
    model = started(name)
    assert model.capabilities.max_images == 1
    good, two, none = run_batch(
        model, [request(0, picture(1), "q"), request(1, picture(1), picture(2), "q"), request(2, "q")]
    )
    assert good.failure is None
    for answer in (two, none):
        assert answer.failure is not None
        assert "exactly one picture" in answer.failure.message
        assert answer.failure.permanent


def test_the_conformance_kit_passes(checkpoint: Callable[[str], Path]) -> None:
    from hemm.testing import check_model

    check_model(resolve(f"hf/{checkpoint('idefics3')}", ModelOptions(settings=(("device", "cpu"),))))


def test_a_picture_that_does_not_open_fails_alone(started: Started) -> None:
    bad = request("bad", Media(b"\x89PNG\r\n\x1a\n", name="broken.png"), "q")
    answers = started("llava").generate_batch([request("a", picture(1), "q"), bad])
    assert answers[0].failure is None
    assert answers[1].failure is not None
    assert (answers[1].failure.kind, answers[1].failure.permanent) == ("media", True)
    assert "broken.png" in answers[1].failure.message


def test_sampled_answers_follow_sample_and_repeat_and_not_the_batch(started: Started) -> None:
    model = started("llava")
    asked = [request(i, picture(1), "Is it red?", temperature=1.0, max_new_tokens=16) for i in range(4)]
    together = [a.text for a in run_batch(model, asked)]
    assert together == [run_batch(model, [r])[0].text for r in asked]
    assert len(set(together)) > 1
    repeat = Request("0", 1, asked[0].messages, asked[0].generation, "k")
    assert run_batch(model, [repeat])[0].text != together[0]


def test_sampling_leaves_the_random_state_alone(started: Started) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    run_batch(started("llava"), [request(0, picture(1), "q", temperature=1.0)])
    assert torch.equal(before, torch.get_rng_state())


def test_how_an_answer_ended(started: Started) -> None:
    model = started("gemma3")
    (long,) = run_batch(model, [request("a", picture(1), "Is it red?", max_new_tokens=30)])
    (short,) = run_batch(model, [request("a", picture(1), "Is it red?", max_new_tokens=5)])
    assert (short.finish, short.usage.output_tokens) == ("length", 5)
    assert long.text.startswith(short.text)
    stop = long.text[len(short.text) : len(short.text) + 2]
    cut = long.text.index(stop)
    asked = [request("a", picture(1), "Is it red?", max_new_tokens=30, stop=(stop,)), request("b", "hm")]
    answer = run_batch(model, asked)[0]
    assert (answer.text, answer.finish) == (long.text[:cut], "stop")


def test_an_end_mark_ends_the_answer(started: Started) -> None:
    """The end mark is set to a token that the model says: what came before is the answer."""
    model = started("qwen2_vl" if find_spec("torchvision") else "llava")
    asked = request("a", picture(1), "Is it red?", max_new_tokens=8)
    (whole,) = run_batch(model, [asked])
    tokenizer, config = model._loaded.processor.tokenizer, model._loaded.model.generation_config
    said = tokenizer(whole.text, add_special_tokens=False)["input_ids"]
    old = config.eos_token_id
    config.eos_token_id = [old, said[-1]] if isinstance(old, int) else [*old, said[-1]]
    try:
        (ended,) = run_batch(model, [asked])
    finally:
        config.eos_token_id = old
    assert ended.finish == "stop"
    assert whole.text.startswith(ended.text)
    assert ended.usage.output_tokens <= 8


def test_a_system_prompt_reaches_the_model(started: Started) -> None:
    model = started("llava")

    def ask(system: str) -> float:
        messages = (Message("system", (system,)), Message("user", (picture(1), "Is it red?")))
        return float(model.score(Request("a", 0, messages, Generation(), "k"), ("yes",))[0])

    assert ask("Be brief.") != ask("Be long.")
    family = model._family
    template = family.processor.chat_template
    try:  # a template that knows no system role, as Gemma's first had none
        family._system = None
        family.processor.chat_template = (
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + template
        )
        assert not family.takes_system()
        assert ask("Be brief.") != ask("Be long.")
    finally:
        family._system, family.processor.chat_template = None, template


def test_shots_are_turns(started: Started) -> None:
    model = started("idefics3")
    turns = (
        Message("user", (picture(1), "Is it red?")),
        Message("assistant", ("no",)),
        Message("user", (picture(2), "Is it red?")),
    )
    with_shot = Request("a", 0, turns, Generation(max_new_tokens=6), "k")
    answers = run_batch(model, [with_shot, request("b", picture(2), "Is it red?", max_new_tokens=6)])
    assert [a.failure for a in answers] == [None, None]
    assert model.score(with_shot, ("yes",)) != model.score(request("b", picture(2), "Is it red?"), ("yes",))


def test_max_pixels_reaches_the_processor(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = started("llava"), []
    inputs = model._family.inputs
    monkeypatch.setattr(model._family, "inputs", lambda chats: (seen.extend(chats), inputs(chats))[1])
    run_batch(model, [request("a", picture(1, (80, 20)), "q", max_pixels=400)])
    (size,) = [p.picture.size for p in seen[0][0].parts if isinstance(p, Opened)]
    assert size == (40, 10)


def test_out_of_memory_halves_the_batch(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    model = started("llava")
    asked = [request(i, picture(i), "q") for i in range(5)]
    expected = [a.text for a in run_batch(model, asked)]
    generate, sizes = model._loaded.model.generate, []

    def small(**settings: Any) -> Any:
        sizes.append(len(settings["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return generate(**settings)

    monkeypatch.setattr(model._loaded.model, "generate", small)
    assert [a.text for a in run_batch(model, asked)] == expected
    assert sizes == [5, 3, 2, 1, 2]
    with pytest.raises(OutOfMemory):
        model.generate_batch(asked)


def test_the_batcher_sorts_by_pictures_their_size_and_text(started: Started) -> None:
    size = size_for(started("llava"))
    one = size(request("a", picture(1, (8, 8)), "q"))
    assert (
        one < size(request("b", picture(1, (64, 64)), "q")) < size(request("c", picture(1), picture(2), "q"))
    )
    assert one < size(request("d", picture(1, (8, 8)), "a longer question"))


# identity


def test_a_folder_is_known_by_its_contents(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    first = tmp_path / "x" / "model"
    shutil.copytree(checkpoint("idefics3"), first)
    shutil.copytree(first, tmp_path / "y" / "model")
    here, there = (resolve(f"hf/{tmp_path}/{p}/model").identity for p in "xy")
    assert here == there
    assert here.name == "model"
    (first / "README.md").write_text("words")
    assert resolve(f"hf/{first}").identity == here
    weights = next(first.glob("*.safetensors"))
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert resolve(f"hf/{first}").identity != here


def test_files_are_digested_once(
    checkpoint: Callable[[str], Path], tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    reads: list[str] = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda f, n: (reads.append(f.name), real(f, n))[1])
    folder = tmp_path / "model"
    shutil.copytree(checkpoint("idefics3"), folder)
    first = resolve(f"hf/{folder}").identity
    assert reads
    reads.clear()
    assert resolve(f"hf/{folder}").identity == first
    assert reads == []
    config = folder / "config.json"
    config.write_text(config.read_text() + "\n")
    assert resolve(f"hf/{folder}").identity != first
    assert reads == [str(config)]
    assert (cache / "digests.json").is_file()


def test_identity_and_capabilities_need_no_torch(checkpoint: Callable[[str], Path]) -> None:
    code = (
        "import sys\nfrom hemm.models import resolve\n"
        f"m = resolve('hf/{checkpoint('blip2')}')\n"
        "assert m.identity.revision and m.capabilities.max_images == 1\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def hub(folder: Path, checkpoint: Path, commit: str) -> None:
    """A hub cache that holds ``checkpoint`` as org/name at ``commit``, branch main."""
    repo = folder / "models--org--name"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    shutil.copytree(checkpoint, repo / "snapshots" / commit)


def test_a_hub_model_is_known_by_its_commit(
    checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    hub(tmp_path, checkpoint("blip2"), commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = resolve("hf/org/name")
    assert (model.identity.name, model.identity.revision) == ("org/name", commit)
    assert resolve(f"hf/org/name@{commit}").identity == model.identity
    assert resolve("hf/org/name", ModelOptions(revision="main")).identity == model.identity
    with pytest.raises(HemmError, match="not downloaded"):
        resolve("hf/org/name@v2")
    with pytest.raises(HemmError, match="another one"):
        resolve("hf/org/name@v2", ModelOptions(revision="v3"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("RepositoryNotFoundError", "the hub has no model 'org/name'"),
        ("GatedRepoError", "is gated: ask for access"),
        ("RevisionNotFoundError", "has no revision 'main'"),
        ("HFValidationError", "is no name of a hub repository"),
        ("ConnectionError", "the hub is not reachable"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    error: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import constants, errors

    kind = getattr(errors, error, ConnectionError)
    raised = kind.__new__(kind)  # the constructors want an HTTP response, which nothing here reads

    def model_info(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(HemmError, match=said) as caught:
        resolve("hf/org/name")
    assert "\n" not in str(caught.value)


def test_without_a_network_the_last_download_counts(
    checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    hub(tmp_path, checkpoint("blip2"), "b" * 40)

    def model_info(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert resolve("hf/org/name").identity.revision == "b" * 40


# errors of the user


def test_what_cannot_be_loaded_is_one_line(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(HemmError, match="no folder"):
        resolve(f"hf/{tmp_path}/nowhere")
    with pytest.raises(HemmError, match=r"config\.json is missing"):
        resolve(f"hf/{tmp_path}")
    folder = tmp_path / "model"
    shutil.copytree(checkpoint("llava"), folder)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    with pytest.raises(HemmError, match="does not load") as caught:
        asyncio.run(resolve(f"hf/{folder}").start())
    assert "\n" not in str(caught.value)
    (folder / "config.json").write_text(json.dumps({"model_type": "nonsense"}))
    with pytest.raises(HemmError, match="does not load"):
        asyncio.run(resolve(f"hf/{folder}").start())


def test_settings_are_checked_before_anything_is_loaded(checkpoint: Callable[[str], Path]) -> None:
    spec = f"hf/{checkpoint('llava')}"
    with pytest.raises(UnknownName, match="did you mean 'dtype'"):
        resolve(spec, ModelOptions(settings=(("dtyp", "float32"),)))
    with pytest.raises(UnknownName, match="did you mean 'float32'"):
        resolve(spec, ModelOptions(settings=(("dtype", "float23"),)))
    with pytest.raises(HemmError, match="this machine has"):
        asyncio.run(resolve(spec, ModelOptions(settings=(("device", "tpu"),))).start())
    with pytest.raises(HemmError, match="is not started"):
        resolve(spec).generate_batch([request("a", "q")])  # type: ignore[attr-defined]


@pytest.mark.parametrize("spec", ["tiny", "hf/org/name"])
def test_a_bare_install_says_what_to_install(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.models.hf import loading

    monkeypatch.setattr(loading, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'hemm\[hf\]'"):
        resolve(spec)


def broken_torchvision(folder: Path, code: str) -> dict[str, str]:
    """The environment of a process whose torchvision runs ``code`` on import."""
    package = folder / "site" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    return {**os.environ, "PYTHONPATH": str(package.parent)}


def run_python(code: str, env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_torchvision_of_another_build_lends_its_transforms(tmp_path: Path) -> None:
    """Its import fails at the operators it describes, until they are declared."""
    env = broken_torchvision(tmp_path, "import torch\ntorch.ops.torchvision.nms.default\n")
    run_python("from hemm.models.hf import vision\nassert vision.prepare() == ''\nimport torchvision\n", env)


def test_a_hopeless_torchvision_is_no_obstacle_and_a_hub_snapshot_loads(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    hub(tmp_path / "hub", checkpoint("idefics3"), "a" * 40)
    env = {**broken_torchvision(tmp_path, "1 / 0\n"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    run_python(
        "import asyncio\nfrom hemm.models import resolve\nfrom hemm.models.hf import vision\n"
        "m = resolve('hf/org/name')\nasyncio.run(m.start())\n"
        "assert m.identity.revision == 'a' * 40\n"
        "assert 'does not import' in vision.prepare()\n",
        {**env, "HF_HUB_OFFLINE": "1"},
    )


# composing runs for option scores

TOKENS = st.lists(st.integers(0, 3), max_size=5).map(tuple)


@given(st.lists(st.lists(TOKENS, min_size=1, max_size=6), max_size=4))
def test_option_sums_equal_the_chain_rule(options: list[list[tuple[int, ...]]]) -> None:
    def probability(request: int, before: Sequence[int], token: int) -> float:
        return -1.0 - math.sin(1 + request + 7 * token + sum((k + 1) * t for k, t in enumerate(before)))

    rows = rows_for(options)
    read = [{(t, x): probability(r.request, r.prefix[:t], x) for t, x in r.wanted} for r in rows]
    found = sums(options, rows, read)
    for i, sequences in enumerate(options):
        for tokens, value in zip(sequences, found[i], strict=True):
            direct = sum(probability(i, tokens[:t], x) for t, x in enumerate(tokens))
            assert value == pytest.approx(direct)


def test_options_of_one_token_need_one_run() -> None:
    assert len(rows_for([[(1,), (2,), (3,)]])) == 1
    assert [r.prefix for r in rows_for([[(1,), (1, 2), (1, 2, 3), (4, 5)]])] == [(1, 2), (4,)]
