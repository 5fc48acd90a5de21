"""Tables of a run: the images, the rounds and the published dataset."""

from __future__ import annotations

from pathlib import Path

from tag2mask.pipeline.tables.table import Table


def open_table(uri: str | Path, *, version: int | None = None) -> Table:
    """Opens a table of a run.

    Args:
        uri: ``RUN/images``, ``RUN/rounds/NAME`` or ``RUN/dataset``, a local path or fsspec URI.
        version: Version of the table; None opens the newest.

    Raises:
        UserError: If there is no such table or version.

    Example:
        >>> table = tag2mask.open_table("run/dataset")
        >>> len(table), table.metadata["classes"]
        (24, ['ball', 'dice', 'ring', 'star', 'tent'])
    """
    return Table.open(str(uri), revision=version)
