"""The answer format of tasks that are answered with a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hemm.core import BadData, Media, Reading, Response, Sample

_KEPT = 200_000


@runtime_checkable
class Pictured(Protocol):
    """An answer format whose answers are pictures: it reads the response's media, not its text.

    The smallest that may stand in a task inherits from ``AnswerFormat`` too:

    >>> from hemm.core import AnswerFormat, Media, Response, Sample
    >>> class LastPicture(AnswerFormat, Pictured):
    ...     name, version, instruction = "last_picture", 1, "Draw it step by step."
    ...     def pictured(self, response, sample):
    ...         return response.media[-1] if response.media else None
    ...     def parse(self, text, sample): ...
    ...     def options(self, sample):
    ...         return ()
    ...     def render(self, reference, sample):
    ...         return reference
    >>> drawn = (Media(b"GIF89a", name="first.gif"), Media(b"GIF89a", name="last.gif"))
    >>> LastPicture().pictured(Response(media=drawn), Sample("1"))
    Media('last.gif')
    """

    def pictured(self, response: Response, sample: Sample) -> Any | None:
        """What the model drew, or None. Raises HemmError where its bytes are nowhere."""
        ...


@dataclass(frozen=True)
class Picture:
    """A picture. The value is the first one that the model gave, as ``Media``; text beside it is not read.

    No picture, or one that does not open, is no answer. References are pictures; metrics that look at them
    say ``media`` in ``needs``.

    >>> from hemm.core import Media, Response, Sample
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (64, 48), "red").save(file, "PNG")
    >>> drawn = Media(file.getvalue(), name="red.png")
    >>> Picture().pictured(Response("Here it is.", media=(drawn,)), Sample("1"))
    Media('red.png')
    >>> Picture().pictured(Response("I cannot draw."), Sample("1")) is None
    True
    """

    name: str = field(default="picture", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with the picture and nothing else."

    def pictured(self, response: Response, sample: Sample) -> Media | None:
        """What the model drew, or None. Raises HemmError where its bytes are nowhere."""
        return response.media[0] if response.media and opens(response.media[0]) else None

    def parse(self, text: str, sample: Sample) -> None:
        """A text is no picture."""
        return

    def read(self, text: str, sample: Sample) -> Reading:
        return Reading()

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference


_OPENS: dict[str, bool] = {}


def opens(media: Media) -> bool:
    """Whether ``media`` is a picture that decodes. Raises HemmError where its bytes are nowhere.

    Cached by digest: every metric calls it.
    """
    result = _OPENS.get(media.digest)
    if result is None:
        data = media.data  # outside: missing bytes are no damaged picture
        try:
            Media(data, digest=media.digest).pixels()
            result = True
        except BadData:
            result = False
        if len(_OPENS) >= _KEPT:
            _OPENS.clear()
        _OPENS[media.digest] = result
    return result
