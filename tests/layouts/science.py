"""Science: uc_merced."""

from __future__ import annotations

from pathlib import Path

from hemm.tasks.science.uc_merced import LABELS

from .draw import put


def uc_merced(folder: Path, n: int) -> None:
    """The published archive, unpacked: TIFF files by class; a few are not 256x256."""
    classes = sorted(LABELS)
    for number in range(n):
        name = classes[number % len(classes)]
        size = (9, 8) if number % 50 == 1 else (8, 8)
        put(
            folder / "UCMerced_LandUse/Images" / name / f"{name}{number // len(classes):02d}.tif",
            number,
            "RGB",
            size,
        )


def uc_merced_test(folder: Path, n: int) -> None:
    """torchgeo's copy: the same files, and lists of the splits."""
    uc_merced(folder, 2 * n)
    files = sorted(p.name for p in (folder / "UCMerced_LandUse/Images").glob("*/*.tif"))
    for split, part in (("train", files[::2]), ("test", files[1::2]), ("val", [])):
        (folder / f"uc_merced-{split}.txt").write_text("\n".join(part) + "\n")


def uc_merced_hemm(folder: Path, n: int) -> None:
    """The Kaggle copy: PNG files of the validation part and their table."""
    root = folder / "images_train_test_val"
    classes = sorted(LABELS)
    lines = [",Filename,Label,ClassName"]
    for number in range(n):
        label = number % len(classes)
        name = f"{classes[label]}/{classes[label]}_{number:06d}.png"
        put(root / "validation" / name, number)
        lines.append(f"{number},{name},{label},{classes[label]}")
    (root / "validation.csv").write_text("\r\n".join(lines) + "\r\n")


LAYOUTS = {"uc_merced": uc_merced, "uc_merced:test": uc_merced_test, "uc_merced:hemm": uc_merced_hemm}
