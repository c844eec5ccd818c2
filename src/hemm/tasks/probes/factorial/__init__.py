"""Probes, version 2: in each use case a balanced factorial over HEMM's dimensions, drawn from a seed."""

_NAMES = {
    "multimedia": "MULTIMEDIA",
    "affective_computing": "AFFECTIVE",
    "science": "SCIENCE",
    "healthcare": "HEALTHCARE",
    "hci": "HCI",
}

FACTORIAL: dict[str, str] = {
    f"probe_v2_{use_case}": f"hemm.tasks.probes.factorial.tasks:{name}" for use_case, name in _NAMES.items()
}
"""Rows for the task registry."""
