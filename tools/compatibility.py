"""Write docs/compatibility.md from what the tests of the transformers families find.

    python tools/compatibility.py           run the tests of the families (about a minute), write the page
    python tools/compatibility.py --check   the same, but only say whether the page's table would change

The cells are what each test recorded when it passed; a test that failed or was skipped says so in its cell.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
TESTS = "tests/models/test_hf_families.py"
COLUMNS = {
    "single image": "test_one_picture",
    "several images": "test_several_pictures",
    "batch equals single": "test_a_batch_answers_as_its_requests_alone_do",
    "image out": "test_pictures_drawn",
    "log-probabilities": "test_option_scores_equal_a_direct_computation",
}
"""Column of the page -> the test that fills it."""

LIBRARIES = ("transformers", "torch", "torchvision", "tokenizers", "pillow")

TEXT = """\
# Compatibility of transformers families

Every model type of transformers' `AutoModelForMultimodalLM` that takes pictures goes through one adapter
(`hf/`), prompted by its chat template. The families below are tested, each on a tiny random checkpoint of
the real classes, built on the spot: what is tested is the way to and from the model (prompt, pictures,
padding, log-probabilities), not the quality of answers. This page is written from the results of the tests:

    python tools/compatibility.py

With {versions}, on the CPU in float32.

{table}

- **single image**: one picture and a question are answered, and another picture changes the probabilities.
- **several images**: two pictures in one prompt are told apart by their order. `no: one picture`: the
  family takes exactly one; a task that shows more, or none, is refused before a sample is spent.
- **batch equals single**: greedy answers of a batch of ragged texts and picture sizes, with their ends and
  counts of tokens, are those of each request alone; log-probabilities of options agree within 1e-4.
- **image out**: tasks that are answered with a picture are answered with a PNG, the same in a batch as
  alone. These families draw from text; they take no picture where they draw one.
- **log-probabilities**: option scores (`--set scoring=likelihood`) equal one plain forward pass over prompt
  and option within 2e-4, in encoder-decoder models too.

## Families with a file of their own

A file in `hemm/models/hf/families/`, found by `model_type`, for each that needs more than a chat template:

- **BLIP-2, InstructBLIP, Kosmos-2, Fuyu, GIT, Florence-2**: no chat template; one picture and one text.
  BLIP-2 and Kosmos-2 are asked `Question: ... Answer:`, the others the question as it is.
- **InstructBLIP**: the Q-Former's text is padded on the right; transformers pads it like the language
  model's, which changes the answers of a batch.
- **Kosmos-2**: positions of the answer are counted without padding, which transformers counts in. Boxes and
  phrase marks are taken out of the answers.
- **Fuyu**: pictures are cut into patches by hemm; Pillow's backend of transformers fails there.
- **IDEFICS**, the open reproduction of Flamingo: pictures and texts interleaved as they stand. OpenFlamingo
  itself, mPLUG-Owl, MiniGPT-4, LLaMA-Adapter V2 and Emu 1 have no class in transformers.
- **Emu3**: each picture is made tokens alone; transformers pads to the largest of a batch first, which
  changes the tokens of the others. `--max-pixels` bounds the pictures drawn (720 x 720 without it).
- **Janus**: transformers' `generate` for text drops logits processors; hemm's scores go around it.
- **PaliGemma**: pictures first, then the question as it is.
- **SmolVLM2**: read by Idefics3's processor; its own wants torchvision and num2words for video.

A family with neither a chat template nor a file is refused when it starts. Sampling, seeds, data types and
quantisation are the same for all: see [models](models.md).
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where the table differs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results.xml")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", TESTS),
                *("-o", "junit_family=xunit1", f"--junitxml={results}"),
                *("-k", " or ".join(COLUMNS.values())),
            ],
            cwd=ROOT,
            check=False,
        )
        if not results.is_file():
            print(f"{TESTS} did not run")
            return 2
        cells = read(results)
    table = table_of(cells)
    if options.check:
        same = PAGE.is_file() and table in PAGE.read_text("utf-8")
        print("the table is as the tests find it" if same else f"{PAGE} differs: run tools/compatibility.py")
        return 0 if same else 1
    PAGE.write_text(TEXT.format(versions=versions(), table=table), "utf-8")
    print(f"{PAGE}: {len(cells)} families")
    return done.returncode


def read(results: Path) -> dict[str, dict[str, str]]:
    """family -> column -> cell, from pytest's JUnit file."""
    columns = {test: column for column, test in COLUMNS.items()}
    found: dict[str, dict[str, str]] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        test, _, family = case.get("name", "").rstrip("]").partition("[")
        if test not in columns:
            continue
        said = [p.get("value", "") for p in case.iter("property") if p.get("name") == "cell"]
        if case.find("skipped") is not None:
            cell = "not tested"
        elif case.find("failure") is not None or case.find("error") is not None or not said:
            cell = "FAILS"
        else:
            cell = said[0].split("|")[2]
        found.setdefault(family, {})[columns[test]] = cell
    return found


def table_of(cells: dict[str, dict[str, str]]) -> str:
    """The rows by title."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tinymodels import FAMILIES

    lines = ["| " + " | ".join(("family", "model_type", *COLUMNS)) + " |", "|---" * (2 + len(COLUMNS)) + "|"]
    for name, family in sorted(FAMILIES.items(), key=lambda item: item[1].title.lower()):
        row = [cells.get(name, {}).get(column, "not tested") for column in COLUMNS]
        lines.append("| " + " | ".join((family.title, f"`{family.model_type}`", *row)) + " |")
    return "\n".join(lines)


def versions() -> str:
    """The libraries as installed."""
    told = []
    for name in LIBRARIES:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            told.append(f"no {name}")
    return ", ".join(told)


if __name__ == "__main__":
    sys.exit(main())
