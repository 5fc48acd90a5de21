"""The command line."""

from __future__ import annotations

import sys

import typer

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


def main() -> None:
    """Runs the command line; bad input is one sentence and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"tag2mask: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
