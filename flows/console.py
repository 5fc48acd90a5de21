"""The command line's log: plain lines or JSON on standard error, with bars on a terminal.

Standard output holds results alone, so that they can be piped.
"""

from __future__ import annotations

import datetime
import json
import logging
from enum import StrEnum

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

LOGGER = "tag2mask"


class LogFormat(StrEnum):
    """How log lines are written."""

    text = "text"
    json = "json"


class LineFormatter(logging.Formatter):
    """The message alone; from a warning on, with the name of the program."""

    def format(self, record: logging.LogRecord) -> str:
        """One log record as text."""
        message = super().format(record)
        return message if record.levelno < logging.WARNING else f"{LOGGER}: {message}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, message and, about a step, its progress."""

    def format(self, record: logging.LogRecord) -> str:
        """One log record as JSON."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        values = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": super().format(record),
        }
        if progress := getattr(record, "progress", None):
            values["progress"] = progress
        return json.dumps(values, ensure_ascii=False)


class ConsoleHandler(logging.Handler):
    """Writes log records to standard error, above the bars that are shown there.

    Args:
        log_format: Format of the lines.
    """

    def __init__(self, log_format: LogFormat = LogFormat.text) -> None:
        super().__init__()
        # Without a file given, rich takes the standard error of the moment.
        self.console = Console(stderr=True)
        self.setFormatter(JsonFormatter() if log_format is LogFormat.json else LineFormatter())
        terminal = self.console.is_terminal and not self.console.is_dumb_terminal
        self.shows_bars = terminal and log_format is LogFormat.text
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            console=self.console,
            refresh_per_second=4,
            transient=True,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        try:
            self.console.print(Text(self.format(record)), soft_wrap=True)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Takes the bars away; logging does so at the end of the process, too."""
        if self.bars.live.is_started:
            self.bars.stop()
        super().close()


def configure_logging(
    level: int = logging.INFO, log_format: LogFormat = LogFormat.text
) -> ConsoleHandler:
    """Shows the log of the package on standard error.

    Args:
        level: The least level that is shown.
        log_format: Format of the lines.
    """
    logger = logging.getLogger(LOGGER)
    for handler in console_handlers():
        logger.removeHandler(handler)
        handler.close()
    handler = ConsoleHandler(log_format)
    logger.addHandler(handler)
    logger.setLevel(level)
    # Prefect's console handler at the root would write every line a second time.
    logger.propagate = False
    return handler


def console_handlers() -> list[ConsoleHandler]:
    """The console handlers of the package's logger."""
    handlers = logging.getLogger(LOGGER).handlers
    return [handler for handler in handlers if isinstance(handler, ConsoleHandler)]


def is_configured() -> bool:
    """Whether somebody has set up logging: on our logger, or at the root by other than Prefect."""
    ours, root = logging.getLogger(LOGGER).handlers, logging.getLogger().handlers
    return bool(ours) or any(not type(h).__module__.startswith("prefect") for h in root)
