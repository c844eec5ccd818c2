"""Media keep their bytes and are read late; ids follow the pixels."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from hemm.core import BadData, Media, Sample, content_id, sniff

MODES = ["1", "L", "P", "RGB", "RGBA", "LA", "I;16", "CMYK"]


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
    ],
)
def test_pictures_are_known_by_their_bytes(kind: str, mime: str) -> None:
    assert sniff(encoded(Image.new("RGB", (4, 4)), kind)) == mime


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/avi"),
        (b"fLaC\0", "audio/flac"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"MM\0*\0", "image/tiff"),
        (b"", "application/octet-stream"),
        (b"RIFF", "application/octet-stream"),
        (b"<svg>", "application/octet-stream"),
    ],
)
def test_other_media_are_known_by_their_first_bytes(head: bytes, mime: str) -> None:
    assert sniff(head) == mime


def test_digest_is_of_the_original_bytes() -> None:
    data = encoded(Image.new("RGB", (3, 2), "red"))
    media = Media(data, name="a.png")
    assert media.data == data
    assert media.digest == hashlib.sha256(data).hexdigest()
    assert media.kind == "image"
    assert media == Media(data, name="b.png")
    assert len({media, Media(data)}) == 1


def test_files_are_read_when_needed_and_not_before(tmp_path: Path) -> None:
    media = Media.at(tmp_path / "late.png")
    with pytest.raises(FileNotFoundError):
        _ = media.digest
    (tmp_path / "late.png").write_bytes(encoded(Image.new("L", (2, 2))))
    assert media.mime == "image/png"
    assert media.name == "late.png"


def test_a_preset_digest_reads_nothing() -> None:
    def load() -> bytes:
        raise AssertionError("read")

    media = Media(load=load, digest="d" * 64, mime="image/png")
    assert (media.digest, media.mime, media.kind) == ("d" * 64, "image/png", "image")
    assert repr(media) == f"Media('{'d' * 12}')"


def test_media_without_any_source_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="needs data or load"):
        Media()


@pytest.mark.parametrize("cut", [0, 7, 40, 60])
def test_damaged_pictures_say_their_name(cut: int) -> None:
    data = encoded(Image.effect_noise((32, 32), 40))[:cut]
    with pytest.raises(BadData, match=r"torn\.png does not open"):
        Media(data, name="torn.png").pixels()


def test_what_is_no_picture_is_told_in_the_same_words_each_time() -> None:
    said = []
    for _ in range(2):
        with pytest.raises(BadData) as told:
            Media(b"no picture", name="odd.bin").pixels()
        said.append(str(told.value))
    assert set(said) == {"picture odd.bin does not open: is no picture that can be read"}


def test_a_missing_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Media.at(tmp_path / "gone.png").pixels()


@pytest.mark.parametrize("mode", MODES)
def test_equal_pixels_in_another_file_are_the_same_id(mode: str) -> None:
    picture = Image.effect_noise((9, 7), 60).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.new("I;16", (9, 7), 4000)
    kinds = [("PNG", {"compress_level": 1}), ("PNG", {"compress_level": 9}), ("TIFF", {})]
    if mode == "CMYK":
        kinds = [("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
    ids = {content_id("what?", Media(encoded(picture, kind, **options))) for kind, options in kinds}
    assert len(ids) == 1


def test_other_pixels_sizes_or_questions_are_other_ids() -> None:
    base = Image.new("RGB", (6, 4), (10, 20, 30))
    other = base.copy()
    other.putpixel((5, 3), (10, 20, 31))
    a, b = Media(encoded(base)), Media(encoded(other))
    turned = Media(encoded(base.resize((4, 6))))
    ids = [
        content_id("q", a),
        content_id("p", a),
        content_id("q", b),
        content_id("q", turned),
        content_id("q", a, b),
        content_id("q", b, a),
        content_id("q"),
    ]
    assert len(set(ids)) == len(ids)


def test_palettes_do_not_hide_transparency() -> None:
    seen = Image.new("P", (2, 2), 0)
    seen.putpalette([255, 0, 0, 0, 0, 0] + [0] * 762)
    plain = Media(encoded(seen))
    clear = Media(encoded(seen, transparency=0))
    assert content_id("q", plain) != content_id("q", clear)


def sample(**changes: object) -> Sample:
    base: dict[str, object] = {
        "id": "1",
        "media": (Media(b"one"),),
        "fields": {"question": "what?"},
        "references": ("yes",),
        "choices": ("yes", "no"),
    }
    return Sample(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "2"},
        {"media": (Media(b"two"),)},
        {"media": ()},
        {"fields": {"question": "who?"}},
        {"references": ("no",)},
        {"references": (Media(b"yes"),)},
        {"choices": ("no", "yes")},
        {"unit": "u"},
        {"cluster": "c"},
        {"after": "0"},
        {"labels": {"reasoning": "more"}},
        {"stratum": "s"},
        {"metadata": {"k": 1}},
    ],
    ids=str,
)
def test_every_change_of_a_sample_is_another_hash(changes: dict[str, object]) -> None:
    assert sample(**changes).sample_hash != sample().sample_hash


def test_names_of_files_and_splits_do_not_change_a_sample() -> None:
    same = sample(media=(Media(b"one", name="x/y.png"),), split="shots")
    assert same.sample_hash == sample().sample_hash


def test_units_and_clusters_default_to_the_sample() -> None:
    assert (sample().unit, sample().cluster) == ("1", "1")
    assert sample(unit="u").cluster == "u"
    with pytest.raises(ValueError, match="needs an id"):
        sample(id="")


def test_other_media_forget_the_stored_hash() -> None:
    stored = sample(stored_hash="f" * 32)
    assert stored.sample_hash == "f" * 32
    assert stored.with_media((Media(b"two"),)).sample_hash == sample(media=(Media(b"two"),)).sample_hash


def test_a_problem_of_one_picture_is_the_samples() -> None:
    assert sample().problem == ""
    broken = Media(b"", problem="picture 2 does not open")
    assert sample(media=(Media(b"one"), broken)).problem == "picture 2 does not open"


@pytest.mark.parametrize(
    ("kind", "mime"),
    [
        ("JPEG2000", "image/jp2"),
        ("PPM", "image/x-portable-anymap"),
        ("TGA", "image/x-tga"),
        ("PCX", "image/x-pcx"),
        ("AVIF", "image/avif"),
        ("ICO", "image/x-icon"),
    ],
)
def test_every_picture_that_opens_is_one(kind: str, mime: str) -> None:
    media = Media(encoded(Image.new("RGB", (16, 16), "red"), kind))
    assert (media.kind, media.mime) == ("image", mime)


@pytest.mark.parametrize(
    ("brand", "compatible", "mime"),
    [
        (b"heic", b"mif1heic", "image/heic"),
        (b"heix", b"mif1heix", "image/heic"),
        (b"mif1", b"mif1heic", "image/heic"),
        (b"msf1", b"msf1hevc", "image/heic"),
        (b"mif1", b"mif1avif", "image/avif"),
        (b"avis", b"avismsf1", "image/avif"),
        (b"M4A ", b"isommp42", "audio/mp4"),
        (b"M4B ", b"isommp42", "audio/mp4"),
        (b"mp42", b"mp42M4A ", "audio/mp4"),
        (b"isom", b"isomiso2avc1mp41", "video/mp4"),
        (b"qt  ", b"qt  ", "video/mp4"),
    ],
)
def test_files_with_brands_are_told_apart(brand: bytes, compatible: bytes, mime: str) -> None:
    inner = brand + b"\0\0\0\0" + compatible
    assert sniff((len(inner) + 8).to_bytes(4, "big") + b"ftyp" + inner) == mime
