"""``--ray``: what a model becomes whose replicas are on a cluster."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from hemm.core import BatchModel, Binds, HemmError, Model, user_code
from hemm.models import cards
from hemm.models.hf.identity import is_folder
from hemm.models.options import ModelOptions
from hemm.models.process.replicas import Replicas
from hemm.models.ray.actors import Nodes, Share
from hemm.models.ray.cluster import check_address


def on_ray(model: Model, options: ModelOptions, spec: str = "") -> Model:
    """``model`` with its replicas on the cluster ``options.ray``, to which ``start`` connects.

    ``spec`` is what names it, where that is not its own. Models that are bound to a task (baselines) answer
    in this process. Raises HemmError for settings that do not go with it.
    """
    check_address(options.ray)
    if os.name != "posix":
        raise HemmError("--ray needs Linux or macOS")
    if isinstance(model, Binds):
        return model
    share = _share(model, options)
    if not isinstance(model, BatchModel):
        from hemm.models.ray.clients import on_nodes

        return on_nodes(model, _plain(options), share)
    settings = dict(options.settings)
    if settings.get("device", "auto").startswith("cuda:"):
        raise HemmError(f"--set device={settings['device']}: with --ray each replica has GPUs of its own")
    if (share.gpus or 0) > 1 and not settings.get("device_map"):
        raise HemmError(
            f"a replica has {share.gpus:g} GPUs, and the model uses one: --set device_map=auto spreads it"
        )
    return Replicas(model, _plain(options), Nodes(share), _anywhere(spec or model.spec))


def _share(model: Model, options: ModelOptions) -> Share:
    """What of the cluster a replica gets: as the options say, else the model's card."""
    card = cards.find(model.identity.name, [cards.read(path) for path in options.cards])
    cpus, gpus = options.replica_cpus, options.replica_gpus
    if card is not None:
        cpus = card.replica_cpus if cpus is None else cpus
        gpus = card.replica_gpus if gpus is None else gpus
    if gpus is None and dict(options.settings).get("device", "auto") == "cpu":
        gpus = 0.0
    if cpus == 0 and gpus == 0:
        raise HemmError(
            "--ray: a replica that wants no CPU and no GPU has no place: give it --replica-cpus 1"
        )
    return Share(options.ray, options.replicas, cpus, gpus, options.mixed_hardware)


def _plain(options: ModelOptions) -> ModelOptions:
    """The options that replicas get: nothing of where they are, and no files."""
    return replace(options, ray="", replica_cpus=None, replica_gpus=None, mixed_hardware=False, cards=())


def _anywhere(spec: str) -> str:
    """A spec that means the same in another working folder."""
    family, slash, rest = spec.partition("/")
    if family in ("hf", "text", "worker") and slash and (is_folder(rest) or rest.endswith(".py")):
        return f"{family}/{Path(rest).expanduser().absolute()}"
    if user_code.is_code(spec):
        file, name = user_code.split(spec)
        return f"{file.absolute()}{':' * bool(name)}{name}"
    return spec
