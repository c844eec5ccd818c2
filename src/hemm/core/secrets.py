"""Removes secrets from texts: by value where it is known, else by place and shape, never by words alone.

A text may be the path of a data set, a prompt, or an answer about tokens, keys and passwords: those stay. So
``redact`` is for what hemm says (errors, addresses, commands), and ``hide`` for what data and models say, in
which known values alone are secrets. Both come before any cut of a text.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from hemm.core.errors import HemmError
from hemm.core.secret_shapes import LEAST, PARAMETERS, RULES, SHOWN, looks_random

_SECRET_WORDS = frozenset(
    {"KEY", "KEYS", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS", "PAT"}
)
_HARMLESS_ENDS = frozenset(
    {"FILE", "PATH", "DIR", "HOME", "NAME", "URL", "ENDPOINT", "ENV", "TYPE", "MODE", "LIMIT", "SIZE", "SOCK"}
)
"""Last words of names that say where a secret is, or of which kind: SSL_KEY_FILE."""
_WORDS = re.compile(r"[A-Za-z]+(?:[-_ ][A-Za-z]+){0,3}")
_PLACEHOLDERS = frozenset(
    (
        *("anything", "changeme", "change-me", "default", "disabled", "dummy", "dummy-key"),
        *("empty", "example", "fake-key", "lm-studio", "no-key", "no-key-required", "none-needed"),
        *("not-needed", "not-used", "ollama", "optional", "password", "placeholder", "required"),
        *("secret", "sk-no-key-required", "unused", "your-api-key", "your-key"),
    )
)
"""What people write where a key is asked for and none is needed: words that stand in texts for themselves."""

_kept: dict[str, None] = {}
"""Values that hemm read from elsewhere than a variable whose name says it: options, addresses."""


def keep_secret(value: str) -> None:
    """From now on, remove ``value`` from every text: a key that was read, wherever it came from."""
    if len(value) >= LEAST or (len(value) >= 4 and not _WORDS.fullmatch(value)):
        _kept[value] = None


def keep_options(words: Iterable[str]) -> None:
    """Keep the secrets in the words of a command: in addresses, and in ``NAME=VALUE`` by the name."""
    for word in words:
        for url in re.findall(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+", word):
            for value in url_secrets(url):
                keep_secret(value)
        name, sign, value = word.removeprefix("--set=").partition("=")
        if sign and holds_secret(name.lstrip("-")) and not is_path(value):
            keep_secret(value)


def url_secrets(url: str) -> tuple[str, ...]:
    """The secrets in an address: user and password, as they are written, read and sent, and the values of
    known parameters.

    >>> url_secrets("https://me@lab.org:pa%40ss@host/v1?api-version=1&sig=c2lnbmVk")
    ('pa%40ss', 'pa@ss', 'me@lab.org:pa%40ss', 'bWVAbGFiLm9yZzpwYUBzcw==', 'c2lnbmVk')
    """
    rest = url.partition("://")[2]
    user = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[0] or _odd_user(rest)
    name, colon, password = user.partition(":")
    found = [password, unquote(password), user] if colon else [user] if looks_random(user, 16) else []
    if user:
        pair = f"{unquote(name)}:{unquote(password)}".encode()
        found.append(base64.b64encode(pair).decode())
    query = rest.partition("#")[0].partition("?")[2]
    for part in re.split("[&;]", query):
        name, _, value = part.partition("=")
        if re.fullmatch(PARAMETERS, name, re.IGNORECASE):
            found += [value, unquote(value)]
    return tuple(dict.fromkeys(value for value in found if value))


def _odd_user(rest: str) -> str:
    """User and password where the password has a character that ends a host: ``me:a/b@host``."""
    found = re.match(r"([^\s/?#@:\[]*:(?!\d{1,5}[/?#])[^\s@]*)@", rest)
    return found[1] if found else ""


@cache
def _by_name(name: str) -> bool:
    words = name.upper().replace("-", "_").split("_")
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _HARMLESS_ENDS


def holds_secret(name: str) -> bool:
    """Whether an environment variable holds a key, by its name.

    >>> [holds_secret(name) for name in ("OPENAI_API_KEY", "HF_TOKEN", "SSL_KEY_FILE", "KEYBOARD")]
    [True, True, False, False]
    """
    return _by_name(name)


def secret_values(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The values of the environment variables that hold keys, long enough to be one (paths are none), and
    those in addresses with a user (of a proxy)."""
    variables = os.environ if environment is None else environment
    values = [value.strip() for name, value in variables.items() if _by_name(name)]
    found = [v for v in values if len(v) >= LEAST and not is_path(v)]
    for value in variables.values():
        if "@" in value and "://" in value:
            found += [secret for secret in url_secrets(value) if len(secret) >= 4]
    return tuple(found)


def _known() -> tuple[str, ...]:
    """All values that are known, the longest first: looked for once for each state of the environment, since
    every answer is looked through."""
    global _last_known
    variables = getattr(os.environ, "_data", os.environ)  # reading them decodes each
    environment, kept, known = _last_known
    if environment != variables or kept != len(_kept):
        environment, kept, known = dict(variables), len(_kept), _all_known()
        _last_known = environment, kept, known
    return known


_last_known: tuple[dict[Any, Any], int, tuple[str, ...]] = ({}, -1, ())
"""The environment and the number of kept values, and what was known with them."""


def _all_known() -> tuple[str, ...]:
    home = os.path.expanduser("~")
    hub = os.environ.get("HF_HOME") or os.path.join(home, ".cache", "huggingface")
    kaggle = os.environ.get("KAGGLE_CONFIG_DIR") or os.path.join(home, ".kaggle")
    files = (
        os.environ.get("NETRC") or os.path.join(home, ".netrc"),
        os.environ.get("HF_TOKEN_PATH") or os.path.join(hub, "token"),
        os.path.join(kaggle, "kaggle.json"),
    )
    return tuple(sorted({*secret_values(), *_kept, *_in_files(*files)}, key=len, reverse=True))


@cache
def _in_files(logins: str, token: str, kaggle: str) -> tuple[str, ...]:
    """The secrets in files that the libraries of hemm read by themselves."""
    import netrc

    found: list[str] = []
    with suppress(OSError, netrc.NetrcParseError, UnicodeDecodeError):
        for user, account, password in netrc.netrc(logins).hosts.values():
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            found += [value for value in (account, password, pair) if value]
    with suppress(OSError, UnicodeDecodeError):
        found.append(Path(token).read_text().strip())
    with suppress(OSError, ValueError, AttributeError):
        found.append(str(json.loads(Path(kaggle).read_bytes()).get("key", "")))
    return tuple(value for value in found if len(value) >= LEAST)


def is_path(value: str) -> bool:
    """Whether a value says where something is, and is no secret itself."""
    return value.startswith(("/", "~", "./", "../"))


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """``text`` without keys, tokens, auth headers and credentials in URLs: ``[secret]`` in their place.

    Removed are the values that are known (of environment variables that hold keys, of options and addresses,
    of the files in which logins lie, and ``secrets``), also where a cut left a part of one; what stands
    behind the name of a header, a key or a parameter (``x-api-key: ...``, ``api_key=...``, ``?sig=...``);
    and what is written like the keys of known services. A value below eight characters, or one that is a
    word, is removed where no letter or digit is beside it.

    >>> redact("401 from https://ada:hunter2@example.org/v1 (Authorization: Bearer abc123def456)")
    '401 from https://[secret]@example.org/v1 (Authorization: Bearer [secret])'
    >>> redact("./skin_cancer_mnist_ham10000, token: the answer")
    './skin_cancer_mnist_ham10000, token: the answer'
    """
    if not text:
        return text
    known = _known()
    for value in sorted({*secrets, *known}, key=len, reverse=True) if secrets else known:
        text = _without(text, value)
    for pattern, replaced in RULES:
        text = pattern.sub(replaced, text)
    return text


def hide(text: str) -> str:
    """``text`` of data or of a model without the values that are known to be secrets. Nothing is guessed:
    what only looks like a key stays, and so do words, even where somebody's password is one."""
    if not text:
        return text
    for value in _known():
        if len(value) >= LEAST and not _WORDS.fullmatch(value):
            text = _without(text, value)
    return text


def refuse_in_name(name: str, what: str, instead: str = "") -> None:
    """Raise HemmError where ``name``, which files and folders get, holds a known secret.

    In a text ``[secret]`` stands in its place; a name of which a part was replaced would be another's.

    what     whose name it is (``the name of a task``)
    instead  what to do

    >>> refuse_in_name("vqa_rad", "the name of a task")
    """
    if hide(name) == name:
        return
    found = [v for v, value in os.environ.items() if value.strip() in name and value.strip() in _known()]
    of = f"the value of {found[0]}" if found else "a secret that hemm was given"
    raise HemmError(
        f"{what} holds {of}, and files would be named by it: "
        f"{instead or 'give another name'}, or change the secret"
    )


def hide_all(value: Any) -> Any:
    """A JSON value with ``hide`` done to each text in it, keys too; numbers stay, so it stays JSON.

    >>> hide_all({"limit": 3, "prompt": ["Is there a bird?"]})
    {'limit': 3, 'prompt': ['Is there a bird?']}
    """
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(key): hide_all(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [hide_all(member) for member in value]
    return value


def _without(text: str, value: str) -> str:
    if len(value) < 4 or value in SHOWN or value.lower() in _PLACEHOLDERS:
        return text
    strong = len(value) >= LEAST and not _WORDS.fullmatch(value)
    for written in _spellings(value):
        if strong:
            text = text.replace(written, SHOWN)
        elif written in text:
            text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", SHOWN, text)
    return _without_parts(text, value)


def known_spellings() -> tuple[str, ...]:
    """All secrets that are known, in each way in which ``hide`` finds them. They are not to be shown."""
    return tuple(dict.fromkeys(written for value in _known() for written in _spellings(value)))


@cache
def _spellings(value: str) -> tuple[str, ...]:
    """How a value is written in texts, addresses, JSON, HTML and Python."""
    ways = (
        value,
        quote(value, safe=""),
        quote(value),
        json.dumps(value)[1:-1],
        escape(value),
        repr(value)[1:-1],
    )
    return tuple(sorted(set(ways), key=len, reverse=True))


def _without_parts(text: str, value: str) -> str:
    """``text`` without what a cut left of ``value``: at its ends, and beside an ellipsis."""
    named = re.match(r"(?:[A-Za-z]{2,8}\d{0,2}[-_])+", value)  # sk-proj-: what all such keys begin with
    least = max(LEAST, len(named[0]) + 4 if named else 0)
    if len(value) <= least or (value[:least] not in text and value[-least:] not in text):
        return text
    pieces = re.split(r"(\.{3,}|…)", text)
    for at in range(0, len(pieces), 2):
        piece = pieces[at]
        left = next((n for n in range(len(value) - 1, least - 1, -1) if piece.endswith(value[:n])), 0)
        piece = piece[: len(piece) - left] + SHOWN if left else piece
        left = next((n for n in range(len(value) - 1, least - 1, -1) if piece.startswith(value[-n:])), 0)
        pieces[at] = SHOWN + piece[left:] if left else piece
    return "".join(pieces)
