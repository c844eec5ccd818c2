"""The transformers adapter on tiny random checkpoints of real families."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import (
    Generation,
    HemmError,
    Media,
    Message,
    MissingExtra,
    OutOfMemory,
    Request,
    Response,
    UnknownName,
)
from hemm.metrics.learned import torchvision_check
from hemm.models import ModelOptions, resolve
from hemm.models.batcher import run_batch
from hemm.models.hf.families import Opened
from hemm.models.hf.scoring import rows_for, sums

torch = pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
torchvision_check.prepare()  # before transformers looks for torchvision

from tinymodels import asking  # noqa: E402
from tinymodels.asking import Started, picture, request  # noqa: E402

checkpoint, started, one_thread = asking.checkpoint, asking.started, asking.one_thread


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


def test_a_batch_that_was_prepared_ahead_has_the_same_answers(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hemm.models.hf.adapter.has_free_core", lambda device: True)
    model = started("llava")
    asked = [request(i, picture(i), "q" * (i + 1)) for i in range(5)]
    asked.insert(2, request("broken", Media(b"\x89PNG\r\n\x1a\nbroken"), "q"))

    def told(answers: Sequence[Response]) -> list[tuple[str, str, int | None]]:
        return [(a.text, a.failure.kind if a.failure else "", a.usage.input_tokens) for a in answers]

    expected = told(run_batch(model, asked))
    inputs, made = model._family.inputs, []

    def counted(chats: Any) -> Any:
        made.append(len(chats))
        return inputs(chats)

    monkeypatch.setattr(model._family, "inputs", counted)
    model.look_ahead(asked)
    assert told(run_batch(model, asked)) == expected
    assert made == [5]
    model.look_ahead(asked)
    halves = [*run_batch(model, asked[:3]), *run_batch(model, asked[3:])]  # as after a lack of memory
    assert [a.text for a in halves] == [text for text, _, _ in expected]


def test_the_batcher_sorts_by_pictures_their_size_and_text(started: Started) -> None:
    size = started("llava").shape
    one = size(request("a", picture(1, (8, 8)), "q"))
    assert (
        one < size(request("b", picture(1, (64, 64)), "q")) < size(request("c", picture(1), picture(2), "q"))
    )
    assert one < size(request("d", picture(1, (8, 8)), "a longer question"))


def test_where_tokens_grow_with_the_picture_they_are_what_is_sorted_by(
    checkpoint: Callable[[str], Path],
) -> None:
    size = resolve(f"hf/{checkpoint('qwen2_5_vl')}", ModelOptions()).shape  # not started, as for replicas
    small, large = picture(1, (200, 200)), picture(2, (210, 210))
    assert size(request("a", small, "q" * 20)) < size(request("b", large, "q"))
    assert size(request("c", large, "q")) < size(request("d", small, "q" * 100))


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

    commit = "5ca1ab1e0ddba11d5ca1ab1e0ddba11d5ca1ab1e"
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
    run_python(
        "from hemm.metrics.learned import torchvision_check\n"
        "assert torchvision_check.prepare() == ''\nimport torchvision\n",
        env,
    )


def test_a_hopeless_torchvision_is_no_obstacle_and_a_hub_snapshot_loads(
    checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    hub(tmp_path / "hub", checkpoint("idefics3"), "a" * 40)
    env = {**broken_torchvision(tmp_path, "1 / 0\n"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    run_python(
        "import asyncio\nfrom hemm.models import resolve\n"
        "from hemm.metrics.learned import torchvision_check\n"
        "m = resolve('hf/org/name')\nasyncio.run(m.start())\n"
        "assert m.identity.revision == 'a' * 40\n"
        "assert 'does not import' in torchvision_check.prepare()\n",
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
