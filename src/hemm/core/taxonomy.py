"""HEMM's dimensions (arXiv 2407.03418, sections 2 and 3) as data; plug-ins declare more with ``declare``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hemm.core.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Dimension:
    """One axis that tasks are labelled along.

    name        as in labels: ``reasoning``
    categories  the labels that a task may have, in display order
    title       as people see it: ``Reasoning``
    describes   what tells the categories apart, in a few words
    meanings    category -> what it means, in a sentence; may be left out

    >>> script = Dimension("script", ("latin", "han"), "Script", "the letters that the picture shows")
    >>> script.categories
    ('latin', 'han')
    """

    name: str
    categories: tuple[str, ...]
    title: str
    describes: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if unknown := sorted(self.meanings.keys() - {*self.categories}):
            raise UnknownName(f"category in the meanings of {self.name}", unknown[0], self.categories)


def _dimension(name: str, title: str, describes: str, meanings: Mapping[str, str]) -> Dimension:
    return Dimension(name, tuple(meanings), title, describes, meanings)


DIMENSIONS: dict[str, Dimension] = {
    d.name: d
    for d in (
        _dimension(
            "use_case",
            "Use case",
            "the field that the task comes from",
            {
                "multimedia": "Everyday pictures, films and posters are asked about, captioned or edited.",
                "affective_computing": "What people feel, mean or find funny: faces, memes, cartoons.",
                "science": "Pictures of the sciences are read: species, molecules, satellite pictures.",
                "healthcare": "Pictures of medicine are read: radiographs, scans, slides of tissue.",
                "hci": "Screens of apps are described, or told apart by what they are for.",
            },
        ),
        _dimension(
            "interaction",
            "Interaction",
            "how the modalities share the information the answer needs: both have it, one has it, "
            "or it arises only from both together",
            {
                "redundancy": "Picture and text share what the answer needs: the words of the question point "
                "at what the picture shows as well.",
                "uniqueness": "One modality alone holds what the answer needs; the other adds nothing to it.",
                "synergy": "Neither picture nor text holds the answer; it arises from both together.",
            },
        ),
        _dimension(
            "fine_grained",
            "Fine-grained",
            "a detail of the picture decides, or the whole",
            {
                "yes": "A detail decides: a small object, a part, its colour, its place.",
                "no": "The picture as a whole decides: its scene, its kind, its mood.",
            },
        ),
        _dimension(
            "reasoning",
            "Reasoning",
            "one step, or several",
            {
                "less": "One step: something is seen, or looked up once, and said.",
                "more": "Several steps: things are found, compared, counted or computed.",
            },
        ),
        _dimension(
            "external_knowledge",
            "External knowledge",
            "facts beyond picture and text are needed",
            {
                "yes": "Facts beyond picture and text are needed: of medicine, of species, of a culture.",
                "no": "All that the answer needs is shown or said.",
            },
        ),
        _dimension(
            "information_flow",
            "Information flow",
            "what happens to the information: asked for, carried into another modality, combined, changed",
            {
                "querying": "A question about the picture is answered.",
                "translation": "What one modality holds is put into the other: a picture into words.",
                "fusion": "Text and picture are brought together into one judgement.",
                "editing": "A picture is changed as a text says, and the rest of it stays.",
            },
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Control:
    """What a control shows of a sample: ``picture removed``, in full ``the picture removed``.

    picture   the pictures: as they are (empty), ``none``, ``grey``, or ``shuffle`` (another sample's)
    question  the question: as it is (empty), ``none``, or ``other`` (another sample's)
    note      the texts beside the question (a note, caption or context): likewise
    """

    short: str
    full: str
    picture: str = ""
    question: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """``picture removed``: what is changed, and how."""
        changed = [name for name in ("picture", "question", "note") if getattr(self, name)]
        return f"{' and '.join(changed)} {self.short}"

    @property
    def draws(self) -> bool:
        """Whether it shows something of another sample, which is drawn."""
        return "shuffle" in self.picture or "other" in (self.question, self.note)


CONTROLS = {
    "none": Control("removed", "the picture removed", "none"),
    "grey": Control("grey", "a grey picture", "grey"),
    "shuffle": Control("shuffled", "another sample's picture", "shuffle"),
    "question": Control("shuffled", "another sample's question", question="other"),
    "question-none": Control("removed", "the question removed", question="none"),
    "note": Control("shuffled", "another sample's note", note="other"),
    "note-none": Control("removed", "the note removed", note="none"),
    "prior": Control("shuffled", "another sample's picture and a third one's question", "shuffle", "other"),
    "prior-none": Control("removed", "picture and question removed", "none", "none"),
}
"""``--control``: what may be asked in place of a task as it is, to see what matters of it."""

PICTURE_CONTROLS = tuple(
    name for name, control in CONTROLS.items() if control.picture and not control.question
)
"""Controls of the picture alone: what a model scores less with them, is owed to the picture."""


CONDITIONS = {
    "vl": ("",),
    "l": PICTURE_CONTROLS,
    "v": tuple(name for name, control in CONTROLS.items() if not control.picture),
    "prior": tuple(name for name, control in CONTROLS.items() if control.picture and control.question),
}
"""``--conditions``: what a sample is asked with (vision and language, one of them, neither) -> the controls
that ask it so, the usual one first."""


def declare(dimension: Dimension) -> None:
    """Add a dimension of a plug-in: from then on cards and samples may be labelled along it.

    Raises ValueError where another dimension has that name.

    >>> declare(Dimension("script", ("latin", "han"), "Script"))
    >>> check_labels({"script": "han"}, "my card")
    """
    known = DIMENSIONS.get(dimension.name)
    if known is not None and known != dimension:
        raise ValueError(f"dimension {dimension.name!r} is declared already")
    DIMENSIONS[dimension.name] = dimension


_FREE: dict[str, Dimension] = {}
"""Dimensions that are no part of the taxonomy: what people call labels of their own."""


def declare_free(name: str, categories: Collection[str]) -> None:
    """Add a label of people's own, or further categories of one, to the dimensions of this process.

    Raises ValueError where ``name`` is a dimension of the taxonomy.

    >>> declare_free("difficulty", ["hard"])
    >>> declare_free("difficulty", ["easy", "hard"])
    >>> DIMENSIONS["difficulty"].categories
    ('easy', 'hard')
    >>> "difficulty" in taxonomy()
    False
    """
    if name in taxonomy():
        raise ValueError(f"{name!r} is a dimension of the taxonomy")
    known = _FREE[name].categories if name in _FREE else ()
    title = name.replace("_", " ")
    DIMENSIONS[name] = _FREE[name] = Dimension(
        name, tuple(sorted({*known, *categories})), title, "own labels"
    )


def taxonomy() -> dict[str, Dimension]:
    """The dimensions without those of ``declare_free``."""
    return {name: dimension for name, dimension in DIMENSIONS.items() if name not in _FREE}


def dimension_labels(
    use_case: str,
    interaction: str,
    information_flow: str,
    *,
    fine_grained: str = "no",
    reasoning: str = "less",
    external_knowledge: str = "no",
) -> dict[str, str]:
    """The labels of a data set's card along the paper's six dimensions, dimension -> category.

    Each argument takes a category of the dimension of its name (``DIMENSIONS`` lists them); a task checks
    them when it is made. What is left out is the lesser: no detail decides, one step, no outside knowledge.

    >>> labels = dimension_labels("science", "uniqueness", "querying", external_knowledge="yes")
    >>> labels["external_knowledge"], labels["reasoning"]
    ('yes', 'less')
    """
    return {
        "use_case": use_case,
        "fine_grained": fine_grained,
        "reasoning": reasoning,
        "external_knowledge": external_knowledge,
        "interaction": interaction,
        "information_flow": information_flow,
    }


def check_labels(
    labels: Mapping[str, str],
    where: str,
    known: Mapping[str, Collection[str]] | None = None,
    kind: str = "dimension",
) -> None:
    """Raise UnknownName for a dimension or category that is not declared; ``where`` is named in the text.

    ``known``: dimension -> its categories, each dimension a ``kind``; without it those of tasks.

    >>> check_labels({"reasoning": "more"}, "my card")
    >>> check_labels({"reasoning": "much"}, "my card")
    Traceback (most recent call last):
        ...
    hemm.core.errors.UnknownName: unknown category of reasoning in my card 'much'; known: less, more
    """
    if known is None:
        known = {name: dimension.categories for name, dimension in taxonomy().items()}
    for name, category in labels.items():
        if name not in known:
            raise UnknownName(f"{kind} in {where}", name, known)
        if not isinstance(category, str) or category not in known[name]:
            raise UnknownName(f"category of {name} in {where}", str(category), known[name])
