"""`kimi-conformance completion`."""

import click
from click.shell_completion import get_completion_class

from kimi_conformance.cli.asking.completing import PROGRAM, VARIABLE
from kimi_conformance.cli.asking.helping import command

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@command("completion bash")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options and names when you press Tab.

    \b
    bash, in ~/.bashrc:  eval "$(kimi-conformance completion bash)"
    zsh, in ~/.zshrc:    eval "$(kimi-conformance completion zsh)"
    fish: kimi-conformance completion fish > \\
          ~/.config/fish/completions/kimi-conformance.fish
    """  # noqa: D301 - the sign that keeps click from filling these lines is an escape
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"This version of click knows no completion for {shell}.")
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
