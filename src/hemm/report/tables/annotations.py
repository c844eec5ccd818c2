"""What people said, as a file: labels, those that hold, scores for ``hemm judge-check``, votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hemm.analysis.annotations.labels import (
    ADJUDICATED,
    COLUMNS,
    SCORES,
    adjudicated_rows,
    label_rows,
    labelled,
    score_rows,
)
from hemm.core import HemmError, UnknownName
from hemm.core.secrets import hide
from hemm.core.text import counted
from hemm.data.files import replacing, write_atomic
from hemm.report.tables.writer import to_csv
from hemm.results.annotations import CURRENT_VOTES, Annotations, path_in

VOTES = (
    *("annotator", "task", "sample", "sample_hash", "left_model", "right_model", "choice", "winner"),
    *("purpose", "reason", "note", "left_answer", "right_answer", "time", "version"),
)


def export(folder: Path, file: Path, what: str) -> list[str]:
    """Write what was said to a ``.csv`` or ``.parquet`` file; lines on what is in it. Raises HemmError where
    nothing was."""
    if file.suffix not in (".csv", ".parquet"):
        raise HemmError(f"{file}: an export is a .csv or .parquet file")
    if not path_in(folder).exists():
        raise HemmError(f"{folder} has no {path_in(folder).name}: hemm annotate {folder} makes one")
    store = Annotations(folder, reading=True)
    lines: list[str] = []
    columns: Sequence[str]
    try:
        if what == "labels":
            rows, columns = label_rows(store), COLUMNS
        elif what == "scores":
            rows, columns = score_rows(store), SCORES
        elif what == "votes":
            rows, columns = _votes(store), VOTES
        elif what == "adjudicated":
            (rows, left), columns = adjudicated_rows(labelled(store)), ADJUDICATED
            if left:
                told = counted(
                    left, "label on which annotators differ is", "labels on which annotators differ are"
                )
                lines.append(f"{told} left out: nobody decided yet (/organise/labels of hemm annotate)")
        else:
            raise UnknownName("export", what, ("labels", "adjudicated", "scores", "votes"))
    finally:
        store.close()
    if not rows:
        raise HemmError(f"{store.path} has nothing of this to write{': ' + lines[0] if lines else ''}")
    _write(file, rows, columns)
    return [f"{file}: {counted(len(rows), 'row')}", *lines]


def _votes(store: Annotations) -> list[dict[str, Any]]:
    rows = store.rows(CURRENT_VOTES)
    names = {"left": "left_model", "right": "right_model"}
    return [
        {**row, "winner": row[names[row["choice"]]] if row["choice"] in names else row["choice"]}
        for row in rows
    ]


def _write(file: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    if file.suffix == ".csv":
        write_atomic(file, hide(to_csv(rows, columns)).encode())
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: [row[name] for row in rows] for name in columns})
    with replacing(file) as temporary:
        pq.write_table(table, temporary, compression="zstd")
