"""Commands on a published dataset: verify."""

from __future__ import annotations

from typing import Annotated

import typer


def verify(
    dataset: Annotated[str, typer.Argument(help="RUN/dataset, or any copy of it.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 2,
) -> None:
    """Checks a dataset: files, layout, every image and mask, card; exit code 1 if faulty."""
    from tag2mask.pipeline.publication.verify import verify as find_faults
    from tag2mask.pipeline.tables.table import Table

    count = 0
    for fault in find_faults(dataset, threads):
        count += 1
        print(fault)
    if count:
        print(f"{count:,} fault{'s' if count > 1 else ''} in {dataset}")
        raise typer.Exit(1)
    table = Table.open(dataset)
    print(f"{len(table):,} rows in {len(table.manifest.parts)} files, no fault")
