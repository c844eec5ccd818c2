"""Metrics in the space of an encoder of pictures: CLIPScore, RefCLIPScore, CLIP-I, DINO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hemm.core import Group, HemmError, Judged, Media, Sample
from hemm.metrics.base import folded, one_of, texts, written
from hemm.metrics.learned.base import LearnedMetric

DEFAULT = "openai/clip-vit-base-patch32"
DINO = "facebook/dino-vits16"
_WEIGHT = 2.5
_PREFIX = "A photo depicts "


@dataclass(frozen=True)
class ClipScore(LearnedMetric):
    """CLIPScore (Hessel et al. 2021): 2.5 times the cosine of caption and picture in CLIP's space, 0 where it
    is negative. From 0 to 2.5, good captions about 0.8; no references are needed.

    The caption is the answer and the picture what was asked about, of several the mean over them; where the
    answer is a picture, it is judged against the caption in the metadata (``caption``, one or several: the
    best), else against the sample's text references. Before each caption stands "A photo depicts ". A caption
    longer than CLIP reads (77 tokens) is cut: component ``cut``, 1 where that happened. The ceiling is 2.5:
    nothing reaches it. No value without a picture that opens, or without a caption.

    model       a name on the hub, or a folder (./x, /x, ~/x) with a CLIP
    variant     published, or hemm: without the prefix, captions in lower case (as HEMM's code)
    of          answer (a text), picture (that was drawn), or auto: whichever the answer is
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most texts or pictures in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    model: str = DEFAULT
    variant: str = "published"
    of: str = "auto"

    name = "clipscore"
    title = "how well caption and picture fit, by CLIP"
    range = (0.0, _WEIGHT)
    needs = frozenset({"media", "weights"})

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("variant", self.variant, ("published", "hemm"))
        one_of("of", self.of, ("auto", "answer", "picture"))

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            "variant": "" if self.variant == "published" else self.variant,
            "of": "" if self.of == "auto" else self.of,
        }

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        """The main value, and whether a caption was cut."""
        return ("", "cut")

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches; each text and each picture is encoded once."""
        pairs = [self._pair(g[0]) for g in groups]
        space = self._space(
            [c for _, captions in pairs for c in captions], [p for ps, _ in pairs for p in ps]
        )
        return [self._row(space.fit(pictures, captions), captions, space) for pictures, captions in pairs]

    def ceiling(self, group: Sequence[Sample]) -> float:
        return float(self.range[1])

    def _row(self, value: float | None, captions: Sequence[str], space: _Space) -> dict[str, float | None]:
        cut = None if value is None else float(any(c in space.cut for c in captions))
        return {"": value, "cut": cut}

    def _pair(self, judged: Judged) -> tuple[Sequence[Media], Sequence[str]]:
        """The pictures and the captions (ready for CLIP) that are compared."""
        drawn = _drawn(judged)
        if self.of == "picture" or (self.of == "auto" and drawn is not None):
            return ((drawn,) if drawn is not None else ()), [
                self._caption(c) for c in _captions(judged.sample)
            ]
        if isinstance(judged.value, Media):
            return (), ()
        return judged.sample.media, [self._caption(written(judged.value))]

    def _caption(self, text: str) -> str:
        if self.variant == "hemm":
            return text.strip().lower()
        return _PREFIX + text

    def _space(self, captions: Sequence[str], pictures: Sequence[Media]) -> _Space:
        if not captions and not pictures:
            return _Space({}, {}, set())
        from hemm.metrics.learned.encoders import clip_encoder

        encoder = clip_encoder(str(self.resolved()[0]), self.device, self.dtype)
        read, cut = encoder.texts(captions, self.batch_size)
        return _Space(read, encoder.pictures(pictures, self.batch_size), cut)


@dataclass(frozen=True)
class RefClipScore(ClipScore):
    """RefCLIPScore (Hessel et al. 2021): the harmonic mean of CLIPScore and the highest cosine, 0 where it is
    negative, of the caption and a reference. From 0 to 10/7.

    For answers that are texts; everything else as for clipscore. No value without a text reference.

    model       a name on the hub, or a folder (./x, /x, ~/x) with a CLIP
    variant     published, or hemm: without the prefix, captions in lower case (as HEMM's code)
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most texts or pictures in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    of: str = "answer"

    name = "refclipscore"
    title = "how well caption, picture and references fit, by CLIP"
    range = (0.0, 2 * _WEIGHT / (_WEIGHT + 1))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of != "answer":
            raise HemmError("metric refclipscore judges texts: it takes no of=")

    @property
    def settings(self) -> Mapping[str, str]:
        return {k: v for k, v in super().settings.items() if k != "of"}

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches; each text and each picture is encoded once."""
        pairs = [self._pair(g[0]) for g in groups]
        wanted = [[self._caption(r) for r in texts(g[0].sample)] for g in groups]
        given = [c for _, captions in pairs for c in captions]
        space = self._space(
            [*given, *(r for references in wanted for r in references)], [p for ps, _ in pairs for p in ps]
        )
        out = []
        for (pictures, captions), references in zip(pairs, wanted, strict=True):
            value = space.fit(pictures, captions)
            near = [max(0.0, float(space.texts[c] @ space.texts[r])) for c in captions for r in references]
            mean = None if value is None or not near else _harmonic(value, max(near))
            out.append(self._row(mean, [*captions, *references], space))
        return out


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


@dataclass(frozen=True)
class _Space:
    """Vectors of length 1: of texts, of pictures by digest; and the texts that were cut."""

    texts: Mapping[str, Any]
    pictures: Mapping[str, Any]
    cut: set[str]

    def fit(self, pictures: Sequence[Media], captions: Sequence[str]) -> float | None:
        """CLIPScore: the mean over the pictures that open, the best over the captions."""
        known = [self.pictures[p.digest] for p in pictures if p.digest in self.pictures]
        if not known or not captions:
            return None
        return max(
            sum(_WEIGHT * max(0.0, float(self.texts[c] @ s)) for s in known) / len(known) for c in captions
        )


def _drawn(judged: Judged) -> Media | None:
    """The picture that the model drew, where that is its answer."""
    if isinstance(judged.value, Media):
        return judged.value
    return judged.response.media[0] if judged.value is None and judged.response.media else None


def _captions(sample: Sample) -> list[str]:
    """What a drawn picture should show."""
    caption = sample.metadata.get("caption")
    if isinstance(caption, str):
        return [caption]
    if isinstance(caption, list) and caption:
        return [str(c) for c in caption]
    return texts(sample)


@dataclass(frozen=True)
class _Likeness(LearnedMetric):
    """The cosine of a drawn picture and a reference that is one, of several the highest."""

    needs = frozenset({"media", "weights"})
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        kind = group[0].metadata.get("answer_type")
        return ("", folded(str(kind))) if kind else ("",)

    def ceiling(self, group: Sequence[Sample]) -> float:
        return 1.0

    def score(self, groups: Sequence[Group]) -> list[dict[str, float | None]]:
        """Values of all groups in common batches, each picture encoded once; None where the sample has no
        picture among its references that opens."""
        pairs = [(_drawn(g[0]), [r for r in g[0].sample.references if isinstance(r, Media)]) for g in groups]
        pictures = [p for drawn, wanted in pairs if drawn is not None and wanted for p in (drawn, *wanted)]
        vectors = self.vectors(pictures) if pictures else {}
        out: list[dict[str, float | None]] = []
        for (drawn, wanted), group in zip(pairs, groups, strict=True):
            mine = None if drawn is None else vectors.get(drawn.digest)
            theirs = [vectors[w.digest] for w in wanted if w.digest in vectors]
            values = [] if mine is None else [min(1.0, max(-1.0, float(mine @ t))) for t in theirs]
            out.append(dict.fromkeys(self.components((group[0].sample,)), max(values, default=None)))
        return out

    def vectors(self, pictures: Sequence[Media]) -> Mapping[str, Any]:
        """Digest -> vector of length 1 for each picture that opens."""
        raise NotImplementedError


@dataclass(frozen=True)
class ClipI(_Likeness):
    """CLIP-I: the cosine of the drawn picture and the reference in CLIP's space (as MagicBrush and HEMM
    report it), of several references the highest. From -1 to 1, ceiling 1.

    No value without a reference that is a picture and opens. Components: one more for each ``answer_type`` in
    the metadata.

    model       a name on the hub, or a folder (./x, /x, ~/x) with a CLIP
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most pictures in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    model: str = DEFAULT

    name = "clip_i"
    title = "likeness of drawn picture and reference, by CLIP"

    def vectors(self, pictures: Sequence[Media]) -> Mapping[str, Any]:
        from hemm.metrics.learned.encoders import clip_encoder

        encoder = clip_encoder(str(self.resolved()[0]), self.device, self.dtype)
        return encoder.pictures(pictures, self.batch_size)


@dataclass(frozen=True)
class Dino(_Likeness):
    """DINO: the cosine of the drawn picture and the reference by the class token of a self-supervised vision
    transformer (DINO ViT-S/16, as MagicBrush reports it), of several references the highest. From -1 to 1,
    ceiling 1.

    Pictures are shown as MagicBrush shows them: the middle, 224 pixels wide and high once the shorter side is
    256 (bicubic); both in proportion for a checkpoint of another size. No value without a reference that is a
    picture and opens. Components: one more for each ``answer_type`` in the metadata.

    model       a name on the hub, or a folder (./x, /x, ~/x) with a DINO, DINOv2 or another vision
                transformer with a class token
    revision    branch, tag or commit on the hub (main); of a folder the digest of its weights, which is
                checked
    download    yes: weights that are not on this machine are downloaded
    dtype       float32, or bfloat16 or float16, which are faster on a GPU and change values
    batch_size  most pictures in the model at once, or auto; changes values by no more than rounding
    device      auto, cpu, cuda, cuda:1, mps
    """

    model: str = DINO

    name = "dino"
    title = "likeness of drawn picture and reference, by DINO"

    def vectors(self, pictures: Sequence[Media]) -> Mapping[str, Any]:
        from hemm.metrics.learned.encoders import picture_encoder

        encoder = picture_encoder(str(self.resolved()[0]), self.device, self.dtype)
        return encoder.pictures(pictures, self.batch_size)
