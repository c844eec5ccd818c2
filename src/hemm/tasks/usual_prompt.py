"""The prompt of a user's data where their card has none."""

from __future__ import annotations

from dataclasses import replace

from hemm.core import Task
from hemm.data.pack.own_words import INSTRUCTION, OPTIONS

_PROMPT = (
    "{% if hint is defined %}{{ hint | interleave }}\n{% endif %}"
    "{% if question is defined %}{{ question | interleave }}\n{% endif %}"
)
PROMPT = _PROMPT + "{{ instruction }}"
LETTERED_PROMPT = _PROMPT + "{% if options %}{{ options | interleave }}\n{% endif %}{{ instruction }}"
"""The default prompts, without and with lettered options."""


def usual_prompt(lettered: bool, brings: set[str]) -> str:
    """The default prompt, without what all questions bring themselves (``own_words``).

    >>> usual_prompt(True, {"options", "instruction"}) == usual_prompt(False, {"instruction"})
    True
    """
    prompt = LETTERED_PROMPT if lettered and OPTIONS not in brings else PROMPT
    return prompt.replace("{{ instruction }}", "") if INSTRUCTION in brings else prompt


def as_prompted(task: Task, template: str) -> Task:
    """``task`` with the prompt that it was asked with, where that is the default one with what its
    questions bring themselves."""
    lettered = getattr(task.answer, "lettered", False)
    with_more = {usual_prompt(lettered, brings) for brings in ({OPTIONS}, {INSTRUCTION}, set[str]())}
    without = {
        usual_prompt(lettered, brings) for brings in ({OPTIONS}, {INSTRUCTION}, {OPTIONS, INSTRUCTION})
    }
    asked_again = task.origin and template in with_more and task.prompt in without
    return replace(task, prompt=template) if asked_again and len(template) > len(task.prompt) else task
