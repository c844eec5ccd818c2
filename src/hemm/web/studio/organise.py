"""The organiser's pages: progress, agreement, habits of annotators, and adjudication."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hemm.analysis.annotations.labels import AND, Labelled, agreement, labelled
from hemm.analysis.annotations.votes import COUNTED, stored_votes, voters
from hemm.analysis.preferences.votes import vote_counts, votes
from hemm.core import HemmError, UnknownName
from hemm.core.text import storable
from hemm.results.annotations import CURRENT_VOTES, now
from hemm.stats.agreement import fleiss_kappa, krippendorff_alpha
from hemm.web.studio.people import checked_name
from hemm.web.studio.plan import TITLES, fields_of
from hemm.web.studio.render import templates
from hemm.web.studio.requests import Fields, annotator_of, csrf, keys_of, one, see, study_of
from hemm.web.studio.study import Study

SHOWN = 200
"""Most units on a page of adjudication."""


def _render(request: Request, template: str, **values: Any) -> Response:
    explorer = study_of(request).explorer
    shared = {**explorer.shared("organise"), "csrf": csrf(request, "organiser"), "titles": TITLES}
    return HTMLResponse(str(templates().get_template(template).render({**shared, **values})))


def progress(request: Request) -> Response:
    study = study_of(request)
    found, _ = stored_votes(study.store)
    counts = vote_counts(votes(found)) if found else None
    several = 0 if counts is None else int((counts.sum(axis=1) > 1).sum())
    rows = [(name, [study.counts(name, queue) for queue in study.plan.queues]) for name in study.annotators()]
    values = {
        "plan": study.plan,
        "rows": rows,
        "voters": voters(study.store),
        "votes": len(found),
        "several": several,
        "alpha": None if counts is None else krippendorff_alpha(counts),
        "kappa": None if counts is None else fleiss_kappa(counts),
        "pairs": _by_pair(study),
        "people": _addresses(request, study),
        "labels": agreement(labelled(study.store)),
        "models": study.pool.models,
    }
    return _render(request, "organise.html", **values)


def _by_pair(study: Study) -> list[tuple[str, str, int]]:
    """(task, two models, votes), the fewest votes first."""
    counts = dict.fromkeys(study.pool.pairs, 0)
    for row in study.store.rows(CURRENT_VOTES):
        a, b = sorted((row["left_model"], row["right_model"]))
        if row["purpose"] in COUNTED and row["choice"] != "skip" and (row["task"], a, b) in counts:
            counts[row["task"], a, b] += 1
    return sorted((task, f"{a} and {b}", n) for (task, a, b), n in counts.items())


def _addresses(request: Request, study: Study) -> list[tuple[str, str]]:
    """Personal addresses of those who were named on the command line."""
    keys, base = keys_of(request), str(request.base_url).rstrip("/")
    return [(name, f"{base}/annotate?token={keys.token(name)}") for name in request.app.state.people]


def labels(request: Request) -> Response:
    """Units on which annotators differ, to be decided; all of them with ``all=yes``."""
    study = study_of(request)
    found = [u for u in labelled(study.store) if u.unit.kind != "score"]  # each annotator's score counts
    every = request.query_params.get("all") == "yes"
    chosen = [u for u in found if every or (u.differ and u.decided is None)]
    values = {
        "units": [(u, _options(u)) for u in chosen[:SHOWN]],
        "more": max(0, len(chosen) - SHOWN),
        "every": every,
        "total": len(found),
        "agreement": agreement(labelled(study.store)),
        "by": annotator_of(request),
        "fresh": secrets.token_urlsafe(9),
        "and_mark": AND,
    }
    return _render(request, "adjudicate.html", **values)


def _options(one_unit: Labelled) -> list[str]:
    """What a unit can be decided to be: what was said of it, then all else that it may be."""
    known = list(dict.fromkeys(one_unit.said.values()))
    if one_unit.unit.field == "type":  # each may have seen what the other did not
        every = {value for said in known for value in said.split(AND)} - {"none"}
        known = list(dict.fromkeys([*known, AND.join(sorted(every)) or known[0]]))
    fields = fields_of(one_unit.unit.kind).get(one_unit.unit.field, ())
    return [*known, *(value for value in fields if value not in known)]


def decide(request: Request, who: str, fields: Fields) -> Response:
    """Adds a decision on one unit: the last one holds."""
    study = study_of(request)
    key = one(fields, "unit")
    found = next((u for u in labelled(study.store) if u.unit.key == key), None)
    if found is None:
        raise HemmError("nobody labelled this: open the page again")
    unit, value, options = found.unit, storable(one(fields, "value").strip()), _options(found)
    if fields_of(unit.kind).get(unit.field) and value not in options:
        raise UnknownName(unit.field, value, options)
    if not value:
        raise HemmError("choose a value")
    row = {
        "token": one(fields, "token"),
        "time": now(),
        "by": checked_name(one(fields, "by")),
        **{name: getattr(unit, name) for name in ("kind", "field", "task", "sample", "model")},
        "sample_hash": unit.content,
        "value": value,
        "note": storable(one(fields, "note").strip()[:2_000]),
        "version": study.version,
    }
    if not row["token"]:
        raise HemmError("this form has no token: open the page again")
    with study.store.writing() as write:
        write("decisions", row)
    return see("/organise/labels" + ("?all=yes" if one(fields, "all") else ""))
