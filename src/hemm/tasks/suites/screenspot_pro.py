"""ScreenSpot-Pro: where to click in large screens of professional programs. (Li et al. 2025)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from hemm.core import BadData, Card, Sample, Task, dimension_labels
from hemm.data.readers.rows import media_of, text_of
from hemm.parsing.regions import Point
from hemm.tasks.suites._hub import hub, rows
from hemm.tasks.suites._regions import box_in, in_dialects, size_of


def read(folder: Path) -> Iterator[Sample]:
    """The one split. A box's corners are in pixels, or fractions where none is above 1."""
    for _, where, row in rows(folder, "test"):
        picture, box = media_of(row, "image", where), _numbers(row, "bbox", where)
        if len(box) != 4:
            raise BadData(f"{where}: field 'bbox' has {len(box)} numbers, not four corners")
        size = size_of(picture)
        scale = size if max(box) <= 1 else (1, 1)
        corners = [value * scale[n % 2] for n, value in enumerate(box)]
        yield Sample(
            id=text_of(row, "id", where),
            media=(picture,),
            fields={
                "wish": text_of(row, "instruction", where),
                "width": str(size[0]),
                "height": str(size[1]),
            },
            references=(box_in(corners, size, where),),
            cluster=text_of(row, "img_filename", where),
            metadata={
                "answer_type": text_of(row, "ui_type", where),
                "width": size[0],
                "height": size[1],
                **{name: text_of(row, name, where, "") for name in ("application", "platform", "group")},
            },
        )


def _numbers(row: Mapping[str, Any], field: str, where: str) -> list[float]:
    """A list of numbers, or the text of one."""
    value = row.get(field)
    try:
        value = orjson.loads(value) if isinstance(value, str) else value
        return [float(number) for number in value or ()]
    except (orjson.JSONDecodeError, TypeError, ValueError):
        raise BadData(
            f"{where}: field {field!r} is no list of numbers: {str(row.get(field))[:60]!r}"
        ) from None


TASK = in_dialects(
    Task(
        name="screenspot_pro",
        card=Card(
            title="ScreenSpot-Pro",
            citation="Li, Meng, Lin, Luo, Tian, Ma, Huang, Chua. ScreenSpot-Pro: GUI Grounding for "
            "Professional High-Resolution Computer Use. 2025. arXiv 2504.07981.",
            homepage="https://gui-agent.github.io/grounding-leaderboard/",
            licence="MIT; the screens show programs of others",
            size="3 GB",
            splits={"test": 1581},
            labels=dimension_labels("hci", "uniqueness", "querying", fine_grained="yes"),
            labels_by="hemm",
            notes="Right is a point in the box of the element, its edge included, or a box whose middle "
            "is; components text and icon. Screens have up to 15 megapixels and targets a thousandth of "
            "that: a limit on pixels (--max-pixels, or a model's own) decides more than the model. Agents "
            "that crop and ask again are another thing. Instructions are the English ones. The dialect of "
            "coordinates is declared: thousandths, and :pixels, :yx, :fractions; one that would fit "
            "better is named in profile and report. A point a pixel wide in thousandths is 4 pixels wide "
            "on a large screen.",
        ),
        sources=hub(("TIGER-Lab/ScreenSpot-Pro", "lmms-lab/ScreenSpot-Pro"), read, "test"),
        prompt='{{ image }}\nWhere on this screen do you click to do this: "{{ wish }}"\n{{ instruction }}',
        answer=Point(),
        metrics=("point_in_box",),
    ),
    Point,
)
