"""A model for tests of protocols: it knows all their settings, and answers with the first option."""

from __future__ import annotations

from collections.abc import Sequence

from hemm.core import BatchModel, Capabilities, Identity, Request, Response
from hemm.models import PROTOCOL_SETTINGS, ModelOptions


class Recording(BatchModel):
    """``--revision`` is part of its identity; ``beams`` is a setting of its own that may change answers."""

    spec: str
    identity: Identity
    batch_size: int
    capabilities = Capabilities(outputs=frozenset({"text", "image"}), likelihood=True)

    def __init__(self, spec: str, options: ModelOptions) -> None:
        options.read("recording", dict.fromkeys([*PROTOCOL_SETTINGS, "beams"], ""))
        self.spec, self.identity = spec, Identity("recording", options.revision)
        self.batch_size = options.batch_size or 64
        beams = dict(options.settings).get("beams")
        self._extra = [("beams", beams)] if beams else []

    @property
    def protocol_extra(self) -> Sequence[tuple[str, str]]:
        return self._extra

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        scores = {r.key: tuple(-float(n) for n in range(len(r.options))) for r in requests}
        return [Response(text="A", options=scores[r.key]) for r in requests]
