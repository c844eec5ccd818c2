"""Names of species: parsing one from an answer, and its distance on the tree of life."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hemm.core import Judged, Reading, Sample
from hemm.metrics.base import SampleMetric, texts, written
from hemm.parsing.answer_text import answered, lines, loose, without_markdown
from hemm.parsing.markers import marked
from hemm.parsing.refusal import only_refuses

_SHORT_WORDS = 8
_NAME = r"[A-Z][a-zë]{2,}(?: ×| x)? [a-zë]{2,}(?:-[a-zë]{2,})?"
"""Pattern of genus and epithet."""

_SET_APART = re.compile(rf"(?<![\w*_])[*_]({_NAME})[*_](?![\w*_])|\(\s?[*_]{{0,2}}({_NAME})[*_]{{0,2}}\s?\)")
_BINOMIAL = re.compile(rf"(?<![\w'’-])({_NAME})(?![\w'’-])")
_LATIN = re.compile(r"(?:[aix]|[aeiou]s|um|ens|ans|ae|on|or|e)$")
_LATIN_ONLY = re.compile(r"(?:[uio]s|um|[aix]|ae|oides|[ao]ns)$")
"""Endings of nearly all epithets, and those that English words rarely have."""

_ENGLISH = re.compile(
    r"^(?:This|That|These|Those|The|There|Their|Its|His|Her|Our|Your|They|What|Which|With|From|For|And|But|Based"
    r"|Given|Looking|Judging|Here|Image|Picture|Photo|Species|Answer|Common|Great|Greater|Lesser|Little|Large"
    r"|Small|Red|Blue|Green|Black|White|Yellow|Brown|Grey|Gray|Golden|Wild|Giant|False|True|House|Wood|Water"
    r"|Sea|Garden|Mountain|Desert|Probably|Likely|Possibly|Perhaps|Most|More|Some|Sure|Yes|Also|While|When|However"
    r"|Scientific|Latin|Genus|Family|North|South|East|West|New|Old|Both|Either|One|Two|Not|Note)\b"
    r"|^[A-Z][a-z]*[a-z]{2}(?:ian|ican|ean|ern|ish|ese)\b"
)
"""Words that may begin an English phrase, and are no genus."""

_LABEL = re.compile(
    r"\b(?:scientific|latin|species|binomial)\s+name\b[*_\s]{0,4}(?:is|:|=)[*_:\s]{0,4}([^\n]{3,200})",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"^(?:(?:i (?:think|believe|would say)|it seems|(?:most )?likely|probably)[,: ]*(?:that )?)?"
    r"(?:(?:this|that|it|the (?:species|animal|plant|bird|insect|fungus|organism|picture|image|photo|answer))"
    r"(?:['’]s| is| looks like| appears to be| seems to be| shows| depicts)(?: likely| probably)?[: ]+)?"
    r"(?:(?:(?:scientific|common) name|species|name)(?: is)?\s?[:=]\s?)?(?:an? |the )?",
    re.IGNORECASE,
)
_QUOTES = '"“”«»`'


@dataclass(frozen=True)
class SpeciesName:
    """The name of a species: a scientific one (genus and epithet), or a common one.

    The value is the text of an explicit final answer (also ``Scientific name: ...``) or of a short answer (8
    words) without lead-ins. In a longer text it is the scientific name in italics or brackets, else the only
    scientific name, else the whole text. Several different scientific names in a longer text are no answer.
    """

    name: str = field(default="species_name", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with the scientific name of the species (genus and epithet) and nothing else."

    def parse(self, text: str, sample: Sample) -> str | None:
        body = answered(text)
        if only_refuses(body):
            return None
        spans = [s for s in (*_LABEL.findall(body), *marked(body)) if without_markdown(s)]
        span = spans[0] if spans else body
        parts = lines(without_markdown(span))
        if not parts:
            return None
        first = _bare(parts[0])
        if first and len(first.split()) <= _SHORT_WORDS:
            return first
        for pattern, where in ((_SET_APART, span), (_BINOMIAL, without_markdown(span))):
            names = _different(pattern.finditer(where))
            if names:
                return names[0] if len(names) == 1 else None
        return _bare(" ".join(parts)) or None

    def read(self, text: str, sample: Sample) -> Reading:
        return Reading(self.parse(text, sample))

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference


def _bare(text: str) -> str:
    """``text`` without lead-ins, quotes and a closing full stop."""
    name = text.strip().strip(_QUOTES).strip()
    if name.endswith(".") and not name.lower().endswith((" sp.", " spp.")):
        name = name[:-1].rstrip()
    return _LEAD_IN.sub("", name, count=1).strip().strip(_QUOTES) or name


def _different(matches: Iterable[re.Match[str]]) -> list[str]:
    """Distinct scientific names, without English words that look like one.

    Any word at the beginning of a sentence has a capital: there the epithet must have an ending that is rare
    in English.
    """
    by_key: dict[str, str] = {}
    for match in matches:
        name = next(filter(None, match.groups()))
        before = match.string[: match.start()].rstrip()[-1:]
        ending = _LATIN_ONLY if before in (*".!?:", "") else _LATIN
        if ending.search(name) and not _ENGLISH.match(name):
            by_key.setdefault(loose(name), name)
    return list(by_key.values())


_TWO_NAMES = re.compile(r"^([^()]+?)\s*\(([^()]+)\)$")
_LEADING = re.compile(
    rf"^({_NAME})(?:\s+(?!(?:or|and|vs)\b)[a-zë-]+)?(?:,?\s*\(?[A-Z][\w.’'& -]*,?\s*\d{{4}}\)?)?$"
)
"""Genus and epithet, perhaps with that of a subspecies and with the name's author and year."""

_SEVERAL = re.compile(r"\s(?:or|and|vs\.?)\s|[/;]")


@dataclass(frozen=True)
class Species(SampleMetric):
    """1 where the answer is the species: one of the references (scientific and common names) but for case,
    punctuation and blanks.

    Components, where the metadata have ``genus`` and ``family``: ``genus``, 1 where the answer is the species
    or starts with the name of its genus; ``family``, 1 where ``genus`` is, or the answer starts with the name
    of the family or of one of ``family_genera`` (metadata: the genera of that family). A name in brackets
    beside another (``Turdus merula (common blackbird)``) is read as a second name for it; authors and
    subspecies are left out.
    """

    name = "species"
    title = "share of species that are named right, with genus and family apart"

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        known = group[0].metadata
        return ("", "genus", "family") if known.get("genus") and known.get("family") else ("",)

    def value(self, answer: Any, sample: Sample) -> float:
        predicted, wanted = written(answer), texts(sample)
        named = {loose(name) for name in _names(predicted)} - {""}
        return float(predicted in wanted or any(loose(reference) in named for reference in wanted))

    def _scored(self, judged: Judged) -> dict[str, float | None]:
        sample, known = judged.sample, judged.sample.metadata
        species = self.value(judged.value, sample)
        if len(self.components((sample,))) == 1:
            return {"": species}
        predicted = written(judged.value)
        names = () if _SEVERAL.search(predicted) else _names(predicted)
        groups = {loose(n.split()[0]) for n in names if n.split()}
        genus = max(species, float(loose(str(known["genus"])) in groups))
        near = {loose(str(name)) for name in (known["family"], *known.get("family_genera", ()))} - {""}
        return {"": species, "genus": genus, "family": max(genus, float(bool(near & groups)))}


def _names(text: str) -> list[str]:
    """The names of one species in ``text``."""
    two = _TWO_NAMES.match(text)
    named = [text, *(two.groups() if two else ())]
    return [*named, *(match[1] for name in named if (match := _LEADING.match(name.strip())))]
