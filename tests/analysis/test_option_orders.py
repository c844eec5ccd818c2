"""What the published order of options is worth to a model, planted and found again."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

import hemm
from fake import Batched
from hemm.analysis.profile import profile
from hemm.analysis.study import Study
from hemm.core import Capabilities, Identity, Request, Response, keyed_number
from hemm.report.page.document import html
from hemm.report.tables.profile import show
from hemm.results.read import cells

BIRDS = ("heron", "gull", "owl", "wren")


def _published(number: int) -> tuple[str, ...]:
    """Options whose right one, the heron, stands in the first place twice as often as in each other."""
    place = number % 5 % 4
    return (*BIRDS[1 : place + 1], BIRDS[0], *BIRDS[place + 1 :])


def _task(folder: Path, count: int, clusters: int) -> str:
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        picture = f"{number % clusters}.png"
        Image.new("RGB", (2, 2), (number % clusters, 2, 3)).save(folder / picture)
        row = {"id": f"q{number}", "image": picture, "question": f"Is {number} even?"}
        rows.append(row | {"choices": _published(number), "answer": "heron"})
    (folder / "birds.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder)


@dataclass
class Reader(Batched):
    """Gives the options probabilities: the logit of the right one is higher by ``knows``, in the published
    order by ``learnt`` more; that of the first place by ``likes_first``."""

    knows: float = 0.5
    likes_first: float = 0.0
    learnt: float = 0.0

    def generate_batch(self, requests: Sequence[Request]) -> list[Response]:
        return [self._respond(r) for r in requests]

    def _respond(self, request: Request) -> Response:
        number = int(request.prompt.split("Is ")[1].split(" even")[0])
        shown = [line.split(maxsplit=1)[1] for line in request.prompt.splitlines() if line[1:2] in ".)"]
        logits = [self.likes_first * (at == 0) for at in range(4)]
        right = shown.index("heron")
        noise = keyed_number("noise", *shown, str(number)) % 1000 / 250 - 2
        logits[right] += self.knows + noise + self.learnt * (tuple(shown) == _published(number))
        total = math.log(sum(math.exp(x) for x in logits))
        scores = tuple(x - total for x in logits)
        best = max(range(4), key=scores.__getitem__)
        return Response("ABCD"[best], options=scores if request.options else ())


def _study(
    where: Path,
    model: Reader,
    perturb: str = "text/options",
    scoring: str = "likelihood",
    clusters: int = 120,
) -> Study:
    hemm.run(
        model,
        _task(where / "birds", 120, clusters),
        perturb=perturb,
        settings={"scoring": scoring},
        out=where / "out",
    )
    return Study.of(cells(where / "out"))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMM_CACHE", str(tmp_path / "cache"))


def _model(**planted: float) -> Reader:
    name = "-".join(f"{k}{v:g}" for k, v in planted.items()) or "plain"
    return Reader(identity=Identity(name, "1"), capabilities=Capabilities(likelihood=True), **planted)


def test_what_the_published_order_is_worth_is_found_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = _study(tmp_path, _model(learnt=0.8))
    found = profile(study)
    (row,) = found.option_orders
    assert (row.task, row.orders, row.gap.n) == ("birds", 3, 120)
    assert row.likelihood is not None
    assert row.likelihood.n == 120
    # log2 of softmax: about .8 / ln 2 less what the denominator takes
    assert 0.3 < row.likelihood.low < row.likelihood.value < 0.9
    assert row.p < 0.001
    assert row.gap.value >= 0
    assert found.to_json()["option_orders"][0]["orders"] == 3
    show(found)
    assert "the options in their published order" in capsys.readouterr().out
    assert "published order" in html(cells(tmp_path / "out"))


def test_a_liking_for_a_place_is_no_sign(tmp_path: Path) -> None:
    """Right answers stand first more often as published than shuffled: with the place held equal nothing is
    left of that, while the score falls."""
    (row,) = profile(_study(tmp_path, _model(likes_first=1.5))).option_orders
    assert row.gap.low > 0.02
    assert row.likelihood is not None
    assert row.likelihood.low < 0 < row.likelihood.high
    assert row.p > 0.05


def test_one_draw_is_enough_and_generated_answers_have_the_gap_alone(tmp_path: Path) -> None:
    study = _study(tmp_path, _model(learnt=0.8), "text/options:2", "generate")
    assert profile(study).option_orders == ()  # nothing as it is, to set it against
    study = _study(tmp_path, _model(learnt=0.8), "", "generate")
    (row,) = profile(study).option_orders
    assert (row.orders, row.likelihood, row.p) == (1, None, None)
    assert "scoring=likelihood" in row.why


def test_few_clusters_have_no_test(tmp_path: Path) -> None:
    (row,) = profile(_study(tmp_path, _model(learnt=0.8), clusters=4)).option_orders
    assert row.likelihood is None
    assert "4 clusters" in row.why
