"""Molecules and species: what is read in an answer, and what it scores."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemm.core import MissingExtra, Response, Sample
from hemm.metrics import resolve
from hemm.metrics.domain.molecules import Smiles
from hemm.metrics.domain.species import SpeciesName
from hemm.parsing.outcome import judge

ASPIRIN = "CC(=O)OC1=CC=CC=C1C(=O)O"
LONG = "O=C(NCc1ccc(cc1)S(=O)(=O)N)/C=C\\[C@@H]2CC[N+](C)(C)C2.[Cl-]"


@pytest.mark.parametrize(
    "smiles", [ASPIRIN, LONG, "C", "[H]O[H]", "*CC", "c1ccccc1", "C%12CC%12", "CC.Cl", "BrBr"]
)
@pytest.mark.parametrize(
    "said",
    [
        "{}",
        " {}.\n",
        "**{}**",
        "`{}`",
        '"{}"',
        "SMILES: {}",
        "The SMILES string is: `{}`.",
        "```smiles\n{}\n```",
        "Here it is:\n```\n{}\n```\nI hope this helps.",
        "<think>CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC?</think>{}",
        "<smiles>{}</smiles>",
        "\\boxed{{{}}}",
        '{{"smiles": "{}"}}',
    ],
)
def test_smiles_are_read_to_the_letter(said: str, smiles: str) -> None:
    if said.startswith("{{") and smiles == "C":
        pytest.skip("a single atom in prose is a letter")
    assert Smiles().parse(said.format(smiles), Sample("1")) == smiles


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (f"The molecule is aspirin ({ASPIRIN}), I think. No doubt, so be it.", ASPIRIN),
        (f"It is not CCO but {ASPIRIN}, NO question", ASPIRIN),
        ("I think it is aspirin", None),
        ("aspirin", None),
        ("No", None),
        ("soon", None),
        ("I cannot help with that.", None),
        ("acetylsalicylic acid, C9H8O4", None),
        ("", None),
        ("CC(=O", "CC(=O"),
        ("C" * 5001, None),
    ],
)
def test_what_looks_like_smiles_and_what_does_not(said: str, value: str | None) -> None:
    assert Smiles().parse(said, Sample("1")) == value


def score(metric: str, value: str, *references: str, **facts: Any) -> dict[str, float | None]:
    sample = Sample("1", references=references, metadata=facts)
    judged = judge(sample, 0, Response(text=value), SpeciesName() if metric == "species" else Smiles())
    return dict(resolve(metric).score([[judged]])[0])


def test_similarity_is_that_of_the_bits_themselves() -> None:
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    known = [ASPIRIN, LONG, "CCO", "CCN", "c1ccccc1", "C1CCCCC1", "CC(=O)O", "OCC(O)C(O)C(O)C(O)C=O"]
    bits = {s: set(make.GetFingerprint(Chem.MolFromSmiles(s)).GetOnBits()) for s in known}
    for said in known:
        for wanted in known:
            both, either = len(bits[said] & bits[wanted]), len(bits[said] | bits[wanted])
            found = score("smiles", said, wanted)
            assert found[""] == pytest.approx(both / either)
            assert found == {"": found[""], "validity": 1.0, "canonical_match": float(said == wanted)}
    best = score("smiles", "CCO", "c1ccccc1", "CCN")
    assert best[""] == score("smiles", "CCO", "CCN")[""]


@pytest.mark.parametrize(
    ("said", "wanted", "values"),
    [
        ("C1=CC=CC=C1", "c1ccccc1", (1.0, 1.0, 1.0)),
        ("OC(=O)c1ccccc1OC(C)=O", ASPIRIN, (1.0, 1.0, 1.0)),
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", (1.0, 1.0, 0.0)),
        ("C1CC", "C1CC1", (0.0, 0.0, 0.0)),
        ("CC(C)(C)(C)C", "CC", (0.0, 0.0, 0.0)),
        ("CCO", "no molecule", (0.0, 1.0, 0.0)),
    ],
)
def test_validity_and_match(said: str, wanted: str, values: tuple[float, ...], capfd: Any) -> None:
    assert tuple(score("smiles", said, wanted).values()) == values
    assert capfd.readouterr() == ("", "")  # RDKit's complaints are nobody's business


def test_case_is_not_folded() -> None:
    assert score("smiles", "C1CCCCC1", "c1ccccc1")["canonical_match"] == 0.0


def test_without_rdkit_the_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from hemm.metrics.domain import molecules

    monkeypatch.setattr(molecules, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"metric smiles needs packages.*pip install 'hemm\[metrics\]'"):
        resolve("smiles").prepared()
    assert Smiles().parse("CCO", Sample("1")) == "CCO"


def test_reading_smiles_needs_no_rdkit() -> None:
    code = "import sys; import hemm.metrics.domain.molecules as m; assert 'rdkit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- species

BLACKBIRD = ("Turdus merula", "Eurasian Blackbird")
FACTS = {"genus": "Turdus", "family": "Turdidae", "family_genera": ["Turdus", "Sialia", "Catharus"]}


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("Turdus merula", (1, 1, 1)),
        ("turdus merula.", (1, 1, 1)),
        ("*Turdus merula*", (1, 1, 1)),
        ("Turdus merula Linnaeus, 1758", (1, 1, 1)),
        ("Turdus merula (Linnaeus, 1758)", (1, 1, 1)),
        ("Turdus merula merula", (1, 1, 1)),
        ("This is a Eurasian blackbird.", (1, 1, 1)),
        ("Eurasian Blackbird (Turdus merula)", (1, 1, 1)),
        ("Turdus merula (common blackbird)", (1, 1, 1)),
        ("Common name: Blackbird\nScientific name: *Turdus merula*", (1, 1, 1)),
        (
            "The bird in this picture, with its yellow bill, is a male **blackbird** (*Turdus merula*).",
            (1, 1, 1),
        ),
        (
            "Judging by its yellow bill and the dark plumage this bird is Turdus merula, an adult male.",
            (1, 1, 1),
        ),
        ("<think>Sturnus vulgaris?</think>Answer: Turdus merula", (1, 1, 1)),
        ("Turdus philomelos", (0, 1, 1)),
        ("Turdus sp.", (0, 1, 1)),
        ("Turdus", (0, 1, 1)),
        ("Sialia sialis", (0, 0, 1)),
        ("Turdidae", (0, 0, 1)),
        ("Sturnus vulgaris", (0, 0, 0)),
        ("Turdus merula or Sturnus vulgaris", (0, 0, 0)),
        ("European Starling", (0, 0, 0)),
        ("a small black bird with a yellow bill that sings in the early morning hours", (0, 0, 0)),
    ],
)
def test_species_genus_and_family(said: str, values: tuple[int, ...]) -> None:
    assert tuple(score("species", said, *BLACKBIRD, **FACTS).values()) == values


@pytest.mark.parametrize(
    "said",
    [
        "It resembles Turdus philomelos in its shape and size, but the black plumage says Turdus merula.",
        "I'm sorry, I cannot identify this animal.",
        "",
        "...",
    ],
)
def test_no_species_is_guessed(said: str) -> None:
    value = SpeciesName().parse(said, Sample("1"))
    assert value is None or score("species", said, *BLACKBIRD)[""] == 0.0
    if said:
        assert said == "..." or value is None


NAMES = [
    "Great Blue Heron",
    "Cat's-ear",
    "Mrs. Gould's Sunbird",
    "Black-and-yellow Garden Spider",
    "ʻŌhiʻa Lehua",
    "Capsella bursa-pastoris",
    "Isoëtes lacustris",
    "The Hermit",
    "A Leaf Beetle",
    "東京スズメ",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_read_back(name: str) -> None:
    assert score("species", name, "Aus bus", name)[""] == 1.0
    assert score("species", f"The species is {name}.", "Aus bus", name)[""] == 1.0


@given(st.text(max_size=200))
def test_any_text_is_read_or_not(said: str) -> None:
    sample = Sample("1", references=BLACKBIRD, metadata=FACTS)
    for form, metric in ((SpeciesName(), "species"), (Smiles(), "smiles")):
        judged = judge(sample, 0, Response(text=said), form)
        if judged.value is not None:
            values = resolve(metric).score([[judged]])[0].values()
            assert all(v is not None and 0.0 <= v <= 1.0 for v in values)


def test_without_facts_there_is_one_value() -> None:
    assert score("species", "Turdus merula", "Turdus merula") == {"": 1.0}
    assert set(score("species", "Turdus", *BLACKBIRD, **FACTS)) == {"", "genus", "family"}
