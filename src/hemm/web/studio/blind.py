"""What an answer says of the model that wrote it: found, and left out where it is not to be seen.

Two things tell: the name of a model that is compared here, wherever it stands; and the name of any model or
maker where an answer says by it who speaks ("I am ...", "as ..., I", "an assistant trained by ..."), in the
languages of ``_OPENERS``. A llama or a logo in a picture is no model: such names stay in all other places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MARK = "[name left out]"
FAMILIES = (
    "chatgpt", "openai", "claude", "anthropic", "deepmind", "paligemma", "gemma", "llava", "vicuna", "qwen",
    "tongyi", "deepseek", "mistral", "pixtral", "mixtral", "internvl", "internlm", "minicpm", "cogvlm", "glm",
    "chatglm", "zhipu", "instructblip", "openflamingo", "idefics", "hugging face", "baai", "mplug", "minigpt",
    "molmo", "ai2", "smolvlm", "xai", "ernie", "doubao", "hunyuan", "nemotron", "blip", "gpt", "通义千问",
    "千问", "文心一言", "文心", "豆包", "智谱清言", "智谱", "讯飞星火", "混元", "月之暗面", "深度求索",
)  # fmt: skip
"""Words that are names of models and their makers alone."""
PLAIN = (
    "gemini", "bard", "google", "palm", "llama", "meta", "alibaba", "phi", "microsoft", "copilot", "bing",
    "yi", "kosmos", "flamingo", "fuyu", "adept", "emu", "owl", "grok", "reka", "nova", "amazon", "baidu",
    "kimi", "moonshot", "command", "cohere", "aya", "step", "tencent", "nvidia", "falcon", "阿里巴巴",
    "阿里云", "百度", "腾讯", "字节跳动", "谷歌", "微软",
)  # fmt: skip
"""Names that are words too, or stand on things in pictures: ``a llama`` is none."""
_OPENERS = (
    r"i\s+am|i['’]m|my\s+name\s+is|call\s+me|you\s+are\s+(?:talking|chatting|speaking)\s+(?:to|with)",
    r"ich\s+bin|mein\s+name\s+ist|ich\s+hei(?:ß|ss)e",
    r"soy|me\s+llamo|mi\s+nombre\s+es",
    r"je\s+suis|je\s+m['’]appelle|mon\s+nom\s+est",
    r"sono|mi\s+chiamo|il\s+mio\s+nome\s+è|sou|me\s+chamo|chamo-me|meu\s+nome\s+é",
    r"я|меня\s+зовут|我是|我叫|我的名字是|我的名字叫|私は|저는",
)
"""English; German; Spanish; French; Italian and Portuguese; Russian, Chinese, Japanese, Korean."""
_OPENER = "|".join(_OPENERS)
_ROLE = r"as|als|como|comme|come|en\s+tant\s+qu(?:e|['’])|in\s+qualità\s+di|как|作为|作為"
_ARTICLE = r"an?|the|eine?|un[ae]?|uma?|le|la|el|一个|一款|一名|一個"
_MACHINE = (
    r"model|assistant|chat\s?bot|ai|(?:sprach)?modell|assistent(?:in)?|ki(?:-\w+)?|modelo|asistente|ia"
    r"|lenguaje|linguagem|artificial|artificielle|mod[eè]le|langage|modello|linguistico|assistente|модель|помощник"
)
_MADE = (
    r"(?:developed|trained|created|made|built|designed|released|provided)\s+by"
    r"|(?:entwickelt|trainiert|erstellt|geschaffen)\s+von"
    r"|(?:desarroll|entren|cre|desenvolvi|trein|cri)(?:ad|d)[oa]\s+(?:por|pel[ao])"
    r"|(?:développ|entraîn|cré|con[cç])(?:ée?|ue?)\s+par|(?:svilupp|addestr|cre)at[oa]\s+da"
    r"|(?:разработ|созда|обуч)\w+\s+(?:компанией)?|由|来自"
)
_LINK = rf"{_MADE}|from|by|called|named|von|namens|de|llamad[oa]|par|nommé|appelé|da|от|名为"
_WHOSE = (
    r"(?:(?:the|der|den|teams?|researchers|engineers|company|firma|at|of|la|el|l['’]|del|équipe|de)\s+){0,4}"
)
_EDGE, _END = r"(?<![A-Za-z0-9_À-ÿа-я])", r"(?![A-Za-z0-9_À-ÿа-я])"
_TELLS = [
    _EDGE + pattern
    for pattern in (
        rf"(?:{_OPENER})\s*[,:—–-]?\s*(?:(?P<a>{_ARTICLE})\s+)?NAME",
        rf"(?:{_ROLE})\s*NAME(?=(?P<speaks>,?\s+(?:i|ich|je|\w+\s+ich)\b)|\s*[,，])",
        rf"(?:{_OPENER}|{_ROLE})\s*(?:(?:{_ARTICLE})\s+)?(?:[\w-]+\s+){{0,4}}?(?:{_MACHINE}){_END}[,，]?\s*"
        rf"(?:(?:that|which|is|was|\w+ly)\s+){{0,3}}(?:{_LINK})\s*{_WHOSE}NAME",
        rf"(?:i|ich|j['’]ai|fui|he|я)\s+(?:\w+\s+){{0,2}}?(?:{_MADE}|von)\s*{_WHOSE}NAME",
        rf"(?:{_OPENER}|{_ROLE})\s*(?:{_ARTICLE})?\s*(?:由|来自|名为|基于|von)\s*NAME",
        r"i,\s+NAME(?=,)",
        r"this\s+is\s+NAME(?=\s+(?:speaking|here)\b)",
    )
]
"""What says who speaks; ``a``: an article, with which a plain word is no name; ``speaks``: the one who speaks
goes on."""
_MORE = rf"(?:\s+|[^.!?\n]{{0,60}}?(?:{_EDGE}(?:{_LINK}|at)\s*|[是，。的]){_WHOSE})NAME"
"""Further names, from the end of one on."""


@dataclass(frozen=True)
class Blinded:
    """A text as it may be shown, and the parts of the original that tell of a model."""

    text: str
    told: tuple[str, ...]


class Blind:
    """Finds what tells, for the models of a study by their names there."""

    def __init__(self, models: Iterable[str]) -> None:
        models = list(models)
        names = {part for model in models for part in _parts(model)}
        self._own = (
            re.compile(rf"(?<![\w-])(?:{_any(map(_spelled, names))})(?![\w-])", re.I) if names else None
        )
        own = {last for last in map(_last, models) if len(last) > 2}
        self._plain = {*PLAIN, *own} - set(FAMILIES)
        name = _name({*FAMILIES, *self._plain})
        self._tells = [re.compile(pattern.replace("NAME", name), re.I) for pattern in _TELLS]
        self._more = re.compile(_MORE.replace("NAME", name), re.I)

    def __call__(self, text: str, *, masked: bool = True) -> Blinded:
        """
        >>> blind = Blind(["openai/gpt-4o-mini"])
        >>> blind("I am Gemini, trained by Google. The llama is on the left.").text
        'I am [name left out], trained by [name left out]. The llama is on the left.'
        >>> blind("Als KI-Modell von OpenAI sehe ich zwei.").told
        ('OpenAI',)
        >>> blind("gpt-4o-mini says: two").told
        ('gpt-4o-mini',)
        """
        spans = [match.span() for match in self._own.finditer(text)] if self._own else []
        for pattern in self._tells:
            for match in pattern.finditer(text):
                spans += self._spans(match, text)
        spans = _united(spans)
        told = tuple(dict.fromkeys(text[begin:end] for begin, end in spans))
        if not (masked and spans):
            return Blinded(text, told)
        out, at = [], 0
        for begin, end in spans:
            out += [text[at:begin], MARK]
            at = end
        return Blinded("".join([*out, text[at:]]), told)

    def _spans(self, match: re.Match[str], text: str) -> Iterator[tuple[int, int]]:
        """The name of a match, and those that go on from it (``Gemini, trained by Google``)."""
        found, parts = match["name"], match.groupdict()
        if parts.get("a") and found.lower() in self._plain:
            return  # I am a llama
        if "speaks" in parts and not parts["speaks"] and found.lower() in self._plain:
            return  # as Google, ...
        more: re.Match[str] | None = match
        while more:
            yield more.span("name")
            more = self._more.match(text, more.end("name"))


def _name(words: Iterable[str]) -> str:
    """A pattern for one of ``words`` with its version (``gpt-4o``, ``Llama 3``, ``Google DeepMind``)."""
    version = r"(?:[-\s]?v?\d[a-z0-9_.]*(?<!\.)|-[a-z0-9.]+(?<!\.))*(?:\s+(?:ai|cloud|research|deepmind)\b)?"
    return rf"(?P<name>(?:{_any(map(re.escape, words))}){version})(?:{_END}|(?<=[^\x00-\x7f]))"


def _any(patterns: Iterable[str]) -> str:
    return "|".join(sorted(patterns, key=lambda one: (-len(one), one)))


def _last(model: str) -> str:
    """A model's own name without provider and revision, in lower case."""
    return model.split(" · ")[0].split(" (picture")[0].partition("@")[0].rpartition("/")[2].lower()


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
