"""What the pages share: the folder, its index, the study for statistics, and rendering."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hemm.core import DIMENSIONS, HemmError, digest_bytes
from hemm.report.page.template import SCRIPT, STYLE, environment
from hemm.report.text import one_line
from hemm.web.answers import Answers, Counts
from hemm.web.filters import Filter, read_filter
from hemm.web.folder import ResultsFolder
from hemm.web.index.build import Catalog, Index, IndexedCell
from hemm.web.index.tables import LABELS
from hemm.web.live import Live
from hemm.web.pictures import Pictures
from hemm.web.texts import Texts

if TYPE_CHECKING:
    from starlette.requests import Request

    from hemm.analysis.profile import Profile
    from hemm.analysis.study import Study

HERE = Path(__file__).parent
STUDIED = 500_000
"""Answers up to which profile, curves and differences are computed unasked: they load all scores."""
KEPT = 200
"""Counts that are kept for the next page."""
STATIC = {
    "report.css": (STYLE, "text/css"),
    "figures.js": (SCRIPT, "text/javascript"),
    "explorer.css": (HERE / "static/explorer.css", "text/css"),
    "explorer.js": (HERE / "static/explorer.js", "text/javascript"),
    "studio.css": (HERE / "static/studio.css", "text/css"),
    "studio.js": (HERE / "static/studio.js", "text/javascript"),
    "icon.svg": (HERE / "static/icon.svg", "image/svg+xml"),
}
"""Everything that a page loads; the type is the file's own."""


@lru_cache(maxsize=8)
def static(name: str) -> bytes:
    return STATIC[name][0].read_bytes()


def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return f"/static/{name}?{urlencode({'v': digest_bytes(static(name))[:12]})}"


class Explorer:
    """A results folder with everything that its pages are made from."""

    def __init__(self, folder: Path, memory: str = "500MB", overlay: Sequence[Path] = ()) -> None:
        """``overlay``: files of labels and right answers by people, which the profile is shown with."""
        self.folder = ResultsFolder(folder)
        self.overlay = tuple(overlay)
        self.index = Index(self.folder, memory)
        self.pictures = Pictures(self.folder.root)
        self.live = Live()
        self.texts = Texts()
        self._lock, self._keeping = threading.Lock(), threading.Lock()
        self._studies: dict[tuple[int, str, bool], Study] = {}
        self._profiles: dict[tuple[int, bool], Profile] = {}
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self.more_pages: tuple[tuple[str, str, str], ...] = ()

    @property
    def catalog(self) -> Catalog:
        return self.index.catalog

    @property
    def answers(self) -> Answers:
        return Answers(self.index, self.texts)

    def kept(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once for each state of the folder: counts over all answers do not change
        from page to page."""
        key = (self.catalog.generation, *key)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = make()
        with self._keeping:
            self._kept[key] = value
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return value

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a statement over all answers, read once for each state of the folder."""
        found: list[Any] = self.kept(("rows", sql, *values), lambda: self.index.read(sql, values))
        return found

    def counts(self, chosen: Filter) -> Counts:
        """The counts of a filter, which pages in any order share."""
        pairs = tuple(p for p in chosen.narrowed if p[0] != "q")
        metric = chosen.value("metric")
        found: Counts = self.kept(("counts", pairs, metric), lambda: self.answers.counts(chosen))
        return found

    @property
    def metrics(self) -> list[str]:
        """The names of all scores beside the headlines."""
        return [name for (name,) in self.rows("select distinct metric from scores order by metric")]

    def filter(self, request: Request, without: Sequence[str] = ()) -> Filter:
        """The filter of a request's address; parameters named in ``without`` are the page's own."""
        pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in without]
        return read_filter(pairs, self.catalog, self.metrics)

    @property
    def total(self) -> int:
        return int(self.rows("select count(*) from answers")[0][0])

    def warm(self) -> None:
        """Make what the first page of answers needs, so that whoever opens it does not wait for it."""
        with suppress(HemmError):  # what cannot be read is said on the page
            found, chosen = self.answers, Filter()
            self.counts(chosen)
            self.dimensions()
            found.texts(found.page(chosen).rows, ["raw"])
        self.templates.get_template("answers.html")  # its compilation takes longer than the page

    def study(self, task: str = "", large: bool = False, over: bool = False) -> Study:
        """The scores of all cells, or of one task's, loaded once for each state of the folder; ``over``: with
        the overlay.

        Cells in progress, or never scored, are left out: scoring them would look for their task, and at
        files that the results name. Raises HemmError where there are none, or too many to load unasked.
        """
        from hemm.analysis.study import Study
        from hemm.engine.overlays.matching import overlaid

        catalog = self.catalog
        cells = [c for c in catalog.cells if task in ("", c.cell.task) and _is_scored(c)]
        if not cells:
            raise HemmError("no cell is scored yet: hemm score judges stored answers")
        rows = sum(part["rows"] for c in cells for part in c.cell.run["parts"])
        if rows > STUDIED and not large:
            raise TooLarge(rows)
        with self._lock:
            key = (catalog.generation, task, over)
            if key not in self._studies:
                self._studies = {k: s for k, s in self._studies.items() if k[0] == catalog.generation}
                try:
                    files = self.overlay if over else ()
                    self._studies[key] = Study.of(overlaid([c.cell for c in cells], files))
                except HemmError as error:
                    raise HemmError(self.folder.words(error)) from error
            return self._studies[key]

    def profile(self, large: bool = False, over: bool = False) -> Profile:
        """The profile of all cells, as ``hemm profile`` has it."""
        from hemm.analysis.profile import profile
        from hemm.analysis.profile.build import Extras

        study, key = self.study(large=large, over=over), (self.catalog.generation, over)
        with self._lock:
            if key not in self._profiles:
                kept = {k: p for k, p in self._profiles.items() if k[0] == key[0]}
                self._profiles = {**kept, key: profile(study, extras=Extras(bits=False))}
            return self._profiles[key]

    def dimensions(self) -> list[str]:
        """What slices can be made by: model, task, the dimensions that occur, then keys of the metadata with
        few values."""
        names = [*LABELS.items()]
        counts = self.rows(f"select {', '.join(f'count({c})' for _, c in names)} from answers")[0]
        used = [name for (name, _), count in zip(names, counts, strict=True) if count]
        keys = self.rows(
            """select key from metadata group by key
            having count(distinct value) between 2 and 30 order by key"""
        )
        return ["model", "task", *used, "outcome", "stage", *(f"meta:{key}" for (key,) in keys)]

    def render(self, template: str, page: str, **values: Any) -> str:
        """A page; ``page`` is the entry of the navigation that it belongs to."""
        return str(self.templates.get_template(template).render(**self.shared(page), **values))

    def shared(self, page: str) -> Mapping[str, Any]:
        """What all pages have; ``page`` is the entry of the navigation that they belong to."""
        catalog = self.catalog
        return {
            "page": page,
            "more_pages": self.more_pages,
            "catalog": catalog,
            "folder_name": one_line(self.folder.root.name or "/", 40),
            "open_cells": [f for f in catalog.found if f.cell is not None and f.cell.state == "open"],
            "asset": asset,
            "dimension_titles": {name: d.title for name, d in DIMENSIONS.items()},
            "query": urlencode,
        }

    @cached_property
    def templates(self) -> Any:
        return environment(HERE / "templates")


def _is_scored(one: IndexedCell) -> bool:
    return one.cell.state != "open" and bool(one.cell.aggregates().get("metrics"))


class TooLarge(HemmError):
    """More answers than are loaded unasked."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"{rows:,} answers: their statistics load all scores, which takes time and memory")
