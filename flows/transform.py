"""The flow ``transform``: images made of images, masks or both by a trained system."""

from __future__ import annotations

from tag2mask.flows.results import TransformResult
from tag2mask.flows.server_logs import flow_reporter
from tag2mask.flows.task import flow, step
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.systems.apply import MadeImages, transform_images


@flow(name="transform", flow_run_name="transform {out}")
def transform(
    model: str,
    images: str,
    out: str,
    masks: str | None = None,
    style: str | None = None,
    size: int | None = None,
    tags: list[str] | None = None,
    engine: str = "auto",
    workers: int = 2,
) -> TransformResult:
    """Transforms images and returns where they are; ``str`` of the result is the summary.

    Args:
        model: URI of a transforming system.
        images: A folder of images (of masks, for a system that needs nothing else), or a
            mask dataset.
        out: Folder for the images and the table of them, a local path or URI.
        masks: A folder of palette PNGs of the same stems, for a system that needs both.
        style: An image, for a system that needs one.
        size: Longer side to which images are scaled, in pixels.
        tags: Classes to transform, for a system that needs some.
        engine: ``auto``, ``local`` or ``ray``; the choice changes no image.
        workers: Processes on this machine; ignored by a Ray cluster.
    """
    made = make(
        model, images, out, engine, workers, masks=masks, style=style, size=size, tags=tags or []
    )
    return TransformResult(out=out, table=made.table, images=made.images, failed=made.failed)


@step
def make(
    model: str,
    images: str,
    out: str,
    engine: str,
    workers: int,
    masks: str | None,
    style: str | None,
    size: int | None,
    tags: list[str],
) -> MadeImages:
    """Transforms the images."""
    machine = build_engine(engine, workers)
    return transform_images(
        model,
        images,
        out,
        machine,
        flow_reporter(),
        masks=masks,
        style=style,
        size=size,
        tags=tags,
    )
