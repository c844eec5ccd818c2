"""Every ``hemm`` command on the pages is run, on data in small; what cannot be is parsed, with the reason.

What is not at hand stands in for what the pages name: a baseline for a checkpoint or a service, the original
files in small for a data set, two questions of each task. Pages in ``ELSEWHERE`` have their
commands run as they stand by a test of their own.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import pytest
from PIL import Image

from hemm import cli
from hemm.core import HemmError
from hemm.metrics import resolve as resolve_metric
from hemm.tasks import TASKS
from layouts import write_layout
from suites import held
from test_docs import COMMANDS, ROOT, USAGE

ELSEWHERE = {
    "your-own-data.md": "tests/tasks/test_local_tasks.py",
    "CONTRIBUTING.md": "tests/test_contributing.py",
    "overlays.md": "tests/docs/test_overlays_page.py",
    "annotate.md": "tests/web/test_studio_docs.py",
}
SERVICES = ("openai/", "anthropic/", "google/", "azure/", "openrouter/")
STANDS_IN = "baseline/random"
OF_MODELS = {"--serve", "--replicas", "--ray", "--set", "--card"}
"""Options that only the models know which a baseline stands in for."""
REST = re.compile(r"\s#\s.*$|\s&$")
NAMED = {
    "A": "baseline/oracle",
    "B": "baseline/random",
    "DIR": "results",
    "beside_paper": "results",
    "MODEL": "baseline/oracle",
    "ID": "shapes-000019",  # among the eight of ``start``, as the order of samples stays
    "question_type": "template",
}

IN_RESULTS = {
    "tiny": "baseline/oracle",
    "nlvr": "probe_shapes",
    "results/tiny/probe_shapes": "results/baseline-oracle/probe_shapes",
}
"""What commands that read results name -> what lies there."""


def split(line: str) -> list[list[str]]:
    """The commands of a line, as words."""
    return [shlex.split(part)[1:] for part in REST.sub("", line).split("&&")]


def given(words: list[str], option: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words[:-1]) if word == option]


def positional(words: list[str]) -> list[str]:
    """Arguments that belong to no option, by the real parser's own list of options."""
    command = cli.group.get_command(click.Context(cli.group), words[0])
    assert command is not None, words[0]
    flags = {o for p in command.params if isinstance(p, click.Option) and p.is_flag for o in p.opts}
    found, skip = [], False
    for word in words[1:]:
        if skip or word.startswith("--") or word == "-o":
            skip = not skip and word not in flags and "=" not in word
        else:
            found.append(word)
    return found


def reason(words: list[str]) -> str:
    """Why a command is not run here, in a few words; empty: it is."""
    name, metrics, models = words[0], given(words, "--metric"), positional(words)
    if any(USAGE.search(w) for w in words if not w.startswith("judge:")):
        return "a line of usage"
    if name in ("serve", "annotate"):
        return "it serves until it is ended, or needs what people said (tests/web, tests/analysis)"
    if name == "judge-check" or any(m.startswith("judge") for m in metrics):
        return "a judge"
    if any(m.startswith(("bartscore", "bertscore", "clipscore")) for m in metrics) or "published" in words:
        return "weights of a metric"
    if "$" in " ".join(words) or "--shard" in words or name == "merge":
        return "a cluster (tests/cli/test_shards_command.py)"
    if {"hemm", "reported-2026"} & {*given(words, "--suite")} or (
        name == "prepare" and "--from" not in words
    ):
        return "data of the hub"
    if (name == "verify" and models) or any(m.startswith("worker/") for m in models):
        return "a checkpoint"
    if name == "models" and any(m.startswith("hf/") for m in models):
        return "a checkpoint"
    if any(w.partition(":")[0].endswith(".py") for w in (*models, *given(words, "--task"), *metrics)):
        return "files of the reader (tests/test_contributing.py)"
    if name == "run" and any(m.startswith(("hf/", "text/", "worker/", "http", *SERVICES)) for m in models):
        return "what only such a model knows" if OF_MODELS & {*words} else ""
    return ""


def small(words: list[str]) -> list[str]:
    """The command on what is at hand."""
    words = [NAMED.get(word, word) for word in words]
    if words[0] != "run":
        return [IN_RESULTS.get(word, word) for word in words]
    models = {m for m in positional(words) if m.startswith(("hf/", "text/", "http", *SERVICES))}
    if "--dry-run" not in words:
        words = [STANDS_IN if word in models else word for word in words]
        words = [w for i, w in enumerate(words) if w != STANDS_IN or STANDS_IN not in words[:i]]
    for option in ("--limit", "--until-ci"):
        if option in words:
            del words[words.index(option) : words.index(option) + 2]
    out = [] if "--out" in words else ["--out", "asked"]
    return [*words, "--limit", "2", *out]


@pytest.fixture
def workplace(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the pages suppose: data, a folder of one's own, votes, a prompt."""
    for name in needed():
        today = held().get(name)
        (today.write if today else partial(write_layout, name))(tmp_path / "originals" / name, 6)
    write_layout("mm_imdb", tmp_path / "mmimdb", 6)
    folder = tmp_path / "my_folder"
    folder.mkdir()
    rows = []
    for i, colour in enumerate(("grey", "white", "brown", "red")):
        Image.new("RGB", (16, 16), colour).save(folder / f"{i}.png")
        rows.append({"image": f"{i}.png", "question": "Which colour?", "answer": colour})
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "ours.yaml").write_text("tasks: {vqa_rad: 2, probe_scans: 1, probe_shapes: 1}")
    (tmp_path / "other.txt").write_text("{{ image }}{{ question }} Be brief. {{ instruction }}")
    vote = {
        "task": "probe_shapes",
        "sample": "shapes-000000",
        "a": "baseline/oracle",
        "b": "baseline/random",
        "winner": "a",
    }
    votes = [
        {**vote, "sample": f"shapes-{i:06}", "winner": "ab"[i % 2], "annotator": "ann"} for i in range(8)
    ]
    (tmp_path / "votes.jsonl").write_text("\n".join(map(json.dumps, votes)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda address: True)  # --open
    return tmp_path


def needed() -> set[str]:
    """Data sets of the hub that a command which is run asks for."""
    tasks = {
        task.partition(":")[0]
        for page, line in COMMANDS
        if page not in ELSEWHERE
        for words in split(line)
        if not reason(words)
        for task in given(words, "--task")
    }
    return {task for task in tasks if task in TASKS and not task.startswith("probe_")}


def parse(words: list[str]) -> None:
    """Read by the real parser. Raises what it refuses; files need not be there."""
    command = cli.group.get_command(click.Context(cli.group), words[0])
    assert command is not None, words[0]
    context = click.Context(cli.group, info_name="hemm")
    with pytest.MonkeyPatch.context() as patch:
        for parameter in command.params:
            if isinstance(parameter.type, click.Path):
                patch.setattr(parameter.type, "exists", False)
        command.make_context(words[0], words[1:], parent=context)
    for spec in given(words, "--metric"):
        if "./" not in spec:
            resolve_metric(spec)


@pytest.mark.timeout(1500)
def test_every_command_on_the_pages(
    workplace: Path, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    for name in sorted(needed()):
        assert cli.status(["prepare", name, "--from", f"originals/{name}"]) == 0, capsys.readouterr().err
    start = ["run", "baseline/oracle", "baseline/random", "--task", "probe_shapes", "--limit", "8"]
    assert cli.status(start) == 0
    (workplace / "results/preferences").mkdir()
    (workplace / "results/preferences/votes.jsonl").write_bytes((workplace / "votes.jsonl").read_bytes())
    failed, reasons, done = [], Counter[str](), set()
    for page, line in COMMANDS:
        for words in split(line) if page not in ELSEWHERE else ():
            why = reason(words)
            if why == "a line of usage":
                continue
            if why:
                reasons[why] += 1
                try:
                    parse([NAMED.get(word, word) for word in words])
                except (click.ClickException, HemmError) as error:
                    failed.append(f"{page}: hemm {shlex.join(words)}\n  is not parsed: {error}")
                continue
            command = small(words)
            if tuple(command) in done:
                continue
            done.add(tuple(command))
            capsys.readouterr()
            status = cli.status(command)
            part = status == 3 and {"--where", "--suite"} & {*words}  # of tasks that are not prepared here
            if status != 0 and not part:
                failed.append(
                    f"{page}: hemm {shlex.join(command)}\n  {status}: {capsys.readouterr().err[-400:]}"
                )
    assert not failed, "\n".join(failed)
    missing = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    record_property(
        "told", f"commands of the pages: {len(done)} different ones run; parsed for want of: {missing}"
    )


def test_extras_and_scripts_that_the_pages_name_are_there() -> None:
    import tomllib

    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        text = page.read_text("utf-8")
        named = {e for group in re.findall(r"(?:hemm|-e '\.)\[([a-z,]+)\]", text) for e in group.split(",")}
        assert named <= extras, f"{page.name}: {named - extras}"
        for script in re.findall(r"python ((?:tools|benchmarks)/[\w/]+\.py)", text):
            assert (ROOT / script).is_file(), f"{page.name}: {script}"
