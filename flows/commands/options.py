"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
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
ClassFile = Annotated[
    Path | None,
    typer.Option("--class-file", help="Text file with one tag to keep on each line."),
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


def split_names(
    text: str | None, names: list[str] | None = None, file: Path | None = None
) -> list[str] | None:
    """Names of a list with commas, names that were given one by one, and names of a file.

    Args:
        text: Names separated by commas.
        names: Names with commas of their own.
        file: Text file with one name on each line.

    Returns:
        All of them without repetitions; None if none of the three is given.

    Raises:
        UserError: If the file cannot be read.
    """
    if text is None and file is None:
        return names or None
    listed = [name.strip() for name in (text or "").split(",") if name.strip()] + (names or [])
    return list(dict.fromkeys([*listed, *(_names_of(file) if file else [])]))


def _names_of(file: Path) -> list[str]:
    from tag2mask.pipeline.errors import UserError
    from tag2mask.pipeline.records.name_lists import name_lines

    try:
        return name_lines(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"cannot read the class names in {file}: {error}; give a text file with one name on "
            "each line"
        ) from error
