"""Options of a checkpoint's processor: variables of its chat template, and how it cuts pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hemm.core import HemmError, Media, Message, UnknownName
from hemm.models.hf.families import Family
from hemm.models.hf.thinking import SWITCHES
from hemm.models.options import switched, template_kwargs, typed

PICTURE_OPTIONS: Mapping[str, Any] = {
    "min_pixels": 1,
    "max_pixels": 1,
    "do_image_splitting": False,
    "do_pan_and_scan": False,
    "crop_to_patches": False,
    "min_patches": 1,
    "max_patches": 1,
    "max_soft_tokens": 1,
}
"""Settings of picture processors of transformers, each with a value of its type."""

SETTINGS: dict[str, Any] = {
    "thinking": "",  # on, off: by the chat template's own switch; empty: the template's default
    "chat_template_kwargs": "",  # variables of the chat template, as a JSON object
    "generation_config": "auto",  # auto: what the checkpoint's file adds to greedy decoding; off: nothing
    **dict.fromkeys(PICTURE_OPTIONS, ""),  # of the picture processor; empty: as the checkpoint has them
}
"""Settings (``--set``) of prompts and decoding, with their defaults."""

_AT_LOADING = ("min_pixels", "max_pixels")
"""Picture options that processors take when they are made; the others are read at each call."""


def check(settings: Mapping[str, Any]) -> None:
    """Raise HemmError for settings that are wrong for any checkpoint."""
    if settings["generation_config"] not in ("auto", "off"):
        raise HemmError(f"--set generation_config={settings['generation_config']}: give auto or off")
    switched(settings)
    template_kwargs(settings)
    pictures = picture_options(settings)
    for name, value in pictures.items():
        if not isinstance(value, bool) and value < 1:
            raise HemmError(f"--set {name}={value}: give 1 or more")
    for low, high in (("min_pixels", "max_pixels"), ("min_patches", "max_patches")):
        if low in pictures and high in pictures and pictures[low] > pictures[high]:
            raise HemmError(f"--set {low}={pictures[low]} is more than {high}={pictures[high]}")


def picture_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The picture options that are set, with values of their types.

    >>> picture_options({**SETTINGS, "do_pan_and_scan": "yes", "max_soft_tokens": "560"})
    {'do_pan_and_scan': True, 'max_soft_tokens': 560}
    """
    return {
        name: typed(name, settings[name], kind) for name, kind in PICTURE_OPTIONS.items() if settings[name]
    }


def protocol(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The picture options for the protocol, each value in one form."""
    return [(name, str(value).lower()) for name, value in picture_options(settings).items()]


def pictures_at_loading(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for the picture processor's ``from_pretrained``."""
    return {n: v for n, v in picture_options(settings).items() if n in _AT_LOADING}


def set_up(family: Family, settings: Mapping[str, Any], name: str) -> None:
    """Give ``family`` the options that ``settings`` has, and try them on a small picture.

    ``name`` is the checkpoint's, for errors. Raises HemmError for options that the checkpoint does not know,
    which transformers would leave out without an error.
    """
    pictures = picture_options(settings)
    given, turned = template_kwargs(settings), switched(settings)
    if not family.templated and (pictures or given or turned is not None):
        what = next(iter([*pictures, *(["chat_template_kwargs"] if given else []), "thinking"]))
        raise HemmError(f"--set {what}: {name} is not prompted by a chat template and has no such option")
    _check_pictures(family.processor.image_processor, pictures, name)
    family.picture_options = {n: v for n, v in pictures.items() if n not in _AT_LOADING}
    family.template_kwargs = _variables(family, given, turned, name)
    if pictures:
        _try(family, name)


def _check_pictures(processor: Any, pictures: Mapping[str, Any], name: str) -> None:
    known = getattr(getattr(processor, "valid_kwargs", None), "__annotations__", {})
    for option in pictures:
        if option not in known:
            has = [n for n in PICTURE_OPTIONS if n in known]
            kind = type(processor).__name__
            raise HemmError(
                f"--set {option}: the picture processor of {name} ({kind}) has no such option"
                + (f"; it has {', '.join(has)}" if has else "")
            )
    size = dict(getattr(processor, "size", None) or {})
    low, high = size.get("shortest_edge"), size.get("longest_edge")
    if any(n in pictures for n in _AT_LOADING) and low and high and low > high:
        raise HemmError(f"min_pixels {low} of {name} is more than its max_pixels {high}: set both")


def _try(family: Family, name: str) -> None:
    import io

    import PIL.Image

    out = io.BytesIO()
    PIL.Image.new("RGB", (64, 48), (90, 120, 150)).save(out, "PNG")
    try:
        family.inputs([[Message("user", (Media(out.getvalue()), "?"))]])
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise HemmError(f"the picture processor of {name} refuses its options: {line}") from None


def _variables(family: Family, given: Mapping[str, Any], turned: bool | None, name: str) -> dict[str, Any]:
    """The variables to render with: ``given`` ones, and the template's switch for thinking."""
    if not given and turned is None:
        return {}
    known = family.template_variables()
    for variable in given:
        if known is not None and variable not in known:
            if known:
                raise UnknownName(f"variable of the chat template of {name}", variable, known)
            raise HemmError(f"--set chat_template_kwargs: the chat template of {name} has no variables")
    if turned is None:
        return dict(given)
    for variable, on, off in SWITCHES:
        if variable in given or (known is not None and variable not in known):
            continue
        values = {**given, variable: on}, {**given, variable: off}
        if family.prompt_with(values[0]) != family.prompt_with(values[1]):
            return values[0] if turned else values[1]
    raise HemmError(
        f"--set thinking={'on' if turned else 'off'}: the chat template of {name} has no switch for thinking"
    )
