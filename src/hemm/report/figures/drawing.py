"""How a figure becomes SVG for a page, or SVG and PDF for a paper.

On a page it has no script, font, file or style sheet of its own: all is in attributes, so that a strict
policy lets it stand, and its colours follow the page's light or dark mode. Points carry their words as
``<title>``; ``figures.js`` shows them, and switches models off by their class. In a paper letters are
paths or embedded, ink is black, and the models are named in the figure.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from hemm.report.text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 3.5
"""Width in inches at which a page shows a figure, and of a column of a paper: text is as large as it says."""
MOST = 6
"""Most models that a figure can distinguish."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito's palette, distinct with every kind of colour vision. ``style.css`` has the same."""
HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (3, 3)), (0, (8, 2)))

# colours that occur nowhere else: on a page they are replaced by its variables
_INK, _PAPER, _GRID, _MUTED = "#010203", "#fdfefc", "#c1c2c4", "#616264"
_VARIABLES = {_INK: "var(--ink)", _PAPER: "var(--paper)", _GRID: "var(--line)", _MUTED: "var(--muted)"}


@dataclass
class Pen:
    """What draws: colours, and the parts of the figure that readers can point at.

    paper  whether the figure stands by itself, in print
    """

    paper: bool
    parts: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = (_INK, _PAPER, _GRID, _MUTED)
        self.ink, self.back, self.grid, self.muted = (
            ("#000000", "#ffffff", "#c4c4c4", "#404040") if self.paper else page
        )

    def mark(self, artist: Any, classes: str, words: str = "") -> None:
        """Give an artist classes and, if it is a point, words."""
        artist.set_gid(f"part{len(self.parts)}.")
        self.parts.append((classes, words))

    @property
    def style(self) -> dict[str, Any]:
        return {
            "svg.fonttype": "path" if self.paper else "none",
            "pdf.fonttype": 42,  # letters stay letters
            "svg.hashsalt": "hemm",
            "font.family": ["DejaVu Sans"],
            "font.size": 11.0,
            "text.parse_math": False,  # a name may hold a $
            "text.color": self.ink,
            "axes.edgecolor": self.grid,
            "axes.labelcolor": self.muted,
            "axes.linewidth": 0.8,
            "xtick.color": self.grid,
            "xtick.labelcolor": self.muted,
            "ytick.color": self.grid,
            "ytick.labelcolor": self.ink,
            "hatch.linewidth": 1.2,
        }


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn for a page or a paper.

    name    of its files; kind: its class on a page
    title   what it shows; words: its values, for readers who cannot see it
    models  their labels, in the order of their colours
    draw    draws it with a pen
    """

    name: str
    kind: str
    title: str
    words: str
    models: tuple[str, ...]
    draw: Callable[[Pen], Figure] = field(compare=False)

    def page(self) -> Markup:
        """The figure as an ``<svg>`` element that scales with its container."""
        pen = Pen(paper=False)
        with _style(pen):
            out = io.StringIO()
            self.draw(pen).savefig(
                out, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
        return _element(self, pen, out.getvalue())

    def save(self, folder: Path, note: str = "") -> list[Path]:
        """Write the figure as SVG and PDF for a paper into ``folder``, and return the paths.

        note  a line above it
        """
        from hemm.data.files import write_atomic

        pen, written = Pen(paper=True), []
        with _style(pen):
            figure = self.draw(pen)
            if len(self.models) > 1:
                _legend(figure, self.models)
            if note:
                figure.text(0.5, 1.0, one_line(note, 60), ha="center", va="bottom", fontsize=7.5)
            for form, facts in (("svg", {"Date": None}), ("pdf", {"CreationDate": None})):
                out = io.BytesIO()
                figure.savefig(out, format=form, metadata=facts, bbox_inches="tight", pad_inches=0.02)
                written.append(folder / f"{self.name}.{form}")
                write_atomic(written[-1], out.getvalue())
        return written


@contextmanager
def _style(pen: Pen) -> Iterator[None]:
    import warnings

    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    with matplotlib.rc_context(pen.style), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", "Glyph .* missing")  # on a page the reader's fonts draw it
        yield


def _legend(figure: Figure, models: Sequence[str]) -> None:
    """The names of the models under the figure, with all that tells them apart."""
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[Any] = [
        (
            Patch(facecolor=COLOURS[n], hatch=HATCHES[n], edgecolor="white", linewidth=0),
            Line2D([], [], color=COLOURS[n], linestyle=DASHES[n], marker=MARKERS[n], markersize=4),
        )
        for n in range(len(models))
    ]
    longest = max(len(one_line(name, 44)) for name in models)
    figure.legend(
        keys,
        [one_line(name, 44) for name in models],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.4)},
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=1 if longest > 18 else 2 if longest > 9 else 3,
        fontsize=8,
        handlelength=4.5,
        frameon=False,
        borderaxespad=0.2,
    )


_drawn = re.compile(r"(\bid=\"|url\(#|xlink:href=\"#)")
_font = re.compile(r"font: ((?:\w+ )*?)([\d.]+)px [^;\"]*")
_sheet = re.compile(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>|<style[^>]*>[^<]*</style>")
_rules = re.compile(r' style="([^"]*)"')


def _element(drawing: Drawing, pen: Pen, text: str) -> Markup:
    from hemm.core import digest

    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, _, body = text.partition(">")
    body = _rules.sub(_attributes, _font.sub(r"font-size: \2px", _sheet.sub("", body)))
    body = re.sub(r"#[0-9a-f]{6}\b", lambda m: _VARIABLES.get(m.group(), m.group()), body)
    name = f"f{digest([drawing.title, drawing.words], 8)}-"
    body = _drawn.sub(lambda m: m.group() + name, body)  # ids are unique in the page
    part = re.compile(rf'<g id="{name}part(\d+)\.">')
    body = part.sub(lambda m: _opened(*pen.parts[int(m.group(1))]), body)  # last: words may be anything
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None
    return (
        Markup('<svg class="figure {}" role="img" ').format(drawing.kind)
        + Markup(box.group())
        + Markup(' aria-labelledby="{n}t {n}d" xmlns="http://www.w3.org/2000/svg" ').format(n=name)
        + Markup('xmlns:xlink="http://www.w3.org/1999/xlink">')
        + Markup('<title id="{n}t">{t}</title><desc id="{n}d">{d}</desc>').format(
            n=name, t=drawing.title, d=escape(drawing.words)
        )
        + Markup(body)
    )


def _attributes(rules: re.Match[str]) -> str:
    pairs = (rule.partition(":") for rule in rules[1].split(";") if ":" in rule)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, _, value in pairs)


def _opened(classes: str, words: str) -> str:
    title = Markup("<title>{}</title>").format(words) if words else ""
    return Markup('<g class="{}">').format(classes) + title
