"""What users' stored work hangs on, as a list: ids, hashes, prompts, protocols, sealed answers, scores.

``write(folder)`` makes every task and variant from the test layouts, asks the baselines (and ``tiny`` in
several protocols), and gives one row a cell. ``python tests/unchanged/listing.py`` writes the list anew: only
a change that is meant to ask users' models again may do so. With names it writes the rows of these tasks
alone, as for a new data set.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
LIST = HERE / "list.json"
MODELS = ("baseline/oracle", "baseline/random", "baseline/majority")
PROTOCOLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "none": {"control": "none"},
    "grey": {"control": "grey"},
    "shuffle": {"control": "shuffle"},
    "noise": {"perturb": "noise:20"},
    "shots": {"shots": 2},
    "system": {"system": "Answer briefly.", "max_pixels": 900},
    "repeats": {"repeats": 2, "settings": {"temperature": "0.7"}},
    "likelihood": {"tasks": ["probe_shapes", "probe_legend"], "settings": {"scoring": "likelihood"}},
    "prompt": {"prompt": "{{ question }}\n{{ options }}\n{{ image }}\n{{ instruction }}"},
}
SAMPLES = 24


def forms() -> list[str]:
    """Every task that has a layout, and its variants."""
    from hemm.tasks import MORE, SUITES, resolve

    names = [*SUITES["hemm"], *MORE]
    return [form for name in names for form in (name, *(f"{name}:{v}" for v in resolve(name).variants))]


def cell_row(folder: Path) -> dict[str, Any]:
    """One stored cell, all of it by content: two equal rows are two equal cells."""
    from hemm.core import digest

    run = json.loads((folder / "run.json").read_text())
    answers = [row for part in run["parts"] for row in pq.read_table(folder / part["file"]).to_pylist()]
    tables = {
        # which rule read an answer is no score
        p.stem: pq.read_table(p).drop_columns(["stage", "span"])
        for p in sorted((folder / "scores").glob("*.parquet"))
    }
    aggregates = json.loads((folder / "scores/aggregates.json").read_text())
    computed = any(a["options"] for a in answers)
    if computed:  # the last digits of log-probabilities differ between processors
        for answer in answers:
            answer["options"] = sorted(range(len(answer["options"])), key=lambda i: -answer["options"][i])
        tables = {name: table.drop_columns(["response_hash"]) for name, table in tables.items()}
    scores = {
        name: digest([sorted(map(str, row.items())) for row in table.to_pylist()], 16)
        for name, table in tables.items()
    }
    return {
        "cell": "/".join(folder.parts[-3:]),
        "answers": len(answers),
        "ids": digest([a["id"] for a in answers], 16),
        "sample_hashes": digest([a["sample_hash"] for a in answers], 16),
        "request_keys": digest([a["request_key"] for a in answers], 16),
        "prompts": digest([a["prompt"] for a in answers], 16),
        "media": digest([a["media"] for a in answers], 16),
        "stored": digest([sorted((k, str(v)) for k, v in a.items()) for a in answers], 16),
        "sealed": [] if computed else [part["sha256"][:16] for part in run["parts"]],
        "outcomes": aggregates["outcomes"],
        "scores": scores,
        "values": {
            key: {name: value["value"] for name, value in row["components"].items()}
            for key, row in aggregates["metrics"].items()
        },
    }


def task_rows(form: str, folder: Path) -> dict[str, Any]:
    """The pack of one task and its cells by the baselines. ``HEMM_CACHE`` is set by the caller."""
    import hemm
    from hemm.core import HemmError
    from hemm.tasks import resolve
    from layouts import write_layout

    task = resolve(form)
    write_layout(form, folder / "original", SAMPLES)
    pack = _prepare(task, folder / "original")
    found: dict[str, Any] = {"pack": pack.hash, "questions": pack.questions_hash, "rows": len(pack)}
    found["readers"] = [_reader(source.layout) for source in task.sources]
    for model in MODELS:
        try:
            cells = list(hemm.run(model, form, out=folder / "results"))
        except HemmError as error:
            found[model] = {"error": str(error)}
            continue
        found[model] = [cell_row(cell.folder) for cell in cells]
    return found


def _reader(layout: Any) -> str:
    from hemm.data.readers.layouts import reader_digest

    return reader_digest(layout)


def _prepare(task: Any, folder: Path) -> Any:
    from hemm.data.pack.prepare import prepare

    return prepare(task, folder=folder)


def tiny_rows(name: str, folder: Path) -> dict[str, Any]:
    """Protocol ``name`` asked of ``tiny`` and of chance on the probes."""
    import hemm

    options = {"limit": 6, "balanced": True, **PROTOCOLS[name]}  # the order that a limit had in 0.1.0
    found: dict[str, Any] = {}
    for model in ("tiny", "baseline/random"):
        if model != "tiny" and "settings" in options:
            continue
        cells = hemm.run(model, out=folder, batch_size=4, **options)
        found[model] = [cell_row(cell.folder) for cell in cells]
    return found


def probe_readers() -> dict[str, list[str]]:
    """What packs of the probes remember of who drew them."""
    from hemm.tasks import SUITES, resolve

    return {name: [_reader(source.layout) for source in resolve(name).sources] for name in SUITES["probes"]}


def environment() -> dict[str, str]:
    """Versions of what encodes pictures, writes Parquet and computes: other versions may give other bytes."""
    from importlib.metadata import version

    return {name: version(name) for name in ("pillow", "pyarrow", "torch", "transformers", "numpy")}


def write(folder: Path) -> dict[str, Any]:
    """The whole list."""
    os.environ["HEMM_CACHE"] = str(folder / "cache")
    from hemm.engine.requests import REQUEST_RULES

    rows: dict[str, Any] = {
        "environment": environment(),
        "request_rules": REQUEST_RULES,
        "tasks": {},
        "protocols": {},
        "probes": probe_readers(),
    }
    for form in forms():
        print(form, file=sys.stderr)
        rows["tasks"][form] = task_rows(form, folder / form.replace(":", "-"))
    for name in PROTOCOLS:
        print(name, file=sys.stderr)
        rows["protocols"][name] = tiny_rows(name, folder / name)
    return rows


def request_keys(rows: Any) -> list[str]:
    """All digests of request keys in a list, in its order."""
    if isinstance(rows, dict):
        own = [rows["request_keys"]] if "request_keys" in rows else []
        return own + [key for name in sorted(rows) for key in request_keys(rows[name])]
    return [key for row in rows for key in request_keys(row)] if isinstance(rows, list) else []


def write_some(names: list[str], folder: Path, before: dict[str, Any]) -> dict[str, Any]:
    """The list with new rows for the tasks ``names`` and their variants."""
    os.environ["HEMM_CACHE"] = str(folder / "cache")
    wanted = [form for form in forms() if form.partition(":")[0] in names]
    if not wanted or before["environment"] != environment():
        sys.exit(f"no task {names}, or other versions than {before['environment']}: make setup has these")
    rows = {form: task_rows(form, folder / form.replace(":", "-")) for form in wanted}
    return {**before, "tasks": {**before["tasks"], **rows}}


def shared(rows: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A list without the tasks that another one does not have: a new task changes no request."""
    return {**rows, "tasks": {form: row for form, row in rows["tasks"].items() if form in other["tasks"]}}


if __name__ == "__main__":
    import tempfile

    sys.path.insert(0, str(HERE.parent))
    before = json.loads(LIST.read_text())
    with tempfile.TemporaryDirectory() as temporary:
        chosen = sys.argv[1:]
        found = write_some(chosen, Path(temporary), before) if chosen else write(Path(temporary))
    changed = request_keys(shared(found, before)) != request_keys(shared(before, found))
    if changed and found["request_rules"] == before["request_rules"]:
        sys.exit("requests changed: raise REQUEST_RULES in hemm/engine/requests.py, then write the list")
    LIST.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
