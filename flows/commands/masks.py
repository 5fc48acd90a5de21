"""Commands on models and masks: predict, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tag2mask.flows.commands.options import split_names


def predict(
    model: Annotated[
        str, typer.Argument(help="Folder of a segmenter, such as RUN/models/powerful.")
    ],
    images: Annotated[
        str, typer.Argument(help="Folder of images with any subfolders, a local path or URI.")
    ],
    out: Annotated[str, typer.Option("--out", help="Folder for the masks, a local path or URI.")],
    classes: Annotated[
        str | None,
        typer.Option(help="Classes to predict, separated by commas; all by default."),
    ] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="One class to predict, commas included; can be repeated."),
    ] = None,
    crf: Annotated[
        bool, typer.Option("--crf", help="Refine masks by the DenseCRF of the model's run.")
    ] = False,
    confidence: Annotated[
        bool,
        typer.Option(
            "--confidence", help="Also write confidence/: gray PNGs, each pixel's probability."
        ),
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write overlay/: masks drawn over the images.")
    ] = False,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Images at once; by default 8 on a GPU, else 1."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Device, such as cpu or cuda:1; by default a GPU where there is one."),
    ] = None,
) -> None:
    """Predicts a mask for each image of a folder, as a palette PNG; a killed run continues."""
    from tag2mask.pipeline.tables.places import check_apart

    check_apart(images, out)  # before anything heavy is imported
    from tag2mask.flows.progress import build_reporter
    from tag2mask.pipeline.prediction import PredictSettings, predict_folder

    names = split_names(classes, class_)
    options = PredictSettings(
        classes=None if names is None else tuple(names),
        crf=crf,
        confidence=confidence,
        overlay=overlay,
        batch=batch,
        device=device,
    )
    written, failed = predict_folder(model, images, out, None, build_reporter(), options)
    print(f"{written} masks in {out}")
    for sentence in failed:
        print(f"not predicted: {sentence}", file=sys.stderr)


def evaluate(
    masks: Annotated[
        str, typer.Argument(help="Masks: RUN/rounds/NAME, RUN/dataset or a folder of PNGs.")
    ],
    ground_truth: Annotated[
        str, typer.Option("--ground-truth", "--truth", help="Folder with SegmentationClass/.")
    ],
    json: Annotated[
        Path | None, typer.Option("--json", help="JSON file to write the scores to.")
    ] = None,
) -> None:
    """Scores masks against ground truth: IoU, boundaries, sizes of objects, calibration."""
    from tag2mask.flows.progress import build_reporter
    from tag2mask.flows.results import EvaluateResult
    from tag2mask.pipeline.evaluation.assess import assess_masks
    from tag2mask.pipeline.evaluation.assessment import is_assessment
    from tag2mask.pipeline.tables.foreign_files import check_file
    from tag2mask.pipeline.tables.storage import Folder

    folder = Folder(str(json.parent)) if json else None
    if folder and json:
        folder.check_writable()
        check_file(folder, json.name, is_assessment, "a file of scores")
    assessment = assess_masks(masks, ground_truth, build_reporter())
    print(EvaluateResult(assessment))
    if folder and json:
        folder.write(json.name, assessment.model_dump_json(indent=1).encode() + b"\n")
