"""Pictures of many kinds, each with what people see: mode, bits, orientation, transparency, container.

What is seen is computed here with numpy from what was drawn, and, for lossy files, from Pillow's reading of
the same file without its orientation.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
HEIGHT, WIDTH = 18, 26
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Kind:
    """One file, and the upright 8-bit RGB pixels that it shows.

    off    most that a pixel may differ: rounding of transparency and of deeper colours
    plain  8 bits, RGB or grey, upright, opaque, in a container that all services take
    """

    name: str
    ending: str
    data: bytes
    seen: Pixels
    off: int = 0
    plain: bool = False


def drawn() -> Pixels:
    """Colours that differ in each corner, so that no two orientations look alike."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red, green = 255 * x / (WIDTH - 1), 255 * y / (HEIGHT - 1)
    blue = np.where((x < 9) & (y < 5), 250, 40)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def grey(values: np.ndarray[Any, Any]) -> Pixels:
    """One channel as RGB."""
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def turned(seen: Pixels, orientation: int) -> Pixels:
    """The stored rows that EXIF's ``orientation`` shows as ``seen`` (CIPA DC-008, tag 274)."""
    undone = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(undone[orientation](seen))


def shown(stored: Pixels, orientation: int) -> Pixels:
    """What a viewer shows of stored rows with this orientation."""
    other = {6: 8, 8: 6}.get(orientation, orientation)
    return turned(stored, other)


def over_white(colour: Pixels, alpha: np.ndarray[Any, Any]) -> Pixels:
    share = alpha[..., None].astype(np.float64) / 255
    return (colour * share + 255 * (1 - share)).round().astype(np.uint8)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> bytes:
    held = Image.Exif()
    held[ORIENTATION] = orientation
    return held.tobytes()


def png(samples: np.ndarray[Any, Any], colour_type: int, bits: int = 16, **chunks: bytes) -> bytes:
    """A PNG written by hand, for what Pillow does not write: 16-bit colours and alpha."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1).astype(">u2" if bits == 16 else np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))]
    parts += [(name.encode(), data) for name, data in chunks.items()]
    parts += [(b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(raw: bytes, bits: int, tags: dict[int, Any] | None = None, photometric: int = 1) -> bytes:
    """A grey TIFF of one strip, written by hand: 12 bits, white that is zero, a stated white point."""
    held = ImageFileDirectory_v2()
    held[256], held[257], held[258] = WIDTH, HEIGHT, bits
    held[259], held[262], held[277], held[278] = 1, photometric, 1, HEIGHT
    held[279] = len(raw)
    for tag, value in (tags or {}).items():
        held[tag] = value
    held[273] = 0  # Pillow adds where the directory ends
    return b"II*\0\x08\0\0\0" + held.tobytes(8) + raw


def _orientations() -> list[Kind]:
    seen, kinds = drawn(), []
    for number in range(1, 9):
        stored = Image.fromarray(turned(seen, number))
        for name, ending, options in (
            ("PNG", "png", {}),
            ("TIFF", "tif", {}),
            ("WEBP", "webp", {"lossless": True}),
        ):
            data = encoded(stored, name, exif=exif(number), **options)
            kinds.append(Kind(f"{name} {number}", ending, data, seen, plain=number == 1 and name != "TIFF"))
        data = encoded(stored, "JPEG", exif=exif(number), quality=95)
        lossy = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        kinds.append(Kind(f"JPEG {number}", "jpg", data, shown(lossy, number), plain=number == 1))
    return kinds


def _transparent() -> list[Kind]:
    colour = drawn()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = (255 * (x + y) / (HEIGHT + WIDTH - 2)).round().astype(np.uint8)
    hard = np.where(x < 10, 0, 255).astype(np.uint8)
    rgba = Image.fromarray(np.dstack([colour, alpha]))
    cut = Image.fromarray(np.dstack([colour, hard]))
    opaque = Image.fromarray(np.dstack([colour, np.full_like(alpha, 255)]))
    tones = colour[..., 0]
    la = Image.merge("LA", [Image.fromarray(tones), Image.fromarray(alpha)])
    indexed = Image.fromarray(colour).quantize(40)
    numbers = np.asarray(indexed)
    palette = np.array(indexed.getpalette(), np.uint8).reshape(-1, 3)
    clear = int(numbers[0, 0])
    spare = indexed.copy()
    spare.putpalette(palette.tobytes() + bytes(3 * 64 - palette.size))
    tone = int(tones[0, 3])
    key = tuple(int(v) for v in colour[2, 5])
    soft, half = over_white(colour, alpha), over_white(colour, hard)
    by_index = np.arange(len(palette)) * 5 % 256
    return [
        Kind("PNG RGBA", "png", encoded(rgba, "PNG"), soft, 1),
        Kind("PNG RGBA cut out", "png", encoded(cut, "PNG"), half),
        Kind("PNG RGBA opaque", "png", encoded(opaque, "PNG"), colour, plain=True),
        Kind("PNG LA", "png", encoded(la, "PNG"), over_white(grey(tones), alpha), 1),
        Kind(
            "PNG P, one index clear",
            "png",
            encoded(indexed, "PNG", transparency=clear),
            over_white(palette[numbers], np.where(numbers == clear, 0, 255)),
        ),
        Kind(
            "PNG P, alpha by index",
            "png",
            encoded(indexed, "PNG", transparency=bytes(by_index.astype(np.uint8))),
            over_white(palette[numbers], by_index[numbers]),
            1,
        ),
        Kind(
            "PNG RGB, one colour clear",
            "png",
            encoded(Image.fromarray(colour), "PNG", transparency=key),
            over_white(colour, np.where((colour == key).all(axis=-1), 0, 255)),
        ),
        Kind(
            "PNG L, one grey clear",
            "png",
            encoded(Image.fromarray(tones), "PNG", transparency=tone),
            over_white(grey(tones), np.where(tones == tone, 0, 255)),
        ),
        Kind(
            "GIF clear",
            "gif",
            encoded(indexed, "GIF", transparency=clear),
            over_white(palette[numbers], np.where(numbers == clear, 0, 255)),
        ),
        Kind(
            "PNG P, a clear entry that no pixel uses",
            "png",
            encoded(spare, "PNG", transparency=63),
            palette[numbers],
            plain=True,
        ),
        Kind("WEBP RGBA", "webp", encoded(rgba, "WEBP", lossless=True, exact=True), soft, 1),
        Kind("WEBP RGBA opaque", "webp", encoded(opaque, "WEBP", lossless=True), colour, plain=True),
        Kind("TIFF RGBA", "tif", encoded(rgba, "TIFF"), soft, 1),
        Kind("TGA RGBA", "tga", encoded(rgba, "TGA"), soft, 1),
        Kind("JP2 RGBA", "jp2", encoded(rgba, "JPEG2000"), soft, 1),
        Kind("ICO RGBA", "ico", encoded(cut, "ICO", sizes=[(WIDTH, HEIGHT)]), half),
        Kind(
            "PNG RGBA 6",
            "png",
            encoded(Image.fromarray(turned(np.dstack([colour, hard]), 6)), "PNG", exif=exif(6)),
            half,
        ),
    ]


def _deep() -> list[Kind]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    deep = ((65535 * x / (WIDTH - 1)) * (0.5 + 0.5 * y / (HEIGHT - 1))).round().astype(np.uint16)
    dark = (deep >> 4).astype(np.uint16)  # 0 to 4095, as a sensor of 12 bits has them

    def linear(values: np.ndarray[Any, Any], white: float) -> Pixels:
        return grey(np.clip(values.astype(np.float64) / white * 255, 0, 255).round())

    colours = np.dstack([deep, deep[:, ::-1], deep[::-1]])
    clear = np.where(x < 9, 0, 65535).astype(np.uint16)
    key = int(deep[3, 4])
    packed = b"".join(
        bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255])
        for row in dark.tolist()
        for a, b in zip(row[::2], row[1::2], strict=True)
    )
    ones = (deep / 65535).astype(np.float32)
    statistics, white_level, greatest = 281, 50717, 341  # TIFF 6.0; DNG 1.4; TIFF 6.0, section 19
    whole = dark.astype(np.int32) * 10
    eights = colours >> 8
    return [
        Kind("PNG 16", "png", encoded(Image.fromarray(deep), "PNG"), linear(deep, 65535)),
        Kind("PNG 16 dark", "png", encoded(Image.fromarray(dark), "PNG"), linear(dark, 65535)),
        Kind(
            "PNG 16, one grey clear",
            "png",
            png(deep, 0, tRNS=struct.pack(">H", key)),
            over_white(linear(deep, 65535), np.where(deep == key, 0, 255)),
        ),
        Kind("PNG 16 RGB", "png", png(colours, 2), eights.astype(np.uint8), 1),
        Kind(
            "PNG 16 RGBA",
            "png",
            png(np.dstack([colours, clear]), 6),
            over_white(eights.astype(np.uint8), clear >> 8),
            1,
        ),
        Kind(
            "PNG 16 LA", "png", png(np.dstack([deep, clear]), 4), over_white(grey(deep >> 8), clear >> 8), 1
        ),
        Kind(
            "PNG 16 turned",
            "png",
            encoded(Image.fromarray(turned(deep[..., None], 8)[..., 0]), "PNG", exif=exif(8)),
            linear(deep, 65535),
        ),
        Kind("TIFF 16", "tif", encoded(Image.fromarray(deep), "TIFF"), linear(deep, 65535)),
        Kind(
            "TIFF 16, white is zero",
            "tif",
            tiff(deep.astype("<u2").tobytes(), 16, photometric=0),
            linear(65535 - deep, 65535),
        ),
        Kind(
            "TIFF 16, white 4095",
            "tif",
            tiff(dark.astype("<u2").tobytes(), 16, {white_level: 4095}),
            linear(dark, 4095),
        ),
        Kind(
            "TIFF 16, a maximum as statistics",
            "tif",
            tiff(dark.astype("<u2").tobytes(), 16, {statistics: 4095}),
            linear(dark, 65535),
        ),
        Kind("TIFF 12", "tif", tiff(packed, 12), linear(dark, 4095)),
        Kind("TIFF float", "tif", encoded(Image.fromarray(ones), "TIFF"), linear(ones, 1)),
        Kind(
            "TIFF float, white 4095",
            "tif",
            tiff(dark.astype("<f4").tobytes(), 32, {339: 3, greatest: 4095.0}),
            linear(dark, 4095),
        ),
        Kind(
            "TIFF 32, white 40950",
            "tif",
            tiff(whole.astype("<i4").tobytes(), 32, {339: 2, greatest: 40950}),
            linear(whole, 40950),
        ),
        Kind("PGM 16", "pgm", encoded(Image.fromarray(deep), "PPM"), linear(deep, 65535)),
        Kind(
            "PGM 12",
            "pgm",
            b"P5\n%d %d\n4095\n" % (WIDTH, HEIGHT) + dark.astype(">u2").tobytes(),
            linear(dark, 4095),
            1,
        ),
        Kind("JP2 16", "jp2", encoded(Image.fromarray(deep), "JPEG2000"), linear(deep, 65535)),
    ]


def _modes() -> list[Kind]:
    colour = drawn()
    rgb, tones = Image.fromarray(colour), Image.fromarray(colour[..., 0])
    bits = Image.fromarray(colour[..., 0] > 90)
    indexed = rgb.quantize(60)
    seen_indexed = np.array(indexed.getpalette(), np.uint8).reshape(-1, 3)[np.asarray(indexed)]
    cmyk = rgb.convert("CMYK")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    cmyk_profile = profile[:16] + b"CMYK" + profile[20:]
    grey_profile = profile[:16] + b"GRAY" + profile[20:]
    inks = encoded(cmyk, "JPEG", quality=95, icc_profile=cmyk_profile)
    lossy = np.asarray(Image.open(io.BytesIO(inks)).convert("RGB"))
    other = Image.fromarray(255 - colour)
    return [
        Kind("PNG RGB", "png", encoded(rgb, "PNG"), colour, plain=True),
        Kind("PNG RGB with profile", "png", encoded(rgb, "PNG", icc_profile=profile), colour, plain=True),
        Kind("PNG L", "png", encoded(tones, "PNG"), grey(colour[..., 0]), plain=True),
        Kind("PNG 1", "png", encoded(bits, "PNG"), grey(255 * (colour[..., 0] > 90)), plain=True),
        Kind("PNG P", "png", encoded(indexed, "PNG"), seen_indexed, plain=True),
        Kind("PNG P 4 bits", "png", encoded(rgb.quantize(12), "PNG", bits=4),
             np.asarray(rgb.quantize(12).convert("RGB")), plain=True),
        Kind("GIF", "gif", encoded(indexed, "GIF"), seen_indexed, plain=True),
        Kind("GIF of two frames", "gif", encoded(indexed, "GIF", save_all=True, append_images=[other]),
             seen_indexed, plain=True),
        Kind("JPEG L", "jpg", grey_jpeg := encoded(tones, "JPEG", quality=95),
             grey(np.asarray(Image.open(io.BytesIO(grey_jpeg)))), plain=True),
        Kind("JPEG CMYK", "jpg", inks, lossy),
        Kind("TIFF CMYK", "tif", encoded(cmyk, "TIFF", icc_profile=cmyk_profile),
             np.asarray(cmyk.convert("RGB"))),
        Kind("TIFF L with profile", "tif", encoded(tones, "TIFF", icc_profile=grey_profile),
             grey(colour[..., 0])),
        Kind("TIFF 1", "tif", encoded(bits, "TIFF"), grey(255 * (colour[..., 0] > 90))),
        Kind("TIFF P", "tif", encoded(indexed, "TIFF"), seen_indexed),
        Kind("TIFF YCbCr", "tif", encoded(rgb.convert("YCbCr"), "TIFF"),
             np.asarray(rgb.convert("YCbCr").convert("RGB"))),
        Kind("BMP", "bmp", encoded(rgb, "BMP"), colour),
        Kind("PPM", "ppm", encoded(rgb, "PPM"), colour),
        Kind("PGM", "pgm", encoded(tones, "PPM"), grey(colour[..., 0])),
        Kind("TGA", "tga", encoded(rgb, "TGA"), colour),
        Kind("JP2", "jp2", encoded(rgb, "JPEG2000"), colour),
        Kind("PCX", "pcx", encoded(rgb, "PCX"), colour),
        Kind("SGI", "rgb", encoded(rgb, "SGI"), colour),
        Kind("AVIF", "avif", avif := encoded(rgb, "AVIF", quality=90),
             np.asarray(Image.open(io.BytesIO(avif)).convert("RGB"))),
        Kind("AVIF 6", "avif", avif6 := encoded(Image.fromarray(turned(colour, 6)), "AVIF", exif=exif(6)),
             shown(np.asarray(Image.open(io.BytesIO(avif6)).convert("RGB")), 6)),
    ]  # fmt: skip


def kinds() -> list[Kind]:
    """All of them, in one order."""
    return [*_orientations(), *_modes(), *_transparent(), *_deep()]
