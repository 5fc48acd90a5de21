"""Commands of systems on a mask dataset: train, generate, transform."""

from __future__ import annotations

from typing import Annotated

import typer

from tag2mask.flows.commands.options import (
    Changes,
    EngineName,
    RecipeFile,
    Track,
    Workers,
    split_names,
)

Model = Annotated[str, typer.Argument(help="Folder of a trained system.")]
Images = Annotated[
    str, typer.Option("--out", help="Folder of the images, a local path or fsspec URI.")
]


def train(
    task: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM", help="Name of the system, such as dcgan or mask_to_photo."
        ),
    ],
    dataset: Annotated[str, typer.Argument(help="A published dataset: RUN/dataset.")],
    out: Annotated[
        str, typer.Option("--out", help="Folder of the model, a local path or fsspec URI.")
    ],
    recipe: RecipeFile = None,
    set_: Changes = None,
    style: Annotated[str | None, typer.Option(help="Image whose style fast_style learns.")] = None,
    engine: EngineName = "auto",
    track: Track = None,
) -> None:
    """Trains a system that generates or transforms images on a dataset of masks."""
    from tag2mask.flows.train import train as train_flow
    from tag2mask.pipeline.systems.recipe import read_system_recipe

    settings = read_system_recipe(task, recipe, set_ or ())
    print(train_flow(task, dataset, out, settings, style, engine, track))


def generate(
    model: Model,
    out: Images,
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the noise.")] = 0,
    tags: Annotated[
        str | None, typer.Option(help="Classes of every image, separated by commas.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(help="A published dataset whose masks or images are the condition."),
    ] = None,
    sentence: Annotated[str | None, typer.Option(help="Sentence that text_gan draws.")] = None,
    engine: EngineName = "auto",
    workers: Workers = 2,
) -> None:
    """Generates images with a trained system."""
    from tag2mask.flows.generate import generate as generate_flow

    chosen = split_names(tags)
    print(generate_flow(model, out, count, seed, chosen, like, sentence, engine, workers))


def transform(
    model: Model,
    images: Annotated[str, typer.Argument(help="A folder of images, or a published dataset.")],
    out: Images,
    masks: Annotated[
        str | None, typer.Option(help="Folder of masks with the same file names.")
    ] = None,
    style: Annotated[str | None, typer.Option(help="Image whose style is transferred.")] = None,
    size: Annotated[
        int | None, typer.Option(min=16, help="Longer side of the resized images, in pixels.")
    ] = None,
    tags: Annotated[
        str | None, typer.Option(help="Classes to add or change, separated by commas.")
    ] = None,
    engine: EngineName = "auto",
    workers: Workers = 2,
) -> None:
    """Transforms images with a trained system."""
    from tag2mask.flows.transform import transform as transform_flow

    chosen = split_names(tags)
    print(transform_flow(model, images, out, masks, style, size, chosen, engine, workers))
