"""Commands on models and masks: predict, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[str, typer.Argument(help="A segmenter: RUN/models/powerful.")],
    images: Annotated[str, typer.Argument(help="A folder of pictures.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the masks.")],
) -> None:
    """Predicts palette PNGs, one for each picture, with the same stem."""
    from pipeline.prediction import predict_folder

    written, failed = predict_folder(model, images, str(out))
    print(f"{written} masks in {out}")
    for sentence in failed:
        print(f"not predicted: {sentence}", file=sys.stderr)


def evaluate(
    masks: Annotated[str, typer.Argument(help="RUN/rounds/seed, RUN/dataset, a folder of PNGs.")],
    truth: Annotated[str, typer.Option(help="Folder with SegmentationClass/.")],
) -> None:
    """Scores masks by the VOC protocol: mean IoU from one summed confusion matrix."""
    from pipeline.report.assess import assess_masks
    from pipeline.report.scores import score_table

    print(score_table(assess_masks(masks, truth)))
