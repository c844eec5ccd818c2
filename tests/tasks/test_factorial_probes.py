"""The factorial probes: balance, what picture and text alone leave open, dials, ladders, drawn answers."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from itertools import combinations, islice, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.stats.contingency import association, crosstab

from hemm.core import DIMENSIONS, HemmError, Judged, Media, Outcome, Response, Sample, digest, digest_bytes
from hemm.core.taxonomy import taxonomy
from hemm.tasks import SUITES, TASKS, resolve
from hemm.tasks.probes.base import SHOT_SEEDS, TRAIN_SEEDS, content_key, pixels_hash
from hemm.tasks.probes.draw import Rand
from hemm.tasks.probes.factorial.cells import (
    DRAWN_FLOWS,
    HELD,
    TEXT_FLOWS,
    Cell,
    Plan,
    cells,
    correlations,
    cramers_v,
    factors,
    plans,
)
from hemm.tasks.probes.factorial.checker import SignCheck
from hemm.tasks.probes.factorial.puzzle import Puzzle, ask, puzzle
from hemm.tasks.probes.factorial.samples import context, drawn, generate, picture
from hemm.tasks.probes.factorial.signs import TILE, USE_CASES, empty, tile
from hemm.tasks.probes.factorial.sweeps import DIALS, ladder, many, sweep

HASHES = {
    "multimedia": "a7f68c2459750aebd560b776b06ee55b",
    "affective_computing": "77c352aa3cf798bc9b311327226d6bc6",
    "science": "fbbea7207e6e83f1a168317684c57db6",
    "healthcare": "cb0af9c5ea0b34bd857e8c10034d5aaf",
    "hci": "6dfdccfea7bd433caf5f4501b56e4623",
}
"""Digests of pixels and fields of the first 12 samples of each use case; they change only with a new
REVISION."""
FORMS = {
    "draw": "2f7c1fbce37188cd6f574e60391265af",
    "ladder": "876b83cbfd441a70c57c17bfda9db0c7",
    "objects": "303d72da0d866e7572fa48bf3e8ac585",
    "clutter": "87e74ccd00f814e3683cdd6741086e08",
    "contrast": "d3eef4cce7eddc4e348025cb420df3e4",
    "resolution": "e33896f20f3eafa9681bb7590d1eb4d3",
    "text_length": "0abc4fb4ceeb5343f35b2ee0d8d1b5c4",
    "distractors": "1972fb46357118e72e1e64525ca698d0",
    "one_of": "39e466ba49a99883187f6dcf985bbdb0",
    "needle": "2607e95d52f1f71c13e3ea335e0e23ea",
    "compare": "cdd39d9587ca9f0f218c61181d8f3153",
}
"""The same of the last samples of each variant of one use case, which are the hardest of a dial."""
SIGNS = {s.name: s for pair in USE_CASES.values() for s in pair}


@pytest.fixture(scope="module")
def packs() -> dict[str, list[Sample]]:
    """All of one use case, and the first samples of the others."""
    return {name: list(islice(generate(name), 288 if name == "hci" else 48)) for name in USE_CASES}


@pytest.fixture(scope="module")
def drawings() -> list[Sample]:
    return list(generate("hci", size=192, drawing=True))


def test_every_use_case_is_a_task_of_the_suite() -> None:
    assert SUITES["probes_v2"] == [f"probe_v2_{name}" for name in DIMENSIONS["use_case"].categories]
    assert all(name.startswith("probe_") and name not in SUITES["probes_v2"] for name in SUITES["probes"])
    for name in SUITES["probes_v2"]:
        assert TASKS.get(name).card.labels == {"use_case": name.removeprefix("probe_v2_")}


def test_no_two_labels_correlate(packs: dict[str, list[Sample]], drawings: list[Sample]) -> None:
    """By scipy's Cramer's V; what varies within cells (set of signs, side) hangs on no label either."""
    for samples in (packs["hci"], drawings):
        columns = factors(samples)
        assert {*columns} >= {*taxonomy()} - {"use_case"}
        for a, b in combinations(columns, 2):
            if {a, b} in ({"reasoning", "steps"}, {"interaction", "held"}):  # one is the other, more finely
                continue
            table = np.asarray(crosstab(columns[a], columns[b]).count)
            measured = float(association(table, method="cramer"))
            assert cramers_v(columns[a], columns[b]) == pytest.approx(measured, abs=1e-9)
            if "held" not in (a, b):
                assert measured <= 0.05, (a, b, measured)


def test_correlations_are_none_whatever_the_use_case_and_the_seed() -> None:
    """All but the pictures: the cells, and what varies within them in two blocks and in twenty."""
    for flows in (TEXT_FLOWS, DRAWN_FLOWS):
        for blocks in (2, 20):
            made = list(plans(flows, blocks * len(cells(flows))))
            columns = {
                "signs": [p.signs for p in made],
                "side": [p.side for p in made],
                **factors(
                    [Sample("x", labels=p.cell.labels("hci"), metadata={"steps": p.cell.steps}) for p in made]
                ),
            }
            found = correlations(columns)
            assert found.pop(("reasoning", "steps")) == pytest.approx(1)
            assert max(found.values()) < 1e-9


def test_every_cell_comes_equally_often_and_prefixes_of_other_seeds_differ(
    packs: dict[str, list[Sample]],
) -> None:
    samples = packs["hci"]
    keys = ("interaction", "fine_grained", "external_knowledge", "information_flow")
    counts = Counter((*(s.labels[k] for k in keys), s.metadata["steps"]) for s in samples)
    assert set(counts.values()) == {2}
    assert len(counts) == 144
    places = Counter(s.choices.index(str(s.references[0])) for s in samples)
    assert min(places.values()) > 45, places
    known = {content_key(s) for s in samples[:48]}
    assert len({s.id for s in samples}) == 288
    assert len(known) == 48
    assert not {content_key(s) for s in islice(generate("hci", seed=1), 24)} & known
    for name, some in packs.items():
        assert all(s.labels["use_case"] == name and len(s.choices) == 4 for s in some)


def test_same_seed_same_pixels_and_fields(packs: dict[str, list[Sample]]) -> None:
    assert {name: pixels_hash(samples[:12]) for name, samples in packs.items()} == HASHES


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_pixels_and_fields(form: str) -> None:
    task = resolve(f"probe_v2_hci:{form}")
    samples = [s for s in task.sources[0].layout.read(Path()) if isinstance(s, Sample)]
    last = samples[-6:]
    shown = [[digest_bytes(r.pixels().tobytes()) for r in s.references if isinstance(r, Media)] for s in last]
    assert digest([pixels_hash(last), shown], 32) == FORMS[form]


def test_seeds_and_sizes_are_checked() -> None:
    for seed, split in ((TRAIN_SEEDS[0], "test"), (0, "train"), (0, "shots"), (SHOT_SEEDS[0], "test")):
        with pytest.raises(HemmError, match=r"is no .* seed"):
            next(generate("hci", seed, split=split))
    for size in (0, 144, 300):
        with pytest.raises(HemmError, match="multiple of 288"):
            next(generate("hci", size=size))
    with pytest.raises(HemmError, match="is no test seed"):
        next(sweep("hci", "contrast", SHOT_SEEDS[0]))


def worlds() -> tuple[list[tuple[int, int]], list[tuple[int, ...]]]:
    """Every pair of starts, and every order: one name that stays and a cycle of the other five."""
    orders = []
    for fixed in range(6):
        others = [i for i in range(6) if i != fixed]
        for rest in permutations(others[1:]):
            cycle = (others[0], *rest)
            after = list(range(6))
            for i, name in enumerate(cycle):
                after[name] = cycle[(i + 1) % 5]
            orders.append(tuple(after))
    return list(permutations(range(6), 2)), orders


def reached(starts: tuple[int, int], after: tuple[int, ...], steps: int) -> list[int]:
    at = list(starts)
    for _ in range(steps):
        at = [after[i] for i in at]
    return at


NAMES = ("a0", "b1", "c2", "d3", "e4", "f5")


def right(option: str, flow: str, side: int, ends: list[int]) -> bool:
    """Whether an option is true where these are reached."""
    named = [NAMES.index(word) for word in re.findall(r"\b[a-f]\d\b", option)]
    if flow == "querying":
        return named == [ends[side]]
    if flow == "translation":
        return named == ends
    in_ends = [n in ends for n in named]
    wanted = {"bo": [True, True], "ne": [False, False]}.get(option[:2], [True, False])
    return in_ends == wanted


@pytest.mark.parametrize("flow", TEXT_FLOWS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_neither_starts_nor_order_alone_determine_the_answer(flow: str, steps: int) -> None:
    """By enumeration of all that whoever lacks one of the two has to reckon with.

    A statement of fusion is drawn with probability 1/4 for each case, and evenly among the pairs of names of
    that case: so each world counts by the share that its pair has among them.
    """
    starts, orders = worlds()
    pairs = {"bo": 2, "ne": 12}
    for number in range(12):
        rand = Rand("enumerate", flow, steps, number)
        made, side = puzzle(rand), number % 2
        assert made.after in orders
        asked = ask(made, flow, steps, side, NAMES, "letter", rand)
        known_order = [reached(s, made.after, steps) for s in starts]
        known_starts = [reached(made.starts, after, steps) for after in orders]
        for name, ends in (("order", known_order), ("starts", known_starts)):
            weights = {
                option: sum(right(option, flow, side, e) for e in ends)
                / (pairs.get(option[:2], 8) if flow == "fusion" else 1)
                for option in asked.options
            }
            assert right(asked.answer, flow, side, reached(made.starts, made.after, steps))
            share = max(weights.values()) / sum(weights.values())
            if name == "order" or flow == "querying":
                assert share == pytest.approx(0.25), (name, weights)
            else:
                assert min(weights.values()) > 0 or share < 0.5, (name, weights)


def test_what_one_modality_tells_does_not_change_with_what_the_other_tells() -> None:
    """Split: other starts change one of picture and note alone, another order the other alone."""
    other = Puzzle((4, 2), (1, 2, 3, 4, 0, 5), (5, 4, 3, 2, 1, 0))
    for held in HELD["synergy"]:
        for detail in ("yes", "no"):
            plan = Plan(Cell("synergy", detail, 2, "no", "querying"), held, 0, 0)
            for change in ({"starts": other.starts}, {"after": other.after, "pairs": other.pairs}):
                seen, said = [], []
                for changed in ({}, change):
                    made = drawn("hci", plan, Rand("fixed"))
                    made = replace(made, puzzle=replace(made.puzzle, **changed))
                    shown = made.puzzle.starts if made.in_picture[0] else (None, None)
                    seen.append(picture(made, shown).tobytes())
                    said.append(sorted(context(made).replace("Note: ", "").split(". ")))
                in_picture = held[0 if "starts" in change else 1] == "picture"
                assert (seen[0] != seen[1]) == in_picture
                assert (said[0] != said[1]) == (not in_picture)


def test_text_and_picture_hold_what_the_labels_say(packs: dict[str, list[Sample]]) -> None:
    for samples in packs.values():
        for s in samples[:48]:
            signs, text = SIGNS[s.metadata["signs"]], str(s.fields["context"])
            key, _, note = text.rpartition("Note: ")
            assert bool(key) == (s.labels["external_knowledge"] == "no")
            in_note = any(look in note for look in signs.looks.values())
            assert in_note == (s.metadata["starts"] != "picture")
            assert any(re.search(rf"\b{n}\b", note, re.I) for n in signs.names) == (
                s.metadata["order"] != "picture"
            )
            pixels = np.asarray(s.media[0].pixels())
            known = {tile(signs.name, i).tobytes() for i in range(6)}
            places = [pixels[y : y + TILE, x : x + TILE].tobytes() for x, y in corners()]
            shown = [place in known for place in places]
            assert any(shown) == (s.metadata["starts"] != "text")
            if any(shown):
                assert sum(shown) == (2 if s.labels["fine_grained"] == "yes" else 18)
            assert (pixels[140:] != 255).any() == (s.metadata["order"] != "text")


def corners() -> list[tuple[int, int]]:
    """Where the signs of both sides may be."""
    return [(side * 128 + 5 + 30 * i, 5 + 30 * j) for side in (0, 1) for j in range(4) for i in range(4)]


def test_signs_are_told_apart_by_pixels_and_words() -> None:
    pixels = {(s.name, i): tile(s.name, i).tobytes() for s in SIGNS.values() for i in range(6)}
    assert len(set(pixels.values())) == 60
    assert empty().tobytes() not in pixels.values()
    looks = [look for s in SIGNS.values() for look in s.looks.values()]
    assert len(set(looks)) == 60
    for s in SIGNS.values():
        assert len(s.names) == 6
        assert not any(re.search(rf"\b{n}\b", look, re.I) for n in s.names for look in s.looks.values())


@pytest.mark.parametrize("name", DIALS)
def test_a_dial_changes_what_it_says_and_nothing_else(name: str) -> None:
    samples = list(sweep("science", name))
    by_level = {level: [s for s in samples if s.metadata[name] == level] for level in DIALS[name].levels}
    assert {len(group) for group in by_level.values()} == {24}
    others = [{k: v for k, v in s.metadata.items() if k in DIALS and k != name} for s in samples]
    assert all(o == others[0] for o in others)
    measured = [measure(name, group) for group in by_level.values()]
    wanted = [float(level) for level in DIALS[name].levels]
    if name == "contrast":
        assert measured == pytest.approx([measured[0] * w / 100 for w in wanted], rel=0.06, abs=0.6)
    elif name == "clutter":
        assert measured == sorted(measured)
        assert measured[0] < measured[-1] / 1.5
    else:
        assert measured == wanted


def measure(name: str, samples: list[Sample]) -> float:
    """What a dial is to have set, measured in the pixels and words."""
    pixels = [np.asarray(s.media[0].pixels()).astype(int) for s in samples]
    if name == "contrast":
        return float(np.mean([(p.max() - p.min()) / 2 for p in pixels]))
    if name == "resolution":
        assert len({p.shape for p in pixels}) == 1
        return float(len(pixels[0]))
    if name == "objects":
        per_side = [
            sum((p[y : y + TILE, x : x + TILE] != 255).any() for x, y in corners()) / 2 for p in pixels
        ]
        assert len(set(per_side)) == 1
        return per_side[0]
    if name == "text_length":
        notes = [str(s.fields["context"]).partition("Note: ")[2] for s in samples]
        counts = {n.count(".") - 2 - 6 for n in notes}  # two starts, six of the order
        assert len(counts) == 1
        return float(counts.pop())
    if name == "distractors":
        counts = set()
        for s, p in zip(samples, pixels, strict=True):
            text = str(s.fields["context"]).partition("Note: ")[2]
            slots = [(x * 85 + 8, 136 + y * 30) for x in range(3) for y in range(4)]
            drawn_pairs = sum((p[y : y + TILE, x : x + 2 * TILE] != 255).any() for x, y in slots)
            counts.add((drawn_pairs or text.count("turns into")) - 6)
        assert len(counts) == 1
        return float(counts.pop())
    edges = [np.abs(np.diff(p, axis=1)).sum() for p in pixels]
    return float(np.mean(edges))


def test_a_ladder_changes_the_text_alone() -> None:
    rungs: dict[str, list[Sample]] = {}
    for s in ladder("multimedia"):
        rungs.setdefault(s.cluster, []).append(s)
    assert len(rungs) == 32
    for full, half, bare in rungs.values():
        assert [s.metadata["text_carries"] for s in (full, half, bare)] == [1, 0.5, 0]
        assert len({s.media[0].digest for s in (full, half, bare)}) == 1
        assert len({(s.fields["question"], s.references, s.choices) for s in (full, half, bare)}) == 1
        words = [
            {*re.split(r"[.\n] ?", str(s.fields["context"]).replace("Note: ", ""))}
            for s in (full, half, bare)
        ]
        assert words[1] < words[0]
        assert words[2] < words[1]


def test_many_pictures() -> None:
    needles = list(many("hci", "needle"))
    assert {len(s.media) for s in needles} == {2, 5, 10, 20, 50, 100}
    for s in needles:
        assert len(s.media) == s.metadata["pictures"]
    one = list(many("hci", "one_of"))
    assert sorted({s.metadata["pictures"] for s in one}) == [1, 2, 4, 8, 16]
    assert all(len(s.media) == 2 for s in many("hci", "compare"))


def score(sample: Sample, pixels: Any, **how: Any) -> dict[str, float | None]:
    out = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    if size := how.pop("size", None):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    image.save(out, how.pop("form", "PNG"), **how)
    media = Media(out.getvalue(), name="drawn")
    return SignCheck().score([[Judged(sample, 0, Response(media=(media,)), Outcome.OK, media)]])[0]


def test_drawn_answers_are_checked_sign_by_sign(drawings: list[Sample]) -> None:
    for s in drawings[:8]:
        (wanted,) = [r for r in s.references if isinstance(r, Media)]
        pixels = np.array(wanted.pixels())
        assert score(s, pixels) == {"": 1, "signs": 1, "kept": 1}
        assert score(s, pixels, form="JPEG", quality=80)[""] == 1
        assert score(s, pixels, size=512)[""] == 1
        assert score(s, np.array(s.media[0].pixels()))[""] == 0, "nothing was changed"
        x, y, width, height = s.metadata["changed"][0]
        wrong = pixels.copy()
        wrong[y : y + height, x : x + width] = empty()
        found = score(s, wrong)
        boxes = len(s.metadata["changed"])
        assert (found[""], found["kept"]) == (0, 1)
        assert found["signs"] == pytest.approx((boxes - 1) / boxes)
        spoiled = pixels.copy()
        spoiled[200:] = 90
        assert score(s, spoiled) == {"": 0, "signs": 1, "kept": 0}


@pytest.mark.parametrize("form", [":ladder", ":compare"])
def test_the_tasks_keep_their_contract(form: str) -> None:
    from hemm.testing import check_task

    check_task(resolve(f"probe_v2_affective_computing{form}"), limit=30)
