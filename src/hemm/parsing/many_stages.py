"""How a set of options is read: a list of letters or texts, after an explicit marker where there is one."""

from __future__ import annotations

import re

from hemm.core import Reading
from hemm.parsing.answer_text import body_of, unmarked
from hemm.parsing.clauses import NEGATION
from hemm.parsing.markers import ordered
from hemm.parsing.options import Options
from hemm.parsing.patterns import late
from hemm.parsing.refusal import refuses
from hemm.parsing.stages import MARKER, STRUCTURED, WHOLE

_SEPARATED = late(r"\s*[;\n]\s*")
_LISTED = late(r"\s*(?:[,;/|\n、，；]|\band\b|&|\+|\bund\b|\bet\b|\by\b)\s*", re.IGNORECASE)
_NOTHING = late(r"^\W*(?:none(?: of (?:these|them|the above))?|nothing|no labels?)\W*$", re.IGNORECASE)


def many_of(text: str, table: Options) -> Reading:
    """The numbers of the options that ``text`` names, as a set; the empty one for ``none``."""
    body = body_of(text)
    clean = unmarked(body)
    listed, span, stage = clean.text, clean.span(0, len(clean.text)), WHOLE
    for piece, place, mark in ordered(body, clean)[:1]:
        listed, span, stage = piece, place, STRUCTURED if mark.structured else MARKER
    if not listed:
        return Reading()
    numbers = _listed(listed, table)
    return Reading() if numbers is None else Reading(frozenset(numbers), stage, span)


def _listed(text: str, table: Options) -> set[int] | None:
    exact = table.raw(text)
    if exact is not None:
        return {exact}
    if _NOTHING.match(text):
        return set()
    for separator in (_SEPARATED, _LISTED):
        read = [table.exact(item) for item in separator.split(text) if item.strip()]
        if read and all(len(found) == 1 for found in read):
            return set().union(*read)
    run = re.sub(r"[\s,;.]", "", text)
    if table.marks and set(run) <= {m for m in table.marks if len(m) == 1} and len(set(run)) == len(run):
        return {table.marks.index(mark) for mark in run}
    if refuses(text) or NEGATION.search(text):
        return None
    return {number for number, _, _ in (*table.mentions(text), *table.explicit(text))} or None
