"""Pages of the studio, from its own templates, which name neither results nor models."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.requests import Request

from hemm.report.page.template import environment
from hemm.web.explorer import HERE as WEB
from hemm.web.explorer import asset
from hemm.web.studio.plan import TITLES
from hemm.web.studio.requests import annotator_of, csrf, is_organiser, study_of

HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def templates() -> Any:
    return environment(HERE / "templates", WEB / "templates")


def page(request: Request, template: str, **values: Any) -> str:
    """A page for an annotator, with what all of them have."""
    who = annotator_of(request)
    shared = {
        "asset": asset,
        "who": who,
        "csrf": csrf(request, who) if who else "",
        "plan": study_of(request).plan,
        "titles": TITLES,
        "organiser": is_organiser(request),
        "queue": "",
    }
    return str(templates().get_template(template).render({**shared, **values}))
