"""Results that move while somebody looks: cells are taken away, and links lead to what there is."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from explorer_client import words

import fake
from hemm.web.texts import Texts


def test_a_part_that_goes_while_a_page_is_made_is_one_line(
    results: Path, ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ask(Path(shutil.copytree(results, tmp_path / "copy")))
    check = Texts._check

    def then_gone(texts: Texts, one: Any, seal: Any) -> None:
        check(texts, one, seal)
        (one.cell.folder / seal.file).unlink()

    monkeypatch.setattr(Texts, "_check", then_gone)
    answer = client.get("/answers")
    assert answer.status_code == 400
    assert "load the page again" in words(answer.text)
    assert str(tmp_path) not in answer.text


def test_every_value_of_the_metadata_with_a_link_finds_its_sample(tmp_path: Path, ask: Any) -> None:
    own: dict[str, Any] = {"big": 1e308, "yes": True, "kind": "a:b", "list": [1, 2], "none": None}
    own |= {"k" * 201: "v" * 200}
    fake.go(tmp_path, fake.Batched(), fake.FakePack([fake.sample(0, metadata=own)]))
    client = ask(tmp_path)
    page = client.get("/sample?of=even&sample=s00000").text
    links = re.findall(r'<dd><a href="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert 'data-row href="' in client.get(html.unescape(link)).text, link
