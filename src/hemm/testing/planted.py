"""A synthetic model whose interactions are known: what an analysis of its answers must find again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hemm.core import (
    BatchModel,
    Binds,
    Capabilities,
    HemmError,
    Identity,
    Pack,
    Request,
    Response,
    Sample,
    Task,
)
from hemm.core.hashing import keyed_unit


class PlantedInteractions(BatchModel, Binds):
    """Gives options probabilities with planted information about the right one, in bits.

    redundant      what the question alone and the picture alone both tell
    text, picture  what either tells beyond that, on average: of a sample either the one or the other does
    synergy        what both tell beyond the sum; below 0: interference
    noise          bits to each side by which redundant part and synergy of single samples differ, evenly

    The right one of K options has the probability 2^bits / K, which must leave room; the others share the
    rest. Which of question and picture is shown it sees by itself. It needs likelihood scoring, and is bound
    to a pack as the baselines are, since only so it knows what is right.

    >>> model = PlantedInteractions(redundant=0.3, text=0.1, picture=0.2, synergy=0.4)
    >>> model.bits("q1", question=False, picture=False)
    0.0
    """

    spec: str
    identity: Identity
    capabilities: Capabilities
    batch_size: int

    def __init__(
        self, redundant: float, text: float, picture: float, synergy: float, noise: float = 0.1
    ) -> None:
        self.planted = {"redundant": redundant, "text": text, "picture": picture, "synergy": synergy}
        if min(redundant - noise, text, picture) < 0:
            raise ValueError("what is planted of text and picture alone must be above 0, less the noise")
        self.noise = noise
        self.spec = "planted"
        self.identity = Identity("planted", "-".join(f"{v:g}" for v in (*self.planted.values(), noise)))
        self.capabilities = Capabilities(likelihood=True)
        self.batch_size = 256
        self._task: Task | None = None

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to free."""

    def bind(self, task: Task, pack: Pack) -> None:
        """Take the right answers of ``pack``."""
        self._task, self._pack = task, pack
        self._rows = {name: row for row, name in enumerate(pack.index().ids)}

    def bits(self, sample: str, question: bool, picture: bool) -> float:
        """The information about the right option of a sample that it has where these are shown."""
        p, shown = self.planted, (question, picture)
        alone = p["text"] + p["picture"]
        of_text = alone > 0 and keyed_unit("planted", sample, "side") < p["text"] / alone
        redundant = p["redundant"] + self.noise * (2 * keyed_unit("planted", sample, "redundant") - 1)
        synergy = p["synergy"] + self.noise * (2 * keyed_unit("planted", sample, "synergy") - 1)
        by_shown = {
            (False, False): 0.0,
            (True, False): redundant + (alone if of_text else 0.0),
            (False, True): redundant + (0.0 if of_text else alone),
            (True, True): redundant + alone + synergy,
        }
        return by_shown[shown]

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        """Scores of the options of each request. Raises HemmError for one without, and before ``bind``."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Request) -> Response:
        if self._task is None or not request.options:
            raise HemmError("planted interactions need a pack (bind) and options (--set scoring=likelihood)")
        sample = self._pack.sample(self._rows[request.sample_id])
        right = request.options.index(self._task.answer.render(str(sample.references[0]), sample))
        count = len(request.options)
        chance = 2 ** self.bits(sample.id, *_shown(request, sample)) / count
        if not 0 < chance < 1:
            raise HemmError(f"{count} options leave no room for what is planted")
        scores = [math.log((1 - chance) / (count - 1))] * count
        scores[right] = math.log(chance)
        best = max(range(count), key=scores.__getitem__)
        return Response(text=request.options[best], options=tuple(scores))


def _shown(request: Request, sample: Sample) -> tuple[bool, bool]:
    """Whether the sample's own question, and its own pictures, are in the request."""
    texts = [text for text in sample.fields.values() if text]
    own = {media.digest for media in sample.media}
    question = bool(texts) and all(text in request.prompt for text in texts)
    return question, bool(own) and own <= {media.digest for media in request.media}
