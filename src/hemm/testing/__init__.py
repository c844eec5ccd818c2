"""The conformance kit: does a task, a model, a metric or an answer format keep the contracts of hemm?

Each check raises AssertionError with every rule that is broken, in words. For tests of hemm and of plug-ins::

    from hemm.testing import check_metric
    def test_my_metric():
        check_metric(MyMetric())

``IdealSolver`` answers the factorial probes from what is sent; with parts switched off it shows what a
failure of that part looks like.
``PlantedInteractions`` is a model whose interactions are known, for tests of what finds them.
"""

from hemm.testing.answer_format import check_format
from hemm.testing.ideal import IdealSolver
from hemm.testing.metric import check_metric
from hemm.testing.model import check_model
from hemm.testing.planted import PlantedInteractions
from hemm.testing.task import check_task

__all__ = ["IdealSolver", "PlantedInteractions", "check_format", "check_metric", "check_model", "check_task"]
