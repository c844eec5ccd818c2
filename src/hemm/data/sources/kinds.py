"""The kinds of sources. Each gets a data set's files into a folder; its layout reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeVar

from hemm.core import BadData, HemmError, Layout, LeftOut, Progress, Sample, Source, digest, redact
from hemm.data.readers.layouts import file_marks
from hemm.data.sources.extraction import Limits, extract, merge, merge_file
from hemm.data.sources.http import File, Retry, download
from hemm.data.sources.hub import Hub
from hemm.data.sources.kaggle import Kaggle

__all__ = [
    "ByHand",
    "File",
    "Generated",
    "Http",
    "Hub",
    "Kaggle",
    "Limits",
    "Local",
    "Retry",
    "in_folders",
    "reading",
]


@dataclass(frozen=True)
class Generated(Source):
    """Samples that the layout's reader draws itself; nothing is fetched.

    ``revision`` names the version of what is drawn: a new one makes a new pack, and the same one is not read
    again. What a reader of your own gives cannot be known without reading: without ``revision``, every
    command that needs the pack reads it (equal samples are the same pack, and ask nothing).

    >>> from pathlib import Path
    >>> from hemm.core import Layout, Sample
    >>> def sums(folder):
    ...     for n in range(1, 4):
    ...         yield Sample(f"sum-{n}", fields={"question": f"{n} + {n} = ?"}, references=(str(2 * n),))
    >>> source = Generated(Layout((), sums), revision="1")
    >>> [sample.references[0] for sample in source.layout.read(Path())]
    ['2', '4', '6']
    """

    layout: Layout
    revision: str = ""
    ids: str = "generated"
    name: str = "generated"
    at_hand: ClassVar[bool] = True

    def fingerprint(self) -> dict[str, Any]:
        return {"revision": self.revision}

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        return into, self.revision


@dataclass(frozen=True)
class Local(Source):
    """Files of the user's own at ``path`` (a folder, or one file).

    ``revision``: where it is given, a reader of your own is read again only where it, these files or this
    changed; without, by every command that needs the pack, since it may take rows from elsewhere too.

    >>> from pathlib import Path
    >>> from hemm.core import Layout
    >>> source = Local(Path("my_birds"), Layout(("birds.csv",), lambda folder: iter(())))
    >>> source.name, source.at_hand
    ('local:my_birds', True)
    >>> source.fetch(Path("cache"))
    Traceback (most recent call last):
        ...
    hemm.core.errors.HemmError: my_birds: there is no such file or folder
    """

    path: Path
    layout: Layout
    ids: str = "local"
    revision: str = ""
    at_hand: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"local:{self.path.name}"

    def location(self) -> dict[str, Any]:
        return {"source": self.name, "path": str(self.path.expanduser().resolve())}

    def fingerprint(self) -> dict[str, Any]:
        marks = file_marks(self._there())
        return marks | {"revision": self.revision} if self.revision else marks

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        return self._there(), self.revision

    def _there(self) -> Path:
        if not self.path.exists():
            raise HemmError(f"{self.path}: there is no such file or folder")
        return self.path


@dataclass(frozen=True)
class ByHand(Source):
    """Files that nobody may fetch unasked: they are read with ``--from`` alone.

    where  the address at which people get them
    why    what stands in the way: the error of whoever asks for them without ``--from``

    >>> from hemm.core import Layout
    >>> layout = Layout(("birds.csv",), lambda folder: iter(()))
    >>> source = ByHand("https://example.org/birds", "birds needs a signed form: see its page", layout)
    >>> source.name, source.by_hand
    ('by hand: https://example.org/birds', 'birds needs a signed form: see its page')
    """

    where: str
    why: str
    layout: Layout
    ids: str = ""

    @property
    def name(self) -> str:
        return f"by hand: {self.where}"

    @property
    def by_hand(self) -> str:
        return self.why

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Raises HemmError: says why."""
        raise HemmError(self.why)


@dataclass(frozen=True)
class Http(Source):
    """Files and archives on web servers (a git host's archive of a commit is one).

    Archives with ``unpack`` are unpacked safely; the folder to read holds what all of them have, each below
    its ``unpack``, and the other files. The revision is the digest of the files' hashes unless it is given
    (the commit of a git archive).

    >>> from hemm.core import Layout
    >>> files = [File(f"https://example.org/{name}.zip?raw=1", unpack=name) for name in ("train", "test")]
    >>> layout = Layout(("train/*.png", "test/*.png"), lambda folder: iter(()))
    >>> Http(files, layout, retry=Retry(attempts=10)).name
    'https://example.org/train.zip'
    """

    files: Sequence[File]
    layout: Layout
    ids: str = ""
    revision: str = ""
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)

    @property
    def name(self) -> str:
        return self.files[0].url.split("?")[0]

    def location(self) -> dict[str, Any]:
        return {"urls": [redact(file.url) for file in self.files], "revision": self.revision}

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Get the files; the folder to read and the revision.

        Raises BadData for a file that is not as expected or leads out of ``into``, HemmError where a server
        cannot be reached or does not have it.
        """
        hashes = []
        for file in self.files:
            for part in (file.local, file.unpack):
                if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts:
                    raise BadData(f"{self.name}: {part!r} leads out of the download folder")
            hashes.append(download(file, into / file.local, progress, retry=self.retry))
        if not any(file.unpack for file in self.files):
            return into, self.revision or digest(hashes, 16)
        # the hash is part of the name: a changed archive is unpacked anew
        root = into / "files" / digest(hashes, 12)
        for file, sha256 in zip(self.files, hashes, strict=True):
            if file.unpack:
                unpacked = extract(into / file.local, into / "unpacked" / sha256[:16], self.limits)
                merge(unpacked, root if file.unpack == "." else root / file.unpack)
            else:
                merge_file(into / file.local, root / file.local)
        return root, self.revision or digest(hashes, 16)


S = TypeVar("S", bound="ByHand | Http | Hub | Kaggle")


def in_folders(
    source: Callable[..., S],
    tops: Sequence[str],
    required: Sequence[str],
    read: Callable[..., Iterator[Sample | LeftOut]],
) -> tuple[S, ...]:
    """One source for each of the folders in which copies of a data set keep the same files.

    source    makes the source of one copy when it is called with ``layout=``
    tops      the folders, ``""`` for the top one, in order of preference
    required  what must lie in such a folder
    read      the reader, which is called with the data set's folder and ``top=``

    >>> from functools import partial
    >>> def read(folder, top):
    ...     yield from ()
    >>> sources = in_folders(partial(Hub, ("example/birds",)), ("data/", ""), ("birds.json",), read)
    >>> [source.layout.required for source in sources]
    [('data/birds.json',), ('birds.json',)]
    """
    return tuple(
        source(layout=Layout(tuple(str(PurePosixPath(top, r)) for r in required), partial(read, top=top)))
        for top in tops
    )


def reading(sources: Sequence[S], **arguments: Any) -> tuple[S, ...]:
    """The same sources for a variant, whose reader is called with other ``arguments`` (by name).

    >>> from functools import partial
    >>> from hemm.core import Layout
    >>> def read(folder, last):
    ...     yield from ()
    >>> layout = Layout(("birds.json",), partial(read, last=False))
    >>> (source,) = reading([Hub(("example/birds",), layout)], last=True)
    >>> source.layout.read.keywords
    {'last': True}
    """
    return tuple(
        replace(s, layout=Layout(s.layout.required, partial(s.layout.read, **arguments))) for s in sources
    )
