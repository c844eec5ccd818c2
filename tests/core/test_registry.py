"""Registries are lazy, know the nearest name, and take plug-ins without letting them replace ours."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from hemm.core import HemmError, MissingExtra, Registry, UnknownName, nearest
from hemm.core import registry as module


def registry(monkeypatch: pytest.MonkeyPatch, *plugins: EntryPoint) -> Registry[object]:
    asked: list[str] = []

    def entry_points(group: str) -> list[EntryPoint]:
        asked.append(group)
        return list(plugins)

    monkeypatch.setattr(module, "entry_points", entry_points)
    rows = {"ordered": "collections:OrderedDict", "chess": "hemm_no_such_module:Chess"}
    return Registry("toy", "hemm.toys", rows)


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "hemm.toys")


def test_rows_are_imported_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = registry(monkeypatch)
    sys.modules.pop("hemm_no_such_module", None)
    assert toys.names() == ["ordered", "chess"]
    assert "chess" in toys
    assert toys.get("ordered").__name__ == "OrderedDict"  # type: ignore[attr-defined]
    with pytest.raises(ModuleNotFoundError):
        toys.get("chess")


def test_unknown_names_are_answered_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="unknown toy 'Orderd'; did you mean 'ordered'"):
        registry(monkeypatch).get("Orderd")


def test_plugins_follow_and_cannot_replace(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = registry(
        monkeypatch, plugin("kite", "fractions:Fraction"), plugin("ordered", "fractions:Fraction")
    )
    assert list(toys) == ["ordered", "chess", "kite"]
    assert toys.get("kite").__name__ == "Fraction"  # type: ignore[attr-defined]
    assert toys.get("ordered").__name__ == "OrderedDict"  # type: ignore[attr-defined]


def test_a_plugin_that_does_not_load_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    toys = registry(monkeypatch, plugin("kite", "hemm_no_such_module:Kite"))
    with pytest.raises(
        HemmError, match="toy 'kite' of package hemm_no_such_module:Kite does not load"
    ) as seen:
        toys.get("kite")
    assert "\n" not in str(seen.value)


def test_nearest() -> None:
    assert nearest("vqarad", ["vqa_rad", "nlvr"]) == "vqa_rad"
    assert nearest("NLVR", ["vqa_rad", "nlvr"]) == "nlvr"
    assert nearest("zzz", ["vqa_rad", "nlvr"]) is None


def test_unknown_name_lists_few_and_counts_many() -> None:
    assert str(UnknownName("task", "zzz", ["b", "a"])) == "unknown task 'zzz'; known: a, b"
    assert str(UnknownName("task", "zzz", [f"t{i}" for i in range(20)])) == "unknown task 'zzz'; 20 are known"
    assert str(UnknownName("task", "zzz", ["a"], hint="hemm tasks lists them")).endswith(
        "hemm tasks lists them"
    )


def test_a_missing_extra_says_what_to_install() -> None:
    assert str(MissingExtra("model 'tiny'", "hf")) == (
        "model 'tiny' needs packages that are not installed: pip install 'hemm[hf]'"
    )
