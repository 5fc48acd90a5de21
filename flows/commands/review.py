"""Commands for people who fix masks: review, correct."""

from __future__ import annotations

from typing import Annotated

import typer

Dataset = Annotated[str, typer.Argument(help="The published dataset of a run: RUN/dataset.")]


def review(
    dataset: Dataset,
    out: Annotated[str, typer.Option("--out", help="A new folder on this machine.")],
    count: Annotated[
        int, typer.Option(help="Maximum number of masks, in equal parts of each class.")
    ] = 50,
    format_: Annotated[str, typer.Option("--format", help="Format: voc or coco.")] = "voc",
    shapes: Annotated[
        str, typer.Option(help="Outlines in COCO: polygon, or rle for run lengths.")
    ] = "polygon",
) -> None:
    """Writes the least certain masks of a dataset as a small set for label tools."""
    from tag2mask.pipeline.correction.review import write_review

    written = write_review(dataset, out, count, format_, shapes)
    print(f"{written:,} masks in {out} ({format_}): edit them and keep their names, then")
    print(f"tag2mask correct {dataset} {out}")


def correct(
    dataset: Dataset,
    masks: Annotated[str, typer.Argument(help="Folder of the edited masks, VOC or COCO.")],
    editor: Annotated[str, typer.Option(help="Name of the editor, for the record.")] = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Take unchanged masks as confirmed by the editor.")
    ] = False,
    crowd: Annotated[
        str | None,
        typer.Option(help="Meaning of edited crowd regions on ignored pixels: class or ignore."),
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Take masks without any class as intended.")
    ] = False,
) -> None:
    """Reads edited masks back into the run; later trainings and rounds keep them unchanged."""
    from tag2mask.pipeline.correction.correct import take_corrections

    taken = take_corrections(dataset, masks, editor, confirm, crowd, allow_empty)
    print(taken.sentence())
    if taken.corrected + taken.confirmed:
        print("run the label command of this run again: it trains the rounds with these masks")
