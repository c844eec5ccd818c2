"""Text that is stored or shown: safe names, no secrets, nothing that UTF-8 cannot hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import redact, slug, storable

SECRETS = [
    "sk-proj-abcdefghijklmnop1234",
    "hf_abcdefghijklmnopqrstuvwx",
    "AIzaSyA-abcdefghijklmnopqrstu",
    "gsk_abcdefghijklmnop1234",
    "xai-abcdefghijklmnop1234",
]


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


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "line",
    [
        "401 for key {}",
        "Authorization: Bearer {}",
        "https://user:{}@host/v1",
        '{{"api_key": "{}"}}',
        "token={}",
    ],
)
def test_keys_never_show(secret: str, line: str) -> None:
    assert secret not in redact(line.format(secret))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("http://alice:pw@127.0.0.1:8000/v1", "http://[secret]@127.0.0.1:8000/v1"),
        ("password=hunter2&x=1", "password=[secret]&x=1"),
        ("Authorization: Basic dXNlcjpwYXNz", None),
        ("a red bicycle, 3 tokens: a, b", "a red bicycle, 3 tokens: a, b"),
        ("picture 0012.png does not open", "picture 0012.png does not open"),
    ],
)
def test_what_is_no_secret_stays(line: str, shown: str | None) -> None:
    if shown is None:
        assert "dXNlcjpwYXNz" not in redact(line)
    else:
        assert redact(line) == shown


def test_a_known_secret_is_removed_wherever_it_stands() -> None:
    assert redact("so it is opensesame! opensesame", ("opensesame",)) == "so it is [secret]! [secret]"
    assert redact("abc", ("abc",)) == "abc"  # too short to be one: it would tear up words


@given(st.text())
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
