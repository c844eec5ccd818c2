"""Finds a data set's files, which copies of it have in other folders and with other endings."""

from __future__ import annotations

import os
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from hemm.core import BadData, Media
from hemm.data import cache
from hemm.data.zips import open_zip

SUFFIXES = (".jpg", ".jpeg", ".png")
_KNOWN = (*SUFFIXES, ".JPG", ".webp")
_PICTURES = (*SUFFIXES, ".tif", ".tiff")
_LARGEST = 1 << 28  # bytes
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".rar", ".7z")
_MOST = 100  # folders of one level that are looked through for archives
MACOS = "__MACOSX"
"""A folder that macOS adds to zip archives, with files named ``._`` and the name of a real file."""


class FileFinder:
    """Finds files by name in the folders ``places`` below ``folder``: in their order, those that are there.

    suffixes  endings that copies give the files: a name is looked for as it is, and with each of them in
              place of its own; none where names are whole
    anywhere  whether the folder's other subfolders are searched too, and the zip archives that lie in any
              of these folders

    A name may have folders of its own (``train/12.png``). Names match but for the case of letters and the
    form of accents where no file has the very name. Each folder is listed once, when first needed. Raises
    BadData for a damaged archive.

    >>> from pathlib import Path
    >>> Path("estuary/train").mkdir(parents=True)
    >>> _ = Path("estuary/train/7.png").write_bytes(b"a picture")
    >>> finder = FileFinder(Path("estuary"), ("images", "train"))
    >>> finder.find("7.jpg").as_posix(), finder.has("8.jpg")
    ('estuary/train/7.png', False)
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[str],
        suffixes: Sequence[str] = SUFFIXES,
        *,
        anywhere: bool = False,
    ) -> None:
        named = [folder / place for place in places]
        if anywhere:
            named += sorted(p for p in folder.iterdir() if p.is_dir() and not is_own(p))
        self._folders = [str(p) for p in dict.fromkeys(named) if p.is_dir()]
        self._expected = next((f for f in self._folders if Path(f) != folder), str(named[0]))
        self._suffixes = tuple(suffixes)
        self._listed: dict[str, frozenset[str]] = {}
        self._folds: dict[str, dict[str, str]] = {}
        self._archives = [folder, *map(Path, self._folders)] if anywhere else []
        self._packed: dict[str, Media] | None = None

    def find(self, *names: str) -> Path:
        """The file with one of ``names``, in the first folder that has one. If none has, the path of the
        first name in the folder in which the last file was found, or was expected."""
        return self._found(names) or Path(self._expected, self._spelled(names[0])[0])

    def at(self, *names: str) -> Media:
        """As ``find``, but as a medium, which may be in an archive."""
        path = self._found(names)
        return self._unpacked(names) or Media.at(self.find(*names)) if path is None else Media.at(path)

    def has(self, *names: str) -> bool:
        """Whether there is a file with one of ``names``."""
        return self._found(names) is not None or self._unpacked(names) is not None

    def _found(self, names: Sequence[str]) -> Path | None:
        spelled = dict.fromkeys(s for name in names for s in self._spelled(name))
        for place in self._folders:
            for name in spelled:
                if self._is_in(place, name):
                    self._expected = place
                    return Path(place, name)
        folded = {_folded(name): name for name in spelled}
        others = (self._otherwise(place, *pair) for place in self._folders for pair in folded.items())
        return next((other for other in others if other is not None and other.is_file()), None)

    def _otherwise(self, place: str, folded: str, name: str) -> Path | None:
        """As ``spelled_otherwise``, with the folder listed once, since many names may be missing."""
        if "/" in name or os.sep in name:
            return spelled_otherwise(Path(place, name))
        if place not in self._folds:
            self._folds[place] = _by_fold(Path(place), os.stat(place).st_mtime_ns)
        other = self._folds[place].get(folded)
        return None if other is None else Path(place, other)

    def _is_in(self, place: str, name: str) -> bool:
        if "/" in name or os.sep in name:
            return os.path.isfile(os.path.join(place, name))
        if place not in self._listed:
            with os.scandir(place) as entries:
                self._listed[place] = frozenset(entry.name for entry in entries if entry.is_file())
        return name in self._listed[place]

    def _spelled(self, name: str) -> tuple[str, ...]:
        """The possible file names of ``name``; if it has an ending, itself first."""
        stem = name
        for suffix in (*_KNOWN, *self._suffixes):
            stem = stem.removesuffix(suffix)
        others = [stem + suffix for suffix in self._suffixes]
        return tuple(dict.fromkeys((name, *others) if stem != name else (*others, name)))

    def _unpacked(self, names: Sequence[str]) -> Media | None:
        if not self._archives:
            return None
        if self._packed is None:
            files = [f.resolve() for place in self._archives for f in sorted(place.glob("*.zip"))]
            self._packed = _members(dict.fromkeys(files))
        spelled = (PurePosixPath(s).name for name in names for s in self._spelled(name))
        return next((self._packed[name] for name in spelled if name in self._packed), None)


def _members(archives: Iterable[Path]) -> dict[str, Media]:
    """Name without folders -> picture in a zip archive, the first of equal names."""
    by_name: dict[str, Media] = {}
    for file in archives:
        stamp = file.stat().st_mtime_ns
        for member in _archive(file, stamp).namelist():
            name = PurePosixPath(member).name
            if name.lower().endswith(_KNOWN) and not name.startswith("._"):
                by_name.setdefault(name, Media(load=partial(_member, file, stamp, member), name=name))
    return by_name


@lru_cache(maxsize=8)
def _archive(file: Path, stamp: int) -> zipfile.ZipFile:
    """The open archive, cached by its path and modification time ``stamp``."""
    try:
        return open_zip(file)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise BadData(f"{file} is no zip archive that can be read: {error}") from None


def _member(file: Path, stamp: int, member: str) -> bytes:
    archive = _archive(file, stamp)
    size = archive.getinfo(member).file_size
    if size > _LARGEST:
        raise BadData(f"{file}: {member} has {size} bytes, too many for a picture")
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadData(f"{file}: {member} cannot be unpacked: {error}") from None


def spelled_otherwise(path: Path) -> Path | None:
    """The file at ``path`` up to the case of letters and the form of accents, which differ between systems;
    None if there is none, or several.
    """
    folder = path.parent if path.parent.is_dir() else spelled_otherwise(path.parent)
    if folder is None or path.parent == path:
        return None
    other = _by_fold(folder, folder.stat().st_mtime_ns).get(_folded(path.name))
    return None if other is None else folder / other


@lru_cache(maxsize=64)
def _by_fold(folder: Path, stamp: int) -> dict[str, str]:
    """Folded name -> name in a folder, without names that fold alike; cached by the modification time
    ``stamp``."""
    names = os.listdir(folder)
    often = Counter(map(_folded, names))
    return {folded: name for name in names if often[folded := _folded(name)] == 1}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def by_folder(top: Path) -> Iterator[tuple[str, Path]]:
    """(class, picture) of the pictures in each folder in ``top``, both in the order of their names.

    A folder's name is the class of its pictures (.jpg, .jpeg, .png, .tif, .tiff); hidden files and folders
    are passed over.

    >>> from pathlib import Path
    >>> for name in ("heron/1.jpg", "owl/1.jpg", "owl/2.jpg"):
    ...     Path("classes", name).parent.mkdir(parents=True, exist_ok=True)
    ...     Path("classes", name).touch()
    >>> [(bird, file.name) for bird, file in by_folder(Path("classes"))]
    [('heron', '1.jpg'), ('owl', '1.jpg'), ('owl', '2.jpg')]
    """
    for place in sorted(p for p in top.iterdir() if p.is_dir() and not is_own(p)):
        for file in sorted(place.iterdir()):
            if file.suffix.lower() in _PICTURES and not file.name.startswith("."):
                yield place.name, file


def archives(folder: Path, deep: int = 2) -> list[str]:
    """Paths below ``folder`` of archives in it and in its subfolders, ``deep`` levels down."""
    names: list[str] = []
    level = [folder] if folder.is_dir() else []  # what hemm draws itself comes from no folder
    for _ in range(deep + 1):
        entries = [p for place in level[:_MOST] for p in sorted(place.iterdir())]
        names += [p.relative_to(folder).as_posix() for p in entries if p.name.lower().endswith(_ARCHIVES)]
        level = [p for p in entries if p.is_dir() and not is_own(p)]
    return [name for name in names if (folder / name).is_file() and not Path(name).name.startswith(".")]


def is_own(folder: Path) -> bool:
    """Whether a folder does not belong to a data set: a pack, hemm's cache, hidden, or added by macOS."""
    if folder.name.startswith(".") or folder.name == MACOS or (folder / cache.PACK_FILE).is_file():
        return True
    root = cache.root()
    return folder.name == root.name and folder.resolve() == root.resolve()


def below(folder: Path, pattern: str) -> Iterator[Path]:
    """What matches ``pattern`` (as of ``Path.glob``) below ``folder``, but nothing hidden, in packs, or in
    hemm's cache. In no particular order.

    >>> from pathlib import Path
    >>> Path("copy/data").mkdir(parents=True)
    >>> for name in ("data/train-0.parquet", "data/test-0.parquet", "data/.test-0.parquet"):
    ...     Path("copy", name).touch()
    >>> [file.name for file in sorted(below(Path("copy"), "**/*test*.parquet"))]
    ['test-0.parquet']
    """
    known: dict[Path, bool] = {folder: (folder / cache.PACK_FILE).is_file()}

    def own(place: Path) -> bool:
        if place not in known:
            known[place] = own(place.parent) or is_own(place)
        return known[place]

    return (p for p in folder.glob(pattern) if not p.name.startswith(".") and not own(p.parent))
