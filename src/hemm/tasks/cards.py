"""Task card files, in which users describe their own data in YAML (keys: ``docs/your-own-data.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from hemm.core import AnswerFormat, BadData, HemmError, UnknownName, check_labels, digest_file
from hemm.core.from_files import is_digest, lies_below
from hemm.core.user_files import Takes, read_yaml, typed
from hemm.parsing.expressions import Expression
from hemm.parsing.formats import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer, YesNo
from hemm.parsing.regions import Box, Point

CARD = "card.yaml"

ANSWERS: Mapping[str, tuple[type[AnswerFormat], tuple[str, ...]]] = {
    "yes_no": (YesNo, ("words",)),
    "one_of": (OneOf, ("labels", "lettered")),
    "many_of": (ManyOf, ("labels", "lettered")),
    "short_answer": (ShortAnswer, ("lettered",)),
    "number": (Number, ()),
    "expression": (Expression, ()),
    "box": (Box, ("dialect",)),
    "point": (Point, ("dialect",)),
    "caption": (Caption, ()),
    "free_text": (FreeText, ()),
}
"""Name of an answer format -> its class and settings."""
WAYS = ("text", "letter", "position")
"""How the answers of a table may name choices."""
NUMBER = "number"
"""As ``position``, where 1 is the first; a card says it, and it is never guessed."""
LISTS = ("set", "alternatives")
"""What several right answers of one row may be."""
COLUMNS = (
    *("id", "image", "images", "audio", "video", "question", "answer", "answers", "choices"),
    *("split", "labels", "unit", "cluster", "after", "stratum", "metadata"),
)
"""Names to which a column can be mapped; every other name is a field for the prompt."""


@dataclass(frozen=True)
class UserCard:
    """A card file, read: its keys. Empty values are left to the layout.

    columns  our name -> the table's columns: one, several (pictures, choices), or none (not used)
    labels   dimension -> its category, or a column and what each of its values means
    unit, cluster  columns whose values together are it; ``index % 1000000`` is a remainder
    each     our names -> columns of one length: a row becomes as many, one for each place
    empty    texts that stand for an empty cell; None: those that are usual in tables
    named    whether the user named the card: one that was found beside data, which may be somebody else's,
             opens files of its own folder alone
    """

    where: str = ""
    name: str = ""
    title: str = ""
    citation: str = ""
    homepage: str = ""
    licence: str = ""
    notes: str = ""
    labels: Mapping[str, str | Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    prompt: str = ""
    system: str = ""
    answer: str | Mapping[str, Any] = ""
    metrics: tuple[str, ...] = ()
    max_new_tokens: Annotated[str, Takes("a whole number from 1 on", lambda n: int(n) >= 1)] = ""
    file: str = ""
    images: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    each: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    empty: tuple[str, ...] | None = None
    split: str | tuple[str, ...] = ""
    shots: str = ""
    config: str | tuple[str, ...] = ""
    revision: str = ""
    images_from: Annotated[str, Takes("0 or 1", {"0", "1"}.__contains__)] = ""
    named: bool = False

    @cached_property
    def roots(self) -> tuple[Path, ...]:
        """The folders of ``images``, where paths of pictures may start and may lead. Raises HemmError for one
        that is not there."""
        for name in self.images:
            self.check_below("images", name)
        found = tuple(self._beside / Path(name).expanduser() for name in self.images)
        if lacking := [folder for folder in found if not folder.is_dir()]:
            raise HemmError(f"{self.where}: images: there is no folder {lacking[0]}")
        return found

    def on_the_hub(self) -> tuple[UserCard, tuple[str, ...]]:
        """The card of a data set of the hub, and the patterns of ``images`` that are files there."""
        here = tuple(n for n in self.images if (self._beside / Path(n).expanduser()).is_dir())
        return replace(self, images=here), tuple(n for n in self.images if n not in here)

    def check_below(self, key: str, name: str) -> None:
        """Raise BadData where ``name``, which ``key`` of the card has, leads out of its folder and the user
        did not name the card."""
        if not self.named and not lies_below(self._beside, name):
            raise BadData(
                f"{self.where}: {key}: {name!r} lies outside the card's folder: if that is meant, name "
                f"the card with --card {self.where}"
            )

    @property
    def _beside(self) -> Path:
        return Path(self.where).parent if self.where else Path()

    @cached_property
    def placeholder_digests(self) -> tuple[str, ...]:
        """SHA-256 of the ``placeholders``: each is a digest, or a file beside the card."""
        return tuple(self._placeholder(name) for name in self.placeholders)

    def _placeholder(self, name: str) -> str:
        if is_digest(name.lower()):
            return name.lower()
        self.check_below("placeholders", name)
        file = self._beside / name
        if not file.is_file():
            raise HemmError(
                f"{self.where}: placeholders: {name!r} is neither a SHA-256 nor a file in {self._beside}"
            )
        return digest_file(file)

    @property
    def format(self) -> AnswerFormat | None:
        """The answer format of the card."""
        return self._format[0]

    @property
    def fixed_labels(self) -> dict[str, str]:
        """The labels of all rows."""
        return {name: value for name, value in self.labels.items() if isinstance(value, str)}

    @property
    def label_columns(self) -> dict[str, tuple[str, Mapping[str, str]]]:
        """Dimension -> (column, its values and their categories)."""
        by = {name: value for name, value in self.labels.items() if not isinstance(value, str)}
        return {name: next(iter(value.items())) for name, value in by.items()}

    @property
    def way(self) -> str:
        """How answers name choices, from ``answer.as``: text, letter, position or number; empty: unsaid."""
        return next((word for word in self._as if word in (*WAYS, NUMBER)), "")

    @property
    def lists(self) -> str:
        """What several right answers of a row are, from ``answer.as``: one ``set``, or ``alternatives``."""
        return next((word for word in self._as if word in LISTS), "")

    @property
    def _as(self) -> tuple[str, ...]:
        said = () if isinstance(self.answer, str) else self.answer.get("as") or ()
        return (said,) if isinstance(said, str) else tuple(said)

    @property
    def shown(self) -> dict[str, str]:
        """Gold label -> text shown, from ``answer.labels``: the choices of rows that have none."""
        return self._format[1]

    @cached_property
    def _format(self) -> tuple[AnswerFormat | None, dict[str, str]]:
        if not self.answer:
            return None, {}
        settings = {"format": self.answer} if isinstance(self.answer, str) else dict(self.answer)
        settings.pop("as", None)
        self._check_as(settings.get("format", ""))
        if not settings:
            return (ManyOf() if self.lists == "set" else None), {}
        if self.lists == "set":
            settings.setdefault("format", "many_of")
        answer = typed(_Answer, settings, f"{self.where}, answer")
        if answer.format not in ANSWERS:
            raise UnknownName(f"answer format in {self.where}", answer.format, ANSWERS)
        kind, takes = ANSWERS[answer.format]
        if other := sorted(settings.keys() - {"format", *takes}):
            raise BadData(f"{self.where}: answer format {answer.format} takes no {other[0]!r}")
        labels = dict(answer.labels) if isinstance(answer.labels, Mapping) else {x: x for x in answer.labels}
        arguments: dict[str, Any] = {"words": answer.words} if answer.words else {}
        arguments |= {"labels": labels, "lettered": False} if labels else {}
        arguments |= {"lettered": answer.lettered == "true"} if answer.lettered else {}
        arguments |= {"dialect": answer.dialect} if answer.dialect else {}
        return kind(**arguments), labels

    def _check_as(self, format_: Any) -> None:
        """Raise BadData where ``answer.as`` says what cannot be."""
        said, given = self._as, ", ".join(map(str, self._as))
        ways = (*WAYS, NUMBER)
        known = len({*said} & {*ways}) <= 1 and len({*said} & {*LISTS}) <= 1 and {*said} <= {*ways, *LISTS}
        if not known:
            takes = (
                f"give {', '.join(ways[:-1])} or {ways[-1]}, {' or '.join(LISTS)}, or a list with one of each"
            )
            raise BadData(f"{self.where}, answer: as is {given!r}; {takes}")
        if self.lists == "set" and format_ not in ("", "many_of"):
            raise BadData(f"{self.where}, answer: as: set is for many_of, not for {format_}")


@dataclass(frozen=True)
class _Answer:
    """``answer`` of a card, where it is more than the name of a format."""

    format: str
    words: Annotated[
        tuple[str, ...], Takes("a list of two words, the affirmative one first", lambda w: len(w) == 2)
    ] = ()
    labels: Mapping[str, str] | tuple[str, ...] = ()
    dialect: str = ""
    lettered: Annotated[str, Takes("true or false", {"true", "false"}.__contains__)] = ""


def read_card(path: Path, *, named: bool = True) -> UserCard:
    """Read a card file; ``named``: the user named it. Raises BadData, or UnknownName for an unknown key (with
    the nearest)."""
    # as text, so that `yes` and `no` stay the words they are
    values = {k: v.strip() if isinstance(v, str) else v for k, v in read_yaml(path, as_text=True).items()}
    if isinstance(values.get("metrics"), str):
        values["metrics"] = values["metrics"].split()
    for key in ("split", "config"):
        if isinstance(said := values.get(key), list) and len(said) == 1:
            values[key] = said[0]
    card = typed(UserCard, values, str(path), where=str(path), named=named)
    check_labels(card.fixed_labels, card.where)
    _check_label_columns(card)
    if len({len(columns) for columns in card.each.values()}) > 1:
        raise BadData(f"{path}: each: the lists have different lengths; give one column for each place")
    for name in ("unit", "cluster"):
        if getattr(card, name) and name in card.columns:
            raise BadData(f"{path}: {name} is said twice, by '{name}:' and in 'columns:'")
    for name, columns in card.columns.items():
        if len(columns) > 1 and name not in ("image", "images", "answers", "choices"):
            raise BadData(f"{path}: columns: {name} is made of one column, not {len(columns)}")
    _ = card.format  # raises now if it is wrong
    return card


def _check_label_columns(card: UserCard) -> None:
    for name, value in card.labels.items():
        if isinstance(value, str):
            continue
        if len(value) != 1:
            raise BadData(f"{card.where}: labels: {name} takes a category, or one column with its values")
        for category in next(iter(value.values())).values():
            check_labels({name: category}, card.where)
