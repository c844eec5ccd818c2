"""Answers to a batch with what gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hemm.core import BatchModel, Binds, Request, Response
from hemm.models.batcher import run_batch
from hemm.models.process.accelerator import accelerator
from hemm.models.process.crew import ByCrew


def run_placed(model: BatchModel, requests: Sequence[Request]) -> list[Response]:
    """``run_batch``, where each response says what it ran on, as replicas tell it of theirs; a baseline's
    says nothing. Raises what that raises."""
    responses = run_batch(model, requests)
    if isinstance(model, ByCrew | Binds):
        return responses
    kind = accelerator()
    return [replace(response, accelerator=kind) for response in responses]
