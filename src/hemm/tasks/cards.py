"""Task card files: what a user says in YAML about their own data (keys: ``docs/your-own-data.md``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hemm.core import AnswerFormat, BadData, Card, HemmError, UnknownName, check_labels
from hemm.parsing.formats import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer, YesNo

CARD = "card.yaml"

KEYS = (
    *("name", "title", "citation", "homepage", "licence", "notes"),
    *("prompt", "system", "answer", "metrics", "max_new_tokens", "labels"),
    *("file", "columns", "split", "shots", "config", "revision"),
)
ANSWERS = {
    "yes_no": YesNo,
    "one_of": OneOf,
    "many_of": ManyOf,
    "short_answer": ShortAnswer,
    "number": Number,
    "caption": Caption,
    "free_text": FreeText,
}
ANSWER_KEYS = ("format", "words", "labels", "lettered")
COLUMNS = (
    *("id", "image", "images", "audio", "video", "question", "answer", "answers", "choices"),
    *("split", "labels", "unit", "cluster", "after", "stratum", "metadata"),
)
"""What a column can be mapped to; every other name is a field for the prompt."""


@dataclass(frozen=True)
class UserCard:
    """A card file, read. Empty values are left to the layout."""

    where: str = ""
    name: str = ""
    card: Card = field(default_factory=lambda: Card(title=""))
    prompt: str = ""
    system: str = ""
    answer: AnswerFormat | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    """Gold label -> text shown, from ``answer.labels``: the choices of rows that have none."""
    metrics: tuple[str, ...] = ()
    max_new_tokens: int = 0
    file: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Our name -> the table's columns: one, several (pictures, choices), or none (not used)."""
    split: str = ""
    shots: str = ""
    config: str = ""
    revision: str = ""


def read_card(path: Path) -> UserCard:
    """Read a card file. Raises HemmError that names an unknown key (with the nearest) or a wrong value."""
    import yaml

    try:
        # BaseLoader: every value is text, so that `yes` and `no` stay the words they are
        raw = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    except FileNotFoundError:
        raise HemmError(f"{path}: there is no such card file") from None
    except (yaml.YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        raise BadData(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    if raw is None or raw == "":
        raw = {}
    if not isinstance(raw, dict):
        raise BadData(f"{path}: a card is a list of 'key: value' lines")
    return _card(raw, path)


def _card(raw: dict[str, Any], path: Path) -> UserCard:
    _known(raw, KEYS, "key", path)
    plain = {k: _text(raw, k, path) for k in KEYS if k not in ("answer", "metrics", "labels", "columns")}
    labels = _pairs(raw, "labels", path)
    check_labels(labels, str(path))
    answer, shown = _answer(raw.get("answer"), path)
    columns = _columns(raw, path)
    tokens = plain["max_new_tokens"]
    if tokens and (not tokens.isdigit() or int(tokens) < 1):
        raise BadData(f"{path}: max_new_tokens is {tokens!r}, not a whole number from 1 on")
    metrics = raw.get("metrics") or []
    return UserCard(
        where=str(path),
        name=plain["name"],
        card=Card(
            title=plain["title"],
            citation=plain["citation"],
            homepage=plain["homepage"],
            licence=plain["licence"],
            notes=plain["notes"],
            labels=labels,
        ),
        prompt=plain["prompt"],
        system=plain["system"],
        answer=answer,
        shown=shown,
        metrics=tuple(m.strip() for m in (metrics.split() if isinstance(metrics, str) else metrics)),
        max_new_tokens=int(tokens or 0),
        file=plain["file"],
        columns=columns,
        split=plain["split"],
        shots=plain["shots"],
        config=plain["config"],
        revision=plain["revision"],
    )


def _answer(value: Any, path: Path) -> tuple[AnswerFormat | None, dict[str, str]]:
    if not value:
        return None, {}
    settings: dict[str, Any] = {"format": value} if isinstance(value, str) else dict(value)
    _known(settings, ANSWER_KEYS, "key of answer", path)
    name = str(settings.get("format", ""))
    if name not in ANSWERS:
        raise UnknownName(f"answer format in {path}", name, ANSWERS)
    kind = ANSWERS[name]
    given = {k for k in settings if k != "format"}
    allowed = {
        YesNo: {"words"},
        OneOf: {"labels", "lettered"},
        ManyOf: {"labels", "lettered"},
        ShortAnswer: {"lettered"},
    }.get(kind, set())
    if given - allowed:
        raise HemmError(f"{path}: answer format {name} takes no {sorted(given - allowed)[0]!r}")
    if kind is YesNo and "words" in settings:
        words = settings["words"]
        if not isinstance(words, list) or len(words) != 2:
            raise BadData(f"{path}: answer words are a list of two, the affirmative one first")
        return YesNo((str(words[0]), str(words[1]))), {}
    labels = settings.get("labels") or {}
    shown = {str(x): str(x) for x in labels} if isinstance(labels, list) else dict(labels)
    lettered = settings.get("lettered", "false" if shown or kind is not OneOf else "true")
    if lettered not in ("true", "false"):
        raise BadData(f"{path}: lettered is {lettered!r}, not true or false")
    if kind is OneOf:
        return OneOf(shown, lettered=lettered == "true"), shown
    if kind is ManyOf:
        return ManyOf(shown, lettered=lettered == "true"), shown
    if kind is ShortAnswer:
        return ShortAnswer(lettered=lettered == "true"), {}
    return kind(), {}


def _known(raw: Mapping[str, Any], known: tuple[str, ...], kind: str, path: Path) -> None:
    for key in raw:
        if key not in known:
            raise UnknownName(f"{kind} in {path}", str(key), known)


def _text(raw: Mapping[str, Any], key: str, path: Path) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise BadData(f"{path}: {key} is one value, not a list or a group of them")
    return value.strip()


def _columns(raw: Mapping[str, Any], path: Path) -> dict[str, tuple[str, ...]]:
    value = raw.get("columns") or {}
    if not isinstance(value, dict):
        raise BadData(f"{path}: columns are 'name: column' lines")
    found: dict[str, tuple[str, ...]] = {}
    for name, given in value.items():
        names = given if isinstance(given, list) else [given] if given else []
        if not all(isinstance(n, str) for n in names):
            raise BadData(f"{path}: columns: {name} is a column's name or a list of them")
        if len(names) > 1 and name not in ("image", "images", "answers", "choices"):
            raise BadData(f"{path}: columns: {name} is made of one column, not {len(names)}")
        found[str(name)] = tuple(names)
    return found


def _pairs(raw: Mapping[str, Any], key: str, path: Path) -> dict[str, str]:
    value = raw.get(key) or {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadData(f"{path}: {key} are 'name: value' lines")
    return {str(k): v for k, v in value.items()}
