"""Protocol, request builder and header of a cell from the options, and checks before any request is sent."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hemm.core import CONTROLS, HemmError, Model, Pack, ProtocolSpec, RequestModel, Sample, Task, redact
from hemm.core.errors import CannotTake
from hemm.core.taxonomy import Control
from hemm.core.text import counted
from hemm.data.pack.quality import met
from hemm.data.pack.reader import PackIndex
from hemm.data.pack.schema import REFERENCE_MEDIA
from hemm.data.pack.selection import BALANCED, RANDOM
from hemm.engine import requests
from hemm.engine.options import RunOptions
from hemm.engine.perturbing import check_perturb, perturb_of
from hemm.engine.protocol_options import changed_options
from hemm.engine.requests import RequestBuilder, Shots
from hemm.metrics import spec_of
from hemm.models import ModelOptions, cards
from hemm.models.prices import Priced
from hemm.parsing.picture_format import Pictured
from hemm.tasks.perturbations.named import Perturb, is_text
from hemm.tasks.prompt import Renderer
from hemm.tasks.questions import (
    another_note,
    another_question,
    check_note,
    check_question,
    without_note,
    without_question,
)
from hemm.tasks.transforms import Shuffle, Transform, grey, identity, remove


def model_options(options: RunOptions) -> ModelOptions:
    """The options that the model's adapter gets."""
    return ModelOptions(
        batch_size=options.batch_size,
        concurrency=options.concurrency,
        scoring=options.generation(1).scoring,
        thinking_budget=options.generation(1).thinking_budget,
        revision=options.revision,
        serve=options.serve,
        replicas=int(not options.ray) if options.replicas is None else options.replicas,
        ray=options.ray,
        replica_cpus=options.replica_cpus,
        replica_gpus=options.replica_gpus,
        mixed_hardware=options.mixed_hardware,
        cards=options.model_cards,
        settings=options.model_settings,
    )


def protocol_spec(options: RunOptions, task: Task, model: Model) -> ProtocolSpec:
    extra = dict(model_options(options).protocol) | dict(model.protocol_extra)
    if isinstance(task.answer, Pictured):
        extra["output"] = "image"
    generation = options.generation(task.max_new_tokens, tuple(sorted(extra.items())))
    if model.capabilities.draws:
        generation = replace(generation, seed=options.seed)
    drawn = model.capabilities.draws or options.shots > 0 or _draws(options) or bool(options.perturb)
    return ProtocolSpec(
        model=model.identity,
        template=task.prompt if options.prompt is None else options.prompt,
        instruction=task.answer.instruction,
        system=options.system or task.system,
        **options.protocol,
        seed=options.seed if drawn or generation.temperature > 0 else None,
        generation=generation,
    )


def request_builder(
    options: RunOptions, task: Task, pack: Pack, model: Model, spec: ProtocolSpec
) -> RequestBuilder:
    """The builder of a cell's requests. Raises HemmError where the prompt or the shots do not work."""
    takes_system = model.capabilities.system
    perturb = perturb_of(options, task)
    renderer = Renderer(
        task,
        template=options.prompt,
        system=options.system,
        where=options.prompt_name,
        merge=not takes_system,
        instruction=None if perturb is None else perturb.instruction,
    )
    return RequestBuilder(
        task=task,
        pack=pack,
        renderer=renderer,
        transform=_transform(options, task, pack, perturb),
        shots=Shots.of(pack, options.shots, options.seed),
        protocol=spec.digest,
        generation=spec.generation,
        capabilities=model.capabilities,
        judge=identity if perturb is None else perturb.judged,
    )


def shows_other_samples(options: RunOptions) -> bool:
    """Whether a request is made with other samples than its own: their change changes it."""
    return options.shots > 0 or _draws(options)


def _draws(options: RunOptions) -> bool:
    """Whether the control shows something of another sample, drawn by the seed."""
    return bool(options.control) and CONTROLS[options.control].draws


@dataclass(frozen=True)
class _Composed:
    steps: tuple[Transform, ...]

    def __call__(self, sample: Sample) -> Sample:
        for step in self.steps:
            sample = step(sample)
        return sample


def _transform(options: RunOptions, task: Task, pack: Pack, perturb: Perturb | None) -> Transform:
    """The pictures' control, the question's, then the perturbation."""
    control = CONTROLS[options.control] if options.control else Control("", "")
    steps: list[Transform] = []
    if control.picture == "shuffle":
        index = pack.index()
        steps.append(Shuffle(index.clusters, index.media, pack.sample, options.seed, options.control))
    elif control.picture:
        steps.append({"none": remove, "grey": grey}[control.picture])
    if control.question == "other":
        steps.append(another_question(task, options.prompt, pack, options.seed))
    elif control.question:
        steps.append(without_question)
    if control.note:
        swap = another_note if control.note == "other" else without_note
        steps.append(swap(task, options.prompt, pack, options.seed))
    if perturb is not None:
        steps.append(perturb)
    return steps[0] if len(steps) == 1 else _Composed(tuple(steps))


def check_capabilities(
    options: RunOptions, task: Task, pack: Pack, model: Model, rows: np.ndarray[Any, Any] | None
) -> None:
    """Raise CannotTake where the model cannot take the media that these rows of the pack (None: all) show.

    The index of the pack is read only where it decides.
    """

    def no(words: str) -> CannotTake:
        return CannotTake({words: [task.name]})

    check_perturb(options, task, pack, rows)
    can, drawn = model.capabilities, isinstance(task.answer, Pictured)
    shown = _Shown(options, pack, rows)
    shows, without = f"which model {model.spec} does not take", "--control none asks without them"
    if drawn and "image" not in can.outputs:
        raise no(f"task {{task}} is answered with pictures, which model {model.spec} does not make")
    if options.control and (question := CONTROLS[options.control].question):
        check_question(question, task, options.prompt, pack, options.seed)
    if options.control and CONTROLS[options.control].note:
        check_note(task, options.prompt, pack)
    of_pictures = bool(options.perturb) and not is_text(options.perturb)
    changed = "--control grey" if options.control == "grey" else "--perturb" if of_pictures else ""
    for kind in (_KINDS[column] for column in pack.info["media_columns"] if column in _KINDS):
        if changed and kind in ("audio", "video") and shown.most:
            raise no(f"{changed} is for pictures, and task {{task}} has {kind}")
        if kind not in can.inputs and shown.most:
            media = "pictures" if kind == "image" else kind
            raise no(f"task {{task}} shows {media}, {shows}; {without}")
    if drawn and "image" not in can.drawn_from and shown.most:
        raise no(f"task {{task}} shows pictures, {shows} where it draws one; {without}")
    if can.min_images and shown.fewest(can.min_images) < can.min_images:
        keeps = options.control in _WITHOUT
        why = "--control grey keeps one there" if keeps else "task {task} has some"
        raise no(f"model {model.spec} takes no prompt without a picture, {why}")
    if can.max_images is not None and (most := shown.most * (1 + options.shots)) > can.max_images:
        raise no(
            f"task {{task}} shows up to {counted(most, 'picture')} in one prompt"
            f"{' (shots included)' if options.shots else ''}, model {model.spec} takes {can.max_images}"
        )
    if options.generation(task.max_new_tokens).scoring == "likelihood":
        if not can.likelihood:
            raise no(f"--set scoring=likelihood: model {model.spec} gives no log-probabilities of options")
        first = next(pack.samples([0] if rows is None else rows[:1]), None) if pack.rows() else None
        if first is not None and not task.answer.options(first):
            raise no("--set scoring=likelihood: task {task} has open answers, no options to score")


_WITHOUT = frozenset(name for name, control in CONTROLS.items() if control.picture == "none")
_KINDS = {"images": "image", "audio": "audio", "video": "video"}
"""Column of media of a pack -> what a model that takes it says."""


@dataclass(frozen=True)
class _Shown:
    """How many pictures, sounds and videos the samples of these rows show (None: all rows)."""

    options: RunOptions
    pack: Pack
    rows: np.ndarray[Any, Any] | None

    @cached_property
    def _counts(self) -> np.ndarray[Any, Any]:
        columns = self.pack.info["media_columns"]
        without = self.options.control in _WITHOUT and not self.options.shots
        if without or _KINDS.keys().isdisjoint(columns):
            return np.zeros(1, np.int64)
        if REFERENCE_MEDIA in columns:
            # the index counts the references' pictures too: all that it says then is that there are some
            return np.ones(1, np.int64)
        index = self.pack.index()
        media = index.media_counts if isinstance(index, PackIndex) else list(map(len, index.media))
        counts = np.fromiter(media, np.int64, len(media))
        return counts if self.rows is None else counts[self.rows]

    @property
    def most(self) -> int:
        return int(self._counts.max(initial=0))

    def fewest(self, otherwise: int) -> int:
        """Of a sample; ``otherwise`` where there are none."""
        return int(self._counts.min()) if len(self._counts) else otherwise


def pictureless(options: RunOptions, pack: Pack) -> tuple[int, int]:
    """How many samples of a pack have no picture that ``--control`` could change, and of how many; 0 of 0
    where the control leaves pictures alone."""
    if not options.control or not CONTROLS[options.control].picture:
        return 0, 0
    counts, rows = _Shown(replace(options, control=""), pack, None)._counts, pack.rows()
    return (rows if not counts.any() else int((counts == 0).sum())), rows


def check_conditions(options: RunOptions, task: Task, pack: Pack) -> None:
    """Raise CannotTake where a condition without the picture is that with it, since no sample has one."""
    without, of = pictureless(options, pack)
    if of and without == of:
        why = f"no sample of task {{task}} has a picture that control {options.control} could change"
        raise CannotTake({why: [task.name]})


def told_of_control(options: RunOptions, task: Task, pack: Pack) -> str:
    """A line on samples without a picture, which a control of pictures asks as they are; or none."""
    without, of = pictureless(options, pack)
    said = f"{without:,} of {counted(of, 'sample')} have no picture for it to change"
    return f"{task.name}, --control {options.control}: {said}" if without else ""


def check_started(
    options: RunOptions, task: Task, pack: Pack, model: Model, rows: np.ndarray[Any, Any]
) -> None:
    """Raise HemmError where a started model cannot take this task, or has no price for ``--max-cost``."""
    check_capabilities(options, task, pack, model, rows)
    if options.max_cost is None or not isinstance(model, RequestModel):
        return
    if not isinstance(model, Priced) or model.price is None:
        raise HemmError(
            f"--max-cost: no price is known for model {redact(model.spec)}: give one by --set prices=FILE"
        )


def part_of(pack: Pack) -> dict[str, Any]:
    """Of a pack that was prepared with a limit, how many units it has and in which order (one of a single
    stratum is in the random one); of others nothing."""
    if not pack.info.get("limit"):
        return {}
    order = BALANCED if len(set(pack.index().strata)) > 1 else RANDOM
    return {"limit": pack.info["limit"], "order": pack.info.get("order", order)}


def header(options: RunOptions, task: Task, pack: Pack, model: Model, spec: ProtocolSpec) -> dict[str, Any]:
    """Model, task, protocol and pack as run.json has them, without secrets."""
    from hemm.engine.environment import versions

    settings = [[key, redact(f"{key}={text}").partition("=")[2]] for key, text in options.model_settings]
    card = cards.find(model.identity.name, [cards.read(path) for path in options.model_cards])
    return {
        "model": {"spec": redact(model.spec), **asdict(model.identity)},
        "model_card": None if card is None else card.to_json(),
        "task": task.name,
        "origin": dict(task.origin),
        "card": _card(task),
        "metrics": [m if isinstance(m, str) else spec_of(m) for m in task.metrics],
        "answer_format": {"name": task.answer.name, "version": task.answer.version},
        "protocol": spec.digest,
        "protocol_spec": asdict(spec),
        "options": changed_options(spec, task, options),
        "settings": settings,
        "prompt_file": options.prompt_name,
        "pack": {
            "hash": pack.hash,
            "questions_hash": pack.questions_hash,
            **{k: pack.info.get(k) for k in ("source", "revision", "licence", "rows")},
            **part_of(pack),
            "met": met(pack.info),
        },
        "request_rules": requests.REQUEST_RULES,
        "versions": versions(),
    }


def _card(task: Task) -> dict[str, Any]:
    """The card as run.json has it; ``labels_by`` only where somebody proposed the labels."""
    card = task.card
    told = {"title": card.title, "licence": card.licence, "labels": dict(card.labels)}
    return {**told, "labels_by": card.labels_by} if card.labels_by else told
