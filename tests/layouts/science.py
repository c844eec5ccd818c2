"""Science: decimer, inaturalist, resisc45, scienceqa, uc_merced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from hemm.tasks.science import resisc45 as resisc
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
    """The Kaggle copy: PNG files of the validation part, and their table beside the folder that has them."""
    root = folder / "images_train_test_val"
    classes = sorted(LABELS)
    lines = [",Filename,Label,ClassName"]
    for number in range(n):
        label = number % len(classes)
        name = f"{classes[label]}/{classes[label]}_{number:06d}.png"
        put(root / "validation" / name, number)
        lines.append(f"{number},{name},{label},{classes[label]}")
    (folder / "validation.csv").write_text("\r\n".join(lines) + "\r\n")


def resisc45(folder: Path, n: int) -> None:
    """The published archive, unpacked: JPEG files by class."""
    classes = sorted(resisc.LABELS)
    for number in range(n):
        name = classes[number % len(classes)]
        put(folder / "NWPU-RESISC45" / name / f"{name}_{number // len(classes) + 1:03d}.jpg", number)


def resisc45_test(folder: Path, n: int) -> None:
    """torchgeo's copy: the same files, and lists of the splits."""
    resisc45(folder, 2 * n)
    files = sorted(p.name for p in (folder / "NWPU-RESISC45").glob("*/*.jpg"))
    for split, part in (("train", files[::2]), ("test", files[1::2]), ("val", [])):
        (folder / f"resisc45-{split}.txt").write_text("\n".join(part) + "\n")


SUBJECTS = ("natural science", "social science", "language science")
LECTURE = "A map shows where places lie.\n\nLook for the mark."


def scienceqa(folder: Path, n: int) -> None:
    """The repository's files: two to five choices, two of them equal now and then, texts without picture."""
    problems, splits = {}, {"train": [], "val": [], "test": []}  # type: ignore[var-annotated]
    for number in range(2 * n + 10):
        split = "test" if number < 2 * n else ("train", "val")[number % 2]
        pid, pictured = str(number + 3), number % 2 == 0 or split == "train"
        count = 2 + number // 2 % 4
        choices = [f"Colony {chr(65 + (number + k) % 26)}{k}" for k in range(count)]
        if number % 28 == 20:
            choices[-1] = choices[0] + " "
        problems[pid] = {
            "question": f"What is the name of the colony shown in map {number}?",
            "choices": choices,
            "answer": number * 7 // 2 % count,
            "hint": f"Map {number} has one dark place.\r\nLook there." if number % 3 else "",
            "image": "image.png" if pictured else None,
            "task": "closed choice",
            "grade": f"grade{number % 12 + 1}",
            "subject": SUBJECTS[number // 2 % 3],
            "topic": "us-history",
            "category": "English colonies in North America",
            "skill": "Identify the Thirteen Colonies",
            "lecture": LECTURE if number % 5 else "",
            "solution": "To find the answer, look at the map.",
            "split": split,
        }
        splits[split].append(pid)
        if pictured:
            put(folder / f"images/{split}/{pid}/image.png", number, ("RGB", "RGBA", "P")[number % 3])
            if number % 8 == 0:
                put(folder / f"images/{split}/{pid}/choice_0.png", number + 1)
    (folder / "problems.json").write_text(json.dumps(problems))
    (folder / "pid_splits.json").write_text(json.dumps({**splits, "minitest": splits["test"][:5]}))


TREE = [
    ("Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus", ("terrestris", "rubellus"), "Worms"),
    ("Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Eisenia", ("fetida",), "Worms"),
    (
        "Animalia_Chordata_Aves_Passeriformes_Turdidae_Turdus",
        ("merula", "pilaris", "viscivorus", "iliacus"),
        "Birds",
    ),
    ("Animalia_Chordata_Aves_Passeriformes_Turdidae_Sialia", ("sialis", "mexicana"), "Birds"),
    ("Animalia_Chordata_Mammalia_Carnivora_Canidae_Vulpes", ("vulpes",), "Mammals"),
    ("Plantae_Tracheophyta_Magnoliopsida_Brassicales_Brassicaceae_Capsella", ("bursa-pastoris",), "Plants"),
    ("Plantae_Tracheophyta_Pinopsida_Pinales_Pinaceae_Pinus", ("sylvestris", "mugo"), "Plants"),
    ("Fungi_Basidiomycota_Agaricomycetes_Agaricales_Amanitaceae_Amanita", ("muscaria",), "Fungi"),
]
SPECIES = [
    (f"{number:05d}_{ranks}_{epithet}", kind)
    for number, (ranks, epithet, kind) in enumerate((r, e, k) for r, epithets, k in TREE for e in epithets)
]
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "specific_epithet")


def inaturalist(folder: Path, n: int) -> None:
    """val/ as it is unpacked: a folder for each species, named by its place on the tree of life."""
    for number in range(n):
        name, _ = SPECIES[number % len(SPECIES)]
        uuid = f"{number * 7919:08x}-a7f2-4f4a-8ce7-{number:012x}"
        put(folder / "val" / name / f"{uuid}.jpg", number)


def inaturalist_listed(folder: Path, n: int) -> None:
    """val/ and val.json, which knows common names (not of all)."""
    inaturalist(folder, n)
    images, annotations = [], []
    numbers = {name: number for number, (name, _) in enumerate(SPECIES)}
    for number, file in enumerate(sorted((folder / "val").glob("*/*.jpg"))):
        image = {"id": 2_686_843 + number, "file_name": str(file.relative_to(folder).as_posix())}
        images.append({**image, "width": 500, "height": 375, "license": 0, "rights_holder": "A. Walker, é"})
        category = numbers[file.parent.name]
        annotations.append({"id": number, "image_id": image["id"], "category_id": category})
    categories = []
    for name, kind in SPECIES:
        ranks = dict(zip(RANKS, name.split("_")[1:], strict=True))
        both = f"{ranks['genus']} {ranks['specific_epithet']}"
        common = "" if kind == "Fungi" else f"Common {both[::-1].title()}"
        categories.append(
            {"id": numbers[name], "name": both, "common_name": common, "supercategory": kind, **ranks}
            | {"image_dir_name": name}
        )
    whole = {"info": {"year": 2021}, "images": images, "annotations": annotations, "licenses": []}
    (folder / "val.json").write_text(json.dumps({**whole, "categories": categories}))


def inaturalist_torchvision(folder: Path, n: int) -> None:
    """The folder as torchvision calls it."""
    inaturalist(folder, n)
    shutil.move(folder / "val", folder / "2021_valid")


PARTS = ("C", "CC", "OC", "NC(=O)", "c1ccccc1", "C1CCCCC1", "FC(F)(F)", "[O-][N+](=O)C", "Br", "S")
LINKS = ("C", "N", "O", "C(C)", "C=C", "CCC", "C#C", "S")


def decimer(folder: Path, n: int) -> None:
    """The published table and pictures: grey PNG files in a folder of its own name in itself."""
    lines = ["Image_ID\tSMILES"]
    for number in range(n):
        chain = LINKS[number // 10 % 8] * (1 + number // 80)
        smiles = (
            f"{PARTS[number % 10]}{chain}[C@@H](N)C(=O)O" if number % 4 else f"C{chain}{PARTS[number % 10]}"
        )
        name = f"CDK_Depict_{number // 9 + 1}_{number % 9}"
        lines.append(f"{name}\t{smiles}")
        images = "DECIMER_HDM_Dataset_Images/DECIMER_HDM_Dataset_Images"
        put(folder / images / f"{name}.png", number, "L")
    (folder / "DECIMER_HDM_Dataset_SMILES.tsv").write_text("\r\n".join(lines) + "\r\n")


LAYOUTS = {
    "uc_merced": uc_merced,
    "uc_merced:test": uc_merced_test,
    "uc_merced:hemm": uc_merced_hemm,
    "resisc45": resisc45,
    "resisc45:test": resisc45_test,
    "scienceqa": scienceqa,
    "inaturalist": inaturalist_listed,
    "inaturalist:mc": inaturalist,
    "inaturalist:hemm": inaturalist_torchvision,
    "decimer": decimer,
    "decimer:hemm": lambda folder, n: decimer(folder, 10 * n),
}
