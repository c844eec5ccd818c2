"""Controls of the question, or of the texts beside it: those of another sample, or none; the options stay.

The question of a sample is all text of its own that the prompt shows: question, caption, context.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from hemm.core import Pack, Sample, Task, digest
from hemm.core.errors import CannotTake
from hemm.tasks.prompt import RESERVED, template_names
from hemm.tasks.transforms import NoDonor, Ring


def without_question(sample: Sample) -> Sample:
    """The sample with empty texts in place of its own.

    >>> without_question(Sample("q1", fields={"question": "Which bird?"})).fields
    {'question': ''}
    """
    return replace(sample, fields=dict.fromkeys(sample.fields, ""), stored_hash="")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sample as a donor: what decides whether it may stand for another."""

    row: int
    cluster: str
    text: str
    media: tuple[str, ...]


@dataclass(frozen=True)
class _Alike:
    """Samples with equal options and as many pictures."""

    ring: Ring
    asked: list[_Asked]

    @property
    def differ(self) -> bool:
        """Whether one could have the question of another."""
        return len({a.cluster for a in self.asked}) > 1 and len({a.text for a in self.asked}) > 1


class AnotherQuestion:
    """Replaces a sample's texts by those of a donor: a sample of another cluster with an equal set of
    options, as many pictures, another question, and none of the pictures that are shown.

    Donors are drawn by keyed hash from all such samples, so that common questions stay common.

    names  the texts that the prompt shows
    seed   of the run
    """

    def __init__(self, pack: Pack, names: Collection[str], seed: int) -> None:
        self._load, self._names = pack.sample, sorted(names)
        index = pack.index()
        found: dict[tuple[tuple[str, ...], int], tuple[list[str], list[_Asked]]] = {}
        columns = (index.ids, index.clusters, index.fields, index.media, index.choices)
        for row, (name, cluster, fields, media, choices) in enumerate(zip(*columns, strict=True)):
            ids, asked = found.setdefault((tuple(sorted(choices)), len(media)), ([], []))
            ids.append(name)
            asked.append(_Asked(row, cluster, self._text(fields), media))
        self._alike: dict[tuple[str, ...], dict[int, _Alike]] = {}
        for (options, pictures), (ids, asked) in found.items():
            self._alike.setdefault(options, {})[pictures] = _Alike(Ring("question", seed, ids), asked)

    def _text(self, fields: Mapping[str, str]) -> str:
        return digest([[name, fields[name]] for name in self._names if name in fields], 20)

    @property
    def possible(self) -> bool:
        """Whether any sample may have a donor."""
        return any(alike.differ for by_count in self._alike.values() for alike in by_count.values())

    def __call__(self, sample: Sample) -> Sample:
        """``sample`` with another's question. Raises NoDonor."""
        own, shown = self._text(sample.fields), {m.digest for m in sample.media}
        by_count = self._alike[tuple(sorted(sample.choices))]
        pictures = len(sample.media) + sum(not isinstance(r, str) for r in sample.references)
        # a chained sample may show what was drawn before, in another number
        alike = by_count.get(pictures) or next(iter(by_count.values()))
        for item in alike.ring.walk(sample.id) if alike.differ else ():
            donor = alike.asked[item]
            if donor.cluster != sample.cluster and donor.text != own and shown.isdisjoint(donor.media):
                return replace(sample, fields=self._load(donor.row).fields, stored_hash="")
        raise NoDonor(f"no sample of another cluster has these options and another question: {_told(sample)}")


class AnotherNote:
    """Replaces the texts beside the question by those of a donor: a sample of another cluster with other such
    texts and none of the pictures that are shown; question and options stay. It is drawn by keyed hash.

    names  the texts beside the question that the prompt shows
    """

    def __init__(self, pack: Pack, names: Collection[str], seed: int) -> None:
        self._load, self._names = pack.sample, sorted(names)
        index = pack.index()
        columns = zip(index.ids, index.clusters, index.fields, index.media, strict=True)
        told = [(i, row) for i, row in enumerate(columns) if any(self._note(row[2]).values())]
        self._ring = Ring("note", seed, [row[0] for _, row in told])
        self._asked = [_Asked(i, row[1], digest(self._note(row[2]), 20), row[3]) for i, row in told]

    def _note(self, fields: Mapping[str, str]) -> dict[str, str]:
        return {name: fields.get(name, "") for name in self._names}

    def __call__(self, sample: Sample) -> Sample:
        """``sample`` with another's note. Raises NoDonor."""
        if not any(self._note(sample.fields).values()):
            raise NoDonor(_NO_NOTE)
        own, shown = digest(self._note(sample.fields), 20), {m.digest for m in sample.media}
        for item in self._ring.walk(sample.id):
            donor = self._asked[item]
            if donor.cluster != sample.cluster and donor.text != own and shown.isdisjoint(donor.media):
                note = self._note(self._load(donor.row).fields)
                return replace(sample, fields={**sample.fields, **note}, stored_hash="")
        raise NoDonor("no sample of another cluster has another text beside its question")


_NO_NOTE = "it has no text beside its question"


@dataclass(frozen=True)
class WithoutNote:
    """Empties the texts beside the question.

    >>> WithoutNote(("note",))(Sample("q1", fields={"question": "Which?", "note": "It rains."})).fields
    {'question': 'Which?', 'note': ''}
    """

    names: tuple[str, ...]

    def __call__(self, sample: Sample) -> Sample:
        """``sample`` without its note. Raises NoDonor where it has none: it would be asked as it is."""
        note = {name: "" for name in self.names if sample.fields.get(name)}
        if not note:
            raise NoDonor(_NO_NOTE)
        return replace(sample, fields={**sample.fields, **note}, stored_hash="")


def _told(sample: Sample) -> str:
    return ", ".join(sample.choices[:6]) + (" ..." if len(sample.choices) > 6 else "") or "open answers"


def question_names(task: Task, template: str | None) -> frozenset[str]:
    """The names of the sample's own texts that the prompt asks for; ``template`` replaces the task's."""
    shown = (task.prompt if template is None else template, task.answer.instruction)
    return frozenset(set().union(*map(template_names, shown)) - RESERVED)


def note_names(task: Task, template: str | None) -> frozenset[str]:
    """The names of the sample's own texts that the prompt shows beside ``question``."""
    shown = question_names(task, template)
    return shown - {"question"} if "question" in shown else frozenset()


def another_note(task: Task, template: str | None, pack: Pack, seed: int) -> AnotherNote:
    """The draw of donors of notes for a task."""
    return AnotherNote(pack, note_names(task, template), seed)


def without_note(task: Task, template: str | None, pack: Pack, seed: int) -> WithoutNote:
    """What removes the notes of a task."""
    return WithoutNote(tuple(sorted(note_names(task, template))))


def check_note(task: Task, template: str | None, pack: Pack) -> None:
    """Raise CannotTake where there is no text beside the question (``Control.note``): the prompt of this task
    shows none, or no sample has one."""
    if not (names := note_names(task, template)):
        why = "the prompt of task {task} shows no text beside its question: it has no note to replace"
        raise CannotTake({why: [task.name]})
    if not any(fields.get(name) for fields in pack.index().fields for name in names):
        why = "no sample of task {task} has a text beside its question: it has no note to replace"
        raise CannotTake({why: [task.name]})


_made: dict[tuple[int, frozenset[str], int], tuple[Pack, AnotherQuestion]] = {}


def another_question(task: Task, template: str | None, pack: Pack, seed: int) -> AnotherQuestion:
    """The draw of donors for a task, made once for a pack."""
    key = (id(pack), question_names(task, template), seed)
    if key not in _made:
        if len(_made) > 8:
            _made.clear()
        # the pack is kept, so that its id stays its own
        _made[key] = pack, AnotherQuestion(pack, key[1], seed)
    return _made[key][1]


def check_question(question: str, task: Task, template: str | None, pack: Pack, seed: int) -> None:
    """Raise CannotTake where a control cannot change the question of this task (``Control.question``)."""
    if not question_names(task, template):
        raise CannotTake(
            {"task {task} asks the same of every sample: it has no question to replace": [task.name]}
        )
    if question == "other" and not another_question(task, template, pack, seed).possible:
        why = (
            "no two samples of task {task} have equal options and different questions: use question-none or "
            "prior-none, which need no other sample"
        )
        raise CannotTake({why: [task.name]})
