"""The command that looks at a dataset: inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def inspect(
    dataset: Annotated[str, typer.Argument(help="A published dataset: RUN/dataset.")],
    out: Annotated[Path, typer.Option("--out", help="HTML file to write.")] = Path("inspect.html"),
    run: Annotated[
        str | None,
        typer.Option(help="Folder of the run; by default the one that holds the dataset."),
    ] = None,
    ground_truth: Annotated[
        str | None,
        typer.Option("--ground-truth", "--truth", help="Folder with SegmentationClass/."),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="Masks of each class: best, worst and random.")
    ] = 6,
) -> None:
    """Writes one HTML page: counts, histograms, and the best, worst and random masks."""
    from tag2mask.flows.progress import build_reporter
    from tag2mask.pipeline.report.inspection import InspectSettings, inspect_dataset
    from tag2mask.pipeline.report.page import inspection_page, is_inspection_page
    from tag2mask.pipeline.tables.foreign_files import check_file
    from tag2mask.pipeline.tables.storage import Folder

    folder = Folder(str(out.parent))
    folder.check_writable()
    check_file(folder, out.name, is_inspection_page, "a page of inspect")
    inspection = inspect_dataset(
        dataset, run, ground_truth, InspectSettings(examples=examples), build_reporter()
    )
    written = folder.write(out.name, inspection_page(inspection))
    print(f"{out}: {len(inspection.cards)} masks shown, {written.bytes / 2**20:.1f} MiB")
