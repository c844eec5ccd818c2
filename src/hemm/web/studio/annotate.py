"""The annotator's pages. Nothing on them, in their addresses or their order says whose answers these are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hemm.core import DIMENSIONS, HemmError
from hemm.results.annotations import CURRENT_VOTES
from hemm.web.studio.people import COOKIE, checked_name
from hemm.web.studio.plan import ERRORS, VERDICTS
from hemm.web.studio.render import page
from hemm.web.studio.requests import Fields, Sent, annotator_of, keys_of, one, see, set_cookie, study_of

REASONS = ("cannot tell", "picture does not show", "offensive", "other")
DIMENSION_WORDS = {name: (d.title, d.describes, d.categories, d.meanings) for name, d in DIMENSIONS.items()}


def welcome(request: Request) -> Response:
    """Where one writes one's name, or begins by a personal address."""
    token = request.query_params.get("token", "")
    name = keys_of(request).name_of_token(token) if token else ""
    if token and not name:
        raise HemmError("this address is nobody's: ask the organiser for yours")
    study = study_of(request)
    values = {
        "token": token,
        "name": name,
        "named": request.app.state.named,
        "known": [] if request.app.state.named else study.annotators()[:40],
    }
    return HTMLResponse(page(request, "welcome.html", **values))


def enter(request: Request, who: str, fields: Fields) -> Response:
    keys, study = keys_of(request), study_of(request)
    if token := one(fields, "token"):
        name = keys.name_of_token(token)
        if not name:
            raise HemmError("this address is nobody's: ask the organiser for yours")
    elif request.app.state.named:
        raise HemmError("open your personal address: this server takes no names")
    else:
        name = checked_name(one(fields, "name"))
        known = {other.casefold(): other for other in study.annotators()}
        name = known.get(name.casefold(), name)
    return set_cookie(see("/annotate/instructions"), COOKIE, keys.cookie(name))


def leave(request: Request, who: str, fields: Fields) -> Response:
    answer = see("/annotate")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def instructions(request: Request) -> Response:
    who = annotator_of(request)
    if not who:
        return see("/annotate")
    study = study_of(request)
    counts = {queue: study.counts(who, queue) for queue in study.plan.queues}
    values = {"own": request.app.state.instructions, "counts": counts, "errors": ERRORS}
    return HTMLResponse(page(request, "instructions.html", **values))


def ask(queue: str) -> Callable[[Request], Response]:
    """The page with the form that an annotator has before them."""

    def answer(request: Request) -> Response:
        who, study = annotator_of(request), study_of(request)
        if not who:
            return see("/annotate")
        if queue not in study.plan.queues:
            raise HTTPException(404)
        (done, total), drawn = study.counts(who, queue), study.open(who, queue)
        values: dict[str, Any] = {
            "queue": queue,
            "done": done,
            "total": total,
            "last": study.last(who, queue),
            "reasons": REASONS,
            "form": None,
        }
        paused = done and done % study.plan.pause == 0 and "on" not in request.query_params
        if drawn is None:
            ended = done >= study.plan.votes or study.settled(who, queue)
            return HTMLResponse(page(request, "ended.html" if ended else "start.html", **values))
        if paused:
            return HTMLResponse(page(request, "pause.html", **values))
        try:
            values["shown"] = study.shown(drawn)
        except HemmError:
            return HTMLResponse(page(request, "start.html", **{**values, "gone": True}))
        values["form"] = drawn.form
        values["again"] = "again" in drawn.why
        if queue == "vote":
            return HTMLResponse(page(request, "vote.html", **values))
        values |= {"dimensions": DIMENSION_WORDS, "errors": ERRORS, "verdicts": VERDICTS}
        return HTMLResponse(page(request, "label.html", **values))

    return answer


def start(queue: str) -> Sent:
    def answer(request: Request, who: str, fields: Fields) -> Response:
        _asked(request, queue)
        study_of(request).start(who, queue)
        return see(f"/annotate/{queue}?on=yes")

    return answer


def say(queue: str) -> Sent:
    """Takes a vote or labels. The same form sent again changes nothing, and leads to the next."""

    def answer(request: Request, who: str, fields: Fields) -> Response:
        _asked(request, queue)
        study, token = study_of(request), one(fields, "form")
        if queue == "vote":
            reason = one(fields, "reason") if one(fields, "choice") == "skip" else ""
            study.vote(who, token, one(fields, "choice"), reason, one(fields, "note"))
        else:
            values = {k: v for k, v in fields.items() if k not in ("form", "note", "skip", "reason")}
            if "skip" in fields:
                values = {"skip": [one(fields, "reason") or REASONS[0]]}
            study.label(who, token, values, one(fields, "note"))
        return see(f"/annotate/{queue}")

    return answer


def undo(queue: str) -> Sent:
    def answer(request: Request, who: str, fields: Fields) -> Response:
        _asked(request, queue)
        study_of(request).undo(who, one(fields, "form"))
        return see(f"/annotate/{queue}?on=yes")

    return answer


def _asked(request: Request, queue: str) -> None:
    if queue not in study_of(request).plan.queues:
        raise HTTPException(404)


def picture(request: Request) -> Response:
    """A picture of a form, by the form's token and its place there, for those who have the form."""
    who, study = annotator_of(request), study_of(request)
    if not who:
        raise HTTPException(403)
    drawn = study.form(who, request.path_params["form"])
    found = study.sources.picture(study.asked(drawn), drawn.models, request.path_params["slot"])
    return Response(found.data, media_type=found.mime, headers={"Cache-Control": "private, max-age=3600"})


def yours(request: Request) -> Response:
    """What an annotator said; with the models' names where the study reveals them, once they are done."""
    who, study = annotator_of(request), study_of(request)
    if not who:
        return see("/annotate")
    revealed = study.plan.reveal and "vote" in study.plan.queues and study.settled(who, "vote")
    rows = study.store.rows(
        f"""select * from ({CURRENT_VOTES}) where annotator = ? and purpose <> 'imported'
        order by n desc limit 500""",
        [who],
    )
    shown = [
        {
            "choice": row["choice"],
            "note": row["note"],
            "time": row["time"],
            "names": (row["left_model"], row["right_model"]) if revealed else None,
        }
        for row in rows
    ]
    counts = {queue: study.counts(who, queue) for queue in study.plan.queues}
    return HTMLResponse(page(request, "yours.html", rows=shown, revealed=revealed, counts=counts))
