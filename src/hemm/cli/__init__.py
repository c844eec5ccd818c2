"""The command line: one file a command; ``program`` calls them.

Little is imported here, so that Ctrl-C finds its handler before the imports, which take most of a short
command's time.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
"""``typing`` has this too, and takes a while to import."""
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any

    from hemm.cli.program import COMMANDS, group, status

__all__ = ["COMMANDS", "group", "main", "status"]

_IMPORTS = "<frozen importlib._bootstrap>"
"""The file that Python's own frames say while a module is imported."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the ``hemm`` command and end the process with its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    from hemm.cli import program

    program.main(args)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; but while a module is imported end the process, since an import that is cut
    short may end in any error, or in a crash of what is no Python."""
    at = frame
    while at is not None and at.f_code.co_filename != _IMPORTS:
        at = at.f_back
    if at is None:
        raise KeyboardInterrupt
    known: Any = sys.modules.get("hemm.cli._process")
    words, status = known.interrupted() if hasattr(known, "interrupted") else ("interrupted", 130)
    try:
        os.write(2, f"hemm: {words}\n".encode())
    except OSError:  # nobody reads it any more
        pass
    os._exit(status)


def __getattr__(name: str) -> Any:
    if name in ("COMMANDS", "group", "status"):
        from hemm.cli import program

        return getattr(program, name)
    raise AttributeError(f"module 'hemm.cli' has no attribute {name!r}")
