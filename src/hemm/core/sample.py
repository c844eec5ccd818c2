"""A sample: one question with its media, references and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from hemm.core.hashing import digest
from hemm.core.media import Media


@dataclass(frozen=True)
class Sample:
    """One item of a data set: a question with its media, right answers and labels.

    id          the data set's own key, unique in its task
    media       pictures, sounds, videos in the order in which the prompt shows them
    fields      text values that the prompt template may use (question, caption, plot, ...)
    references  right answers, one or several (text, or a picture); never reach the model
    choices     the options as shown, in order; empty for open questions
    unit        what is scored together (a winoground id); the sample itself by default
    cluster     what makes samples dependent, for intervals (usually the picture); the unit by default. A pack
                joins clusters whose samples show pictures with equal bytes
    after       id of the sample whose answer this one continues, or None
    labels      taxonomy labels that override the task card's, dimension -> category
    stratum     the class (answer, content type) by which limited scores are weighted; may be empty
    metadata    JSON values for metrics and reports (answer_type, organ, ...); not shown to the model
    split       ``test``, or ``shots`` for samples that only serve as examples in prompts

    Raises ValueError for an empty id.

    >>> from pathlib import Path
    >>> sample = Sample(
    ...     "q17",
    ...     media=(Media.at(Path("images/xray_3.png")),),
    ...     fields={"question": "Is there a fracture?"},
    ...     references=("no",),
    ...     choices=("yes", "no"),
    ...     cluster="xray_3.png",
    ... )
    >>> sample.unit, sample.cluster, sample.split
    ('q17', 'xray_3.png', 'test')
    """

    id: str
    media: tuple[Media, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    references: tuple[str | Media, ...] = ()
    choices: tuple[str, ...] = ()
    unit: str = ""
    cluster: str = ""
    after: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    stratum: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    split: str = "test"
    stored_hash: str = field(default="", repr=False, compare=False)
    """The sample_hash as a pack holds it: saves hashing again; only the pack reader sets it."""

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("a sample needs an id")
        if not self.unit:
            object.__setattr__(self, "unit", self.id)
        if not self.cluster:
            object.__setattr__(self, "cluster", self.unit)

    @cached_property
    def sample_hash(self) -> str:
        """Digest of all content but the split (32 hex digits): a changed sample is a changed hash."""
        return self.stored_hash or digest(
            {
                "id": self.id,
                "unit": self.unit,
                "cluster": self.cluster,
                "after": self.after,
                "media": [m.digest for m in self.media],
                "fields": dict(self.fields),
                "references": [r if isinstance(r, str) else {"media": r.digest} for r in self.references],
                "choices": list(self.choices),
                "labels": dict(self.labels),
                "stratum": self.stratum,
                "metadata": dict(self.metadata),
            },
            32,
        )

    @property
    def problem(self) -> str:
        """Why this sample cannot be asked (a picture, shown or reference, that does not open), or empty."""
        pictures = (r for r in self.references if isinstance(r, Media))
        return next((m.problem for m in (*self.media, *pictures) if m.problem), "")

    def with_media(self, media: tuple[Media, ...]) -> Sample:
        """This sample with other media (transforms); its hash is computed anew."""
        return replace(self, media=media, stored_hash="")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that a reader met and that cannot be evaluated: counted and named, and no part of the pack.

    where  file and row, as in messages
    why    what it lacks, in a few words

    >>> LeftOut("questions.jsonl, line 7", "no two annotators agree")
    LeftOut(where='questions.jsonl, line 7', why='no two annotators agree')
    """

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader says of its data as a whole: told by commands that prepare, kept in pack and run.json.

    text    one line: how a column was read, what was guessed
    unread  something of the data was not read: then the line stands in profile and report too

    >>> Notice("columns: image <- file_name, question <- text")
    Notice(text='columns: image <- file_name, question <- text', unread=False)
    """

    text: str
    unread: bool = False


def content_id(text: str, *media: Media) -> str:
    """An id for data sets without keys: digest of the question and the decoded pixels (20 hex digits).

    Equal pixels in another encoding give the same id, so that equivalent sources agree. Raises
    FileNotFoundError for a picture that is not there and BadData for one that does not open.

    >>> import io
    >>> from PIL import Image
    >>> files = {"PNG": io.BytesIO(), "BMP": io.BytesIO()}
    >>> for kind, file in files.items():
    ...     Image.new("RGB", (4, 4), "red").save(file, kind)
    >>> len({content_id("What colour?", Media(file.getvalue())) for file in files.values()})
    1
    """
    parts: list[Any] = [text]
    for m in media:
        picture = m.pixels()
        if picture.mode not in ("L", "RGB", "RGBA", "I;16", "I", "F"):
            picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
        from hemm.core.hashing import digest_bytes

        parts.append([picture.mode, list(picture.size), digest_bytes(picture.tobytes())])
    return digest(parts, 20)
