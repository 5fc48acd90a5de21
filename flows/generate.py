"""The flow ``generate``: new images from a trained system."""

from __future__ import annotations

from tag2mask.flows.results import GenerateResult
from tag2mask.flows.server_logs import flow_reporter
from tag2mask.flows.task import flow, step
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.systems.apply import MadeImages, generate_images


@flow(name="generate", flow_run_name="generate {out}")
def generate(
    model: str,
    out: str,
    count: int = 64,
    seed: int = 0,
    tags: list[str] | None = None,
    like: str | None = None,
    sentence: str | None = None,
    engine: str = "auto",
    workers: int = 2,
) -> GenerateResult:
    """Makes new images and returns where they are; ``str`` of the result is the summary.

    Args:
        model: URI of a generating system.
        out: Folder for the images and the table of them, a local path or URI.
        count: Number of images.
        seed: Random seed of the noise.
        tags: Classes that all images show; by default the classes take turns.
        like: A mask dataset, for a system that needs masks or images.
        sentence: A description of all images, for a system that reads sentences.
        engine: ``auto``, ``local`` or ``ray``; the choice changes no image.
        workers: Processes on this machine; ignored by a Ray cluster.
    """
    made = make(
        model,
        out,
        engine,
        workers,
        count=count,
        seed=seed,
        tags=tags or [],
        like=like,
        sentence=sentence,
    )
    return GenerateResult(out=out, table=made.table, images=made.images, failed=made.failed)


@step
def make(
    model: str,
    out: str,
    engine: str,
    workers: int,
    count: int,
    seed: int,
    tags: list[str],
    like: str | None,
    sentence: str | None,
) -> MadeImages:
    """Makes the images."""
    machine = build_engine(engine, workers)
    return generate_images(
        model,
        out,
        machine,
        flow_reporter(),
        count=count,
        seed=seed,
        tags=tags,
        like=like,
        sentence=sentence,
    )
