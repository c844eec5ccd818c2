"""Files of somebody else's whose checksum is true: every member of run.json and aggregates.json is taken out,
or has a value of another type, and every command that reads cells is given them.

Each ends with its output, or with one line that names the file and the member.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from hemm.cli import status
from hemm.data.checked import sealed

ALL = bool(os.environ.get("HEMM_MEMBERS"))
"""Whether each member gets all values, and each change all commands; else these take turns."""
OTHER_VALUES: tuple[Any, ...] = (None, 7, "x", [], {}, [[1]], {"a": {"b": 1}}, -1.5, True)
GONE = object()

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("report", "r", "-o", "out.html"),
    ("profile", "r"),
    ("profile", "r", "--format", "json", "--bootstrap"),
    ("score", "r"),
    ("score", "r", "--again", "--task", "even.tsv"),
    ("compare", "r"),
    ("variance", "r"),
    ("diff", "r", "--model", "baseline/oracle", "--model", "baseline/majority"),
    ("doctor", "r"),
    ("doctor", "r", "--repair"),
    ("merge", "r"),
    ("judge-check", "r", "--template", "out.csv", "--metric", "accuracy"),
    ("preferences", "votes.jsonl", "--results", "r"),
    ("run", "baseline/oracle", "--task", "even.tsv", "--out", "r", "--limit", "5"),
    ("run", "baseline/oracle", "--task", "even.tsv", "--out", "r", "--dry-run"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two models: a cell of shards that were merged, one that was stopped early, limited ones."""
    home = tmp_path_factory.mktemp("members")
    rows = "".join(f"{i}\tIs {i} even?\t{'no' if i % 2 else 'yes'}\n" for i in range(24))
    (home / "even.tsv").write_text("id\tquestion\tanswer\n" + rows)
    vote = {"a": "baseline/oracle", "b": "baseline/majority", "winner": "a", "sample": "1", "task": "even"}
    (home / "votes.jsonl").write_text(json.dumps(vote) + "\n")
    with contextlib.chdir(home):
        for words in (
            ("run", "baseline/majority", "--task", "even.tsv", "--limit", "9", "--metric", "token_f1"),
            ("run", "baseline/majority", "--task", "probe_shapes", "--until-ci", "20"),
            ("run", "baseline/random", "--task", "even.tsv", "--set", "temperature=1", "--repeats", "2"),
            ("run", "baseline/oracle", "--task", "even.tsv", "--shard", "1/2", "--limit", "12"),
            ("run", "baseline/oracle", "--task", "even.tsv", "--shard", "2/2", "--limit", "12"),
        ):
            assert said([*words, "--out", "r"])[0] == 0, words
        assert said(["merge", "r"])[0] == 0
    return home


def said(words: list[str]) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = status(words)
    return code, out.getvalue(), err.getvalue()


def members(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each member, at every level."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from members(inner, (*at, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    copy = orjson.loads(orjson.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if new is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return copy


def of_other_type(value: Any) -> list[Any]:
    return [
        GONE,
        *(new for new in OTHER_VALUES if type(new) is not type(value) or isinstance(new, list | dict)),
    ]


def is_told(error: str, file: Path, path: tuple[Any, ...]) -> bool:
    """Whether the one line names the file and the member, or the one around or inside it."""
    names = [str(key) for key in path if isinstance(key, str)]
    return file.name in error and any(name in error for name in names[-2:])


def restored(home: Path, whole: Path) -> None:
    shutil.rmtree(home / "r", ignore_errors=True)
    shutil.copytree(whole / "r", home / "r")


@pytest.mark.parametrize("name", ["run.json", "aggregates.json"])
def test_a_member_that_lacks_or_is_of_another_type_is_one_line(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(made, home)
    monkeypatch.chdir(home)
    wrong: list[str] = []
    seen: set[tuple[Any, ...]] = set()
    turn = tried = 0
    for file in sorted(home.glob(f"r/**/{name}")):
        content = file.read_bytes()
        value = orjson.loads(content)
        value.pop("sha256")
        for path in members(value):
            inner = value
            for key in path:
                inner = inner[key]
            others = of_other_type(inner)
            kind = (*("*" if isinstance(key, int) else key for key in path), type(inner))
            if kind in seen and not ALL:
                continue
            seen.add(kind)
            turn += 1
            for new in others if ALL else [GONE, others[1 + turn % (len(others) - 1)]]:
                for words in COMMANDS if ALL else [COMMANDS[tried % len(COMMANDS)]]:
                    tried += 1
                    file.write_bytes(orjson.dumps(sealed(changed(value, path, new))))
                    code, _, error = said(list(words))
                    Path("out.csv").unlink(missing_ok=True)
                    shown = "gone" if new is GONE else repr(new)
                    what = f"{file.relative_to(home)} {path} {shown}: {' '.join(words)}"
                    if code not in (0, 2, 3) or "fault of hemm" in error:
                        wrong.append(f"{what}: {code} {error[-300:]}")
                    elif code == 2 and not is_told(error.splitlines()[-1], file, path):
                        wrong.append(f"{what}: not named: {error[-300:]}")
                    if words[0] in ("run", "merge", "score") or "--repair" in words:
                        restored(home, made)
        file.write_bytes(content)
    assert not wrong, f"{len(wrong)} of {tried}:\n" + "\n".join(wrong[:60])
