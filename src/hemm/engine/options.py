"""What a user may ask of a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hemm.core import CONTROLS, Generation, HemmError, UnknownName

if TYPE_CHECKING:
    from hemm.engine.forecast import Forecast

GENERATION_KEYS: dict[str, Callable[[str], Any]] = {
    "max_new_tokens": int,
    "temperature": float,
    "top_p": float,
    "stop": lambda text: (text.replace("\\n", "\n").replace("\\t", "\t"),),
    "thinking_budget": int,
    "scoring": str,
}
"""``--set`` keys that are generation settings; all other keys belong to the model's adapter."""


@dataclass(frozen=True)
class RunOptions:
    """Options of ``hemm run``, named as on the command line.

    where       ``DIMENSION=CATEGORY``, each
    limit       units to ask of each task; None: all
    until_ci    stop a task when its headline is known to so many points (hundredths of the metric's range) to
                each side, in order of clusters; ``limit`` is then the most clusters. None: ask all
    control     empty, ``none`` (pictures removed), ``grey`` or ``shuffle``
    perturb     ``NAME:LEVEL`` or empty
    prompt      another prompt template (its text); ``prompt_name`` says where it is from
    settings    ``--set KEY=VALUE`` pairs
    concurrency, batch_size  0: the model's own choice
    serve       the server to start for each ``hf/`` model; empty: they run in this process
    replicas    processes of each local model; 0: one for each GPU
    stop_after  samples in a row that fail alike before a run stops; 0: never
    max_cost    US dollars that this command may spend on served models; None: any
    metrics     metric specs to score with beside the task's own
    card        card file for data of the user's own
    model_cards  card files of models, before those that come with hemm
    score       whether to score when all is sealed (``hemm score`` does it later)
    command     the command line as it was, for run.json
    """

    models: tuple[str, ...] = ("tiny",)
    tasks: tuple[str, ...] = ()
    suite: str = ""
    where: tuple[str, ...] = ()
    limit: int | None = None
    until_ci: float | None = None
    seed: int = 0
    out: Path = Path("results")
    control: str = ""
    perturb: str = ""
    shots: int = 0
    repeats: int = 1
    prompt: str | None = None
    prompt_name: str = ""
    system: str = ""
    max_pixels: int = 0
    settings: tuple[tuple[str, str], ...] = ()
    concurrency: int = 0
    batch_size: int = 0
    serve: str = ""
    replicas: int = 1
    stop_after: int = 20
    max_cost: float | None = None
    metrics: tuple[str, ...] = ()
    revision: str = ""
    card: Path | None = None
    model_cards: tuple[Path, ...] = ()
    retry_errors: bool = False
    dry_run: bool = False
    score: bool = True
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.control and self.control not in CONTROLS:
            raise UnknownName("control", self.control, CONTROLS)
        least = {"limit": 1, "repeats": 1, "max_cost": 0}
        from_zero = ("shots", "max_pixels", "concurrency", "batch_size", "replicas", "stop_after")
        for name, low in {**least, **dict.fromkeys(from_zero, 0)}.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise HemmError(f"--{name.replace('_', '-')} {value}: give {low} or more")

        if self.serve and not any(spec.startswith("hf/") for spec in self.models):
            raise HemmError(f"--serve {self.serve} starts a server for checkpoints: name one as hf/ORG/NAME")
        if self.until_ci is not None and not 0 < self.until_ci < 50:
            raise HemmError(f"--until-ci {self.until_ci:g}: give points above 0 and below 50, as in 3")
        if self.until_ci is not None and not self.score:
            raise HemmError("--until-ci looks at scores: it does not go with score=False")
        if self.max_cost is not None and not math.isfinite(self.max_cost):
            raise HemmError(f"--max-cost {self.max_cost}: give an amount of US dollars")

    @property
    def model_settings(self) -> tuple[tuple[str, str], ...]:
        """``--set`` pairs that are for the model's adapter."""
        return tuple(pair for pair in self.settings if pair[0] not in GENERATION_KEYS)

    def generation(self, max_new_tokens: int, extra: tuple[tuple[str, str], ...] = ()) -> Generation:
        """Generation settings of a task whose answers have ``max_new_tokens`` by default."""
        values: dict[str, Any] = {"max_new_tokens": max_new_tokens}
        for key, text in self.settings:
            if key not in GENERATION_KEYS:
                continue
            try:
                value = GENERATION_KEYS[key](text)
            except ValueError:
                raise HemmError(f"--set {key}={text}: not a number") from None
            values[key] = values.get(key, ()) + value if key == "stop" else value
        _check(values)
        sampled = values.get("temperature", 0.0) > 0
        return Generation(**values, max_pixels=self.max_pixels, extra=extra, seed=self.seed if sampled else 0)


def _check(values: dict[str, Any]) -> None:
    if values["max_new_tokens"] < 1:
        raise HemmError(f"--set max_new_tokens={values['max_new_tokens']}: give 1 or more")
    if values.get("temperature", 0.0) < 0:
        raise HemmError(f"--set temperature={values['temperature']}: give 0 or more")
    if not 0 < values.get("top_p", 1.0) <= 1:
        raise HemmError(f"--set top_p={values['top_p']}: give a number above 0, at most 1")
    if values.get("scoring", "generate") not in ("generate", "likelihood"):
        raise UnknownName("scoring", values["scoring"], ("generate", "likelihood"))


class Track(Protocol):
    """One cell under way. ``cost`` is in US dollars; None: not known."""

    def step(self, answers: int, tokens: int, errors: int, cost: float | None) -> None: ...

    def end(self) -> None: ...


class Watcher(Protocol):
    """Who is told how a run goes (the progress bar). Several cells may be under way."""

    def say(self, text: str) -> None: ...

    def begin(self, title: str, total: int) -> Track: ...


class Silent:
    """Tells nobody."""

    def say(self, text: str) -> None: ...

    def begin(self, title: str, total: int) -> Track:
        return self

    def step(self, answers: int, tokens: int, errors: int, cost: float | None) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True)
class CellResult:
    """What became of one cell of a command.

    answers  answers the selection has; asked: of those, asked by this command
    errors   (sample id, repeat, why) of the answers that ended in ``error``
    stopped  why asking ended before its end; empty: it did not
    forecast what a dry run found
    """

    folder: Path
    model: str
    task: str
    protocol: str
    state: str
    answers: int
    asked: int
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    stopped: str = ""
    forecast: Forecast | None = None
