"""Thinking of checkpoints: its marks among the tokens, its switch in the chat template, its budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARKS = (
    ("<think>", "</think>"),  # Qwen, GLM-V, MiMo-VL, Step3, ...
    ("<|channel>", "<channel|>"),  # Gemma 4
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    ("[THINK]", "[/THINK]"),  # Mistral
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),  # MiniMax
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<unused94>", "<unused95>"),  # MedGemma 1.5
)
"""Texts that open and close thinking, where they are one token of the vocabulary each."""

_CHANNEL = "thought\n"
"""What Gemma's models write after the opening mark: the name of the channel."""

SWITCHES: tuple[tuple[str, Any, Any], ...] = (
    ("enable_thinking", True, False),
    ("thinking", True, False),
    ("reasoning", True, False),
    ("thinking_budget", -1, 0),
)
"""Variables of chat templates that switch thinking: their values for on and off."""


@dataclass(frozen=True)
class Marks:
    """The marks of a tokenizer by token id.

    pairs   opening mark -> closing mark
    hidden  those that decoding drops, since they are special tokens
    """

    pairs: Mapping[int, int]
    hidden: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Any) -> Marks:
        """The pairs of ``MARKS`` in the vocabulary of ``tokenizer``."""
        known = tokenizer.get_vocab()
        pairs = {known[a]: known[b] for a, b in MARKS if a in known and b in known}
        marks = {*pairs, *pairs.values()}
        return cls(
            pairs, frozenset(m for m in marks if not tokenizer.decode([m], skip_special_tokens=True).strip())
        )

    def last_opened(self, tokens: Sequence[int]) -> int | None:
        """The mark that opens thinking which ``tokens`` do not close; None where there is none."""
        opened = None
        for token in tokens:
            if token in self.pairs:
                opened = token
            elif opened is not None and token == self.pairs[opened]:
                opened = None
        return opened

    def split(self, tokens: Sequence[int], opened: int | None) -> tuple[list[int], list[int]]:
        """The tokens of what is said, and of what is thought between marks that decoding would drop.

        Visible marks stay in what is said, where answers are read without them. ``opened`` is the mark by
        which the prompt ends: if nothing closes it, all was thought.
        """
        if opened is not None and self.pairs[opened] not in tokens:
            return [], list(tokens)
        said: list[int] = []
        thought: list[int] = []
        inside = opened in self.hidden
        for place, token in enumerate(tokens, 1):
            if token not in self.hidden:
                (thought if inside else said).append(token)
                continue
            if token not in self.pairs and not inside and place < len(tokens):
                said, thought = [], thought + said  # it closes what no mark opened
            inside = token in self.pairs
        return said, thought


def thoughts(text: str) -> str:
    """Decoded thoughts without the channel's name and blanks around them."""
    return f"{text.strip()}\n".removeprefix(_CHANNEL).strip()


class Budget:
    """A logits processor that closes each row's thinking after ``budget`` tokens of it.

    opened  the mark by which the prompt opens thinking, or None

    It looks at the newest token alone, since some families do not give it the prompt.
    """

    def __init__(self, marks: Marks, opened: int | None, rows: int, budget: int) -> None:
        self._marks, self._budget = marks, budget
        self._inside = [opened] * rows
        self._used = [0] * rows
        self._first = True

    def __call__(self, tokens: Any, scores: Any) -> Any:
        if not self._first:
            for row, token in enumerate(tokens[:, -1].tolist()):
                self._see(row, token)
        self._first = False
        full = [
            (row, self._marks.pairs[mark])
            for row, mark in enumerate(self._inside)
            if mark is not None and self._used[row] >= self._budget
        ]
        if not full:
            return scores
        scores = scores.clone()
        for row, closing in full:
            scores[row] = float("-inf")
            scores[row, closing] = 0.0
        return scores

    def _see(self, row: int, token: int) -> None:
        mark = self._inside[row]
        if mark is not None and token == self._marks.pairs[mark]:
            self._inside[row] = None
        elif mark is not None:
            self._used[row] += 1
        elif token in self._marks.pairs:
            self._inside[row] = token
