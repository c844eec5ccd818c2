"""Molecules as SMILES: parsing one from an answer, and the similarity of two (with RDKit)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from hemm.core import Judged, MissingExtra, Reading, Sample
from hemm.metrics.base import SampleMetric, texts, written
from hemm.parsing.answer_text import answered
from hemm.parsing.refusal import only_refuses

LONGEST = 5000
"""Most characters of a SMILES."""

_ATOM = r"\[[^\[\]\s]{1,40}\]|Br|Cl|[BCNOPSFI]|[bcnops]|\*"
_WHOLE = re.compile(rf"(?:{_ATOM})(?:{_ATOM}|[-=#$:/\\~.()]|%\d\d|%\(\d{{1,5}}\)|\d)*")
_ATOMS = re.compile(_ATOM)
_AROMATIC = re.compile(r"[bcnops]")
_BRACKETS = re.compile(r"\[[^\[\]]*\]")

_LABEL = re.compile(
    r"\bSMILES\b(?:\s+(?:string|notation|representation|code))?[*_`\s]{0,4}(?:is|are|=|:)\s*[:=]?"
    r"(?:\*\*|__)?\s*[`\"']{0,3}(\S+)",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"<(smiles|answer)>\s*(\S{1,5000})\s*</\1>", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\{(?:\\text\{)?([^\s{}]{1,5000})\}")
_FENCED = re.compile(r"(?:`{3,}|~{3,})[^\n`]{0,40}\n(.*?)(?:`{3,}|~{3,})", re.DOTALL)
_CODE = re.compile(r"`{1,2}([^`\n]{1,5000})`{1,2}")
_AROUND = "\"'`“”‘’«»,;!?{}<>"


@dataclass(frozen=True)
class Smiles:
    """A molecule as SMILES. The value is the SMILES as written, since case matters.

    It is looked for where the answer marks it (a label ``SMILES:``, code, ``\\boxed{}``, a tag), else in the
    whole text. Of several texts that look like SMILES the longest counts, of equally long ones the last. The
    metric decides whether it is a molecule.
    """

    name: str = field(default="smiles", init=False)
    version: int = field(default=1, init=False)

    @property
    def instruction(self) -> str:
        return "Reply with the SMILES string of the molecule and nothing else."

    def parse(self, text: str, sample: Sample) -> str | None:
        body = answered(text)
        alone = _token(body)
        if alone is not None:
            return alone
        if only_refuses(body):
            return None
        apart = [match[1] for match in _LABEL.finditer(body)]
        apart += [match[2] for match in _TAGGED.finditer(body)]
        apart += _BOXED.findall(body)
        apart += [part for code in (*_FENCED.findall(body), *_CODE.findall(body)) for part in code.split()]
        return _longest(apart, alone=True) or _longest(body.split(), alone=False)

    def read(self, text: str, sample: Sample) -> Reading:
        return Reading(self.parse(text, sample))

    def options(self, sample: Sample) -> tuple[str, ...]:
        return ()

    def render(self, reference: str, sample: Sample) -> str:
        return reference


def _token(text: str) -> str | None:
    """The SMILES in ``text``, without punctuation around it; None if it does not look like one."""
    token = text.strip()
    if token.startswith("**") and token.endswith("**"):
        token = token[2:-2]
    token = token.strip(_AROUND)
    if token.endswith((".", ":")):
        token = token[:-1].rstrip(_AROUND)
    if token.startswith("(") and token.endswith(")"):  # no SMILES opens with a branch
        token = token[1:-1]
    if not 0 < len(token) <= LONGEST or _WHOLE.fullmatch(token) is None:
        return None
    bare = _BRACKETS.sub("", token)
    if _AROMATIC.search(bare.replace("Br", "").replace("Cl", "")) and not any(c.isdigit() for c in bare):
        return None  # aromatic atoms stand in rings, which are closed by digits: "no", "soon"
    return token


def _longest(tokens: Sequence[str], *, alone: bool) -> str | None:
    """The longest of ``tokens`` that looks like SMILES; in prose (not ``alone``) one atom is no molecule."""
    best: str | None = None
    for token in tokens:
        candidate = _token(token)
        if candidate is None or not (alone or len(_ATOMS.findall(candidate)) > 1):
            continue
        if best is None or len(candidate) >= len(best):
            best = candidate
    return best


RADIUS, BITS = 2, 2048
"""Radius in bonds, and length, of the Morgan fingerprint."""


@dataclass(frozen=True)
class SmilesSimilarity(SampleMetric):
    """Tanimoto similarity of Morgan fingerprints (Rogers and Hahn 2010; radius 2, 2048 bits, no chirality),
    the highest over the references; 0 where the answer is no molecule.

    Components: ``validity``, whether RDKit reads the answer as a molecule; ``canonical_match``, whether its
    canonical SMILES is a reference's (stereo marks count here, while the similarity of stereoisomers is 1).
    A reference that RDKit does not read is compared as text.
    """

    name = "smiles"
    title = "likeness of molecules by their fingerprints"

    def prepared(self) -> SmilesSimilarity:
        """Itself. Raises MissingExtra where RDKit is not installed."""
        if find_spec("rdkit") is None:
            raise MissingExtra("metric smiles", "metrics")
        return self

    def components(self, group: Sequence[Sample]) -> tuple[str, ...]:
        return ("", "validity", "canonical_match")

    def value(self, answer: Any, sample: Sample) -> float:
        return self._values(answer, sample)[0]

    def _scored(self, judged: Judged) -> dict[str, float | None]:
        values = self._values(judged.value, judged.sample)
        return dict(zip(self.components((judged.sample,)), values, strict=True))

    def _values(self, answer: Any, sample: Sample) -> tuple[float, float, float]:
        self.prepared()
        smiles = written(answer)
        mine = _molecule(smiles)
        likeness, match = 0.0, 0.0
        for reference in texts(sample):
            theirs = _molecule(reference)
            if theirs is None:
                same = float(smiles.strip() == reference.strip())
                likeness, match = max(likeness, same), max(match, same)
            elif mine is not None:
                likeness = max(likeness, _tanimoto(mine, theirs))
                match = max(match, float(mine.canonical == theirs.canonical))
        return likeness, float(mine is not None), match


@dataclass(frozen=True)
class _Molecule:
    """``canonical`` is RDKit's canonical SMILES, ``bits`` its fingerprint."""

    canonical: str
    bits: Any


@lru_cache(maxsize=8192)
def _molecule(smiles: str) -> _Molecule | None:
    """The molecule that RDKit parses from ``smiles``; None if there is none."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdFingerprintGenerator

    with rdBase.BlockLogs():  # what a model writes is no fault of the user's
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None or molecule.GetNumAtoms() == 0:
            return None
        make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
        return _Molecule(Chem.MolToSmiles(molecule), make.GetFingerprint(molecule))


def _tanimoto(mine: _Molecule, theirs: _Molecule) -> float:
    from rdkit import DataStructs

    return float(DataStructs.TanimotoSimilarity(mine.bits, theirs.bits))
