"""``hemm report``: which models and tasks are in it, and where it goes."""

from __future__ import annotations

import re
import webbrowser
from pathlib import Path

import pytest

import hemm
from hemm import cli
from hemm.analysis.study.choosing import chosen_cells
from hemm.core import HemmError, UnknownName
from hemm.results.read import cells


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    models, tasks = ["baseline/oracle", "baseline/random"], ["probe_shapes", "probe_faces"]
    hemm.run(models, tasks, limit=4, out=out)
    hemm.run(models[1], tasks[0], limit=4, out=out, control="none")
    return out


def names(folder: Path, models: tuple[str, ...], tasks: tuple[str, ...]) -> list[tuple[str, str, bool]]:
    return [
        (c.model, c.task, bool(c.run["protocol_spec"].get("control")))
        for c in chosen_cells(cells(folder), models, tasks)
    ]


def test_a_model_is_chosen_with_its_controls_and_a_protocol_alone(results: Path) -> None:
    every = cells(results)
    assert len(names(results, (), ())) == len(every) == 5
    assert sorted(names(results, ("baseline/random",), ("probe_shapes",))) == [
        ("baseline/random", "probe_shapes", False),
        ("baseline/random", "probe_shapes", True),
    ]
    (control,) = [c for c in every if c.run["protocol_spec"].get("control")]
    assert names(results, (control.protocol[:8],), ()) == [("baseline/random", "probe_shapes", True)]
    assert {n[0] for n in names(results, ("baseline/random", "baseline/oracle"), ())} == {
        "baseline/random",
        "baseline/oracle",
    }


def test_what_is_not_there_is_named(results: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'baseline/oracle'"):
        names(results, ("baseline/oracel",), ())
    with pytest.raises(UnknownName, match="did you mean 'probe_shapes'"):
        names(results, (), ("probe_shape",))
    (control,) = [c for c in cells(results) if c.run["protocol_spec"].get("control")]
    with pytest.raises(HemmError, match="no results of"):
        names(results, (control.protocol,), ("probe_faces",))


def test_the_page_is_of_these_alone_and_opens(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or len(opened) == 1)
    page = results / "one.html"
    words = ["report", str(results), "--model", "baseline/oracle", "--task", "probe_faces", "-o", str(page)]
    assert cli.status([*words, "--open"]) == 0
    assert capsys.readouterr() == (f"{page}\n", "")
    assert opened == [page.resolve().as_uri()]
    text = re.sub(r'<(pre class="command"|code)>.*?</(pre|code)>', "", page.read_text(), flags=re.DOTALL)
    assert "baseline/oracle" in text
    assert "probe_faces" in text
    assert "baseline/random" not in text
    assert "probe_shapes" not in text
    assert cli.status([*words, "--open"]) == 0
    assert "no browser was found here: open file://" in capsys.readouterr().err
