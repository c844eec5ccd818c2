"""Settings of checkpoints do what they say: decoding, thinking, pictures."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hemm.core import HemmError, Response
from hemm.metrics.learned import torchvision_check
from hemm.models import ModelOptions, resolve
from hemm.models.hf import decoding

torch = pytest.importorskip("torch", reason="the transformers adapter needs pip install 'hemm[hf]'")
torchvision_check.prepare()  # before transformers looks for torchvision

from tinymodels import asking  # noqa: E402
from tinymodels.asking import Checkpoint, picture, request  # noqa: E402

checkpoint, one_thread = asking.checkpoint, asking.one_thread

REAL = {
    # what these checkpoints' generation_config.json say, and what of it changes greedy answers
    "Qwen/Qwen2.5-VL-7B-Instruct": (
        '{"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true, '
        '"eos_token_id": [151645, 151643], "repetition_penalty": 1.05, "temperature": 0.000001, '
        '"transformers_version": "4.49.0"}',
        "repetition_penalty=1.05",
    ),
    "Qwen/Qwen3-VL-8B-Instruct": (
        '{"bos_token_id": 151643, "pad_token_id": 151643, "do_sample": true, '
        '"eos_token_id": [151645, 151643], "top_p": 0.8, "top_k": 20, "temperature": 0.7, '
        '"repetition_penalty": 1.0, "transformers_version": "4.56.0"}',
        "",
    ),
    "llava-hf/llava-1.5-7b-hf": (
        '{"_from_model_config": true, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 32001, '
        '"transformers_version": "4.38.0.dev0"}',
        "",
    ),
    "google/gemma-3-4b-it": (
        '{"bos_token_id": 2, "cache_implementation": "hybrid", "do_sample": true, '
        '"eos_token_id": [1, 106], "pad_token_id": 0, "top_k": 64, "top_p": 0.95}',
        "",
    ),
    "google/gemma-4-E2B-it": (
        '{"bos_token_id": 2, "do_sample": true, "eos_token_id": [1, 106, 50], "pad_token_id": 0, '
        '"suppress_tokens": [258883, 258882], "temperature": 1.0, "top_k": 64, "top_p": 0.95}',
        "suppress_tokens=[258883,258882]",
    ),
    "HuggingFaceM4/Idefics3-8B-Llama3": (
        '{"_from_model_config": true, "bad_words_ids": [[128256], [128257]], "bos_token_id": 128000, '
        '"eos_token_id": [128001, 128008, 128009], "pad_token_id": 128002}',
        "bad_words_ids=[[128256],[128257]]",
    ),
    "microsoft/Florence-2-base": (
        '{"num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": true, '
        '"forced_bos_token_id": 0, "forced_eos_token_id": 2, "decoder_start_token_id": 2}',
        "forced_bos_token_id=0 no_repeat_ngram_size=3",
    ),
    "meta-llama/Llama-3.2-11B-Vision-Instruct": (
        '{"bos_token_id": 128000, "do_sample": true, "eos_token_id": [128001, 128008, 128009], '
        '"pad_token_id": 128004, "temperature": 0.6, "top_p": 0.9}',
        "",
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_only_what_changes_greedy_answers_is_part_of_the_protocol(
    name: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    text, told = REAL[name]
    folder = copied(checkpoint("llava"), tmp_path, generation=json.loads(text))
    assert dict(model(folder).protocol_extra) == ({"generation_config": told} if told else {})
    off = dict(model(folder, generation_config="off").protocol_extra)
    assert off == ({"generation_config": "off"} if told else {})


def test_a_checkpoint_without_the_file_is_read_as_transformers_reads_it(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = copied(checkpoint("llava"), tmp_path)
    (folder / "generation_config.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["no_repeat_ngram_size"] = 2
    (folder / "config.json").write_text(json.dumps(config))
    assert dict(model(folder).protocol_extra) == {"generation_config": "no_repeat_ngram_size=2"}


def test_greedy_is_greedy_or_what_the_checkpoint_adds(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Against decoding by hand: the likeliest token, after each rule by its definition."""
    plain = checkpoint("llava")
    asked = request("a", picture(1), "Is it red?", max_new_tokens=12)
    (bare,) = ask(plain, asked)
    tokens = by_hand(plain, asked, 12)
    assert bare.text == tokens[0]
    for rule in (
        {"repetition_penalty": 1.8},
        {"no_repeat_ngram_size": 1},
        {"suppress_tokens": tokens[1][:2]},
        {"min_new_tokens": 12},
    ):
        folder = copied(plain, tmp_path / next(iter(rule)), generation=rule)
        (added,), (off,) = ask(folder, asked), ask(folder, asked, generation_config="off")
        assert added.text == by_hand(folder, asked, 12, **rule)[0], rule
        assert off.text == bare.text, rule
        if "min_new_tokens" not in rule:
            assert added.text != bare.text, rule


def test_what_the_checkpoint_adds_leaves_likelihoods_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    plain = checkpoint("llava")
    folder = copied(plain, tmp_path, generation={"repetition_penalty": 3.0, "min_p": 0.5})
    asked = request("a", picture(1), "Is it red?", options=asking.OPTIONS[:4], scoring="likelihood")
    (one,), (other,) = ask(plain, asked), ask(folder, asked)
    assert one.options == other.options


def test_an_answer_cut_off_is_not_ended_by_a_forced_mark(checkpoint: Checkpoint, tmp_path: Path) -> None:
    plain = checkpoint("llava")
    config = json.loads((plain / "config.json").read_text())
    folder = copied(
        plain, tmp_path, generation={"forced_eos_token_id": config["text_config"]["eos_token_id"]}
    )
    (answer,) = ask(folder, request("a", picture(1), "Is it red?", max_new_tokens=6))
    assert (answer.finish, answer.usage.output_tokens) == ("length", 6)


def test_sampled_answers_follow_the_protocol_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    plain = checkpoint("llava")
    folder = copied(
        plain, tmp_path, generation={"do_sample": True, "min_p": 0.9, "typical_p": 0.2, "top_k": 1}
    )
    asked = [request(i, picture(1), "Is it red?", temperature=1.0) for i in range(3)]
    assert [a.text for a in ask(folder, *asked)] == [a.text for a in ask(plain, *asked)]


def test_a_run_tells_and_stores_what_a_checkpoint_adds(
    checkpoint: Checkpoint, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from hemm.cli import status
    from hemm.results.read import cells

    folder = copied(checkpoint("idefics3"), tmp_path / "m", generation={"repetition_penalty": 1.05})
    words = ["run", f"hf/{folder}", "--task", "probe_shapes", "--limit", "2", "--out", str(tmp_path / "r")]
    assert status([*words, "--set", "max_new_tokens=3"]) == 0
    assert "m adds repetition_penalty=1.05; it is part of the protocol" in capfd.readouterr().err
    assert status([*words, "--set", "max_new_tokens=3", "--set", "generation_config=off"]) == 0
    assert "adds repetition_penalty=1.05; left out, as you set" in capfd.readouterr().err
    extra = [dict(c.run["protocol_spec"]["generation"]["extra"]) for c in cells(tmp_path / "r")]
    assert sorted(e["generation_config"] for e in extra) == ["off", "repetition_penalty=1.05"]
    setups = [c.run["commands"][0]["setup"] for c in cells(tmp_path / "r")]
    assert all(s["generation_config"] == {"repetition_penalty": 1.05} for s in setups)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (("<|channel>", "<channel|>"), "<|channel>thought\nIt is red.<channel|>{}"),  # Gemma 4
        (("<|channel>", "<channel|>"), "<|channel>thought\n<channel|>{}"),  # the same, told not to think
        (("<|START_THINKING|>", "<|END_THINKING|>"), "<|START_THINKING|>It is red.<|END_THINKING|>{}"),
        (("<seed:think>", "</seed:think>"), "<seed:think>It is red.</seed:think>{}"),
        (("[THINK]", "[/THINK]"), "[THINK]It is red.[/THINK]{}"),
        (("<|channel>", "<channel|>"), "It is red.<channel|>{}"),  # opened by what was not generated
    ],
)
def test_thoughts_between_special_tokens_are_no_part_of_the_answer(
    marks: tuple[str, str], said: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = copied(checkpoint("llava"), tmp_path, special=marks)
    answer = saying(folder, said.format("no"))
    assert answer.text.strip() == "no"
    assert answer.reasoning == ("It is red." if "red" in said else "")
    cut = saying(folder, said.partition("{}")[0].removesuffix(marks[1]), cut=True)
    if said.startswith(marks[0]):
        assert (cut.text, cut.finish) == ("", "length")


def test_thinking_that_the_prompt_opens_is_no_answer_where_it_is_cut_off(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    """Qwen3-VL-Thinking's template ends with <think>: a text without marks is all thoughts."""
    folder = copied(checkpoint("llava"), tmp_path, plain=("<think>", "</think>"), end="<think>\n")
    cut = saying(folder, "Is it yes? Or no", cut=True)
    assert (cut.text, cut.reasoning, cut.finish) == ("", "Is it yes? Or no", "length")
    whole = saying(folder, "Is it yes? Or no</think>\n\nno")
    assert whole.text == "Is it yes? Or no</think>\n\nno"  # visible marks are read with the answer
    # a prompt that only speaks of the mark opens nothing
    told = saying(copied(checkpoint("llava"), tmp_path / "b", plain=("<think>", "</think>")), "no")
    assert told.text == "no"


def test_a_thinking_budget_ends_thoughts_and_leaves_the_answer_its_length(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    marks = ("<|START_THINKING|>", "<|END_THINKING|>")
    folder = copied(checkpoint("llava"), tmp_path, special=marks, end=marks[0])
    options = ModelOptions(settings=(("device", "cpu"),), thinking_budget=5)
    thinker = started(resolve(f"hf/{folder}", options))
    asked = [
        request(i, picture(i), text, max_new_tokens=8, thinking_budget=5)
        for i, text in enumerate(("Is it red?", "How many circles are in the picture?", "?"))
    ]
    closing = thinker._loaded.processor.tokenizer.convert_tokens_to_ids(marks[1])
    own, rows = thinker._family.generate, []

    def watched(*words: Any, **settings: Any) -> Any:
        output = own(*words, **settings)
        rows.extend(output[:, settings["input_ids"].shape[1] :].tolist())
        return output

    thinker._family.generate = watched
    together = thinker.generate_batch(asked)
    assert [row.index(closing) for row in rows] == [5, 5, 5]
    for each, answer in zip(asked, together, strict=True):
        assert thinker.generate_batch([each])[0] == answer
        assert answer.text
        assert answer.usage.output_tokens == 13 or answer.finish == "stop"
    assert dict(thinker.protocol_extra) == {"thinking_budget": "held"}
    (unbound,) = ask(folder, request("0", picture(0), "Is it red?", max_new_tokens=8))
    assert (unbound.text, unbound.finish) == ("", "length")
    assert unbound.reasoning.startswith(together[0].reasoning.rstrip("\N{REPLACEMENT CHARACTER}"))


def test_a_budget_for_a_model_without_marks_of_thinking_is_refused(checkpoint: Checkpoint) -> None:
    options = ModelOptions(settings=(("device", "cpu"),), thinking_budget=5)
    with pytest.raises(HemmError, match="thinking_budget: the vocabulary of llava has no marks of thinking"):
        started(resolve(f"hf/{checkpoint('llava')}", options))


SWITCHING = {
    # as Qwen3.5, Gemma 4, SmolLM3, Granite 3.3, Command A and Seed-OSS write it
    "qwen": (
        "{% if enable_thinking is defined and enable_thinking is false %}"
        "{{ '<think></think>' }}{% else %}{{ '<think>' }}{% endif %}"
    ),
    "gemma": "{% if not enable_thinking | default(false) %}{{ '<|channel>thought<channel|>' }}{% endif %}",
    "smollm": (
        "{% if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}"
        "{% if not enable_thinking %}{{ '<think></think>' }}{% endif %}"
    ),
    "granite": "{% if thinking %}{{ 'Think first.' }}{% endif %}",
    "command": "{% if reasoning is not defined %}{% set reasoning = true %}{% endif %}{{ reasoning }}",
    "seed": "{% if thinking_budget is not defined %}{% set thinking_budget = -1 %}{% endif %}"
    "{% if thinking_budget == 0 %}{{ '<seed:think></seed:think>' }}{% endif %}",
}


@pytest.mark.parametrize("name", SWITCHING)
def test_thinking_is_switched_by_the_template_s_own_variable(
    name: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = copied(checkpoint("llava"), tmp_path, begin=SWITCHING[name])
    prompts = {}
    for turned in ("on", "off"):
        thinker = started(model(folder, thinking=turned))
        prompts[turned] = thinker._family.prompt_with({})
        assert counted(thinker) > 0
    assert prompts["on"] != prompts["off"]
    assert started(model(folder))._family.prompt_with({}) in prompts.values()


def test_variables_of_the_chat_template_reach_it(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = copied(checkpoint("llava"), tmp_path, begin="{{ mood | default('calm') }}")
    told = {"chat_template_kwargs": json.dumps({"mood": "calm " * 9})}
    assert counted(started(model(folder, **told))) > counted(started(model(folder))) + 8
    one, other = (
        ModelOptions(settings=(("chat_template_kwargs", text),)).protocol
        for text in ('{"mood": "x", "a": 1}', '{ "a":1, "mood":"x" }')
    )
    assert one == other == (("chat_template_kwargs", '{"a":1,"mood":"x"}'),)


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("llava", {"thinking": "off"}, "the chat template of llava has no switch for thinking"),
        ("llava", {"thinking": "maybe"}, "--set thinking='maybe': give on or off"),
        ("llava", {"chat_template_kwargs": '{"mood": 1}'}, "the chat template of llava has no variables"),
        ("llava", {"chat_template_kwargs": "{mood: 1}"}, "give a JSON object, such as"),
        (
            "llava",
            {"chat_template_kwargs": '{"messages": []}'},
            "the chat template of llava has no variables",
        ),
        ("blip2", {"thinking": "off"}, "blip2 is not prompted by a chat template"),
        ("blip2", {"max_pixels": "4096"}, "blip2 is not prompted by a chat template"),
        ("llava", {"max_pixels": "4096"}, "(CLIPImageProcessorPil) has no such option"),
        ("gemma3", {"max_soft_tokens": "70"}, "has no such option; it has do_pan_and_scan"),
        ("gemma3", {"do_pan_and_scan": "perhaps"}, "do_pan_and_scan=perhaps: give true or false"),
        ("gemma3", {"generation_config": "none"}, "generation_config=none: give auto or off"),
        ("qwen2_vl", {"min_pixels": "many"}, "min_pixels=many: give a whole number"),
        ("qwen2_vl", {"min_pixels": "900", "max_pixels": "90"}, "min_pixels=900 is more than max_pixels=90"),
        ("qwen2_vl", {"min_pixels": "9000000"}, "is more than its max_pixels"),
        ("gemma4", {"max_soft_tokens": "100"}, "refuses its options: `max_soft_tokens` must be one of"),
    ],
)
def test_what_a_checkpoint_does_not_know_is_one_line(
    name: str, settings: dict[str, str], said: str, checkpoint: Checkpoint
) -> None:
    with pytest.raises(HemmError) as caught:
        started(model(checkpoint(name), **settings))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        # settings by which a picture is fewer and more tokens
        ("qwen2_5_vl", ({"max_pixels": "784"}, {"min_pixels": "3000", "max_pixels": "4000"})),
        ("qwen3_vl", ({"max_pixels": "784"}, {"max_pixels": "6272"})),
        ("gemma3", ({"do_pan_and_scan": "no"}, {"do_pan_and_scan": "yes"})),
        ("gemma4", ({"max_soft_tokens": "70"}, {"max_soft_tokens": "280"})),
        ("internvl", ({"max_patches": "2"}, {"max_patches": "6"})),
        ("idefics3", ({"do_image_splitting": "false"}, {"do_image_splitting": "true"})),
    ],
)
def test_picture_options_reach_the_processor(
    name: str,
    settings: tuple[dict[str, str], dict[str, str]],
    checkpoint: Checkpoint,
    tmp_path: Path,
) -> None:
    folder = checkpoint(name)
    if name == "idefics3":  # the tiny one's pictures are never larger than one tile
        folder = copied(folder, tmp_path, picture={"size": {"longest_edge": 128}})
    less, more = (model(folder, **each) for each in settings)
    assert counted(started(less)) < counted(started(more))
    assert dict(less.protocol_extra) == {
        key: text.replace("no", "false") for key, text in settings[0].items()
    }
    assert not model(folder).protocol_extra


def test_an_input_that_cannot_be_handed_on_stops_instead_of_being_left_out(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = started(model(checkpoint("llava")))
    own = asked._family.inputs

    def more(chats: Sequence[Any]) -> Any:
        return {**own(chats), "image_sizes": "30x40", "nothing": None}

    monkeypatch.setattr(asked._family, "inputs", more)
    with pytest.raises(HemmError, match="gives image_sizes as str, which hemm cannot hand to the model"):
        asked.generate_batch([request("a", picture(1), "Is it red?")])


def test_settings_read_as_text_or_as_toml_are_one_protocol() -> None:
    assert decoding.told({"bad_words_ids": [[n] for n in range(99)]}).startswith("bad_words_ids=[[0],[1],")
    assert len(decoding.told({"bad_words_ids": [[n] for n in range(9999)]})) < 120


# making and asking


def copied(
    folder: Path,
    place: Path,
    generation: dict[str, Any] | None = None,
    special: Sequence[str] = (),
    plain: Sequence[str] = (),
    picture: dict[str, Any] | None = None,
    begin: str = "",
    end: str = "",
) -> Path:
    """A copy of a checkpoint.

    generation     more of its generation_config.json
    special, plain  tokens that its vocabulary gets in place of others: special ones, and visible ones
    picture        more of its picture processor
    begin, end     of its chat template: before the first turn, and after the last where an answer follows
    """
    place.mkdir(parents=True, exist_ok=True)
    made = shutil.copytree(folder, place / "m")
    if generation is not None:
        path = made / "generation_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **generation}))
    if special or plain:
        path = made / "tokenizer.json"
        data = json.loads(path.read_text())
        vocabulary = data["model"]["vocab"]
        bytes_without_text = sorted(token for token in vocabulary if len(token) == 1 and ord(token) > 0xE0)
        for old, new in zip(bytes_without_text, [*special, *plain], strict=False):
            vocabulary[new] = vocabulary.pop(old)
            form = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized"), False)
            data["added_tokens"].append(
                {"id": vocabulary[new], "content": new, "special": new in special, **form}
            )
        data["added_tokens"].sort(key=lambda token: token["id"])
        path.write_text(json.dumps(data))
    if picture:
        path = made / "processor_config.json"
        data = json.loads(path.read_text())
        data["image_processor"] |= picture
        path.write_text(json.dumps(data))
    if begin or end:
        path = made / "chat_template.jinja"
        text = path.read_text()
        path.write_text(begin + text.replace("{{ '<|assistant|>' }}", f"{{{{ '<|assistant|>{end}' }}}}"))
        assert not end or end in path.read_text()
    return made


def model(folder: Path, **settings: str) -> Any:
    if "qwen" in folder.name and find_spec("torchvision") is None:
        pytest.skip("needs torchvision")
    return resolve(f"hf/{folder}", ModelOptions(settings=(("device", "cpu"), *settings.items())))


def started(model: Any) -> Any:
    asyncio.run(model.start())
    return model


def ask(folder: Path, *requests: Any, **settings: str) -> list[Response]:
    answers: list[Response] = started(model(folder, **settings)).generate_batch(requests)
    return answers


def counted(model: Any) -> int:
    """Tokens of one prompt with a picture."""
    (answer,) = model.generate_batch([request("a", picture(1, (600, 400)), "Is it red?", max_new_tokens=1)])
    return int(answer.usage.input_tokens)


def saying(folder: Path, text: str, cut: bool = False) -> Response:
    """The response where the model generates the tokens of ``text``, and then the end mark unless ``cut``."""
    asked = started(model(folder))
    tokenizer = asked._loaded.processor.tokenizer
    said = tokenizer(text, add_special_tokens=False)["input_ids"]
    tokens = said if cut else [*said, tokenizer.eos_token_id]

    def generate(_: Any, input_ids: Any, **settings: Any) -> Any:
        return torch.cat([input_ids, torch.tensor([tokens])], dim=1)

    asked._family.generate = generate
    question = request("a", picture(1), "Think in <think> tags. Is it red?", max_new_tokens=len(tokens))
    answer: Response = asked.generate_batch([question])[0]
    return answer


def by_hand(folder: Path, asked: Any, steps: int, **rules: Any) -> tuple[str, list[int]]:
    """Greedy decoding by whole forward passes: its text and tokens."""
    plain = started(model(folder, generation_config="off"))
    loaded, family = plain._loaded, plain._family
    inputs = dict(family.inputs([list(asked.messages)]))
    prompt: list[int] = inputs.pop("input_ids")[0].tolist()
    inputs.pop("attention_mask")
    tokens: list[int] = []
    eos = loaded.processor.tokenizer.eos_token_id
    for _ in range(steps):
        ids = torch.tensor([[*prompt, *tokens]])
        with torch.inference_mode():
            output = loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids), **inputs)
        logits = output.logits[0, -1].clone()
        for token in set(prompt + tokens):
            by = rules.get("repetition_penalty", 1.0)
            logits[token] = logits[token] / by if logits[token] > 0 else logits[token] * by
        if rules.get("no_repeat_ngram_size") == 1:
            logits[prompt + tokens] = -torch.inf
        if rules.get("suppress_tokens"):
            logits[rules["suppress_tokens"]] = -torch.inf
        if len(tokens) < rules.get("min_new_tokens", 0):
            logits[eos] = -torch.inf
        tokens.append(int(logits.argmax()))
        if tokens[-1] == eos:
            break
    text = loaded.processor.tokenizer.decode(tokens, skip_special_tokens=True)
    return text, tokens
