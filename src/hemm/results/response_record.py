"""A response as JSON and back, by the answer record's columns: for judges' verdicts and replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hemm.core import Failure, Media, Response, Sample, Usage
from hemm.core.outside import with_known_usage
from hemm.results.answer_record import OF_RESPONSE, Answer, Call

_NO_SAMPLE = Sample("-")


def response_record(response: Response) -> dict[str, Any]:
    """A response as JSON values: its columns of the record, ``attempts`` and ``usage``."""
    answer = Answer(_NO_SAMPLE, {}, 0, "", (), response, Call(0.0, 0.0))
    usage = with_known_usage(response).usage
    return {
        **{column.name: column.value(answer) for column in OF_RESPONSE if column.name != "produced"},
        "attempts": response.attempts,
        "usage": [usage.input_tokens, usage.output_tokens, usage.cost],
    }


def response_of(facts: Mapping[str, Any], media: tuple[Media, ...] = ()) -> Response:
    """The response of a ``response_record``; missing members leave the defaults.

    >>> response_of(response_record(Response("a heron", finish="length")))
    Response(text='a heron', reasoning='', finish='length', refusal=None, media=(), options=(), logprobs=(), \
usage=Usage(input_tokens=None, output_tokens=None, cost=None), failure=None, model='', attempts=1)
    """
    fields: dict[str, Any] = {}
    failure: list[Any] = []
    for column in OF_RESPONSE:
        if column.name in facts:
            value = column.restore(facts[column.name], _no_media)
            if column.field.startswith("failure."):
                failure.append(value)
            else:
                fields[column.field.removeprefix("response.")] = value
    return Response(
        **fields,
        media=media,
        usage=Usage(*facts["usage"]),
        failure=None if failure[0] is None else Failure(*failure),
        attempts=facts.get("attempts", 1),
    )


def _no_media(digest: str) -> Media:
    raise ValueError("the facts of a response name no media")
