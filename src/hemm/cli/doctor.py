"""``hemm doctor``: what is installed, set and ready here."""

from __future__ import annotations

import click

from hemm.cli._common import format_option


@click.command("doctor")
@format_option("table", "json")
def command(format_: str) -> None:
    """Say which credentials are set (never what they are), what is installed, and where packs are kept."""
    from hemm.report.tables.doctor import readiness
    from hemm.report.tables.writer import emit

    emit(readiness(), ("what", "state", "for"), format_, "hemm doctor")
