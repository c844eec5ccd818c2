"""Does a model keep its contract?"""

from __future__ import annotations

import asyncio
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hemm.core import (
    BatchModel,
    Generation,
    HemmError,
    Media,
    Message,
    Model,
    Request,
    RequestModel,
    Response,
    Scores,
    completed_model,
    digest,
    lacking,
    redact,
    request_key,
    storable,
)
from hemm.core.event_loop import run_to_end
from hemm.testing.findings import Findings, words

MODALITIES = frozenset({"text", "image", "audio", "video"})
FINISH = ("stop", "length", "content_filter")
TEXTS = (
    "How many squares are there? Answer with one number.",
    "Name the colour of the largest shape.",
    "Ist das ein Kreis? Antworte mit ja oder nein. 这是圆吗？ 😀",
    "Describe the picture in one sentence, with every shape, its colour and its place. " * 6,
    "yes or no?",
)


def example_requests(model: Model, count: int = 5) -> list[Request]:
    """Requests that ``model`` can take: texts of several lengths and scripts, pictures of several sizes."""
    able = model.capabilities
    most = 2 if able.max_images is None else min(2, able.max_images)
    pictures = most if "image" in able.inputs else 0
    made = []
    for i in range(count):
        media = [_picture(i * 2 + n) for n in range(min(pictures, 1 + i % 2))]
        made.append(_request(f"check-{i}", (*media, TEXTS[i % len(TEXTS)])))
    return made


def check_model(model: Model, *, requests: Sequence[Request] | None = None) -> None:
    """Raise AssertionError with every rule that ``model`` breaks. It is started, sent requests, and closed.

    ``requests`` are requests that it can answer, with temperature 0 (default: short questions on drawn
    pictures, as its capabilities allow). Baselines are bound to their task before (``bind``).

    Checked are that identity and capabilities are known before ``start`` and hold together, that every
    request gets one response in its place, that a batch answers as its requests alone do, that a picture
    that does not open is a Failure or an answer and never an exception, and that option scores are
    log-probabilities in the order asked.

    >>> from hemm.core import BatchModel, Capabilities, Identity, Response
    >>> class Shout(BatchModel):
    ...     spec, identity, capabilities, batch_size = "shout", Identity("shout", "1"), Capabilities(), 8
    ...     async def start(self): ...
    ...     async def close(self): ...
    ...     def generate_batch(self, requests):
    ...         return [Response(request.prompt.upper()) for request in requests]
    >>> check_model(Shout())
    >>> Shout.capabilities = Capabilities(inputs=frozenset({"text", "picture"}))
    >>> check_model(Shout())
    Traceback (most recent call last):
        ...
    AssertionError: model 'shout' breaks 1 rule:
      - modalities are among audio, image, text, video: picture
    """
    findings = Findings(f"model {getattr(model, 'spec', model)!r}")
    for name in lacking(model, Model):
        findings.add("a model has all that hemm.core.Model tells", f"no {name}")
    findings.finish()
    try:
        model = completed_model(model, "it")
    except HemmError as error:
        findings.add("a model has generate and concurrency, or generate_batch and batch_size", str(error))
        findings.finish()
    _check_card(model, findings)
    if not findings:
        run_to_end(lambda: _check_running(model, requests, findings))
    findings.finish()


def _check_card(model: Model, findings: Findings) -> None:
    findings.require(bool(model.spec), "spec is what names the model on the command line")
    try:
        name = model.identity.name
    except Exception as error:  # whatever a plug-in raises is a finding
        findings.add("identity is known before start", words(error))
        return
    findings.require(bool(name), "identity has a name before start")
    findings.require(redact(name) == name, "identity holds no secret", redact(name))
    able = model.capabilities
    unknown = (able.inputs | able.outputs) - MODALITIES
    findings.require(not unknown, f"modalities are among {', '.join(sorted(MODALITIES))}", ", ".join(unknown))
    findings.require("text" in able.inputs, "every model takes text")
    findings.require(bool(able.outputs), "a model gives some modality")
    images = able.max_images
    findings.require(images is None or images >= 0, "max_images is None or a number from 0 up", repr(images))
    seen = "image" in able.inputs
    findings.require(not seen or images != 0, "a model that takes pictures takes at least one", repr(images))
    findings.require(
        able.likelihood or not isinstance(model, Scores), "a model with a method score has likelihood"
    )
    if isinstance(model, BatchModel):
        findings.require(model.batch_size >= 1, "batch_size is at least 1", repr(model.batch_size))
    elif isinstance(model, RequestModel):
        findings.require(model.concurrency >= 1, "concurrency is at least 1", repr(model.concurrency))
    else:
        findings.add("a model has generate and concurrency, or generate_batch and batch_size")


async def _check_running(model: Model, requests: Sequence[Request] | None, findings: Findings) -> None:
    before = model.identity
    try:
        await model.start()
    except Exception as error:  # whatever a plug-in raises is a finding
        findings.add("start succeeds", words(error))
        return
    try:
        findings.require(model.identity == before, "start does not change the identity")
        sent = list(requests) if requests is not None else example_requests(model)
        await _Check(model, sent, findings).all()
    finally:
        try:
            await model.close()
        except Exception as error:  # whatever a plug-in raises is a finding
            findings.add("close succeeds", words(error))


@dataclass(frozen=True)
class _Check:
    model: Model
    requests: list[Request]
    found: Findings

    async def all(self) -> None:
        """Every rule about answers."""
        alone = [await self._ask([request], "one request") for request in self.requests]
        singles = [answers[0] for answers in alone if answers]
        if len(singles) < len(self.requests):
            return
        for request, response in zip(self.requests, singles, strict=True):
            self._form(request, response)
        await self._batches(singles)
        if "image" in self.model.capabilities.inputs and self.model.capabilities.max_images != 0:
            await self._broken_picture()
        if self.model.capabilities.likelihood:
            await self._likelihood()

    async def _ask(self, requests: list[Request], what: str) -> list[Response] | None:
        """The model's responses to ``requests`` at once; None where there are none to go on with."""
        try:
            if isinstance(self.model, BatchModel):
                answers = self.model.generate_batch(requests)
            else:
                assert isinstance(self.model, RequestModel)
                answers = list(await asyncio.gather(*(self.model.generate(r) for r in requests)))
        except Exception as error:  # whatever a plug-in raises is a finding
            self.found.add(
                "a request that fails is a Response with a failure, not an exception",
                f"{what}: {words(error)}",
            )
            return None
        if len(answers) != len(requests) or not all(isinstance(a, Response) for a in answers):
            self.found.add("every request gets one Response", f"{what}: {len(answers)} for {len(requests)}")
            return None
        return answers

    def _form(self, request: Request, response: Response) -> None:
        where, failure = request.sample_id, response.failure
        if failure is not None:
            self.found.add(
                "the requests given are answered", f"{where}: {failure.kind}: {redact(failure.message)}"
            )
            return
        self.found.require(
            response.finish in FINISH, f"finish is one of {', '.join(FINISH)}", f"{where}: {response.finish}"
        )
        self.found.require(
            storable(response.text) == response.text, "the text holds no lone surrogates", where
        )
        produced = {m.kind for m in response.media}
        self.found.require(
            produced <= self.model.capabilities.outputs,
            "media come only as outputs tell",
            f"{where}: {produced}",
        )
        used = response.usage
        counts = [n for n in (used.input_tokens, used.output_tokens, used.cost) if n is not None]
        self.found.require(all(n >= 0 for n in counts), "tokens and cost are None or from 0 up", where)
        self.found.require(
            all(p <= 1e-4 for p in response.logprobs), "log-probabilities are at most 0", where
        )
        self.found.require(response.attempts >= 1, "attempts count from 1", where)

    async def _batches(self, singles: list[Response]) -> None:
        requests = self.requests
        repeatable = True
        if isinstance(self.model, RequestModel):  # a server need not answer equally each time
            again = [await self._ask([r], "one request again") for r in requests]
            repeatable = all(a and a[0].text == s.text for a, s in zip(again, singles, strict=True))
        for what, order in (
            ("in order", list(range(len(requests)))),
            ("reversed", list(range(len(requests)))[::-1]),
        ):
            answers = await self._ask([requests[i] for i in order], f"a batch {what}")
            if answers is None:
                return
            for i, answer in zip(order, answers, strict=True):
                same = answer.text == singles[i].text or not repeatable
                self.found.require(
                    same,
                    "a batch answers each request, in its place, as the request alone is answered",
                    f"{requests[i].sample_id} ({what}): {answer.text[:40]!r}, alone {singles[i].text[:40]!r}",
                )

    async def _broken_picture(self) -> None:
        rule = "a picture that does not open is a permanent Failure or an answer"
        broken = Media(b"\x89PNG\r\n\x1a\nnot a picture", name="broken.png", mime="image/png")
        first = self.requests[0]
        bad = _with(first, messages=(Message("user", (broken, TEXTS[0])),))
        answers = await self._ask([first, bad], "a batch with a picture that does not open")
        if answers is None:
            return
        failure = answers[1].failure
        if failure is not None:
            named = bool(failure.kind) and bool(failure.message)
            self.found.require(failure.permanent and named, rule, f"{failure.kind}: {failure.message}")
        self.found.require(
            answers[0].failure is None, "a bad request does not fail its neighbours", first.sample_id
        )

    async def _likelihood(self) -> None:
        """Options of requests, and continuations of ``score`` where the model has it."""
        rule = "likelihood gives one log-probability for each option, in their order"
        for request in self.requests[:2]:
            options = request.options or ("yes", "no", "a dark green circle")
            turned = options[::-1]
            scoring = replace(request.generation, scoring="likelihood")
            requests = [_with(request, options=o, generation=scoring) for o in (options, turned)]
            answers = await self._ask(requests, "options to score")
            if answers is None:
                return
            pairs = [(answers[0].options, answers[1].options)]
            if isinstance(self.model, Scores):
                try:
                    pairs.append((self.model.score(request, options), self.model.score(request, turned)))
                except Exception as error:  # whatever a plug-in raises is a finding
                    self.found.add("score takes any request and continuations", words(error))
            for forward, back in pairs:
                complete = len(forward) == len(back) == len(options)
                sane = all(math.isfinite(v) and v <= 1e-4 for v in (*forward, *back))
                same = all(
                    math.isclose(a, b, abs_tol=1e-3) for a, b in zip(forward, back[::-1], strict=False)
                )
                where = f"{request.sample_id}: {forward}, reversed {back}"
                self.found.require(complete and sane and same, rule, where)


def _request(sample_id: str, parts: tuple[str | Media, ...]) -> Request:
    generation = Generation(max_new_tokens=16)
    messages = (Message("user", parts),)
    return Request(sample_id, 0, messages, generation, request_key(digest("check"), messages, 0))


def _with(request: Request, **changes: Any) -> Request:
    """``request`` changed, with the key that belongs to it."""
    changed = replace(request, **changes)
    key = request_key(digest("check"), changed.messages, changed.repeat, changed.options)
    return replace(changed, key=key)


def _picture(number: int) -> Media:
    """A drawn picture, PNG and JPEG by turns, of a size of its own."""
    from PIL import Image, ImageDraw

    size = (64 + 24 * (number % 3), 64 + 16 * (number % 4))
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for i in range(1 + number % 3):
        colour = ("red", "green", "blue", "black")[(number + i) % 4]
        draw.rectangle((6 + 20 * i, 8, 20 + 20 * i, 24 + 4 * number % 32), fill=colour)
    out = io.BytesIO()
    picture.save(out, "PNG" if number % 2 == 0 else "JPEG", quality=95)
    return Media(out.getvalue(), name=f"check-{number}")
