"""Commands on the versions of a dataset: versions, prune."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Place = Annotated[str, typer.Argument(metavar="RUN", help="Folder of the run.")]


def versions(
    run: Place,
    files: Annotated[int | None, typer.Option(help="List the files of this version.")] = None,
) -> None:
    """Lists the versions of a run's dataset, or the files of one of them."""
    from tag2mask.pipeline.tables.storage import Folder
    from tag2mask.pipeline.tables.table import Table
    from tag2mask.pipeline.tables.versions import version_numbers

    uri = f"{Folder(run).uri}/dataset"
    if files is not None:
        print("\n".join(Table.open(uri, revision=files).files))
        return
    for number in version_numbers(Folder(uri)):
        table = Table.open(uri, revision=number)
        parts = len(table.manifest.parts)
        print(f"{number:6}  {len(table):9,} masks  {parts:5} files  {table.fingerprint}")


def prune(
    run: Place,
    keep: Annotated[int, typer.Option(help="Number of newest versions to keep.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove them without a question.")] = False,
) -> None:
    """Removes old versions of a run's dataset and the files that only they use; asks before."""
    from tag2mask.pipeline.errors import UserError
    from tag2mask.pipeline.tables.lease import lease
    from tag2mask.pipeline.tables.storage import Folder
    from tag2mask.pipeline.tables.versions import find_old_versions
    from tag2mask.pipeline.tables.versions import prune as prune_table

    folder = Folder(run)
    uri = f"{folder.uri}/dataset"
    old = find_old_versions(uri, keep)
    if not old.rows:
        print("removed versions: none")
        return
    for number, rows in old.rows.items():
        print(f"version {number}: {rows:,} masks")
    size = f"{len(old.parts):,} files, {old.bytes / 2**20:,.1f} MiB"
    print(f"only used by these: {size}; versions that stay: {', '.join(map(str, old.stays))}")
    if not yes and not sys.stdin.isatty():
        raise UserError(
            "nothing was removed: without a terminal the question cannot be answered; add --yes "
            "to remove the versions"
        )
    if not yes and not typer.confirm("Remove them?", err=True):
        print("nothing was removed")
        raise typer.Exit(1)
    with lease(folder.folder(".staging")):
        if find_old_versions(uri, keep) != old:
            raise UserError("nothing was removed: the versions have changed; run prune again")
        removed = prune_table(uri, keep)
    print(f"removed versions: {', '.join(map(str, removed))}")
