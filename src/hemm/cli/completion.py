"""``hemm completion``: the script by which a shell completes commands, options and names."""

from __future__ import annotations

import click

from hemm.cli._common import OneOf
from hemm.core.terminal import echo

VARIABLE = "_HEMM_COMPLETE"
"""Set by the script when it asks hemm what could stand next."""
SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", metavar="|".join(SHELLS), type=OneOf("shell", SHELLS))
def command(shell: str) -> None:
    """Print the script that completes commands, options, models, tasks, metrics and folders in a shell.

    bash: add the line below to ~/.bashrc; zsh: the same with zsh to ~/.zshrc; fish: hemm completion fish >
    ~/.config/fish/completions/hemm.fish
    """
    from click.shell_completion import get_completion_class

    from hemm.cli.program import group

    made = get_completion_class(shell)
    assert made is not None
    source = made.source_template % made(group, {}, "hemm", VARIABLE).source_vars()
    echo(source.strip())
