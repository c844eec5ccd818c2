"""The actor of ``--ray``: the node's end of the way to a replica, a child process as with ``--replicas``.

Ray loads the class by its name, from the hemm that the node has: nothing of it is pickled.
"""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hemm.models.process.child import ProcessEnded
from hemm.models.process.transport import Pipe
from hemm.models.ray.media import NodeMedia

_PACKAGES = ("hemm", "torch", "transformers", "pillow")


class Host:
    """Starts a replica on its node, finds the media of each batch there, and passes messages on."""

    def __init__(self) -> None:
        self._pipe: Pipe | None = None
        self._media: NodeMedia | None = None

    def open(self, run: str, variables: Mapping[str, str]) -> dict[str, Any]:
        """Start the process; what is known of this place."""
        os.environ.update(variables)
        place = facts()
        os.environ["HEMM_RAY_NODE"] = place["node"]  # for models that want to know it
        self._media = NodeMedia(place["node"], run)
        self._pipe = Pipe("replica")
        self._pipe.open()
        return place

    def ask(self, message: dict[str, Any], filled: Mapping[str, bytes]) -> dict[str, Any]:
        """The replica's reply with the blobs that it names (``drawn``), or the digests of media that the node
        lacks still (``wanted``), or how the process ended (``ended``). ``filled`` are media by digest."""
        assert self._pipe is not None
        assert self._media is not None
        blobs = self._media.found(message, filled)
        if isinstance(blobs, set):
            return {"wanted": sorted(blobs)}
        try:
            reply, drawn = self._pipe.send(message, blobs)
        except ProcessEnded as ended:
            return {"ended": [str(ended), ended.signal]}
        return {"reply": reply, "drawn": drawn}

    def finish(self) -> None:
        """Let the replica close its model."""
        if self._pipe is not None:
            self._pipe.finish()


def facts() -> dict[str, Any]:
    """Node, host and versions of this place."""
    import ray

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "node": ray.get_runtime_context().get_node_id(),
        "host": socket.gethostname(),
        "versions": versions,
    }
