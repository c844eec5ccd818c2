"""The paper's three figures, drawn from its published scores: radar, score against parameters, use cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.core import DIMENSIONS
from hemm.data.files import replacing
from hemm.report.figures.profile import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper

RADAR_MODELS = 6
"""Models in the radar: more cannot be distinguished."""


def draw(paper: Paper, folder: Path) -> list[Path]:
    """Write ``radar``, ``parameters`` and ``use_cases`` as SVG and PNG into ``folder``, and return their
    paths."""
    import matplotlib
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context({"font.size": 10, "svg.hashsalt": "hemm", "axes.spines.top": False}):
        for name, size, paint in _FIGURES:
            figure = Figure(figsize=size, layout="constrained")
            paint(paper, figure)
            for form in ("svg", "png"):
                path = folder / f"{name}-{paper.subset}.{form}"
                with replacing(path) as work:
                    figure.savefig(
                        work, format=form, dpi=144, metadata={"Date": None} if form == "svg" else {}
                    )
                written.append(path)
    return written


def _radar(paper: Paper, figure: Any) -> None:
    """Mean normalised score of the best models in every category of the task dimensions."""
    import numpy as np

    spokes = [(d, c) for d, categories in paper.dimensions.items() for c in categories]
    angles = np.linspace(0, 2 * np.pi, len(spokes), endpoint=False)
    axes = figure.add_subplot(projection="polar")
    best = sorted(paper.models, key=lambda m: -paper.models[m])[:RADAR_MODELS]
    styles = zip(best, COLOURS, MARKERS, DASHES, strict=False)
    for model, colour, marker, dash in styles:
        row = paper.normalised[paper.source.models.index(model)]
        values = [
            float(np.nanmean(row[[i for i, t in enumerate(paper.source.tasks) if _carries(paper, t, d, c)]]))
            for d, c in spokes
        ]
        title = paper.source.titles[model].removesuffix(" (estimated)")  # of its parameters
        style = {"color": colour, "marker": marker, "markersize": 3.5, "linestyle": dash}
        axes.plot([*angles, angles[0]], [*values, values[0]], label=title, **style)
    axes.set_xticks(angles, [_name(d, c) for d, c in spokes])
    axes.tick_params(axis="x", pad=4)
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_ylim(0, None)
    for label, angle in zip(axes.get_xticklabels(), angles, strict=True):
        side = float(np.sin(angle))
        label.set_horizontalalignment("center" if abs(side) < 0.15 else "left" if side > 0 else "right")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    axes.set_title(f"Normalised BARTScore, subset {paper.subset}: the {len(best)} best models", pad=24)


def _carries(paper: Paper, task: str, dimension: str, category: str) -> bool:
    return paper.source.task_labels[task].get(dimension) == category


def _name(dimension: str, category: str) -> str:
    title = DIMENSIONS[dimension].title.lower()
    if category in ("yes", "no"):
        return title if category == "yes" else f"not {title}"
    return f"{category} {title}" if category in ("less", "more") else category.replace("_", "\n")


def _parameters(paper: Paper, figure: Any) -> None:
    """Mean normalised score against parameters, both as the paper gives them."""
    axes = figure.add_subplot()
    for model, score in paper.models.items():
        params = paper.source.params[model]
        axes.plot(params, score, "o", color=COLOURS[0], mfc=COLOURS[0] if params < 100 else "white")
        beside = [
            paper.models[m]
            for m, p in paper.source.params.items()
            if params < p < 3 * params and abs(paper.models[m] - score) < 0.02
        ]
        on_left = params > 100 or bool(beside)  # its name would run into the next point's
        axes.annotate(
            paper.source.titles[model].removesuffix(" (estimated)"),
            (params, score),
            (-5 if on_left else 5, -11 if beside and max(beside) > score else 4),
            textcoords="offset points",
            fontsize=8,
            ha="right" if on_left else "left",
        )
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.set_xlabel("parameters in billions (open circles: estimated by the paper)")
    axes.set_ylabel("mean normalised BARTScore")
    axes.spines["right"].set_visible(False)


def _use_cases(paper: Paper, figure: Any) -> None:
    """Mean of the tasks of each use case, with the tasks as points, which show how few they are."""
    axes = figure.add_subplot()
    cases = paper.dimensions["use_case"]
    for place, (case, value) in enumerate(cases.items()):
        axes.barh(place, value, color=COLOURS[0], alpha=0.5)
        task_scores = [v for t, v in paper.tasks.items() if _carries(paper, t, "use_case", case)]
        axes.plot(task_scores, [place] * len(task_scores), "o", color="black", ms=3, alpha=0.7)
    axes.set_yticks(range(len(cases)), [c.replace("_", " ") for c in cases])
    axes.invert_yaxis()
    axes.set_xlabel("normalised BARTScore: mean of the tasks (bar), each task (point)")
    axes.spines["right"].set_visible(False)


_FIGURES: tuple[tuple[str, tuple[float, float], Callable[[Paper, Any], None]], ...] = (
    ("radar", (8, 7.5), _radar),
    ("parameters", (7, 4.5), _parameters),
    ("use_cases", (7, 3.2), _use_cases),
)
