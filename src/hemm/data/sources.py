"""The kinds of sources. Each gets a data set's files into a folder; its layout reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hemm.core import HemmError, Layout, Progress

__all__ = ["Generated", "Local"]


@dataclass(frozen=True)
class Generated:
    """Samples that the layout's reader draws itself; nothing is fetched.

    ``revision`` names the version of what is drawn: a new one makes a new pack.
    """

    layout: Layout
    revision: str = ""
    ids: str = "generated"
    name: str = "generated"

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        return into, self.revision


@dataclass(frozen=True)
class Local:
    """Files of the user's own at ``path`` (a folder, or one file)."""

    path: Path
    layout: Layout
    ids: str = "local"

    @property
    def name(self) -> str:
        return f"local:{self.path.name}"

    def check(self) -> None:
        """Raise HemmError where the files are not there."""
        if not self.path.exists():
            raise HemmError(f"{self.path}: there is no such file or folder")

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        self.check()
        return self.path, ""
