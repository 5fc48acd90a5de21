"""Commands on a published dataset: verify."""

from __future__ import annotations

from typing import Annotated

import typer


def verify(
    dataset: Annotated[
        str, typer.Argument(help="A published dataset: RUN/dataset, or a copy of it.")
    ],
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode images.")] = 2,
) -> None:
    """Checks a dataset: files, layout, every image and mask, card; exit code 1 for an issue."""
    from tag2mask.flows.progress import build_reporter
    from tag2mask.pipeline.publication.verify import verify as find_issues
    from tag2mask.pipeline.tables.table import Table

    count = 0
    for issue in find_issues(dataset, threads, build_reporter()):
        count += 1
        print(issue)
    if count:
        print(f"{count:,} issue{'s' if count > 1 else ''} in {dataset}")
        raise typer.Exit(1)
    table = Table.open(dataset)
    print(f"{len(table):,} rows in {len(table.manifest.parts)} files, no issues")
