"""The conformance kit passes what keeps the contracts and names what does not."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hemm.core import (
    AnswerFormat,
    Capabilities,
    Card,
    Failure,
    Group,
    HemmError,
    Identity,
    Layout,
    Media,
    Metric,
    Reading,
    Request,
    Response,
    Sample,
    Task,
)
from hemm.data import Generated, Hub, Local
from hemm.parsing import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer, YesNo
from hemm.testing import check_format, check_metric, check_model, check_task
from hemm.testing.metric import example_samples

# ------------------------------------------------------------------------------------------ metrics


@dataclass(frozen=True)
class Match:
    """1 where the answer is one of the references, regardless of case."""

    name: str = "match"
    version: int = 1
    group: str = "sample"
    range: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    needs: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)

    def value(self, group: Group) -> float:
        return float(all(_fold(j.value) in {_fold(r) for r in j.sample.references} for j in group))

    def score(self, groups: Sequence[Group]) -> Sequence[Mapping[str, float | None]]:
        return [{"": self.value(group)} for group in groups]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def chance(self, group: Sequence[Sample]) -> float | None:
        return None


def _fold(value: Any) -> str:
    return str(value).casefold()


class Mean(Match):
    """With a corpus value that depends on the order of the groups."""

    def aggregate(self, groups: Sequence[Group]) -> Mapping[str, float]:
        return {"": self.value(groups[0])}


def variant(**members: Any) -> Metric:
    """``Match`` with other members."""
    made = type("Broken", (Match,), {k: v for k, v in members.items() if callable(v)})
    return made(**{k: v for k, v in members.items() if not callable(v)})


def test_a_sound_metric_passes() -> None:
    check_metric(Match())
    check_metric(replace(Match(), group="unit"))
    check_metric(replace(Match(), group="scene"))


def test_a_sound_metric_of_errors_passes() -> None:
    class Distance(Match):
        def value(self, group: Group) -> float:
            return 1 - super().value(group)

        def ceiling(self, group: Sequence[Sample]) -> float:
            return 0.0

    check_metric(Distance(name="distance", higher_is_better=False))


def _noise(self: Match, groups: Sequence[Group]) -> Any:
    return [{"": random.random() * 0.5 + 0.5 * self.value(g)} for g in groups]


def _relative(self: Match, groups: Sequence[Group]) -> Any:
    return [{"": self.value(g) if i == 0 or len(groups) < 3 else 1.0} for i, g in enumerate(groups)]


def _refuse_empty(self: Match, groups: Sequence[Group]) -> Any:
    assert all(str(j.value).strip() for g in groups for j in g)
    return Match.score(self, groups)


BROKEN_METRICS: dict[str, tuple[Metric, str]] = {
    "name": (variant(name="My Metric"), "the name is lower-case"),
    "version": (variant(version=0), "the version is a whole number from 1 up"),
    "range": (variant(range=(1.0, 0.0)), "range is (lowest, highest)"),
    "needs": (variant(needs=frozenset({"luck"})), "needs are among"),
    "parameters": (variant(parameters={"n": 3}), "parameters are texts"),
    "beyond": (
        variant(score=lambda self, gs: [{"": 100 * self.value(g)} for g in gs]),
        "values lie in the range",
    ),
    "nan": (variant(score=lambda self, gs: [{"": float("nan")} for _ in gs]), "a value is a finite number"),
    "main": (variant(score=lambda self, gs: [{"f1": 1.0} for _ in gs]), "the main value under ''"),
    "count": (variant(score=lambda self, gs: [{"": 1.0}]), "one mapping for each group"),
    "ceiling": (
        variant(ceiling=lambda self, g: 0.5),
        "nothing scores better than the ceiling|scores the ceiling",
    ),
    "chance": (variant(chance=lambda self, g: 1.5), "chance lies in the range"),
    "direction": (variant(higher_is_better=False), "in the direction it tells"),
    "constant": (variant(value=lambda self, g: 1.0), "references score better than wrong answers"),
    "noise": (variant(score=_noise), "the same answers get the same values again"),
    "relative": (variant(score=_relative), "does not depend on what else is in the batch"),
    "order": (variant(score=_relative), "another order of the batch"),
    "empty answer": (variant(score=_refuse_empty), "score judges the samples given.*AssertionError"),
    "empty batch": (
        variant(score=lambda self, gs: Match.score(self, gs) if gs else 1 / 0),
        "score takes an empty batch: ZeroDivisionError",
    ),
    "aggregate": (Mean(), "aggregate does not depend on the order"),
}


@pytest.mark.parametrize("case", BROKEN_METRICS)
def test_a_broken_metric_is_told_what_it_breaks(case: str) -> None:
    metric, said = BROKEN_METRICS[case]
    with pytest.raises(
        AssertionError, match=f"(?s)breaks .*({said.replace('(', '[(]').replace(')', '[)]')})"
    ):
        check_metric(metric)


def test_what_is_no_metric_is_told_what_it_lacks() -> None:
    with pytest.raises(AssertionError, match="no name; no version; no group; and 7 more"):
        check_metric(object())  # type: ignore[arg-type]


def test_all_broken_rules_come_at_once() -> None:
    with pytest.raises(AssertionError, match="breaks 3 rules") as seen:
        check_metric(variant(name="A B", version=-1, needs=frozenset({"luck"})))
    assert str(seen.value).count("\n  - ") == 3


def test_a_metric_is_checked_on_samples_of_its_own() -> None:
    samples = [Sample(f"{i}", choices=("cat", "dog"), references=(("cat", "dog")[i % 2],)) for i in range(4)]
    check_metric(replace(Match(), name="choice"), samples=samples, answer=OneOf())
    unreadable = [Sample("1", choices=("cat", "dog"), references=("horse",))]
    with pytest.raises(AssertionError, match="references that the answer format reads: 1"):
        check_metric(Match(), samples=unreadable, answer=OneOf())


def test_example_samples_come_in_the_groups_asked_for() -> None:
    assert len({s.unit for s in example_samples("unit")}) < len(example_samples("unit"))
    assert all("scene" in s.metadata for s in example_samples("scene"))


# ------------------------------------------------------------------------------------------- models


class Echo:
    """Answers with a digest of what it was asked."""

    spec = "test/echo"
    identity = Identity("test/echo", "1")
    capabilities = Capabilities(likelihood=True)
    batch_size = 4

    async def start(self) -> None: ...
    async def close(self) -> None: ...

    def answer(self, request: Request) -> Response:
        try:
            sizes = [m.pixels().size for m in request.media]
        except HemmError as error:
            return Response(failure=Failure("picture", str(error), permanent=True))
        if request.generation.scoring == "likelihood":
            return Response(options=tuple(-float(len(o)) for o in request.options))
        return Response(text=f"{sizes} {request.prompt[:30]}")

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [self.answer(r) for r in requests]


def server(base: type = Echo) -> Any:
    """``Echo`` as a server: without the members of a local model."""
    members = {
        k: v
        for k, v in vars(base).items()
        if k not in ("batch_size", "generate_batch", "__dict__", "__weakref__")
    }

    async def generate(self: Any, request: Request) -> Response:
        return self.answer(request)

    return type("Server", (), {**members, "concurrency": 8, "generate": generate})()


def broken_model(**members: Any) -> Any:
    """``Echo`` with other members."""
    return type("Broken", (Echo,), members)()


def test_sound_models_pass() -> None:
    check_model(Echo())
    check_model(server())


def test_a_text_model_passes() -> None:
    check_model(
        broken_model(capabilities=Capabilities(inputs=frozenset({"text"}), max_images=0, likelihood=True))
    )


async def _fails_to_start(self: Any) -> None:
    raise HemmError("no weights here")


def _raises(self: Any, requests: Sequence[Request]) -> list[Response]:
    return [Response(text=str([m.pixels() for m in r.media] and r.prompt)) for r in requests]


def _sorted(self: Any, requests: Sequence[Request]) -> list[Response]:
    return [self.answer(r) for r in sorted(requests, key=lambda r: len(r.prompt))]


def _composed(self: Any, requests: Sequence[Request]) -> list[Response]:
    return [replace(self.answer(r), text=f"{len(requests)}") for r in requests]


def _contagious(self: Any, requests: Sequence[Request]) -> list[Response]:
    answers = [self.answer(r) for r in requests]
    failed = next((a for a in answers if a.failure), None)
    return [failed or a for a in answers]


def _always(**changes: Any) -> Callable[..., list[Response]]:
    def generate_batch(self: Any, requests: Sequence[Request]) -> list[Response]:
        return [replace(self.answer(r), **changes) for r in requests]

    return generate_batch


def _late_identity(self: Any) -> Identity:
    raise RuntimeError("ask me after start")


BROKEN_MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "identity": ({"identity": property(_late_identity)}, "identity is known before start: RuntimeError"),
    "nameless": ({"identity": Identity("")}, "identity has a name"),
    "secret": ({"identity": Identity("http://me:pw@host/m")}, "identity holds no secret"),
    "modality": ({"capabilities": Capabilities(inputs=frozenset({"text", "smell"}))}, "modalities are among"),
    "no text": ({"capabilities": Capabilities(inputs=frozenset({"image"}))}, "every model takes text"),
    "images": ({"capabilities": Capabilities(max_images=0)}, "takes at least one"),
    "batch size": ({"batch_size": 0}, "batch_size is at least 1"),
    "likelihood": ({"generate_batch": _always(options=())}, "one log-probability for each option"),
    "start": ({"start": _fails_to_start}, "start succeeds: HemmError: no weights here"),
    "close": ({"close": _fails_to_start}, "close succeeds"),
    "exception": ({"generate_batch": _raises}, "not an exception: .*BadData"),
    "order": ({"generate_batch": _sorted}, "in its place"),
    "batch": ({"generate_batch": _composed}, "as the request alone is answered"),
    "lost": (
        {"generate_batch": lambda self, rs: [self.answer(r) for r in rs][:4]},
        "one Response: .*4 for 5",
    ),
    "neighbour": ({"generate_batch": _contagious}, "a bad request does not fail its neighbours"),
    "finish": ({"generate_batch": _always(finish="eos")}, "finish is one of"),
    "surrogate": ({"generate_batch": _always(text="\ud800")}, "lone surrogates"),
    "failure": (
        {"generate_batch": _always(failure=Failure("down", "no"))},
        "the requests given are answered",
    ),
    "logprobs": ({"generate_batch": _always(logprobs=(0.5,))}, "log-probabilities are at most 0"),
    "attempts": ({"generate_batch": _always(attempts=0)}, "attempts count from 1"),
    "media": (
        {"generate_batch": _always(media=(Media(b"\x89PNG\r\n\x1a\n"),))},
        "media come only as outputs tell",
    ),
    "score": ({"score": lambda self, r, c: (-1.0, -2.0, -3.0)}, "in their order"),
}


@pytest.mark.parametrize("case", BROKEN_MODELS)
def test_a_broken_model_is_told_what_it_breaks(case: str) -> None:
    members, said = BROKEN_MODELS[case]
    with pytest.raises(AssertionError, match=f"(?s)breaks .*{said}"):
        check_model(broken_model(**members))


def test_a_transient_failure_for_a_broken_picture_is_told() -> None:
    class Transient(Echo):
        def answer(self, request: Request) -> Response:
            told = super().answer(request)
            return Response(failure=Failure("picture", "it does not open")) if told.failure else told

    with pytest.raises(AssertionError, match="a picture that does not open is a permanent Failure"):
        check_model(Transient())


def test_what_is_no_model_is_told_what_it_lacks() -> None:
    with pytest.raises(AssertionError, match="no spec; no identity; no capabilities"):
        check_model(object())  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------- tasks

LABELS = {
    "use_case": "science",
    "interaction": "uniqueness",
    "fine_grained": "no",
    "reasoning": "less",
    "external_knowledge": "no",
    "information_flow": "querying",
}
COLOURS = ("red", "green", "blue")


def picture(colour: str) -> Media:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(out, "PNG")
    return Media(out.getvalue(), name=f"{colour}.png")


def colour_sample(i: int, colour: str) -> Sample:
    return Sample(
        id=f"c{i}",
        media=(picture(colour),),
        fields={"question": "Which colour is it?"},
        references=(colour,),
        choices=COLOURS,
        stratum=colour,
        metadata={"number": i},
    )


def colour_samples(folder: Path) -> Iterator[Sample]:
    for i, colour in enumerate(COLOURS * 2):
        yield colour_sample(i, colour)


def colour_task(read: Callable[[Path], Iterator[Sample]] = colour_samples, **changes: Any) -> Task:
    base: dict[str, Any] = {
        "name": "colours",
        "card": Card("Colours", licence="CC0", access="generated", splits={"test": 6}, labels=LABELS),
        "sources": (Generated(Layout((), read)),),
        "prompt": "{{ image }}{{ question }}\n{{ options }}\n{{ instruction }}",
        "answer": OneOf(),
        "metrics": ("accuracy",),
    }
    return Task(**{**base, **changes})


def changed(**changes: Any) -> Callable[[Path], Iterator[Sample]]:
    """The samples of ``colour_task``, each changed."""

    def read(folder: Path) -> Iterator[Sample]:
        for sample in colour_samples(folder):
            yield replace(sample, **{k: v(sample) if callable(v) else v for k, v in changes.items()})

    return read


def test_a_sound_task_passes() -> None:
    check_task(colour_task())


def test_a_task_is_read_from_a_folder_in_the_layout_of_one_of_its_sources(tmp_path: Path) -> None:
    def read(folder: Path) -> Iterator[Sample]:
        for line in (folder / "rows.txt").read_text().splitlines():
            yield Sample(line, fields={"question": f"Is it {line}?"}, references=("yes",), stratum="yes")

    source = Generated(Layout(("rows.txt",), read))
    card = Card(
        "Rows", "Someone 2020", "https://example.org", "CC0", size="1 kB", splits={"test": 2}, labels=LABELS
    )
    task = colour_task(name="rows", card=card, sources=(source,), prompt="{{ question }}", answer=YesNo())
    with pytest.raises(
        HemmError, match=r"holds the files of no source of task 'rows': generated wants rows\.txt"
    ):
        check_task(task, folder=tmp_path)
    with pytest.raises(HemmError, match="needs folder="):
        check_task(task)
    (tmp_path / "rows.txt").write_text("a\nb\n")
    check_task(task, folder=tmp_path)


def private(source: Any, **card: Any) -> Task:
    """A task whose card has a title and nothing that only published data sets have."""
    return colour_task(card=Card("Colours", **card), sources=(source,))


def test_what_published_data_sets_tell_of_themselves_is_optional_for_private_ones(tmp_path: Path) -> None:
    for i, colour in enumerate(COLOURS):
        (tmp_path / f"{colour}.png").write_bytes(picture(COLOURS[i]).data)

    def read(folder: Path) -> Iterator[Sample]:
        for i, colour in enumerate(COLOURS):
            yield replace(colour_sample(i, colour), media=(Media.at(folder / f"{colour}.png"),))

    layout = Layout(("*.png",), read)
    check_task(private(Local(tmp_path, layout)))
    check_task(private(Generated(Layout((), colour_samples))))
    check_task(private(Hub(("me/mine",), layout), access="private"), folder=tmp_path)
    told = ["licence", "citation", "homepage", "size", "samples each split has", "label for use_case"]
    with pytest.raises(AssertionError) as broken:
        check_task(private(Hub(("me/mine",), layout)), folder=tmp_path)
    assert [word for word in told if word not in str(broken.value)] == []
    with pytest.raises(AssertionError, match="the card has a title"):
        check_task(replace(private(Local(tmp_path, layout)), card=Card("")))


class Compass(AnswerFormat):
    name, version, instruction = "compass", 1, "Reply with north, east, south or west."

    def parse(self, text: str, sample: Sample) -> Any:
        said = set(self.options(sample)) & set(text.lower().replace(".", " ").split())
        return said.pop() if len(said) == 1 else None

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ("north", "east", "south", "west")

    def render(self, reference: str, sample: Sample) -> str:
        return reference


POINTS = [Sample(name, references=(name,)) for name in ("north", "west")]


def broken(**members: Any) -> AnswerFormat:
    made: AnswerFormat = type("Broken", (Compass,), members)()
    return made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: broken(name=""), "it has a name"),
        (lambda: broken(version="1"), "the version is a whole number from 1 on: '1'"),
        (lambda: broken(instruction=None), "the instruction is a text: None"),
        (lambda: broken(render=lambda self, r, s: "up"), "is read back: north: 'north' as 'up'"),
        (lambda: broken(parse=lambda self, t, s: "north"), "every option that is shown is read as an answer"),
        (lambda: broken(parse=lambda self, t, s: t.split()[0]), "no text makes it raise: '': IndexError"),
        (lambda: broken(read=lambda self, t, s: Reading("x")), "read gives what parse gives"),
        (
            lambda: broken(read=lambda self, t, s: Reading(self.parse(t, s), "", (0, 99999))),
            "the span lies within the text",
        ),
        (
            lambda: broken(parse=lambda self, t, s, seen=[]: seen.append(t) or len(seen)),
            "the same text is read in the same way twice",
        ),
    ],
)
def test_a_broken_answer_format_is_told_what_it_breaks(made: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_format(made(), samples=POINTS)


def test_a_sound_answer_format_passes_with_its_own_samples_and_hemms_own_do() -> None:
    check_format(Compass(), samples=POINTS)
    with pytest.raises(AssertionError, match="there are samples"):
        check_format(Compass(), samples=[])
    one = Sample("1", references=("a red owl",), choices=("a red owl", "a gull"))
    for answer in (OneOf(), OneOf(lettered=False), ShortAnswer(), FreeText(), Caption(), ManyOf()):
        check_format(answer, samples=[one])
    check_format(YesNo(), samples=[Sample("1", references=("no",))])
    check_format(Number(), samples=[Sample("1", references=("1,250",))])


class Moody:
    """Reads other samples the second time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> Iterator[Sample]:
        self.times += 1
        for sample in colour_samples(folder):
            yield replace(sample, id=f"{sample.id}-{self.times}", metadata={"time": self.times})


class Forgetful(Moody):
    """Reads the same ids with other content."""

    def __call__(self, folder: Path) -> Iterator[Sample]:
        self.times += 1
        for sample in colour_samples(folder):
            yield replace(sample, metadata={"time": self.times})


def _fails(folder: Path) -> Iterator[Sample]:
    yield from colour_samples(folder)
    raise KeyError("label")


def _torn(sample: Sample) -> tuple[Media, ...]:
    return (Media(sample.media[0].data[:30], name="torn.png"),)


def _strange(sample: Sample) -> tuple[str, ...]:
    return ("violet",)


FULL_CARD = colour_task().card
BROKEN_TASKS: dict[str, tuple[Callable[[], Task], str]] = {
    "name": (lambda: colour_task(name="My Task"), "the name is lower-case"),
    "licence": (lambda: colour_task(card=replace(FULL_CARD, licence="")), "the card has a licence"),
    "splits": (lambda: colour_task(card=replace(FULL_CARD, splits={})), "how many samples each split has"),
    "access": (lambda: colour_task(card=replace(FULL_CARD, access="free")), "access is one of"),
    "labels": (
        lambda: colour_task(card=replace(FULL_CARD, labels={"use_case": "hci"})),
        "a label for interaction: c0; c1; c2; and 3 more",
    ),
    "sample labels": (lambda: colour_task(changed(labels={"use_case": "games"})), "declared dimensions"),
    "metric": (lambda: colour_task(metrics=("accurcy",)), "every metric that the task names exists: accurcy"),
    "reader": (lambda: colour_task(_fails), "the samples can be read: KeyError"),
    "nothing": (lambda: colour_task(lambda folder: iter(())), "the task has samples"),
    "ids": (lambda: colour_task(changed(id="same")), r"ids are unique: 'same' \(6 times\)"),
    "moody ids": (lambda: colour_task(Moody()), "reading again gives the same ids"),
    "moody content": (lambda: colour_task(Forgetful()), "reading again gives the same sample_hash"),
    "metadata": (lambda: colour_task(changed(metadata={"x": {1}})), "metadata are JSON values"),
    "surrogate": (lambda: colour_task(changed(fields={"question": "\ud800?"})), "lone surrogates"),
    "after": (lambda: colour_task(changed(after="c9")), "after names an earlier sample"),
    "split": (lambda: colour_task(changed(split="train")), "split is test or shots"),
    "media": (lambda: colour_task(changed(media=_torn)), r"media open: c0: BadData: picture torn\.png"),
    "problem": (
        lambda: colour_task(changed(media=(Media(b"x", problem="a.png is empty"),))),
        r"media open: c0: a\.png is empty",
    ),
    "no reference": (lambda: colour_task(changed(references=())), "every sample has a reference"),
    "reference": (lambda: colour_task(changed(references=_strange)), "is read back: c0: 'violet'"),
    "choices": (lambda: colour_task(changed(choices=("red", "red", "blue", "green"))), "choices differ"),
    "placeholder": (lambda: colour_task(prompt="{{ qestion }}"), "the prompt renders: c0: HemmError"),
    "hidden media": (
        lambda: colour_task(changed(fields={"question": ""}), prompt="{{ question }}"),
        "says something",
    ),
    "one picture": (
        lambda: colour_task(
            changed(media=lambda s: (picture("red"), *s.media)), prompt="{{ images[0] }} {{ question }}"
        ),
        "shows all media of the sample",
    ),
    "strata": (lambda: colour_task(changed(stratum="")), "have a stratum, which limited scores"),
    "some strata": (
        lambda: colour_task(changed(stratum=lambda s: s.stratum.replace("blue", ""))),
        "all samples have a stratum, or none: 2 have none, first c2",
    ),
    "answer told": (
        lambda: colour_task(
            changed(fields=lambda s: {"caption": s.references[0]}, choices=()),
            prompt="{{ image }}{{ caption }}",
            answer=ShortAnswer(),
        ),
        "no field that the prompt shows is the reference: 'caption' of c0",
    ),
}


@pytest.mark.parametrize("case", BROKEN_TASKS)
def test_a_broken_task_is_told_what_it_breaks(case: str) -> None:
    make, said = BROKEN_TASKS[case]
    with pytest.raises(AssertionError, match=f"(?s)task '.*' breaks .*{said}"):
        check_task(make())


def test_an_answer_format_that_mixes_up_options_is_told() -> None:
    class Mixed(OneOf):
        def parse(self, text: str, sample: Sample) -> str | None:
            return "red"

    with pytest.raises(AssertionError, match="every option that is shown is read as an answer of its own"):
        check_task(colour_task(answer=Mixed()))


def test_a_reference_that_cannot_reach_the_ceiling_is_told() -> None:
    class Louder(FreeText):
        def render(self, reference: str, sample: Sample) -> str:
            return f"{reference} or so"

    read = changed(choices=(), references=("a tall tree",))
    with pytest.raises(AssertionError, match="a reference as the answer scores the ceiling of exact_match"):
        check_task(colour_task(read, answer=Louder(), metrics=("exact_match",)))
