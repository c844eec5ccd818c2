"""How the house stands: what the rules of docs/design.md forbid, counted and named.

    python tools/house.py          print each count, and what it counts
    python tools/house.py --brief  the counts alone

Exit status 1 where a limit is passed. ``tests/test_house.py`` holds the same limits.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/hemm"
LINES, FUNCTION_LINES, PARAMETERS, FIELDS = 400, 60, 7, 4
SAMPLE_FIELDS = frozenset(
    {"unit", "cluster", "after", "references", "choices", "labels", "stratum", "metadata"}
)
"""Fields of ``core.Sample`` that have these names nowhere else: who lists some of them copies a sample."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(source: Path = SOURCE) -> list[Path]:
    """All Python files of the package but worker recipes, which run elsewhere."""
    return sorted(p for p in source.rglob("*.py") if "recipes" not in p.parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def module_name(path: Path, source: Path = SOURCE) -> str:
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: Path = SOURCE) -> dict[str, set[str]]:
    """Each module and the modules of the package that it imports, late imports and those for types too."""
    trees = {module_name(path, source): tree(path) for path in files(source)}
    found: dict[str, set[str]] = {name: set() for name in trees}
    for name, body in trees.items():
        for node in ast.walk(body):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            for target in filter(None, names):
                inner = [f"{target}.{a.name}" for a in node.names] if isinstance(node, ast.ImportFrom) else []
                modules = [t for t in inner if t in trees] or [target]
                if isinstance(node, ast.ImportFrom) and len(modules) < len(node.names):
                    modules.append(target)
                found[name].update(m for m in modules if m in trees and m != name)
    return found


def circles(source: Path = SOURCE) -> list[list[str]]:
    """Files that import one another, directly or by way of others: strongly connected components."""
    graph = imports(source)
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                visit(target)
            if target in stack:
                low[name] = min(low[name], low[target])
        if low[name] == order[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def rooms() -> list[str]:
    """The rooms from the top down, as pyproject.toml has them for import-linter."""
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    return [layer.strip("()") for layer in layers]


def arrows_up(source: Path = SOURCE) -> list[str]:
    """Imports of a room above the importing one."""
    height = {room: -place for place, room in enumerate(rooms())}
    found = []
    for name, targets in imports(source).items():
        own = name.split(".")[1] if "." in name else ""
        for target in sorted(targets):
            room = target.split(".")[1] if "." in target else ""
            if own in height and room in height and height[room] > height[own]:
                found.append(f"{name} -> {target}")
    return found


def long_files(source: Path = SOURCE) -> list[str]:
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in files(source)}
    return [f"{path.relative_to(source)}: {n}" for path, n in sizes.items() if n > LINES]


def _functions(source: Path) -> Iterator[tuple[Path, Function]]:
    for path in files(source):
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node


def long_functions(source: Path = SOURCE) -> list[str]:
    found = []
    for path, node in _functions(source):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            found.append(f"{path.relative_to(source)}:{node.lineno} {node.name}: {length}")
    return found


def many_parameters(source: Path = SOURCE) -> list[str]:
    """Functions of more parameters than people hold apart; ``self`` and ``cls`` do not count."""
    found = []
    for path, node in _functions(source):
        given = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([name for name in given if name not in ("self", "cls")])
        if count > PARAMETERS:
            found.append(f"{path.relative_to(source)}:{node.lineno} {node.name}: {count}")
    return found


def _named(node: ast.AST) -> set[str]:
    """The names that one class, call, dictionary or list of texts lists itself."""
    if isinstance(node, ast.ClassDef):
        return {
            s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        }
    if isinstance(node, ast.Call):
        return {k.arg for k in node.keywords if k.arg}
    if isinstance(node, ast.Dict):
        return {k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)}
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        firsts = [e.elts[0] if isinstance(e, ast.Tuple) and e.elts else e for e in node.elts]
        firsts = [e.args[0] if isinstance(e, ast.Call) and e.args else e for e in firsts]
        return {e.value for e in firsts if isinstance(e, ast.Constant) and isinstance(e.value, str)} | {
            e.id for e in firsts if isinstance(e, ast.Name)
        }
    return set()


def sample_lists(source: Path = SOURCE) -> list[str]:
    """Places in the code that list a sample's fields by hand, outside tasks and data sets' readers."""
    found: dict[str, int] = defaultdict(int)
    for path in files(source):
        if path.relative_to(source).parts[0] in ("tasks", "testing"):
            continue
        for top in tree(path).body:
            members = top.body if isinstance(top, ast.ClassDef) else [top]
            for member in ([top] if isinstance(top, ast.ClassDef) else []) + members:
                name = f"{top.name}." if isinstance(top, ast.ClassDef) and member is not top else ""
                own = getattr(member, "name", None) or _target(member)
                nodes = [member] if isinstance(member, ast.ClassDef) else list(ast.walk(member))
                most = max((len(_named(n) & SAMPLE_FIELDS) for n in nodes), default=0)
                if most >= FIELDS:
                    found[f"{path.relative_to(source)} {name}{own}"] = most
    return sorted(found)


def _target(node: ast.AST) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return ", ".join(t.id for t in targets if isinstance(t, ast.Name)) or type(node).__name__


FORMS = (
    ("core/sample.py", "Sample", "what a reader gives, and what comes back from a pack"),
    ("data/pack/schema.py", "COLUMNS", "a row of a pack: staged, then as Parquet"),
    ("engine/requests.py", "Item", "a sample at its place in the plan, with its request"),
    ("core/exchange.py", "Request", "what the model is told"),
    ("results/answer_record.py", "Answer", "a finished answer with all that is known of it"),
    ("results/answer_record.py", "COLUMNS", "a stored answer: journal line, then Parquet row"),
    ("core/metric.py", "Judged", "an answer with its outcome and value"),
    ("metrics/answer_groups.py", "AnswerGroup", "answers that are scored together"),
    ("results/layout.py", "SCORE_SCHEMA", "a row of scores"),
)
"""The forms that a sample has on its way from a task to a score, in the order of the way."""


def forms(source: Path = SOURCE) -> list[str]:
    """The forms above, each where it is defined."""
    for path, name, _ in FORMS:
        names = {getattr(node, "name", None) or _target(node) for node in tree(source / path).body}
        if name not in names:
            raise SystemExit(f"tools/house.py: {path} has no {name}: bring FORMS up to date")
    return [f"{path} {name}: {what}" for path, name, what in FORMS]


LIMITS = {
    "circles between files": (circles, 0),
    "imports of a room above": (arrows_up, 0),
    f"files over {LINES} lines": (long_files, 0),
    f"functions over {FUNCTION_LINES} lines": (long_functions, 0),
    f"functions of more than {PARAMETERS} parameters": (many_parameters, 0),
    "places that list a sample's fields": (sample_lists, 5),
    "forms of a sample from task to score": (forms, 9),
}


def main(brief: bool) -> int:
    passed = 0
    for title, (count, limit) in LIMITS.items():
        found = count()
        passed += len(found) > limit
        print(f"{title}: {len(found)} (at most {limit})")
        for line in () if brief else found:
            print(f"    {line}")
    return 1 if passed else 0


if __name__ == "__main__":
    raise SystemExit(main("--brief" in sys.argv))
