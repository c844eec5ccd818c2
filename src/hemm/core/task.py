"""A task: the questions of one data set, its card, and the sources that its files come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hemm.core.contract import completed, optional, required
from hemm.core.errors import HemmError
from hemm.core.metric import AnswerFormat, Metric
from hemm.core.sample import LeftOut, Notice, Sample
from hemm.core.taxonomy import check_labels


@dataclass(frozen=True, slots=True)
class Card:
    """What people need to know about a data set.

    access  ``open``, ``form``, ``login`` or ``gated``; ``generated`` for what hemm draws itself; ``private``
            for data that only you have (those of a ``Local`` source are)
    size    download size as people say it ("8.4 GB")
    splits  split -> number of samples as published
    labels  taxonomy labels, dimension -> category (``dimension_labels``); a sample's own labels come first
    labels_by  who proposed the labels, where they are not the HEMM paper's or the data set's own: ``hemm``.
            Scores by proposed labels stand beside the others in a profile, and are pooled when asked
    placeholders  SHA-256 of pictures that stand for ones that are gone ("no longer available"): samples that
            show them are not one cluster, as those with equal pictures are

    >>> from hemm.core import dimension_labels
    >>> card = Card(
    ...     "Birds of the estuary",
    ...     citation="A. Heron, 2021",
    ...     licence="CC-BY-4.0",
    ...     size="3 MB",
    ...     splits={"test": 451},
    ...     labels=dimension_labels("science", "uniqueness", "querying", fine_grained="yes"),
    ... )
    >>> card.access, card.labels["use_case"]
    ('open', 'science')
    """

    title: str
    citation: str = ""
    homepage: str = ""
    licence: str = ""
    access: str = "open"
    size: str = ""
    splits: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: str = ""
    placeholders: tuple[str, ...] = ()
    labels_by: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How files lie in a folder and how they become samples.

    required  paths (or glob patterns) relative to the folder that must be there
    read      takes the folder and gives its samples in the data set's own order. It opens no picture
              (``Media.at`` does that when one is needed), and gives a row that cannot be evaluated (no
              answer, no label that counts) as ``LeftOut``, and what is to be said of all rows as ``Notice``

    >>> from pathlib import Path
    >>> from hemm.core import Media
    >>> def read(folder):
    ...     yield Sample("1", media=(Media.at(folder / "images/1.png"),), references=("heron",))
    ...     yield LeftOut("birds.csv, line 3", "no bird is named")
    >>> layout = Layout(("birds.csv", "images/*.png"), read)
    >>> [type(row).__name__ for row in layout.read(Path("birds"))]
    ['Sample', 'LeftOut']
    """

    required: tuple[str, ...]
    read: Callable[[Path], Iterator[Sample | LeftOut | Notice]]


Progress = Callable[[int, int | None, str], None]
"""progress(done, total or None, unit): bytes or rows done so far."""


@runtime_checkable
class Source(Protocol):
    """One place from which the files of a data set can be fetched.

    A class that inherits from it has the defaults written here. ``hemm.data`` has the usual kinds (``Hub``,
    ``Http``, ``Kaggle``, ``Local``, ...).

    name    as shown to people: ``hub:flaviagiammarino/vqa-rad``, ``https://...``, ``kaggle:...``
    layout  how the fetched files lie, and their reader
    ids     sources of a task with the same mark give equal sample ids (a test holds that they agree)

    >>> from pathlib import Path
    >>> class LabDrive(Source):
    ...     name, ids, at_hand = "drive:birds", "", True
    ...     layout = Layout(("birds.csv",), lambda folder: iter(()))
    ...     def fetch(self, into, progress=None):
    ...         return Path("/mnt/lab/birds"), "2024-05"
    >>> LabDrive().fetch(Path("cache"))[1], LabDrive().fingerprint()
    ('2024-05', {})
    """

    __slots__ = ()

    @required
    def name(self) -> str: ...
    @required
    def layout(self) -> Layout: ...
    @required
    def ids(self) -> str: ...

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Fetch the files into ``into``, where an earlier download goes on.

        Gives the folder to read and the revision of the files. Raises HemmError where they cannot be had, as
        this default does.
        """
        raise HemmError("it has no fetch")

    @optional
    def at_hand(self) -> bool:
        """Whether nothing is downloaded: a pack is made when it is first needed."""
        return False

    @optional
    def by_hand(self) -> str:
        """Why people have to get the files themselves; empty: ``fetch`` gets them."""
        return ""

    def location(self) -> Mapping[str, Any]:
        """Where the files come from, as far as the one who wrote the source says it: repository, revision,
        split, path. It stays the same when the files change."""
        return {"source": self.name}

    def fingerprint(self) -> Mapping[str, Any]:
        """What can be seen of the files without fetching: where it changes, the pack is made anew.

        Raises HemmError where files of the user's own are not there.
        """
        return {}


@dataclass(frozen=True)
class Task:
    """A task: card, sources in order of preference, prompt, answer format, metrics (headline first).

    prompt    a Jinja2 template over the sample's fields. ``{{ image }}`` places all media in order,
              ``{{ images[0] }}`` one of them; where the template places none, all media come first.
              ``{{ options }}`` are the choices, one a line with letters; ``{{ labels }}`` the choices in one
              line; ``{{ instruction }}`` the answer format's instruction. ``{{ question | interleave }}``
              puts media at the text's own ``<image 1>`` or ``<image>`` marks; those it does not name come
              first.
    metrics   metric specs, ``name`` or ``name:key=value,...``, or metrics of one's own, as objects
    system    a system prompt of the task's own
    max_new_tokens  how long an answer may be, unless the run says otherwise
    variants  names of sub-forms (``task:variant``) -> the task to use
    origin    where the data of a user's own task come from, as far as the user says it: plain JSON, set by
              ``hemm.tasks.resolve``. Empty for hemm's own data sets and those of installed packages, which
              are known by their name. Tasks of one name and other origins never share packs or results.

    Raises UnknownName for a label of the card that no dimension has, HemmError for a source that lacks
    members, and ValueError without metrics.

    >>> from hemm.data import Hub
    >>> from hemm.parsing import OneOf
    >>> def read(folder):
    ...     yield Sample("1", references=("owl",), choices=("gull", "owl"))
    >>> birds = Task(
    ...     name="birds",
    ...     card=Card("Birds of the estuary", labels={"use_case": "science", "reasoning": "less"}),
    ...     sources=(Hub(("example/birds",), Layout(("1.png",), read)),),
    ...     prompt="{{ image }}\\nWhich bird is this?\\n{{ options }}\\n{{ instruction }}",
    ...     answer=OneOf(),
    ...     metrics=("accuracy",),
    ... )
    >>> birds.labels_of(Sample("2", labels={"reasoning": "more"}))
    {'use_case': 'science', 'reasoning': 'more'}
    """

    name: str
    card: Card
    sources: tuple[Source, ...]
    prompt: str
    answer: AnswerFormat
    metrics: tuple[str | Metric, ...]
    system: str = ""
    max_new_tokens: int = 64
    variants: Mapping[str, Task] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_labels(self.card.labels, f"the card of task {self.name!r}")
        sources = tuple(completed(s, Source, f"a source of task {self.name!r}") for s in self.sources)
        object.__setattr__(self, "sources", sources)
        given: object = self.answer
        if given is not None and not isinstance(given, AnswerFormat):  # a plug-in's that has no ``read``
            answer = completed(given, AnswerFormat, f"the answer format of task {self.name!r}")
            object.__setattr__(self, "answer", answer)
        if not self.metrics:
            raise ValueError(f"task {self.name!r} names no metric")

    def labels_of(self, sample: Sample) -> dict[str, str]:
        """Taxonomy labels of one sample: its own over the card's."""
        return {**self.card.labels, **sample.labels}

    def with_variant(self, name: str, *, splits: Mapping[str, int] | None = None, **changes: Any) -> Task:
        """This task with one more variant, ``TASK:name``, which is as the task itself but for ``changes``.

        name     what follows the colon on the command line
        splits   the variant's splits, where its card differs in these alone
        changes  fields of the task that differ (``sources``, ``prompt``, ``card``, ...)

        Raises TypeError for a field that a task does not have.

        >>> from hemm.core import Card, Task
        >>> from hemm.parsing import YesNo
        >>> task = Task("birds", Card("Birds", splits={"test": 9}), (), "{{ image }}", YesNo(), ("accuracy",))
        >>> task = task.with_variant("small", splits={"test": 3}, max_new_tokens=8)
        >>> small = task.variants["small"]
        >>> small.name, small.card.title, dict(small.card.splits), small.max_new_tokens
        ('birds:small', 'Birds', {'test': 3}, 8)
        """
        if splits is not None:
            changes["card"] = replace(changes.get("card", self.card), splits=splits)
        variant = replace(self, name=f"{self.name}:{name}", variants={}, **changes)
        return replace(self, variants={**self.variants, name: variant})
