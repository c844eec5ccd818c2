"""The nouns of hemm and the contracts between its rooms. Imports nothing else of hemm."""

from hemm.core.contract import completed, lacking
from hemm.core.errors import BadData, CellLocked, HemmError, MissingExtra, UnknownName, nearest
from hemm.core.exchange import (
    Failure,
    Generation,
    Identity,
    Message,
    Outcome,
    ProtocolSpec,
    Request,
    Response,
    Usage,
    request_key,
)
from hemm.core.hashing import canonical, digest, digest_bytes, digest_file, keyed_number, keyed_unit
from hemm.core.judge import Judge
from hemm.core.media import Media, sniff
from hemm.core.metric import AnswerFormat, CorpusMetric, Group, Judged, Metric, Reading, SetMetric
from hemm.core.model import (
    BatchModel,
    Binds,
    Capabilities,
    Model,
    OutOfMemory,
    RequestModel,
    Scores,
    completed_model,
)
from hemm.core.pack import Pack, PackIndex
from hemm.core.registry import Registry
from hemm.core.sample import LeftOut, Notice, Sample, content_id
from hemm.core.secrets import redact
from hemm.core.task import Card, Layout, Progress, Source, Task
from hemm.core.taxonomy import CONTROLS, DIMENSIONS, Dimension, check_labels, declare, dimension_labels
from hemm.core.text import slug, storable

__all__ = [
    "CONTROLS",
    "DIMENSIONS",
    "AnswerFormat",
    "BadData",
    "BatchModel",
    "Binds",
    "Capabilities",
    "Card",
    "CellLocked",
    "CorpusMetric",
    "Dimension",
    "Failure",
    "Generation",
    "Group",
    "HemmError",
    "Identity",
    "Judge",
    "Judged",
    "Layout",
    "LeftOut",
    "Media",
    "Message",
    "Metric",
    "MissingExtra",
    "Model",
    "Notice",
    "OutOfMemory",
    "Outcome",
    "Pack",
    "PackIndex",
    "Progress",
    "ProtocolSpec",
    "Reading",
    "Registry",
    "Request",
    "RequestModel",
    "Response",
    "Sample",
    "Scores",
    "SetMetric",
    "Source",
    "Task",
    "UnknownName",
    "Usage",
    "canonical",
    "check_labels",
    "completed",
    "completed_model",
    "content_id",
    "declare",
    "digest",
    "digest_bytes",
    "digest_file",
    "dimension_labels",
    "keyed_number",
    "keyed_unit",
    "lacking",
    "nearest",
    "redact",
    "request_key",
    "slug",
    "sniff",
    "storable",
]
