"""The command export."""

from __future__ import annotations

from typing import Annotated

import typer

from tag2mask.flows.commands.options import Classes, ClassNames, split_names


def export(
    dataset: Annotated[str, typer.Argument(help="A published dataset: RUN/dataset.")],
    out: Annotated[str, typer.Option("--out", help="A new folder on this machine.")],
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="voc, coco, coco-panoptic, coco-stuff, hf, yolo, label-studio, cvat or "
            "webdataset.",
        ),
    ],
    classes: Classes = None,
    confidence: Annotated[
        list[str] | None,
        typer.Option(
            help="Minimum confidence of the object of every tag, in [0, 1]: a number, or "
            "CLASS=NUMBER such as cat=0.9; can be repeated."
        ),
    ] = None,
    min_area: Annotated[
        float,
        typer.Option(
            help="Minimum area of a component, as a share of the image; smaller ones are no "
            "objects."
        ),
    ] = 0.001,
    objects: Annotated[
        str,
        typer.Option(help="component or class: one object for each connected component or class."),
    ] = "component",
    shapes: Annotated[
        str | None,
        typer.Option(help="polygon or rle (run lengths); default: the format's own choice."),
    ] = None,
    split: Annotated[
        str,
        typer.Option(help="stratified by class, hash of the image, or source: its folders."),
    ] = "stratified",
    val: Annotated[
        float | None,
        typer.Option(help="Share of the images in val; default: 0.1 for yolo, else 0."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the images in test.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Random seed of the splits.")] = 0,
    shard_images: Annotated[int, typer.Option(help="Images of one shard, for webdataset.")] = 1000,
    class_: ClassNames = None,
) -> None:
    """Writes a dataset as files of another format, and prints what that format loses."""
    from tag2mask.flows.progress import build_reporter
    from tag2mask.flows.results import export_result
    from tag2mask.pipeline.formats.export_dataset import Choice, export_dataset, open_dataset
    from tag2mask.pipeline.formats.export_settings import read_export_settings
    from tag2mask.pipeline.records.confidence_thresholds import parse_thresholds

    settings = read_export_settings(
        min_area=min_area,
        objects=objects,
        shapes=shapes,
        split=split,
        val_share=val,
        test_share=test,
        seed=seed,
        shard_images=shard_images,
    )
    progress = build_reporter().rows("export", len(open_dataset(dataset)))
    choice = Choice(split_names(classes, class_), parse_thresholds(confidence or ()))
    written = export_dataset(dataset, format_, out, choice, settings, progress)
    print(export_result(out, format_, written))
