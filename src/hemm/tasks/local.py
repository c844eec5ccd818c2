"""Data of the user's own: ``./task.py``, ``./folder``, ``file.tsv``, ``hub:ORG/NAME``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hemm.core import (
    Card,
    HemmError,
    Layout,
    LeftOut,
    Notice,
    Sample,
    Source,
    Task,
    UnknownName,
    user_code,
)
from hemm.data import cache
from hemm.data.cache import CHOICES, COLUMNS_TOLD
from hemm.data.pack.own_words import Question
from hemm.data.readers.rows import jsonl_rows, objects
from hemm.data.sources.hub import Names, part_files
from hemm.data.sources.kinds import Hub, Local
from hemm.metrics import compares
from hemm.parsing.formats import Caption, FreeText, ManyOf, Number, OneOf, ShortAnswer
from hemm.tasks.cards import CARD, UserCard, read_card
from hemm.tasks.columns import Said
from hemm.tasks.origins import card_origin, file_origin, from_task_file
from hemm.tasks.own_tables import TABLES, Found, file_rows, folder_rows, parquet_table, suffix
from hemm.tasks.parts import of_part, part_of
from hemm.tasks.prompt import RESERVED, template_names
from hemm.tasks.registry import check_free, how_to_get, taken
from hemm.tasks.tsv import tsv_layout, tsv_table
from hemm.tasks.user_rows import Rules
from hemm.tasks.user_tables import Table
from hemm.tasks.usual_format import NumberByDefault, own_words, usual_format
from hemm.tasks.usual_prompt import usual_prompt

METRICS: Mapping[type, tuple[str, ...]] = {
    ShortAnswer: ("exact_match", "token_f1"),
    Number: ("exact_match",),
    NumberByDefault: ("exact_match",),
    ManyOf: ("exact_match",),
    Caption: ("token_f1",),
    FreeText: ("token_f1",),
}
"""Answer format -> default metrics; ``accuracy`` for closed formats."""


def is_path(spec: str) -> bool:
    """Whether a spec names a file or folder (``./x``, ``/x``, ``~/x``, ``x.py``, ``x.tsv``, ``x.jsonl``)."""
    return spec.startswith(("./", "../", "/", "~", ".\\")) or spec in (".", "..") or _suffix(spec) != ""


def _suffix(spec: str) -> str:
    file = spec.rpartition(":")[0] if ".py:" in spec else spec
    return ".py" if file.lower().endswith(".py") else suffix(file)


def local_task(spec: str, card: Path | None = None) -> Task:
    """The task of a file or folder. Raises HemmError with what is missing or wrong."""
    if _suffix(spec) == ".py":
        file, name = user_code.split(spec)
        return python_task(file.expanduser(), name)
    path = Path(spec).expanduser()
    if not path.exists():
        raise HemmError(f"{spec}: there is no such file or folder")
    if path.is_dir():
        return folder_task(path, card)
    if _suffix(spec) == ".tsv":
        return tsv_task(path, _card_beside(path, card))
    if _suffix(spec) == ".jsonl":
        return jsonl_task(path, path.parent, path, _card_beside(path, card))
    if _suffix(spec):
        found = file_rows(path, _card_beside(path, card))
        return rows_task(found, path, path.parent, path.stem)
    if path.name.lower().endswith((".tar.gz", ".tgz")):
        raise HemmError(f"{spec} is compressed, and shards are read in place: gunzip it, and name the .tar")
    raise HemmError(f"{spec}: a task is a .py file, a table ({', '.join(TABLES)}), or a folder with one")


# --- Python files


def python_task(path: Path, name: str = "") -> Task:
    """The task that a Python file defines as ``TASK``, or the task ``name`` of its ``TASKS``."""
    module = user_code.load(path)
    cache.remember_code(path)
    tasks = _tasks_of(module, path)
    if not name and len(tasks) == 1:
        return next(iter(tasks.values()))
    if not name:
        raise HemmError(f"{path} has several tasks: write {path}:NAME with one of {', '.join(tasks)}")
    if name in tasks:
        return tasks[name]
    only = next(iter(tasks.values()))
    if len(tasks) == 1 and name in only.variants:
        return only.variants[name]
    raise UnknownName(f"task in {path}", name, [*tasks, *only.variants])


def _tasks_of(module: Any, path: Path) -> dict[str, Task]:
    there = [name for name in ("TASKS", "TASK") if hasattr(module, name)]
    own = [name for name in there if name in user_code.assigned(path)]  # before what a neighbour calls so
    found = getattr(module, (own or there or ["TASK"])[0], None)
    if isinstance(found, Mapping | list | tuple):
        listed = list(found.values() if isinstance(found, Mapping) else found)
    else:
        listed = [found]
    if not listed or not all(isinstance(t, Task) for t in listed):
        raise HemmError(f"{path}: a task file defines TASK = hemm.core.Task(...), or a list TASKS of them")
    tasks: dict[str, Task] = {}
    for task in listed:
        check_free(task.name, str(path), "as its Task's name")
        if task.name in tasks:
            raise HemmError(f"{path}: two tasks are called {task.name!r}: give one another name")
        tasks[task.name] = from_task_file(task, path)
    return tasks


# --- folders and tables


def folder_task(folder: Path, card_file: Path | None = None) -> Task:
    """The task of a folder with pictures and a JSON lines file (or the file that its card names)."""
    card = _card_of(folder, card_file)
    found = folder_rows(folder, card)
    if found.kind == "tsv":
        card = card if card.where else _card_beside(found.file, None)
        return tsv_task(found.file, card, name=folder.resolve().name)
    if found.kind == "jsonl":
        return jsonl_task(folder, folder, found.file, card)
    return rows_task(found, folder, folder, folder.resolve().name)


def rows_task(found: Found, source: Path, folder: Path, name: str) -> Task:
    """The task of rows of any kind, with paths below ``folder``; prepared again when ``source`` changes."""
    card, table = found.card, found.table()
    name = card.name or name
    origin = file_origin(found.kind, card, found.file)
    rules = replace(Rules.of(card, folder), said=_said(card, name, origin))
    closed, rules = _settled(card, rules, table)
    layout = Layout((), partial(_read_rows, found=found.kind, rules=rules, table=_Late(found.table)))
    answers = None if closed else partial(table.open_answers, rules)
    return _task(name, card, Local(source, layout), answers, origin, partial(table.questions, rules))


@dataclass(frozen=True, repr=False)
class _Late:
    """Gives a table when it is read; what a pack is recognised by does not name it."""

    table: Callable[[], Table]

    def __repr__(self) -> str:
        return ""


def _read_rows(path: Path, *, found: str, rules: Rules, table: _Late) -> Iterator[Sample | LeftOut | Notice]:
    return table.table().read(rules)


def _said(card: UserCard, name: str, origin: Mapping[str, Any], **more: Any) -> Said:
    """What the card says of the columns.

    Data that were prepared before hemm told which columns it reads keep the reading of columns with hemm's
    names (``unit``, ``split``, ...): the index entry of their pack has no ``COLUMNS_TOLD``. For those
    of the hub, which are read when they are fetched, no origin is given.
    """
    entry = (cache.entry(name, origin) or cache.entry(name)) if origin else None
    before = entry is not None and COLUMNS_TOLD not in entry
    uses = frozenset(template_names(card.prompt) - RESERVED) if card.prompt else None
    split = bool(origin and (card.split or card.shots))  # of the hub, files have splits and not rows
    ours = frozenset(name for name in ("unit", "cluster") if getattr(card, name))
    return Said(card.columns, uses=uses, split=split, ours=ours, before=before, **more)


def jsonl_task(source: Path, folder: Path, file: Path, card: UserCard) -> Task:
    """The task of a JSON lines file with picture paths below ``folder``.

    The pack is prepared again when a file in ``source`` has changed.
    """
    name = card.name or (folder.resolve().name if source == folder else file.stem)
    origin = file_origin("jsonl", card, file)
    table = _lines(file)
    said = _said(card, name, origin)
    closed, rules = _settled(card, replace(Rules.of(card, folder), said=said), table)
    layout = Layout((file.name,), partial(_read_jsonl, file=file, rules=rules))
    answers = None if closed else partial(table.open_answers, rules)
    questions = partial(table.questions, rules)
    return _task(name, card, Local(source, layout), answers, origin, questions)


def _lines(file: Path) -> Table:
    return Table(lambda: objects(jsonl_rows(file, once=True), f"{file}, line"), str(file))


def _read_jsonl(path: Path, *, file: Path, rules: Rules) -> Iterator[Sample | LeftOut | Notice]:
    return _lines(file).read(rules)


def tsv_task(file: Path, card: UserCard, name: str = "") -> Task:
    """The task of a table in the TSV layout."""
    near = file.parent
    folders = (near, near / "images", near / file.stem, near / "images" / file.stem)
    name = card.name or name or file.stem
    origin = file_origin("tsv", card, file)
    table = _tsv(file, rules := Rules.of(card, *folders))
    said = _said(card, name, origin, layout=tsv_layout(table.columns(Rules()), card.columns))
    closed, rules = _settled(card, replace(rules, said=said), table)
    layout = Layout((file.name,), partial(_read_tsv, file=file, rules=rules))
    answers = None if closed else partial(table.open_answers, rules)
    questions = partial(table.questions, rules)
    return _task(name, card, Local(file, layout), answers, origin, questions)


def _read_tsv(path: Path, *, file: Path, rules: Rules) -> Iterator[Sample | LeftOut | Notice]:
    return _tsv(file, rules).read(rules)


def _tsv(file: Path, rules: Rules) -> Table:
    """The table, whose pictures may stand in a column that the card names."""
    named = next((rules.columns[n] for n in ("image", "images") if len(rules.columns.get(n, ())) == 1), ())
    return tsv_table(file, *named)


def _settled(card: UserCard, rules: Rules, table: Table) -> tuple[bool, Rules]:
    """Whether the questions of a table are closed, and the rules for its rows."""
    rules = replace(rules, answered=needs_answers(card))
    rules = rules.settled(table.columns(rules), table.where)
    return _closed(card, rules, table.has_choices(rules))


def needs_answers(card: UserCard) -> bool:
    """Whether all metrics of the task compare with right answers; those by default do."""
    return all(compares(spec) for spec in card.metrics)


def _closed(card: UserCard, rules: Rules, choices: bool) -> tuple[bool, Rules]:
    """Whether the questions are closed, and the rules for their rows.

    They are closed if the first row has choices or the card has labels. Then every row needs choices, unless
    the card has an answer format without choices.
    """
    closed = choices or bool(rules.labels)
    rules = replace(rules, formatted=card.format is not None)
    return closed, replace(rules, closed=rules.closed or (closed and not rules.formatted))


def _card_of(folder: Path, card: Path | None) -> UserCard:
    if card is not None:
        return read_card(card)
    return read_card(folder / CARD, named=False) if (folder / CARD).is_file() else UserCard()


def _card_beside(file: Path, card: Path | None) -> UserCard:
    for path in (card, file.with_name(f"{file.stem}.card.yaml"), file.with_name(CARD)):
        if path is not None and (path == card or path.is_file()):
            return read_card(path, named=path == card)
    return UserCard()


# --- the hub


def hub_task(spec: str, card_file: Path | None = None) -> Task:
    """``hub:ORG/NAME[@revision]``: a Parquet data set of the hub; a card maps its columns."""
    repo, _, revision = spec.removeprefix("hub:").partition("@")
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise HemmError(f"{spec!r}: a hub data set is written hub:ORG/NAME or hub:ORG/NAME@REVISION")
    card, also = (read_card(card_file) if card_file else UserCard()).on_the_hub()
    split, revision = card.split or "test", revision or card.revision or "main"
    name = card.name or repo.replace("/", "--")
    origin = card_origin("hub", card, repo=repo, revision=revision, config=card.config, split=split)
    rules = Rules(card.columns, labels=card.shown, said=_said(card, name, {}), answered=needs_answers(card))
    rules = replace(rules, folders=card.roots).with_card(card)
    known = cache.entry(name, origin) or {}  # rows that are not fetched are not looked at
    closed, rules = _closed(card, rules, "choices" in card.columns)
    read = partial(_read_hub, config=card.config, split=split, shots=card.shots, rules=rules)
    if also:  # another set of files is another pack
        read = partial(read, also=also)
    source = Hub(
        (repo,),
        Layout(("**/*.parquet",), read),
        config=card.config,
        split=split,
        shots=card.shots,
        revision=revision,
        ids="hub",
        also=also,
    )
    answers = None if closed or known.get(CHOICES) else tuple
    return _task(name, card, source, answers, origin)


def _read_hub(
    folder: Path, *, config: Names, split: Names, shots: str, rules: Rules, also: tuple[str, ...] = ()
) -> Iterator[Sample | LeftOut | Notice]:
    for part in part_files(folder, config, split, shots):
        if part.files:
            named = part_of(part.config, part.split, config, split if part.ours == "test" else "")
            where = str(part.files[0].relative_to(folder))
            table = parquet_table(part.files, where, part.ours)
            places = dict.fromkeys((folder, part.files[0].parent, *rules.folders))
            for sample in table.read(replace(rules, folders=tuple(places))):
                yield of_part(sample, named) if isinstance(sample, Sample) else sample


def _place(source: Source) -> str:
    return str(source.path) if isinstance(source, Local) else source.name


def _another(name: str, card: UserCard, source: Source) -> str:
    """How data of the user's own get another name, and how to get hemm's where the name is one of hemm's."""
    ending = source.path.suffix.lower() if isinstance(source, Local) else ""
    if card.where:
        how = f"with 'name:' in {Path(card.where).name}"
    elif not isinstance(source, Local):
        how = "with 'name:' in a card (--card FILE)"
    elif source.path.is_dir():
        how = f"with 'name:' in {CARD} there"
    else:
        how = f"with 'name:' in {source.path.stem}.card.yaml beside it"
    return "; ".join(filter(None, (how, how_to_get(taken(name), ending))))


def _task(
    name: str,
    card: UserCard,
    source: Source,
    answers: Callable[[], Iterable[str]] | None,
    origin: Mapping[str, Any],
    questions: Callable[[], Iterable[Question]] | None = None,
) -> Task:
    """A task from what the card says and, where it says nothing, from the layout.

    ``answers`` gives the references of open questions; None: the questions are closed. ``questions`` gives
    those of rows at hand.
    """
    name = card.name or name
    if not name or any(c in name for c in ":/\\"):
        raise HemmError(f"{card.where or source.name}: {name!r} is no name for a task (no ':' or '/')")
    check_free(name, card.where or _place(source), _another(name, card, source))
    answer = card.format or (OneOf() if answers is None else usual_format(name, source, origin, answers))
    if isinstance(answer, NumberByDefault):
        answer = NumberByDefault(text_metrics=card.metrics or METRICS[ShortAnswer])
    described = Card(
        title=card.title or name,
        citation=card.citation,
        homepage=card.homepage,
        licence=card.licence,
        access="open",
        labels=card.fixed_labels,
        notes=card.notes,
        placeholders=card.placeholder_digests,
    )
    lettered = isinstance(answer, OneOf | ManyOf | ShortAnswer) and answer.lettered
    return Task(
        name=name,
        card=described,
        sources=(source,),
        prompt=card.prompt or usual_prompt(lettered, own_words(name, source, origin, questions)),
        answer=answer,
        metrics=card.metrics or METRICS.get(type(answer), ("accuracy",)),
        system=card.system,
        max_new_tokens=int(card.max_new_tokens or 64),
        origin=origin,
    )
