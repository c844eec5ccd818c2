"""How the columns of a user's table are read: what a card says, and where it says nothing, their usual names.

There is one table of usual names (``USUAL``), and what is taken from it is a guess: it is told, with the card
line that would say it. Two columns that could both be meant are an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hemm.core import BadData, Media
from hemm.tasks.cards import COLUMNS

USUAL: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("image_path", "image_paths", "image_file", "image_filename", "image_url", "image_list"),
        *("img", "img_path", "img_file", "imgs", "file_name", "filename", "picture", "pictures", "photo"),
    ),
    "audio": ("audio_path", "audio_file"),
    "video": ("video_path", "video_file"),
    "question": (
        *("text", "query", "question_text", "prompt", "instruction", "problem"),
        *("conversations", "messages"),
    ),
    "choices": ("options", "option", "candidates"),
    "answer": (
        *("label", "gt_answer", "gt", "ground_truth", "gold", "gold_answer", "target", "correct_answer"),
        *("question_answer",),
    ),
}
"""hemm's name -> the names that data sets usually give such a column."""
ALIASES = frozenset(name for names in USUAL.values() for name in names)
DECODED = ("decoded_image", "question_images_decoded")
"""Columns that hold the pictures themselves where a column beside them has their paths."""
TOLD_ONLY = ("unit", "cluster", "after", "labels", "metadata", "split")
"""Names of hemm's that data use in other senses: such a column is hemm's only where the card says so."""
TURNS = ("conversations", "messages")
_SAME = {"image": ("image", "images"), "answer": ("answer", "answers")}
_MEDIA_FILE = re.compile(
    r"(?i)\.(?:png|jpe?g|gif|bmp|webp|tiff?|avif|hei[cf]|jp2|wav|mp3|flac|ogg|m4a|mp4|webm|mkv|mov|avi)$"
)
_NEARLY = 0.75
"""How alike (of 1) a column's name is to one of hemm's that it may have been meant for."""
_MISSPELT = 0.84
"""The same for choices, where ``captions`` is none."""
_GROUPS = {
    "image": re.compile(r"(?i)((?:image|img|picture)_?)(\d{1,2})"),
    "choices": re.compile(r"((?i:(?:option|choice)_?))([A-Za-z]|\d{1,2})|()([A-Z])"),
}
"""Names of columns of which several make one list."""


@dataclass(frozen=True)
class Said:
    """What a card says of the columns.

    columns  hemm's name -> the table's columns
    uses     the names that the card's own prompt asks for; None: the default prompt
    split    whether it names a split
    ours     names of hemm's that it makes of columns in another way (``unit: [set, figure]``)
    before   whether the data were prepared by a version that took every column of hemm's name for hemm's
    layout   what the file's own layout says, in the same form: the letters of a TSV
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uses: frozenset[str] | None = None
    split: bool = False
    ours: frozenset[str] = frozenset()
    before: bool = False
    layout: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Columns:
    """How the columns are read, beside what the card says.

    usual  hemm's name -> the columns that are taken for it by their usual names
    data   columns with a name of hemm's that are the data's own
    rest   columns that are neither: fields for the prompt where they hold single values, and metadata
    """

    usual: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


def seen(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Column -> the first value of it that is not empty; None where all are."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            if found.get(name) is None:
                found[name] = None if empty(value) else value
    return found


def empty(value: Any) -> bool:
    """Whether a cell holds nothing."""
    return value is None or value == "" or value == [] or value == {} or value != value  # NaN


def read_columns(found: Mapping[str, Any], said: Said, where: str) -> Columns:
    """How the columns of a table are read (``found``: what ``seen`` gives).

    Raises BadData, with the card line that would say it, where two columns could be meant, or where a column
    holds pictures that nothing shows.
    """
    mapped = {name for part in (said.columns, said.layout) for names in part.values() for name in names}
    free = [name for name in found if name not in mapped]
    data = () if said.before else tuple(name for name in free if _is_data(name, said))
    free = [name for name in free if name not in data]
    usual: dict[str, tuple[str, ...]] = {}
    for ours in USUAL:
        taken = {name for names in usual.values() for name in names}
        if names := _guess(ours, [n for n in free if n not in taken], found, said, where):
            usual["images" if ours == "image" and len(names) > 1 else ours] = names
    taken = mapped | {name for names in usual.values() for name in names}
    rest = tuple(
        n for n in found if n not in taken and n not in said.columns and (n in data or n not in COLUMNS)
    )
    columns = Columns(usual, data, rest)
    _check_pictures(found, said, columns, where)
    _check_choices(found, said, columns, where)
    return columns


def _is_data(name: str, said: Said) -> bool:
    return name in TOLD_ONLY and name not in {*said.columns, *said.ours} | (
        {"split"} if said.split else set()
    )


def _guess(ours: str, free: list[str], found: Mapping[str, Any], said: Said, where: str) -> tuple[str, ...]:
    """The columns that are ``ours`` by their usual names; none where the card or the table itself says it."""
    own = _SAME.get(ours, (ours,))
    if any(name in said.columns or name in said.layout for name in own):
        return ()
    if ours == "question" and said.uses is not None and "question" not in said.uses:
        return ()
    if ours == "image" and (decoded := [n for n in DECODED if holds_media(found.get(n)) and n in free]):
        return (decoded[0],)
    if any(name in found for name in own):
        return ()
    free = [n for n in free if n not in (said.uses or ())]
    by_name = {_plain(name): name for name in reversed(free)}
    if hit := next((by_name[n] for n in own if n in by_name), None):
        return (hit,)
    if ours in ("image", "choices") and (group := _group(ours, free)):
        return group
    hits = [by_name[n] for n in USUAL[ours] if n in by_name and _may_be(ours, found[by_name[n]])]
    if len(hits) > 1:
        each = " or ".join(f"'columns: {{{ours}: {name}}}'" for name in hits)
        raise BadData(f"{where}: {' and '.join(hits)} could both be the {ours}: say {each} in the card")
    return tuple(hits)


def _may_be(ours: str, value: Any) -> bool:
    """Whether a value can be what a usual name says: ``text`` may also hold a list of captions."""
    if ours == "question":
        return isinstance(value, str) or turns(value)
    if ours == "choices":
        return isinstance(value, str | list | dict)
    return value is not None


def turns(value: Any) -> bool:
    """Whether a value is a conversation: a list of objects with ``from`` or ``role``."""
    return isinstance(value, list) and bool(value) and all(isinstance(t, dict) and _by(t) for t in value)


def _by(turn: Mapping[str, Any]) -> bool:
    return {"from", "value"} <= turn.keys() or {"role", "content"} <= turn.keys()


def _group(ours: str, free: list[str]) -> tuple[str, ...]:
    """Columns that are numbered (``image_1``, ``image_2``) or lettered (``A``, ``B``, ``C``) in one row."""
    groups: dict[str, dict[int, str]] = {}
    for name in free:
        if match := _GROUPS[ours].fullmatch(name):
            prefix, key = (text for text in match.groups() if text is not None)
            number = int(key) if key.isdecimal() else ord(key.lower()) - ord("a")
            groups.setdefault(prefix.lower(), {})[number] = name
    least = 1 if ours == "image" else 2
    for members in groups.values():
        numbers = sorted(members)
        if len(numbers) >= least and numbers[0] in (0, 1) and numbers[-1] - numbers[0] < len(numbers):
            return tuple(members[n] for n in numbers)
    return ()


def _plain(name: str) -> str:
    """A column's name without case, with ``_`` for blanks, points and hyphens."""
    return re.sub(r"[\s.\-]+", "_", name.strip().lower())


def holds_media(value: Any) -> bool:
    """Whether a value is, or names, a picture, sound or video."""
    if isinstance(value, list | tuple):
        return bool(value) and all(holds_media(v) for v in value)
    if isinstance(value, dict):
        return value.keys() == {"bytes", "path"}
    return isinstance(value, Media) or (isinstance(value, str) and _MEDIA_FILE.search(value) is not None)


def _check_pictures(found: Mapping[str, Any], said: Said, columns: Columns, where: str) -> None:
    """Raise BadData where no picture is read, the card says none, and a column holds some."""
    names = ("image", "images", "audio", "video")
    read = {*said.columns, *columns.usual, *(n for n in names if n in found)}
    holding = [name for name in columns.rest if holds_media(found[name])]
    if holding and not read & {*names} and not {*holding} & (said.uses or set()):
        raise BadData(
            f"{where}: pictures are in {', '.join(holding)}, and nothing shows them: say 'columns: "
            f"{{images: {_as_yaml(tuple(holding))}}}' in the card, or 'columns: {{images: }}' to show none"
        )


def _check_choices(found: Mapping[str, Any], said: Said, columns: Columns, where: str) -> None:
    """Raise BadData where no choices are read, and a column with a list is nearly called so (``choises``)."""
    if said.before or "choices" in {*said.columns, *said.layout, *columns.usual, *found}:
        return
    for name in columns.rest:
        value = found[name]
        lists = isinstance(value, list | dict) or (isinstance(value, str) and value.strip()[:1] in ("[", "{"))
        own = ("choices", *USUAL["choices"])
        if (
            lists
            and name not in (said.uses or ())
            and difflib.get_close_matches(_plain(name), own, 1, _MISSPELT)
        ):
            raise BadData(
                f"{where}: the column {name!r} could be meant for choices: say 'columns: "
                f"{{choices: {name}}}' in the card, or 'columns: {{choices: }}' where there are none"
            )


def told(found: Mapping[str, Any], said: Said, columns: Columns, reserved: Iterable[str]) -> Iterator[str]:
    """Lines that say how every column is read; ``reserved`` are the names that templates get from hemm."""
    own = {n: (n,) for n in COLUMNS if n in found and n not in columns.data and n not in said.columns}
    if "image" in columns.usual or "images" in columns.usual:
        own = {n: names for n, names in own.items() if n not in ("image", "images")}
    read = {**own, **said.layout, **{n: names for n, names in said.columns.items() if names}, **columns.usual}
    order = sorted(read, key=[*COLUMNS, *read].index)
    pairs = [f"{ours} <- {_listed(read[ours], found)}" for ours in order]
    yield f"columns: {'; '.join(pairs) or 'none is read'}"
    if columns.usual:
        lines = ", ".join(f"{ours}: {_as_yaml(names)}" for ours, names in columns.usual.items())
        yield f"guessed by their names: what a card would say is 'columns: {{{lines}}}'"
    shown = said.uses or {"hint"}
    for words, names in (
        ("in the prompt", [name for name in columns.rest if name in shown]),
        ("unused (they are metadata)", [name for name in columns.rest if name not in shown]),
    ):
        if names:
            yield f"columns {words}: {', '.join(names)}"
    for name in columns.data:
        line = f"'{name}: {name}'" if name in ("unit", "cluster") else f"'columns: {{{name}: {name}}}'"
        line += " in the card"
        yield f"the column {name} is the data's own, not hemm's {name}: {line} makes it hemm's"
    for name in columns.rest:
        if name in reserved:
            line = f"'columns: {{my_{name}: {name}}}' in the card"
            yield f"{{{{ {name} }}}} in a prompt is hemm's: {line} gives the column as {{{{ my_{name} }}}}"


def _listed(names: tuple[str, ...], found: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} (its first question and answer)" if turns(found.get(name)) else name for name in names
    )


def _as_yaml(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def suggestion(found: Iterable[str], ours: str) -> str:
    """The column that is nearly ``ours`` (``anwser``), in words; else empty."""
    by_name = {_plain(name): name for name in found if name not in COLUMNS}
    close = difflib.get_close_matches(ours, by_name, n=1, cutoff=_NEARLY)
    return f"; did you mean the column {by_name[close[0]]!r}?" if close else ""
