"""Secrets known by place and shape: behind the name of a header, a key or a parameter, before the ``@`` of an
address, and what is written like the keys of known services."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

SHOWN = "[secret]"
LEAST = 8
"""Characters of a value that is removed wherever it stands; a shorter one only where it stands alone."""
PARAMETERS = (
    r"(?:x-)?(?:goog-|functions-)?api[-_]?key|key|token|sig|signature|code|auth|password|passwd|pwd|secret"
    r"|(?:access|auth|refresh|session|id|hub|sas)[-_]?token|client[-_]secret|(?:ocp-apim-)?subscription-key"
    r"|access[-_]?key|x-functions-key|x-(?:amz|goog)-(?:signature|credential|security-token)"
)
"""Names of parameters in the query of a URL whose values are secrets."""


def _runs(text: str) -> Iterator[str]:
    return (found.group() for found in re.finditer("[A-Za-z0-9]+", text))


def looks_random(text: str, least: int) -> bool:
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
    return SHOWN if whole or looks_random(match["key"], 16) else match.group()


def _behind_a_name(match: re.Match[str]) -> str:
    """``api_key=...``: any value that is set or quoted; after a colon, as in prose, one that is no word."""
    value, tight = match["value"], match["quote"] != "" or match["sign"] == "="
    known = tight or match["header"] is not None or looks_random(value, 8)
    return f"{match['head']}{SHOWN}" if known else match.group()


def _behind_a_token(match: re.Match[str]) -> str:
    least = LEAST if match["sign"] == "=" else 16  # a colon also stands in prose
    return f"{match['head']}{SHOWN}" if looks_random(match["value"], least) else match.group()


def _authorization(match: re.Match[str]) -> str:
    value = match["value"]
    known = match["quote"] != "" or match["scheme"] is not None or looks_random(value, 8)
    return f"{match['head']}{SHOWN}" if known else match.group()


def _bearer(match: re.Match[str]) -> str:
    return f"{match['head']}{SHOWN}" if looks_random(match["value"], 8) else match.group()


def _basic(match: re.Match[str]) -> str:
    """``Basic`` with what is user and password in base 64."""
    value = match["value"]
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return match.group()
    return f"{match['head']}{SHOWN}" if b":" in plain and plain.isascii() else match.group()


def _parameter(match: re.Match[str]) -> str:
    """The value of a parameter of a URL; ``code=`` also stands before numbers and words that are none."""
    value = match["value"]
    plain = match["name"].lower() == "code" and len(value) < 16 and not looks_random(value, 8)
    return match.group() if plain else f"{match['head']}{SHOWN}"


def _user_alone(match: re.Match[str]) -> str:
    return f"{SHOWN}@" if looks_random(match["user"], 16) else match.group()


_VALUE = r"(?P<value>(?!(?:none|null|true|false|undefined)\b)[^\s\"'`,;&<>\[\](){}$*\\]{4,})"
_SET = r"\\?[\"']?\s*(?P<sign>[=:])\s*(?P<quote>(?:\\?[\"'])?)"
_NO_VALUE = r"(?!(?:tokens?|auth\w*|realm|error|header|scheme|is|and|or|must|required)\b)"

RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
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
            r"(?i)(?P<head>(?:(?P<header>x-(?:goog-)?api-key|x-auth-token|x-functions-key|(?:ocp-apim-)?subscription-key)"
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
        re.compile(rf"(?i)(?P<head>[?&;](?P<name>{PARAMETERS})=)(?P<value>[^\s\"'&;<>\[\]]+)"),
        _parameter,
    ),
    (re.compile(r"(?<=://)[^\s/?#\"'<>\[\]]*:[^\s/?#\"'<>]*@"), lambda match: f"{SHOWN}@"),
    (  # a password with a character that ends a host
        re.compile(r"(?<=://)[^\s/?#\"'<>:@\[\]]*:(?!\d{1,5}[/?#])[^\s\"'<>@]*[/?#][^\s\"'<>@]*@"),
        lambda match: f"{SHOWN}@",
    ),
    (re.compile(r"(?<=://)(?P<user>[^\s/?#\"'<>:@\[\]]+)@"), _user_alone),
)
"""Pattern, and the text in its place."""
