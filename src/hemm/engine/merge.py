"""``hemm merge``: the cells of shards, and of other results folders, become one each."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from hemm.core import BadData, HemmError, canonical, digest_file, forms
from hemm.core.origin import same_origin
from hemm.core.text import counted
from hemm.core.user_files import shown
from hemm.data.files import read_table, sync_folder, sync_tree, temporary_folder
from hemm.engine.shards import Shard
from hemm.results import layout
from hemm.results.cell import CellWriter
from hemm.results.checked import ASK_AGAIN, read_run, write_run
from hemm.results.copies import take_over
from hemm.results.files import refuse_links, write_table
from hemm.results.forms import RUN
from hemm.results.lock import Lock
from hemm.results.places import places
from hemm.results.read import Cell, cell
from hemm.results.seal import write_calls
from hemm.results.selections import holds, united
from hemm.results.union import Conflict, Union, in_pack_order

_BEFORE = "before-"
"""Prefix of the folder, beside the shards, to which a merged cell moves while another takes its place."""

_SHARD = re.compile("[1-9][0-9]{0,5}/[1-9][0-9]{0,5}")

SHOWN = 10


@dataclass(frozen=True)
class Merged:
    """One cell that was merged, or was up to date.

    cells      the cells that it is made of
    missing    shards that are not there or not complete
    conflicts  requests to which two cells have different answers
    """

    folder: Path
    state: str
    answers: int
    cells: int
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    renewed: bool = True


def merge(
    out: Path,
    others: Sequence[Path] = (),
    *,
    newest: bool = False,
    told: Callable[[str], None] = lambda line: None,
) -> list[Merged]:
    """Unite the shards below ``out``, and what is in ``others`` (results folders), into the cells of ``out``.

    Answers are sealed in pack order, in the bytes that one run would have written. Shards stay; what is
    united already is not written again.

    Raises HemmError, before anything is written, where cells of one name differ in protocol, data, pack or
    the rules that make requests, where one is being written, and (without ``newest``) where two have
    different answers to one request.
    """
    if not out.is_dir():
        raise HemmError(f"there is no folder {out}: hemm run --shard 1/2 --out {out} makes one")
    for folder in others:
        if not folder.is_dir():
            raise HemmError(f"there is no folder {folder}")
    with Lock(out / layout.SHARDS / layout.LOCK):
        _sweep(out)
        groups = _groups([out, *others])
        if not groups:
            raise HemmError(f"{out} holds no shards: hemm run --shard 1/2 --out {out} makes one")
        _check(groups)
        return [_merge_cell(out / name, cells, newest, told) for name, cells in groups.items()]


def score_merged(folder: Path, told: Callable[[str], None]) -> None:
    """Score a united cell with its task's metrics and those that the commands of its shards named.

    A shard may be somebody else's: what it names runs no file that the user did not name here before, asks
    no judge and downloads nothing; such metrics are told and left out.
    """
    from hemm.engine.score import is_scored, score_cell
    from hemm.engine.stored_task import task_of
    from hemm.metrics import named_by_results

    stored = cell(folder)
    if not stored.parts:
        return
    task = task_of(stored, code=True)
    named = [name for c in stored.run["commands"] for name in (c.get("options") or {}).get("metrics", ())]
    specs = [name for name in dict.fromkeys(map(str, named)) if not name.startswith("{")]
    metrics, left_out = named_by_results(specs, folder.parents[2])
    for spec, why in left_out.items():
        told(f"{folder}: --metric {spec} of a shard's command is left out: {why}")
    if is_scored(folder, task, metrics):
        return
    outcomes = score_cell(folder, task, metrics, told=told)
    with CellWriter(folder, {}, told) as writer:
        writer.run["outcomes"] = outcomes
        writer.save()


def unmerged(out: Path) -> list[Path]:
    """The cells of shards below ``out`` of which the merged cells have not all answers."""
    found = []
    for path in sorted((out / layout.SHARDS).glob(f"*/*/*/*/{layout.RUN}")):
        run = read_run(path.parent) or {}
        target = read_run(out.joinpath(*path.parts[-4:-1])) or {}
        there = set(target.get("merged", {}).get("from", ()))
        if run.get("state") == "open" or not {p["sha256"] for p in run.get("parts", ())} <= there:
            found.append(path.parent)
    return found


def _groups(roots: Sequence[Path]) -> dict[Path, list[Path]]:
    """Name of a cell (model, task, protocol) -> the folders to be united in it, of those that have several or
    a shard: a cell that the first root alone has needs no merging."""
    found: dict[Path, list[Path]] = {}
    first = roots[0].resolve()
    for root in dict.fromkeys(folder.resolve() for folder in roots):
        own = sorted(root.glob(f"*/*/*/{layout.RUN}"))
        shards = sorted((root / layout.SHARDS).glob(f"*/*/*/*/{layout.RUN}"))
        if not own and not shards and root != first:
            raise HemmError(f"{root} holds no results: give a folder that hemm run --out wrote")
        for path in (*own, *shards):
            folders = found.setdefault(Path(*path.parts[-4:-1]), [])
            if path.parent not in folders:  # one of the roots may lie in another
                folders.append(path.parent)
    return {name: folders for name, folders in sorted(found.items()) if folders != [first / name]}


def _check(groups: Mapping[Path, Sequence[Path]]) -> None:
    """Raise HemmError, naming all, where cells of one name are not answers to the same requests."""
    wrong: list[str] = []
    for folders in groups.values():
        runs = [(folder, _whole(folder)) for folder in folders]
        for (_, one), (folder, other) in zip(runs[:1] * len(runs), runs[1:], strict=False):
            wrong += [f"{folder}: {why}, unlike {runs[0][0]}" for why in _differences(one, other)]
    if wrong:
        raise HemmError(f"these cells cannot be one: {_listed(wrong)}")


def _listed(lines: Sequence[object]) -> str:
    """The first lines, and how many more there are."""
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(map(str, lines[:SHOWN])) + more


def _whole(folder: Path) -> dict[str, Any]:
    """run.json of a cell. Raises BadData where it lacks something: it may be somebody else's."""
    run = read_run(folder) or {}
    forms.check(run, RUN, folder / layout.RUN, ASK_AGAIN)
    for record in run["selections"]:
        if "shard" in record and not _SHARD.fullmatch(record["shard"]):
            raise BadData(f"{folder / layout.RUN}: a selection is of shard {shown(record['shard'])}")
    return run


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    if one.get("protocol") != other.get("protocol") or one.get("task") != other.get("task"):
        yield f"another protocol ({str(other.get('protocol'))[:12]})"
    if not same_origin(one.get("origin") or {}, other.get("origin") or {}):
        yield "other data"
    if one["pack"]["hash"] != other["pack"]["hash"]:
        yield f"another pack (hash {other['pack']['hash'][:12]}, prepared from {other['pack'].get('source')})"
    if one.get("request_rules") != other.get("request_rules"):
        yield f"request rules {other.get('request_rules')}: run its shard again with this version"


def _merge_cell(target: Path, folders: Sequence[Path], newest: bool, told: Callable[[str], None]) -> Merged:
    with ExitStack() as locks:
        for folder in folders:
            _settle(folder, locks, told)
        cells = [cell(folder) for folder in folders]
        before = next((c for c in cells if c.folder == target.resolve()), None)
        others = [c for c in cells if c is not before]
        parts = {seal.sha256 for c in others for seal in c.parts}
        if before is not None and (merged := _merged(before)):
            closes = bool(merged["missing"]) and not _selections(cells)[1]  # as an earlier version left it
            if set(merged["from"]) == parts and not closes:
                rows = sum(seal.rows for seal in before.parts)
                missing = tuple(merged["missing"])
                return Merged(target, before.state, rows, len(others), missing, renewed=False)
            if not merged["own"] and set(merged["from"]) <= parts:
                cells = others  # all that it has is in these
        union = Union(cells, newest)
        if union.conflicts and not newest:
            raise HemmError(
                f"to {counted(len(union.conflicts), 'request')} of {cells[0].model} on {cells[0].task} there "
                f"are two different answers ({_listed(union.conflicts)}): --newest keeps the one "
                "that was had last, or move one of the cells away"
            )
        with temporary_folder(target.parents[2]) as made:
            run = _write(made / target.name, union, cells, before, told)
            _put_in_place(made / target.name, target)
    missing = tuple(run["merged"]["missing"])
    return Merged(target, run["state"], len(union), len(others), missing, tuple(union.conflicts))


def _settle(folder: Path, locks: ExitStack, told: Callable[[str], None]) -> None:
    """Take the lock of a cell, and seal the answers that a killed process left in its journal."""
    writer = CellWriter(folder, {}, told)
    with writer:
        for line in writer.warnings:
            told(line)
        if writer.journaled or writer.warnings:
            if writer.parts_lost:  # the shard is not complete any more
                writer.run["state"] = "open"
            writer.plan(0)
            writer.seal_rest()
            writer.save()
    locks.enter_context(Lock(folder / layout.LOCK))


def _merged(before: Cell) -> dict[str, Any] | None:
    """What run.json says of the merge that made this cell; None where it was changed since."""
    merged = before.run.get("merged") or {}
    return merged if merged.get("parts") == [seal.sha256 for seal in before.parts] else None


def _write(
    folder: Path, union: Union, cells: Sequence[Cell], before: Cell | None, told: Callable[[str], None]
) -> dict[str, Any]:
    """Write the united cell, and return its run.json. ``before``: the cell whose place it takes."""
    seals = union.write(folder)
    calls = write_calls(folder, layout.CALLS, (c.calls() for c in cells))
    for c in cells if before is None or before in cells else (before, *cells):
        refuse_links(c.folder)
        if left_out := take_over(c.folder, folder):
            told(f"{c.folder}: {counted(left_out, 'file')} that hemm did not write, or damaged: left out")
    _write_unscored(folder, cells)
    paths = [c.folder / layout.STRATA for c in cells]
    strata = united(read_table(path) if path.exists() else None for path in paths)
    if strata is not None:
        write_table(folder / layout.STRATA, in_pack_order(strata, cells))
    runs = sorted(
        (c.run for c in cells), key=lambda run: run["commands"][-1]["started"] if run["commands"] else 0
    )
    selections, missing = _selections(cells)
    short = _expected(selections, runs[-1]["pack"]["hash"]) - len(union)
    if short > 0 and not missing:
        missing = [counted(short, "answer")]
    run = {
        **runs[-1],
        "schema_version": layout.SCHEMA_VERSION,
        "selections": selections,
        "parts": [seal.to_json() for seal in seals],
        "calls": calls.to_json(),
        "files": {
            name: [digest_file(folder / name)]
            for name in (layout.UNSCORED, layout.STRATA)
            if (folder / name).exists()
        },
        "commands": sorted((c for r in runs for c in r["commands"]), key=lambda c: float(c["started"])),
        "tokens": {kind: _sum(r.get("tokens", {}).get(kind) for r in runs) for kind in ("input", "output")},
        "cost": _sum(r.get("cost") for r in runs),
        "places": places(folder / layout.CALLS),
        "wall_time": round(sum(r.get("wall_time", 0.0) for r in runs), 3),
        "merged": {
            "from": sorted({p.sha256 for c in cells if c is not before for p in c.parts}),
            "own": before in cells,
            "parts": [seal.sha256 for seal in seals],
            "missing": missing,
        },
    }
    failures = Cell(folder, run).answers(["failure"])["failure"]
    run["errors"] = len(failures) - failures.null_count
    sealed = f"sealed with {counted(run['errors'], 'error')}" if run["errors"] else "sealed"
    run["state"] = "open" if missing else sealed
    write_run(folder, run)
    return run


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _write_unscored(folder: Path, cells: Sequence[Cell]) -> None:
    """List the answers that no cell scores."""
    tables = [table for c in cells if (table := c.unscored()).num_rows]
    if not tables:
        return
    lists = pa.concat_tables(tables)
    keys = ["id", "repeat", "request_key"]
    scored = pa.concat_tables([c.answers(keys) for c in cells])
    there = set(zip(*(scored[name].to_pylist() for name in keys), strict=True))
    rows = {tuple(row[name] for name in keys): row for row in lists.to_pylist()}
    kept = [row for key, row in rows.items() if key not in there]
    if kept:
        write_table(folder / layout.UNSCORED, pa.Table.from_pylist(kept, layout.UNSCORED_SCHEMA))


def _selections(cells: Sequence[Cell]) -> tuple[list[dict[str, Any]], list[str]]:
    """The selections of all cells, those of which every shard is complete as one; and what is missing."""
    found: dict[bytes, dict[str, Any]] = {}
    shards: dict[bytes, dict[Shard, tuple[dict[str, Any], bool]]] = {}
    complete: list[dict[str, Any]] = []
    missing: list[str] = []
    for c in cells:
        ended = c.state != "open"
        for record in c.run["selections"]:
            if "shard" not in record:
                found[canonical(record)] = record
                complete += [record] if ended else []
                continue
            shard = Shard.parse(record["shard"])
            known = shards.setdefault(canonical({**_whole_of(record), "count": shard.count}), {})
            there = ended or _is_merged(c, record)
            known[shard] = (record, there or known.get(shard, (record, False))[1])
        if not ended and "merged" not in c.run and any("shard" not in r for r in c.run["selections"]):
            missing.append(str(c.folder))
    for parts in shards.values():
        records = [record for record, ended in parts.values() if ended]
        if len(records) == next(iter(parts)).count:
            joined = {k: v for k, v in records[0].items() if k != "shard"}
            joined |= {name: sum(record[name] for record in records) for name in ("units", "samples")}
            complete.append(found.setdefault(canonical(joined), joined))
    for parts in shards.values():
        count, (record, _) = next(iter(parts)).count, next(iter(parts.values()))
        if any(_contains(whole, record) for whole in complete):
            continue  # such as one shard of another number, which was given by mistake
        found.update({canonical(record): record for record, _ in parts.values()})
        done = {shard.number for shard, (_, ended) in parts.items() if ended}
        missing += [_shard_name(f"{n}/{count}", record) for n in range(1, count + 1) if n not in done]
    return list(found.values()), list(dict.fromkeys(missing))


def _whole_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What all shards of a selection say alike."""
    return {k: v for k, v in record.items() if k not in ("shard", "units", "samples")}


def _shard_name(shard: str, record: Mapping[str, Any]) -> str:
    """A shard of a selection as ``missing`` names it: ``shard 2/4 of --limit 100``."""
    return f"shard {shard}" + ("" if record["limit"] is None else f" of --limit {record['limit']}")


def _is_merged(one: Cell, record: Mapping[str, Any]) -> bool:
    """Whether an earlier merge put all of this shard into a cell that is still open: it may be gone since."""
    merged = _merged(one)
    if merged is None:
        return False
    names = {f"shard {record['shard']}", _shard_name(record["shard"], record)}  # the first: without its limit
    return names.isdisjoint(merged["missing"])


def _contains(whole: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a selection has all answers of that of which ``record`` is a shard."""
    same = whole["pack"] == record["pack"] and whole["repeats"] >= record["repeats"]
    return same and holds(whole, _whole_of(record))


def _expected(selections: Sequence[Mapping[str, Any]], pack: str) -> int:
    """How many answers these selections have at least, in this pack."""
    return max((r["samples"] * r["repeats"] for r in selections if r.get("pack") == pack), default=0)


def _put_in_place(made: Path, target: Path) -> None:
    """Put the united cell where the cell before it is, which moves beside the shards first: a kill in between
    leaves it there, for the next merge to find."""
    out = target.parents[2]
    aside = out / layout.SHARDS / f"{_BEFORE}{uuid.uuid4().hex[:12]}"
    sync_tree(made)
    if target.exists():
        old = aside / target.relative_to(out)
        old.parent.mkdir(parents=True)
        target.rename(old)
    target.parent.mkdir(parents=True, exist_ok=True)
    made.rename(target)
    sync_folder(target.parent)
    for leftover in (out / layout.SHARDS).glob(f"{_BEFORE}*/{target.relative_to(out).as_posix()}"):
        (leftover / layout.RUN).unlink(missing_ok=True)  # first, so that what a kill leaves of it is no cell
    _sweep(out)


def _sweep(out: Path) -> None:
    """Remove what is left beside the shards of cells that others took the place of."""
    for place in (out / layout.SHARDS).glob(f"{_BEFORE}*"):
        for folder in place.glob("*/*/*"):
            if not (folder / layout.RUN).exists():
                shutil.rmtree(folder)
        for folder in (*place.glob("*/*"), *place.glob("*"), place):
            with suppress(OSError):  # other cells are in it
                folder.rmdir()
