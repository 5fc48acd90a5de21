"""The command line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tag2mask import __version__
from tag2mask.flows.commands import COMMANDS
from tag2mask.flows.console import LOGGER, LogFormat, configure_logging, console_handlers
from tag2mask.flows.stopping import stop_on_signals
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
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Log warnings and errors only; results are printed.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log also which tables and models are reused.")
    ] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Format of the log on standard error.")
    ] = LogFormat.text,
) -> None:
    """From image tags to pixel masks, at cluster scale."""
    del version  # print_version has read it
    if quiet and verbose:
        raise UserError("--quiet and --verbose exclude each other: give one of them")
    level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
    configure_logging(level, log_format)


def global_options_first(arguments: Sequence[str]) -> list[str]:
    """Arguments with the log's options before the command, wherever they were written.

    Click reads the options of the program before the command only; people write them behind it.
    """
    first: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in {"--quiet", "--verbose"} or argument.startswith("--log-format="):
            first.append(argument)
        elif argument == "--log-format":
            first += [argument, *([] if (value := next(waiting, None)) is None else [value])]
        else:
            rest.append(argument)
    return [*first, *rest]


# Commands whose finished work is kept and found again.
CONTINUING = frozenset({"benchmark", "demo", "generate", "label", "predict", "train", "transform"})


def stop_sentence(arguments: Sequence[str]) -> str:
    """The sentence's part about the same command, after a stopped one: whether it continues."""
    name = next((each for each in arguments if not each.startswith("-")), "")
    if name in CONTINUING and "--dry-run" not in arguments:
        return "finished work is kept, and the same command continues"
    return "the same command starts again"


def main() -> None:
    """Runs the command line; bad input is one sentence and exit code 2."""
    configure_logging()
    arguments = global_options_first(sys.argv[1:])
    with stop_on_signals(stop_sentence(arguments)):
        try:
            app(arguments)
        except UserError as error:
            logging.getLogger(LOGGER).error(error)
            sys.exit(2)
        finally:
            for handler in console_handlers():
                handler.close()


if __name__ == "__main__":
    main()
