"""``tiny``, ``hf/ORG/NAME`` and ``hf/FOLDER``: one adapter for all vision-language families of
transformers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from hemm.core import (
    BatchModel,
    Capabilities,
    Generation,
    HemmError,
    Identity,
    Message,
    OutOfMemory,
    Request,
    Response,
    Usage,
    storable,
)
from hemm.models.hf import decoding, prompt_options, thinking
from hemm.models.hf.ahead import Ahead, Group
from hemm.models.hf.devices import empty_cache, has_free_core, placed, seeded
from hemm.models.hf.families import Family, encodes, family_of, known
from hemm.models.hf.identity import Checkpoint, folder_checkpoint, hub_checkpoint, is_folder
from hemm.models.hf.loading import SETTINGS, Loaded, check, load, require_packages
from hemm.models.hf.pictures import png, prepared, size_of
from hemm.models.hf.scoring import Prefix, Row, forced, rows_for, sums
from hemm.models.options import ModelOptions

TINY = Path(__file__).resolve().parent.parent / "tiny"


def open_tiny(spec: str, options: ModelOptions) -> HFModel:
    """The checkpoint that comes with hemm: small enough for any CPU, made for the probes."""
    require_packages(spec)
    settings = options.read("tiny", SETTINGS)
    check(settings)
    if settings["dtype"] == "auto":  # so small that a shorter dtype gains nothing on any device
        settings["dtype"] = "float32"
    return HFModel(spec, folder_checkpoint(TINY, "tiny"), settings, options, 32)


def open_hf(spec: str, options: ModelOptions) -> HFModel:
    """A checkpoint of the Hugging Face hub, or in a folder of this machine."""
    require_packages(spec)
    settings = options.read("hf", SETTINGS)
    check(settings)
    return HFModel(spec, checkpoint_of(spec.removeprefix("hf/"), options.revision), settings, options, 16)


def checkpoint_of(text: str, revision: str) -> Checkpoint:
    """The checkpoint that a spec names behind its prefix: a folder's, or a hub repository's."""
    if is_folder(text):
        return folder_checkpoint(Path(text).expanduser())
    return hub_checkpoint(text, revision)


class HFModel(BatchModel):
    """A transformers checkpoint behind the shared batcher.

    Greedy answers of a batch equal those of its requests alone, up to ties within rounding. Sampled requests
    run one by one, each with its own seed, so that they do not depend on the batch either.
    """

    spec: str
    batch_size: int

    def __init__(
        self,
        spec: str,
        checkpoint: Checkpoint,
        settings: dict[str, Any],
        options: ModelOptions,
        batch_size: int,
    ) -> None:
        self.spec = spec
        self.batch_size = options.batch_size or batch_size
        self._checkpoint, self._settings = checkpoint, settings
        self._thinking_budget = options.thinking_budget
        self._loaded: Loaded | None = None
        self._family: Family | None = None
        self._marks = thinking.Marks({}, frozenset())
        self._opened: int | None = None  # the mark by which prompts open thinking
        self._ahead = Ahead(self._inputs_ahead)
        self._tokenizing = threading.RLock()  # a tokenizer refuses to work for two threads at a time

    @property
    def identity(self) -> Identity:
        """Hub name and commit, or folder name and digest."""
        return self._checkpoint.identity

    @cached_property
    def capabilities(self) -> Capabilities:
        """The capabilities according to config.json."""
        row = known(self._checkpoint.config().get("model_type"))
        return Capabilities(
            outputs=frozenset({"text", "image"} if row.draws else {"text"}),
            min_images=row.least,
            max_images=row.most,
            likelihood=True,
            drawn_from=frozenset({"text"}),
        )

    @cached_property
    def _brought(self) -> dict[str, Any]:
        """What the checkpoint's generation_config.json adds to greedy decoding."""
        draws = known(self._checkpoint.config().get("model_type")).draws
        return decoding.brought(self._checkpoint.generation(), draws)

    @property
    def _kept(self) -> dict[str, Any]:
        """Those of them that are used."""
        return self._brought if self._settings["generation_config"] == "auto" else {}

    @property
    def protocol_extra(self) -> tuple[tuple[str, str], ...]:
        """Picture options, and what the checkpoint adds to greedy decoding, where it adds something."""
        pairs = prompt_options.protocol(self._settings)
        if self._brought:
            pairs.append(("generation_config", decoding.told(self._kept) or "off"))
        if self._thinking_budget:  # answers of versions that did not keep to it are of another cell
            pairs.append(("thinking_budget", "held"))
        return tuple(pairs)

    @property
    def setup(self) -> dict[str, Any] | None:
        """For run.json: what the checkpoint's generation_config.json adds to greedy decoding, if anything."""
        return {"generation_config": self._brought, "used": bool(self._kept)} if self._brought else None

    @property
    def notice(self) -> str:
        """A line on what the checkpoint adds to greedy decoding; empty where it is nothing."""
        if not self._brought:
            return ""
        return decoding.added(self.identity.name, self._brought, not self._kept)

    async def start(self) -> None:
        """Load weights and processor. Raises HemmError if they do not load, and for settings that the
        checkpoint does not know."""
        self._loaded = await asyncio.to_thread(self._load)
        processor, config = self._loaded.processor, self._loaded.model.config
        self._family = family = self._family_of(processor, config)
        decoding.make_plain(self._loaded.model.generation_config, known(config.model_type).draws)
        name, tokenizer = self.identity.name, processor.tokenizer
        prompt_options.set_up(family, self._settings, name)
        self._marks = thinking.Marks.of(tokenizer)
        begins = tokenizer(family.answer_begins(), add_special_tokens=False)["input_ids"]
        self._opened = self._marks.last_opened(begins)
        if self._thinking_budget and not self._marks.pairs:
            raise HemmError(f"--set thinking_budget: the vocabulary of {name} has no marks of thinking")

    def _load(self) -> Loaded:
        return load(self.spec, self._checkpoint, self._settings)

    def _family_of(self, processor: Any, config: Any) -> Family:
        return family_of(processor, config)

    async def close(self) -> None:
        """Free the weights."""
        self._loaded = self._family = None
        self._ahead = Ahead(self._inputs_ahead)

    def shape(self, request: Request) -> tuple[int, int, int]:
        """Sort key of the batcher: number of pictures, then ``size_of``. It is known without the weights,
        which replicas alone load."""
        text = sum(len(p) for m in request.messages for p in m.parts if isinstance(p, str))
        return len(request.media), *size_of(request.media, text, self._config)

    @cached_property
    def _config(self) -> dict[str, Any]:
        return dict(self._checkpoint.config())

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """One response for each request. A picture that does not open fails its own request alone.

        Raises OutOfMemory if the device's memory is too small for the batch.
        """
        batch = self._ahead.take(requests)
        answers = dict(batch.failures)
        for group in batch.groups:
            answers |= zip(group.places, self._answer(group), strict=True)
        return [answers[place] for place in range(len(requests))]

    def look_ahead(self, requests: Sequence[Request]) -> None:
        """Decode the pictures of the next batch and make its tensors, where the model leaves a core free."""
        if self._loaded is not None and has_free_core(self._device):
            self._ahead.prepare(requests)

    def _inputs_ahead(self, group: Group) -> Any:
        """The tensors of a greedy group on the CPU. Others are made when they are answered, one by one."""
        generation = group.generation
        stops = generation.stop or "stop_strings" in self._kept  # they are looked for by the tokenizer
        likely = generation.scoring == "likelihood"
        if generation.output == "image" or likely or generation.temperature > 0 or stops:
            return None
        return self._read_chats(group.chats)

    def score(self, request: Request, continuations: Sequence[str]) -> tuple[float, ...]:
        """Natural-log probability of each continuation, summed over its tokens, without an end mark.

        If the chat template puts white space between prompt and answer, the continuation begins with it.
        """
        return self._scores([prepared(request)], [tuple(continuations)])[0]

    def _answer(self, group: Group) -> list[Response]:
        generation, requests, chats = group.generation, group.requests, group.chats
        if generation.output == "image":
            return self._draw(generation, requests, chats)
        if generation.scoring == "likelihood" and all(r.options for r in requests):
            return self._choose(requests, chats)
        if generation.temperature > 0:
            return [
                answer
                for request, chat in zip(requests, chats, strict=True)
                for answer in self._generate(generation, [chat], request.seed)
            ]
        return self._generate(generation, chats, None, group.inputs)

    def _draw(
        self, generation: Generation, requests: Sequence[Request], chats: Sequence[list[Message]]
    ) -> list[Response]:
        """Draw pictures as PNG: greedy ones together, sampled ones each with its own seed."""
        groups: list[tuple[list[list[Message]], int | None]]
        if generation.temperature > 0:
            how: dict[str, Any] = {"do_sample": True, "top_k": 0, "temperature": generation.temperature}
            how["top_p"] = generation.top_p
            groups = [([chat], request.seed) for request, chat in zip(requests, chats, strict=True)]
        else:
            how = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
            groups = [(list(chats), None)]
        how |= self._kept
        answers = []
        for group, seed in groups:
            inputs = self._placed(self._started().drawing_inputs(group, generation))
            pictures = self._guarded(self._started().draw, {"inputs": inputs}, seed, how)
            counts = inputs["attention_mask"].sum(dim=1).tolist()
            answers += [
                Response(media=(png(picture),), usage=Usage(int(count), None, 0.0))
                for picture, count in zip(pictures, counts, strict=True)
            ]
        return answers

    def _choose(self, requests: Sequence[Request], chats: Sequence[list[Message]]) -> list[Response]:
        scores = self._scores(chats, [r.options for r in requests])
        return [
            Response(text=r.options[max(range(len(s)), key=s.__getitem__)], options=s)
            for r, s in zip(requests, scores, strict=True)
        ]

    def _scores(
        self, chats: Sequence[list[Message]], options: Sequence[Sequence[str]]
    ) -> list[tuple[float, ...]]:
        family = self._started()
        tokenizer, lead = family.processor.tokenizer, family.lead()
        with self._tokenizing:
            tokens: list[list[Prefix]] = [
                [tuple(tokenizer(lead + o, add_special_tokens=False)["input_ids"]) for o in some]
                for some in options
            ]
        rows = rows_for(tokens)
        read: list[dict[tuple[int, int], float]] = []
        for start in range(0, len(rows), self.batch_size):
            part = rows[start : start + self.batch_size]
            read += self._run_rows([chats[r.request] for r in part], part)
        return sums(tokens, rows, read)

    def _run_rows(
        self, chats: Sequence[list[Message]], rows: Sequence[Row]
    ) -> list[dict[tuple[int, int], float]]:
        """The wanted log-probabilities of each row, from the model's raw logits (softmax in float64)."""
        import torch

        length = max(len(r.prefix) for r in rows) + 1
        filler = self._started().processor.tokenizer.pad_token_id
        output = self._run(
            self._inputs(chats),
            max_new_tokens=length,
            do_sample=False,
            logits_processor=[forced([r.prefix for r in rows], filler)],
            output_logits=True,
            return_dict_in_generate=True,
        )
        logits = output.logits
        if self._device.startswith("mps"):  # mps has no float64
            logits = [step.cpu() for step in logits]
        vectors = [torch.log_softmax(step.double(), dim=-1).cpu() for step in logits]
        return [{(t, x): float(vectors[t][k, x]) for t, x in row.wanted} for k, row in enumerate(rows)]

    def _generate(
        self, generation: Generation, chats: Sequence[list[Message]], seed: int | None, made: Any = None
    ) -> list[Response]:
        family = self._started()
        inputs = self._inputs(chats) if made is None else self._placed(made)
        settings: dict[str, Any] = {"max_new_tokens": _limit(generation), "do_sample": False, **self._kept}
        if seed is not None:
            settings |= {"do_sample": True, "top_k": 0}
            settings |= {"temperature": generation.temperature, "top_p": generation.top_p}
        if stop := [*generation.stop, *settings.get("stop_strings", ())]:
            settings |= {"stop_strings": stop, "tokenizer": family.processor.tokenizer}
        if generation.thinking_budget:
            budget = thinking.Budget(self._marks, self._opened, len(chats), generation.thinking_budget)
            settings["logits_processor"] = [budget]
        output = self._run(inputs, seed=seed, **settings)
        new = decoding.new_tokens(output, inputs["input_ids"], self._encodes())
        counts = inputs["attention_mask"].sum(dim=1).tolist()
        with self._tokenizing:
            return [self._read(row, count, generation) for row, count in zip(new, counts, strict=True)]

    def _read(self, tokens: list[int], prompt_tokens: int, generation: Generation) -> Response:
        """The response of one row: its tokens up to the end mark, cut before the first stop string."""
        tokenizer = self._started().processor.tokenizer
        answer, ended = decoding.until_end(tokens, self._end_marks(), tokenizer.pad_token_id)
        text, thought = (
            tokenizer.decode(part, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            for part in self._marks.split(answer, self._opened)
        )
        text = self._started().cleaned(text)
        stops = [at for s in generation.stop if (at := text.find(s)) >= 0]
        if stops:
            text, ended = text[: min(stops)], True
        finish = "stop" if ended or len(answer) < _limit(generation) else "length"
        usage = Usage(int(prompt_tokens), len(answer) + (1 if ended and not stops else 0), 0.0)
        reasoning = storable(thinking.thoughts(thought))
        return Response(text=storable(text), reasoning=reasoning, finish=finish, usage=usage)

    def _inputs(self, chats: Sequence[list[Message]]) -> Any:
        return self._placed(self._read_chats(chats))

    def _read_chats(self, chats: Sequence[list[Message]]) -> Any:
        """The processor's tensors, on the CPU."""
        with self._tokenizing:
            return self._started().inputs(chats)

    def _placed(self, inputs: Any) -> dict[str, Any]:
        """Tensors on the device; floating-point ones (pixels) in the model's dtype."""
        assert self._loaded is not None
        return placed(inputs, self._device, self._loaded.dtype, self.identity.name)

    def _run(self, inputs: Any, *, seed: int | None = None, **settings: Any) -> Any:
        """The family's ``generate`` without gradients."""
        assert self._loaded is not None
        settings.setdefault("pad_token_id", self._started().processor.tokenizer.pad_token_id)
        return self._guarded(self._started().generate, inputs, seed, decoding.greedy(settings))

    def _guarded(self, call: Callable[..., Any], inputs: Any, seed: int | None, settings: Any) -> Any:
        """``call`` with its own random state. Raises OutOfMemory for that of any device."""
        import torch

        assert self._loaded is not None
        try:
            with torch.inference_mode(), seeded(self._device, seed):
                return call(self._loaded.model, **inputs, **settings)
        except RuntimeError as error:
            full = isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)
            if not full:
                raise
            empty_cache(self._device)
            raise OutOfMemory(str(error)) from error

    @property
    def _device(self) -> str:
        assert self._loaded is not None
        return self._loaded.device

    def _end_marks(self) -> frozenset[int]:
        assert self._loaded is not None
        marks = self._loaded.model.generation_config.eos_token_id
        own = [self._started().processor.tokenizer.eos_token_id]
        found = own if marks is None else marks if isinstance(marks, list) else [marks]
        return frozenset(int(m) for m in found if m is not None)

    def _encodes(self) -> bool:
        assert self._loaded is not None
        return encodes(self._loaded.model.config)

    def _started(self) -> Family:
        if self._family is None:
            raise HemmError(f"model {self.spec} is not started")
        return self._family


def _limit(generation: Generation) -> int:
    """Most tokens of thoughts and answer together."""
    return generation.max_new_tokens + max(0, generation.thinking_budget)
