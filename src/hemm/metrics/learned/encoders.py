"""Vectors of texts and pictures by a checkpoint: of each token of a text, of a text, of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hemm.core import BadData, HemmError, Media
from hemm.data.pixels import rgb
from hemm.metrics.learned.torch_batches import (
    Budget,
    Flat,
    finite,
    halving,
    loading,
    padded,
    tensor,
    token_ids,
)
from hemm.metrics.learned.torch_device import torch_device

_PICTURES = 32
"""Pictures in one batch, unless the metric says otherwise."""
_THREADS = 8


# tokens of texts


@lru_cache(maxsize=1)
def token_encoder(folder: str, layer: int, device: str = "auto", dtype: str = "float32") -> TokenEncoder:
    """The text encoder in ``folder`` (of an encoder-decoder its encoder) up to ``layer`` (0: embeddings),
    cached.

    Raises HemmError if it does not load, or has fewer layers.
    """
    import torch
    import transformers

    with loading("text encoder", folder):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModel.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        if model.config.is_encoder_decoder:
            model = model.get_encoder()
        layers = model.config.num_hidden_layers
        if layer > layers:
            raise HemmError(f"the text encoder {folder} has {layers} layers: there is no layer {layer}")
        cut = _cut(model, layers, layer)
        model = model.to(torch_device(device, "metric parameter ")).eval()
    return TokenEncoder(model, tokenizer, _longest(model, tokenizer), None if cut else layer)


def _cut(model: Any, layers: int, layer: int) -> bool:
    """Remove the layers after ``layer``, which are not needed; False if they are not found."""
    from torch.nn import ModuleList

    stacks = [m for m in model.modules() if isinstance(m, ModuleList) and len(m) == layers]
    if len(stacks) != 1:
        return False
    del stacks[0][layer:]
    return True


def _longest(model: Any, tokenizer: Any) -> int:
    """Most tokens for which the encoder has positions."""
    positions = int(getattr(model.config, "max_position_embeddings", None) or 1 << 30)
    # encoders like RoBERTa's count positions from the padding's id on
    offset = getattr(getattr(model, "embeddings", None), "padding_idx", None)
    return min(int(tokenizer.model_max_length), positions - (0 if offset is None else offset + 1))


@dataclass(frozen=True)
class TokenEncoder:
    """An encoder of texts with its tokenizer; texts are cut at ``longest`` tokens.

    layer  the layer whose states are used; None: the last
    """

    model: Any
    tokenizer: Any
    longest: int
    layer: int | None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with marks."""
        return token_ids(self.tokenizer, texts, self.longest)

    @property
    def marks(self) -> frozenset[int]:
        """Ids of the marks at the beginning and end of texts."""
        return frozenset({self.tokenizer.cls_token_id, self.tokenizer.sep_token_id} - {None})

    def vectors(self, ids: Sequence[list[int]], batch_size: str = "auto") -> Flat:
        """A vector of length 1 for each token of each text (tokens, width), in float32."""
        import torch

        device = str(self.model.device)

        def encoded(rows: list[int]) -> Any:
            batch, mask = padded([ids[i] for i in rows], self.tokenizer.pad_token_id or 0, device)
            if self.layer is None:
                states = self.model(input_ids=batch, attention_mask=mask).last_hidden_state
            else:
                output = self.model(input_ids=batch, attention_mask=mask, output_hidden_states=True)
                states = output.hidden_states[self.layer]
            return torch.nn.functional.normalize(finite(states).float(), dim=-1)

        lengths = [len(row) for row in ids]
        with torch.inference_mode():
            batches = Budget.of(batch_size, device).batches(lengths)
            return Flat.of([part for batch in batches for part in halving(batch, encoded)], lengths)


# texts and pictures in one space


@lru_cache(maxsize=1)
def clip_encoder(folder: str, device: str = "auto", dtype: str = "float32") -> ClipEncoder:
    """The CLIP in ``folder``, loaded once. Raises HemmError where it does not load or is another model."""
    import torch
    import transformers

    with loading("CLIP", folder):
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type != "clip":
            raise HemmError(f"{folder} holds a checkpoint of type {config.model_type}, not a CLIP")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        processor = transformers.AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, backend="pil"
        )
        model = transformers.CLIPModel.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        model = model.to(torch_device(device, "metric parameter ")).eval()
    return ClipEncoder(model, tokenizer, processor, config.text_config.max_position_embeddings)


@dataclass(frozen=True)
class ClipEncoder:
    """A CLIP with its tokenizer and picture processor; texts are cut at ``longest`` tokens."""

    model: Any
    tokenizer: Any
    processor: Any
    longest: int

    def texts(self, texts: Sequence[str], batch_size: str = "auto") -> tuple[dict[str, Any], set[str]]:
        """A vector of length 1 for each text (width; float32, NumPy), and the texts that were cut."""
        import torch

        device = str(self.model.device)
        distinct = list(dict.fromkeys(texts))
        ids = token_ids(self.tokenizer, distinct, 1 << 30)
        cut = {text for text, row in zip(distinct, ids, strict=True) if len(row) > self.longest}
        if cut:  # the end mark stays the last token: the tokenizer cuts, not a slice
            ids = token_ids(self.tokenizer, distinct, self.longest)

        def encoded(rows: list[int]) -> Any:
            batch, mask = padded([ids[i] for i in rows], self.tokenizer.pad_token_id or 0, device)
            return self.model.get_text_features(input_ids=batch, attention_mask=mask).pooler_output

        vectors: dict[str, Any] = {}
        with torch.inference_mode():
            for batch in Budget.of(batch_size, device).batches([len(row) for row in ids]):
                for rows, values in halving(batch, encoded):
                    vectors.update(zip((distinct[i] for i in rows), _unit(values), strict=True))
        return vectors, cut

    def pictures(self, pictures: Sequence[Media], batch_size: str = "auto") -> dict[str, Any]:
        """Digest -> vector of length 1 (width; float32, NumPy) for each picture that opens."""

        def encoded(pixels: Any) -> Any:
            return self.model.get_image_features(pixel_values=pixels).pooler_output

        return _pictured(pictures, self.processor, {}, self.model, encoded, batch_size)


# pictures alone


@lru_cache(maxsize=1)
def picture_encoder(folder: str, device: str = "auto", dtype: str = "float32") -> PictureEncoder:
    """The vision transformer in ``folder``, cached. Raises HemmError if it does not load."""
    import torch
    import transformers

    with loading("picture encoder", folder):
        processor = transformers.AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, backend="pil"
        )
        model = transformers.AutoModel.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        model = model.to(torch_device(device, "metric parameter ")).eval()
        side = _side(processor)
    return PictureEncoder(model, processor, side)


def _side(processor: Any) -> int:
    """Side in pixels of the checkpoint's input."""
    setting = processor.crop_size if getattr(processor, "do_center_crop", False) else processor.size
    size = dict(setting)
    return int(size.get("height") or size["shortest_edge"])


@dataclass(frozen=True)
class PictureEncoder:
    """A vision transformer with a class token, and its processor for pictures of ``side`` pixels."""

    model: Any
    processor: Any
    side: int

    def pictures(self, pictures: Sequence[Media], batch_size: str = "auto") -> dict[str, Any]:
        """Digest -> the class token's last state as a vector of length 1 (width; float32, NumPy) for each
        picture that opens.

        The shorter side is resized to 256/224 of ``side`` (bicubic), and the centre cropped.
        """

        def encoded(pixels: Any) -> Any:
            return self.model(pixel_values=pixels).last_hidden_state[:, 0]

        how = {
            "do_resize": True,
            "size": {"shortest_edge": round(self.side * 256 / 224)},
            "resample": 3,  # Pillow's bicubic
            "do_center_crop": True,
            "crop_size": {"height": self.side, "width": self.side},
        }
        return _pictured(pictures, self.processor, how, self.model, encoded, batch_size)


def _pictured(
    pictures: Sequence[Media],
    processor: Any,
    how: dict[str, Any],
    model: Any,
    encoded: Callable[[Any], Any],
    batch_size: str,
) -> dict[str, Any]:
    """Digest -> vector of length 1 for each picture that opens; each picture once, whatever its name."""
    import torch

    def pixels(data: bytes) -> Any | None:
        try:
            picture = rgb(Media(data))
        except BadData:
            return None
        return processor(images=picture, return_tensors="pt", **how)["pixel_values"][0]

    def run(digests: Sequence[str], ready: Iterable[Any | None]) -> None:
        opened = [(d, p) for d, p in zip(digests, ready, strict=True) if p is not None]
        all_rows = list(range(len(opened)))

        def encode_rows(rows: list[int]) -> Any:
            batch_pixels = torch.stack([opened[i][1] for i in rows])
            return encoded(tensor(batch_pixels, model.device).to(model.dtype))

        for rows, values in halving(all_rows, encode_rows) if all_rows else ():
            vectors.update(zip((opened[i][0] for i in rows), _unit(values), strict=True))

    vectors: dict[str, Any] = {}
    distinct = list({p.digest: p for p in pictures}.values())
    size = _PICTURES if batch_size == "auto" else int(batch_size)
    with torch.inference_mode(), ThreadPoolExecutor(_THREADS) as pool:
        before: tuple[list[str], Iterator[Any | None]] = ([], iter(()))
        for start in range(0, len(distinct), size):
            batch = distinct[start : start + size]
            # bytes are read in this thread, since pack readers are not thread-safe
            now = pool.map(pixels, [p.data for p in batch])
            run(*before)  # while the model runs one batch, the next is decoded
            before = ([p.digest for p in batch], now)
        run(*before)
    return vectors


def _unit(values: Any) -> Any:
    """Vectors of length 1, as a NumPy array of float32."""
    import torch

    return torch.nn.functional.normalize(finite(values).float(), dim=-1).cpu().numpy()
