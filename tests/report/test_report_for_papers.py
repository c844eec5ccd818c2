"""What goes into papers and mail: figures as SVG and PDF, tables as LaTeX and Markdown, the page as PDF and
picture."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image

import fake
from hemm import cli
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.core import Identity
from hemm.report.figures.drawing import COLOURS, DASHES, HATCHES, MARKERS, MOST, Pen
from hemm.report.page import drawings
from hemm.report.tables.for_papers import latex, to_latex
from hemm.results.read import cells

LABELS = ({"use_case": "science", "reasoning": "less"}, {"use_case": "hci", "reasoning": "more"})
PACK = fake.FakePack([fake.sample(n, labels=LABELS[n % 2]) for n in range(8)])
HOSTILE = r"a_b{c}$d&e#f%g~h^i\j<k>l|m\\*[n] -- \input{x}"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, one of which has a name that would be anything but a name."""
    out = tmp_path_factory.mktemp("papers") / "r"
    for name in ("alpha", HOSTILE):
        fake.go(out, fake.Batched(identity=Identity(name, "1")), PACK)
    return out


# LaTeX: read back by the meaning that the commands have in LaTeX itself

MEANS = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^", r"\textless{}": "<",
    r"\textgreater{}": ">", r"\textbar{}": "|", r"\textquotedbl{}": '"', r"\textasciigrave{}": "`",
    r"\{": "{", r"\}": "}", r"\$": "$", r"\&": "&", r"\#": "#", r"\_": "_", r"\%": "%", "{'}": "'",
    "{[}": "[", "{]}": "]", "{*}": "*", "-{}": "-", "$-$": "−", r"\textdagger{}": "†",
    r"\textperiodcentered{}": "·", r"\dots{}": "…",
}  # fmt: skip
TOKEN = re.compile("|".join([*map(re.escape, sorted(MEANS, key=len, reverse=True)), r"[^\\{}$&#_%~^]"]))


def printed(text: str) -> str:
    """What LaTeX prints; fails where anything would be a command, a group, a cell or a comment."""
    out, at = "", 0
    while at < len(text):
        token = TOKEN.match(text, at)
        assert token is not None, text[at : at + 20]
        out += MEANS.get(token.group(), token.group())
        at = token.end()
    return out


@pytest.mark.parametrize("text", [HOSTILE, "---", '`x\' "y"', "50 % of [a]*", "−0.12 to 0.30 †", "a…b · c"])
def test_any_text_is_printed_as_it_is(text: str) -> None:
    assert printed(latex(text)) == text
    assert "--" not in latex(text)


def test_latex_tables_hold_together(results: Path) -> None:
    text = to_latex(profile(Study.of(cells(results))))
    tables = re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", text, flags=re.DOTALL)
    assert len(tables) == 2
    shown = ""
    for columns, body in tables:
        lines = body.splitlines()
        assert [lines[0], lines[2], lines[-1]] == [r"\toprule", r"\midrule", r"\bottomrule"]
        for line in (lines[1], *lines[3:-1]):
            if line == r"\addlinespace":
                continue
            heading = re.fullmatch(r"\\multicolumn\{(\d+)\}\{l\}\{\\textit\{(.*)\}\} \\\\", line)
            if heading is not None:
                assert int(heading[1]) == len(columns)
                printed(heading[2])
                continue
            assert line.endswith(r" \\")
            found = re.split(r"(?<!\\)&", line[:-3])
            assert len(found) == len(columns), line
            shown += " ".join(printed(cell) for cell in found) + "\n"
    assert HOSTILE in shown
    assert "1.00" in shown
    assert "% needs \\usepackage{booktabs}" in text
    outside = re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", text, flags=re.DOTALL)
    assert all(line.startswith(("%", "\\")) for line in outside.splitlines() if line)


def test_markdown_has_the_same_cells(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.status(["report", str(results), "--markdown"]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for of_table in (rows[: next(n for n, r in enumerate(rows[1:], 1) if "Task " in r)], rows):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in of_table if "Task " not in row}
        assert widths <= {8, 9}
    assert "**Use case**" in text
    assert "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |" in rows, "words left, numbers right"
    assert "Scores by task" in text
    assert cli.status(["report", str(results), "--latex", "--markdown"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_figures_are_read_at_the_width_of_a_column_and_without_colours(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = tmp_path / "t.md"
    words = ["report", str(results), "--markdown", "-o", str(tables), "--figures", str(tmp_path / "f")]
    assert cli.status(words) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()][1:]
    assert {p.suffix for p in written} == {".svg", ".pdf"}
    assert {p.stem for p in written} >= {"radar", "scores-overall", "scores-use_case", "curve-even-number"}
    for path in written:
        if path.suffix == ".pdf":
            data = path.read_bytes()
            assert data.startswith(b"%PDF")
            box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", data)
            assert box is not None
            assert float(box[1]) < 3.6 * 72
            assert b"/FontFile2" in data, "letters are embedded"
        else:
            ElementTree.parse(path)
    study = Study.of(cells(results))
    for drawing in drawings.for_papers(study, profile(study)):
        figure = drawing.draw(Pen(paper=True))
        sizes = [text.get_fontsize() for text in figure.findobj(match=_is_text) if text.get_text().strip()]
        assert min(sizes) >= 7, drawing.name
        assert figure.get_figwidth() <= 3.5
    assert len(set(COLOURS)) == len(set(HATCHES)) == len(set(MARKERS)) == len(set(map(str, DASHES))) == MOST


def _is_text(artist: object) -> bool:
    return type(artist).__name__ in ("Text", "Annotation")


def test_without_a_browser_one_line_says_what_to_install(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HEMM_BROWSER", raising=False)
    assert cli.status(["report", str(results), "-o", str(tmp_path / "page.pdf")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "install Chromium" in said
    assert not (tmp_path / "page.pdf").exists()
    assert cli.status(["report", str(results), "--format", "png", "-o", str(tmp_path / "page.pdf")]) == 2
    assert "is no name for png" in capsys.readouterr().err


@pytest.mark.browser
def test_the_page_as_pdf_and_as_a_picture(
    results: Path, browser: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("pdf", "png"):
        assert cli.status(["report", str(results), "--format", kind, "--examples", "0"]) == 0
        assert capsys.readouterr().out == f"{results / 'report.'}{kind}\n"
    assert (results / "report.pdf").read_bytes().startswith(b"%PDF")
    picture = Image.open(results / "report.png").convert("L")
    assert picture.width == 1280
    assert 2_000 < picture.height < 16_000
    assert picture.crop((0, picture.height - 200, 1280, picture.height)).getextrema()[0] < 128, "no empty end"
