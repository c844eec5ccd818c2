"""Batches of similar length, and out-of-memory halving, for all checkpoints of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hemm.core import HemmError, storable
from hemm.core.halving import in_halves

DTYPES = ("float32", "bfloat16", "float16")
_TOKENS = {"cpu": 1024, "mps": 4096}
"""Positions in one batch: more are no faster on a CPU, while a GPU needs many."""
_TOKENS_ON_A_GPU = 16_384
_ENOUGH = 0.25
"""Share of the positions from which a batch is about as efficient as a full one."""


@contextmanager
def loading(what: str, folder: str) -> Iterator[None]:
    """Turn any exception inside into a HemmError that says which checkpoint does not load, and why."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        yield
    except HemmError:
        raise
    except Exception as error:  # a folder may contain anything
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise HemmError(f"the {what} checkpoint {folder} does not load: {why}") from error


@dataclass(frozen=True)
class Budget:
    """Limits of one batch: ``rows`` texts or pictures (0: any number), ``tokens`` positions including
    padding."""

    rows: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, batch_size: str, device: str) -> Budget:
        """The budget for the parameter ``batch_size`` (``auto`` or a number of rows) on a device."""
        rows = 0 if batch_size == "auto" else int(batch_size)
        return cls(rows, _TOKENS.get(device.partition(":")[0], _TOKENS_ON_A_GPU))

    def batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices of ``lengths`` in batches of similar length, longest first, so that too large a batch fails
        at once. A batch that is large enough ends where shorter rows begin, which would be padded."""
        batch: list[int] = []
        longest = 0
        for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            used = len(batch) * longest
            full = used + longest > self.tokens or len(batch) == self.rows > 0
            if batch and (full or (lengths[row] < longest and used >= self.tokens * _ENOUGH)):
                yield batch
                batch = []
            longest = longest if batch else lengths[row]
            batch.append(row)
        if batch:
            yield batch


def halving(rows: Sequence[int], act: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """(rows, result of ``act``), in halves if memory is too small for all rows.

    Raises HemmError if it is too small for one.
    """
    import torch

    def alone(row: int, error: BaseException) -> Any:
        raise HemmError(
            "not enough memory for a single text or picture: use another device (device=cpu)"
        ) from error

    return in_halves(rows, act, alone, (torch.OutOfMemoryError,), torch.cuda.empty_cache)


def finite(values: Any) -> Any:
    """``values`` unchanged. Raises HemmError if one is not finite, since it would pass for a score."""
    if not bool(values.isfinite().all()):
        raise HemmError("the checkpoint gives values that are no finite numbers: set dtype=float32")
    return values


def token_ids(tokenizer: Any, texts: Sequence[str], longest: int) -> list[list[int]]:
    """Token ids of each text with its marks, cut at ``longest``."""
    if not texts:
        return []
    safe = [storable(text) for text in texts]
    ids: list[list[int]] = tokenizer(safe, truncation=True, max_length=longest)["input_ids"]
    return ids


def tensor(values: Any, device: Any) -> Any:
    """``values`` on ``device``, copied asynchronously to a GPU."""
    import torch

    result = torch.as_tensor(values)
    if str(device).startswith("cuda"):
        return result.pin_memory().to(device, non_blocking=True)
    return result.to(device)


def padded(rows: Sequence[Sequence[float]], pad: float, device: Any) -> tuple[Any, Any]:
    """Token ids or weights padded at the right, and the mask of those that are no padding (rows, longest)."""
    width = max(1, *(len(row) for row in rows))
    ids = tensor([[*row, *[pad] * (width - len(row))] for row in rows], device)
    mask = tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device)
    return ids, mask


@dataclass(frozen=True)
class Flat:
    """Values of the tokens of many texts, concatenated without padding.

    values           (tokens, ...)
    starts, lengths  (texts,): first token and number of tokens of each text, at least one
    """

    values: Any
    starts: Any
    lengths: Any

    @classmethod
    def of(cls, parts: Sequence[tuple[list[int], Any]], lengths: Sequence[int]) -> Flat:
        """From (rows, padded values of shape (rows, longest, ...)) in any order; ``lengths`` of all texts."""
        import torch

        device = parts[0][1].device
        starts, at, pieces = [0] * len(lengths), 0, []
        for rows, values in parts:
            real: list[int] = []
            for n, row in enumerate(rows):
                starts[row] = at
                at += lengths[row]
                real += range(n * values.shape[1], n * values.shape[1] + lengths[row])
            pieces.append(values.flatten(0, 1)[tensor(real, device)])
        return cls(torch.cat(pieces), tensor(starts, device), tensor(list(lengths), device))

    def rows(self, texts: Sequence[int], longest: int) -> tuple[Any, Any]:
        """Values of some texts (texts, longest, ...), padded to ``longest``, the most tokens among them, with
        their last value; and the mask of values that are no padding (texts, longest)."""
        import torch

        which = tensor(list(texts), self.values.device)
        position = torch.arange(longest, device=self.values.device)
        lengths = self.lengths[which].unsqueeze(1)
        index = self.starts[which].unsqueeze(1) + torch.minimum(position, lengths - 1)
        return self.values[index], position < lengths
