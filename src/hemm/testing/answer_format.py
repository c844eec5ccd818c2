"""Does an answer format keep its contract?"""

from __future__ import annotations

from collections.abc import Sequence

from hemm.core import AnswerFormat, Sample, completed
from hemm.testing.findings import Findings, words

STRANGE = ("", " \n", "?", "\ud83d", "😀 ½ ∅", "\x00", "```\n```", "**", "{" * 200, "a b " * 2000)
"""Texts that models give and that say nothing."""
AROUND = ("{}", " {}\n", "The answer is {}.", "**{}**", "Answer: {}")
"""How models write an answer; a format may read it or not, and does not raise."""


def check_format(answer: AnswerFormat, *, samples: Sequence[Sample]) -> None:
    """Raise AssertionError with every rule that the answer format ``answer`` breaks.

    ``samples`` are samples of its kind, with references and, where it wants them, choices. Checked are name,
    version and instruction; that a reference is read back as it is rendered; that each option is read as an
    answer of its own; that no text makes it raise; that it reads the same text in the same way twice, and
    ``read`` what ``parse`` reads, at a place within the text. Raises HemmError for an object that lacks
    members of ``hemm.core.AnswerFormat``.

    >>> from hemm.core import AnswerFormat, Sample
    >>> class Side(AnswerFormat):
    ...     name, version, instruction = "side", 1, "Reply with left or right."
    ...     def parse(self, text, sample):
    ...         return "left" if "left" in text.lower() else None
    ...     def options(self, sample):
    ...         return ("left", "right")
    ...     def render(self, reference, sample):
    ...         return reference
    >>> check_format(Side(), samples=[Sample("1", references=("left",))])
    Traceback (most recent call last):
        ...
    AssertionError: answer format 'side' breaks 1 rule:
      - every option that is shown is read as an answer of its own: 1: 'right' is read as None
    """
    format_: AnswerFormat = completed(answer, AnswerFormat, f"answer format {type(answer).__name__}")
    findings = Findings(f"answer format {format_.name!r}")
    findings.require(
        isinstance(format_.name, str) and bool(format_.name), "it has a name", repr(format_.name)
    )
    version: object = format_.version
    whole = isinstance(version, int) and not isinstance(version, bool) and version >= 1
    findings.require(whole, "the version is a whole number from 1 on", repr(version))
    told = isinstance(format_.instruction, str)
    findings.require(told, "the instruction is a text", repr(format_.instruction))
    findings.require(bool(samples), "there are samples to check it with")
    for sample in samples:
        check_answers(format_, sample, findings)
        written = (*sample.references, *sample.choices)
        said = [around.format(text) for text in written if isinstance(text, str) for around in AROUND]
        for text in (*STRANGE, *said):
            _check_text(format_, text, sample, findings)
    findings.finish()


def check_answers(answer: AnswerFormat, sample: Sample, findings: Findings) -> None:
    """References are read back, options and choices are told apart."""
    for reference in (r for r in sample.references if isinstance(r, str)):
        rule = "a reference, written as the answer format writes it, is read back"
        try:
            rendered = answer.render(reference, sample)
            value = answer.parse(rendered, sample)
        except Exception as error:  # whatever a plug-in raises is a finding
            findings.add(rule, f"{sample.id}: {words(error)}")
            continue
        findings.require(value is not None, rule, f"{sample.id}: {reference!r} as {rendered!r}")
    rule = "every option that is shown is read as an answer of its own"
    try:
        options = answer.options(sample)
        read = [answer.parse(option, sample) for option in options]
        others = [answer.parse(choice, sample) for choice in sample.choices]
    except Exception as error:  # whatever a plug-in raises is a finding
        findings.add(rule, f"{sample.id}: {words(error)}")
        return
    for option, value in zip(options, read, strict=True):
        alone = value is not None and read.count(value) == 1
        findings.require(alone, rule, f"{sample.id}: {option!r} is read as {value!r}")
    for choice, value, other in zip(sample.choices, read, others, strict=False):
        same = other is None or other == value or len(sample.choices) != len(options)
        findings.require(
            same, "no choice is read as another one", f"{sample.id}: {choice!r} is read as {other!r}"
        )


def _check_text(answer: AnswerFormat, text: str, sample: Sample, findings: Findings) -> None:
    shown = repr(text if len(text) <= 40 else f"{text[:40]}…")
    try:
        value, again, reading = (
            answer.parse(text, sample),
            answer.parse(text, sample),
            answer.read(text, sample),
        )
    except Exception as error:  # whatever a plug-in raises is a finding
        findings.add("no text makes it raise", f"{shown}: {words(error)}")
        return
    findings.require(
        value == again, "the same text is read in the same way twice", f"{shown}: {value!r}, {again!r}"
    )
    agree = reading.value == value
    findings.require(agree, "read gives what parse gives", f"{shown}: {reading.value!r}, {value!r}")
    inside = reading.span is None or 0 <= reading.span[0] <= reading.span[1] <= len(text)
    findings.require(inside, "the span lies within the text", f"{shown}: {reading.span}")
