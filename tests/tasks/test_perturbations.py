"""Perturbations by name: pictures and texts change as they say, and the right answer stays right."""

from __future__ import annotations

import doctest
import hashlib
import io
import re
import string
import unicodedata
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fake import sample
from hemm.core import BadData, HemmError, Media, Sample, UnknownName
from hemm.parsing import OneOf, ShortAnswer, YesNo
from hemm.tasks.perturbations import draws, pictures
from hemm.tasks.perturbations import named as named_module
from hemm.tasks.perturbations.draws import Draws
from hemm.tasks.perturbations.named import KINDS, SUITE, Perturb, named
from hemm.tasks.perturbations.pictures import FIRST, written_over
from hemm.tasks.perturbations.texts import CannotPerturb, Shown


def _media(pixels: np.ndarray, name: str = "p.png") -> Media:
    file = io.BytesIO()
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(file, "PNG", compress_level=6)
    return Media(file.getvalue(), mime="image/png", name=name)


def _pixels(media: Media) -> np.ndarray:
    return np.asarray(media.pixels(), dtype=float)


NOISE = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(float)

# names and levels


@pytest.mark.parametrize("name", sorted(FIRST))
def test_the_first_six_change_pixels_the_same_way_every_time(name: str) -> None:
    one = sample(1, media=(_media(NOISE),))
    perturb = Perturb.parse(f"{name}:0.5", seed=3)
    first, again = perturb(one).media[0], perturb(one).media[0]
    assert first.digest == again.digest != one.media[0].digest
    assert first.pixels().size == (16, 12)
    bare = sample(2, media=())
    assert perturb(bare) is bare  # as in version 0.1.0, whose answers stay those to today's requests
    assert perturb.leaves(bare)


FIRST_PIXELS = {
    "noise": "9b5ef7771cc2",
    "blur": "c2a08b2f25d2",
    "brightness": "73550ade9e44",
    "contrast": "33fff47add6f",
    "occlude": "78731f7dc76d",
    "rotate": "06b7db1b57b0",
}


def test_the_first_six_give_the_pixels_of_version_0_1_0() -> None:
    """Digests that its code gave; the pixels, not the PNG, whose compression may change."""
    one = sample(1, media=(_media(NOISE),))
    found = {}
    for name in FIRST_PIXELS:
        pixels = _pixels(Perturb.parse(f"{name}:0.5", seed=3)(one).media[0]).astype(np.uint8)
        found[name] = hashlib.sha256(pixels.tobytes()).hexdigest()[:12]
    assert found == FIRST_PIXELS


def test_noise_has_the_level_it_says_and_differs_by_sample() -> None:
    flat = _media(np.full((64, 64, 3), 128.0))
    perturb = Perturb.parse("noise:10", seed=0)
    one, two = (_pixels(perturb(sample(i, media=(flat,))).media[0]) for i in (1, 2))
    assert abs((one - 128).std() - 10) < 0.5
    assert (one != two).any()


def test_what_is_no_perturbation() -> None:
    with pytest.raises(UnknownName, match="did you mean 'blur'"):
        Perturb.parse("blurr:2", 0)
    for text in ("blur", "blur:x", "noise:-1", "noise:nan", "c/fog:6", "c/fog:2.5", "c/fog:0", "jpeg:101",
                 "text/typos:2", "crop:1", "text/negation:2", "occlude:2"):  # fmt: skip
        with pytest.raises(HemmError, match="--perturb"):
            Perturb.parse(text, 0)
    with pytest.raises(UnknownName, match="'upper'"):
        Perturb.parse("text/case:uper", 0)


def test_suites_are_parts_of_one_list() -> None:
    assert len(named("c/all")) == 75
    assert named("c/*") == named("c/all")
    assert len(named("c/*:3")) == 15
    assert named("all") == SUITE
    assert set(named("picture/all")) | set(named("c/all")) | set(named("text/all")) == set(SUITE)
    assert named("c/fog") == tuple(f"c/fog:{n}" for n in range(1, 6))
    assert named("noise:20") == ("noise:20",)
    assert named("c/fog:3, jpeg:30,c/fog:3") == ("c/fog:3", "jpeg:30")
    assert named("") == ()
    for text in (",", "d/*", "c/fogg:1", "noise"):
        with pytest.raises(HemmError):
            named(text)
    for text, why in (("c/*:7", "none of c/* has a level 7"), ("all:3", "all has all levels")):
        with pytest.raises(HemmError, match=re.escape(why)):
            named(text)
    for one in SUITE:  # all of them are levels that one may also give by hand
        Perturb.parse(one, 0)
    assert {one.partition(":")[0] for one in SUITE} | set(FIRST) == set(KINDS)


# pictures


def test_resize_crop_and_jpeg_do_what_they_say() -> None:
    y, x = np.mgrid[0:40, 0:60]
    ramp = np.stack([x * 4, y * 6, (x + y) * 2], axis=-1).astype(float)
    one = sample(1, media=(_media(ramp),))
    assert Perturb.parse("resize:0.5", 0)(one).media[0].pixels().size == (30, 20)
    assert Perturb.parse("resize:2", 0)(one).media[0].pixels().size == (120, 80)
    part = _pixels(Perturb.parse("crop:0.25", 0)(one).media[0])
    assert part.shape == (20, 30, 3)
    left, top = part[0, 0, 0] / 4, part[0, 0, 1] / 6
    assert np.array_equal(part, ramp[int(top) : int(top) + 20, int(left) : int(left) + 30])
    again = _pixels(Perturb.parse("jpeg:100", 0)(one).media[0])
    worse = _pixels(Perturb.parse("jpeg:1", 0)(one).media[0])
    assert np.abs(again - ramp).mean() < 2 < np.abs(worse - ramp).mean()


def test_pictures_that_are_too_large_for_a_change_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    long = sample(1, media=(_media(np.zeros((1, 65_501, 3))),))
    for text in ("jpeg:50", "c/jpeg_compression:1"):
        with pytest.raises(BadData, match="65,500"):
            Perturb.parse(text, 0)(long)
    monkeypatch.setenv("HEMM_PICTURE_LIMIT", "100000")
    with pytest.raises(BadData, match="pixels"):
        Perturb.parse("resize:4", 0)(long)


def test_an_overlay_writes_a_wrong_option_and_nothing_else() -> None:
    white = np.full((60, 200, 3), 200.0)
    choices = ("heron", "gull", "owl")
    seen = set()
    for number in range(12):
        one = Sample(f"s{number}", media=(_media(white),), choices=choices, references=("owl",))
        shown = _pixels(Perturb.parse("overlay:0.3", 0, Shown(answer=OneOf()))(one).media[0])
        ink = int((shown == 0).all(axis=2).sum())
        words = {w: int((written_over(white, w, 0.3, Draws("x")) == 0).all(axis=2).sum()) for w in choices}
        seen.add(next(word for word, count in words.items() if count == ink))
    assert seen == {"heron", "gull"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"choices": ()}, "no options"),
        ({"choices": ("owl",)}, "no wrong option"),
        ({"choices": ("owl", "梟")}, "font lacks"),
        ({"media": ()}, "no picture"),
    ],
)
def test_what_has_no_wrong_option_to_write_is_refused(changes: dict, why: str) -> None:
    one = replace(
        Sample("s", media=(_media(NOISE),), choices=("owl", "gull"), references=("owl",)), **changes
    )
    perturb = Perturb.parse("overlay:0.1", 0, Shown(answer=OneOf()))
    for change in (perturb, perturb.check):
        with pytest.raises(CannotPerturb, match=why):
            change(one)


def test_a_tiny_picture_holds_what_it_can_of_a_long_text() -> None:
    for shape in ((1, 1, 3), (3, 1000, 3), (200, 4, 3)):
        assert written_over(np.zeros(shape), "a rather long wrong answer", 0.5, Draws("x")).shape == shape


# texts


def _ask(text: str, perturb: str, **more: object) -> Sample:
    one = Sample("q1", fields={"question": text}, **more)  # type: ignore[arg-type]
    return Perturb.parse(perturb, 0)(one)


def _asked(text: str, perturb: str, **more: object) -> str:
    return _ask(text, perturb, **more).fields["question"]


LATIN = "Which of the seven large birds near <image 1> stands on the left of $x^2$?"


def _words_changed(before: str, after: str) -> int:
    return sum(a != b for a, b in zip(before.split(), after.split(), strict=True))


def test_typos_are_as_many_as_they_say_and_those_of_a_lower_level_stay() -> None:
    counts = [_words_changed(LATIN, _asked(LATIN, f"text/typos:{rate}")) for rate in (0.05, 0.3, 1)]
    assert counts == [1, 3, 9]  # 9 words of three letters or more
    few, more = (_asked(LATIN, f"text/typos:{rate}") for rate in (0.2, 0.6))
    kept = [
        (a, b) for a, b, clean in zip(few.split(), more.split(), LATIN.split(), strict=True) if a != clean
    ]
    assert all(a == b for a, b in kept)
    assert "<image 1>" in more
    assert "$x^2$" in more
    assert _asked(LATIN, "text/typos:0.3") == _asked(LATIN, "text/typos:0.3")


SCRIPTS = [
    "Какая птица стоит слева",
    "哪只鸟站在最左边的位置",
    "أي طائر يقف على اليسار",
    "कौन सा पक्षी बाईं ओर खड़ा है",
    "ผู้ชายกำลังทำอะไรอยู่ตรงนี้",
    "どの鳥が左側に立っていますか",
    "어떤 새가 왼쪽에 서 있습니까",
    "Ποιο πουλί στέκεται αριστερά",
    "éàüöß naïve façade",
    "e\u0301te\u0301s a\u0300 la plage",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_typos_in_other_scripts_keep_marks_with_their_letters(text: str) -> None:
    found = _asked(text, "text/typos:1")
    assert found != text
    for before, char in zip(" " + found, found, strict=False):
        if unicodedata.category(char) == "Mn":  # a mark stands behind a letter or another mark
            assert unicodedata.category(before)[0] in "LM"
    latin = {c for c in found if c in string.ascii_letters}
    assert latin <= {c for c in text if c in string.ascii_letters} | set("abcdefghijklmnopqrstuvwxyz")
    if text.isascii() is False and not any(c in string.ascii_letters for c in text):
        assert not latin


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40), st.sampled_from([n for n in SUITE if n.startswith("text/")]))
def test_any_text_is_changed_or_refused(text: str, name: str) -> None:
    one = Sample(
        "q", fields={"question": text}, choices=("a red bus", "a blue van"), references=("a red bus",)
    )
    shown = Shown(frozenset({"question", "options"}), OneOf())
    perturb = Perturb.parse(name, 0, shown)
    try:
        found = perturb(one)
    except CannotPerturb:
        assert perturb.judged(one) == one
        return
    assert (found.fields, found.choices) != (one.fields, one.choices)
    assert perturb(one) == found


@pytest.mark.parametrize("text", ["", "  ", "42", "<image 1>", "?!"])
def test_a_text_without_words_has_no_typos_and_no_case(text: str) -> None:
    for name in ("text/typos:0.5", "text/case:upper", "text/dialect:scots"):
        with pytest.raises(CannotPerturb):
            _ask(text, name)


def test_case_leaves_marks_formulas_and_addresses() -> None:
    text = "See <image 1> and $\\alpha$ at https://example.org/Ab"
    assert _asked(text, "text/case:upper") == "SEE <image 1> AND $\\alpha$ AT https://example.org/Ab"
    with pytest.raises(CannotPerturb, match="no other case"):
        _ask("哪只鸟", "text/case:upper")


def test_dialects_change_whole_words_in_their_case() -> None:
    assert _asked("Which COLOR is the Airplane, and its colorfulness?", "text/dialect:british") == (
        "Which COLOUR is the Aeroplane, and its colorfulness?"
    )
    assert _asked("Is the small child from the house?", "text/dialect:scots") == (
        "Is the wee bairn fae the hoose?"
    )
    assert _asked("a grey lorry", "text/dialect:american") == "a gray truck"


def test_frames_hold_the_question_as_it_is() -> None:
    question = "Wie viele {question} {{ Vögel }}?"
    for name in named("text/paraphrase,text/language"):
        assert question in _asked(question, name)
    with pytest.raises(CannotPerturb, match="no question"):
        Perturb.parse("text/paraphrase:1", 0)(Sample("s", fields={"caption": "two owls"}))


@pytest.mark.parametrize("answer", [OneOf(), OneOf(lettered=False), YesNo(), ShortAnswer()])
def test_instructions_in_other_languages_keep_the_words_that_are_read(answer: object) -> None:
    for name in named("text/language"):
        shown = Shown(frozenset({"question", "instruction"}), answer)  # type: ignore[arg-type]
        told = Perturb.parse(name, 0, shown).instruction
        assert told is not None
        assert told.isascii() is False or name[-2:] in ("de", "es", "it", "fr", "pt")
        if isinstance(answer, YesNo):
            assert "yes" in told
            assert "no" in told


# options and negation


def _options(**more: object) -> Sample:
    values = {"choices": ("heron", "gull", "owl", "coot"), "references": ("owl",), **more}
    return Sample("s7", fields={"question": "Which bird?"}, **values)  # type: ignore[arg-type]


LISTED = Shown(frozenset({"question", "options"}), OneOf())


def test_options_in_another_order_keep_the_right_answer() -> None:
    orders = set()
    for level in range(1, 30):
        perturb = Perturb.parse(f"text/options:{level}", 0, LISTED)
        asked, judged = perturb(_options()), perturb.judged(_options())
        orders.add(asked.choices)
        assert asked.choices != _options().choices
        assert sorted(asked.choices) == sorted(_options().choices)
        assert judged.choices == asked.choices
        assert judged.sample_hash == _options().sample_hash
        right = "ABCD"[asked.choices.index("owl")]
        assert OneOf().parse(right, judged) == "owl"
        assert OneOf().render("owl", judged) == right
    assert len(orders) > 12


def test_options_without_letters_are_judged_in_their_own_order() -> None:
    shown = Shown(frozenset({"question", "labels"}), OneOf(lettered=False))
    perturb = Perturb.parse("text/options:1", 0, shown)
    assert perturb(_options()).choices != _options().choices
    assert perturb.judged(_options()).choices == _options().choices


@pytest.mark.parametrize(
    ("changes", "shown", "why"),
    [
        ({"choices": ()}, LISTED, "no options"),
        ({}, Shown(frozenset({"question"}), OneOf()), "does not list"),
        ({"choices": ("heron", "owl", "all of the above")}, LISTED, "by their place"),
        ({"choices": ("heron", "owl", "Both A and B")}, LISTED, "by their place"),
        ({"choices": ("heron", "owl", "以上都不是")}, LISTED, "by their place"),
        ({"choices": ("A", "B"), "references": ("A",)}, LISTED, "letters themselves"),
        ({"choices": ("owl", "owl")}, LISTED, "the same"),
        ({"fields": {"question": "Which? (A) heron (B) owl"}}, LISTED, "by letter"),
        ({"fields": {"question": "Which?\nA. heron\nB. owl"}}, LISTED, "by letter"),
        ({}, Shown(LISTED.names, OneOf(), by_place="auroc"), "auroc takes the first option"),
    ],
)
def test_options_that_cannot_change_places(changes: dict, shown: Shown, why: str) -> None:
    one = replace(_options(), **changes)
    with pytest.raises(CannotPerturb, match=why):
        Perturb.parse("text/options:1", 0, shown)(one)


def _negated(question: str, references: tuple[str, ...], answer: object, **more: object) -> Sample:
    shown = Shown(frozenset({"question", "statement", "options"}), answer)  # type: ignore[arg-type]
    one = Sample("n", fields={"question": question}, references=references, **more)  # type: ignore[arg-type]
    return Perturb.parse("text/negation", 0, shown).judged(one)


def test_negation_turns_the_right_answer() -> None:
    assert _negated("Is it red?", ("yes",), YesNo()).references == ("no",)
    assert _negated("Is it red?", ("no", "no"), YesNo()).references == ("yes", "yes")
    two = _negated("Which?", ("owl",), OneOf(), choices=("owl", "gull"))
    assert (two.references, two.choices) == (("gull",), ("owl", "gull"))
    closed = _negated("Is it red?", ("Yes",), ShortAnswer(), choices=("Yes", "No"))
    assert closed.references == ("No",)
    asked = Perturb.parse("text/negation", 0, Shown(frozenset({"statement"}), YesNo(("true", "false"))))(
        Sample("n", fields={"statement": "Two owls sit."}, references=("true",))
    )
    assert asked.fields["statement"] == "The following is not the case: Two owls sit."
    assert asked.references == ("false",)


@pytest.mark.parametrize(
    ("references", "answer", "choices", "why"),
    [
        (("owl",), OneOf(), ("owl", "gull", "coot"), "more than two options"),
        (("owl",), ShortAnswer(), (), "answer is open"),
        (("real",), YesNo(("real", "fake")), (), "by other words"),
        (("yes", "no"), YesNo(), (), "none of the two, or both"),
        (("maybe",), YesNo(), (), "none of the two"),
        (("owl",), OneOf(), ("owl", "none of these"), "by their place"),
    ],
)
def test_negation_is_refused_where_it_turns_no_answer(
    references: tuple[str, ...], answer: object, choices: tuple[str, ...], why: str
) -> None:
    shown = Shown(frozenset({"question"}), answer)  # type: ignore[arg-type]
    one = Sample("n", fields={"question": "Is it?"}, references=references, choices=choices)
    with pytest.raises(CannotPerturb, match=why):
        Perturb.parse("text/negation", 0, shown)(one)


@pytest.mark.parametrize("module", [draws, named_module, pictures], ids=lambda m: m.__name__)
def test_the_examples_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)
