"""Pages of the documentation that are written from the code: tasks, metrics and the taxonomy.

``pages()`` gives them as Markdown by file name, and the pictures of their examples. ``tools/docs_site.py``
builds them into the site; nothing of them is kept in the repository, so none can differ from the code.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from hemm.core import DIMENSIONS, Dimension, Media, Sample, Task
from hemm.metrics import METRICS
from hemm.report.tables.metrics import describe as describe_metric
from hemm.report.tables.metrics import short_end
from hemm.report.tables.tasks import ACCESS, describe
from hemm.tasks import TASKS
from hemm.tasks.probes import FAMILIES
from hemm.tasks.probes.base import generate
from hemm.tasks.probes.factorial.samples import generate as generate_factorial
from hemm.tasks.probes.factorial.signs import USE_CASES
from hemm.tasks.registry import REPORTED, suites_by_task
from hemm.tasks.selection import registered

DOCS = Path(__file__).resolve().parent.parent / "docs"
GROUPS = {"sample": "one answer", "unit": "all answers to one unit"}
FORMATS = {
    "yes_no": "yes or no",
    "one_of": "one of the options",
    "many_of": "any number of the options",
    "short_answer": "a few words",
    "number": "a number",
    "caption": "a caption",
    "free_text": "a text",
    "picture": "a picture",
    "smiles": "a molecule",
    "species_name": "a species",
}
LINK = re.compile(r"(?<![(<\"])\bhttps?://[^\s),;]+[^\s),;.]")


def pages() -> tuple[dict[str, str], dict[str, bytes]]:
    """Markdown pages and pictures by their paths in the documentation's folder."""
    pictures: dict[str, bytes] = {}
    probes = {
        f"probe_{name}": list(generate(importlib.import_module(f"hemm.tasks.probes.{name}").FAMILY))
        for name in FAMILIES
    }
    factorial = {f"probe_v2_{case}": list(islice(generate_factorial(case), 12)) for case in USE_CASES}
    made = {"tasks/index.md": task_list(), "metrics/all.md": metric_list()}
    for name in TASKS.names():
        examples = (probes | factorial).get(name, [])[:1]
        made[f"tasks/{name}.md"] = task_page(registered(name), examples, pictures)
    drawn = {"probe_v2_hci:draw": list(islice(generate_factorial("hci", size=192, drawing=True), 12))}
    made["taxonomy.md"] = taxonomy(probes | drawn, pictures)
    return made, pictures


def task_list() -> str:
    """All tasks in one table, by suite."""
    suites = {task: names[0] for task, names in suites_by_task().items()}
    order = list(DIMENSIONS["use_case"].categories)
    rows = sorted(
        (describe(registered(name)) for name in TASKS.names()),
        key=lambda row: (order.index(row["use_case"]), row["name"]),
    )
    text = [
        "# All tasks\n\nAfter this page you know every task that hemm brings, from the cards in its code. "
        "Each name leads to a page with its labels, source, licence, answer format, metrics and traps; "
        "`hemm tasks NAME` prints the same. The labels are those of the [taxonomy](../taxonomy.md), and how "
        "to get the data stands in [the data sets](../datasets.md).\n"
    ]
    headings = {
        "hemm": "The thirty of the HEMM paper",
        "probes": "Probes, which hemm draws itself",
        "probes_v2": "Probes, version 2: a balanced factorial",
        "": "Others",
        "today": "Today's suites, whose labels hemm proposes",
    }
    for suite, heading in headings.items():
        text.append(f"\n## {heading}\n\n| task | use case | samples | answer | headline metric | access |")
        text.append("|---|---|---|---|---|---|")
        for row in rows:
            if suite != ("today" if row["name"] in REPORTED else suites.get(row["name"], "")):
                continue
            cells = (
                f"[{_cell(row['title'])}]({row['name']}.md) `{row['name']}`",
                _words(row["use_case"]),
                f"{row['samples']:,}" if row["samples"] else "not counted",
                FORMATS.get(row["answer"], row["answer"]),
                f"[{row['metrics'][0]}](../metrics/all.md#{_anchor(row['metrics'][0])})",
                row["access"],
            )
            text.append(f"| {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


def task_page(task: Task, samples: list[Sample], pictures: dict[str, bytes]) -> str:
    """One task: its card, how to get it, how it is asked, and its forms."""
    row, card = describe(task), task.card
    text = [f"# {card.title}\n\nAfter this page you can run `--task {task.name}`, and know what it asks.\n"]
    if card.citation:
        text.append(f"{_linked(card.citation)}\n")
    facts = {
        "home page": f"<{card.homepage}>" if card.homepage else "",
        "licence": _linked(card.licence),
        "access": f"{card.access}: {ACCESS[card.access]}" if card.access in ACCESS else card.access,
        "size": card.size,
        "splits": ", ".join(f"{name} {count:,}" for name, count in card.splits.items()),
        "sources": ", ".join(f"`{name}`" for name in dict.fromkeys(row["sources"])),
        "answer format": f"`{row['answer']}` ({FORMATS.get(row['answer'], 'see below')})",
        "metrics": ", ".join(f"[{m}](../metrics/all.md#{_anchor(m)})" for m in row["metrics"]),
    }
    text += ["| | |", "|---|---|", *(f"| {k} | {_cell(v)} |" for k, v in facts.items() if v)]
    text.append("\n## Labels\n\n" + _labels(task))
    if card.notes:
        text.append(f"\n## Traps\n\n{_linked(card.notes)}\n")
    text.append("\n## How to get it\n")
    text.append(_how_to_get(task))
    text.append("\n## How it is asked\n\nThe template of the prompt:\n")
    text.append(f"```jinja\n{task.prompt}\n```\n")
    if instruction := task.answer.instruction:
        text.append(f"where `{{{{ instruction }}}}` is\n\n```jinja\n{instruction}\n```\n")
    for sample in samples:
        text.append(f"\n## An example\n\n{_example(sample, task.name, pictures, '../')}")
    if task.variants:
        text.append("\n## Other forms\n\n| task | headline metric | answer |\n|---|---|---|")
        for name, form in sorted(task.variants.items()):
            told = describe(form)
            answer = FORMATS.get(told["answer"], told["answer"])
            text.append(f"| `{task.name}:{name}` | {told['metrics'][0]} | {answer} |")
    return "\n".join(text) + "\n"


def _labels(task: Task) -> str:
    labels = task.card.labels
    lines = []
    for name, dimension in DIMENSIONS.items():
        if category := labels.get(name):
            link = f"[{_words(category)}](../taxonomy.md#{_category_anchor(dimension, category)})"
            lines.append(f"- {dimension.title}: {link}. {dimension.meanings.get(category, '')}")
        else:
            lines.append(f"- {dimension.title}: every sample has its own.")
    return "\n".join(lines) + "\n"


def _how_to_get(task: Task) -> str:
    if task.sources[0].at_hand:
        return "Nothing to get: hemm draws it when it is first used.\n"
    lines = [f"    hemm prepare {task.name}\n"]
    lines += [f"- `{s.name}`: {_linked(s.by_hand)}" for s in task.sources if s.by_hand]
    patterns = dict.fromkeys(s.layout.required for s in task.sources if s.layout.required)
    if patterns:
        lines.append("\nFrom files of your own, `--from FOLDER` takes a folder that holds one of:\n")
        lines += [f"- {', '.join(f'`{name}`' for name in required)}" for required in patterns]
    return "\n".join(lines) + "\n"


def metric_list() -> str:
    """All metrics from their code: definition, range, direction, version."""
    text = [
        "# All metrics\n\nAfter this page you know every metric that hemm brings, from its code: what it is, "
        "its range, which direction is better, and the version that stored scores carry. `hemm metrics NAME` "
        "prints the same. What each is not for, and where it comes from, stands on "
        "[the pages of metrics](../metrics.md).\n",
        "| metric | in short | range | better |\n|---|---|---|---|",
    ]
    rows = [describe_metric(name) for name in METRICS.names()]
    for row in rows:
        ends = " to ".join(map(str, map(short_end, row["range"])))
        text.append(f"| [{row['name']}](#{row['name']}) | {_cell(row['about'])} | {ends} | {row['better']} |")
    pages_of = _metric_pages()
    for row in rows:
        low, high = (str(short_end(end)) for end in row["range"])
        text.append(f"\n## {row['name']}\n\n{_code(row['definition'])}\n")
        text.append(f"- Range: {low} to {high}, {row['better']} is better")
        text.append(f"- Version: {row['version']}")
        text.append(f"- Judges: {GROUPS.get(row['group'], 'all answers with one ' + row['group'])}")
        if row["needs"]:
            text.append(f"- Needs: {', '.join(row['needs'])}")
        if row["takes"]:
            takes = (f"`{k}` (default `{v}`)" if v is not None else f"`{k}`" for k, v in row["takes"].items())
            text.append(f"- Takes: {', '.join(takes)}")
        if row["name"] in pages_of:
            text.append(f"- More: [{row['name']}]({pages_of[row['name']]})")
    return "\n".join(text) + "\n"


def _metric_pages() -> dict[str, str]:
    """Metric -> the place that tells more of it, from the headings of the pages in docs/metrics."""
    found = {}
    for page in sorted((DOCS / "metrics").glob("*.md")):
        for heading in re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE):
            for name in re.findall(r"`(\w+)`", heading):
                found[name] = f"{page.name}#{re.sub(r'[^a-z0-9_ -]', '', heading.lower()).replace(' ', '-')}"
    return found


def taxonomy(probes: Mapping[str, list[Sample]], pictures: dict[str, bytes]) -> str:
    """The six dimensions: each category with its meaning, an example, and the tasks that have it."""
    text = [
        "# The taxonomy\n\nAfter this page you know what each category of a profile means, and can label "
        "tasks of your own.\n\nHEMM describes what a task asks of a model along six dimensions "
        "([arXiv 2407.03418](https://arxiv.org/abs/2407.03418)). Every sample has a category of each, and a "
        "[profile](profile.md) says how well a model does in each category. This page defines them, shows a "
        "[probe](probes.md) that hemm drew for each, and names the tasks that belong to it. "
        "A plug-in can declare [dimensions of its own](python.md).\n",
        "| dimension | what it tells | categories |\n|---|---|---|",
    ]
    for dimension in DIMENSIONS.values():
        links = (
            f"[{_words(category)}](#{_category_anchor(dimension, category)})"
            for category in dimension.categories
        )
        text.append(
            f"| [{dimension.title}](#{_slug(dimension.title)}) | {dimension.describes} | {', '.join(links)} |"
        )
    members = _members()
    seen: set[str] = set()
    for name, dimension in DIMENSIONS.items():
        text.append(f"\n## {dimension.title}\n\n{dimension.describes[0].upper()}{dimension.describes[1:]}.\n")
        for category in dimension.categories:
            text.append(
                f"\n### {dimension.title}: {_words(category)}\n\n{dimension.meanings.get(category, '')}\n"
            )
            sample, task = _pick(probes, name, category, seen)
            seen.add(sample.id)
            text.append(_example(sample, task, pictures, ""))
            if tasks := members[name, category]:
                text.append("\nTasks: " + ", ".join(f"[{t}](tasks/{t}.md)" for t in tasks) + ".")
    return "\n".join(text) + "\n"


def _members() -> dict[tuple[str, str], list[str]]:
    """(Dimension, category) -> the tasks whose card says it."""
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in TASKS.names():
        for dimension, category in registered(name).card.labels.items():
            members[dimension, category].append(name)
    return members


def _pick(
    probes: Mapping[str, list[Sample]], dimension: str, category: str, seen: set[str]
) -> tuple[Sample, str]:
    """A probe sample of a category, and its task: one whose other labels are the simplest, and that was not
    shown yet; one that is answered with a picture only where no other has the category."""
    plain = {"fine_grained": "no", "reasoning": "less", "external_knowledge": "no"}
    having = [(s, t) for t, every in probes.items() for s in every if s.labels.get(dimension) == category]

    def rank(one: tuple[Sample, str]) -> tuple[bool, bool, int]:
        sample, task = one
        others = sum(sample.labels[k] != v for k, v in plain.items() if k != dimension)
        return (":" in task, sample.id in seen, others)

    return min(having, key=rank)


def _example(sample: Sample, task: str, pictures: dict[str, bytes], up: str) -> str:
    """A sample as people read it: its picture, what is asked, what is right."""
    lines = [_shown(sample.media[0], f"The picture of probe {sample.id}", pictures, up)]
    said = [sample.fields.get("context", ""), sample.fields["question"]]
    lines += [f"> {_code(line)}\n>" for part in said if part for line in str(part).splitlines()]
    lines[-1] = lines[-1].removesuffix("\n>")
    right = sample.references[0]
    if isinstance(right, Media):
        shown = _shown(right, f"The right answer to probe {sample.id}", pictures, up)
        lines.append(f"\nRight:\n\n{shown}\nFrom `{task}`, question `{sample.metadata['template']}`.\n")
    else:
        lines.append(f"\nRight: *{right}*. From `{task}`, question `{sample.metadata['template']}`.\n")
    return "\n".join(lines)


def _shown(media: Media, words: str, pictures: dict[str, bytes], up: str) -> str:
    """A picture of a page."""
    name = f"images/probes/{media.name}"
    pictures[name] = media.data
    return f"![{words}]({up}{name}){{ width=192 }}\n"


def _linked(text: str) -> str:
    """Text in which bare addresses are links, and marks of Markdown are letters."""
    return LINK.sub(lambda m: f"<{m[0]}>", _code(text))


def _code(text: str) -> str:
    """Text of a docstring or card as Markdown: ``x`` becomes `x`, other marks stay letters."""
    text = text.replace("``", "`")
    parts = text.split("`")
    return "`".join(p if i % 2 else re.sub(r"([*_<])", r"\\\1", p) for i, p in enumerate(parts))


def _words(category: str) -> str:
    """A category as people write it."""
    return "HCI" if category == "hci" else category.replace("_", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _anchor(spec: str) -> str:
    return spec.partition(":")[0]


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def _category_anchor(dimension: Dimension, category: str) -> str:
    return _slug(f"{dimension.title}: {_words(category)}")


def navigation() -> Iterator[dict[str, Any]]:
    """The pages of tasks by use case, as entries of the site's navigation."""
    by: dict[str, list[dict[str, str]]] = defaultdict(list)
    for name in TASKS.names():
        card = registered(name).card
        by[card.labels["use_case"]].append({card.title: f"tasks/{name}.md"})
    for category in DIMENSIONS["use_case"].categories:
        words = _words(category)
        yield {words[0].upper() + words[1:]: sorted(by[category], key=lambda e: next(iter(e)))}
