"""Data sets on Kaggle, by its HTTP interface."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from hemm.core import BadData, HemmError, Layout, Progress, Source, digest
from hemm.data.sources.extraction import Limits, extract
from hemm.data.sources.http import File, Retry, download


@dataclass(frozen=True)
class Credentials:
    """A Kaggle login: a token, or user name and key. Never shown."""

    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


def credentials() -> Credentials | None:
    """From ``KAGGLE_API_TOKEN``, ``KAGGLE_USERNAME`` and ``KAGGLE_KEY``, or ``kaggle.json``; None: none set.

    ``kaggle.json`` lies in ``KAGGLE_CONFIG_DIR`` or ``~/.kaggle``. Raises BadData where it is malformed.
    """
    token = os.environ.get("KAGGLE_API_TOKEN", "").strip()
    if token:
        return Credentials(token=token)
    user, key = os.environ.get("KAGGLE_USERNAME", ""), os.environ.get("KAGGLE_KEY", "")
    if user and key:
        return Credentials(user=user, key=key)
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or "~/.kaggle").expanduser()
    file = folder / "kaggle.json"
    if not file.is_file():
        return None
    try:
        login = orjson.loads(file.read_bytes())
        return Credentials(user=str(login["username"]), key=str(login["key"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadData(f"{file} is no Kaggle login: it needs username and key") from None


@dataclass(frozen=True)
class Kaggle(Source):
    """The zip archive of a Kaggle data set (``owner/name``), unpacked.

    >>> from hemm.core import Layout
    >>> layout = Layout(("birds.csv", "images/*.jpg"), lambda folder: iter(()))
    >>> Kaggle("ada/birds", layout, limits=Limits(max_bytes=4 << 30)).name
    'kaggle:ada/birds'
    """

    slug: str
    layout: Layout
    ids: str = ""
    host: str = "https://www.kaggle.com"
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)

    @property
    def name(self) -> str:
        return f"kaggle:{self.slug}"

    def fetch(self, into: Path, progress: Progress | None = None) -> tuple[Path, str]:
        """Get and unpack the archive; the folder and the digest of its bytes.

        Raises HemmError where no login is set or Kaggle does not accept it.
        """
        login = credentials()
        if login is None:
            raise HemmError(
                "no Kaggle login is set: set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, "
                "or put kaggle.json into ~/.kaggle"
            )
        file = File(f"{self.host}/api/v1/datasets/download/{self.slug}", name="archive.zip")
        sha256 = download(
            file,
            into / file.local,
            progress,
            retry=self.retry,
            headers={"Authorization": f"Bearer {login.token}"} if login.token else None,
            auth=None if login.token else (login.user, login.key),
        )
        folder = extract(into / file.local, into / sha256[:12], self.limits)
        return folder, digest([sha256], 16)
