"""Signs of questions that were learnt stand on the explorer's profile as in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer_client import words

import hemm
from hemm.report import write


def test_what_is_owed_to_the_picture_and_to_the_order_of_options(tmp_path: Path, ask: Any) -> None:
    out = tmp_path / "r"
    for more in ({}, {"control": "none"}, {"perturb": "text/options"}):
        hemm.run("baseline/random", "probe_shapes", limit=40, out=out, **more)
    page = words(ask(out).get("/").text)
    report = tmp_path / "report.html"
    write(out, report)
    for heading in (
        "The share of scores that is owed to the picture",
        "the published order of options matter",
    ):
        assert heading in page
        row = words(report.read_text()).partition(heading)[2].partition("probe_shapes")[2][:26]
        assert row in page.partition(heading)[2], heading
