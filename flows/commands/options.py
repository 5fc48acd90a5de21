"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

SourceArgument = Annotated[str, typer.Argument(help="Tagged images: a folder, a file or a URI.")]
Out = Annotated[str, typer.Option("--out", help="Folder of the run, a local path or fsspec URI.")]
RecipeFile = Annotated[
    str | None, typer.Option("--recipe", help="YAML, TOML or JSON file with settings.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="A setting as key=value; can be repeated.")
]
Classes = Annotated[str | None, typer.Option(help="Tags to keep, separated by commas.")]
ClassNames = Annotated[
    list[str] | None,
    typer.Option("--class", help="One tag to keep, commas included; can be repeated."),
]
SourceKind = Annotated[
    str | None,
    typer.Option(help="Kind of the source, such as folders, coco or yolo; guessed by default."),
]
EngineName = Annotated[
    str, typer.Option(help="Engine: auto, local or ray; the results are the same.")
]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train from scratch on the source as it is.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace a run of another source or class list; it stays until the new one is whole.",
    ),
]
Track = Annotated[
    str | None,
    typer.Option(
        help="Experiment tracker for losses, figures and images: tensorboard, mlflow or wandb; "
        "a colon and a folder, URI or project may follow."
    ),
]
RetrainShare = Annotated[
    float,
    typer.Option(
        min=0,
        help="Train from scratch when the new images reach this share of the last training's.",
    ),
]
Workers = Annotated[int, typer.Option(help="Worker processes on this machine.")]


def split_names(text: str | None, names: list[str] | None = None) -> list[str] | None:
    """The names of a list with commas, and names that were given one by one; None for neither."""
    if text is None:
        return names or None
    return [name.strip() for name in text.split(",") if name.strip()] + (names or [])
