"""Text as it may be stored and shown."""

from __future__ import annotations

import re

_SLUG = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{i}" for p in ("com", "lpt") for i in range(1, 10))}
_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    r"""``text`` with what UTF-8 cannot hold (lone surrogates) written out as ``\udXXX``.

    A model that stops within an emoji may give half of one:

    >>> print(storable("What a day \ud83d"))
    What a day \ud83d
    >>> storable("What a day 😀")
    'What a day 😀'
    """
    if text.isascii() or _SURROGATE.search(text) is None:  # the first is known of every text
        return text
    return _SURROGATE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Invisible characters, such as controls and direction marks. Joiners (U+200C, U+200D) are allowed, since
scripts and emoji need them."""


def written_out(character: str) -> str:
    """The escape of a character: ``\\x1b``, ``\\u202e``, ``\\U000e0041``."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape_unseen(text: str) -> str:
    """``text`` with invisible characters escaped, for attributes, figures and the terminal."""
    return UNSEEN.sub(lambda m: written_out(m.group()), text.replace("\r\n", "\n"))


def counted(count: int, one: str, several: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "sample"), counted(2400, "sample"), counted(0, "category", "categories")
    ('1 sample', '2,400 samples', '0 categories')
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def letters(count: int) -> tuple[str, ...]:
    """The letters of that many choices.

    >>> letters(3)
    ('A', 'B', 'C')
    """
    return tuple(chr(ord("A") + number) for number in range(count))


def slug(name: str) -> str:
    """``name`` as a folder name that is safe on every file system.

    Only ASCII letters, digits, ``.``, ``_``, ``-``; at most 100 characters; no name that Windows reserves.
    ``/`` becomes ``-``. A name that has capital letters, or that must be changed in another way, gets six
    digits of its digest, so that names that differ in these alone have folders of their own.

    >>> slug("openai/gpt-4o-mini")
    'openai-gpt-4o-mini'
    >>> slug("Qwen/Qwen2-VL-2B-Instruct")
    'Qwen-Qwen2-VL-2B-Instruct-c86d3b'
    """
    from hemm.core.hashing import digest

    safe = _SLUG.sub("-", name).strip("-.")
    changed = safe != name.replace("/", "-") or safe != safe.lower() or len(safe) > 100
    if safe.split(".")[0].lower() in _RESERVED or not safe:
        safe, changed = f"_{safe}", True
    return f"{safe[:90]}~{digest(name, 6)}".replace("~", "-") if changed else safe
