"""Model cards: how a model was made, as far as it is public, on the HEMM paper's seven dimensions.

A card is found by the model's name: one of its ``names`` equals the name, or is a glob that matches all of
it, in either case. Equal names take precedence over globs, longer globs over shorter ones. What the public
documentation does not say is left out of ``labels``. ``docs/model-cards.md`` has the keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from hemm.core import BadData, HemmError, check_labels
from hemm.core.user_files import Takes, read_toml, read_yaml, typed, typed_rows

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
"""Billions of parameters of the paper's eleven models in each category of ``total_params``. The paper gives
no limits; sizes between these spans have no category."""

Billions = Annotated[float, Takes("billions of parameters, as in 7 or 0.5", lambda size: size > 0)]
Amount = Annotated[float, Takes("a number of 0 or more, as in 4 or 0.5", lambda amount: amount >= 0)]
Names = Annotated[tuple[str, ...], Takes("a list of names and globs, as in [my-org/my-model-*]", all)]


_NOT_KEPT = ("names", "sizes", "replica_gpus", "replica_cpus")


@dataclass(frozen=True)
class ModelCard:
    """One card.

    names     names and globs; in a user's card, none means every model of the command
    params_b  parameters in billions, according to its makers; None: not published
    sizes     name or glob -> parameters in billions, for a family of several sizes
    labels    dimension -> category, as far as known
    replica_gpus, replica_cpus  what one replica of it takes on a cluster (``--ray``); None: it is not said
    checked   the documents that confirm the card; empty: none were read
    source    file of the card; empty: hemm's list
    """

    id: str
    title: str
    names: Names = ()
    params_b: Billions | None = None
    sizes: Mapping[str, Billions] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    replica_gpus: Amount | None = None
    replica_cpus: Amount | None = None
    citation: str = ""
    homepage: str = ""
    checked: str = ""
    notes: str = ""
    source: str = ""

    def of(self, name: str) -> ModelCard:
        """The card of the family's member ``name``, with its size, and the category of ``total_params`` for
        that size if the card has none."""
        size = self.params_b
        if (best := _best(name, self.sizes)) is not None:
            size = self.sizes[best]
        labels = dict(self.labels)
        if size is not None and "total_params" not in labels:
            labels.update(("total_params", c) for c, (low, high) in SPANS.items() if low <= size <= high)
        return replace(self, params_b=size, sizes={}, labels=labels)

    def to_json(self) -> dict[str, Any]:
        """What run.json keeps of it."""
        return {k: v for k, v in asdict(self).items() if k not in _NOT_KEPT}


def cards() -> tuple[ModelCard, ...]:
    """The cards that come with hemm."""
    return _list()


@lru_cache(maxsize=1)
def _list() -> tuple[ModelCard, ...]:
    rows = typed_rows(ModelCard, read_toml(LIST)["cards"], LIST.name, "cards", "card")
    return tuple(_checked(card, f"{LIST.name}, {card.id}") for card in rows)


def find(name: str, own: Sequence[ModelCard] = ()) -> ModelCard | None:
    """The card of the model ``name``, from the user's ``own`` first; None if there is none.

    Raises HemmError where two of the user's cards match equally well.
    """
    named = _nearest(name, [card for card in own if card.names])
    for_all = [card for card in own if not card.names]
    if named is None and len(for_all) > 1:
        raise HemmError(f"{for_all[0].source} and {for_all[1].source} both describe every model: give names")
    card = named or (for_all[0] if for_all else None) or _nearest(name, _list())
    return None if card is None else card.of(name)


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
    known = name.casefold()
    fits = [p for p in patterns if fnmatchcase(known, p.casefold())]
    return max(fits, key=lambda p: (p.casefold() == known, len(p)), default=None)


def is_model_card(path: Path) -> bool:
    """Whether a card file describes a model (it has a top-level ``model``), not data. Raises BadData where
    it cannot be read."""
    return "model" in read_yaml(path, as_text=True)


def read(path: Path) -> ModelCard:
    """The model card in a YAML file. Raises BadData or UnknownName naming file and key."""
    content = read_yaml(path)
    if set(content) != {"model"} or not isinstance(content["model"], dict):
        raise BadData(f"{path}: a model card has one key, model, with title, names, labels ... below it")
    row = {"id": path.stem, "title": path.stem, **content["model"]}
    return _checked(typed(ModelCard, row, str(path), source=str(path)), str(path))


def _checked(card: ModelCard, where: str) -> ModelCard:
    check_labels(card.labels, where, DIMENSIONS, "model dimension")
    return card
