"""The variance of a model's score by its sources, and what more of each would buy."""

from hemm.analysis.variance.build import Change, ModelVariance, Row, Variance, variance

__all__ = ["Change", "ModelVariance", "Row", "Variance", "variance"]
