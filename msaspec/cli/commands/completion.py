"""Print a script that completes commands, options and names in a shell."""

from __future__ import annotations

import click

from msaspec.cli import console, usage

SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion")
@click.argument("shell", type=usage.Choice(SHELLS), metavar="bash|zsh|fish")
@console.format_option("text", "json")
def command(shell: str, form: str) -> None:
    """Print the script with which a shell completes msaspec: its commands and options, and the names of services,
    entries and environments in the manifest.

    \b
    bash: msaspec completion bash > ~/.local/share/bash-completion/completions/msaspec
    zsh:  msaspec completion zsh > "${fpath[1]}/_msaspec"
    fish: msaspec completion fish > ~/.config/fish/completions/msaspec.fish

    The folder must exist. bash needs the package bash-completion; zsh needs `autoload -U compinit && compinit` in
    ~/.zshrc. Then open a new shell.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from msaspec.cli import main
    from msaspec.messages.results import Script

    kind = get_completion_class(shell)
    assert kind
    # Not the subclass's own `source`, which runs bash to ask for its version.
    script = ShellComplete.source(kind(main, {}, "msaspec", "_MSASPEC_COMPLETE"))
    console.teller(form).result(Script(shell, script), lambda: console.show(script))
