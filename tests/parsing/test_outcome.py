"""Every answer is exactly one outcome, in the documented precedence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import AnswerFormat, Failure, Outcome, Response, Sample
from hemm.parsing.formats import Caption, FreeText, OneOf, ShortAnswer, YesNo
from hemm.parsing.outcome import judge
from hemm.parsing.refusal import PATTERNS, refuses

SAMPLE = Sample(id="1", choices=("cat", "dog"))
SORRY = "I'm sorry, but I can't help with that."


def outcome(**facts: object) -> tuple[Outcome, object, bool]:
    judged = judge(SAMPLE, 0, Response(**facts), OneOf())  # type: ignore[arg-type]
    return judged.outcome, judged.value, judged.cut


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"text": "dog"}, (Outcome.OK, "dog", False)),
        ({"text": "dog", "finish": "length"}, (Outcome.OK, "dog", True)),
        ({"text": "dog", "refusal": ""}, (Outcome.REFUSED, None, False)),
        ({"text": "dog", "finish": "content_filter"}, (Outcome.REFUSED, None, False)),
        ({"failure": Failure("server", "503"), "refusal": "no"}, (Outcome.ERROR, None, False)),
        ({"text": SORRY}, (Outcome.REFUSED, None, False)),
        ({"text": SORRY, "finish": "length"}, (Outcome.TRUNCATED, None, False)),
        ({"text": "The picture shows", "finish": "length"}, (Outcome.TRUNCATED, None, False)),
        ({"text": "", "finish": "length"}, (Outcome.TRUNCATED, None, False)),
        ({"text": ""}, (Outcome.UNPARSABLE, None, False)),
        ({"text": " \n"}, (Outcome.UNPARSABLE, None, False)),
        ({"text": "dog or cat"}, (Outcome.UNPARSABLE, None, False)),
        ({"text": "<think>dog"}, (Outcome.UNPARSABLE, None, False)),
        ({"text": "", "reasoning": "dog"}, (Outcome.UNPARSABLE, None, False)),
        ({"text": f"{SORRY} But it is a dog.", "refusal": None}, (Outcome.REFUSED, None, False)),
        ({"text": f"{SORRY}\n\nAnswer: dog"}, (Outcome.OK, "dog", False)),
    ],
)
def test_precedence(facts: dict[str, object], wanted: tuple[Outcome, object, bool]) -> None:
    assert outcome(**facts) == wanted


@given(
    st.text(max_size=60),
    st.sampled_from(["stop", "length", "content_filter"]),
    st.one_of(st.none(), st.text(max_size=5)),
    st.booleans(),
)
def test_exactly_one_outcome_and_a_value_only_with_ok(
    text: str, finish: str, refusal: str | None, failed: bool
) -> None:
    failure = Failure("x", "y") if failed else None
    judged = judge(
        SAMPLE, 0, Response(text=text, finish=finish, refusal=refusal, failure=failure), ShortAnswer()
    )
    assert (judged.value is not None) == (judged.outcome is Outcome.OK)
    assert not judged.cut or judged.outcome is Outcome.OK


def test_likelihood_scoring_takes_the_most_likely_option() -> None:
    assert outcome(options=(-3.0, -1.0))[:2] == (Outcome.OK, "dog")
    assert outcome(options=(-1.0, -1.0))[0] is Outcome.UNPARSABLE
    assert outcome(options=(math.nan, -1.0))[0] is Outcome.UNPARSABLE
    assert outcome(options=(-1.0,))[0] is Outcome.UNPARSABLE


REFUSALS = {
    "en": [
        SORRY,
        "I cannot provide medical advice based on this image.",
        "I'm unable to assist with that request.",
        "Sorry, I'm not able to identify people.",
        "As an AI language model, I don't have the ability to view pictures.",
        "I must decline.",
        "This goes against our content policy, it violates the guidelines.",
        "I am not comfortable answering this.",
    ],
    "de": ["Es tut mir leid, aber ich kann dabei nicht helfen.", "Ich kann diese Frage nicht beantworten."],
    "fr": ["Désolé, je ne peux pas répondre.", "Je ne peux pas identifier cette personne."],
    "es": ["Lo siento, no puedo ayudar con eso.", "No puedo identificar a esa persona."],
    "it": ["Mi dispiace, non posso aiutarti.", "Non posso rispondere a questa domanda."],
    "pt": ["Desculpe, não posso ajudar.", "Não posso responder a isso."],
    "ru": ["Извините, я не могу помочь.", "Я не могу ответить на этот вопрос."],
    "zh": ["抱歉，我无法回答这个问题。", "我不能提供医疗建议。"],
    "ja": ["申し訳ありませんが、お答えできません。"],
    "ko": ["죄송합니다. 답변할 수 없습니다."[:4] + "지만 답변할 수 없습니다."],
    "ar": ["آسف، لا أستطيع المساعدة."],
}


@pytest.mark.parametrize("language", PATTERNS)
def test_documented_refusals(language: str) -> None:
    assert REFUSALS[language]
    for text in REFUSALS[language]:
        assert refuses(text), text
        assert judge(SAMPLE, 0, Response(text=text), YesNo()).outcome is Outcome.REFUSED, text


@pytest.mark.parametrize(
    "text",
    [
        "I can see a dog and a cat.",
        "I can't see a dog here.",
        "The sign says: do not enter.",
        "A sorry sight: a dog in the rain.",
        "The man refuses to eat.",
        "Ich sehe keinen Hund.",
        "没有狗。",
        "It is not possible to tell from this picture.",
        "",
    ],
)
def test_what_is_no_refusal(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize("answer", [ShortAnswer(), Caption(), FreeText()], ids=lambda a: a.name)
def test_a_refusal_is_no_answer_in_open_formats_either(answer: AnswerFormat) -> None:
    def outcome_of(text: str) -> Outcome:
        return judge(Sample(id="1"), 0, Response(text=text), answer).outcome

    assert outcome_of(SORRY) is Outcome.REFUSED
    assert outcome_of("A dog that runs.") is Outcome.OK
    assert outcome_of(f"{SORRY} {'It shows a dog in a meadow. ' * 20}") is Outcome.OK
