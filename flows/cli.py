"""The command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.environment import set_defaults
from pipeline.errors import UserError

app = typer.Typer(
    name="tag2mask",
    help="From image tags to pixel masks, at cluster scale.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[str, typer.Argument(help="Tagged pictures: folders by tag, tags.csv, VOC tree.")]
Out = Annotated[str, typer.Option("--out", help="Folder of the run, or any fsspec URI.")]
RecipeFile = Annotated[str | None, typer.Option("--recipe", help="JSON file with settings.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="One setting, as key=value.")]
Classes = Annotated[str | None, typer.Option(help="Tags to keep, separated by commas.")]
EngineName = Annotated[str, typer.Option(help="ray or local.")]
Workers = Annotated[int, typer.Option(help="Processes on this machine.")]


@app.command()
def sample(
    directory: Annotated[Path, typer.Argument(help="Folder to write.")],
    images: Annotated[int, typer.Option(help="Number of pictures.")] = 400,
    seed: Annotated[int, typer.Option(help="Of everything that is random.")] = 0,
) -> None:
    """Writes generated pictures: tags.csv, JPEGImages/, SegmentationClass/."""
    from pipeline.synthetic import write_sample

    names = write_sample(directory, images, seed)
    print(f"{images} pictures of {', '.join(names)} in {directory}")


@app.command()
def label(
    source: Source,
    out: Out,
    recipe: RecipeFile = None,
    classes: Classes = None,
    set_: Changes = None,
    engine: EngineName = "ray",
    workers: Workers = 2,
) -> None:
    """Labels tagged pictures: a run folder with masks, models and the published dataset."""
    from flows.label import label as label_flow
    from pipeline.recipe import read_recipe

    settings = read_recipe(recipe, set_ or ())
    print(label_flow(source, out, settings, split_names(classes), engine, workers))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the pictures and the run.")] = Path(
        "demo"
    ),
    engine: EngineName = "local",
    workers: Workers = 2,
) -> None:
    """The whole loop on generated pictures, a few minutes on a laptop."""
    from flows.label import label as label_flow
    from pipeline.demo import DEMO_IMAGES, DEMO_RECIPE
    from pipeline.synthetic import write_sample

    write_sample(out / "pictures", DEMO_IMAGES, seed=0)
    pictures, run = str((out / "pictures").resolve()), str((out / "run").resolve())
    print(label_flow(pictures, run, DEMO_RECIPE, None, engine, workers))


@app.command()
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


@app.command()
def benchmark(
    task: Annotated[str, typer.Argument(help="ladder, or dcsm (its three improvements).")],
    data: Annotated[str, typer.Argument(help="Pictures with tags, splits and true masks.")],
    out: Out,
    recipe: RecipeFile = None,
    classes: Classes = None,
    set_: Changes = None,
    engine: EngineName = "local",
    workers: Workers = 2,
) -> None:
    """Measures: the comparison tables, resumable."""
    from flows.benchmark import BENCHMARKS
    from pipeline.recipe import read_recipe

    if task not in BENCHMARKS:
        raise UserError(f"no benchmark {task!r}: choose one of {', '.join(BENCHMARKS)}")
    settings = read_recipe(recipe, set_ or ())
    print(BENCHMARKS[task](data, out, settings, split_names(classes), engine, workers))


@app.command()
def evaluate(
    masks: Annotated[str, typer.Argument(help="RUN/rounds/seed, RUN/dataset, a folder of PNGs.")],
    truth: Annotated[str, typer.Option(help="Folder with SegmentationClass/.")],
) -> None:
    """Scores masks by the VOC protocol: mean IoU from one summed confusion matrix."""
    from pipeline.report.assess import assess_masks
    from pipeline.report.scores import score_table

    print(score_table(assess_masks(masks, truth)))


def split_names(text: str | None) -> list[str] | None:
    """The names of a list with commas; None stays None."""
    if text is None:
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def main() -> None:
    """Runs the command line; bad input is one sentence and exit code 2."""
    set_defaults()
    try:
        app()
    except UserError as error:
        print(f"tag2mask: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
