"""Data sets that makers of models report today, each a file of the name of its task.

Their labels are hemm's proposals (``Card.labels_by``), and are not pooled with those of HEMM's thirty. A task
is listed here only where a file of ``tests/suites`` holds it by its official score.
"""
