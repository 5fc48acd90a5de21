"""The command serve."""

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
    Out,
    RecipeFile,
    RetrainShare,
    SourceArgument,
    SourceKind,
    Workers,
    split_names,
)


def serve(
    source: SourceArgument,
    out: Out,
    cron: Annotated[
        str | None, typer.Option(help="Schedule in cron syntax; '0 3 * * *' is daily at three.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the deployment in Prefect.")] = "tag2mask",
    recipe: RecipeFile = None,
    classes: Classes = None,
    set_: Changes = None,
    engine: EngineName = "auto",
    workers: Workers = 2,
    retrain_share: RetrainShare = 0.2,
    class_: ClassNames = None,
    source_kind: SourceKind = None,
    class_file: ClassFile = None,
) -> None:
    """Serves `label` on a schedule and in Prefect's UI, until it is interrupted."""
    from tag2mask.pipeline.labeling.arguments import check_arguments

    names = split_names(classes, class_, class_file)
    # Before anything heavy is imported.
    check_arguments(source, out, names, engine, workers, source_kind, force=False)
    from tag2mask.flows.serve import serve as serve_label
    from tag2mask.pipeline.labeling.recipe import read_recipe

    parameters = {
        # A run may start in another folder than this process.
        "source": source if "://" in source else str(Path(source).resolve()),
        "out": out if "://" in out else str(Path(out).resolve()),
        "recipe": read_recipe(recipe, set_ or ()).model_dump(mode="json"),
        "classes": names,
        "engine": engine,
        "workers": workers,
        "retrain_share": retrain_share,
        "source_kind": source_kind,
    }
    serve_label(name, cron, parameters)
