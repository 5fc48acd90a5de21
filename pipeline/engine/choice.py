"""The choice of an engine: Ray where there is a cluster, several GPUs or much work, else local."""

from __future__ import annotations

import importlib.util
import os

AUTO, LOCAL, RAY = "auto", "local", "ray"
# Ray's start and its processes take minutes, which only a run of hours wins back.
IMAGES_FOR_RAY = 100_000


def choose_engine(images: int | None = None, processes: int = 1) -> tuple[str, str]:
    """The engine that suits a machine and a number of images, and the reason in words.

    Args:
        images: Number of images of the work; None if it is unknown.
        processes: Largest number of processes that train one model.
    """
    if address := os.environ.get("RAY_ADDRESS"):
        return RAY, f"RAY_ADDRESS names the cluster {address}"
    if processes > 1:
        return RAY, f"a training of {processes} processes needs it"
    if importlib.util.find_spec("ray") is None:
        return LOCAL, "Ray is not installed"
    if (gpus := _count_gpus()) > 1:
        return RAY, f"this machine has {gpus} GPUs"
    if images is not None and images >= IMAGES_FOR_RAY:
        return RAY, f"{images:,} images are worth its start"
    size = "" if images is None else f", and {images:,} images are not worth the start of Ray"
    gpu = "one GPU" if gpus else "no GPU"
    return LOCAL, f"RAY_ADDRESS is not set, this machine has {gpu}{size}"


def _count_gpus() -> int:
    import torch

    return int(torch.cuda.device_count())
