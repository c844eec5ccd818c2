"""The pages: what each shows, from an address to HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response, StreamingResponse

from hemm.core import CONTROLS, DIMENSIONS, HemmError, UnknownName
from hemm.report.text import excerpt
from hemm.web.downloads import TYPES, stream
from hemm.web.explorer import Explorer, TooLarge
from hemm.web.filters import AGREE, FLIPS, SIZES, SORTS, Filter
from hemm.web.sample import neighbours, sample_numbers, sample_page
from hemm.web.slices import slices

if TYPE_CHECKING:
    from starlette.requests import Request

    from hemm.analysis.curves import Curve
    from hemm.analysis.study import Study

CURVE_INCHES = 6.4
"""Width of the figure on the page of curves."""
PERTURB = "--perturb "
"""Begins what is chosen where a curve is over the levels of a perturbation, not over a number in the data."""
DIMENSION_TITLES = {name: dimension.title for name, dimension in DIMENSIONS.items()}


def explorer_of(request: Request) -> Explorer:
    found: Explorer = request.app.state.explorer
    return found


def only(request: Request, *names: str) -> dict[str, str]:
    """The parameters of a page that takes these alone, each once. Raises HemmError for others."""
    out: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            raise (
                UnknownName("parameter", name, names) if names else HemmError(f"this page takes no {name!r}")
            )
        if name in out:
            raise HemmError(f"{name} is there twice: give it once")
        if value:
            out[name] = value
    return out


def _large(given: Mapping[str, str]) -> bool:
    if given.get("large", "yes") != "yes":
        raise UnknownName("large", given["large"], ("yes",))
    return "large" in given


def profile(request: Request) -> Response:
    explorer, given = explorer_of(request), only(request, "large", "overlay")
    if given.get("overlay", "off") != "off":
        raise UnknownName("overlay", given["overlay"], ("off",))
    over, large = bool(explorer.overlay) and "overlay" not in given, _large(given)
    # of hundreds of cells it takes seconds: kept until the folder changes
    page = explorer.kept(("profile page", large, over), lambda: _profile_page(explorer, large, over))
    return HTMLResponse(page)


def _profile_page(explorer: Explorer, large: bool, over: bool) -> str:
    from hemm.analysis.compare.conclusions import ERROR
    from hemm.analysis.profile.picture import picture_gains
    from hemm.report.figures.drawing import MOST
    from hemm.report.page import drawings, overview
    from hemm.report.page.comparison import comparison
    from hemm.report.page.findings import asides, failed, holding, kinds
    from hemm.report.page.first import first_screen, slice_words
    from hemm.report.page.overlay import marked
    from hemm.report.page.together import together
    from hemm.report.tables.perceptual import name_of
    from hemm.report.tables.profile import stopped

    values: dict[str, Any] = {"why": "", "too_large": False, "profile": None, "overlay_use": None}
    values["switch"] = bool(explorer.overlay)
    try:
        study, found = explorer.study(large=large, over=over), explorer.profile(large, over)
    except TooLarge as error:
        values |= {"why": str(error), "too_large": True}
    except UnknownName:
        raise
    except HemmError as error:
        values["why"] = explorer.folder.words(error)
    else:
        subjects = overview.main_subjects(found)
        lines = overview.lines(found, subjects)
        compared = comparison(study, subjects, found.normaliser, kinds(found, subjects))
        alone = ERROR / max(1, kinds(found, subjects))
        verdict, error_rate = ((), alone) if compared is None else (compared.verdict, compared.error)
        gains = picture_gains(study) if found.controls else []
        radar = drawings.radar(lines, subjects)
        values |= {
            "profile": found,
            "subjects": subjects,
            "lines": lines,
            "held": holding(found, subjects, verdict, error_rate),
            "asides": asides(found, subjects),
            "failed": failed(found, subjects),
            "first": first_screen(study, found, subjects, gains, error_rate),
            "slice_words": slice_words,
            "most": MOST,
            "compared": compared,
            "controls": overview.controls_of(found),
            "control_words": CONTROLS,
            "perceptual_name": name_of,
            # bits need the task, and with it files that the results name
            "together": together(study, bits=False),
            "radar": None if radar is None else radar.page(),
            "bars": drawings.bars(lines, subjects),
            "totals": overview.totals(found, subjects),
            "failures": overview.FAILURES,
            "notes": [*stopped(found), *found.notes],
            "overlay_use": study.overlay,
        }
    values["total"] = explorer.total
    page = explorer.render("profile.html", "profile", **values)
    return marked(page, values["overlay_use"])


def tasks(request: Request) -> Response:
    explorer = explorer_of(request)
    only(request)
    rows = explorer.rows(
        """select cell, count(*), count(score), avg(score), count(*) filter (where correct),
        count(*) filter (where outcome <> 0) from answers group by cell"""
    )
    counts = {row[0]: row[1:] for row in rows}
    by_task: dict[str, list[Any]] = {}
    for one in explorer.catalog.cells:
        by_task.setdefault(one.cell.task, []).append((one, counts.get(one.number, (0, 0, None, 0, 0))))
    agreement = {
        name: (n, right, none, differ)
        for name, n, right, none, differ in explorer.rows(
            """select t.name, count(*), count(*) filter (where g.correct = g.models),
            count(*) filter (where g.correct = 0),
            count(*) filter (where g.correct between 1 and g.models - 1)
            from agreement g join samples s using (sample) join tasks t using (task)
            where g.models > 1 group by t.name"""
        )
    }
    return HTMLResponse(explorer.render("tasks.html", "tasks", by_task=by_task, agreement=agreement))


def runs(request: Request) -> Response:
    explorer = explorer_of(request)
    only(request)
    rows = explorer.rows(
        """select cell, count(*), sum(latency), median(latency), quantile_cont(latency, 0.95),
        sum(input_tokens), sum(output_tokens), sum(cost), count(*) filter (where outcome = ?)
        from answers group by cell""",
        [4],
    )
    counts = {row[0]: row[1:] for row in rows}
    return HTMLResponse(explorer.render("runs.html", "runs", counts=counts))


def answers(request: Request) -> Response:
    explorer = explorer_of(request)
    chosen = explorer.filter(request)
    found = explorer.answers
    counts = explorer.counts(chosen)
    page = found.page(chosen)
    texts = found.texts(page.rows, ["raw", "references", "failure", "failure_message", "refusal"])
    values = {
        "chosen": chosen,
        "counts": counts,
        "shown": page,
        "rows": [(row, _line(text)) for row, text in zip(page.rows, texts, strict=True)],
        "ids": found.ids(page.rows),
        "other_scores": found.other_scores(page.rows),
        **_choices(explorer, counts.by_cell),
    }
    return HTMLResponse(explorer.render("answers.html", "answers", **values))


def _choices(explorer: Explorer, by_cell: Mapping[int, int]) -> dict[str, Any]:
    """What the form offers, with how many answers of the filter each has."""
    models: dict[str, list[Any]] = {}
    tasks: dict[str, int] = {}
    for one in explorer.catalog.cells:
        n = by_cell.get(one.number, 0)
        entry = models.setdefault(one.subject, [one.label, 0])
        entry[1] += n
        tasks[one.cell.task] = tasks.get(one.cell.task, 0) + n
    return {
        "models": models,
        "tasks": tasks,
        "dimensions": [d for d in explorer.dimensions() if d in DIMENSION_TITLES],
        "metadata_keys": [d.removeprefix("meta:") for d in explorer.dimensions() if d.startswith("meta:")],
        "metrics": explorer.metrics,
        "sorts": tuple(SORTS),
        "sizes": SIZES,
        "agree": AGREE,
        "flips": tuple(FLIPS),
        "dimension_of": DIMENSION_TITLES,
        "categories": {name: dimension.categories for name, dimension in DIMENSIONS.items()},
    }


def _line(text: Mapping[str, Any]) -> dict[str, Any]:
    why = text["refusal"] or (
        f"{text['failure']}: {text['failure_message'] or ''}" if text["failure"] is not None else ""
    )
    references = [r for r in text["references"] or () if not r.startswith("media:")]
    return {
        "answer": excerpt(" ".join((text["raw"] or "")[:2_000].split()), 220),
        "why": excerpt(why, 200).text,
        "reference": excerpt(" ".join(references[0].split()), 90) if references else None,
        "references": len(references),
    }


def download(request: Request) -> Response:
    explorer = explorer_of(request)
    kind = request.path_params["kind"]
    if kind not in TYPES:
        raise UnknownName("form of a download", kind, TYPES)
    chosen = explorer.filter(request)
    return StreamingResponse(
        stream(explorer.answers, chosen, kind),
        media_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="answers.{kind}"'},
    )


def sample(request: Request) -> Response:
    explorer = explorer_of(request)
    own = {n: v for n, v in request.query_params.multi_items() if n in ("of", "sample", "content")}
    chosen = explorer.filter(request, without=("of", "sample", "content"))
    if not ("of" in own and "sample" in own):
        raise HemmError("this page shows one sample: choose it among the answers")
    numbers = sample_numbers(explorer, own["of"], own["sample"])
    content = own.get("content", "")
    number = next((n for n, c in numbers if content and c.startswith(content)), numbers[0][0])
    before, after = neighbours(explorer, chosen, number)
    found = sample_page(explorer, own["of"], own["sample"], content)
    values = {
        "sample": found,
        "chosen": chosen,
        "before": _address(explorer, before, chosen),
        "after": _address(explorer, after, chosen),
    }
    return HTMLResponse(explorer.render("sample.html", "answers", **values))


def _address(explorer: Explorer, row: Any, chosen: Filter) -> str:
    """The address of the sample of an answer, within a filter; empty for none."""
    if row is None:
        return ""
    name, content = explorer.answers.ids([row])[row.facts["sample"]]
    more = chosen.query(after=row.place, of=row.cell.cell.task, sample=name, content=content[:12])
    return f"/sample?{more}"


def slice_page(request: Request) -> Response:
    explorer = explorer_of(request)
    given = {n: v for n, v in request.query_params.multi_items() if n in ("by", "across")}
    chosen = explorer.filter(request, without=("by", "across"))
    known = explorer.dimensions()
    by = given.get("by") or "task"
    across = given.get("across") or next((d for d in ("model", "task") if d != by), known[0])
    table = slices(explorer, chosen, by, across) if explorer.total else None
    values = {"table": table, "by": by, "across": across, "known": known, "chosen": chosen}
    return HTMLResponse(explorer.render("slices.html", "slices", **values, titles=_titles(known)))


def _titles(names: list[str]) -> dict[str, str]:
    own = {"model": "Model", "task": "Task", "outcome": "Outcome", "stage": "Stage that read the answer"}
    return {
        n: own.get(n) or DIMENSION_TITLES.get(n) or f"{n.removeprefix('meta:')} (metadata)" for n in names
    }


def curve_page(request: Request) -> Response:
    from hemm.analysis.compare.perturbation_curves import names_of_curves
    from hemm.report.figures.drawing import MOST
    from hemm.report.page.drawings import curve_figure

    explorer, given = explorer_of(request), only(request, "task", "key", "large")
    rows = explorer.rows(
        """select t.name, m.key, count(distinct m.number) from metadata m join samples s using (sample)
        join tasks t using (task) where m.number is not null group by t.name, m.key
        having count(distinct m.number) > 1 order by t.name, m.key"""
    )
    known: dict[str, list[str]] = {}
    for task, key, _ in rows:
        known.setdefault(task, []).append(key)
    for task, names in names_of_curves([c.cell for c in explorer.catalog.cells]).items():
        known.setdefault(task, []).extend(f"{PERTURB}{name}" for name in names)
    task = given.get("task") or next(iter(known), "")
    if task and task not in known:
        raise UnknownName("task with numbers in its metadata", task, known)
    key = given.get("key") or next(iter(known.get(task, ())), "")
    if key and key not in known.get(task, ()):
        raise UnknownName(f"number in the metadata of {task}", key, known.get(task, ()))
    figure, why = None, ""
    if key:
        try:
            figure = curve_figure(*_curves(explorer.study(task, _large(given)), key), CURVE_INCHES)
        except HemmError as error:
            why = explorer.folder.words(error)
    values: dict[str, Any] = {"known": known, "task": task, "key": key, "figure": figure, "why": why}
    values["most"] = MOST
    return HTMLResponse(explorer.render("curves.html", "curves", **values))


def _curves(study: Study, key: str) -> tuple[list[Curve], str]:
    """The curves of one task over a number of its metadata or the level of a perturbation, and their axis."""
    from hemm.analysis.compare.perturbation_curves import perturbation_curves
    from hemm.analysis.curves import curves

    if not key.startswith(PERTURB):
        return curves(study.plain.cells, key), key
    name = key.removeprefix(PERTURB)
    found = perturbation_curves(study, study.subjects, name)
    if not found:
        raise HemmError(f"no sample has a score at every level of {name}")
    return found[0]


def differences(request: Request) -> Response:
    from hemm.analysis.diff import TITLES, flips
    from hemm.analysis.flip_causes import CAUSES, causes, totals

    explorer, given = explorer_of(request), only(request, "a", "b", "large")
    subjects = {c.subject: c.label for c in explorer.catalog.cells}
    labels = list(subjects.values())
    names = {n: subjects.get(v, v) for n, v in given.items() if n in ("a", "b")}
    found, rows, why = None, [], ""
    if len(names) == 2:
        for name in names.values():
            if name not in labels:
                raise UnknownName("model in these results", name, labels)
        try:
            found = flips(explorer.study(large=_large(given)), names["a"], names["b"])
            rows = causes(found)
        except HemmError as error:
            why = explorer.folder.words(error)
    values: dict[str, Any] = {"subjects": subjects, "a": "", "b": "", **names, "why": why}
    values["totals"] = totals(rows)
    keys = {label: key for key, label in subjects.items()}
    values |= {
        "flip_a": keys.get(values["a"], ""),
        "flip_b": keys.get(values["b"], ""),
        "flips": found,
        "rows": rows,
        "cause_words": CAUSES,
        "kinds": TITLES,
    }
    return HTMLResponse(explorer.render("differences.html", "differences", **values))
