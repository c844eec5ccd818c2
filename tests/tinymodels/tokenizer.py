"""A byte-level tokenizer trained on a few sentences: every text has tokens, none is unknown."""

from __future__ import annotations

from typing import Any

SENTENCES = (
    "What colour is the square? The square is red.",
    "How many circles are in the picture? There are three circles.",
    "Is there a dog? Answer with yes or no. yes no",
    "Question: what is on the left of the tree? Answer: a house.",
    "User: describe the picture in one sentence. Assistant: a green triangle above a blue circle.",
)
MARKS = ("<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>")


def tokenizer(*marks: str, unknown: bool = False, **named: str) -> Any:
    """``marks`` are special tokens without a name; ``named`` ones become attributes (``image_token``).

    ``unknown`` adds ``<unk>`` for families that count from it; no text needs it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    marks = (*marks, "<unk>") if unknown else marks
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[*MARKS, *marks, *named.values()],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>" if unknown else None,
        extra_special_tokens=named or None,
    )
