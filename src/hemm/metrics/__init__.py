"""Metrics by name, and ``SampleMetric``, the base of users' metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from hemm.core import HemmError, Metric, Registry, UnknownName, completed, digest, slug, user_code
from hemm.core.secrets import refuse_in_name
from hemm.metrics import own
from hemm.metrics.base import SampleMetric, same, texts, written

__all__ = [
    "METRICS",
    "SampleMetric",
    "metric_key",
    "resolve",
    "same",
    "spec_of",
    "texts",
    "written",
]

METRICS: Registry[Callable[..., Metric]] = Registry(
    "metric",
    "hemm.metrics",
    {
        "accuracy": "hemm.metrics.text.answers:Accuracy",
        "exact_match": "hemm.metrics.text.answers:ExactMatch",
        "contains": "hemm.metrics.text.answers:Contains",
        "math_equal": "hemm.metrics.text.math_equal:MathEqual",
        "token_f1": "hemm.metrics.text.answers:TokenF1",
        "mmmu_accuracy": "hemm.metrics.text.mmmu:MmmuAccuracy",
        "vqa_accuracy": "hemm.metrics.text.answers:VqaAccuracy",
        "balanced_accuracy": "hemm.metrics.classes.classification:BalancedAccuracy",
        "macro_accuracy": "hemm.metrics.classes.nested:MacroAccuracy",
        "macro_f1": "hemm.metrics.classes.classification:MacroF1",
        "weighted_f1": "hemm.metrics.classes.classification:WeightedF1",
        "micro_f1": "hemm.metrics.classes.classification:MicroF1",
        "class_report": "hemm.metrics.classes.classification:ClassReport",
        "multilabel_f1": "hemm.metrics.classes.classification:MultilabelF1",
        "auroc": "hemm.metrics.classes.ranking:Auroc",
        "average_precision": "hemm.metrics.classes.ranking:AveragePrecision",
        "rouge_l": "hemm.metrics.text.captions:RougeL",
        "bleu": "hemm.metrics.text.captions:Bleu",
        "cider_d": "hemm.metrics.text.captions:CiderD",
        "chrf": "hemm.metrics.text.strings:Chrf",
        "anls": "hemm.metrics.text.strings:Anls",
        "relaxed_accuracy": "hemm.metrics.text.strings:RelaxedAccuracy",
        "wer": "hemm.metrics.text.strings:Wer",
        "cer": "hemm.metrics.text.strings:Cer",
        "l1": "hemm.metrics.images.pixels:L1",
        "mse": "hemm.metrics.images.pixels:MSE",
        "psnr": "hemm.metrics.images.pixels:PSNR",
        "ssim": "hemm.metrics.images.pixels:SSIM",
        "iou": "hemm.metrics.images.regions:Iou",
        "point_in_box": "hemm.metrics.images.regions:PointInBox",
        "smiles": "hemm.metrics.domain.molecules:SmilesSimilarity",
        "species": "hemm.metrics.domain.species:Species",
        "bartscore": "hemm.metrics.learned.bartscore:BartScore",
        "bertscore": "hemm.metrics.learned.bertscore:BertScore",
        "clipscore": "hemm.metrics.learned.clip:ClipScore",
        "refclipscore": "hemm.metrics.learned.clip:RefClipScore",
        "clip_i": "hemm.metrics.learned.clip:ClipI",
        "dino": "hemm.metrics.learned.clip:Dino",
        "judge": "hemm.metrics.judge.llm_judge:LlmJudge",
        "consistency": "hemm.metrics.groups.consistency:Consistency",
        "winoground": "hemm.metrics.groups.winoground:Winoground",
        "we_math": "hemm.metrics.groups.we_math:WeMath",
        "permutation_consistency": "hemm.metrics.groups.consistency:PermutationConsistency",
    },
)
"""Name -> class of the metric, whose parameters are texts."""


def resolve(spec: str | Metric) -> Metric:
    """The metric that ``name``, ``name:key=value,...`` or ``./file.py:NAME`` means; or ``spec`` itself, where
    it is a metric.

    Raises UnknownName for a name or a parameter that does not exist, HemmError for a value that the metric
    does not take, for one of a user's own that lacks members of ``hemm.core.Metric`` or has the name of a
    registered one, and where a file is not there or fails.

    >>> metric = resolve("exact_match:strict=yes")
    >>> metric.name, dict(metric.parameters)
    ('exact_match', {'strict': 'yes'})

    >>> dict(resolve("vqa_accuracy:normalise=always").parameters)
    {'normalise': 'always'}
    """
    if not isinstance(spec, str):
        return _free(completed(spec, Metric, f"metric {type(spec).__name__}"))
    make, name, settings = maker_of(spec)
    given = _arguments(spec, settings, make) if callable(make) else {}
    if user_code.is_code(spec):
        return _free(own.from_file(name, given, make))
    metric: Metric = completed(make(**given), Metric, f"metric {name!r}")
    return metric


def maker_of(spec: str) -> tuple[Any, str, str]:
    """What makes the metric that ``spec`` names (in a file it may be the metric itself), its name, and the
    parameters as they are written."""
    if not user_code.is_code(spec):
        name, _, settings = spec.strip().partition(":")
        return METRICS.get(name.strip()), name, settings
    file, rest = user_code.split(spec.strip())
    member, _, settings = rest.partition(":")
    name = f"{file}:{member}" if member else str(file)
    return user_code.member(name, "metric"), name, settings


def _arguments(spec: str, settings: str, make: Callable[..., object]) -> dict[str, str]:
    """``key=value,...`` as arguments of what makes the metric."""
    arguments: dict[str, str] = {}
    for item in settings.split(",") if settings.strip() else []:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise HemmError(f"metric {spec!r}: {item!r} is not KEY=VALUE")
        arguments[key.strip()] = value.strip()
    known = signature(make).parameters
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in known.values())
    name = spec.strip().removesuffix(f":{settings}")
    for key in arguments:
        if key not in known and not open_ended:
            raise UnknownName(f"parameter of metric {name!r}", key, known, "" if known else "it takes none")
    return arguments


def _free(metric: Metric) -> Metric:
    """A metric of a user's own. Raises HemmError where it has the name of a registered one and is another."""
    known = METRICS.get(metric.name) if metric.name in METRICS else None
    if isinstance(known, type) and not isinstance(metric, known):
        raise HemmError(f"the name {metric.name!r} is a metric of hemm: give yours another name")
    return metric


def own_facts(metric: Metric) -> dict[str, Any]:
    """What its scores keep of a metric that is not registered (``own.facts``); of others nothing."""
    return {} if metric.name in METRICS else {"own": own.facts(metric)}


def compares(metric: str | Metric) -> bool:
    """Whether a metric compares with right answers, so that a sample without any has no score.

    Of metrics of a user's own that is not known: they do not count as comparing. The judge compares unless
    its rubric is a file, or it prefers one model's answer to another's.

    >>> compares("exact_match"), compares("clipscore")
    (True, False)
    """
    try:
        found = resolve(metric)
    except HemmError:
        return False  # said when the metric is used
    if found.name not in METRICS or found.name == "clipscore":
        return False
    settings = found.parameters
    free = str(settings.get("rubric", "")).endswith((".yaml", ".yml")) or settings.get("against")
    return not (found.name == "judge" and free)


def again_spec(metric: Metric) -> str:
    """The spec that finds a metric again in another process; empty for an object of a program."""
    return str(own.facts(metric)["from"]) if metric.name not in METRICS else spec_of(metric)


def listed(spec: str) -> Metric:
    """The registered metric of a spec that a results folder holds, which may be somebody else's.

    It runs no file, and allows nothing: that weights are downloaded is said on the command line alone.
    """
    if user_code.is_code(spec):
        raise HemmError(f"the results name the metric {spec}: name it with --metric to run it")
    name, colon, settings = spec.strip().partition(":")
    kept = [item for item in settings.split(",") if item.partition("=")[0].strip() != "download"]
    return resolve(f"{name}{colon}{','.join(kept)}" if any(kept) else name)


def stored(row: Mapping[str, Any]) -> Metric:
    """The metric of a row of aggregates.json, to read its scores: no code of a user's is run."""
    return own.stored(row) if "own" in row else listed(str(row["spec"]))


def again(row: Mapping[str, Any], results: Path) -> Metric:
    """The metric of such a row, to score with it; where it is not found again, one that raises HemmError."""
    if "own" not in row:
        return listed(str(row["spec"]))
    spec, why = own.again(row, results)
    try:
        return resolve(spec) if spec else own.stored(row, why)
    except HemmError as error:
        return own.stored(row, str(error))


def pending(specs: Sequence[str], results: Path) -> list[Metric]:
    """The metrics that a stopped command did not reach, as aggregates.json names them."""
    return [
        resolve(spec)
        if user_code.is_code(spec) and own.may_run(user_code.split(spec)[0], results)
        else listed(spec)
        for spec in map(str, specs)
    ]


def named_by_results(specs: Sequence[str], results: Path) -> tuple[list[Metric], dict[str, str]]:
    """The metrics that commands stored in ``results`` named, and of those that are not taken (spec -> why):
    code that the user did not name on this machine, and judges, which send answers away and cost money."""
    found: list[Metric] = []
    left_out: dict[str, str] = {}
    for spec in specs:
        try:
            (metric,) = pending([spec], results)
        except HemmError as error:
            left_out[spec] = str(error)
            continue
        if "judge" in metric.needs:
            left_out[spec] = "a judge is asked where it is named: hemm score --metric"
        else:
            found.append(metric)
    return found, left_out


def metric_key(metric: Metric) -> str:
    """What tells two metrics' stored scores apart, safe as a file name: name, version and parameters.

    >>> metric_key(resolve("exact_match:strict=yes"))
    'exact_match-v2-strict.yes'
    """
    key = f"{metric.name}-v{metric.version}"
    if metric.parameters:
        settings = sorted(metric.parameters.items())
        key += "-" + "-".join(f"{k}.{v}" for k, v in settings)
        if slug(key) != key:
            key = f"{metric.name}-v{metric.version}-{digest(settings, 8)}"
    refuse_in_name(key, "the name of a metric or one of its settings")
    return slug(key)


def spec_of(metric: Metric) -> str:
    """The spec that ``resolve`` takes for this metric.

    >>> spec_of(resolve("exact_match:strict=yes"))
    'exact_match:strict=yes'
    """
    settings = ",".join(f"{k}={v}" for k, v in sorted(metric.parameters.items()))
    return f"{metric.name}:{settings}" if settings else metric.name
