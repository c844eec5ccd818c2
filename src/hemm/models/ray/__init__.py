"""Replicas and clients on the nodes of a Ray cluster (``--ray``). The driver is the one that writes."""
