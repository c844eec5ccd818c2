"""Users' stored work is recognised: ids, hashes, keys, prompts, sealed answers and scores are as they were.

A difference here means that users' models are asked again, or that their scores change. Where that is meant,
``python tests/unchanged/listing.py`` writes the list anew, and the change is told in CHANGELOG.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import listing

from hemm.engine.requests import REQUEST_RULES

WAS: dict[str, Any] = json.loads(listing.LIST.read_text())


def same_encoders() -> None:
    """Pictures' bytes and Parquet's depend on the versions that write them."""
    if WAS["environment"] != listing.environment():
        pytest.skip(f"THE LIST IS OF OTHER VERSIONS: {WAS['environment']}, here {listing.environment()}")


@pytest.mark.parametrize("form", [form for form in listing.forms() if form in WAS["tasks"]])
def test_tasks_packs_and_baselines_are_as_they_were(form: str, cache: Path, tmp_path: Path) -> None:
    same_encoders()
    assert listing.task_rows(form, tmp_path) == WAS["tasks"][form]


@pytest.mark.parametrize("name", listing.PROTOCOLS)
def test_every_protocol_is_as_it_was(name: str, cache: Path, tmp_path: Path) -> None:
    same_encoders()
    assert listing.tiny_rows(name, tmp_path) == WAS["protocols"][name]


def test_readers_of_the_probes_are_as_they_were() -> None:
    assert listing.probe_readers() == WAS["probes"]


def test_nothing_was_dropped_from_the_list() -> None:
    forms, listed = set(listing.forms()), set(WAS["tasks"])
    new = " ".join(sorted(forms - listed))
    assert not new, (
        f"tests/unchanged/list.json has no rows: python tests/unchanged/listing.py {new} adds them"
    )
    assert listed == forms
    assert set(WAS["protocols"]) == set(listing.PROTOCOLS)


def test_the_list_is_of_todays_request_rules() -> None:
    assert WAS["request_rules"] == REQUEST_RULES
