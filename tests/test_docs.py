"""What the documentation names is there: files, commands, options, tasks, make targets."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import click
import pytest

from hemm import cli
from hemm.metrics import METRICS
from hemm.tasks import SUITES, TASKS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
LINE = re.compile(r"^ {4,}(?:\$ )?(hemm [a-z].*)$", re.MULTILINE)
FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
USAGE = re.compile(r"\[|\.\.\.|\|")
ROOMS = "|".join(p.name for p in sorted((ROOT / "src/hemm").iterdir()) if p.is_dir() and p.name.isalpha())
NAME = re.compile(rf"\bhemm((?:\.[A-Za-z_]\w*)+)|`((?:{ROOMS})(?:\.[A-Za-z_]\w*)+)`")
FILE = re.compile(
    rf"`((?:hemm|src|tests|tools|docs|benchmarks|{ROOMS})/(?:[\w./-]+\.(?:py|md|toml|json)|[\w/-]*/))`"
)


def shown(page: Path) -> list[str]:
    """Lines that start with ``hemm`` in indented or fenced blocks of a page."""
    text = FENCE.sub(lambda m: "\n".join(f"    {line}" for line in m[1].splitlines()), page.read_text())
    return LINE.findall(text)


COMMANDS = [(page.name, line) for page in PAGES for line in shown(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


def exists(name: str) -> bool:
    """Whether a module, or a name in one, exists."""
    module, _, attribute = name.rpartition(".")
    try:
        return bool(importlib.import_module(name))
    except ImportError:
        return bool(module) and exists(module) and hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_modules_names_and_files_are_there(page: Path) -> None:
    text, folders = page.read_text(), (ROOT, ROOT / "src", ROOT / "src/hemm")
    names = {f"hemm{dotted}" if dotted else f"hemm.{inside}" for dotted, inside in NAME.findall(text)}
    files = set(FILE.findall(text))
    assert [n for n in sorted(names) if not exists(n)] == []
    assert [f for f in sorted(files) if not any((folder / f).exists() for folder in folders)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_make_targets_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"^ {4}make ([a-z-]+)|`make ([a-z-]+)`", page.read_text(), re.MULTILINE)
    assert {a or b for a, b in named} <= targets


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_shown_have_options_and_names_that_are_there(page: str, line: str) -> None:
    words = [w for part in re.split(r"\s#\s", line)[0].split("&&") for w in shlex.split(part, comments=False)]
    assert words[0] == "hemm"
    context = click.Context(cli.group)
    starts = [i for i, w in enumerate(words) if w == "hemm" and words[max(i - 1, 0)] != "--suite"]
    for start, end in zip(starts, [*starts[1:], len(words)], strict=True):
        name, *args = words[start + 1 : end]
        command = cli.group.get_command(context, name)
        assert command is not None, name
        known = {o: p for p in command.params for o in p.opts}
        for i, word in enumerate(args):
            if not word.startswith("--") or USAGE.search(word):
                continue
            option = word.partition("=")[0]
            assert option in known, f"{page}: hemm {name} has no option {option}"
            value = args[i + 1] if i + 1 < len(args) else ""
            if option == "--task" and re.fullmatch(r"[a-z_]+", value) and value != "birds":
                assert value in TASKS
            if option == "--suite":
                assert value in SUITES or value == "ours.yaml"
            if option == "--metric" and re.fullmatch(r"[a-z_0-9]+", value) and value != "near_count":
                assert value in METRICS
