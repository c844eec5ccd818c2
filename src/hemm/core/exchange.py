"""What goes to a model and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

import orjson

from hemm.core.hashing import digest, digest_bytes
from hemm.core.media import Media


class Outcome(StrEnum):
    """What became of an answer: every answer is exactly one of these.

    ok          the answer format read it
    unparsable  it read nothing, or more than one answer
    refused     the model, or the service that it runs on, declines to answer
    truncated   cut off at the token limit, before an answer was read
    error       no answer was had

    >>> [outcome.value for outcome in Outcome]
    ['ok', 'unparsable', 'refused', 'truncated', 'error']
    >>> Outcome("refused") is Outcome.REFUSED
    True
    """

    OK = "ok"
    UNPARSABLE = "unparsable"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    ERROR = "error"


Part = str | Media


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: ``role`` is system, user or assistant; ``parts`` are text and media in reading order.

    >>> from pathlib import Path
    >>> Message("user", (Media.at(Path("images/q17.png")), "Is there a fracture?")).parts
    (Media('q17.png'), 'Is there a fracture?')
    """

    role: str
    parts: tuple[Part, ...]

    def wire(self) -> list[object]:
        """The message as plain JSON with media by digest: what is hashed and stored."""
        return [self.role, [p if isinstance(p, str) else {"media": p.digest} for p in self.parts]]


@dataclass(frozen=True, slots=True)
class Generation:
    """How an answer is produced. All of it belongs to the protocol.

    max_new_tokens   the most tokens of an answer
    temperature      0 is greedy decoding
    top_p            share of the probability that sampled tokens are drawn from, in (0, 1]
    stop             texts that end an answer
    seed             used by sampled decoding alone
    max_pixels       the most that width x height of a picture may be; 0: as it is
    thinking_budget  tokens that a reasoning model may think for; 0: none are granted
    scoring          ``generate``, or ``likelihood``: the options are scored by log-probability instead
    extra            (name, value) settings of one adapter (dtype, ...)

    >>> Generation(max_new_tokens=16).temperature
    0.0
    >>> Generation(extra=(("output", "image"),)).output
    'image'
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    max_pixels: int = 0
    thinking_budget: int = 0
    scoring: str = "generate"
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def output(self) -> str:
        """What the answer is to be: ``text``, or ``image`` where ``extra`` has ("output", "image")."""
        return dict(self.extra).get("output", "text")


@dataclass(frozen=True, slots=True)
class Request:
    """What the model is told; never the references.

    sample_id   which sample it asks about
    repeat      which of several answers to the same sample, from 0
    key         what stands for its content (``request_key``)
    options     the continuations to score where ``generation.scoring`` is ``likelihood``

    >>> turn = Message("user", (Media(b"GIF89a"), "Is there a fracture?"))
    >>> request = Request("q17", 0, (turn,), Generation(), request_key("", [turn], 0))
    >>> request.prompt, len(request.media)
    ('<image>Is there a fracture?', 1)
    """

    sample_id: str
    repeat: int
    messages: tuple[Message, ...]
    generation: Generation
    key: str
    options: tuple[str, ...] = ()

    @property
    def media(self) -> tuple[Media, ...]:
        """All media of its messages, in reading order."""
        return tuple(p for m in self.messages for p in m.parts if isinstance(p, Media))

    @property
    def prompt(self) -> str:
        """The whole prompt as text, media as ``<image>``: for people and for text-only baselines."""
        lines = []
        for m in self.messages:
            text = "".join(p if isinstance(p, str) else f"<{p.kind}>" for p in m.parts)
            lines.append(text if len(self.messages) == 1 else f"[{m.role}] {text}")
        return "\n".join(lines)

    @property
    def seed(self) -> int:
        """The seed of sampled decoding: from the run's seed, the sample and the repeat (31 bits)."""
        from hemm.core.hashing import keyed_number

        return keyed_number("decode", self.generation.seed, self.sample_id, self.repeat) & 0x7FFFFFFF


def request_key(protocol: str, messages: Sequence[Message], repeat: int, options: Sequence[str] = ()) -> str:
    """The key of a request (32 hex digits), from content alone, never from paths.

    ``protocol`` is ``ProtocolSpec.digest``: it stands for model identity, generation settings and transform.
    The one function for reading and writing.

    >>> from hemm.core import Identity, ProtocolSpec
    >>> protocol = ProtocolSpec(Identity("tiny", "1"), "{{ question }}", "Reply with one word.").digest
    >>> request_key(protocol, [Message("user", ("Which bird sings at night?",))], 0)
    'a5696256dd4044816d00161d1800e5b9'
    """
    return digest([protocol, [m.wire() for m in messages], repeat, list(options)], 32)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money: counts of tokens, US dollars; None where the source does not say.

    >>> used = Usage(input_tokens=812, output_tokens=3)  # a server that tells no price
    >>> used.output_tokens, used.cost
    (3, None)
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no answer was had.

    kind       a word by which failures are counted: ``timeout``, ``connection``, ``media``, ...
    message    what went wrong, in one line without secrets
    permanent  another attempt would fail too: it is made only with ``--retry-errors``

    >>> failure = Failure("media", "images/q17.png does not open", permanent=True)
    >>> Response(failure=failure).text
    ''
    """

    kind: str
    message: str
    permanent: bool = False


CUT = frozenset(
    {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_new_tokens",
        "max_length",
        "token_limit",
        "model_length",  # Mistral: the end of the context
        "model_context_window_exceeded",  # Anthropic, Zhipu
        "context_length_exceeded",
        "error_limit",  # Cohere: the end of the context
        "time_limit",  # watsonx
        "repetition",  # vLLM: the answer went round in a loop
        "repeat",  # Moonshot: the same
    }
)
"""Words, in lower case, by which servers say that an answer was cut off."""

FILTERED = frozenset(
    {
        "content_filter",
        "content_filtered",
        "content_policy",
        "contentfilter",
        "moderation",
        "sensitive",  # Zhipu
        "error_toxic",  # Cohere
        "refusal",  # Anthropic, by gateways
        "guardrail_intervened",  # Bedrock
        # Gemini
        "safety",
        "recitation",
        "language",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "model_armor",
        "escalation",
    }
)
"""Words, in lower case, by which servers say that a filter removed an answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """The facts of one answer; outcome and parsed value are derived later, by the parser.

    text       the answer as the model gave it, without its reasoning
    reasoning  separate reasoning text, where the model or server gives it
    finish     ``stop``, ``length`` (cut off), ``content_filter``; or a server's own word for the last two
    refusal    the API's own refusal text; None where it did not refuse
    media      pictures, sounds or videos that the model gave
    options    natural-log probabilities of ``Request.options``, in their order, summed over tokens
    logprobs   natural-log probability of each answer token where the server gives them
    usage      tokens and money
    failure    set where no answer was had; the rest is then empty
    model      the served model's own fingerprint or name where it tells one
    attempts   how often the request was sent, from 1
    accelerator, node
               what a local model ran on, as in ``NVIDIA H100``, and the node of a cluster; empty: not known.
               hemm fills them in

    >>> Response("It shows a heron", finish="length", usage=Usage(812, 4)).failure is None
    True
    >>> import math
    >>> scored = Response("yes", options=(math.log(0.9), math.log(0.1)))  # probabilities of yes and no
    >>> [round(math.exp(logarithm), 2) for logarithm in scored.options]
    [0.9, 0.1]
    """

    text: str = ""
    reasoning: str = ""
    finish: str = "stop"
    refusal: str | None = None
    media: tuple[Media, ...] = ()
    options: tuple[float, ...] = ()
    logprobs: tuple[float, ...] = ()
    usage: Usage = field(default_factory=Usage)
    failure: Failure | None = None
    model: str = ""
    attempts: int = 1
    accelerator: str = field(default="", repr=False, compare=False)
    node: str = field(default="", repr=False, compare=False)

    @property
    def cut(self) -> bool:
        """Whether the answer was cut off: at the token limit, at the end of the context, in a loop.

        >>> Response("It shows a", finish="model_length").cut
        True
        """
        return self.finish.lower() in CUT

    @property
    def filtered(self) -> bool:
        """Whether a filter of the service removed the answer.

        >>> Response(finish="SAFETY").filtered
        True
        """
        return self.finish.lower() in FILTERED


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model answers: name and revision; never host, port or secret.

    name      hub name, folder name, served name
    revision  hub commit; digest of weights and config for a folder; the user's ``--revision`` for a served
              model, whose weights cannot be known

    >>> Identity("tiny", "1") == Identity("tiny", "2")  # other weights are another model
    False
    """

    name: str
    revision: str = ""


def later(default: Any) -> Any:
    """A field of ``ProtocolSpec`` that came after version 0.1.0."""
    return field(default=default, metadata={"later": True})


@dataclass(frozen=True, slots=True)
class ProtocolSpec:
    """Everything that makes two cells different questions to different models.

    Not in it: pack, selection, concurrency, batch size, host, versions, metrics; those are recorded.

    template     the prompt, a Jinja2 template
    instruction  what the model is told about the form of its answer
    system       the system prompt; empty: none
    shots        examples in the prompt
    perturb      how the pictures are changed (``noise:20``); empty: not at all
    generation   how an answer is produced

    >>> from dataclasses import replace
    >>> spec = ProtocolSpec(Identity("tiny", "1"), "{{ image }}{{ question }}", "Reply with yes or no.")
    >>> spec.digest[:12]
    '43f6c4947630'
    >>> replace(spec, shots=2).digest == spec.digest  # with examples it is another question
    False
    """

    model: Identity
    template: str
    instruction: str
    system: str = ""
    shots: int = 0
    control: str = ""
    """Empty: picture and question as they are; else a name of ``CONTROLS``."""
    perturb: str = ""
    seed: int | None = None
    """The run's seed where shots, a transform or sampling depend on it; else None."""
    generation: Generation = field(default_factory=Generation)

    @property
    def digest(self) -> str:
        """The full digest (64 hex digits); the cell's folder carries the first 12.

        Settings that are ``later`` ones count only where they differ from their default, so that a new one
        leaves all digests as they were.
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        unset = {f.name for f in fields(self) if "later" in f.metadata and values[f.name] == f.default}
        # in the order of the fields, as a dataclass is hashed: ``digest`` would sort the names
        return digest_bytes(
            orjson.dumps({name: value for name, value in values.items() if name not in unset})
        )
