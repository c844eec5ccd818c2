"""Model cards: what is publicly known of how a model was made, on the HEMM paper's seven dimensions.

A card is found by the model's name: one of its ``names`` is the whole name, or a glob that fits all of it
(letters of either case). A whole name goes before a glob, a longer glob before a shorter one. What the public
documentation does not say is left out of ``labels``, never guessed. ``docs/model-cards.md`` has the keys.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError, UnknownName

LIST = Path(__file__).parent / "data" / "cards.toml"
"""The cards that come with hemm."""

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "modality_processing": ("separate", "interleaved"),
    "training_type": ("modular_fine_tune", "end_to_end"),
    "pretraining_data_size": ("small", "medium", "large"),
    "pretraining_data_diversity": ("non_diverse", "diverse"),
    "tuning": ("supervised_fine_tuning", "instruction_tuning"),
    "trainable_params": ("small", "medium", "large"),
    "total_params": ("small", "medium", "large"),
}
"""The paper's modelling dimensions with their categories, the lesser one first."""

SPANS = {"small": (0.0, 4.0), "medium": (7.0, 14.0), "large": (600.0, math.inf)}
"""Billions of parameters that the paper's own eleven models have in each category of ``total_params``. The
paper gives no limits; sizes between its spans stay without a category."""

TEXTS = ("id", "title", "citation", "homepage", "checked", "notes")
KEYS = ("id", "title", "names", "params_b", "sizes", "labels", "citation", "homepage", "checked", "notes")


@dataclass(frozen=True)
class ModelCard:
    """One card.

    names     whole names and globs; in a card of the user's none means every model of the command
    params_b  parameters in billions, as its makers state; None: not published
    sizes     name or glob -> parameters in billions, for a family of several sizes
    labels    dimension -> category, as far as known
    checked   what was read to confirm the card, and what of it; empty: it was not
    source    the file that says so; empty: hemm's own list
    """

    id: str
    title: str
    names: tuple[str, ...] = ()
    params_b: float | None = None
    sizes: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    citation: str = ""
    homepage: str = ""
    checked: str = ""
    notes: str = ""
    source: str = ""

    def of(self, name: str) -> ModelCard:
        """The card of the member called ``name``: its size, and the category of ``total_params`` that follows
        where the card itself gives none."""
        size = self.params_b
        if (best := _best(name, self.sizes)) is not None:
            size = self.sizes[best]
        labels = dict(self.labels)
        if size is not None and "total_params" not in labels:
            labels.update(("total_params", c) for c, (low, high) in SPANS.items() if low <= size <= high)
        return replace(self, params_b=size, sizes={}, labels=labels)

    def to_json(self) -> dict[str, Any]:
        """What run.json keeps of it."""
        found = asdict(self)
        return {k: found[k] for k in (*KEYS, "source") if k not in ("names", "sizes")}


def cards() -> tuple[ModelCard, ...]:
    """The cards that come with hemm."""
    return _list()


@lru_cache(maxsize=1)
def _list() -> tuple[ModelCard, ...]:
    rows = tomllib.loads(LIST.read_text("utf-8"))["cards"]
    return tuple(_card(row, f"{LIST.name}, card {n}", "") for n, row in enumerate(rows, 1))


def find(name: str, own: Sequence[ModelCard] = ()) -> ModelCard | None:
    """The card of the model called ``name``, from the user's ``own`` first; None: it is unlabelled.

    Raises HemmError where two of the user's cards are equally near.
    """
    named = _nearest(name, [card for card in own if card.names])
    for_all = [card for card in own if not card.names]
    if named is None and len(for_all) > 1:
        raise HemmError(f"{for_all[0].source} and {for_all[1].source} both describe every model: give names")
    found = named or (for_all[0] if for_all else None) or _nearest(name, _list())
    return None if found is None else found.of(name)


def _nearest(name: str, among: Sequence[ModelCard]) -> ModelCard | None:
    by_pattern: dict[str, ModelCard] = {}
    for card in among:
        for pattern in card.names:
            if pattern in by_pattern:
                raise HemmError(f"{by_pattern[pattern].source} and {card.source} both describe {pattern}")
            by_pattern[pattern] = card
    best = _best(name, by_pattern)
    return None if best is None else by_pattern[best]


def _best(name: str, patterns: Mapping[str, Any]) -> str | None:
    """The pattern that fits ``name`` most closely."""
    known = name.casefold()
    fits = [p for p in patterns if fnmatchcase(known, p.casefold())]
    return max(fits, key=lambda p: (p.casefold() == known, len(p)), default=None)


def is_model_card(path: Path) -> bool:
    """Whether a card file describes a model (it has a top-level ``model``), not data. Raises HemmError where
    it cannot be read."""
    return "model" in _yaml(path, as_text=True)


def read(path: Path) -> ModelCard:
    """The model card in a YAML file. Raises BadData or UnknownName naming file and key."""
    found = _yaml(path)
    if set(found) != {"model"} or not isinstance(found["model"], dict):
        raise BadData(f"{path}: a model card has one key, model, with title, names, labels ... below it")
    return _card({"id": path.stem, "title": path.stem, **found["model"]}, str(path), str(path))


def _yaml(path: Path, as_text: bool = False) -> dict[str, Any]:
    """What a YAML file holds; ``as_text``: every value as text, as cards of data are read."""
    import yaml

    try:
        found = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader if as_text else yaml.SafeLoader)
    except FileNotFoundError:
        raise HemmError(f"{path}: there is no such card file") from None
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise BadData(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found or {}, dict):
        raise BadData(f"{path}: a card is a list of 'key: value' lines")
    return found or {}


def _card(row: Mapping[str, Any], where: str, source: str) -> ModelCard:
    for key in row:
        if key not in KEYS:
            raise UnknownName(f"key of the model card in {where}", str(key), KEYS)
    for key in TEXTS:
        if not isinstance(row.get(key, ""), str):
            raise BadData(f"{where}: {key} is {row[key]!r}; give a text")
    names = row.get("names", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        raise BadData(f"{where}: names are a list of names and globs, as in [my-org/my-model-*]")
    sizes = row.get("sizes", {})
    if not isinstance(sizes, dict):
        raise BadData(f"{where}: sizes are 'name: billions' lines")
    given = row.get("params_b")
    return ModelCard(
        id=row["id"],
        title=row["title"],
        names=tuple(names),
        params_b=None if given is None else _billions(given, "params_b", where),
        sizes={str(name): _billions(value, f"size of {name}", where) for name, value in sizes.items()},
        labels=_labels(row.get("labels", {}), where),
        citation=row.get("citation", ""),
        homepage=row.get("homepage", ""),
        checked=row.get("checked", ""),
        notes=row.get("notes", ""),
        source=source,
    )


def _billions(value: Any, what: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BadData(f"{where}: {what} is {value!r}; give billions of parameters, as in 7 or 0.5")
    return float(value)


def _labels(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise BadData(f"{where}: labels are 'dimension: category' lines")
    for dimension, category in given.items():
        if dimension not in DIMENSIONS:
            raise UnknownName(f"model dimension in {where}", str(dimension), DIMENSIONS)
        if category not in DIMENSIONS[dimension]:
            raise UnknownName(f"category of {dimension} in {where}", str(category), DIMENSIONS[dimension])
    return dict(given)
