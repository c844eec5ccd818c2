"""Builds the documentation as a site that works from disk, without a server and without network.

    python tools/docs_site.py [--out site]

It copies docs/ to a temporary folder, adds the pages that are written from the code (``tools/docs_cards.py``)
and those that lie elsewhere in the repository, and lets Zensical build it, where a warning ends it. It needs
the extra ``docs``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tools"))

import docs_cards  # noqa: E402

ELSEWHERE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "src/hemm/published/README.md": "published.md",
    "README.md": "index.md",
}
"""Pages of the repository -> their names on the site. README.md and docs/index.md are one page there."""
LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]*)((?:#[^)\s]*)?\))")
FILE_FENCE = re.compile(r"^```(\w+) (\w+\.\w+)$", re.MULTILINE)
"""A fence that names a file: Zensical wants the name as a title."""
CODE = re.compile(r"(```.*?^```|^ {4}.*?$)", re.MULTILINE | re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "site")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder))
        code = build(Path(folder))
        if code == 0:
            shutil.rmtree(given.out, ignore_errors=True)
            shutil.copytree(Path(folder) / "site", given.out)
            print(given.out / "index.html")
    raise SystemExit(code)


def stage(into: Path) -> None:
    """Write the pages to ``into``/docs and the configuration to ``into``/mkdocs.yml."""
    docs = into / "docs"
    shutil.copytree(DOCS, docs, ignore=shutil.ignore_patterns("site.yml"))
    for file, name in ELSEWHERE.items():
        if file != "README.md":
            shutil.copy(ROOT / file, docs / name)
    homes = {name: Path(file).parent for file, name in ELSEWHERE.items() if file != "README.md"}
    for page in sorted(docs.rglob("*.md")):
        name = page.relative_to(docs)
        home = homes.get(name.as_posix(), Path("docs") / name.parent)
        text = FILE_FENCE.sub(r'```\1 title="\2"', _relinked(page.read_text("utf-8"), home, name.parent))
        page.write_text(text, "utf-8")
    made, pictures = docs_cards.pages()
    for name, text in made.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text, "utf-8")
    for name, picture in pictures.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_bytes(picture)
    (into / "mkdocs.yml").write_text(yaml.safe_dump(configuration(), sort_keys=False), "utf-8")


def configuration() -> dict[str, Any]:
    """docs/site.yml with the navigation of generated pages in it."""
    settings: dict[str, Any] = yaml.safe_load((DOCS / "site.yml").read_text("utf-8"))
    settings["nav"] = _filled(settings["nav"])
    return settings


def _filled(entries: list[Any]) -> list[Any]:
    filled: list[Any] = []
    for entry in entries:
        if entry == "tasks/":
            filled += docs_cards.navigation()
        elif str(entry).endswith("?"):
            page = entry.removesuffix("?")
            filled += [page] if (DOCS / page).is_file() else []
        elif isinstance(entry, dict):
            filled.append({name: _filled(below) for name, below in entry.items()})
        else:
            filled.append(entry)
    return filled


def _relinked(text: str, home: Path, there: Path) -> str:
    """Links of a page that lies in ``home`` of the repository, as they lead from ``there`` on the site."""

    def link(match: re.Match[str]) -> str:
        if not match[2]:
            return match[0]
        target = (ROOT / home / match[2]).resolve().relative_to(ROOT).as_posix()
        if target in ELSEWHERE:
            name = ELSEWHERE[target]
        elif target.startswith("docs/"):
            name = target.removeprefix("docs/")
        else:
            raise SystemExit(f"{home}: the link {match[2]} leads out of the site: name its page in ELSEWHERE")
        return f"{match[1]}{'../' * len(there.parts)}{name}{match[3]}"

    parts = CODE.split(text)
    return "".join(part if i % 2 else LINK.sub(link, part) for i, part in enumerate(parts))


def build(folder: Path) -> int:
    """Build the staged pages into ``folder``/site; the exit status of Zensical, whose words it prints."""
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"]
    return subprocess.run(words, cwd=folder).returncode


if __name__ == "__main__":
    main()
