"""From samples to messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake import picture, sample, task
from hemm.core import HemmError, Media, Sample
from hemm.parsing.formats import OneOf
from hemm.parsing.options import letter
from hemm.tasks import prompt as prompt_module
from hemm.tasks.prompt import Renderer, render


def _parts(template: str, one: Sample) -> tuple[str | Media, ...]:
    return render(task(), one, template=template)[-1].parts


def test_media_stand_where_the_template_places_them() -> None:
    one = sample(1, media=(picture(1), picture(2)))
    assert _parts("A {{ images[1] }} B {{ images[0] }} {{ question }}", one) == (
        "A ", picture(2), " B ", picture(1), " Is 1 even?",
    )  # fmt: skip
    assert _parts("{{ image }}\n{{ question }}", one) == (picture(1), picture(2), "\nIs 1 even?")
    assert _parts("{% for i in images %}{{ loop.index }}:{{ i }} {% endfor %}", one) == (
        "1:", picture(1), " 2:", picture(2),
    )  # fmt: skip


def test_media_that_no_template_places_come_first() -> None:
    one = sample(1, media=(picture(1), picture(2)))
    assert _parts("{{ question }}", one) == (picture(1), picture(2), "Is 1 even?")


def test_a_sample_without_its_pictures_renders_all_the_same() -> None:
    assert _parts("{{ images[1] }}{{ image }}Q: {{ question }}", sample(1, media=())) == ("Q: Is 1 even?",)


@given(st.text())
def test_text_of_the_data_never_places_a_picture(text: str) -> None:
    one = sample(1, fields={"question": text})
    parts = _parts("[{{ question }}] {{ image }}", one)
    assert parts == (f"[{text}] ", picture(1))


def test_even_a_known_mark_shape_and_template_code_stay_text() -> None:
    evil = "\x02123:0\x03 {{ image }} {% raw %} <image>"
    assert _parts("{{ question }}{{ image }}.", sample(1, fields={"question": evil})) == (
        evil,
        picture(1),
        ".",
    )


def test_options_labels_and_instruction() -> None:
    one = sample(1, choices=("cat", "dog"))
    assert _parts("{{ image }}{{ options }}|{{ labels }}", one)[1] == "A. cat\nB. dog|cat, dog"
    text = _parts("{{ image }}{{ instruction }}", one)[1]
    assert text == "Reply with the letter of the right option and nothing else."
    assert [letter(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_an_instruction_may_use_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    class Format(type(task().answer)):  # type: ignore[misc]
        instruction = "One of {{ labels }}."

    one = task(answer=Format(), prompt="{{ instruction }}")
    assert render(one, sample(1, media=(), choices=("x", "y")))[0].parts == ("One of x, y.",)


def test_an_unknown_placeholder_is_named_with_the_nearest_field() -> None:
    with pytest.raises(
        HemmError, match=r"prompt of task 'even' asks for \{\{ questoin \}\}.*'s00001'.*'question'"
    ):
        _parts("{{ questoin }}", sample(1))
    with pytest.raises(HemmError, match=r"^mine\.txt asks for"):
        Renderer(task(), template="{{ nothing }}", where="mine.txt").messages(sample(1))


def test_a_template_that_is_none_says_the_line() -> None:
    with pytest.raises(HemmError, match=r"mine\.txt is no Jinja2 template \(line 2\)"):
        Renderer(task(), template="\n{% if %}", where="mine.txt")


def test_templates_reach_nothing_but_the_sample() -> None:
    with pytest.raises(HemmError):
        _parts("{{ question.__class__.__mro__ }}", sample(1))


def test_system_and_shots_are_turns_of_the_same_template() -> None:
    shots = [sample(11), sample(12)]
    messages = render(task(), sample(1), system="Be brief.", shots=shots)
    assert [m.role for m in messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert messages[1].parts[0] == picture(11)
    answer = task().answer
    assert [m.parts[0] for m in messages if m.role == "assistant"] == [
        answer.render("no", shots[0]), answer.render("yes", shots[1]),
    ]  # fmt: skip
    assert messages[-1].parts[1].startswith("Is 1 even?")


def test_a_model_without_system_prompt_gets_it_in_the_first_turn() -> None:
    messages = Renderer(task(), system="Be brief.", merge=True).messages(sample(1))
    assert [m.role for m in messages] == ["user"]
    assert messages[0].parts[0] == "Be brief.\n\n"


def test_a_template_is_compiled_once_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = prompt_module.Renderer
    monkeypatch.setattr(prompt_module, "Renderer", lambda *a, **k: made.append(1) or original(*a, **k))
    one = task(name="once")
    for number in range(5):
        render(one, sample(number))
    assert len(made) == 1


def test_an_option_that_reads_as_another_letter_is_shown_with_letters_the_parser_tells_apart() -> None:
    one = sample(1, choices=("B", "A"), references=("A",))
    shown = _parts("{{ image }}{{ options }}", one)[1]
    mark = next(line[0] for line in str(shown).splitlines() if line.endswith(" A"))
    assert OneOf().parse(mark, one) == OneOf().parse("A", one) == "A"


def test_a_text_places_its_own_pictures() -> None:
    first, second, third = picture(1), picture(2), picture(3)
    one = sample(1, media=(first, second, third))
    marked = "{{ question | interleave }} {{ instruction }}"

    def asked(question: str, media: tuple[Media, ...] = one.media) -> tuple[str | Media, ...]:
        given = Sample(id="m", media=media, fields={"question": question}, references=("x",))
        return render(task(), given, template=marked.replace(" {{ instruction }}", "!"))[-1].parts

    assert asked("<image 3> or <image 1>?") == (second, third, " or ", first, "?!")
    assert asked("<image>, then <image>") == (third, first, ", then ", second, "!")
    assert asked("no mark") == (first, second, third, "no mark!")
    assert asked("<image 2> of one", (first,)) == (first, "<image 2> of one!")  # nothing is dropped
    assert asked("see <image 1>.", ()) == ("see .!",)  # the control without pictures
