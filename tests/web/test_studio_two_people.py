"""Two people who differ, from their pages to a decision, an overlay, and a score that names it; and how much
is asked of each."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

from studio_client import Person, Studio

from hemm.cli import status
from hemm.web.studio.plan import Plan


@pytest.fixture
def fresh(results: Path, tmp_path: Path) -> Callable[..., Studio]:
    """A studio over results of its own."""
    shutil.copytree(results, tmp_path / "r", ignore=shutil.ignore_patterns("annotations*"))
    return lambda *args, **more: Studio(tmp_path / "r", *args, **more)


def progress(one: Person, queue: str) -> tuple[str, str]:
    found = re.search(r"<b>([\d,]+)</b> of ([\d,]+)", one.page(queue))
    assert found is not None
    return found[1], found[2]


def test_progress_is_of_what_is_there(fresh: Callable[..., Studio]) -> None:
    """Fewer samples than are asked for, equal answers that are not asked about, and skipped ones."""
    plan = Plan(queues=("vote", "label"), tasks=("probe_shapes",), repeats=0.0, pause=1000)
    studio = fresh(plan)
    ann = studio.annotator("ann")
    sources, pairs = studio.study.sources, studio.study.pool.pairs
    differ = sum(sources.usable(s, a, b, False) for (_, a, b), own in pairs.items() for s in own)
    assert 0 < differ < sum(map(len, pairs.values()))
    assert progress(ann, "vote") == ("0", str(differ))
    assert progress(ann, "label") == ("0", "24")
    ann.start("vote")
    ann.say(choice="skip", reason="other")
    ann.start("label")
    ann.say("label", reasoning="less")
    ann.say("label", skip="yes", reason="other")
    assert progress(ann, "vote") == ("0", str(differ - 1))
    assert progress(ann, "label") == ("1", "23")
    assert f"0 of {differ - 1} done" in ann.get("/annotate/instructions").text
    while '<form method="post" action="/annotate/vote" id="ballot"' in ann.page():
        ann.say(choice="tie")
    assert progress(ann, "vote") == (str(differ - 1), str(differ - 1))


SAID: dict[str, dict[str, dict[str, Any]]] = {
    "label": {"ann": {"reasoning": "less"}, "ben": {"reasoning": "more"}},
    "gold": {"ann": {"verdict": "right"}, "ben": {"verdict": "wrong", "answer": "another choice"}},
    "error": {"ann": {"type": ["perception"]}, "ben": {"type": ["reading", "reasoning"]}},
    "score": {"ann": {"value": "0"}, "ben": {"value": "1"}},
}
DECIDED = {"reasoning": "less", "verdict": "wrong", "type": "perception+reading+reasoning"}


def test_two_people_differ_and_a_third_decides(
    fresh: Callable[..., Studio], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = fresh(Plan(queues=tuple(SAID), votes=1, tasks=("probe_charts",)))
    for who in ("ann", "ben"):
        one = studio.annotator(who)
        for queue, said in SAID.items():
            one.start(queue)
            if queue == "gold":
                choices = re.findall(r'<option value="([^"]+)">', one.page(queue))
                right = re.findall(r'<pre class="reference"[^>]*>(.*?)</pre>', one.page(queue))
                other = next(choice for choice in choices if choice not in right)
                wrong = one.post("/annotate/gold", **one.token(queue), verdict="wrong", answer="neither")
                assert (wrong.status_code, choices[0] in wrong.text) == (400, True)
            one.say(queue, **{k: other if k == "answer" else v for k, v in said[who].items()})
    boss = studio.organiser()
    page = boss.get("/organise/labels").text
    assert "3 labels of" in page, "a score is of its annotator, and nothing to decide"
    forms = re.findall(r'<form class="line".*?</form>', page, re.DOTALL)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    for field, form in zip(sorted(DECIDED, key=("type", "verdict", "reasoning").index), forms, strict=True):
        names = dict(re.findall(r'name="(token|unit)" value="([^"]+)"', form))
        assert f'<option value="{DECIDED[field]}">' in form, "what both saw can be chosen"
        known = {**names, "csrf": csrf[1], "by": "eva"}
        assert boss.post("/organise/decide", **known, value="no such thing").status_code == 400
        assert boss.post("/organise/decide", **known, value=DECIDED[field]).status_code == 303
    assert "Nothing is left to decide" in boss.get("/organise/labels").text
    file = tmp_path / "final.csv"
    out = ["annotate", str(tmp_path / "r"), "--export", str(file)]
    assert status([*out, "--of", "adjudicated"]) == 0
    rows = [(r["kind"], r["field"], r["value"], r["by"]) for r in csv.DictReader(file.open())]
    assert sorted(rows) == [
        ("error", "type", "perception", "eva"), ("error", "type", "reading", "eva"),
        ("error", "type", "reasoning", "eva"), ("gold", "reference", other, "ben"),
        ("label", "reasoning", "less", "eva"),
    ]  # fmt: skip
    capsys.readouterr()
    assert status(["profile", str(tmp_path / "r"), "--overlay", str(file), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["overlay"]
    assert (found["files"][0]["name"], found["corrected"], found["relabelled"]) == ("final.csv", 1, 1)
    assert sum(e["answers"] for e in found["errors"]) == 3
    assert status([*out, "--of", "scores"]) == 0
    assert [r["value"] for r in csv.DictReader(file.open())] == ["0.0", "1.0"]
