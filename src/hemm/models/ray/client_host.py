"""The actor of a served model's client: it sends the attempts of requests that it is told, many at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from hemm.core import BadData, HemmError, redact, storable
from hemm.models.process.frames import media_in, requests_in, responses_out
from hemm.models.ray.host import facts
from hemm.models.ray.media import NodeMedia
from hemm.models.retry import CallFailed

_TOLD = ("kind", "retry", "permanent", "after", "overload")


class ClientHost:
    """A served model on a node. It has the key from its own environment, and neither limiter nor retries:
    those are the driver's."""

    def __init__(self) -> None:
        self._model: Any = None
        self._media: NodeMedia | None = None
        self._timeout = 0.0

    async def open(self, run: str, variables: Mapping[str, str]) -> dict[str, Any]:
        """What is known of this place."""
        os.environ.update(variables)
        place = facts()
        self._media = NodeMedia(place["node"], run)
        return place

    async def ask(self, message: dict[str, Any], filled: Mapping[str, bytes]) -> dict[str, Any]:
        """The reply to one attempt, or the digests of media that the node lacks still."""
        if "spec" in message:
            return {"reply": await self._start(message), "drawn": []}
        assert self._media is not None
        blobs = self._media.found(message, filled)
        if isinstance(blobs, set):
            return {"wanted": sorted(blobs)}
        reply, drawn = await self._attempt(message, blobs)
        return {"reply": reply, "drawn": drawn}

    async def _start(self, message: Mapping[str, Any]) -> dict[str, Any]:
        from hemm.models.process.replica import model_of

        try:
            self._model = model_of(message)
            self._timeout = message["timeout"]
            await self._model.start()
        except Exception as error:
            name = "" if isinstance(error, HemmError) else f"{type(error).__name__}: "
            return {"failed": storable(redact(f"{name}{' '.join(str(error).split())}"))[:500]}
        return {"ready": [self._model.identity.name, self._model.identity.revision]}

    async def _attempt(
        self, message: Mapping[str, Any], blobs: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        media = [media_in(record, blobs) for record in message["media"]]
        (request,) = requests_in(message["batch"], media)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._model.prepared(request)()
        except TimeoutError:
            late = f"no answer within {self._timeout:g} s"
            return {"call_failed": {"message": late, "kind": "timeout", "overload": True}}, []
        except CallFailed as failure:
            told = {name: getattr(failure, name) for name in _TOLD}
            return {"call_failed": {"message": redact(str(failure)), **told}}, []
        except (BadData, FileNotFoundError) as error:
            told = {"kind": "media", "retry": False, "permanent": True}
            return {"call_failed": {"message": str(error), **told}}, []
        except Exception as error:  # the adapter's own fault, as in one process
            told = {"kind": "model", "retry": False}
            return {"call_failed": {"message": redact(f"{type(error).__name__}: {error}"), **told}}, []
        answers, drawn = responses_out([response])
        return {"answers": answers}, drawn

    async def finish(self) -> None:
        """Close the connections."""
        if self._model is not None:
            await self._model.close()
