"""The command export."""

from __future__ import annotations

from typing import Annotated

import typer

from tag2mask.flows.commands.options import Classes, split_names


def export(
    dataset: Annotated[str, typer.Argument(help="A published dataset: RUN/dataset.")],
    out: Annotated[str, typer.Option("--out", help="A new folder on this machine.")],
    format_: Annotated[
        str, typer.Option("--format", help="voc, coco, coco-panoptic, coco-stuff, hf or yolo.")
    ],
    classes: Classes = None,
    confidence: Annotated[float, typer.Option(help="Least mean confidence of a mask.")] = 0.0,
) -> None:
    """Writes a dataset as files of another format, and says what that format loses."""
    from tag2mask.flows.progress import Terminal
    from tag2mask.flows.results import ExportResult
    from tag2mask.pipeline.formats.export_dataset import Choice, export_dataset, open_dataset

    progress = Terminal().rows("export", len(open_dataset(dataset)))
    choice = Choice(split_names(classes), confidence)
    written, lost = export_dataset(dataset, format_, out, choice, progress)
    print(ExportResult(out, format_, written, lost))
