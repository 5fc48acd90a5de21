"""Commands of systems on a mask dataset: train, generate, transform."""

from __future__ import annotations

from typing import Annotated

import typer

from tag2mask.flows.commands.options import Changes, EngineName, RecipeFile, Workers, split_names

Model = Annotated[str, typer.Argument(help="A trained system's folder.")]
Images = Annotated[str, typer.Option("--out", help="Folder of the images, or any fsspec URI.")]


def train(
    task: Annotated[str, typer.Argument(metavar="SYSTEM", help="Such as dcgan or mask_to_photo.")],
    dataset: Annotated[str, typer.Argument(help="A mask dataset: RUN/dataset.")],
    out: Annotated[str, typer.Option("--out", help="Folder of the model, or any fsspec URI.")],
    recipe: RecipeFile = None,
    set_: Changes = None,
    style: Annotated[str | None, typer.Option(help="An image, for fast_style.")] = None,
    engine: EngineName = "ray",
) -> None:
    """Trains a system that generates or transforms on a mask dataset."""
    from tag2mask.flows.train import train as train_flow
    from tag2mask.pipeline.systems.recipe import read_system_recipe

    settings = read_system_recipe(task, recipe, set_ or ())
    print(train_flow(task, dataset, out, settings, style, engine))


def generate(
    model: Model,
    out: Images,
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the noise.")] = 0,
    tags: Annotated[str | None, typer.Option(help="Classes to show, in every image.")] = None,
    like: Annotated[str | None, typer.Option(help="A mask dataset to take masks from.")] = None,
    sentence: Annotated[str | None, typer.Option(help="Sentence to draw, for text_gan.")] = None,
    engine: EngineName = "ray",
    workers: Workers = 2,
) -> None:
    """Makes new images with a trained system."""
    from tag2mask.flows.generate import generate as generate_flow

    chosen = split_names(tags)
    print(generate_flow(model, out, count, seed, chosen, like, sentence, engine, workers))


def transform(
    model: Model,
    images: Annotated[str, typer.Argument(help="A folder of images, or a mask dataset.")],
    out: Images,
    masks: Annotated[str | None, typer.Option(help="A folder of masks of the same names.")] = None,
    style: Annotated[str | None, typer.Option(help="An image whose style is taken.")] = None,
    size: Annotated[
        int | None, typer.Option(min=16, help="Longer side to which images are brought.")
    ] = None,
    tags: Annotated[str | None, typer.Option(help="Classes that are meant.")] = None,
    engine: EngineName = "ray",
    workers: Workers = 2,
) -> None:
    """Transforms images with a trained system."""
    from tag2mask.flows.transform import transform as transform_flow

    chosen = split_names(tags)
    print(transform_flow(model, images, out, masks, style, size, chosen, engine, workers))
