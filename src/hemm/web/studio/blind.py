"""What an answer says of the model that wrote it: found, and left out where it is not to be seen.

Two things tell: the name of a model that is compared here, wherever it stands; and the name of any model or
maker in a sentence in which the answer speaks of itself ("I am ..., trained by ..."). A llama in a picture is
no model: names of families alone are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MARK = "[name left out]"
FAMILIES = (
    "gpt", "chatgpt", "openai", "claude", "anthropic", "gemini", "bard", "google", "deepmind", "palm",
    "gemma", "paligemma", "llama", "meta ai", "meta", "llava", "vicuna", "qwen", "tongyi", "alibaba",
    "deepseek", "mistral", "pixtral", "mixtral", "phi", "microsoft", "copilot", "bing", "internvl",
    "internlm", "minicpm", "yi", "cogvlm", "glm", "chatglm", "zhipu", "kosmos",
    "blip", "instructblip", "flamingo", "openflamingo",
    "idefics", "hugging face", "fuyu", "adept", "emu", "baai", "mplug", "owl", "minigpt", "molmo", "ai2",
    "smolvlm", "grok", "xai", "reka", "nova", "amazon", "ernie", "baidu", "kimi", "moonshot", "doubao",
    "command", "cohere", "aya", "step", "hunyuan", "tencent", "nvidia", "nemotron", "falcon",
)  # fmt: skip
_SELF = re.compile(
    r"\b(?:i\s+am|i['’]m|my\s+name\s+is|as\s+an?|call\s+me|i\s+was|(?:developed|trained|created|made|built)\s+by)"
    r"\b[^.!?\n]{0,160}",
    re.IGNORECASE,
)
_FAMILY = re.compile(
    rf"\b(?:{'|'.join(re.escape(name) for name in sorted(FAMILIES, key=len, reverse=True))})"
    r"(?:[-\s]?v?\d[\w.]*)?(?:-[\w.]+)*\b",
    re.IGNORECASE,
)
_WHO = re.compile(
    r"\b(?:language\s+model|ai\b|assistant|chatbot|model|(?:developed|trained|created|made|built)\s+by"
    r"|my\s+name\s+is|call\s+me)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Blinded:
    """A text as it may be shown, and the parts of the original that tell of a model."""

    text: str
    told: tuple[str, ...]


class Blind:
    """Finds what tells, for the models of a study by their names there."""

    def __init__(self, models: Iterable[str]) -> None:
        names = {part for model in models for part in _parts(model)}
        longest = sorted(names, key=lambda n: (-len(n), n))
        self._own = (
            re.compile(rf"(?<![\w-])(?:{'|'.join(map(_spelled, longest))})(?![\w-])", re.IGNORECASE)
            if longest
            else None
        )

    def __call__(self, text: str, *, masked: bool = True) -> Blinded:
        """
        >>> blind = Blind(["openai/gpt-4o-mini"])
        >>> blind("I am Gemini, trained by Google. The llama is on the left.").text
        'I am [name left out], trained by [name left out]. The llama is on the left.'
        >>> blind("gpt-4o-mini says: two").told
        ('gpt-4o-mini',)
        """
        spans = [match.span() for match in self._own.finditer(text)] if self._own else []
        for sentence in _SELF.finditer(text):
            own = sentence.group()
            direct = re.match(rf"(?:i\s+am|i['’]m)\s+(?:{_FAMILY.pattern})", own, re.IGNORECASE)
            if direct or _WHO.search(own):
                spans += [
                    (sentence.start() + m.start(), sentence.start() + m.end()) for m in _FAMILY.finditer(own)
                ]
        spans = _united(spans)
        told = tuple(dict.fromkeys(text[begin:end] for begin, end in spans))
        if not (masked and spans):
            return Blinded(text, told)
        out, at = [], 0
        for begin, end in spans:
            out += [text[at:begin], MARK]
            at = end
        return Blinded("".join([*out, text[at:]]), told)


def _parts(model: str) -> list[str]:
    """The names by which a model may be called: its own, without provider, revision and options. A plain word
    (``tiny``, ``random``) may stand in any answer, and is no name."""
    name = model.split(" · ")[0].split(" (picture")[0]
    bare = name.partition("@")[0]
    last = bare.rpartition("/")[2]
    named = [n for n in (name, bare) if "/" in n or re.search(r"\d", n)]
    return [*named, *([last] if re.search(r"[\d-]", last) and len(last) > 3 else [])]


def _spelled(name: str) -> str:
    """A pattern for a name however its parts are joined: ``gpt-4o-mini`` and ``GPT 4o_mini`` are one."""
    parts = [re.escape(part) for part in re.split(r"[-_\s\u2010-\u2015]+", name) if part]
    return r"[-_\s\u2010-\u2015\u200b-\u200d\u00ad]{0,3}".join(parts)


def _united(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((begin, end))
    return out
