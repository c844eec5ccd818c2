"""Large data sets in their own layouts: memory stays, and a picture with many questions is stored once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
from layouts.draw import picture

SPECIES = 2_000

PREPARE = """
import re, sys
from pathlib import Path
from hemm.data.pack.prepare import prepare
from hemm.tasks import resolve
print(len(prepare(resolve(sys.argv[1]), folder=Path(sys.argv[2]))))
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(task: str, folder: Path) -> tuple[int, float]:
    """Samples of the pack, and the largest memory of the process that made it, in MB."""
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, task, str(folder)], capture_output=True, text=True, check=True
    )
    rows, kilobytes = map(int, re.findall(r"\d+", done.stdout))
    return rows, kilobytes / 1024


def inaturalist(folder: Path, rows: int) -> None:
    """The validation archive: a folder a species, and the JSON file that lists it all."""
    images, annotations, categories = [], [], []
    for species in range(SPECIES):
        ranks = ("Animalia", f"P{species % 7}", f"C{species % 50}", f"O{species % 200}", f"F{species % 500}")
        genus, epithet = f"Genus{species // 4}", f"species{species}"
        name = "_".join((f"{species:05d}", *ranks, genus, epithet))
        (folder / "val" / name).mkdir(parents=True)
        kinds = dict(zip(("kingdom", "phylum", "class", "order", "family"), ranks, strict=True))
        categories.append(
            {
                "id": species, "name": f"{genus} {epithet}", "common_name": f"Common thing {species}",
                "supercategory": f"S{species % 11}", "genus": genus, "specific_epithet": epithet,
                "image_dir_name": name, **kinds,
            }
        )  # fmt: skip
    for row in range(rows):
        species = row % SPECIES
        file = f"val/{categories[species]['image_dir_name']}/{row:032x}.jpg"
        # distinct bytes without drawing each: a JPEG may end with anything
        (folder / file).write_bytes(picture(species, form="JPEG") + row.to_bytes(4, "big"))
        images.append(
            {"id": row, "file_name": file, "width": 8, "height": 8, "license": 0, "rights_holder": "x" * 40}
        )
        annotations.append({"id": row, "image_id": row, "category_id": species})
    (folder / "val.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )


def test_a_picture_with_twenty_questions_is_stored_once(cache: Path, tmp_path: Path) -> None:
    pictures, each = 40, 20
    (tmp_path / "images").mkdir()
    questions = {}
    for number in range(pictures):
        (tmp_path / f"images/{number}.jpg").write_bytes(picture(number, size=(160, 120), form="JPEG"))
    for number in range(pictures * each):
        questions[f"q{number:06d}"] = {
            "question": f"Is thing {number} red?", "answer": ("yes", "no")[number % 2],
            "fullAnswer": "Yes, it is.", "imageId": str(number % pictures), "isBalanced": True,
            "groups": {"global": None, "local": "x"}, "entailed": [], "equivalent": [f"q{number:06d}"],
            "types": {"structural": "verify", "semantic": "attr", "detailed": "verifyAttr"},
            "semantic": [], "semanticStr": "", "annotations": {},
        }  # fmt: skip
    (tmp_path / "testdev_balanced_questions.json").write_text(json.dumps(questions))
    pack = prepare(resolve("gqa"), folder=tmp_path)
    assert len(pack) == pictures * each
    assert pack.info["media"]["count"] == pictures
    stored = sum(p.stat().st_size for p in (pack.path / "data").iterdir())
    whole = sum(p.stat().st_size for p in (tmp_path / "images").iterdir())
    assert stored < 2 * whole + 400 * len(pack)  # not each * whole


@pytest.mark.full(minutes=1)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_hundred_thousand_pictures_need_little_memory(cache: Path, tmp_path: Path) -> None:
    inaturalist(tmp_path, 100_000)
    rows, megabytes = peak("inaturalist", tmp_path)
    assert rows == 100_000
    assert megabytes < 500
