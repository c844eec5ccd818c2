"""``hemm models``: who there is to ask."""

from __future__ import annotations

import click

from hemm.cli._common import Name, format_option
from hemm.report.tables.writer import emit, print_facts, print_json


@click.command(name="models")
@click.argument("name", required=False, type=Name("models"))
@click.option("--revision", default="", help="Hub branch, tag or commit.")
@format_option("table", "json", "csv", "markdown")
def command(name: str | None, revision: str, format_: str) -> None:
    """List the kinds of models, or show NAME: a kind (hf) or one model (hf/ORG/NAME, tiny, http://host/v1#m).

    Nothing is loaded or downloaded; for a hub model its commit is looked up.
    """
    from hemm.models import MODELS, ModelOptions, describe
    from hemm.models.specs import FORMS

    if name is None and format_ == "table":
        from hemm.report.tables.models import listed

        emit([*map(listed, describe.rows())], ["name", "spec", "about"], format_)
        return
    if name is None:
        emit(describe.rows(), ["name", "spec", "extra", "installed", "about"], format_)
        return
    kind = name in FORMS
    row = describe.row(name) if kind else describe.card(name, ModelOptions(revision=revision))
    if name in MODELS and not kind:
        row = {**describe.row(name), **row}
    if format_ == "json":
        print_json(row)
    elif format_ == "table":
        print_facts(row, 14)
    else:
        emit([row], list(row), format_)
