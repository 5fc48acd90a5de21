"""The command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tag2mask import __version__
from tag2mask.flows.commands import COMMANDS
from tag2mask.pipeline.errors import UserError

app = typer.Typer(
    name="tag2mask",
    help="From image tags to pixel masks, at cluster scale.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def print_version(wanted: bool) -> None:
    """Prints the version and ends the command line, if it is wanted."""
    if wanted:
        typer.echo(f"tag2mask {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """From image tags to pixel masks, at cluster scale."""
    del version  # print_version has read it


def main() -> None:
    """Runs the command line; bad input is one sentence and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"tag2mask: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
