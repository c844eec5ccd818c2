"""What tasks, models and metrics of other packages may import: these names, and from nowhere else."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = {
    "hemm": "HemmError __version__ compare load report run",
    "hemm.core": """
        CONTROLS DIMENSIONS AnswerFormat BadData BatchModel Binds Capabilities Card CellLocked CorpusMetric
        Dimension Failure Generation Group HemmError Identity Judge Judged Layout LeftOut Media Message Metric
        MissingExtra Model Notice OutOfMemory Outcome Pack PackIndex Progress ProtocolSpec Reading Registry
        Request RequestModel Response Sample Scores SetMetric Source Task UnknownName Usage canonical
        check_labels completed completed_model content_id declare digest digest_bytes digest_file
        dimension_labels keyed_number keyed_unit lacking nearest redact request_key slug sniff storable""",
    "hemm.data": """
        ByHand File FileFinder Generated Http Hub Ids Kaggle Limits Local Retry below by_folder csv_rows
        hub_rows in_folders json_items json_rows json_value jsonl_rows list_of media_of objects
        parquet_rows pickle_value reading row_id table_rows text_of texts_of whole_of xlsx_rows""",
    "hemm.parsing": """
        Box Caption Expression FreeText ManyOf Number OneOf Picture Pictured Point ShortAnswer YesNo
        answered join_labels letters only_refuses read_number split_labels without_markdown yes_or_no""",
    "hemm.metrics": "METRICS SampleMetric metric_key resolve same spec_of texts written",
    "hemm.models": "MODELS PROTOCOL_SETTINGS Factory ModelOptions resolve",
    "hemm.tasks": "MORE REPORTED SUITES TASKS resolve select",
    "hemm.testing": "IdealSolver PlantedInteractions check_format check_metric check_model check_task",
}
OF_0_1_0 = {
    "hemm.data.hub": "Hub",
    "hemm.data.rows": "jsonl_rows",
    "hemm.data.sources": "Generated Http Hub Kaggle Local",
    "hemm.data.pack": "find_pack open_pack",
    "hemm.metrics.base": "SampleMetric texts",
    "hemm.metrics.formats": "Caption FreeText ManyOf Number OneOf ShortAnswer YesNo",
    "hemm.metrics.outcome": "judge",
    "hemm.metrics.picture_format": "Picture",
    "hemm.tasks.probes.base": "generate",
    "hemm.tasks.probes.shapes": "FAMILY",
}
"""What the pages of version 0.1.0 imported: files that people wrote by them still load."""
ALLOWED = {*PUBLIC, "hemm.report", "hemm.tasks.probes"}
"""Rooms whose names examples may import; a notebook also draws reports and probes."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLUGINS = [ROOT / "tests/replica_plugin.py"]
IMPORT = re.compile(r"^\s*from (hemm[\w.]*) import|^\s*import (hemm[\w.]*)", re.MULTILINE)


@pytest.mark.parametrize("room", PUBLIC)
def test_a_room_exports_these_names(room: str) -> None:
    module = importlib.import_module(room)
    assert sorted(module.__all__) == sorted(PUBLIC[room].split())
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("module", OF_0_1_0)
def test_names_are_still_where_pages_of_0_1_0_had_them(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"from {module} import {', '.join(OF_0_1_0[module].split())}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", [*PAGES, *PLUGINS], ids=lambda path: path.name)
def test_examples_import_from_these_rooms_alone(file: Path) -> None:
    used = {one or other for one, other in IMPORT.findall(file.read_text("utf-8"))} - {"hemm_worker"}
    assert used <= ALLOWED


def test_examples_import_exported_names() -> None:
    for page in PAGES:
        for block in re.findall(r"^```python[^\n]*\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and node.module in PUBLIC:
                    assert {a.name for a in node.names} <= set(PUBLIC[node.module].split()), page
