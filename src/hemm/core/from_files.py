"""Names, paths and digests that a file gives: each matches a strict form, or is refused.

Results, packs, cards and data sets may be somebody else's. What such a file says is never joined to a folder
as it is: a name like ``../../.bashrc`` would reach any file of the user.
"""

from __future__ import annotations

import re
from pathlib import Path

from hemm.core.errors import BadData
from hemm.core.user_files import shown

DIGEST = re.compile(r"[0-9a-f]{64}")
"""A SHA-256."""
PART = re.compile(r"answers/part-[0-9]{5,9}\.parquet")
"""A sealed part of a cell's answers."""
CALLS = re.compile(r"calls\.parquet")
"""The log of a cell's calls."""
PACK_DATA = re.compile(r"(?:test|shots)-[0-9]{5,9}-of-[0-9]{5,9}\.parquet")
"""A data file of a pack."""
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,149}")
"""A name without a folder: of a metric's scores, of a pack."""


def is_digest(value: object) -> bool:
    """Whether ``value`` is a SHA-256: 64 lower-case hex digits.

    >>> is_digest(64 * "0"), is_digest("../../.ssh/id_rsa"), is_digest(64 * "0" + "\\n")
    (True, False, False)
    """
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def name_of(form: re.Pattern[str], value: object, what: str, where: object) -> str:
    """``value`` where it is a text of this form.

    Raises BadData: ``{where}: {what} is ...``, which a file that hemm wrote never gives.

    >>> name_of(PART, "answers/part-00000.parquet", "a part", "run.json")
    'answers/part-00000.parquet'
    >>> name_of(PART, "../../.bashrc", "a part", "run.json")
    Traceback (most recent call last):
    ...
    hemm.core.errors.BadData: run.json: a part is '../../.bashrc', which hemm never writes: it is not opened
    """
    if isinstance(value, str) and form.fullmatch(value):
        return value
    raise BadData(f"{where}: {what} is {shown(value)}, which hemm never writes: it is not opened")


def lies_below(folder: Path, name: str) -> bool:
    """Whether ``name``, seen from ``folder``, is the folder or lies below it, links followed.

    >>> from pathlib import Path
    >>> [lies_below(Path("data"), name) for name in ("pictures/1.png", "../1.png", "/etc/passwd")]
    [True, False, False]
    """
    try:
        return (folder / Path(name).expanduser()).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL, an unknown ~user
        return False
