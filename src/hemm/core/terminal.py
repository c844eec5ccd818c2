"""What is printed: the one place through which texts go to a terminal, a pipe or a log.

Names, answers, error bodies and rows are others' text. An escape sequence in one could move the cursor over
what was printed, rename the window, write to the clipboard or draw a link: control and invisible characters
are shown as escapes, never sent. Secrets that are known are not printed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from hemm.core.secrets import hide
from hemm.core.text import UNSEEN, escape_unseen, storable


def printable(text: str) -> str:
    r"""``text`` as it may be printed. Line breaks and tabs stay.

    >>> print(printable("a heron\x1b]52;c;Y3VybA==\x07, left\u202eright"))
    a heron\x1b]52;c;Y3VybA==\x07, left\u202eright
    """
    return escape_unseen(hide(storable(text)))


def escape_in_json(text: str) -> str:
    r"""A JSON text in which control and invisible characters are JSON's own escapes: the value is the same.

    >>> escape_in_json('"left\u202eright"') == '"left' + chr(92) + 'u202eright"'
    True
    """

    def escaped(match: re.Match[str]) -> str:
        units = match.group().encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

    return UNSEEN.sub(escaped, text)


def echo(text: str = "", *, err: bool = False, nl: bool = True, bold: bool = False) -> None:
    """Print ``text`` on stdout or, with ``err``, on stderr."""
    import click

    click.echo(click.style(printable(text), bold=True) if bold else printable(text), err=err, nl=nl)


def echo_marked(parts: Sequence[tuple[str, bool]]) -> None:
    """Print pieces of one line, those that are marked (True) in reverse video where stdout is a terminal."""
    import click

    click.echo("".join(click.style(printable(t), reverse=True) if on else printable(t) for t, on in parts))


def log_line(text: str) -> None:
    """Print a line of a log on stderr at once."""
    print(printable(text), file=sys.stderr, flush=True)
