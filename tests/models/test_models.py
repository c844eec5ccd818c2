"""Specs, settings, the listing, and pictures on their way to a model."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hemm.cli.models import command
from hemm.core import BadData, HemmError, Media, UnknownName
from hemm.data.pixels import rgb
from hemm.models import MODELS, ModelOptions, resolve
from hemm.models.image_fit import fit


@pytest.mark.parametrize(
    ("spec", "meant"),
    [
        ("tinny", "tiny"),
        ("orakle", "baseline/oracle"),
        ("baseline/orakle", "baseline/oracle"),
        ("opnai/gpt-9", "openai/gpt-9"),
    ],
)
def test_an_unknown_model_is_named_with_the_nearest(spec: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown model '{spec}'; did you mean '{meant}'"):
        resolve(spec)


@pytest.mark.parametrize("spec", ["hf", "openai", "http", "https", "gpt", "tiny/x", "ftp://h/v1#m", ""])
def test_what_names_no_model_is_one_line(spec: str) -> None:
    with pytest.raises(HemmError) as caught:
        resolve(spec)
    assert "\n" not in str(caught.value)


def test_other_packages_add_models_and_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    baseline = "hemm.models.baselines:Oracle"
    plugin = EntryPoint("mine", baseline, "hemm.models")
    monkeypatch.setattr(MODELS, "_plugins", {"mine": plugin})
    assert resolve("mine").spec == "mine"
    assert resolve("mine/any/name").spec == "mine/any/name"
    with pytest.raises(UnknownName, match="did you mean 'mine'"):
        resolve("mime")


def test_settings_are_read_by_the_type_of_their_default() -> None:
    options = ModelOptions(settings=(("n", "3"), ("x", "0.5"), ("on", "yes"), ("s", "text")))
    assert options.read("test", {"n": 1, "x": 1.0, "on": False, "s": "", "rest": 7}) == {
        "n": 3,
        "x": 0.5,
        "on": True,
        "s": "text",
        "rest": 7,
    }
    for key, text in [("n", "3.5"), ("x", "much"), ("on", "maybe")]:
        with pytest.raises(HemmError, match=f"--set {key}={text}"):
            ModelOptions(settings=((key, text),)).read("test", {"n": 1, "x": 1.0, "on": False})


def test_settings_that_change_answers_belong_to_the_protocol() -> None:
    options = ModelOptions(settings=(("timeout", "3"), ("quantization", "4bit"), ("dtype", "float16")))
    assert options.protocol == (("dtype", "float16"), ("quantization", "4bit"))


@pytest.mark.parametrize(
    ("scoring", "settings", "told"),
    [
        ("generate", {"send_temperature": "no"}, {"send_temperature": "false"}),
        ("generate", {"send_temperature": "true", "logprobs": "false", "top_logprobs": "5"}, {}),
        ("generate", {"logprobs": "1"}, {"logprobs": "true"}),
        ("likelihood", {"logprobs": "true", "top_logprobs": "5"}, {"top_logprobs": "5"}),
        ("likelihood", {"top_logprobs": "20", "send_temperature": "false"}, {"send_temperature": "false"}),
        ("generate", {"tokens_field": "max_tokens"}, {"tokens_field": "max_tokens"}),
        ("generate", {"reasoning_effort": "", "tokens_field": ""}, {}),
    ],
)
def test_settings_that_change_what_is_sent_belong_to_it_where_they_differ(
    scoring: str, settings: dict[str, str], told: dict[str, str]
) -> None:
    assert dict(ModelOptions(scoring=scoring, settings=tuple(settings.items())).protocol) == told


def test_importing_models_imports_nothing_heavy() -> None:
    code = (
        "import sys, hemm.models, hemm.cli.models\n"
        "hemm.models.resolve('http://h/v1#m'), hemm.models.resolve('baseline/oracle')\n"
        "print(sorted({'torch', 'transformers', 'httpx', 'huggingface_hub', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# hemm models


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_the_listing_names_every_model() -> None:
    rows = json.loads(invoke("--format", "json").output)
    assert [r["name"] for r in rows] == [n for n in MODELS if n != "https"]
    for row in rows:
        assert set(row) == {"name", "spec", "about", "extra", "installed", "settings"}
        assert row["about"]
    assert "baseline/majority" in invoke().output


def test_one_model_is_shown_before_it_is_started() -> None:
    shown = json.loads(invoke("http://h:9/v1#org/m", "--revision", "may", "--format", "json").output)
    assert (shown["model"], shown["revision"], shown["likelihood"]) == ("org/m", "may", False)
    assert shown["concurrency"] >= 1
    assert "check_model" in json.loads(invoke("openai", "--format", "json").output)["settings"]
    with pytest.raises(UnknownName):
        invoke("nonsense")


# pictures


def encode(picture: Image.Image, format: str, **options: Any) -> Media:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return Media(out.getvalue(), name=f"x.{format}")


def noise(mode: str, size: tuple[int, int] = (20, 10)) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(3).integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    return Image.fromarray(values if bands > 1 else values[:, :, 0], None if bands > 1 else "L").convert(mode)


PNG_ONLY = frozenset({"image/png"})


def test_what_is_taken_goes_as_it_is() -> None:
    media = encode(noise("RGB"), "JPEG")
    assert fit(media) is media
    assert fit(media, frozenset({"image/jpeg"})) is media
    assert fit(media, max_pixels=200) is media
    assert fit(media, PNG_ONLY) is not media


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_conversion_is_lossless_deterministic_and_done_once(mode: str) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.arange(0, 65536, 331, dtype=np.uint16)[:198].reshape(11, 18))
    else:
        picture = noise("L").convert(mode) if mode in ("1", "P") else noise(mode)
    media = encode(picture, "TIFF")
    sent = fit(media, PNG_ONLY)
    assert (sent.mime, sent.name) == ("image/png", "x.TIFF")
    assert sent.data == fit(Media(media.data), PNG_ONLY).data
    assert fit(sent, PNG_ONLY) is sent
    shown = sent.pixels()
    expected = rgb(media) if mode in ("CMYK", "LA", "RGBA", "I;16") else picture
    assert np.array_equal(np.asarray(shown.convert(expected.mode)), np.asarray(expected))


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 5000))
def test_no_picture_is_larger_than_asked_and_proportions_stay(width: int, height: int, limit: int) -> None:
    media = encode(Image.new("RGB", (width, height), "red"), "PNG")
    sent = fit(media, max_pixels=limit)
    w, h = sent.pixels().size
    assert w * h <= limit or (w, h) == (width, height)
    assert w * h <= max(limit, 1)
    assert 1 <= w <= width
    assert 1 <= h <= height
    assert fit(sent, max_pixels=limit) is sent
    if width * height > limit and min(w, h) > 3:
        assert abs(w / h - width / height) / (width / height) < 0.5


def test_exif_orientation_is_kept_by_conversion() -> None:
    picture = noise("RGB", (20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    media = encode(picture, "TIFF", exif=exif)
    assert fit(media, PNG_ONLY).pixels().size == (10, 20)
    assert rgb(media).size == (10, 20)


def test_transparency_is_shown_over_white() -> None:
    clear = encode(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")
    assert rgb(clear).getpixel((0, 0)) == (255, 255, 255)


def test_equal_deep_greys_look_equal_in_any_picture() -> None:
    """Each picture's own range would show 3000 as white in one and as grey in another."""
    dark, light = (np.linspace(1000, most, 64, dtype=np.uint16).reshape(8, 8) for most in (3000, 60000))
    light[0, 0] = dark[0, 0] = 3000
    shown = [np.asarray(rgb(encode(Image.fromarray(values), "TIFF")))[:, :, 0] for values in (dark, light)]
    assert shown[0][0, 0] == shown[1][0, 0] == round(3000 / 65535 * 255)
    assert (np.diff(shown[1].reshape(-1)[1:].astype(int)) >= 0).all()


def test_what_does_not_open_is_bad_data(tmp_path: Path) -> None:
    for bad in (Media(b"II*\x00", name="a.tif"), Media(b"BM no", name="b.bmp")):
        with pytest.raises(BadData, match="does not open"):
            fit(bad, PNG_ONLY)
    with pytest.raises(FileNotFoundError):
        fit(Media(load=(tmp_path / "gone.png").read_bytes, mime="image/png"), max_pixels=5)


def test_sound_passes_as_it_is() -> None:
    sound = Media(b"RIFF\0\0\0\0WAVE", mime="audio/wav")
    assert fit(sound, PNG_ONLY, 10) is sound
