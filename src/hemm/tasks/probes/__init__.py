"""Probes: procedural tasks that are drawn offline from a seed, with labels that are true by construction."""

FAMILIES = ("shapes", "legend", "faces", "charts", "scans", "screens", "scenes")

PROBES: dict[str, str] = {f"probe_{name}": f"hemm.tasks.probes.{name}:TASK" for name in FAMILIES}
"""Rows for the task registry."""
