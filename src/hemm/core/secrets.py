"""Removes secrets from texts: by value where it is known, else by place and shape, never by words alone.

A text may be the path of a data set, a prompt, or an answer about tokens, keys and passwords: those stay.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

SHOWN = "[secret]"
LEAST = 8
"""Characters of a value that is removed wherever it stands; a shorter one only where it stands alone."""

_SECRET_WORDS = frozenset(
    {"KEY", "KEYS", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS", "PAT"}
)
_HARMLESS_ENDS = frozenset(
    {"FILE", "PATH", "DIR", "HOME", "NAME", "URL", "ENDPOINT", "ENV", "TYPE", "MODE", "LIMIT", "SIZE", "SOCK"}
)
"""Last words of names that say where a secret is, or of which kind: SSL_KEY_FILE."""

_kept: dict[str, None] = {}
"""Values of keys that hemm read from variables with other names."""


def keep_secret(value: str) -> None:
    """From now on, remove ``value`` from every text: a key that was read, wherever it came from."""
    if len(value) >= LEAST:
        _kept[value] = None


def holds_secret(name: str) -> bool:
    """Whether an environment variable holds a key, by its name.

    >>> [holds_secret(name) for name in ("OPENAI_API_KEY", "HF_TOKEN", "SSL_KEY_FILE", "KEYBOARD")]
    [True, True, False, False]
    """
    words = name.upper().replace("-", "_").split("_")
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _HARMLESS_ENDS


def secret_values(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The values of the environment variables that hold keys, long enough to be one; paths are none."""
    variables = os.environ if environment is None else environment
    values = (value.strip() for name, value in variables.items() if holds_secret(name))
    return tuple(v for v in values if len(v) >= LEAST and not is_path(v))


def is_path(value: str) -> bool:
    """Whether a value says where something is, and is no secret itself."""
    return value.startswith(("/", "~", "./", "../"))


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """``text`` without keys, tokens, auth headers and credentials in URLs: ``[secret]`` in their place.

    Removed are the values of environment variables that hold keys, ``secrets`` (texts of four characters or
    more; those below eight where no letter or digit is beside them), what stands behind the name of a header
    or a key (``x-api-key: ...``, ``api_key=...``), and what is written like the keys of known services.

    >>> redact("401 from https://ada:hunter2@example.org/v1 (Authorization: Bearer abc123def456)")
    '401 from https://[secret]@example.org/v1 (Authorization: Bearer [secret])'
    >>> redact("./skin_cancer_mnist_ham10000, token: the answer")
    './skin_cancer_mnist_ham10000, token: the answer'
    """
    for value in sorted({*secrets, *secret_values(), *_kept}, key=len, reverse=True):
        text = _without(text, value)
    for pattern, replaced in _RULES:
        text = pattern.sub(replaced, text)
    return text


def _without(text: str, value: str) -> str:
    if len(value) < 4 or value in SHOWN:
        return text
    for written in {value, quote(value, safe="")}:
        if len(value) >= LEAST:
            text = text.replace(written, SHOWN)
        else:
            text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", SHOWN, text)
    return text


def _runs(text: str) -> Iterator[str]:
    return (found.group() for found in re.finditer("[A-Za-z0-9]+", text))


def _looks_random(text: str, least: int) -> bool:
    """Whether ``least`` letters and digits in a row have both, or twice as many change between cases."""
    for run in _runs(text):
        digits = sum(c.isdigit() for c in run)
        if len(run) >= least and 0 < digits < len(run):
            return True
        if len(run) >= 2 * least and len(re.findall("[a-z][A-Z]", run)) > 1:
            return True
    return False


def _shaped(match: re.Match[str]) -> str:
    """A key of a service by its prefix; words after the same letters (``sk-learn-...``) stay."""
    whole = any(len(run) >= 18 for run in _runs(match["key"]))
    return SHOWN if whole or _looks_random(match["key"], 16) else match.group()


def _behind_a_name(match: re.Match[str]) -> str:
    """``api_key=...``: any value that is set or quoted; after a colon, as in prose, one that is no word."""
    value, tight = match["value"], match["quote"] != "" or match["sign"] == "="
    known = tight or match["header"] is not None or _looks_random(value, 8)
    return f"{match['head']}{SHOWN}" if known else match.group()


def _behind_a_token(match: re.Match[str]) -> str:
    least = LEAST if match["sign"] == "=" else 16  # a colon also stands in prose
    return f"{match['head']}{SHOWN}" if _looks_random(match["value"], least) else match.group()


def _authorization(match: re.Match[str]) -> str:
    value = match["value"]
    known = match["quote"] != "" or match["scheme"] is not None or _looks_random(value, 8)
    return f"{match['head']}{SHOWN}" if known else match.group()


def _bearer(match: re.Match[str]) -> str:
    return f"{match['head']}{SHOWN}" if _looks_random(match["value"], 8) else match.group()


def _basic(match: re.Match[str]) -> str:
    """``Basic`` with what is user and password in base 64."""
    value = match["value"]
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return match.group()
    return f"{match['head']}{SHOWN}" if b":" in plain and plain.isascii() else match.group()


def _user_alone(match: re.Match[str]) -> str:
    return f"{SHOWN}@" if _looks_random(match["user"], 16) else match.group()


_VALUE = r"(?P<value>(?!(?:none|null|true|false|undefined)\b)[^\s\"'`,;&<>\[\](){}$*\\]{4,})"
_SET = r"\\?[\"']?\s*(?P<sign>[=:])\s*(?P<quote>(?:\\?[\"'])?)"
_NO_VALUE = r"(?!(?:tokens?|auth\w*|realm|error|header|scheme|is|and|or|must|required)\b)"

_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (  # OpenAI, Anthropic, OpenRouter, Hugging Face, Google, Groq, xAI, Perplexity, Replicate, NVIDIA, ...
        re.compile(
            r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|xai|pplx|nvapi|key|glpat|xox[abprs])[-_]"
            r"|(?:hf|gsk|r8|fw|gh[pousr]|github_pat|api_org|KGAT)_|AIza|ya29\.|AKIA|ASIA)"
            r"(?P<key>[A-Za-z0-9_-]{16,})"
        ),
        _shaped,
    ),
    (  # a signed web token
        re.compile(r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
        lambda match: SHOWN,
    ),
    (
        re.compile(
            rf"(?i)(?P<head>authorization{_SET}(?P<scheme>(?:bearer|basic|token|apikey)\s+)?)"
            rf"{_NO_VALUE}{_VALUE}"
        ),
        _authorization,
    ),
    (re.compile(rf"(?i)(?P<head>\bbearer\s+){_NO_VALUE}{_VALUE}"), _bearer),
    (re.compile(r"(?i)(?P<head>\bbasic\s+)(?P<value>[A-Za-z0-9+/]{6,}={0,2})"), _basic),
    (
        re.compile(
            r"(?i)(?P<head>(?:(?P<header>x-(?:goog-)?api-key|x-auth-token|subscription-key)"
            r"|(?:api|secret|private)[-_]?key|secret[-_]?access[-_]?key|client[-_]?secret"
            rf"|(?:access|auth|refresh|session|hf|hub|api|bearer)[-_]?token|passw(?:or)?d){_SET}){_VALUE}"
        ),
        _behind_a_name,
    ),
    (
        re.compile(rf"(?i)(?P<head>(?<![A-Za-z0-9])(?:token|secret|key){_SET}){_VALUE}"),
        _behind_a_token,
    ),
    (  # in the query of a URL
        re.compile(
            r"(?i)(?P<head>[?&](?:key|token|sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token))"
            r"=)(?P<value>[^\s\"'&<>\[\]]+)"
        ),
        lambda match: f"{match['head']}{SHOWN}",
    ),
    (re.compile(r"(?<=://)[^\s/?#\"'<>:@]*:[^\s/?#\"'<>]*@"), lambda match: f"{SHOWN}@"),
    (re.compile(r"(?<=://)(?P<user>[^\s/?#\"'<>:@\[\]]+)@"), _user_alone),
)
"""Pattern, and the text in its place."""
