"""The flow ``train``: a system that generates or transforms, trained on a mask dataset."""

from __future__ import annotations

from typing import Any

from prefect.artifacts import create_table_artifact

from tag2mask.flows.artifacts import key_of
from tag2mask.flows.image_artifacts import show_image
from tag2mask.flows.results import TrainResult
from tag2mask.flows.server_logs import flow_reporter
from tag2mask.flows.server_progress import tolerate_silence
from tag2mask.flows.task import flow, step
from tag2mask.flows.tracking import TrackedReporter, open_tracker
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.systems.recipe import SystemRecipe, complete_system_recipe
from tag2mask.pipeline.systems.train import train_system
from tag2mask.pipeline.systems.training_log import SHEET
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.training.model_store import read_card


@flow(name="train", flow_run_name="train {task} {out}", validate_parameters=False)
def train(
    task: str,
    dataset: str,
    out: str,
    recipe: SystemRecipe | dict[str, Any] | None = None,
    style: str | None = None,
    engine: str = "auto",
    track: str | None = None,
) -> TrainResult:
    """Trains a system and returns losses and paths; ``str`` of the result is the summary.

    Args:
        task: Name of a generating or transforming system.
        dataset: URI of a published mask dataset.
        out: The model's folder, a local path or URI. It also holds the losses and a sample grid
            that refreshes during the training.
        recipe: The system, its rows and its schedule; missing parts have their defaults.
        style: An image, for a system that learns one style.
        engine: ``auto``, ``local`` or ``ray``.
        track: Experiment tracker, see :func:`tag2mask.flows.tracking.open_tracker`.
    """
    reporter = flow_reporter()
    if not isinstance(recipe, SystemRecipe):
        recipe = complete_system_recipe(task, recipe or {})
    folder = Folder(out)
    with open_tracker(track, folder.uri) as tracker:
        tracker.log_settings(recipe.model_dump(mode="json"))
        made = fit(dataset, out, recipe, style, engine, TrackedReporter(reporter, tracker))
        if SHEET in folder.sizes():
            tracker.log_image("samples", folder.read(SHEET))
    return summarize_training(made, recipe.task)


@step
def fit(
    dataset: str,
    out: str,
    recipe: SystemRecipe,
    style: str | None,
    engine: str,
    reporter: Reporter,
) -> str:
    """Trains the system and returns its URI."""
    folder = Folder(out)
    machine = build_engine(engine, 1, processes=recipe.training.workers)
    train_system(dataset, folder.uri, recipe, machine, reporter, style)
    return folder.uri


def summarize_training(uri: str, system: str) -> TrainResult:
    """The result of a finished training; its losses and samples become artifacts of the run."""
    training = read_card(uri).training
    losses = {name: value for name, value in training.items() if "." in name}
    with tolerate_silence("losses"):
        create_table_artifact(
            [{"loss": name, "value": value} for name, value in losses.items()],
            key_of("losses", uri),
        )
    images, steps = training["images"], training["steps"]
    lines = [f"{system}: {images:,} images, {steps:,} steps"]
    lines += [f"  {name} {value:.3f}" for name, value in losses.items()]
    lines.append(f"model    {uri}")
    samples = f"{uri}/{SHEET}" if SHEET in Folder(uri).sizes() else None
    if samples:
        with tolerate_silence("samples"):
            show_image(Folder(uri).read(SHEET), key_of("samples", uri), samples)
        lines.append(f"samples  {samples}")
    return TrainResult(
        out=uri,
        system=system,
        images=images,
        steps=steps,
        losses=losses,
        samples=samples,
        summary="\n".join(lines),
    )
