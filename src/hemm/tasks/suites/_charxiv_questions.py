"""CharXiv's nineteen kinds of descriptive questions, in words of our own."""

from __future__ import annotations

from collections.abc import Mapping

NONE = "Not Applicable"
_AXIS_X = (
    "An axis that several subplots share counts; of one above and one below, the one below. Leave out "
    "units and scales that stand apart from the tick."
)
_AXIS_Y = (
    "An axis that several subplots share counts; of one on the left and one on the right, the left one. "
    "Leave out units and scales that stand apart from the tick."
)
_STEP = f"Where ticks are missing, are no numbers or have unequal steps, answer '{NONE}'."
_LINES = "Grid lines, tick marks and straight auxiliary lines do not count."
_LEGEND = f"A legend beside the plot counts if it is about it; without one, answer '{NONE}'."
_BAR = f"Leave out a percent sign. Without a colour bar for this plot, answer '{NONE}'."

QUESTIONS: Mapping[int, str] = {
    1: f"what is written as its title? Without a title, or with a letter alone, answer '{NONE}'.",
    2: "what is the label of the x-axis? A shared axis counts; of one above and one below, the one "
    "below. Without "
    f"a label, answer '{NONE}'.",
    3: "what is the label of the y-axis? A shared axis counts; of one on the left and one on the right, "
    "the left "
    f"one. Without a label, answer '{NONE}'.",
    4: f"which labelled tick of the x-axis is farthest left? {_AXIS_X}",
    5: f"which labelled tick of the x-axis is farthest right? {_AXIS_X}",
    6: f"which labelled tick of the y-axis is lowest in space? {_AXIS_Y}",
    7: f"which labelled tick of the y-axis is highest in space? {_AXIS_Y}",
    8: f"by how much do neighbouring ticks of the x-axis differ? {_AXIS_X} {_STEP}",
    9: f"by how much do neighbouring ticks of the y-axis differ? {_AXIS_Y} {_STEP}",
    10: f"how many lines are drawn? {_LINES} Without lines, or where it is no line plot, answer '{NONE}'.",
    11: f"does any line cross another one? Answer 'Yes' or 'No'. {_LINES} Without lines, or where it is "
    "no line "
    f"plot, answer '{NONE}'.",
    12: f"how many separate labels does the legend have? {_LEGEND}",
    13: "which labels does the legend have? Give them from top to bottom, then from left to right, with "
    "commas "
    f"between them. {_LEGEND}",
    14: f"what is the highest tick of the colour bar less the lowest one? {_BAR}",
    15: f"what is the highest tick of the colour bar? {_BAR}",
    16: "how do the data go from left to right? Answer in a few words, such as 'increases' or "
    "'increases, then "
    "stays level'.",
    17: "how many labelled ticks are there on all axes together? Shared axes count.",
    18: "How are the subplots arranged? Answer 'n by m', with n rows and m columns; '1 by 1' for a "
    "single plot.",
    19: "How many subplots are there? Answer '1' for a single plot.",
}
"""Number of the template -> the question, which goes on from ``which_plot`` but for the last two."""
WHOLE_FIGURE = (18, 19)


def kind_of(number: int) -> str:
    """The authors' five kinds."""
    if number <= 7:
        return "information extraction"
    if number in (8, 9, 13, 14, 15):
        return "enumeration"
    if number in (11, 16, 18):
        return "pattern recognition"
    return "compositionality" if number == 17 else "counting"


def asked(number: int, row: int, column: int, place: str) -> str:
    """A descriptive question about one plot of a figure.

    row, column  of the subplot, from 1; 0: there is one plot
    place        in words, where subplots stand in no grid; else empty

    >>> asked(10, 2, 1, "").partition("?")[0]
    'For the subplot in row 2 and column 1: how many lines are drawn'
    """
    if number in WHOLE_FIGURE:
        return QUESTIONS[number]
    which = "the plot" if not row else f"the subplot in row {row} and column {column}"
    return f"For {place or which}: {QUESTIONS[number]}"
