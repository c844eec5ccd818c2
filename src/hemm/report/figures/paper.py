"""The paper's figures, drawn from its published scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemm.data.files import replacing
from hemm.report.figures.drawing import COLOURS

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper


def draw(paper: Paper, folder: Path) -> list[Path]:
    """Write ``radar``, ``parameters``, ``tasks`` and ``use_cases`` as SVG and PNG into ``folder``, and return
    their paths."""
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
    """Mean normalised score of every model by use case: a panel each, the others in grey behind it."""
    import numpy as np

    cases = list(paper.use_cases)
    angles = np.linspace(0, 2 * np.pi, len(cases) + 1)
    models = sorted(paper.models, key=lambda m: -paper.models[m])
    lines = {m: [paper.use_cases[c][m].score for c in (*cases, cases[0])] for m in models}
    most = max(max(line) for line in lines.values())
    columns = 4
    for place, model in enumerate(models):
        axes = figure.add_subplot(-(-len(models) // columns), columns, place + 1, projection="polar")
        for other in models:
            axes.plot(angles, lines[other], color="0.85", lw=0.8)
        axes.plot(angles, lines[model], color=COLOURS[0], lw=1.8)
        axes.fill(angles, lines[model], color=COLOURS[0], alpha=0.15)
        axes.set_xticks(angles[:-1], [_named(paper, c, model) for c in cases], fontsize=7)
        axes.set_yticks([0.2, 0.4], ["0.2", "0.4"], fontsize=6, color="0.4")
        axes.set_ylim(0, most)
        axes.set_theta_offset(np.pi / 2)
        axes.set_theta_direction(-1)
        axes.tick_params(axis="x", pad=1)
        for label, angle in zip(axes.get_xticklabels(), angles, strict=False):
            side = float(np.sin(angle))
            label.set_horizontalalignment("center" if abs(side) < 0.15 else "left" if side > 0 else "right")
        fewer = paper.scored[model] < max(paper.scored.values())
        axes.set_title(paper.source.titles[model] + (" *" if fewer else ""), fontsize=10, pad=8)
    star = "; * fewer tasks than the others" if len(paper.common) < len(paper.source.tasks) else ""
    figure.suptitle(
        f"Normalised BARTScore by use case, subset {paper.subset} (rank among {len(models)} models{star})",
        fontsize=11,
    )


def _named(paper: Paper, case: str, model: str) -> str:
    words = {"affective_computing": "affective", "hci": "HCI"}.get(case, case.replace("_", " "))
    return f"{words} ({paper.use_cases[case][model].rank})"


def _carries(paper: Paper, task: str, dimension: str, category: str) -> bool:
    return paper.source.task_labels[task].get(dimension) == category


def _parameters(paper: Paper, figure: Any) -> None:
    """Mean normalised score against parameters, both as the paper gives them."""
    axes = figure.add_subplot()
    for model, score in paper.models.items():
        params = paper.source.params[model]
        open_ = model in paper.source.estimated
        axes.plot(params, score, "o", color=COLOURS[0], mfc="white" if open_ else COLOURS[0])
        beside = [
            paper.models[m]
            for m, p in paper.source.params.items()
            if params < p < 3 * params and abs(paper.models[m] - score) < 0.02
        ]
        on_left = params > 100 or bool(beside)  # its name would run into the next point's
        axes.annotate(
            paper.source.titles[model],
            (params, score),
            (-5 if on_left else 5, -11 if beside and max(beside) > score else 4),
            textcoords="offset points",
            fontsize=8,
            ha="right" if on_left else "left",
        )
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    axes.set_xlabel("parameters in billions (open circles: size estimated by the paper)")
    axes.set_ylabel("mean normalised BARTScore")
    axes.spines["right"].set_visible(False)


def _tasks(paper: Paper, figure: Any) -> None:
    """Mean of the models on each task, hardest first, with the models as points."""
    axes = figure.add_subplot()
    order = sorted(paper.tasks, key=paper.tasks.__getitem__)
    for place, task in enumerate(order):
        axes.barh(place, paper.tasks[task], color=COLOURS[0], alpha=0.5)
        scores = paper.normalised[:, paper.source.tasks.index(task)]
        axes.plot(scores, [place] * len(scores), "o", color="black", ms=2.5, alpha=0.6)
    axes.set_yticks(range(len(order)), [paper.source.titles[t] for t in order])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_xlabel("normalised BARTScore: mean of the models (bar), each model (point)")
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
    ("radar", (13, 8.6), _radar),
    ("parameters", (7, 4.5), _parameters),
    ("tasks", (7, 7), _tasks),
    ("use_cases", (7, 3.2), _use_cases),
)
