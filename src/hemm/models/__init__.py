"""Who answers: local checkpoints, served models, baselines; one batcher, one retry policy."""

from hemm.models.options import PROTOCOL_SETTINGS, ModelOptions
from hemm.models.specs import MODELS, Factory, resolve

__all__ = ["MODELS", "PROTOCOL_SETTINGS", "Factory", "ModelOptions", "resolve"]
