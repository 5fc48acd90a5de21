"""Commands of the labeling loop: sample, label, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tag2mask.flows.commands.options import (
    Changes,
    Classes,
    ClassFile,
    ClassNames,
    EngineName,
    Force,
    Out,
    RecipeFile,
    Retrain,
    RetrainShare,
    SourceArgument,
    SourceKind,
    Track,
    Workers,
    split_names,
)


def sample(
    directory: Annotated[Path, typer.Argument(help="Folder to write.")],
    images: Annotated[int, typer.Option(help="Number of images.")] = 400,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """Writes generated images: tags.csv, JPEGImages/, SegmentationClass/."""
    from tag2mask.pipeline.synthetic.images import write_sample

    names = write_sample(directory, images, seed)
    print(f"{images} images of {', '.join(names)} in {directory}")


def label(
    source: SourceArgument,
    out: Out,
    recipe: RecipeFile = None,
    classes: Classes = None,
    set_: Changes = None,
    engine: EngineName = "auto",
    workers: Workers = 2,
    retrain: Retrain = False,
    retrain_share: RetrainShare = 0.2,
    class_: ClassNames = None,
    source_kind: SourceKind = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Write nothing; print the steps, what is finished, and the time."
        ),
    ] = False,
    force: Force = False,
    track: Track = None,
    class_file: ClassFile = None,
) -> None:
    """Labels tagged images, later what is new among them; publishes a dataset of masks."""
    from tag2mask.pipeline.labeling.arguments import check_arguments

    names = split_names(classes, class_, class_file)
    # Before anything heavy is imported.
    check_arguments(source, out, names, engine, workers, source_kind, force, dry_run)
    from tag2mask.pipeline.labeling.recipe import read_recipe

    settings = read_recipe(recipe, set_ or ())
    if dry_run:
        from tag2mask.flows.dry_run import dry_run as plan_run
        from tag2mask.flows.progress import build_reporter

        reporter = build_reporter()
        options = (workers, retrain, retrain_share, source_kind, reporter, force)
        print(plan_run(source, out, settings, names, *options))
        return
    from tag2mask.flows.label import label as label_flow

    rest = (engine, workers, retrain, retrain_share, source_kind, force, track)
    result = label_flow(source, out, settings, names, *rest)
    print(result)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the images and the run.")] = Path(
        "demo"
    ),
    engine: EngineName = "local",
    workers: Workers = 2,
) -> None:
    """The whole loop on generated images, a few minutes on a laptop."""
    from tag2mask.flows.label import label as label_flow
    from tag2mask.pipeline.synthetic.demo import DEMO_IMAGES, DEMO_RECIPE
    from tag2mask.pipeline.synthetic.images import write_sample

    write_sample(out / "images", DEMO_IMAGES, seed=0)
    images, run = str((out / "images").resolve()), str((out / "run").resolve())
    print(label_flow(images, run, DEMO_RECIPE, None, engine, workers))
