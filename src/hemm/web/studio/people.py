"""Who annotates: names, personal tokens, cookies, and the token that a form carries.

One key for each results folder lies in the cache folder, for its owner alone. All tokens are made of it, so
they are the same after a restart, and none is stored beside the results.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from hemm.core import HemmError, digest
from hemm.core.text import UNSEEN
from hemm.data import cache

COOKIE, ORGANISER = "hemm_annotator", "hemm_organiser"
LONGEST_NAME = 60
FOLDER = "annotate"


class Keys:
    """Signs what a browser brings back."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, folder: Path) -> Keys:
        """The key of a results folder, made where there is none."""
        path = cache.root() / FOLDER / f"{digest(str(folder.resolve()), 16)}.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) == 32:
                return cls(key)
            raise HemmError(f"{path} is no key: delete it, and the personal addresses are new ones") from None
        key = secrets.token_bytes(32)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def sign(self, *words: str) -> str:
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:40]

    def same(self, given: str, *words: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.sign(*words).encode())

    def cookie(self, name: str) -> str:
        """An annotator's cookie: the name, signed."""
        told = urlsafe_b64encode(name.encode()).decode().rstrip("=")
        return f"{told}.{self.sign('annotator', name)}"

    def name_in(self, cookie: str) -> str:
        """The annotator of a cookie; empty where it is none of this folder's."""
        told, _, sign = cookie.partition(".")
        try:
            name = urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode()
        except ValueError:
            return ""
        return name if name and self.same(sign, "annotator", name) else ""

    def token(self, name: str) -> str:
        """The personal token of an annotator, for an address."""
        told = urlsafe_b64encode(name.encode()).decode().rstrip("=")
        return f"{told}.{self.sign('token', name)}"

    def name_of_token(self, token: str) -> str:
        told, _, sign = token.partition(".")
        try:
            name = urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode()
        except ValueError:
            return ""
        return name if name and self.same(sign, "token", name) else ""

    @property
    def organiser(self) -> str:
        return self.sign("organiser")


def checked_name(text: str) -> str:
    """A name as it is stored. Raises HemmError where it is none."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if not name:
        raise HemmError("write your name: votes are stored with it")
    if len(name) > LONGEST_NAME or UNSEEN.search(name):
        raise HemmError(f"a name has at most {LONGEST_NAME} characters, all of them visible")
    return name
