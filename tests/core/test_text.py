"""Text that is stored or shown: safe names, nothing that UTF-8 cannot hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import slug, storable


@given(st.text(st.characters(codec=None)))
def test_storable_text_is_utf8_and_else_untouched(text: str) -> None:
    shown = storable(text)
    shown.encode()
    try:
        text.encode()
    except UnicodeEncodeError:
        assert shown != text
    else:
        assert shown == text


def test_a_lone_surrogate_is_written_out() -> None:
    assert storable("a\ud83db") == "a\\ud83db"


NAMES = st.text(min_size=1, max_size=110)


@given(NAMES)
def test_slugs_are_safe_on_every_file_system(name: str) -> None:
    shown = slug(name) if storable(name) == name else slug(storable(name))
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", shown) or shown.startswith(("-", "_"))
    assert 1 <= len(shown) <= 100
    assert not shown.endswith(".")
    assert shown not in (".", "..")
    assert shown.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt9")


PAIRS = [
    ("org/Name", "org/name"),
    ("a/b", "a b"),
    ("a:b", "a?b"),
    ("x" * 120, "x" * 121),
    ("CON", "con"),
    ("模型", "型模"),
    ("m.", "m"),
    ("tiny", "Tiny"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_other_names_are_other_folders_even_without_case(one: str, other: str) -> None:
    assert slug(one).lower() != slug(other).lower()


@given(st.sets(st.text("aAbB/:. é", min_size=1, max_size=6), min_size=2, max_size=8))
def test_names_that_need_changing_never_meet(names: set[str]) -> None:
    # "a/b" and "a-b" may share a folder name: everything else is told apart
    shown = {slug(name).lower() for name in names}
    assert len(shown) == len(names)


@pytest.mark.parametrize("name", ["tiny", "vqa_rad", "gpt-4o", "qwen2.5"])
def test_plain_names_stay_as_they_are(name: str) -> None:
    assert slug(name) == name
