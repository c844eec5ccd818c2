"""Controls: deterministic, and what they say they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake import FakePack, picture, sample
from hemm.core import BadData, HemmError, Media, Sample
from hemm.tasks.transforms import Shuffle, grey, remove


def _shuffle(samples: list[Sample], seed: int = 0) -> dict[str, Sample]:
    pack = FakePack(samples)
    index = pack.index()
    shuffle = Shuffle(index.clusters, index.media, pack.sample, seed)
    return {s.id: shuffle(s) for s in samples}


def test_removing_takes_the_pictures_and_nothing_else() -> None:
    one = sample(1)
    bare = remove(one)
    assert bare.media == ()
    assert (bare.id, bare.fields, bare.references) == (one.id, one.fields, one.references)


def test_grey_is_mid_grey_of_the_same_size() -> None:
    one = sample(1, media=(picture(1, (7, 3)), picture(2, (2, 5))))
    shown = grey(one).media
    for media, size in zip(shown, [(7, 3), (2, 5)], strict=True):
        pixels = media.pixels()
        assert (pixels.mode, pixels.size) == ("RGB", size)
        assert (np.asarray(pixels) == 128).all()
    assert grey(one).media == shown


def test_grey_of_a_picture_that_does_not_open() -> None:
    with pytest.raises(BadData, match=r"broken\.png does not open"):
        grey(sample(1, media=(Media(b"no picture", name="broken.png", mime="image/png"),)))


packs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5)), min_size=3, max_size=25)


@given(packs, st.integers(0, 2))
def test_shuffled_pictures_are_of_another_cluster_and_none_of_the_own(rows, seed) -> None:
    samples = [
        sample(i, media=(picture(shown),), cluster=f"c{cluster}") for i, (shown, cluster) in enumerate(rows)
    ]
    clusters_of: dict[str, set[str]] = {}
    for s in samples:
        clusters_of.setdefault(s.media[0].digest, set()).add(s.cluster)
    possible = all(
        any(d != s.media[0].digest and s.cluster not in c for d, c in clusters_of.items()) for s in samples
    )
    if not possible:
        with pytest.raises(HemmError, match="shuffle"):
            _shuffle(samples, seed)
        return
    for s in samples:
        got = _shuffle(samples, seed)[s.id].media
        assert len(got) == 1
        assert got[0].digest != s.media[0].digest
        assert s.cluster not in clusters_of[got[0].digest]
        break


def test_a_sample_with_two_pictures_gets_two() -> None:
    samples = [sample(i, media=(picture(2 * i), picture(2 * i + 1)), cluster=f"c{i}") for i in range(6)]
    samples += [sample(i) for i in range(20, 26)]
    for name, shown in _shuffle(samples).items():
        assert len(shown.media) == (2 if int(name[1:]) < 6 else 1)


def test_a_changed_pack_moves_few_donors() -> None:
    samples = [sample(i) for i in range(200)]
    before = {k: s.media[0].digest for k, s in _shuffle(samples).items()}
    after = {k: s.media[0].digest for k, s in _shuffle(samples[:-4]).items()}
    moved = [k for k in after if after[k] != before[k]]
    assert len(moved) <= 12
    assert before == {k: s.media[0].digest for k, s in _shuffle(samples[::-1]).items()}  # order is no part


def test_donors_depend_on_the_seed_and_spread_over_the_pictures() -> None:
    samples = [sample(i) for i in range(300)]
    one, two = (_shuffle(samples, seed) for seed in (0, 1))
    assert sum(one[k].media == two[k].media for k in one) < 30
    assert len({s.media[0].digest for s in one.values()}) > 120


def test_a_donor_with_a_problem_is_passed_over() -> None:
    bad = Media(b"x", mime="image/png", problem="does not open")
    samples = [sample(0), sample(1, media=(bad,)), sample(2)]
    assert _shuffle(samples)["s00000"].media == samples[2].media
