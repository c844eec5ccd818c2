"""What a merged cell takes over from others beside their answers: pictures and verdicts.

The other cell may be somebody else's: nothing is read through a link, and a picture only where its content is
what its name says.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from hemm.core import digest_file, from_files
from hemm.data.files import make_folder
from hemm.results import layout
from hemm.results.files import refuse_link
from hemm.results.stored_media import media_path

VERDICTS = ".verdicts.jsonl"


def take_over(source: Path, target: Path) -> int:
    """Copy to the cell ``target`` the pictures of ``source`` that it has not, and append its verdicts: the
    number of files that are left out, since they are damaged, or nothing that hemm writes.

    Raises BadData where one is a link: it would bring in any file of the user.
    """
    left_out = 0
    for path in _files(source / layout.MEDIA):
        if not from_files.is_digest(path.name) or not path.is_file() or digest_file(path) != path.name:
            left_out += 1
            continue
        copy = media_path(target / layout.MEDIA, path.name)
        if not copy.exists():
            make_folder(copy.parent)
            shutil.copyfile(path, copy)
    for path in _files(source / layout.SCORES):
        if path.name.endswith(VERDICTS) and path.is_file():
            make_folder(target / layout.SCORES)
            with open(target / layout.SCORES / path.name, "ab") as file:
                file.write(path.read_bytes().removesuffix(b"\n") + b"\n")  # its last line may be torn
    return left_out


def _files(folder: Path) -> Iterator[Path]:
    """What is in ``folder`` and the folders in it, but folders."""
    for path in sorted(folder.rglob("*")):
        refuse_link(path)
        if not path.is_dir():
            yield path
