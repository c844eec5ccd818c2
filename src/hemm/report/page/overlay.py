"""Pages that are made under an overlay: every section and every figure says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hemm.report.text import visible

if TYPE_CHECKING:
    from hemm.analysis.profile.rows import BesideRow, Profile
    from hemm.analysis.study import Study
    from hemm.analysis.study.overlays import OverlayUse

_ENDS = ("</h2>", "</figcaption>")


def marked(page: str, use: OverlayUse | None) -> str:
    """A page with the overlay named behind each heading and below each figure; as it is without one.

    Text of others is escaped, so these tags are the page's own.
    """
    if use is None:
        return page
    mark = f'<small class="over">with <bdi>{visible(use.words)}</bdi></small>'
    for end in _ENDS:
        page = page.replace(end, f" {mark}{end}")
    return page


def beside_rows(study: Study, profile: Profile, common: bool) -> Sequence[BesideRow]:
    """The values of the page without the overlay and with it; none where no overlay lies over the cells."""
    from hemm.analysis.profile import profile as profile_of
    from hemm.analysis.profile.beside import beside

    if study.overlay is None:
        return ()
    without = profile_of(study.without_overlay, profile.normaliser, common=common)
    return beside(study, profile, without)
