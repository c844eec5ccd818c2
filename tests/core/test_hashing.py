"""The one hash function: equal content, equal hash; anything else, another one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import (
    Generation,
    Identity,
    Media,
    Message,
    ProtocolSpec,
    Request,
    canonical,
    digest,
    keyed_number,
    keyed_unit,
    request_key,
)
from hemm.core.exchange import later

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUE)
def test_canonical_json_means_the_value(value: object) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(TEXT, VALUE, max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert digest(value) == digest(dict(reversed(value.items())))


@given(VALUE, VALUE)
def test_other_content_is_another_digest(one: object, other: object) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


def test_tuples_lists_and_dataclasses_are_their_content() -> None:
    @dataclass(frozen=True)
    class Pair:
        a: int
        b: tuple[str, ...]

    assert digest(Pair(1, ("x", "y"))) == digest({"b": ["x", "y"], "a": 1})


def test_digest_is_known_from_outside() -> None:
    import hashlib

    assert digest({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
    assert digest({"b": 1, "a": "é"}, 12) == digest({"b": 1, "a": "é"})[:12]


def test_numpy_numbers_hash_like_pythons() -> None:
    assert digest([np.float64(0.5), np.int64(3), np.array([1, 2])]) == digest([0.5, 3, [1, 2]])


@pytest.mark.parametrize("value", [object(), {1, 2}, {"x": b"bytes"}, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        digest(value)


def test_draws_are_uniform_and_keyed() -> None:
    draws = np.array([keyed_unit("seed", i) for i in range(20_000)])
    assert draws.min() >= 0
    assert draws.max() < 1
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees: p = 0.0007
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03
    assert keyed_number("a", 1) != keyed_number("a", 2) != keyed_number("b", 1)
    assert keyed_number("ab", "c") != keyed_number("a", "bc")


def test_keys_are_the_same_in_another_process() -> None:
    code = "from hemm.core import *; print(keyed_number('order', 7), digest({'x': (1, 2.5, None)}))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.split() == [str(keyed_number("order", 7)), digest({"x": (1, 2.5, None)})]


SPEC = ProtocolSpec(Identity("m", "abc"), template="{{ question }}", instruction="one word")
CHANGES = {
    "model": Identity("m", "abd"),
    "template": "{{question}}",
    "instruction": "two words",
    "system": "be kind",
    "shots": 1,
    "control": "grey",
    "perturb": "blur:1",
    "seed": 0,
    "generation": Generation(max_pixels=100),
}


@pytest.mark.parametrize("field", CHANGES)
def test_every_part_of_a_protocol_makes_another_protocol(field: str) -> None:
    assert replace(SPEC, **{field: CHANGES[field]}).digest != SPEC.digest


def test_the_table_of_changes_is_whole() -> None:
    assert set(CHANGES) == set(ProtocolSpec.__dataclass_fields__)


@pytest.mark.parametrize("field", Generation.__dataclass_fields__)
def test_every_generation_setting_makes_another_protocol(field: str) -> None:
    value = getattr(Generation(), field)
    other = {int: 7, float: 0.25, str: "likelihood", tuple: (("dtype", "float16"),)}[type(value)]
    assert digest(Generation(**{field: other})) != digest(Generation())


def message(text: str = "what is it?", data: bytes = b"picture", name: str = "a.png") -> tuple[Message, ...]:
    return (Message("user", (Media(data, name=name), text)),)


def test_request_key_is_content_alone() -> None:
    key = request_key("p", message(), 0)
    assert key == request_key("p", message(name="elsewhere/b.jpg"), 0)
    assert len(key) == 32
    others = {
        request_key("q", message(), 0),
        request_key("p", message("what is that?"), 0),
        request_key("p", message(data=b"pictures"), 0),
        request_key("p", message(), 1),
        request_key("p", message(), 0, ("yes", "no")),
        request_key("p", message(), 0, ("no", "yes")),
        request_key("p", (Message("system", message()[0].parts),), 0),
        request_key("p", (Message("user", message()[0].parts[::-1]),), 0),
    }
    assert len(others | {key}) == 9


def test_text_cannot_pose_as_a_picture() -> None:
    picture = Media(b"picture")
    posing = f'{{"media":"{picture.digest}"}}'
    one = (Message("user", (picture,)),)
    other = (Message("user", (posing,)),)
    assert request_key("p", one, 0) != request_key("p", other, 0)


def test_the_seed_of_decoding_belongs_to_sample_and_repeat() -> None:
    def request(sample: str, repeat: int, seed: int) -> Request:
        return Request(sample, repeat, message(), Generation(seed=seed), "k")

    seeds = {request(s, r, n).seed for s in ("a", "b") for r in (0, 1) for n in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= s < 2**31 for s in seeds)
    assert request("a", 0, 0).seed == request("a", 0, 0).seed


def test_prompt_shows_roles_only_where_there_are_several() -> None:
    single = Request("a", 0, message(), Generation(), "k", ())
    assert single.media == (Media(b"picture"),)
    png = Media(b"\x89PNG\r\n\x1a\n")
    both = (Message("system", ("be brief",)), Message("user", (png, "what?")))
    assert Request("a", 0, both, Generation(), "k").prompt == "[system] be brief\n[user] <image>what?"
    assert Request("a", 0, both[1:], Generation(), "k").prompt == "<image>what?"


def test_a_later_setting_of_the_protocol_leaves_digests_as_they_were_until_it_is_set() -> None:
    @dataclass(frozen=True, slots=True)
    class Next(ProtocolSpec):
        suffix: str = later("")

    told = {f.name: getattr(SPEC, f.name) for f in fields(SPEC)}
    assert SPEC.digest == digest(SPEC) == Next(**told).digest
    assert Next(**told, suffix="!").digest != SPEC.digest
