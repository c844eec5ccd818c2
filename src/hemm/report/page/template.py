"""Templates: everything that a template prints passes through ``_gate``, which makes text visible."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hemm.core.text import escape_unseen
from hemm.report import text
from hemm.report.page.comparison import effect_of

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Browsers run and load nothing on the page, even if markup got past the gate."""


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
        loader=FileSystemLoader([*folders, Path(__file__).parent / "templates"]),
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
    environment.globals |= {"policy": POLICY, "style": _style()}
    return environment


def _style() -> Markup:
    return Markup((Path(__file__).parent / "templates" / "style.css").read_text("utf-8"))


def render(template: str, **values: Any) -> str:
    """A page of ``templates/``, as text that is safe to store."""
    return str(environment().get_template(template).render(**values))
