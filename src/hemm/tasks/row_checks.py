"""What contradicts itself in one row of a table: two answers, choices that are pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hemm.core import BadData
from hemm.core.text import letters
from hemm.tasks.cells import choices_of, scalar
from hemm.tasks.columns import holds_media

_WORD = re.compile(r"[^\W_]+")


def check_shown(shown: Sequence[str], folders: Iterable[Path], where: str) -> None:
    """Raise BadData where all choices are pictures, data URLs or files in ``folders``: they would go out as
    their names."""
    if not shown or not all(text.startswith("data:image/") or holds_media(text) for text in shown):
        return
    near = tuple(folders)
    if any(text.startswith("data:") or (folder / text).is_file() for text in shown for folder in near):
        raise BadData(
            f"{where}: the choices are pictures ({shown[0]!r:.40}), and nothing shows them: list them in "
            "'images' of the row, and write '<image 1>', '<image 2>', ... as choices"
        )


def contradiction(answer: str, values: Iterable[Any], choices: Any, where: str) -> str:
    """The first of a row's own right answers (``values``) where none agrees with that of its conversation:
    is it, stands in it, has it, or is the letter or text of the same choice; else empty.

    >>> contradiction("The answer is B.", ["red"], ["blue", "red"], "line 1")
    ''
    >>> contradiction("blue", ["red"], None, "line 1")
    'red'
    """
    own = [text for value in values if (text := scalar(value))]
    shown, names = choices_of(choices, "choices", where)
    keys = names or letters(len(shown))
    by_letter = {_words(letter): _words(text) for letter, text in zip(keys, shown, strict=True)}
    said = _words(answer)
    for text in own:
        words = _words(text)
        same = {words, by_letter.get(words, words), *(k for k, t in by_letter.items() if t == words)}
        if any(one in said or said in one for one in same):
            return ""
    return own[0] if own else ""


def _words(text: str) -> str:
    """A text's words between blanks, without case and marks: one text is found as part of another."""
    found = _WORD.findall(text.lower()) or [text.strip()]
    return f" {' '.join(found)} "
