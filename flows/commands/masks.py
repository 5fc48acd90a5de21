"""Commands on models and masks: predict, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[
        str, typer.Argument(help="Folder of a segmenter, such as RUN/models/powerful.")
    ],
    images: Annotated[str, typer.Argument(help="Folder of images.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the masks.")],
) -> None:
    """Predicts a mask for each image of a folder, as a palette PNG with the same stem."""
    from tag2mask.flows.progress import build_reporter
    from tag2mask.pipeline.prediction import predict_folder

    written, failed = predict_folder(model, images, str(out), reporter=build_reporter())
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
    from tag2mask.pipeline.tables.storage import Folder

    folder = Folder(str(json.parent)) if json else None
    if folder:
        folder.check_writable()
    assessment = assess_masks(masks, ground_truth, build_reporter())
    print(EvaluateResult(assessment))
    if folder and json:
        folder.write(json.name, assessment.model_dump_json(indent=1).encode() + b"\n")
