"""Pictures as answers: what is read as one, and how near it is to its reference."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from scipy.signal import convolve2d

import hemm
from hemm.core import Failure, HemmError, Judged, Media, Outcome, Response, Sample
from hemm.data.pack.prepare import prepare
from hemm.metrics import resolve
from hemm.metrics.images import pixels as pictures
from hemm.metrics.judged_answers import judged_answers
from hemm.parsing.formats import ShortAnswer
from hemm.parsing.outcome import judge
from hemm.parsing.picture_format import Picture
from hemm.results.seal import answer_batch
from hemm.results.stored_media import late
from hemm.tasks import resolve as resolve_task
from hemm.testing import check_metric
from layouts import write_layout

RNG = np.random.default_rng(7)
NAMES = ("l1", "mse", "psnr", "ssim")


def png(values: Any, mode: str | None = None, **more: Any) -> Media:
    out = io.BytesIO()
    picture = Image.fromarray(np.asarray(values, dtype=np.uint8))
    (picture.convert(mode) if mode else picture).save(out, "PNG", **more)
    return Media(out.getvalue())


def noise(height: int, width: int) -> Any:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def near(values: Any) -> Any:
    return np.clip(values.astype(int) + RNG.integers(-60, 60, values.shape), 0, 255).astype(np.uint8)


def value(name: str, drawn: Media, *references: str | Media) -> float | None:
    sample = Sample("s", references=references)
    return resolve(name).score([[Judged(sample, 0, Response(media=(drawn,)), Outcome.OK, drawn)]])[0][""]


def wang(x: Any, y: Any) -> float:
    """SSIM as the paper writes it: two-dimensional windows, one after the other."""
    at = np.arange(11) - 5
    window = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = (a @ np.array([0.299, 0.587, 0.114]) / 255 for a in (x, y))
    mx, my, xx, yy, xy = (convolve2d(a, window, mode="valid") for a in (x, y, x * x, y * y, x * y))
    sx, sy, sxy = xx - mx * mx, yy - my * my, xy - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (sx + sy + c2))
    return float(found.mean())


@pytest.mark.parametrize("size", [(11, 11), (11, 40), (37, 23), (300, 12)])
def test_values_are_those_of_the_definitions(size: tuple[int, int]) -> None:
    wanted = noise(*size)
    drawn = near(wanted)
    apart = (drawn.astype(float) - wanted) / 255
    mse = float((apart**2).mean())
    assert value("l1", png(drawn), png(wanted)) == pytest.approx(float(np.abs(apart).mean()), abs=1e-12)
    assert value("mse", png(drawn), png(wanted)) == pytest.approx(mse, abs=1e-12)
    assert value("psnr", png(drawn), png(wanted)) == pytest.approx(10 * np.log10(1 / mse), abs=1e-9)
    assert value("ssim", png(drawn), png(wanted)) == pytest.approx(wang(drawn, wanted), abs=1e-9)


def test_a_large_picture_is_looked_at_in_pieces_with_the_same_value(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = noise(45, 20)
    drawn, wanted = png(near(wanted)), png(wanted)
    whole = pictures.similarity(drawn, wanted), pictures._difference(*pictures.framed(drawn, wanted))
    for rows in (1, 7, 35):
        monkeypatch.setattr(pictures, "_ROWS", rows)
        found = pictures.similarity(drawn, wanted), pictures._difference(*pictures.framed(drawn, wanted))
        assert found[0] == pytest.approx(whole[0], abs=1e-12)
        assert found[1] == whole[1]


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds(name: str) -> None:
    check_metric(resolve(name))


@pytest.mark.parametrize(("name", "best", "worst"), [("l1", 0, 1), ("mse", 0, 1), ("psnr", 100, 0)])
def test_ends_of_the_scale(name: str, best: float, worst: float) -> None:
    black, white = png(np.zeros((12, 12, 3))), png(np.full((12, 12, 3), 255))
    assert value(name, black, black) == best
    assert value(name, black, white) == worst
    assert value(name, black, white, black) == best  # the nearest of several references
    almost = np.zeros((1200, 1200, 3))
    almost[0, 0, 0] = 1
    assert resolve("psnr").range == (0, 100)
    assert value("psnr", png(almost), png(np.zeros((1200, 1200, 3)))) == 100


def test_ssim_below_its_window_and_of_flat_pictures() -> None:
    small = noise(4, 3)
    other = near(small)
    mirrored = [np.pad(a, ((3, 4), (4, 4), (0, 0)), mode="symmetric") for a in (other, small)]
    assert value("ssim", png(other), png(small)) == pytest.approx(wang(*mirrored), abs=1e-9)
    assert value("ssim", png(small), png(small)) == pytest.approx(1)
    flat = [png(np.full((12, 12, 3), v)) for v in (0, 255)]
    assert value("ssim", *flat) == pytest.approx(0.01**2 / (1 + 0.01**2))


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_seen_as_people_see_them(name: str) -> None:
    """Transparency is white, EXIF turns, a palette and grey are colours, another size is resized."""
    best = resolve(name).ceiling([])
    values = noise(14, 18)
    shown = png(values)
    clear = np.dstack([values, np.full((14, 18), 255, dtype=np.uint8)])
    clear[:7, :, 3] = 0
    on_white = values.copy()
    on_white[:7] = 255
    assert value(name, png(clear), png(on_white)) == pytest.approx(best)
    turned = Image.Exif()
    turned[0x0112] = 6  # stored lying on its side: turn it clockwise
    assert value(name, png(np.rot90(values), exif=turned), shown) == pytest.approx(best)
    grey = Image.fromarray(values).convert("L")
    assert value(name, png(np.asarray(grey)), png(np.asarray(grey.convert("RGB")))) == pytest.approx(best)
    flat = [png(np.full((h, w, 3), 90)) for h, w in ((14, 18), (40, 6))]
    assert value(name, *flat) == pytest.approx(best)
    assert value(name, flat[1], shown) == pytest.approx(value(name, flat[0], shown))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_reference_that_opens_there_is_no_value(name: str) -> None:
    drawn = png(noise(12, 12))
    assert value(name, drawn) is None
    assert value(name, drawn, "a text") is None
    assert value(name, drawn, Media(b"\x89PNG\r\n\x1a\n broken")) is None


DRAWN = png(np.zeros((3, 3, 3)))


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (Response(media=(DRAWN,)), Outcome.OK),
        (Response("Here it is.", media=(DRAWN,)), Outcome.OK),
        (Response(media=(DRAWN,), finish="length"), Outcome.OK),
        (Response("A dog with a hat."), Outcome.UNPARSABLE),
        (Response(), Outcome.UNPARSABLE),
        (Response(media=(Media(b"no picture"),)), Outcome.UNPARSABLE),
        (Response("A dog with", finish="length"), Outcome.TRUNCATED),
        (Response("I'm sorry, but I can't help with that."), Outcome.REFUSED),
        (Response(refusal="policy", media=(DRAWN,)), Outcome.REFUSED),
        (Response(failure=Failure("http", "500")), Outcome.ERROR),
    ],
)
def test_outcomes_of_picture_answers(response: Response, outcome: Outcome) -> None:
    judged = judge(Sample("s", references=(DRAWN,)), 0, response, Picture())
    assert judged.outcome is outcome
    assert judged.value == (DRAWN if outcome is Outcome.OK else None)


def test_a_picture_that_is_nowhere_is_an_error_and_no_wrong_answer() -> None:
    def nowhere(digest: str) -> bytes:
        raise HemmError(f"{digest[:4]} is not here")

    lost = late("ab" * 32, nowhere)
    with pytest.raises(HemmError, match="abab is not here"):
        judge(Sample("s"), 0, Response(media=(lost,)), Picture())
    with pytest.raises(HemmError, match="abab is not here"):
        value("l1", DRAWN, lost)


def stored(**more: Any) -> pa.Table:
    row = dict.fromkeys(("reasoning", "raw", "prompt", "model", "sample_hash", "request_key"), "")
    row |= {"id": "s", "unit": "s", "cluster": "s", "repeat": 0, "labels": {}, "finish": "stop"}
    row |= dict.fromkeys(("refusal", "failure", "failure_message", "failure_permanent"))
    row |= {"options": [], "logprobs": [], "produced": [], "choices": [], "metadata": "{}"}
    row |= {"media": [], "references": []}
    return pa.Table.from_batches([answer_batch([{**row, **more}])])


def test_bytes_of_stored_pictures_are_read_when_somebody_looks_at_them() -> None:
    asked: list[str] = []

    def lookup(digest: str) -> bytes:
        asked.append(digest)
        return DRAWN.data

    table = stored(raw="yes", media=["aa" * 32], references=["media:" + "bb" * 32, "yes"])
    judged = judged_answers(table, ShortAnswer(), lookup).judged[0]
    assert asked == []
    picture, text = judged.sample.references
    assert text == "yes"
    assert isinstance(picture, Media)
    assert picture.pixels().size == judged.sample.media[0].pixels().size == (3, 3)
    assert asked == ["bb" * 32, "aa" * 32]
    bare = judged_answers(table, ShortAnswer()).judged[0].sample.media[0]
    with pytest.raises(HemmError, match="aaaaaaaaaaaa"):
        bare.pixels()


def test_a_profile_lists_pixel_errors_and_does_not_average_them(cache: Path, tmp_path: Path) -> None:
    """Against the worst value possible, any picture would look nearly right."""
    write_layout("magic_brush", tmp_path / "original", 12)
    prepare(resolve_task("magic_brush"), folder=tmp_path / "original")
    found = hemm.run("baseline/random", "magic_brush", out=tmp_path / "results").profile()
    assert found.tasks[0].normalised is None
    assert "no meaningful zero" in found.tasks[0].why
