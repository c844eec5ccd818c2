"""What picture and text do for a model together and alone."""

from hemm.analysis.interactions.build import Interactions, TaskInteractions, interactions

__all__ = ["Interactions", "TaskInteractions", "interactions"]
