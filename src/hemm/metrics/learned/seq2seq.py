"""Log-likelihoods of texts given texts by a sequence-to-sequence checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hemm.core import HemmError
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

LONGEST = 1024
"""Most tokens of a text."""
_BATCHES = 16
"""Batches of targets whose sources are encoded together: enough to sort targets by length, few enough that
encoded sources fit into memory."""
_AT_ONCE = 2048
"""Positions that are normalised at once (0.4 GB with a vocabulary of 50,000)."""


@lru_cache(maxsize=1)
def scorer(folder: str, device: str = "auto", dtype: str = "float32") -> Scorer:
    """The checkpoint in ``folder``, cached. Raises HemmError if it does not load."""
    import torch
    import transformers

    device = torch_device(device, "metric parameter ")
    with loading("sequence-to-sequence", folder):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        model = model.to(device).eval()
        if not tokenizer("")["input_ids"]:
            raise HemmError(f"the tokenizer in {folder} sets no marks, so that an empty text has no tokens")
    longest = min(LONGEST, getattr(model.config, "max_position_embeddings", LONGEST))
    return Scorer(model, tokenizer, longest)


@dataclass(frozen=True)
class Scorer:
    """A model in evaluation mode with its tokenizer; texts are cut at ``longest`` tokens."""

    model: Any
    tokenizer: Any
    longest: int

    def likelihoods(self, pairs: Sequence[tuple[str, str]], batch_size: str = "auto") -> list[float]:
        """For each (source, target) the mean natural log-likelihood of the target's tokens, with marks, given
        the source.

        Equal pairs are computed once, and equal sources encoded once. Texts of similar length share a batch.
        Raises HemmError if memory is too small.
        """
        import torch

        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        ids = dict(zip(texts, token_ids(self.tokenizer, texts, self.longest), strict=True))
        wanted: dict[str, list[str]] = {}
        for source, target in dict.fromkeys(pairs):
            wanted.setdefault(source, []).append(target)
        budget = Budget.of(batch_size, str(self.model.device))
        blocks: list[tuple[list[tuple[str, str]], Any]] = []
        with torch.inference_mode():
            for block in _blocks(wanted, ids, budget):
                blocks += self._block(block, ids, budget)
        known: dict[tuple[str, str], float] = {}
        for of_block, values in blocks:
            known.update(zip(of_block, finite(values).tolist(), strict=True))
        return [known[pair] for pair in pairs]

    def _block(
        self, block: Sequence[tuple[str, str]], ids: dict[str, list[int]], budget: Budget
    ) -> list[tuple[list[tuple[str, str]], Any]]:
        """(pairs, their values on the model's device) of one block, after encoding its sources."""
        sources = list(dict.fromkeys(source for source, _ in block))
        row = {source: n for n, source in enumerate(sources)}
        states = self._encoded([ids[s] for s in sources], budget)

        def decoded(rows: list[int]) -> Any:
            chosen = [block[i] for i in rows]
            longest = max(len(ids[source]) for source, _ in chosen)
            encoded, mask = states.rows([row[source] for source, _ in chosen], longest)
            return self._decoded(encoded, mask, [ids[target] for _, target in chosen])

        return [
            ([block[i] for i in rows], values)
            for batch in budget.batches([len(ids[target]) for _, target in block])
            for rows, values in halving(batch, decoded)
        ]

    def _encoded(self, sources: Sequence[list[int]], budget: Budget) -> Flat:
        """The encoder's last states of each source."""

        def encoded(rows: list[int]) -> Any:
            ids, mask = self._padded([sources[i] for i in rows])
            return self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state

        lengths = [len(source) for source in sources]
        parts = [part for batch in budget.batches(lengths) for part in halving(batch, encoded)]
        return Flat.of(parts, lengths)

    def _decoded(self, encoded: Any, mask: Any, targets: Sequence[list[int]]) -> Any:
        """Mean log-likelihoods (n,); encoded (n, source, width), mask (n, source), n targets."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        ids, _ = self._padded(targets)
        longest = ids.shape[1]
        # the vocabulary is the widest layer, so it is computed without padding
        places = [n * longest + i for n, target in enumerate(targets) for i in range(len(target))]
        real = tensor(places, self.model.device)
        head = self.model.get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda _, states: (states[0].flatten(0, 1)[real],))
        try:
            logits = self.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                attention_mask=mask,
                decoder_input_ids=self.model.prepare_decoder_input_ids_from_labels(labels=ids),
                use_cache=False,
            ).logits
        finally:
            hook.remove()
        each = torch.cat(
            [
                logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1).float() - logits.float().logsumexp(-1)
                for logits, labels in zip(
                    logits.split(_AT_ONCE), ids.flatten()[real].split(_AT_ONCE), strict=True
                )
            ]
        )
        # sum in float64 if the device has it, so that padding does not change the last digits
        each = each if logits.device.type == "mps" else each.double()
        rows = torch.zeros(ids.numel(), dtype=each.dtype, device=each.device)
        total = rows.index_copy(0, real, each).view_as(ids).sum(-1)
        return total / tensor([len(target) for target in targets], self.model.device)

    def _padded(self, rows: Sequence[list[int]]) -> tuple[Any, Any]:
        return padded(rows, self.tokenizer.pad_token_id or 0, self.model.device)


def _blocks(
    wanted: dict[str, list[str]], ids: dict[str, list[int]], budget: Budget
) -> Iterator[list[tuple[str, str]]]:
    """All pairs, in blocks of sources of similar length."""
    block: list[tuple[str, str]] = []
    tokens = 0
    for source in sorted(wanted, key=lambda s: (len(ids[s]), s)):
        block += ((source, target) for target in wanted[source])
        tokens += len(ids[source]) + sum(len(ids[target]) for target in wanted[source])
        if tokens >= _BATCHES * budget.tokens:
            yield block
            block, tokens = [], 0
    if block:
        yield block
