"""What ``hemm.run`` and ``hemm.load`` give: tables, notebook and terminal, DuckDB, comparisons."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

import hemm
from hemm.core import DIMENSIONS, BatchModel, Capabilities, Failure, Identity, Response
from hemm.results import flat

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two models on two tasks, one of them without pictures too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("results"))
        tasks = ["probe_shapes", "probe_charts"]
        hemm.run(["baseline/oracle", "baseline/random"], tasks, limit=12)
        hemm.run("baseline/random", tasks, limit=12, control="none")
        yield hemm.load(Path("results").resolve())


def reserved() -> set[str]:
    import duckdb

    rows = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'")
    return {name for (name,) in rows.fetchall()}


def test_scores_by_sample_are_one_table(results: Any) -> None:
    table = results.to_arrow()
    main = table.filter(pc.and_(table["headline"], pc.equal(table["component"], "")))
    assert main.num_rows == 6 * 12
    rows = main.to_pylist()
    assert {(r["model"], r["control"]) for r in rows} == {
        ("baseline/oracle", ""),
        ("baseline/random", ""),
        ("baseline/random", "none"),
    }
    assert {r["task"] for r in rows} == {"probe_shapes", "probe_charts"}
    assert all(r["id"] == r["group_key"] for r in rows)
    assert {r["use_case"] for r in rows} <= set(DIMENSIONS["use_case"].categories)
    assert all(r["value"] == 1.0 for r in rows if r["model"] == "baseline/oracle")


def test_means_of_the_table_are_the_scores_of_the_profile(results: Any) -> None:
    frame = results.to_pandas()
    frame = frame[frame.headline & (frame.component == "")]
    means = frame.groupby(["model", "control", "task"], observed=True).value.mean()
    rows = results.profile(common=False).tasks
    assert len(rows) == 6
    for row in rows:
        key = (row.subject.model, row.subject.control, row.task)
        assert means[key] == pytest.approx(row.headline.estimate.value)


def test_the_page_s_lines_give_the_profile_s_scores_of_failures_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = hemm.run([Failing(), "baseline/random"], "probe_shapes", limit=24)
    assert any(cell.state.startswith("sealed with") for cell in results)
    wanted = {row.subject.label: row.headline.estimate.value for row in results.profile(common=False).tasks}
    assert 0 < wanted["failing"] < 1

    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(frame = results.to_pandas.*?)```", page, re.S)
    *first, last = lines.strip().splitlines()
    space: dict[str, Any] = {"results": results}
    exec("\n".join(first), space)
    means = eval(last, space)
    assert {subject: mean for (subject, _), mean in means.items()} == pytest.approx(wanted)

    (query,) = re.findall(r'results.duckdb\(\).sql\("""(.*?)"""\)', page, re.S)
    rows = results.duckdb().sql(query).fetchall()
    assert {row[0]: row[2] for row in rows} == pytest.approx(wanted)

    import duckdb

    page = (ROOT / "docs" / "results.md").read_text("utf-8")
    (query,) = re.findall(r"```sql\n(select r.model.name.*?)```", page, re.S)
    found = duckdb.sql(query).fetchall()
    assert {row[0]: row[4] for row in found} == pytest.approx(wanted)


class Failing(BatchModel):
    """Right, but some answers are no answer, and some end in an error."""

    spec, identity, capabilities, batch_size = "failing", Identity("failing"), Capabilities(), 8

    def generate_batch(self, requests: Any) -> list[Response]:
        other = (Response("I see a picture."), Response(failure=Failure("x", "no", True)))
        return [(Response(self.right[r.sample_id]), *other)[int(r.key, 16) % 3] for r in requests]

    def bind(self, task: Any, pack: Any) -> None:
        self.right = {sample.id: str(sample.references[0]) for sample in pack.samples()}


def test_two_subjects_of_one_model_are_told_apart(tmp_path: Path) -> None:
    hemm.run("tiny", "probe_shapes", limit=2, out=tmp_path)
    hemm.run("tiny", "probe_shapes", limit=2, out=tmp_path, system="Be brief.")
    results = hemm.load(tmp_path)
    labels = ["tiny", 'tiny · system "Be brief."']
    assert sorted(set(results.to_arrow()["subject"].to_pylist())) == labels
    means = {row.subject.label: row.headline.estimate.value for row in results.profile().tasks}
    assert sorted(means) == labels
    for view in ("answers", "scores", "calls", "cells"):
        found = (
            results.duckdb()
            .sql(f"select distinct model, control, subject from {view} order by all")
            .fetchall()
        )
        assert found == [("tiny", "", label) for label in labels]
    scored = (
        results.duckdb().sql("select subject, avg(value) from scores where headline group by all").fetchall()
    )
    assert dict(scored) == means


def test_no_column_is_a_reserved_word(results: Any) -> None:
    words, folder = reserved(), results.folder
    subjects = {cell.folder: cell.model for cell in results}
    for table in (flat.score_table, flat.answer_table, flat.call_table, flat.cell_table):
        columns = table(folder, results.cells, subjects).column_names
        assert not {c.lower() for c in columns} & words
        assert len(set(columns)) == len(columns)


def test_duckdb_joins_scores_calls_and_cells(results: Any) -> None:
    database = results.duckdb()
    query = """
        select c.model, c.control, count(*) as n, avg(s.value) as score, sum(k.latency) as seconds
        from scores s join cells c using (cell) join answers a using (cell, id, repeat)
        join (select cell, id, repeat, sum(latency) as latency from calls group by all) k
          using (cell, id, repeat)
        where s.headline and s.component = '' group by all order by 1, 2
    """
    rows = database.sql(query).fetchall()
    assert [(m, c, n) for m, c, n, *_ in rows] == [
        ("baseline/oracle", "", 24),
        ("baseline/random", "", 24),
        ("baseline/random", "none", 24),
    ]
    assert rows[0][3] == 1.0
    ((refs,),) = database.sql("select refs from answers limit 1").fetchall()
    assert isinstance(refs, list)
    labelled = "select count(*) from answers where use_case is null or external_knowledge is null"
    assert database.sql(labelled).fetchall() == [(0,)]


def test_duckdb_leaves_out_answers_that_are_not_scored(tmp_path: Path) -> None:
    rows = [f'{{"id": "{n}", "question": "{n} + 0?", "answer": "{n}"}}\n' for n in range(4)]
    (tmp_path / "sums").mkdir()
    data = tmp_path / "sums/rows.jsonl"
    data.write_text("".join(rows))
    hemm.run("baseline/oracle", tmp_path / "sums", out=tmp_path / "out")
    data.write_text("".join(rows[:3]))
    hemm.run("baseline/oracle", tmp_path / "sums", out=tmp_path / "out")
    loaded = hemm.load(tmp_path / "out")
    database = loaded.duckdb()
    assert database.sql("select count(*) from answers").fetchall() == [(3,)]
    assert database.sql("select count(distinct id) from scores").fetchall() == [(3,)]
    assert database.sql("select answers from cells").fetchall() == [(3,)]


class _Closed(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in ("br", "img", "path", "use", "meta"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "use"):
            assert self.open.pop() == tag


def test_a_notebook_shows_a_table_and_the_radar(results: Any) -> None:
    profile = results.profile()
    for shown in (results, profile, results.compare("baseline/oracle", "baseline/random")):
        html = shown._repr_html_()
        parser = _Closed()
        parser.feed(html)
        assert not parser.open
        assert "table" in parser.seen
        assert "script" not in parser.seen
        assert "baseline/random" in html
    assert "svg" in re.findall(r"<(svg)", profile._repr_html_())
    assert "probe_charts" in results._repr_html_()


def test_what_models_are_called_cannot_be_markup(tmp_path: Path) -> None:
    from test_run import Parrot

    from hemm.core import Identity

    class Nasty(Parrot):
        spec, identity = "x", Identity("<script>alert(1)</script>", "1")

    found = hemm.run([Nasty(), "baseline/oracle"], "probe_shapes", limit=2, out=tmp_path / "o")
    for html in (found._repr_html_(), found.profile()._repr_html_(), found.compare()._repr_html_()):
        assert "<script" not in html


def test_a_terminal_shows_text(results: Any) -> None:
    text = repr(results)
    assert text.splitlines()[0].startswith("6 cells of ")
    assert "baseline/oracle" in text
    assert "accuracy" in text
    assert "probe_shapes" in repr(results.profile())
    comparison = results.compare("baseline/oracle", "baseline/random")
    assert "a: baseline/oracle\nb: baseline/random\n" in repr(comparison)
    assert comparison.to_json()["models"]


def test_results_without_scores_show_what_there_is(tmp_path: Path) -> None:
    found = hemm.run("baseline/oracle", "probe_shapes", limit=2, out=tmp_path / "o", score=False)
    assert "sealed" in repr(found)
    assert "probe_shapes" in found._repr_html_()
    assert found.to_arrow().num_rows == 0


def test_loading_again_sees_new_scores(tmp_path: Path) -> None:
    hemm.run("baseline/random", "probe_shapes", limit=4, out=tmp_path)
    before = hemm.load(tmp_path)
    assert len(before.profile().tasks[0].values) == 1
    hemm.run("baseline/random", "probe_shapes", limit=8, out=tmp_path, metrics="exact_match")
    assert before.profile().tasks[0].units == 4
    assert hemm.load(tmp_path).profile().tasks[0].units == 8


def test_compare_takes_folders_and_results(results: Any, tmp_path: Path) -> None:
    other = hemm.run("baseline/majority", "probe_shapes", limit=12, out=tmp_path / "o")
    comparison = hemm.compare(results, str(tmp_path / "o"), models=["baseline/random", "baseline/majority"])
    assert comparison.pair is not None
    assert "baseline/majority" in hemm.compare(other, results).labels.values()
    with pytest.raises(hemm.HemmError, match="unknown option of compare 'model'; did you mean 'models'"):
        hemm.compare(results, model="x")
    with pytest.raises(hemm.HemmError, match="compares nothing"):
        hemm.compare()
    with pytest.raises(hemm.HemmError, match="unknown option of profile 'normalize'"):
        results.profile(normalize="rank")


def test_a_report_is_written_from_text_path_or_results(results: Any, tmp_path: Path) -> None:
    first = hemm.report.write(str(results.folder), str(tmp_path / "a.html"))
    second = hemm.report.write(results, tmp_path / "b.html")
    assert first == tmp_path / "a.html"
    sizes = [(tmp_path / name).stat().st_size for name in ("a.html", "b.html")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)
    assert second.is_file()
    with pytest.raises(hemm.HemmError, match="give a folder of results"):
        hemm.report.write(3)
