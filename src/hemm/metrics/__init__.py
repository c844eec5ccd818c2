"""Metrics by name, and ``SampleMetric``, the base of users' metrics."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature

from hemm.core import HemmError, Metric, Registry, UnknownName, completed, digest, slug
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
        "token_f1": "hemm.metrics.text.answers:TokenF1",
        "vqa_accuracy": "hemm.metrics.text.answers:VqaAccuracy",
        "balanced_accuracy": "hemm.metrics.classes.classification:BalancedAccuracy",
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
        "permutation_consistency": "hemm.metrics.groups.consistency:PermutationConsistency",
    },
)
"""Name -> class of the metric, whose parameters are texts."""


def resolve(spec: str | Metric) -> Metric:
    """The metric that ``name`` or ``name:key=value,...`` means; or ``spec`` itself, where it is a metric.

    Raises UnknownName for a name or a parameter that does not exist, HemmError for a value that the metric
    does not take, and for one of a plug-in that lacks members of ``hemm.core.Metric``.

    >>> metric = resolve("exact_match:strict=yes")
    >>> metric.name, dict(metric.parameters)
    ('exact_match', {'strict': 'yes'})

    >>> dict(resolve("vqa_accuracy:normalise=always").parameters)
    {'normalise': 'always'}
    """
    if not isinstance(spec, str):
        return _ready_made(spec)
    name, _, rest = spec.strip().partition(":")
    make = METRICS.get(name.strip())
    arguments: dict[str, str] = {}
    for item in rest.split(",") if rest.strip() else []:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise HemmError(f"metric {spec!r}: {item!r} is not KEY=VALUE")
        arguments[key.strip()] = value.strip()
    known = signature(make).parameters
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in known.values())
    for key in arguments:
        if key not in known and not open_ended:
            raise UnknownName(f"parameter of metric {name!r}", key, known, "" if known else "it takes none")
    metric: Metric = completed(make(**arguments), Metric, f"metric {name!r}")
    return metric


def _ready_made(metric: Metric) -> Metric:
    """A metric that is an object already. Raises HemmError where it has the name of another one of hemm's."""
    found: Metric = completed(metric, Metric, f"metric {type(metric).__name__}")
    known = METRICS.get(found.name) if found.name in METRICS else None
    if isinstance(known, type) and not isinstance(metric, known):
        raise HemmError(f"the name {found.name!r} is a metric of hemm: give yours another name")
    return found


def metric_key(metric: Metric) -> str:
    """What tells two metrics' stored scores apart, safe as a file name: name, version and parameters.

    >>> metric_key(resolve("exact_match:strict=yes"))
    'exact_match-v1-strict.yes'
    """
    key = f"{metric.name}-v{metric.version}"
    if metric.parameters:
        settings = sorted(metric.parameters.items())
        key += "-" + "-".join(f"{k}.{v}" for k, v in settings)
        if slug(key) != key:
            key = f"{metric.name}-v{metric.version}-{digest(settings, 8)}"
    return slug(key)


def spec_of(metric: Metric) -> str:
    """The spec that ``resolve`` takes for this metric.

    >>> spec_of(resolve("exact_match:strict=yes"))
    'exact_match:strict=yes'
    """
    settings = ",".join(f"{k}={v}" for k, v in sorted(metric.parameters.items()))
    return f"{metric.name}:{settings}" if settings else metric.name
