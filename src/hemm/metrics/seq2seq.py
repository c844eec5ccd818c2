"""Log-likelihoods of texts given texts by a sequence-to-sequence checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hemm.core import HemmError, storable

LONGEST = 1024
"""Tokens at which texts are cut."""
_POSITIONS = 4096
"""Target positions computed at once: a vocabulary of 50,000 makes 0.8 GB of them."""


@lru_cache(maxsize=1)
def scorer(folder: str, device: str = "auto") -> Scorer:
    """The checkpoint in ``folder``, loaded once, in float32. Raises HemmError where it does not load."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if device == "auto":
        device = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
        model = model.to(device).eval()
    except Exception as error:  # whatever a folder may hold
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise HemmError(f"the sequence-to-sequence checkpoint {folder} does not load: {why}") from error
    tokenizer.padding_side = "right"
    longest = min(LONGEST, getattr(model.config, "max_position_embeddings", LONGEST))
    return Scorer(model, tokenizer, longest)


@dataclass(frozen=True)
class Scorer:
    """A model in evaluation mode with its tokenizer; texts are cut at ``longest`` tokens."""

    model: Any
    tokenizer: Any
    longest: int

    def likelihoods(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> list[float]:
        """For each (source, target) the mean natural log-likelihood of the target's tokens, marks included,
        given the source.

        Equal pairs are computed once, and equal sources encoded once. Texts of like length share a batch.
        Raises HemmError where memory does not suffice.
        """
        import torch

        wanted: dict[str, dict[str, float]] = {}
        for source, target in pairs:
            wanted.setdefault(source, {})[target] = 0.0
        sources, targets = self._ids(list(wanted)), self._ids(list({t for _, t in pairs}))
        order = sorted(wanted, key=lambda s: (len(sources[s]), s))
        try:
            with torch.inference_mode():
                for start in range(0, len(order), batch_size):
                    batch = order[start : start + batch_size]
                    found = self._batch(
                        [sources[s] for s in batch], [wanted[s] for s in batch], targets, batch_size
                    )
                    for row, target, value in found:
                        wanted[batch[row]][target] = value
        except torch.OutOfMemoryError as error:
            raise HemmError(
                f"not enough memory for batches of {batch_size} texts: set a smaller batch_size"
            ) from error
        return [wanted[source][target] for source, target in pairs]

    def _ids(self, found: list[str]) -> dict[str, list[int]]:
        said = [storable(text) for text in found]
        ids = self.tokenizer(said, truncation=True, max_length=self.longest)["input_ids"]
        return dict(zip(found, ids, strict=True))

    def _batch(
        self,
        sources: Sequence[list[int]],
        wanted: Sequence[dict[str, float]],
        targets: dict[str, list[int]],
        batch_size: int,
    ) -> Iterator[tuple[int, str, float]]:
        """(row of the source, target, value): the sources are encoded once for all their targets."""
        ids, mask = self._padded(sources)
        encoded = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        todo = [(len(targets[t]), row, t) for row, own in enumerate(wanted) for t in own]
        todo.sort()
        while todo:
            # the longest first: its length bounds how many go together
            count = max(1, min(batch_size, _POSITIONS // max(1, todo[-1][0])))
            part, todo = todo[-count:], todo[:-count]
            rows = [row for _, row, _ in part]
            values = self._decoded(encoded[rows], mask[rows], [targets[t] for _, _, t in part])
            for (_, row, target), value in zip(part, values, strict=True):
                yield row, target, value

    def _decoded(self, encoded: Any, mask: Any, targets: Sequence[list[int]]) -> list[float]:
        """Mean log-likelihoods; encoded (n, source, width), mask (n, source), n targets."""
        from transformers.modeling_outputs import BaseModelOutput

        ids, real = self._padded(targets)
        logits = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            attention_mask=mask,
            decoder_input_ids=self.model.prepare_decoder_input_ids_from_labels(labels=ids),
            use_cache=False,
        ).logits
        each = logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)
        # float64 for the sum: padding must not change the last digits
        total = (each.double() * real).sum(-1) if logits.device.type != "mps" else (each * real).sum(-1)
        values: list[float] = (total / real.sum(-1).clamp(min=1)).tolist()
        return values

    def _padded(self, rows: Sequence[list[int]]) -> tuple[Any, Any]:
        """Token ids padded at the right, and the mask of those that are real."""
        import torch

        width = max(1, *(len(row) for row in rows))
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in rows], device=self.model.device)
        mask = torch.tensor(
            [[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.model.device
        )
        return ids, mask
