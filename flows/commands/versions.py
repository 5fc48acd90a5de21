"""Commands on the versions of a dataset: versions, prune."""

from __future__ import annotations

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
) -> None:
    """Removes old versions of a run's dataset and the files that only they use."""
    from tag2mask.pipeline.tables.lease import lease
    from tag2mask.pipeline.tables.storage import Folder
    from tag2mask.pipeline.tables.versions import prune as prune_table

    folder = Folder(run)
    with lease(folder.folder(".staging")):
        removed = prune_table(f"{folder.uri}/dataset", keep)
    print(f"removed versions: {', '.join(map(str, removed)) or 'none'}")
