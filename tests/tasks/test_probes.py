"""The probes: same seed, same pictures and texts; true labels, nothing leaks into the text."""

from __future__ import annotations

import string
import subprocess
import sys
from collections import Counter, defaultdict

import numpy as np
import pytest

from hemm.core import DIMENSIONS, HemmError, Registry, Sample, Task, check_labels
from hemm.core.taxonomy import taxonomy
from hemm.tasks.probes import FAMILIES, PROBES
from hemm.tasks.probes.base import (
    CELLS,
    DEFAULT_SIZE,
    SHOT_SEEDS,
    SHOTS,
    TEST_SEEDS,
    TRAIN_SEEDS,
    Family,
    Question,
    Skill,
    content_key,
    generate,
    page,
    picture_key,
    pixels_hash,
)
from hemm.tasks.probes.draw import BACKGROUNDS, COLOURS, Canvas, Rand, shape
from hemm.tasks.probes.font import GLYPHS, glyph

TASKS: Registry[Task] = Registry("probe", "none.such", PROBES)
HASHES = {
    "shapes": "cc26f28391f4bb9405b83d2cca7f4230",
    "legend": "f76b3686e59ec6c8a3177ea70db08cf4",
    "faces": "433f48231c28526cb957c07a30a719f3",
    "charts": "345736cea4171a48a2138c05d74921df",
    "scans": "90b836b3b69bbb630843af93d3a03c48",
    "screens": "bffe420c3ebd613841f2272c5fa23d7a",
    "scenes": "8f92a97d6725145062471169df859081",
}
"""Digests of pixels and fields of the default packs; they change only with a new REVISION."""
ANSWER_SHARE = 0.62
"""The largest share that one answer may have among the questions of one template."""


def family(name: str) -> Family:
    module = __import__(f"hemm.tasks.probes.{name}", fromlist=["FAMILY"])
    found: Family = module.FAMILY
    return found


@pytest.fixture(scope="module")
def packs() -> dict[str, list[Sample]]:
    return {name: list(generate(family(name))) for name in FAMILIES}


def read(task: Task) -> list[Sample]:
    folder, _ = task.sources[0].fetch(None)  # type: ignore[arg-type]  # nothing is fetched
    return list(task.sources[0].layout.read(folder))


def test_there_is_a_family_for_each_use_case_and_flow() -> None:
    labels = [f.labels(s) for f in map(family, FAMILIES) for s in f.skills]
    assert {x["use_case"] for x in labels} == set(DIMENSIONS["use_case"].categories)
    assert {x["information_flow"] for x in labels} == {"querying", "translation", "fusion"}
    assert {x["interaction"] for x in labels} == set(DIMENSIONS["interaction"].categories)
    assert {x["external_knowledge"] for x in labels} == {"yes", "no"}


@pytest.mark.parametrize("name", FAMILIES)
def test_samples_are_complete_and_balanced(name: str, packs: dict[str, list[Sample]]) -> None:
    samples = packs[name]
    assert len(samples) == DEFAULT_SIZE
    assert len({s.id for s in samples}) == len(samples)
    assert len({content_key(s) for s in samples}) == len(samples)
    cells = Counter((s.labels["reasoning"], s.labels["fine_grained"]) for s in samples)
    assert cells == dict.fromkeys(CELLS, DEFAULT_SIZE // 4)
    for sample in samples:
        assert set(sample.labels) == set(taxonomy())
        check_labels(sample.labels, sample.id)
        assert not sample.choices or sample.references[0] in sample.choices
        assert len(set(sample.choices)) == len(sample.choices)
        assert sample.metadata["template"] == f"{name}/{sample.stratum}"
    pictures = defaultdict(set)
    for sample in samples:
        pictures[sample.cluster].add(sample.media[0].digest)
    assert len(pictures) == DEFAULT_SIZE // 4
    assert all(len(p) == 1 for p in pictures.values())


def test_same_seed_same_pixels_and_fields(packs: dict[str, list[Sample]]) -> None:
    assert {name: pixels_hash(samples) for name, samples in packs.items()} == HASHES


def test_another_process_draws_the_same() -> None:
    code = (
        "from hemm.tasks.probes.base import generate, pixels_hash\n"
        "from hemm.tasks.probes.shapes import FAMILY\n"
        "print(pixels_hash(generate(FAMILY)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == HASHES["shapes"]


def test_the_registered_tasks_read_test_samples_and_shots() -> None:
    for name in FAMILIES:
        samples = read(TASKS.get(f"probe_{name}"))
        assert Counter(s.split for s in samples) == {"test": DEFAULT_SIZE, "shots": SHOTS}
        assert len({s.id for s in samples}) == len(samples)
        shown = {s.media[0].digest for s in samples if s.split == "test"}
        assert not shown & {s.media[0].digest for s in samples if s.split == "shots"}


def test_seeds_of_tests_shots_and_training_never_meet() -> None:
    ranges = [TEST_SEEDS, SHOT_SEEDS, TRAIN_SEEDS]
    for a in ranges:
        for b in ranges:
            assert a is b or a[-1] < b[0] or b[-1] < a[0]
    shapes = family("shapes")
    for seed, split in ((TRAIN_SEEDS[0], "test"), (TEST_SEEDS[0], "train"), (SHOT_SEEDS[0], "test")):
        with pytest.raises(HemmError, match=r"is no .* seed"):
            next(generate(shapes, seed, 4, split=split))
    with pytest.raises(HemmError, match="multiple of 4"):
        next(generate(shapes, 0, 6))


def test_training_pictures_are_other_pictures(packs: dict[str, list[Sample]]) -> None:
    tested = {content_key(s) for s in packs["shapes"]}
    trained = {content_key(s) for s in generate(family("shapes"), TRAIN_SEEDS[0], 200, split="train")}
    assert not tested & trained


def asked(name: str, seed: int, pictures: int) -> list[tuple[Skill, Question]]:
    """The questions of many pictures (which are not encoded)."""
    return [q for i in range(pictures) for q in page(family(name), seed, i)[1]]


@pytest.mark.parametrize("name", FAMILIES)
def test_no_answer_stands_out_among_a_template(name: str) -> None:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for skill, question in asked(name, TEST_SEEDS[1], 600):
        found[skill.name][question.answer] += 1
    for template, answers in found.items():
        assert answers.most_common(1)[0][1] / answers.total() <= ANSWER_SHARE, (template, answers)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_text_does_not_give_the_answer_away(name: str) -> None:
    """Where the picture is needed, equal texts come with different answers."""
    texts: dict[str, Counter[str]] = defaultdict(Counter)
    for skill, question in asked(name, TEST_SEEDS[2], 600):
        if skill.interaction != "redundancy":
            texts[f"{skill.name} {question.context} {question.text}"][question.answer] += 1
    often = [c for c in texts.values() if c.total() >= 20]
    for answers in often:
        assert answers.most_common(1)[0][1] / answers.total() < 0.85, answers
    assert often or name == "legend", "no text comes up often enough to be looked at"


def test_redundant_captions_hold_the_answer() -> None:
    from hemm.tasks.probes.faces import EVENTS

    feeling_of = {text: feeling for feeling, said in EVENTS.items() for text in said}
    for s in generate(family("faces"), TEST_SEEDS[3], 800):
        if s.labels["interaction"] != "redundancy":
            continue
        said = s.fields["context"].removeprefix('Caption: "').removesuffix('"')
        if s.stratum == "event":
            assert feeling_of[said] == s.references[0]
        elif s.stratum == "told_hat":
            name = said.split("This is ")[1].rstrip(".")
            assert f"{name} wears {s.references[0]}" in said
        else:
            assert str(s.references[0]) in said


def test_uniqueness_never_names_the_answer_in_the_caption() -> None:
    for s in generate(family("faces"), TEST_SEEDS[3], 800):
        if s.labels["interaction"] == "uniqueness":
            assert str(s.references[0]) not in s.fields["context"].lower().split()


def test_the_picture_decides_where_texts_are_equal() -> None:
    """Synergy: the text alone leaves several answers open, and so does the picture alone."""
    from hemm.tasks.probes.legend import FAMILY

    drawn, _ = page(FAMILY, TEST_SEEDS[0], 0)
    skill = FAMILY.skills[0]
    answers = {q.answer for i in range(50) if (q := skill.ask(drawn.facts, Rand("other text", i)))}
    assert len(answers) > 3


def components(mask: np.ndarray) -> int:
    """Connected areas of a mask, by flood fill."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    count = 0
    while left:
        count += 1
        todo = [left.pop()]
        while todo:
            y, x = todo.pop()
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if near in left:
                    left.remove(near)
                    todo.append(near)
    return count


def test_answers_about_shapes_can_be_counted_in_the_pixels(packs: dict[str, list[Sample]]) -> None:
    checked = Counter[str]()
    for s in packs["shapes"]:
        pixels = np.asarray(s.media[0].pixels().convert("RGB"))
        cells = pixels.reshape(4, 48, 4, 48, 3).swapaxes(1, 2)
        present = [
            [name for name, rgb in COLOURS.items() if (cells[y, x] == rgb).all(-1).sum() > 150]
            for y in range(4)
            for x in range(4)
        ]
        if s.stratum == "count":
            assert sum(map(len, present)) == int(str(s.references[0]))
        elif s.stratum == "count_colour":
            colour = next(c for c in COLOURS if c in s.fields["question"].replace("?", " ").split())
            assert sum(colour in p for p in present) == int(str(s.references[0]))
        elif s.stratum == "background":
            assert tuple(pixels[95, 95]) in [*COLOURS.values(), *BACKGROUNDS.values()]
            values, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
            assert tuple(values[counts.argmax()]) == BACKGROUNDS[str(s.references[0])]
        else:
            continue
        checked[s.stratum] += 1
    assert min(checked.values()) >= 10


def test_values_of_charts_can_be_measured_in_the_pixels() -> None:
    from hemm.tasks.probes.charts import BOTTOM, FAMILY, UNIT

    for index in range(60):
        drawn, _ = page(FAMILY, TEST_SEEDS[0], index)
        if drawn.facts["kind"] == "bars":
            for value, colour in zip(drawn.facts["values"], drawn.facts["colours"], strict=True):
                rows = np.nonzero((drawn.pixels == COLOURS[colour]).all(-1).any(1))[0]
                assert (BOTTOM - rows.min()) // UNIT == value


def test_shapes_have_the_areas_of_their_geometry() -> None:
    side = 40
    areas = {
        kind: int(shape(kind, side).sum()) / side**2 for kind in ("circle", "square", "triangle", "diamond")
    }
    assert areas["circle"] == pytest.approx(np.pi / 4, abs=0.02)
    assert areas["triangle"] == pytest.approx(0.5, abs=0.03)
    assert areas["diamond"] == pytest.approx(0.5, abs=0.03)
    assert components(shape("ring", side)) == components(~shape("ring", side)[8:-8, 8:-8]) == 1


def test_the_font_has_every_printable_character_once() -> None:
    assert set(string.ascii_letters + string.digits + string.punctuation + " ") <= set(GLYPHS)
    assert all(len(rows) == 7 for rows in GLYPHS.values())
    pictures = {glyph(c, 1).tobytes() for c in string.ascii_letters + string.digits}
    assert len(pictures) == 62
    assert glyph("é", 2).shape == (14, 10)


def test_drawing_outside_the_canvas_is_cut_off() -> None:
    canvas = Canvas((0, 0, 0))
    canvas.shape("disc", -20, -20, 40, (255, 255, 255))
    canvas.shape("disc", 172, 172, 40, (255, 255, 255))
    canvas.shape("disc", 300, 0, 40, (255, 255, 255))
    white = (canvas.pixels == 255).all(-1)
    assert white[:20, :20].any()
    assert white[172:, 172:].any()
    assert not white[30:160].any()


def test_random_numbers_are_uniform_and_depend_on_the_key() -> None:
    rand = Rand("test", 1)
    counts = Counter(rand.below(7) for _ in range(7000))
    assert max(counts.values()) < 1150
    assert min(counts.values()) > 850
    assert sorted(Rand("test", 2).sample(tuple(range(9)), 9)) == list(range(9))
    assert [Rand("a", 1).below(1000) for _ in range(3)] != [Rand("a", 2).below(1000) for _ in range(3)]


def test_test_pictures_are_known_to_the_training_script() -> None:
    from hemm.tasks.probes.shapes import FAMILY

    again = page(FAMILY, TEST_SEEDS[0], 3)[0].pixels
    assert picture_key(again) == picture_key(page(FAMILY, TEST_SEEDS[0], 3)[0].pixels)
    assert picture_key(again) != picture_key(page(FAMILY, TEST_SEEDS[0], 4)[0].pixels)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_task_keeps_its_contract(name: str) -> None:
    from hemm.testing import check_task

    check_task(TASKS.get(f"probe_{name}"))
