"""Templates: everything that a template prints passes through ``_gate``, which makes text visible."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hemm.core import digest_bytes
from hemm.core.text import escape_unseen
from hemm.report import text
from hemm.report.page.comparison import effect_of

TEMPLATES = Path(__file__).parent / "templates"
STYLE, SCRIPT = TEMPLATES / "style.css", TEMPLATES / "figures.js"


def _gate(value: Any) -> Any:
    """Text becomes visible text; HTML and numbers are unchanged."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return text.visible(value)
    return value


@lru_cache(maxsize=4)
def environment(*folders: Path) -> Any:
    """Templates of these folders, then those of the page, all through ``_gate``."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_gate,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": text.number,
        "points": text.points,
        "span": text.span,
        "count": text.count,
        "plural": text.plural,
        "one_line": text.one_line,
        "escape_unseen": escape_unseen,
        "p_value": text.p_value,
        "signed": text.signed,
        "effect_of": effect_of,
    }
    style, script = (file.read_text("utf-8") for file in (STYLE, SCRIPT))
    environment.globals |= {
        "policy": policy(style),
        "policy_of_figures": policy(style, script),
        "style": Markup(style),
        "script": Markup(script),
    }
    return environment


def policy(style: str, script: str = "") -> str:
    """What browsers allow a page: this style sheet, this script, and pictures that it holds. Both are known
    by their SHA-256, so nothing else that is inline counts, even if markup got past the gate."""
    rules = ["default-src 'none'", "img-src data:", f"style-src {_digest(style)}"]
    rules += [f"script-src {_digest(script)}"] if script else []
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(bytes.fromhex(digest_bytes(text.encode()))).decode()}'"


def render(template: str, **values: Any) -> str:
    """A page of ``templates/``, as text that is safe to store."""
    return str(environment().get_template(template).render(**values))
