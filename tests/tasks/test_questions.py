"""Controls of the question: donors by their definition, whoever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake import FakePack, picture, sample, task
from hemm.core import Sample
from hemm.core.errors import CannotTake
from hemm.tasks.probes.factorial.samples import generate
from hemm.tasks.questions import (
    AnotherNote,
    AnotherQuestion,
    WithoutNote,
    check_note,
    check_question,
    without_question,
)
from hemm.tasks.transforms import NoDonor


def _sample(number: int, cluster: int, text: int, options: int) -> Sample:
    choices = (("yes", "no"), ("no", "yes"), ("red", "blue"))[options]
    shown = {"question": f"Is {text} even?", "unused": str(number)}
    return sample(
        number,
        media=(picture(cluster),),
        cluster=f"c{cluster}",
        fields=shown,
        choices=choices,
        references=(choices[0],),
    )


rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=20)


@given(rows, st.integers(0, 2))
def test_a_donor_is_of_another_cluster_with_equal_options_and_asks_something_else(found, seed) -> None:
    samples = [_sample(i, *row) for i, row in enumerate(found)]
    ask = AnotherQuestion(FakePack(samples), {"question"}, seed)
    for own in samples:
        donors = [
            other.fields
            for other in samples
            if other.cluster != own.cluster
            and set(other.choices) == set(own.choices)
            and other.fields["question"] != own.fields["question"]
        ]
        if not donors:
            with pytest.raises(NoDonor, match="no sample of another cluster has these options"):
                ask(own)
            continue
        asked = ask(own)
        assert asked.fields in donors
        assert (asked.id, asked.media, asked.choices, asked.references) == (
            own.id,
            own.media,
            own.choices,
            own.references,
        )


def test_donors_follow_the_seed_the_data_and_how_common_questions_are() -> None:
    samples = [_sample(i, i, 0 if i % 10 else i, 0) for i in range(400)]
    before, other = (AnotherQuestion(FakePack(samples), {"question"}, seed) for seed in (0, 1))
    rare = [s for i, s in enumerate(samples) if i % 10 == 0 and i]
    common = sum(before(s).fields["question"] == "Is 0 even?" for s in rare)
    assert common > 0.75 * len(rare), "nine of ten questions are this one"
    assert sum(before(s).fields == other(s).fields for s in rare) < 8
    fewer = AnotherQuestion(FakePack(samples[::-1][4:]), {"question"}, 0)
    moved = sum(before(s).fields != fewer(s).fields for s in rare if int(s.id[1:]) < 396)
    assert moved <= 4, "order is no part, and few donors move"


def test_pictures_that_are_shown_are_never_those_of_the_donor() -> None:
    samples = [_sample(i, i, i, 0) for i in range(3)]
    ask = AnotherQuestion(FakePack(samples), {"question"}, 0)
    shown = samples[0].with_media(samples[1].media)
    assert ask(shown).fields == samples[2].fields


def test_no_question_keeps_the_names_of_texts() -> None:
    bare = without_question(sample(1))
    assert bare.fields == {"question": ""}
    assert bare.choices == ("yes", "no")


def test_tasks_without_a_question_to_replace() -> None:
    pack = FakePack([sample(i) for i in range(4)])
    fixed = task(prompt="{{ image }}What is it? {{ options }}", name="fixed")
    for kind in ("none", "other"):
        with pytest.raises(CannotTake, match="task fixed asks the same of every sample"):
            check_question(kind, fixed, None, pack, 0)
    check_question("other", fixed, "{{ question }}", pack, 0)
    apart = FakePack([sample(i, choices=(str(i), "-")) for i in range(4)])
    check_question("none", task(), None, apart, 0)
    with pytest.raises(CannotTake, match="no two samples of task even have equal options"):
        check_question("other", task(), None, apart, 0)


def test_a_note_is_swapped_alone_and_every_sample_of_the_probes_has_a_donor() -> None:
    samples = list(generate("hci"))
    notes = {s.fields["context"]: s.cluster for s in samples}
    swap = AnotherNote(FakePack(samples), {"context"}, 0)
    for own in samples:
        asked = swap(own)
        assert asked.fields["question"] == own.fields["question"]
        assert (asked.choices, asked.media, asked.references) == (own.choices, own.media, own.references)
        assert asked.fields["context"] != own.fields["context"]
        assert notes[asked.fields["context"]] != own.cluster
        assert WithoutNote(("context",))(own).fields["context"] == ""


def test_a_sample_without_a_note_is_named_and_a_task_without_one_refused() -> None:
    noted = {"question": "Which?", "note": "It rains."}
    samples = [sample(0, fields=noted), sample(1, fields=noted), sample(2)]
    swap = AnotherNote(FakePack(samples), {"note"}, 0)
    with pytest.raises(NoDonor, match="no sample of another cluster has another text"):
        swap(samples[0])
    for change in (swap, WithoutNote(("note",))):
        with pytest.raises(NoDonor, match="it has no text beside its question"):
            change(samples[2])
    with pytest.raises(CannotTake, match="task even shows no text beside its question"):
        check_note(task(), None, FakePack(samples))
    check_note(task(), "{{ note }} {{ question }}", FakePack(samples))
    with pytest.raises(CannotTake, match="no sample of task even has a text beside its question"):
        check_note(task(), "{{ note }} {{ question }}", FakePack(samples[2:]))
