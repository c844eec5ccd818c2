"""The options of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hemm.core import CONTROLS, Generation, HemmError, Metric, Model, Task, UnknownName
from hemm.core.errors import CannotTake, NotPrepared
from hemm.core.secrets import keep_options
from hemm.core.user_files import shown
from hemm.engine.conditions import controls_of
from hemm.engine.shards import Shard

if TYPE_CHECKING:
    from hemm.engine.forecast import Forecast

GENERATION_KEYS: dict[str, Callable[[str], Any]] = {
    "max_new_tokens": int,
    "temperature": lambda text: float(text) + 0.0,  # -0.0 is 0.0
    "top_p": float,
    "stop": lambda text: (text.replace("\\n", "\n").replace("\\t", "\t"),),
    "thinking_budget": int,
    "scoring": str,
}
"""``--set`` keys that are generation settings; all other keys belong to the model's adapter."""

TEXT = "text:"
"""What ``--prompt`` begins with where a template follows instead of a file's name."""


@dataclass(frozen=True)
class Option:
    """How an option of ``hemm run`` is written on the command line and, under the same name, in ``--config``.

    help, metavar  as ``hemm run --help`` shows them
    name           if it is not the field's: ``set`` for ``settings``
    least          the lowest number allowed
    auto           the word ``auto`` is allowed too; it means 0
    several        may be given several times
    pairs          its values are KEY=VALUE
    words          the values allowed
    show_default   the help shows the default
    bare           its value where it is given without one
    protocol       changes the answers: sets the field of ``ProtocolSpec`` with this name
    """

    help: str
    metavar: str | None = None
    name: str = ""
    least: int | None = None
    auto: bool = False
    several: bool = False
    pairs: bool = False
    words: tuple[str, ...] = ()
    show_default: bool = False
    bare: str = ""
    protocol: bool = False


def without_blanks(key: str, text: str) -> tuple[str, str]:
    """A ``KEY=VALUE`` pair without blanks around its halves; a ``stop`` text keeps them."""
    key = key.strip()
    return key, text if key == "stop" else text.strip()


def option(default: Any, help: str, metavar: str | None = None, **more: Any) -> Any:
    """A field of ``RunOptions`` that is an option of the command line; ``more`` are fields of ``Option``."""
    return field(default=default, metadata={"option": Option(help, metavar, **more)})


@dataclass(frozen=True)
class RunOptions:
    """The options of a run, in one table that the command line, ``--config`` and ``hemm.run`` share.

    A new option is a row here; ``protocol=True`` puts one that changes answers into the protocol.

    until_ci     half the interval's width, in hundredths of the metric's range; ``limit`` then counts
                 clusters
    prompt       the template's text, ``prompt_name`` its origin
    concurrency, batch_size  0: the model chooses
    serve        empty: ``hf/`` models run in this process
    replicas     0: one for each GPU, or as many as a cluster has room for
    ray          empty: on this machine
    card         of the user's own data
    model_cards  take precedence over those that come with hemm
    score        score sealed cells at once; else ``hemm score`` does it later
    command      the command line, for run.json
    """

    models: tuple[str | Model, ...] = ("tiny",)
    tasks: tuple[str | Task, ...] = option(
        (), "A task; may be given several times.", "T", name="task", several=True
    )
    suite: str = option("", "A suite of tasks (probes is the default), or FILE.yaml.", "S")
    where: tuple[str, ...] = option((), "All tasks so labelled.", "DIM=CATEGORY", pairs=True, several=True)
    limit: int | None = option(None, "Ask this many units of each task.", "N", least=1)
    balanced: bool = option(False, "Let --limit take as many units of each stratum as it can.")
    until_ci: float | None = option(
        None, "Stop a task when its score is known to so many points to each side.", "POINTS"
    )
    shard: str = option(
        "",
        "Ask the K-th of N parts (auto: K of a Slurm array or indexed job); hemm merge unites them.",
        "K/N|auto|auto/N",
    )
    seed: int = option(0, "Seed of selection and draws.", "N", least=0, show_default=True)
    out: Path = option(Path("results"), "Where the results go.", show_default=True)  # noqa: RUF009
    control: str = option(
        "",
        "Ask without the pictures or the question, or with those of other samples.",
        "|".join(CONTROLS),
        words=tuple(CONTROLS),
        protocol=True,
    )
    conditions: str = option("", "Ask with picture and text, one, neither.", "vl,l[=CONTROL],v,prior")
    perturb: str = option(
        "", "Change pictures or texts (c/fog:3, all, ...).", "NAME:LEVEL|all", protocol=True
    )
    shots: int = option(0, "Examples in the prompt.", "K", least=0, protocol=True)
    repeats: int = option(1, "Answers to each sample.", "N", least=1)
    prompt: str | None = option(
        None, f"Another prompt template: a file, or {TEXT} and the template itself.", f"FILE|{TEXT}TEMPLATE"
    )
    prompt_name: str = ""
    system: str = option("", "Another system prompt.", "TEXT")
    max_pixels: int = option(0, "Shrink larger pictures.", "N", least=0)
    settings: tuple[tuple[str, str], ...] = option(
        (),
        f"A generation setting ({', '.join(GENERATION_KEYS)}) or one of the model's own.",
        "KEY=VALUE",
        name="set",
        pairs=True,
        several=True,
    )
    concurrency: int = option(0, "Requests in flight.", "N|auto", least=0, auto=True)
    stop_after: int = option(
        20, "Stop when this many samples in a row fail alike (0: never).", "N", least=0, show_default=True
    )
    max_cost: float | None = option(None, "Stop before more than this is spent.", "USD", least=0)
    batch_size: int = option(0, "Of a local model.", "N|auto", least=0, auto=True)
    serve: str = option(
        "", "Let this server, started for the run, answer for hf/ models.", "vllm|sglang|llama.cpp"
    )
    replicas: int | None = option(
        None, "Processes of a local model, one for each GPU (1; on Ray auto).", "N|auto", least=0, auto=True
    )
    ray: str = option("", "Run replicas on the nodes of a Ray cluster.", "[HOST:PORT|auto]", bare="auto")
    replica_gpus: float | None = option(None, "GPUs of one replica on Ray.", "N", least=0)
    replica_cpus: float | None = option(None, "CPUs of one replica on Ray.", "N", least=0)
    mixed_hardware: bool = option(False, "Let replicas on accelerators of different kinds answer together.")
    metrics: tuple[str | Metric, ...] = option(
        (), "A metric beside the task's own.", "M", name="metric", several=True
    )
    revision: str = option("", "Hub revision, or a label for a served model.", "LABEL")
    card: Path | None = option(  # noqa: RUF009
        None, "Card of your own data, or (a file with a key model) of a model.", "FILE", several=True
    )
    model_cards: tuple[Path, ...] = ()
    retry_errors: bool = option(False, "Ask permanent errors again too.")
    dry_run: bool = option(False, "Say what would be asked.")
    score: bool = True
    command: tuple[str, ...] = ()

    @classmethod
    def table(cls) -> dict[str, Option]:
        """Name of a field -> its option, in the order of ``hemm run --help``."""
        return {f.name: f.metadata["option"] for f in fields(cls) if f.metadata}

    def __post_init__(self) -> None:
        if self.out.exists() and not self.out.is_dir():
            raise HemmError(f"--out {self.out} is a file: name a folder")
        if self.control and self.control not in CONTROLS:
            raise UnknownName("control", self.control, CONTROLS)
        if controls_of(self.conditions) and (self.control or self.until_ci is not None):
            raise HemmError(f"--conditions does not go with --{'control' if self.control else 'until-ci'}")
        for row in fields(self):
            value, kind = getattr(self, row.name), str(row.type).removesuffix(" | None")
            if kind in ("int", "float") and value is not None:
                least = row.metadata["option"].least
                most = _MOST.get(row.name, 2**31)
                _check_number(f"--{row.name.replace('_', '-')} {shown(value)}", value, least, most)
        object.__setattr__(self, "perturb", _level(self.perturb))
        keep_options(f"{key}={text}" for key, text in self.settings)
        keep_options(m for m in (*self.models, *self.metrics, *self.tasks) if isinstance(m, str))
        if self.serve and not any(isinstance(m, str) and m.startswith("hf/") for m in self.models):
            raise HemmError(f"--serve {self.serve} starts a server for checkpoints: name one as hf/ORG/NAME")
        of_ray = ("replica_gpus", "replica_cpus")
        if not self.ray and (alone := [n for n in of_ray if getattr(self, n) is not None]):
            raise HemmError(f"--{alone[0].replace('_', '-')} is for --ray")
        if self.mixed_hardware and not self.ray and self.replicas is None:
            raise HemmError("--mixed-hardware is for --replicas and --ray")
        if self.ray and self.serve:
            raise HemmError(
                "--serve does not go with --ray: start the servers on the nodes, and give their addresses"
            )
        if self.until_ci is not None and not 0 < self.until_ci < 50:
            raise HemmError(f"--until-ci {self.until_ci:g}: give points above 0 and below 50, as in 3")
        if self.balanced and (self.limit is None or self.until_ci is not None):
            none = self.limit is None
            raise HemmError(f"--balanced {'needs --limit N' if none else 'does not go with --until-ci'}")
        if self.shard:
            object.__setattr__(self, "shard", str(Shard.parse(self.shard)))
        if self.shard and self.until_ci is not None:
            raise HemmError("--until-ci looks at the score of all: it does not go with --shard")
        if self.until_ci is not None and not self.score:
            raise HemmError("--until-ci looks at scores: it does not go with score=False")

    @property
    def protocol(self) -> dict[str, Any]:
        """The options that are fields of ``ProtocolSpec``."""
        return {name: getattr(self, name) for name, about in self.table().items() if about.protocol}

    @property
    def in_turn(self) -> list[RunOptions]:
        """The options of each of ``conditions``; without them these alone."""
        controls = controls_of(self.conditions)
        return [replace(self, control=control, conditions="") for control in controls] or [self]

    @property
    def part(self) -> Shard | None:
        """The shard that is asked; None: all."""
        return Shard.parse(self.shard) if self.shard else None

    @property
    def results(self) -> Path:
        """The folder of the cells: that of the shard, else ``out``."""
        return self.folders[-1]

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that may have results of these tasks: ``out``, and that of the shard."""
        return (self.out,) if self.part is None else (self.out, self.part.folder(self.out))

    @property
    def model_settings(self) -> tuple[tuple[str, str], ...]:
        """``--set`` pairs that are for the model's adapter."""
        return tuple(pair for pair in self.settings if pair[0] not in GENERATION_KEYS)

    def generation(self, max_new_tokens: int, extra: tuple[tuple[str, str], ...] = ()) -> Generation:
        """Generation settings of a task; ``max_new_tokens`` is its default."""
        values: dict[str, Any] = {"max_new_tokens": max_new_tokens}
        for key, text in self.settings:
            if key not in GENERATION_KEYS:
                continue
            try:
                value = GENERATION_KEYS[key](text)
            except ValueError:
                raise HemmError(f"--set {key}={text}: not a number") from None
            values[key] = values.get(key, ()) + value if key == "stop" else value
        if "" in values.get("stop", ()):
            raise HemmError("--set stop=: give the text that ends an answer")
        if "stop" in values:
            values["stop"] = tuple(dict.fromkeys(values["stop"]))
        _check(values)
        sampled = values.get("temperature", 0.0) > 0
        return Generation(**values, max_pixels=self.max_pixels, extra=extra, seed=self.seed if sampled else 0)


def _level(perturb: str) -> str:
    """``NAME:LEVEL`` with its level written in one way, since it is part of the protocol: ``noise:20`` for
    ``noise:20.0``. What is no number is left to ``Perturb.parse``, which says so."""
    name, colon, level = perturb.partition(":")
    try:
        value = float(level) + 0.0
    except ValueError:
        return perturb
    if not math.isfinite(value):
        return perturb
    return f"{name}{colon}{repr(value).removesuffix('.0')}"


_MOST = {"seed": 2**63, "repeats": 100_000}
"""Option -> what its number must be below; of all others 2^31."""


def _check_number(told: str, value: float, least: int | None, most: int = 2**31) -> None:
    """Raise HemmError where a number is not finite, too low or too high."""
    if not isinstance(value, int) and not math.isfinite(value):
        raise HemmError(f"{told}: give a number")
    if value >= most:
        raise HemmError(f"{told}: give a number below {most:,}")
    if least is not None and value < least:
        raise HemmError(f"{told}: give {least} or more")


def _check(values: dict[str, Any]) -> None:
    for key, least in (("max_new_tokens", 1), ("temperature", 0), ("thinking_budget", 0)):
        if key in values:
            _check_number(f"--set {key}={shown(values[key])}", values[key], least)
    if not 0 < values.get("top_p", 1.0) <= 1:
        raise HemmError(f"--set top_p={values['top_p']}: give a number above 0, at most 1")
    if values.get("scoring", "generate") not in ("generate", "likelihood"):
        raise UnknownName("scoring", values["scoring"], ("generate", "likelihood"))


class Track(Protocol):
    """One cell under way.

    answers  those that are there, also from earlier commands
    new      those that this command had from the model; rates count these alone
    cost     in US dollars; None: not known
    """

    def step(self, answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None: ...

    def waits(self, text: str) -> None:
        """Nothing has come for a while: ``text`` says what is waited for."""

    def at_work(self, text: str) -> None:
        """Who answers now, for the line of progress."""

    def end(self) -> None: ...


class Watcher(Protocol):
    """Shows how a run goes (the progress bar). Several cells may be under way."""

    def say(self, text: str) -> None: ...

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None:
        """A command begins that has so many cells; ``what`` names them (``tasks``). ``expected``: title of
        each cell, as ``begin`` has it -> about how many answers it will have."""

    def begin(self, title: str, total: int) -> Track: ...

    def done(self, title: str) -> None:
        """One cell more is done, whether or not anything had to be sent for it."""


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None: ...

    def plan(self, cells: int, what: str, expected: Mapping[str, int]) -> None: ...

    def begin(self, title: str, total: int) -> Track:
        return self

    def done(self, title: str) -> None: ...

    def step(self, answers: int, new: int, tokens: int, errors: int, cost: float | None) -> None: ...

    def waits(self, text: str) -> None: ...

    def at_work(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass(frozen=True)
class CellResult:
    """The result of one cell of a command.

    answers   answers of the selection
    asked     requests of those that this command sent
    errors    (sample id, repeat, reason) of the answers that ended in ``error``
    permanent  how many of them are asked again with ``retry_errors`` alone
    stopped   why the cell is incomplete; empty if it is complete
    missing   answers of the selection that are not there
    perturb, control  how the samples were changed; empty: not at all
    forecast  of a dry run
    """

    folder: Path
    model: str
    task: str
    protocol: str
    state: str
    answers: int
    asked: int
    errors: list[tuple[str, int, str]] = field(default_factory=list)
    permanent: int = 0
    stopped: str = ""
    forecast: Forecast | None = None
    missing: int = 0
    perturb: str = ""
    control: str = ""


class CellResults(list[CellResult]):
    """The results of a command, model by model.

    not_prepared  the tasks of a suite or of labels that were not asked, since they have no pack; or None
    cannot_take   those that a model was not asked, since it does not take their media; or None
    """

    def __init__(
        self,
        results: Iterable[CellResult] = (),
        not_prepared: NotPrepared | None = None,
        cannot_take: CannotTake | None = None,
    ) -> None:
        super().__init__(results)
        self.not_prepared, self.cannot_take = not_prepared, cannot_take
