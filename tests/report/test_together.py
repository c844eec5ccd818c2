"""The report's section on interactions: there where they were asked, and the figure adds up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hemm
from hemm.analysis.interactions import interactions
from hemm.report.page.document import figures, html
from hemm.report.page.together import KINDS, shares, together
from hemm.results.read import cells


def test_the_section_is_there_where_all_conditions_were_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    hemm.run("baseline/random", "probe_faces", limit=16, control="none", out=out)
    hemm.run("baseline/random", "probe_faces", limit=16, out=out)
    assert 'id="together"' not in html(cells(out))
    hemm.run(
        "baseline/random",
        "probe_faces",
        limit=16,
        conditions="vl,l,v,prior",
        settings={"scoring": "likelihood"},
        out=out,
    )
    page = html(cells(out))
    section = page[page.index('id="together"') :].split("</section>")[0]
    assert "Bits about the right answer" in section
    study = hemm.load(out).study
    (item,) = interactions(study).tasks
    assert sum(shares(item)) == pytest.approx(1)
    found = together(study)
    assert found is not None
    (figure,) = found.figures
    said = re.findall(r"<title[^>]*>probe_faces, ([^:]+): ([\d.]+), n 16</title>", str(figure.svg))
    assert {kind for kind, _ in said} == {k for k, s in zip(KINDS, shares(item), strict=True) if s}
    assert sum(float(share) for _, share in said) == pytest.approx(1, abs=0.03)
    names = {path.name for path in figures(cells(out), tmp_path / "figures")}
    assert {"interactions-1.svg", "interactions-1.pdf"} <= names
